"""What the learner knows by now: the quiz's questions that are still open, and why each of them is."""

from __future__ import annotations

from labsupport.lessons import texts
from labsupport.lessons.asking import Answer, Asking, wrapped
from labsupport.lessons.quiz import Item, Row

_INDENT = "    "


def open_questions() -> OpenQuestions:
    """The questions of the quiz that are not answered right yet, to be shown as a cell's last value.

    A question is open until the option chosen last is the right one, in whichever notebook that was.
    LabError: the file's table of a question lacks something.
    """
    return OpenQuestions()


class OpenQuestions(Asking):
    """What `open_questions` shows: `rows`, the open questions by name, and `status`, how many are left."""

    def __init__(self) -> None:
        """In the order of the series."""
        self._items = [Item(name) for name in texts.load("quiz")]
        self.rows = {
            item.name: Row(item, f"Notebook {item.notebook}") for item in self._items if not item.is_right
        }
        self.status = Answer(lines=1)
        self._count(None)
        for row in self.rows.values():
            row.options.observe(self._count, "value")  # after the row's own observer, which records it
        widgets = [widget for row in self.rows.values() for widget in row.widgets]
        super().__init__(self._in_words(), [*widgets, self.status])

    def _count(self, _: object) -> None:
        still_open = [item for item in self._items if not item.is_right]
        wrong = sum(item.chosen is not None for item in still_open)
        counted = {"not answered yet": len(still_open) - wrong, "answered wrong": wrong}
        why = ", ".join(f"{count} {what}" for what, count in counted.items() if count)
        if still_open:
            self.status.say(f"{len(still_open)} of {len(self._items)} questions are open: {why}.")
        else:
            self.status.say(f"All {len(self._items)} questions of the series are answered right.")

    def _in_words(self) -> str:
        """Each open question and why it is open; without the options, which would fill pages."""
        lines = [line for row in self.rows.values() for line in _lines(row.item)]
        how = ["(Run this cell to answer them here.)"] if lines else []
        return "\n".join([self.status.text, *lines, *how])


def _lines(item: Item) -> list[str]:
    """The question, and what was chosen and why that is not so, if anything was."""
    asked = wrapped(f"{item.notebook}  {item.question}", _INDENT)
    if item.chosen is None:
        return [asked]
    why = f"{_INDENT}You chose {item.shown[item.chosen]} {item.reason(item.chosen)}"
    return [asked, wrapped(why, _INDENT)]
