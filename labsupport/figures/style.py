"""The look of every figure: one colour per role, two spines, a title that states the finding."""

from __future__ import annotations

import base64
import io
import re
import textwrap
from collections.abc import Iterable
from typing import Any

import matplotlib
from IPython.display import display
from matplotlib.axes import Axes
from matplotlib.axis import Axis
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

# Okabe-Ito, one fixed role each; everything else is grey. Never colour alone: marks and words say it too.
ROLE = {"origin": "#222222", "private": "#D55E00", "shared": "#0072B2", "other": "#767676", "pale": "#D0D0D0"}

DPI = 110
WIDTH = 110  # characters of a printed line; JupyterLab breaks longer ones anywhere
HERE = re.compile(r"\[here: [^\]]*\]")  # the one rule for what depends on the machine
ON_WHITE = {"facecolor": "white", "edgecolor": "none", "pad": 1}  # so that no line runs through the words
LINE = 13  # points from one line of label text to the next
matplotlib.rcParams |= {
    "font.family": "DejaVu Sans",  # ships with matplotlib, so the pictures are the same everywhere
    "font.size": 10,
    "axes.titlesize": 11,
    "axes.titlelocation": "left",
    "axes.titlepad": 8,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.edgecolor": "#555555",
    "xtick.color": "#333333",
    "ytick.color": "#333333",
    "figure.facecolor": "white",
    "axes.facecolor": "white",
    "savefig.facecolor": "white",
}


def panels(
    count: int = 1, width: float = 6.5, height: float = 3.2, share: bool = False
) -> tuple[Figure, list[Axes]]:
    """A figure with `count` panels side by side (`share`: on the same axes), sizes in inches.

    Made without pyplot, so nothing stays open however often a cell is run.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    axes = figure.subplots(1, count, sharex=share, sharey=share, squeeze=False)
    return figure, list(axes.flat)


def png(figure: Figure) -> bytes:
    """The figure as PNG bytes, the same bytes on every run."""
    if layout := figure.get_layout_engine():
        for _ in range(2):  # a label beside its axes narrows them, which moves the label: let both settle
            layout.execute(figure)
        figure.set_layout_engine("none")  # and then stay as they are
    buffer = io.BytesIO()
    figure.set_dpi(DPI)
    # Not savefig, which draws everything twice: a slider's next picture would take twice as long.
    FigureCanvasAgg(figure).print_png(buffer, metadata={"Software": None})  # type: ignore[no-untyped-call]
    return buffer.getvalue()


def show(figure: Figure, finding: str) -> None:
    """Display the figure, then print its finding, each sentence on a line of its own: what CI compares, and
    readers who cannot see the picture read. The same text is the picture's alternative text.
    """
    picture = {"image/png": base64.b64encode(png(figure)).decode(), "text/plain": finding}
    display(picture, raw=True, metadata={"image/png": {"alt": finding}})
    for sentence in finding.replace(". ", ".\n").splitlines():
        print(broken_alike(sentence))


def broken_alike(sentence: str, first: str = "", then: str = "") -> str:
    """The sentence in lines that break at the same words whatever was measured, and never within that.

    `first`, `then`: what the first line begins with, and the others.
    """
    measured = iter(HERE.findall(sentence))
    text = HERE.sub("[measured]", sentence)
    lines = textwrap.fill(
        text,
        WIDTH,
        initial_indent=first,
        subsequent_indent=then,
        break_long_words=False,
        break_on_hyphens=False,
    )
    return re.sub(re.escape("[measured]"), lambda _: next(measured), lines)


def label(ax: Axes, x: float, y: float, text: str, role: str = "other", **place: Any) -> None:
    """A direct label in its role's colour, instead of a legend; `place`: options of `annotate`."""
    usual = {"color": ROLE[role], "xytext": (4, 0), "textcoords": "offset points", "va": "center"}
    ax.annotate(text, (x, y), **usual | place)


def mark(ax: Axes, moment: float, text: str, left: bool = False) -> None:
    """A dotted line at a moment, its text beside its upper end (`left` of it or right)."""
    ax.axvline(moment, color=ROLE["origin"], linestyle=":", linewidth=1)
    side = {"xytext": (-3, 0), "ha": "right"} if left else {"xytext": (3, 0), "ha": "left"}
    label(ax, moment, 0.97, text, "origin", xycoords=("data", "axes fraction"), fontsize=8, **side)


def end_labels(ax: Axes, ends: Iterable[tuple[float, float, str, str]]) -> None:
    """Label the right ends of lines, each (x, y, text, role); labels that would overlap move apart, upwards.

    Set the y axis' limits first: they decide what is close.
    """
    low, high = ax.get_ylim()
    points = 50 * ax.get_figure(root=True).get_figheight()  # type: ignore[union-attr]  # about the axes' height
    taken = -points
    for x, y, text, role in sorted(ends, key=lambda end: end[1]):
        height = points * (y - low) / (high - low)
        taken = max(height, taken + LINE)
        label(ax, x, y, text, role, xytext=(8, taken - height))


def room_for_labels(ax: Axes, end: float, factor: float) -> None:
    """An axis from 0 to `end`, with empty room to the right (`factor` times as wide) for direct labels."""
    end = end or 1.0  # an axis needs some length, even if all happened at 0
    ticks = [tick for tick in MaxNLocator(7).tick_values(0, end) if 0 <= tick <= end]
    ax.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    ax.set_xlim(0, end * factor)


def percent_axis(axis: Axis) -> None:
    """Show fractions as whole percent."""
    axis.set_major_formatter(lambda value, _: f"{100 * value:.0f}%")


def nothing(ax: Axes, what: str = "no requests") -> str:
    """A panel for an empty selection, which says so; returns `what`."""
    ax.text(0.5, 0.5, what, transform=ax.transAxes, ha="center", color=ROLE["other"])
    return what
