"""Cards: the commands of two clients, laid in an order of the learner's; each order runs on real Redis."""

from __future__ import annotations

import functools
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import ipywidgets
import traitlets
from matplotlib.figure import Figure

from labsupport.explorers.explorer import Explorer
from labsupport.figures import panels
from labsupport.figures.interleaved import Words
from labsupport.figures.races import moves
from labsupport.fleet import instance_name
from labsupport.races import Schedule, interleavings

Step = Callable[[], object]  # one command; returns what it did, in words

CLIENTS = 2


class Hand(NamedTuple):
    """The cards on the table, as client numbers, and what is to be said about the last one refused."""

    schedule: Schedule
    refusal: str = ""


def cards(
    clients: Callable[[], Sequence[Sequence[Step]]],
    outcome: Callable[[], int],
    look: Callable[[], object],
    names: Sequence[str],
    words: Words,
) -> Explorer:
    """A card for each command of clients A and B; those on the table are run, in their order, at every move.

    `clients()` sets the stage and returns each client's steps, which do one command and say what it did;
    `outcome()` reads what came of it and clears up, both as for `run_every_order`. look: what Redis holds;
    names: of a client's first, second ... command; words: an outcome in words.
    """
    table = _Table(clients, outcome, look, names, words)
    return Explorer(table, {"hand": Deck(names)})


@dataclass
class _Table:
    """Runs the cards on the table and draws what happened; remembers which whole orders there have been."""

    clients: Callable[[], Sequence[Sequence[Step]]]
    outcome: Callable[[], int]
    look: Callable[[], object]
    names: Sequence[str]
    words: Words
    seen: set[Schedule] = field(default_factory=set)

    def __call__(self, hand: Hand) -> tuple[Figure, str]:
        said, values, end = self._run(hand.schedule)
        figure, (ax,) = panels(width=7, height=2.6)
        figure.set_layout_engine(None)  # a fixed frame: drawn in half the time, and nothing jumps
        figure.subplots_adjust(left=0.08, right=1, bottom=0.02, top=0.98)
        finding = moves(ax, hand.schedule, self.names, said, values, end)
        if len(hand.schedule) == CLIENTS * len(self.names):
            self.seen.add(hand.schedule)
        total = len(interleavings(CLIENTS, len(self.names)))
        return figure, f"{finding} {hand.refusal or f'{len(self.seen)} of {total} orders seen.'}"

    def _run(self, schedule: Schedule) -> tuple[list[str], list[object], str]:
        """What each command said, what Redis held before and after each, and what came of it."""
        waiting = [iter(steps) for steps in self.clients()]
        said, values = [], [self.look()]
        for client in schedule:
            said.append(str(next(waiting[client])()))
            values.append(self.look())
        return said, values, self.words[self.outcome()]


class Deck(ipywidgets.HBox):  # type: ignore[misc]  # ships no types
    """The cards as buttons; `value` is the Hand. It begins as an example: A's commands, then B's."""

    value = traitlets.Any()

    def __init__(self, names: Sequence[str]) -> None:
        """names: of a client's first, second ... command."""
        self._names = names
        self._cards = {
            (client, step): _button(functools.partial(self._lay, client, step))
            for step in range(len(names))
            for client in range(CLIENTS)
        }
        back, over = _button(self._take_back, "Take back"), _button(self._start_over, "Start over")
        row = ipywidgets.Layout(flex_flow="row wrap")
        super().__init__([*self._cards.values(), back, over], layout=row)
        self.observe(self._number, "value")
        self.value = Hand(tuple(sorted(client for client, _ in self._cards)))

    def _lay(self, client: int, step: int, _: object) -> None:
        """Put this card at the end, unless it is there already or its client has something to do first.

        On a full table it begins a new order.
        """
        schedule = self.value.schedule
        schedule = schedule if len(schedule) < len(self._cards) else ()
        laid, name = schedule.count(client), self._name(client, step)
        if step == laid:
            self.value = Hand((*schedule, client))
        elif step < laid:
            self.value = Hand(schedule, f"{name} is on the table already: take cards back, or start over.")
        else:
            first = f"{self._name(client, laid)}, which tells it what to write"
            self.value = Hand(schedule, f"{name} cannot come before {first}: lay that first.")

    def _take_back(self, _: object) -> None:
        self.value = Hand(self.value.schedule[:-1])

    def _start_over(self, _: object) -> None:
        self.value = Hand(())

    def _name(self, client: int, step: int) -> str:
        return f"{instance_name(client)} {self._names[step]}"

    def _number(self, _: object) -> None:
        """A card on the table shows its place in the order."""
        schedule = self.value.schedule
        for (client, step), button in self._cards.items():
            places = [place for place, who in enumerate(schedule, 1) if who == client]
            place = f"{places[step]}: " if step < len(places) else ""
            button.description = place + self._name(client, step)


def _button(act: Callable[[Any], None], text: str = "") -> ipywidgets.Button:
    button = ipywidgets.Button(description=text, layout=ipywidgets.Layout(width="7em"))
    button.on_click(act)
    return button
