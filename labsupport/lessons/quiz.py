"""Multiple choice with a reason for every option, the wrong ones too."""

from __future__ import annotations

from string import ascii_lowercase

import ipywidgets

from labsupport.errors import LabError
from labsupport.lessons import texts
from labsupport.lessons.asking import Answer, Asking, asked, choices, one_line, wrapped
from labsupport.lessons.ledger import ledger

_LINES = 4  # room for the longest reason
_INDENT = "   "


def quiz(name: str) -> Quiz:
    """A question of quiz.toml with its options, to be shown as a cell's last value.

    LabError: there is none of this name, or the file's table of it lacks something.
    """
    return Quiz(name)


class Item:
    """One question of quiz.toml: its notebook, its words, its options by letter, and what was chosen."""

    def __init__(self, name: str) -> None:
        """LabError as `quiz`."""
        table = texts.entry("quiz", name)
        try:
            self.name, self.notebook = name, str(table["notebook"])
            self.question = one_line(table["question"])
            lettered = list(zip(ascii_lowercase, table["options"]))
            self.options = {letter: one_line(option["text"]) for letter, option in lettered}
            self._reasons = {letter: _reason(option) for letter, option in lettered}
            self._right = [letter for letter, option in lettered if option.get("right")]
        except (KeyError, TypeError, AttributeError) as error:
            raise LabError(
                f"labsupport/lessons/texts/quiz.toml: the table [{name}] is not complete "
                f"({type(error).__name__}: {error}); mend it, or get the file back with git."
            ) from None

    @property
    def shown(self) -> dict[str, str]:
        """The options with their letters, by letter."""
        return {letter: f"{letter}) {text}" for letter, text in self.options.items()}

    @property
    def chosen(self) -> str | None:
        """The letter of the option that is on record; None if there is none, or its words have changed."""
        recorded = ledger().answers().get(self.name)
        return next((letter for letter, text in self.options.items() if text == recorded), None)

    @property
    def is_right(self) -> bool:
        """Whether the option on record is the right one."""
        return self.chosen in self._right

    def choose(self, letter: str) -> str:
        """Record this option, in its words: its place may change. Returns whether it is right, and why."""
        ledger().answer(self.name, self.options[letter])
        return self.reason(letter)

    def reason(self, letter: str) -> str:
        """Whether this option is right, and why."""
        return self._reasons[letter]


class Row:
    """An item's controls: `options`, the radio buttons, and `answer`, the reason for what was chosen."""

    def __init__(self, item: Item, note: str = "") -> None:
        """Shows what was chosen in this notebook or in an earlier one; `note`: a line above the question."""
        self.item = item
        self.options, self.answer = choices(item.shown), Answer(_LINES)
        chosen = item.chosen
        self.options.value = chosen
        self._say("Choose an answer. You can choose again." if chosen is None else item.reason(chosen))
        self.options.observe(self._reply, "value")
        self.widgets: list[ipywidgets.Widget] = [asked(item.question, note), self.options, self.answer]

    def _reply(self, _: object) -> None:
        self._say(self.item.choose(self.options.value))

    def _say(self, text: str) -> None:
        self.answer.say(" ".join(filter(None, [text, ledger().news()])))


class Quiz(Asking):
    """What `quiz` shows: `options`, the radio buttons, and `answer`, the reason for what was chosen."""

    def __init__(self, name: str) -> None:
        """See `quiz`."""
        item = Item(name)
        row = Row(item)
        self.options, self.answer = row.options, row.answer
        lines = [wrapped(item.question), *(wrapped(text, _INDENT) for text in item.shown.values())]
        super().__init__("\n".join([*lines, "(Run this cell to choose an answer.)"]), row.widgets)


def _reason(option: dict[str, str]) -> str:
    """Whether the option is right, and why."""
    return f"{'Right' if option.get('right') else 'No'}: {one_line(option['reply'])}"
