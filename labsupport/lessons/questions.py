"""What can be predicted: the questions of predictions.toml, each a number on a scale or a choice."""

from __future__ import annotations

from typing import Any

from labsupport.checks import is_number
from labsupport.errors import BadArgument, LabError
from labsupport.lessons import texts
from labsupport.lessons.asking import one_line
from labsupport.lessons.ledger import Value


class Number:
    """A question whose answer is a number from `low` to `high`."""

    colon = ""  # between "The law says" and a value

    def __init__(self, table: dict[str, Any]) -> None:
        """KeyError: the table lacks what a number needs."""
        scale: list[float] = [table[key] for key in ("low", "high", "step", "start")]
        self.low, self.high, self.step, self.start = scale
        self._close: float = table["close"]
        self._digits: int = table["digits"]
        self._gap: str = table["gap"]
        self.unit: str = table["unit"]
        self._replies: dict[str, str] = {kind: table[kind] for kind in ("too_low", "too_high", "close_by")}
        self.range = f"{self.low:g} to {self.high:g} {self.unit}"

    def value(self, what: str, value: Any) -> float:
        """`value` as a float; BadArgument, naming `what`, unless it is a number."""
        if not is_number(value):
            raise BadArgument(f"{what} is {value!r}, but must be a number, such as {self.start}.")
        return float(value)

    def could_be(self, value: Value) -> bool:
        """Whether this can be a prediction on today's scale."""
        return is_number(value) and self.low <= float(value) <= self.high

    def place(self, value: Value) -> float:
        """Where on the scale it is."""
        return float(value)

    def ends(self, places: list[float]) -> tuple[float, float]:
        """The scale's ends, further out if a value lies there, as after a changed experiment."""
        return min(self.low, *places), max(self.high, *places)

    def ticks(self) -> dict[float, str] | None:
        """None: the ticks are numbers."""
        return None

    def predicted(self, value: Value) -> str:
        """A prediction in words, such as "70 %"."""
        return f"{value:g} {self.unit}"

    def measured(self, value: Value) -> str:
        """A measured value, or a law's, in words, such as "62.8 %"."""
        return f"{value:.{self._digits}f} {self.unit}"

    def mark(self, name: str, words: str) -> str:
        """What stands at a mark on the scale."""
        return f"{name} {words}"

    def error(self, predicted: Value, measured: Value) -> float:
        """How far off, as a share of the scale."""
        return abs(float(predicted) - float(measured)) / (self.high - self.low)

    def compared(self, predicted: Value, measured: Value, here: bool) -> str:
        """Prediction and measurement, and their difference; `here`: it depends on the machine."""
        gap = self._difference(predicted, measured)
        far = f"{abs(gap):.{self._digits}f}{self._gap and ' '}{self._gap} too {'high' if gap > 0 else 'low'}"
        far = "no difference" if gap == 0 else far + (", which is close" if abs(gap) <= self._close else "")
        was = self.measured(measured)
        both = f"[here: {was}: {far}]" if here else f"{was}: {far}"
        return f"You predicted {self.predicted(predicted)}, measured were {both}."

    def reply(self, predicted: Value, measured: Value) -> str:
        """What being off that way usually means."""
        gap = self._difference(predicted, measured)
        kind = "close_by" if abs(gap) <= self._close else "too_high" if gap > 0 else "too_low"
        return one_line(self._replies[kind])

    def _difference(self, predicted: Value, measured: Value) -> float:
        """Prediction minus measurement, as both are printed."""
        return round(float(predicted) - round(float(measured), self._digits), self._digits)


class Choice:
    """A question whose answer is one of a few options, known to ledger and notebooks by their keys."""

    colon, unit = ":", ""

    def __init__(self, table: dict[str, Any]) -> None:
        """KeyError: an option lacks its key, text or reply."""
        self.options: dict[str, str] = {option["key"]: option["text"] for option in table["options"]}
        self._replies: dict[str, str] = {option["key"]: option["reply"] for option in table["options"]}
        self.range = "; ".join(self.options.values())

    def value(self, what: str, value: Any) -> str:
        """The key of the option whose key (text or number) or text `value` is; else BadArgument."""
        keys = {text: key for key, text in self.options.items()} | {key: key for key in self.options}
        key = keys.get(f"{value:g}" if is_number(value) else str(value))
        if key is None:
            raise BadArgument(
                f"{what} is {value!r}, but must be one of {', '.join(map(repr, self.options))}."
            )
        return key

    def could_be(self, value: Value) -> bool:
        """Whether this is one of today's options."""
        return value in self.options

    def place(self, value: Value) -> float:
        """Where on the scale it is: options stand at 0, 1, 2 ..."""
        return list(self.options).index(str(value))

    def ends(self, places: list[float]) -> tuple[float, float]:
        """The scale's ends, half a step beyond the outer options."""
        return -0.5, len(self.options) - 0.5

    def ticks(self) -> dict[float, str] | None:
        """Every option at its place."""
        return dict(enumerate(self.options.values()))

    def predicted(self, value: Value) -> str:
        """The option's text."""
        return self.options[str(value)]

    measured = predicted

    def mark(self, name: str, words: str) -> str:
        """What stands at a mark on the scale; the option is written below it."""
        return name

    def error(self, predicted: Value, measured: Value) -> float:
        """0 right, 1 wrong."""
        return float(predicted != measured)

    def compared(self, predicted: Value, measured: Value, here: bool) -> str:
        """Prediction and measurement; `here`: it depends on the machine."""
        was = f"[here: {self.measured(measured)}]" if here else self.measured(measured)
        return f"You predicted: {self.predicted(predicted)}. Measured: {was}."

    def reply(self, predicted: Value, measured: Value) -> str:
        """What lies behind the option that was predicted."""
        return one_line(self._replies[str(predicted)])


class Question:
    """One question: its words, the notebook that answers it, and its `kind`, a Number or a Choice."""

    def __init__(self, name: str) -> None:
        """LabError: there is none of this name, or the file's table of it lacks something."""
        table = texts.entry("predictions", name)
        self.name, self.kind = name, _complete(name, table)
        self.notebook: str = table["notebook"]
        self.label: str = table["label"]
        self.text = one_line(table["question"])


def questions() -> list[Question]:
    """Every question, in the series' order."""
    return [Question(name) for name in texts.load("predictions")]


def _complete(name: str, table: dict[str, Any]) -> Number | Choice:
    """The question's kind, if the table has all that is needed; else LabError."""
    try:
        for key in ("notebook", "label", "question"):
            one_line(table[key])
        return Number(table) if table["kind"] == "number" else Choice(table)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise LabError(
            f"labsupport/lessons/texts/predictions.toml: the table [{name}] is not complete "
            f"({type(error).__name__}: {error}); mend it, or get the file back with git."
        ) from None
