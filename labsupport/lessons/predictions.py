"""Say what you believe, run the experiment, see how far off you were."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from typing import Any

import ipywidgets
import numpy as np
from matplotlib.axes import Axes

from labsupport.errors import BadArgument
from labsupport.figures.guesses import Mark, Past, past_errors, three_marks
from labsupport.lessons.asking import Answer, Asking, asked, choices, wrapped
from labsupport.lessons.ledger import Value, ledger
from labsupport.lessons.questions import Choice, Number, Question, questions


def predict(*names: str) -> Predictions:
    """A control for each of these questions of predictions.toml, to be shown as a cell's last value.

    LabError for a name that is not there; BadArgument for none at all.
    """
    if not names:
        raise BadArgument("predict needs the name of a question, such as predict('favourite-share').")
    return Predictions([_Row(Question(name)) for name in names])


def recorded(name: str) -> Value | None:
    """The learner's prediction, a number or the key of an option, or None. LabError as `predict`."""
    return _recorded(Question(name))


def judge(
    ax: Axes, name: str, measured: Any, law: Any = None, role: str = "shared", here: bool = False
) -> str:
    """Draw prediction, law and measurement as three marks; returns how far off the prediction was and what
    that usually means. From now on the prediction stands.

    measured, law: in the question's unit (percent: 0 to 100), or an option's key or text; role: whose colour
    the measurement has (private, shared, other); here: it depends on the machine. LabError as `predict`;
    BadArgument for a value that is no number or no option.
    """
    question, predicted = Question(name), recorded(name)
    kind = question.kind
    measured = kind.value("measured", measured)
    law = None if law is None else kind.value("law", law)
    _draw(ax, kind, predicted, law, measured, role)
    was = f"[here: {kind.measured(measured)}]" if here else kind.measured(measured)
    says_law = "" if law is None else f"The law says{kind.colon} {kind.measured(law)}."
    if predicted is None:
        return _sentences(f"Measured: {was}.", says_law, "You made no prediction.", ledger().news())
    ledger().conclude(name, measured, law)
    compared, reply = kind.compared(predicted, measured, here), kind.reply(predicted, measured)
    return _sentences(compared, says_law, reply, ledger().news())


def _draw(
    ax: Axes, kind: Number | Choice, predicted: Value | None, law: Value | None, measured: Value, role: str
) -> None:
    """The strip of three marks, in the question's words."""
    yours = None if predicted is None else _mark(kind, "your prediction", predicted, kind.predicted)
    by_law = None if law is None else _mark(kind, "law", law, kind.measured)
    found = _mark(kind, "measured", measured, kind.measured)
    ends = kind.ends([mark[0] for mark in (yours, by_law, found) if mark])
    three_marks(ax, ends, kind.ticks(), kind.unit, yours, by_law, found, role)


def _mark(kind: Number | Choice, name: str, value: Value, words: Callable[[Value], str]) -> Mark:
    return kind.place(value), kind.mark(name, words(value))


def errors_so_far(ax: Axes) -> str:
    """Draw how far off every prediction of the series was; returns it in a sentence."""
    outcomes = ledger().outcomes()
    pasts = [_past(question, outcomes.get(question.name)) for question in questions()]
    past_errors(ax, pasts)
    return _sentences(_so_far(pasts), ledger().news())


def _past(question: Question, measured: Value | None) -> Past:
    """What became of a question that was measured, if it was, as `measured`."""
    predicted, kind, error = _recorded(question), question.kind, None
    if predicted is not None and measured is not None:
        with contextlib.suppress(BadArgument):  # the question is no longer the one that was answered
            error = kind.error(predicted, kind.value("measured", measured))
    return Past(question.label, question.notebook, isinstance(kind, Choice), error, predicted is not None)


def _so_far(pasts: list[Past]) -> str:
    """The errors in words."""
    numbers = [(past.error, past.label) for past in pasts if past.error is not None and not past.choice]
    choices = [past.error for past in pasts if past.error is not None and past.choice]
    if not numbers and not choices:
        span = f"{pasts[0].notebook} to {pasts[-1].notebook}"
        return f"No prediction has an outcome yet: {len(pasts)} questions of notebooks {span} wait."
    parts = []
    if numbers:
        middle, (furthest, label) = np.median([error for error, _ in numbers]), max(numbers)
        parts.append(
            f"half of the numbers are off by at most {100 * middle:.0f} % of their scale, "
            f"the furthest by {100 * furthest:.0f} % ({label})"
        )
    if choices:
        parts.append(f"{choices.count(0)} of {len(choices)} choices are right")
    done = len(numbers) + len(choices)
    return f"{done} of {len(pasts)} predictions have an outcome: {'; '.join(parts)}."


def _recorded(question: Question) -> Value | None:
    """What is recorded for it, unless it cannot be an answer (any more)."""
    value = ledger().predictions().get(question.name)
    return value if value is not None and question.kind.could_be(value) else None


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)


class Predictions(Asking):
    """What `predict` shows: `controls` and `buttons` by question, and `statuses`, what each says."""

    def __init__(self, rows: list[_Row]) -> None:
        """A row below the other."""
        lines = [wrapped(f"{row.question.text} ({row.question.kind.range})", "    ") for row in rows]
        these = "these predictions" if len(rows) > 1 else "your prediction"
        super().__init__(
            "\n".join([*lines, f"(Run this cell to record {these}.)"]),
            [widget for row in rows for widget in row.widgets],
        )
        self.controls = {row.question.name: row.control for row in rows}
        self.buttons = {row.question.name: row.button for row in rows}
        self.statuses = {row.question.name: row.status for row in rows}


class _Row:
    """One question: its control, and the line that says what is recorded."""

    def __init__(self, question: Question) -> None:
        """Shows what was recorded in this notebook or in an earlier one."""
        self.question, self.status = question, Answer(lines=2)
        self.button = ipywidgets.Button(description="Record", layout=ipywidgets.Layout(width="7em"))
        value = _recorded(question)
        if isinstance(question.kind, Number):
            self.control = _slider(question.label, question.kind, value)
            self.widgets = [asked(question.text), _side_by_side(self.control, self.button), self.status]
            self.button.on_click(self._record)
        else:
            self.control = choices(question.kind.options)
            self.control.value = value
            self.widgets = [asked(question.text), self.control, self.status]
            self.control.observe(self._record, "value")
        if value is None:
            self._say("No prediction yet.")
        elif not self._stands():
            self._say(f"{self._words(value)} You can change it until you have seen the outcome.")

    def _record(self, _: object) -> None:
        value = self.control.value
        if not self._stands():
            ledger().predict(self.question.name, value)
            self._say(f"{self._words(value)} Run the next cell.")

    def _stands(self) -> bool:
        """Whether its outcome has been shown; then the control goes back to what was predicted, and stays."""
        value = _recorded(self.question)
        if value is None or self.question.name not in ledger().outcomes():
            return False
        self.control.disabled = self.button.disabled = True
        self.control.value = value
        self._say(f"{self._words(value)} You have seen the outcome, so the prediction stays.")
        return True

    def _words(self, value: Value) -> str:
        return f"Recorded: {self.question.kind.predicted(value)}."

    def _say(self, text: str) -> None:
        self.status.say(_sentences(text, ledger().news()))


def _slider(label: str, kind: Number, value: Value | None) -> ipywidgets.Widget:
    """A slider over the question's scale, at what was predicted."""
    whole = all(isinstance(size, int) for size in (kind.low, kind.high, kind.step))
    return (ipywidgets.IntSlider if whole else ipywidgets.FloatSlider)(
        value=kind.start if value is None else value,
        min=kind.low,
        max=kind.high,
        step=kind.step,
        description=f"{label} ({kind.unit})",
        continuous_update=False,
        style={"description_width": "initial"},
        layout=ipywidgets.Layout(width="36em", max_width="100%"),
    )


def _side_by_side(*widgets: ipywidgets.Widget) -> ipywidgets.HBox:
    """In one row, or one below the other where the page is narrow."""
    return ipywidgets.HBox(widgets, layout=ipywidgets.Layout(flex_flow="row wrap"))
