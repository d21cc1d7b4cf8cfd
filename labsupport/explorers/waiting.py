"""The explorer of notebook 08: what a hung server costs, by arithmetic from the client's settings."""

from __future__ import annotations

from typing import NamedTuple

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from labsupport.figures.style import ROLE, label, panels

Try = tuple[float, float]  # when it begins and how long it waits, in seconds


class Waiting(NamedTuple):
    """One request to a hung server: its tries, the seconds until it gives up, and what many of them do."""

    tries: list[Try]
    seconds: float
    threads: float  # that wait at any moment, by Little's law: requests a second times seconds
    commands: float  # a second


def waiting(timeout: float, retries: int, pause: float, layers: int, rate: float) -> Waiting:
    """Each of `layers` layers tries 1 + `retries` times, with `pause` seconds before each further try.

    The lowest waits `timeout` seconds for a reply that never comes; `rate`: requests a second.
    """
    tries, seconds = [(0.0, timeout)], timeout
    for _ in range(layers):
        starts = [number * (seconds + pause) for number in range(1 + retries)]
        tries = [(start + begins, lasts) for start in starts for begins, lasts in tries]
        seconds += starts[-1]
    return Waiting(tries, seconds, rate * seconds, rate * len(tries))


def wait_picture(
    timeout: float = 0.25,
    retries: int = 1,
    pause: float = 0.05,
    layers: int = 1,
    rate: float = 100,
) -> tuple[Figure, str]:
    """A figure of one request's tries and of what all requests add up to, and its sentence; as `waiting`."""
    found = waiting(timeout, retries, pause, layers, rate)
    figure, (left, right) = panels(2, width=9, height=2.7)
    figure.set_layout_engine(None)  # a fixed frame: the axes never jump
    figure.subplots_adjust(left=0.025, right=0.985, bottom=0.2, top=0.86, wspace=0.62)
    _draw_tries(left, found)
    _draw_sums(right, found, rate)
    tries = f"{len(found.tries):,} {'try' if len(found.tries) == 1 else 'tries'}"
    return figure, (
        f"A request waits {found.seconds:,.2f} s for a hung server, in {tries}. "
        f"At {rate:,g} requests a second {found.threads:,.0f} of them wait at once, "
        f"and {found.commands:,.0f} commands a second go to that server."
    )


def _draw_tries(ax: Axes, found: Waiting) -> None:
    """One request along time: a line for each try, one below the other, so that the pauses show."""
    starts, count = [start for start, _ in found.tries], len(found.tries)
    ends = [start + lasts for start, lasts in found.tries]
    ax.hlines(range(count), starts, ends, color=ROLE["shared"], linewidth=min(16, 110 / count))
    ax.axvline(found.seconds, color=ROLE["origin"], linestyle=":", linewidth=1)
    ax.set(title="One request: its tries", xlabel="seconds since the request came", yticks=[])
    ax.set(xlim=(0, 1.05 * found.seconds), ylim=(max(count, 4) - 0.4, -0.6))
    ax.spines["left"].set_visible(False)


def _draw_sums(ax: Axes, found: Waiting, rate: float) -> None:
    """All requests: how many come, how many commands that makes, and how many wait."""
    sums = {"requests a second": rate, "commands a second": found.commands, "requests waiting": found.threads}
    ax.barh(
        list(sums), list(sums.values()), color=[ROLE["other"], ROLE["shared"], ROLE["origin"]], height=0.6
    )
    for row, value in enumerate(sums.values()):
        label(ax, value, row, f"{value:,.0f}", "origin")
    ax.set(title="All of them together", xlim=(0, 1.25 * max(sums.values())), xticks=[])
    ax.invert_yaxis()
    ax.tick_params(left=False)
    ax.spines["bottom"].set_visible(False)
