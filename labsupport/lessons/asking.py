"""What predictions and quiz share: a question on the page, its options, and a line that answers."""

from __future__ import annotations

import html
import textwrap
from collections.abc import Mapping, Sequence
from typing import Any

import ipywidgets

from labsupport.explorers.naming import named

# ipywidgets gives an option one line of fixed height; long ones would run into each other.
_STYLE = """<style>
.lab-asking .widget-radio { width: auto; max-width: 46em; padding-left: 4px; }
.lab-asking .widget-radio-box label { position: relative; height: auto; padding: 0.2em 0 0.2em 1.7em; }
.lab-asking .widget-radio-box label { line-height: 1.4; white-space: normal; }
.lab-asking .widget-radio-box input { position: absolute; left: 0; top: 0.2em; height: 1.4em; }
</style>"""
_TEXT = "max-width: 46em; line-height: 1.4; color: var(--jp-ui-font-color1, #222222)"


class Asking(ipywidgets.VBox):  # type: ignore[misc]  # ships no types
    """Questions with their controls; without a kernel (GitHub, CI, a printed page) it is its `text`."""

    def __init__(self, text: str, children: Sequence[ipywidgets.Widget]) -> None:
        """`text`: what stands for the controls where there are none."""
        super().__init__([ipywidgets.HTML(_STYLE), named(children)])
        self.add_class("lab-asking")
        self.text = text

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return bundle | {"text/plain": self.text}


class Answer(ipywidgets.HTML):  # type: ignore[misc]
    """A line that answers the learner; `lines` of room are kept for it, so that nothing below jumps."""

    def __init__(self, lines: int) -> None:
        """Empty at first."""
        super().__init__()
        self.add_class("lab-status")
        self._lines, self.text = lines, ""

    def say(self, text: str) -> None:
        """Show `text` instead of what stood there; screen readers read it out."""
        self.text = text
        style = f"{_TEXT}; min-height: {1.4 * self._lines:.1f}em"
        self.value = f'<div style="{style}">{html.escape(text)}</div>'


def asked(text: str, note: str = "") -> ipywidgets.HTML:
    """A question, above its control; `note`: a line above that, in plain type."""
    above = f'<div style="{_TEXT}">{html.escape(note)}</div>' if note else ""
    return ipywidgets.HTML(f'{above}<div style="{_TEXT}; font-weight: 600">{html.escape(text)}</div>')


def choices(options: Mapping[str, str]) -> ipywidgets.RadioButtons:
    """Options (key -> what is shown) as radio buttons, none of them chosen; its value is a key or None."""
    return ipywidgets.RadioButtons(options=[(text, key) for key, text in options.items()], value=None)


def one_line(text: str) -> str:
    """A text of a TOML file without its line breaks."""
    return " ".join(text.split())


def wrapped(text: str, indent: str = "") -> str:
    """For pages that do not wrap plain text; `indent`: before each further line."""
    return textwrap.fill(text, width=100, subsequent_indent=indent)
