"""Multiple choice with a reason for every option, the wrong ones too."""

from __future__ import annotations

from string import ascii_lowercase

from labsupport.errors import LabError
from labsupport.lessons import texts
from labsupport.lessons.asking import Answer, Asking, asked, choices, one_line, wrapped

_LINES = 4  # room for the longest reason


def quiz(name: str) -> Quiz:
    """A question of quiz.toml with its options, to be shown as a cell's last value.

    LabError: there is none of this name, or the file's table of it lacks something.
    """
    return Quiz(name)


class Quiz(Asking):
    """What `quiz` shows: `options`, the radio buttons, and `answer`, the reason for what was chosen."""

    def __init__(self, name: str) -> None:
        """See `quiz`."""
        table = texts.entry("quiz", name)
        try:
            question = one_line(table["question"])
            lettered = list(zip(ascii_lowercase, table["options"]))
            shown = {letter: f"{letter}) {one_line(option['text'])}" for letter, option in lettered}
            self._reasons = {letter: _reason(option) for letter, option in lettered}
        except (KeyError, TypeError, AttributeError) as error:
            raise LabError(
                f"labsupport/lessons/texts/quiz.toml: the table [{name}] is not complete "
                f"({type(error).__name__}: {error}); mend it, or get the file back with git."
            ) from None
        self.options, self.answer = choices(shown), Answer(_LINES)
        self.answer.say("Choose an answer. You can choose again.")
        self.options.observe(self._reply, "value")
        lines = [wrapped(question), *(wrapped(text, "   ") for text in shown.values())]
        super().__init__(
            "\n".join([*lines, "(Run this cell to choose an answer.)"]),
            [asked(question), self.options, self.answer],
        )

    def _reply(self, _: object) -> None:
        self.answer.say(self._reasons[self.options.value])


def _reason(option: dict[str, str]) -> str:
    """Whether the option is right, and why."""
    return f"{'Right' if option.get('right') else 'No'}: {one_line(option['reply'])}"
