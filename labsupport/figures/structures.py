"""The plots of notebook 05: what the structure of a value costs in bytes, in memory and in lost updates."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd
from matplotlib.axes import Axes

from labsupport.figures.board import entry
from labsupport.figures.style import ROLE, end_labels, label, mark, room_for_labels
from labsupport.fleet import instance_name


def needs(ax: Axes, work: pd.DataFrame, structures: Mapping[str, str]) -> str:
    """Bytes a request for each need: from one blob for all (grey), and from a structure of its own (blue).

    work: columns `way` ("blob", "structures"), `need` and `bytes`, a row a request; structures: need -> its
    structure.
    """
    mean = work.groupby(["way", "need"])["bytes"].mean()
    for row, (need, structure) in enumerate(structures.items()):
        _bar(ax, row - 0.19, mean["blob", need], "blob", "other")
        _bar(ax, row + 0.19, mean["structures", need], structure, "shared")
    ax.set_yticks(range(len(structures)), list(structures))
    ax.invert_yaxis()
    _bare(ax, 1.25 * float(mean.max()))
    said = [
        f"{need} {mean['blob', need]:,.0f} and {mean['structures', need]:,.0f} ({structure})"
        for need, structure in structures.items()
    ]
    return f"Bytes a request, from the blob and from its own structure: {', '.join(said)}."


def _bar(ax: Axes, row: float, size: float, name: str, role: str) -> None:
    """A bar with its number and its name at the end."""
    ax.barh(row, size, height=0.34, color=ROLE[role])
    label(ax, size, row, f"{size:,.0f}  {name}", role, fontsize=9)


def _bare(ax: Axes, end: float) -> None:
    """Bars with a number at each end need no axis of numbers."""
    ax.set(xlim=(0, end), xticks=[])
    ax.tick_params(left=False)
    ax.spines["bottom"].set_visible(False)


def memory(ax: Axes, designs: Mapping[str, Mapping[str, float]]) -> str:
    """What each design takes in Redis' memory, in bytes: design -> part -> bytes, as stacked bars.

    The first is grey. Memory depends on the server, so the sentence marks it.
    """
    totals = {design: sum(parts.values()) for design, parts in designs.items()}
    for row, parts in enumerate(designs.values()):
        left, role = 0.0, "shared" if row else "other"
        for part, size in parts.items():
            ax.barh(row, size, left=left, height=0.5, color=ROLE[role], edgecolor="white")
            label(ax, left + size / 2, row, part, xytext=(0, 20), ha="center", fontsize=8)
            left += size
        label(ax, left, row, f"{left:,.0f} bytes", role)
    ax.set_yticks(range(len(designs)), list(designs))
    ax.set_ylim(len(designs) - 0.5, -0.7)
    _bare(ax, 1.25 * max(totals.values()))
    return "Memory: " + ", ".join(f"{name} [here: {size:,.0f} bytes]" for name, size in totals.items()) + "."


Bytes = Sequence[int]  # a request's, for each size


def growth(
    ax: Axes, sizes: Sequence[int], measured: Mapping[str, tuple[Bytes, str]], law: Mapping[str, Bytes]
) -> str:
    """Bytes a request against the number of lessons: measured as dots, by the rule of the protocol as a line.

    measured: way -> (bytes, role); law: way -> bytes.
    """
    for way, (counts, role) in measured.items():
        ax.plot(sizes, law[way], "--", color=ROLE["other"], linewidth=1.2, zorder=0)
        ax.plot(sizes, counts, "o", color=ROLE[role], markersize=5)
    ax.set(xlabel="lessons in the course", ylabel="bytes a request")
    top = max(max(counts) for counts, _ in measured.values())
    ax.set_ylim(-0.06 * top, 1.1 * top)  # room for dots and a label that are almost at zero
    ax.yaxis.set_major_formatter("{x:,.0f}")
    end_labels(ax, [(sizes[-1], c[-1], f"{way}: {c[-1]:,}", role) for way, (c, role) in measured.items()])
    room_for_labels(ax, sizes[-1], 1.35)
    exact = all(list(counts) == list(law[way]) for way, (counts, _) in measured.items())
    ends = [
        f"{way} {c[0]:,} bytes with {sizes[0]} lesson, {c[-1]:,} with {sizes[-1]}"
        for way, (c, _) in measured.items()
    ]
    return "; ".join(ends) + f"; the dashed rule is {'exact' if exact else 'off'}."


def by_instance(ax: Axes, work: pd.DataFrame) -> str:
    """Board, panel 1: the bytes that each instance carried, with the blob (grey) and with structures (blue).

    work: columns `instance` (number), `way` ("blob", "structures") and `bytes`.
    """
    total = work.groupby(["way", "instance"])["bytes"].sum()
    for way, role, offset in [("blob", "other", -0.2), ("structures", "shared", 0.2)]:
        places = total[way].index + offset
        ax.bar(places, total[way], width=0.38, color=ROLE[role])
        for place, size in zip(places, total[way]):
            label(ax, place, size, _kilo(size), role, xytext=(0, 6), ha="center", fontsize=8)
        above = {"xytext": (0, 14), "ha": "center", "va": "bottom", "rotation": 90, "fontsize": 8}
        label(ax, places[0], total[way].iloc[0], way, role, **above)
    names = [instance_name(number) for number in total["blob"].index]
    ax.set_xticks(range(len(names)), names)
    ax.set(ylim=(0, 1.2 * total.max()), ylabel="bytes on the wire", yticks=[], xlabel="instance")
    pairs = zip(names, total["blob"], total["structures"])
    return "bytes with the blob and with structures: " + ", ".join(
        f"{name} {blob:,} and {own:,}" for name, blob, own in pairs
    )


def _kilo(count: float) -> str:
    return f"{count / 1000:.0f}k"


def deadlines_shared(
    ax: Axes, life: pd.DataFrame, changed: float, names: Sequence[str], views: Sequence[int]
) -> str:
    """Board, panel 2: how long each design keeps what it filled, and how many views it counts in the end.

    life: a judged replay whose `instance` numbers the lanes; an entry lives until the lane's next fill.
    `changed`: when the origin changed, in seconds; views: the counter of each lane at the end.
    """
    end = float(life["at"].max())
    lanes = [life[life["instance"] == lane] for lane in range(len(names))]
    for lane, (visits, count) in enumerate(zip(lanes, views)):
        fills = visits.loc[~visits["hit"], "at"].tolist()
        for start, until in zip(fills, [*fills[1:], end]):
            entry(ax, lane, start, until, changed, "shared")
        label(ax, end, lane, _counted(count, "view"), "origin", xytext=(6, 0), fontsize=8)
    mark(ax, changed, "origin changes")
    ax.set_yticks(range(len(names)), list(names))
    room_for_labels(ax, end, 1.3)
    ax.set(xlim=(-end / 70, 1.3 * end), ylim=(len(names) - 0.3, -1))  # the first fill's mark is not cut
    ax.set_xlabel("lab time (s);  ▲ fill   hatched: stale")
    return "; ".join(
        f"{name.replace(chr(10), ' ')} {_counted((~lane['hit']).sum(), 'fill')}, "
        f"{lane['stale'].sum()} stale, {_counted(count, 'view')}"
        for name, lane, count in zip(names, lanes, views)
    )


def _counted(count: int, thing: str) -> str:
    return f"{count} {thing}{'' if count == 1 else 's'}"
