"""The plot of a room that races: what everybody sent to one counter, and what is left of it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Protocol

from matplotlib.axes import Axes

from labsupport.figures.plots import bars
from labsupport.figures.style import ON_WHITE, ROLE, nothing

LARGE = 15  # points: it is read from the last row of a room
MOST = 4  # exercises in a picture


class RoomRace(Protocol):
    """One race of the room, as classroom.rounds.Round."""

    @property
    def way(self) -> str:
        """How everybody counts: "get_set" or "incr"."""

    @property
    def name(self) -> str:
        """The same in words."""

    @property
    def learners(self) -> int:
        """How many have sent anything."""

    @property
    def sent(self) -> int:
        """Increments, of all of them."""

    @property
    def counter(self) -> int:
        """Its value."""

    @property
    def planned(self) -> int:
        """Increments, if nobody drops out or comes late."""


def room(ax: Axes, races: Sequence[RoomRace]) -> str:
    """A bar from zero for each race: the counter, and hatched beside it what is lost of all that was sent."""
    ax.set(xticks=[], yticks=[])
    ax.spines[["left", "bottom"]].set_visible(False)
    if not races:
        return f"{nothing(ax, '0 races so far')}."
    longest = max(max(race.planned, race.sent, race.counter, 1) for race in races)
    for row, race in enumerate(races):
        text = f"{race.name}: {race.sent:,} sent, the counter says {race.counter:,}"
        ax.text(0, row - 0.33, text, fontsize=LARGE, va="center")
        _bar(ax, row, race, 0.1 * longest)
    ax.set(xlim=(0, 1.02 * longest), ylim=(1.5, -0.6))
    return " ".join(map(_sentence, races))


def failures(ax: Axes, counts: Mapping[str, int]) -> str:
    """The exercises at which most attempts failed, in the order given; only the first few."""
    first = dict(list(counts.items())[:MOST])
    finding = bars(ax, first, {}, form="{:.0f}") if first else f"{nothing(ax, '0 so far')}."
    ax.set(ylim=(MOST - 0.5, -0.5), xticks=[], yticks=range(len(first)))
    ax.spines[["left", "bottom"]].set_visible(False)
    return f"Failed attempts at exercises: {finding}"


def headline(races: Sequence[RoomRace]) -> str:
    """The finding as a title."""
    return ", ".join(f"{race.name} {_fate(race)}" for race in races) or "Who eats the increments?"


def _bar(ax: Axes, row: int, race: RoomRace, room: float) -> None:
    """The counter, and after it what is lost; a word says so if there is room for it."""
    colour, lost, y = ROLE["shared" if race.way == "incr" else "other"], race.sent - race.counter, row + 0.15
    ax.barh(y, race.counter, 0.5, color=colour, edgecolor=colour)
    if lost > 0:
        ax.barh(y, lost, 0.5, race.counter, color="white", edgecolor=colour, hatch="//")
    if lost > room:
        ax.text(race.counter + lost / 2, y, "lost", fontsize=LARGE, ha="center", va="center", bbox=ON_WHITE)


def _fate(race: RoomRace) -> str:
    """What became of the increments, in words."""
    lost = race.sent - race.counter
    if lost < 0:
        return f"has {-lost:,} too many, written by hand"
    if not race.sent:
        return "begins"
    return f"lost {lost:,} of {race.sent:,}" if lost else f"lost none of {race.sent:,}"


def _sentence(race: RoomRace) -> str:
    """The numbers; what GET+SET keeps is never the same twice."""
    who = f"{race.learners} {'learner' if race.learners == 1 else 'learners'}"
    fate, counter = _fate(race), f"{race.counter:,}"
    if race.way != "incr":
        fate, counter = f"[here: {fate}]", f"[here: {counter}]"
    return f"{race.name} {fate}: {who} sent {race.sent:,} increments, the counter says {counter}."
