"""What a drawn figure says and shows, read from its artists; the tests of all figures use these."""

from __future__ import annotations

from matplotlib.colors import to_hex

from labsupport.figures import ROLE


def words(ax):
    """Every text in the axes, in the order in which they were drawn."""
    return [text.get_text() for text in ax.texts if text.get_text()]


def drawn(line):
    """The line's points."""
    return list(zip(map(float, line.get_xdata()), map(float, line.get_ydata())))


def colours(artists):
    """Of lines or of bars."""
    return [
        to_hex(artist.get_color() if hasattr(artist, "get_color") else artist.get_facecolor())
        for artist in artists
    ]


def role(*names):
    """The colours of these roles."""
    return [ROLE[name].lower() for name in names]


def boxes(ax):
    """The place of every text on the page."""
    ax.figure.draw_without_rendering()
    return [text.get_window_extent() for text in ax.texts if text.get_text()]


def apart(ax):
    """Whether no text touches another."""
    found = boxes(ax)
    return not any(one.overlaps(other) for i, one in enumerate(found) for other in found[:i])
