"""The explorer of notebook 06: all orders of a few clients' increments, run on real Redis at every move."""

from __future__ import annotations

import redis
from matplotlib.figure import Figure

from labsupport.figures import panels
from labsupport.figures.races import finals
from labsupport.keys import Keys
from labsupport.races import final_law, run_interleavings, two_clients_law

RACES = {  # as many orders as can be run while a learner waits for the picture: at most 2,520
    "2 clients, 1 view each": (2, 1),
    "2 clients, 2 views each": (2, 2),
    "2 clients, 3 views each": (2, 3),
    "3 clients, 1 view each": (3, 1),
    "4 clients, 1 view each": (4, 1),
}


class OrdersPicture:
    """A figure of where the counter ends in all orders, and its finding; called again, it runs them again."""

    def __init__(self, client: redis.Redis, keys: Keys) -> None:
        """Where to run them, and under which names."""
        self._redis, self._keys = client, keys

    def __call__(self, race: str = "4 clients, 1 view each", update: str = "get_set") -> tuple[Figure, str]:
        """race: one of RACES; update: "get_set" or "incr". Returns the figure and its sentence."""
        clients, views = RACES[race]
        runs = run_interleavings(self._redis, self._keys, clients, update, views)
        law = two_clients_law(views) if clients == 2 else final_law(clients)
        figure, (ax,) = panels(width=7, height=3)
        figure.set_layout_engine(None)  # a fixed frame: drawn in half the time, and the axes never jump
        figure.subplots_adjust(left=0.115, right=0.98, bottom=0.17, top=0.88)
        ax.set_title("Where the counter ends, over all orders")
        shown = law if update == "get_set" else {clients * views: 1.0}
        return figure, f"{race}: {finals(ax, runs, shown, right=clients * views)}"
