"""Controls beside a figure that follows them: the plain function first, the sliders second."""

from __future__ import annotations

import base64
import html
import inspect
from collections.abc import Callable
from typing import Any

import ipywidgets
from IPython.display import display
from matplotlib.figure import Figure

from labsupport.checks import is_number
from labsupport.errors import BadArgument
from labsupport.explorers.naming import named
from labsupport.figures.style import DPI, png
from labsupport.sentences import in_plain_words

Draw = Callable[..., tuple[Figure, str]]
_LABEL = {"description_width": "11em"}
_WIDTH = ipywidgets.Layout(width="27em")


def explore(draw: Draw, **controls: Any) -> Explorer:
    """Sliders and choices for `draw(**values) -> (figure, sentence)`, and its figure, which follows them.

    Each control is named like the argument that it sets, and is (low, high) or (low, high, step) for a
    slider, a list of numbers for a slider with just these, a list of texts for a choice, or a whole
    ipywidget; ("label", any of these) gives it a label of its own. It starts at the argument's default in
    `draw`. BadArgument for anything else.
    """
    made = {}
    for name, of in controls.items():
        labelled = isinstance(of, tuple) and len(of) == 2 and isinstance(of[0], str)
        text, short_form = of if labelled else (name.replace("_", " "), of)
        made[name] = _control(name, text, short_form, draw)
    return Explorer(draw, made)


class Explorer:
    """What `explore` returns: `controls` (name -> ipywidget), and the last figure's `text` and `png`.

    There is no Output widget: a new picture replaces the old one in place, so that nothing flickers, jumps
    or piles up.
    """

    def __init__(self, draw: Draw, controls: dict[str, ipywidgets.Widget]) -> None:
        """Draws once, with what the controls say; what `draw` raises then, it raises here."""
        self.controls, self._draw = controls, draw
        self._picture, self._status = ipywidgets.HTML(), ipywidgets.HTML()
        self._status.add_class("lab-status")
        self._show(*draw(**self._values()))
        self._box = named([_in_columns(list(controls.values())), self._picture, self._status])
        self._box.add_class("lab-explorer")
        for control in controls.values():
            control.observe(self._moved, "value")

    def _values(self) -> dict[str, Any]:
        return {name: control.value for name, control in self.controls.items()}

    def _moved(self, _: object) -> None:
        """Redraw. An error here has no cell to be shown in, so it is told where the sentence stands."""
        try:
            self._show(*self._draw(**self._values()))
        except Exception as error:
            otherwise = f"This could not be drawn ({type(error).__name__}: {error}). Move a control back."
            self._say(in_plain_words(error) or otherwise)

    def _show(self, figure: Figure, sentence: str) -> None:
        self.png = png(figure)
        width, height = (round(size * DPI) for size in figure.get_size_inches())
        source = base64.b64encode(self.png).decode()
        self._picture.value = (  # sync: the old picture stays until the new one can be shown
            f'<img alt="{html.escape(sentence)}" width="{width}" height="{height}" decoding="sync" '
            f'style="max-width: 100%; object-fit: contain" src="data:image/png;base64,{source}">'
        )
        self._say(sentence)

    def _say(self, text: str) -> None:
        self.text = text
        lines = html.escape(text).replace(". ", ".<br>")
        self._status.value = f'<div style="min-height: 4.5em; line-height: 1.4">{lines}</div>'

    def _ipython_display_(self) -> None:
        """The controls; where no kernel runs (GitHub, a printed page), the picture and its sentence."""
        picture = {"image/png": base64.b64encode(self.png).decode(), "text/plain": self.text}
        alt = {"image/png": {"alt": self.text}}
        display(self._box._repr_mimebundle_() | picture, raw=True, metadata=alt)
        unseen = ipywidgets.HTML(layout=ipywidgets.Layout(display="none"))  # the box has the sentence already
        display(unseen._repr_mimebundle_() | {"text/plain": self.text}, raw=True)

    def __repr__(self) -> str:
        return f"<Explorer of {', '.join(self.controls)}>"


def _control(name: str, text: str, of: Any, draw: Draw) -> ipywidgets.Widget:
    """The control that a short form stands for; a slider tells of its value when it has stopped."""
    if isinstance(of, ipywidgets.Widget):
        return of
    try:
        start = inspect.signature(draw).parameters[name].default
    except KeyError:
        raise BadArgument(f"there is a control {name!r}, but the function takes no such argument.") from None
    look = {"description": text, "style": _LABEL, "layout": _WIDTH}
    if start is not inspect.Parameter.empty:
        look["value"] = start
    if isinstance(of, tuple) and len(of) in (2, 3) and all(map(is_number, of)):
        sizes = dict(zip(("min", "max", "step"), of))
        slider = ipywidgets.IntSlider if all(isinstance(size, int) for size in of) else ipywidgets.FloatSlider
        return slider(**sizes, **look, continuous_update=False)
    if isinstance(of, list) and of and all(map(is_number, of)):
        return ipywidgets.SelectionSlider(
            options=[(f"{value:,g}", value) for value in of], **look, continuous_update=False
        )
    if isinstance(of, list) and of and all(isinstance(option, str) for option in of):
        return ipywidgets.Dropdown(options=[(option.replace("_", " "), option) for option in of], **look)
    raise BadArgument(
        f"{name} is {of!r}, but must be (low, high[, step]), a list of numbers or of texts, or a widget."
    )


def _in_columns(controls: list[ipywidgets.Widget]) -> ipywidgets.HBox:
    """Two columns, filled downwards; one below the other where the page is narrow."""
    half = (len(controls) + 1) // 2
    columns = [ipywidgets.VBox(part) for part in (controls[:half], controls[half:]) if part]
    return ipywidgets.HBox(columns, layout=ipywidgets.Layout(flex_flow="row wrap"))
