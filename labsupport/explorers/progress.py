"""How far a longer run has come, where it is run: in the notebook, not on stderr."""

from __future__ import annotations

import html
from collections.abc import Collection, Iterator
from typing import Any, TypeVar

import ipywidgets
from IPython.display import display

Item = TypeVar("Item")
MOST_UPDATES = 50  # each is a message to the browser, and costs the run some time


def progress(items: Collection[Item], what: str) -> Iterator[Item]:
    """The items one by one, and a bar that says how many are done; `what`: a word for all of them.

    Without a kernel (GitHub, CI) there is only the line that says how many there are.
    """
    bar = Progress(len(items), what)
    display(bar)
    step = 1 + len(items) // MOST_UPDATES
    for done, item in enumerate(items, 1):
        yield item
        if done % step == 0 or done == len(items):
            bar.show(done)


class Progress(ipywidgets.HTML):  # type: ignore[misc]  # ships no types
    """What `progress` shows: a native bar, which keyboard users pass over and screen readers can read."""

    def __init__(self, total: int, what: str) -> None:
        """`total` of `what`, none of them done."""
        super().__init__()
        self.text, self._total, self._what = f"{what}: {total:,}", total, html.escape(what)
        self.show(0)

    def show(self, done: int) -> None:
        """So many are done."""
        self.value = (
            f'<label>{self._what} <progress max="{self._total}" value="{done}"></progress></label> '
            f"{done:,} of {self._total:,}"
        )

    def _repr_mimebundle_(self, **options: Any) -> dict[str, Any]:
        bundle: dict[str, Any] = super()._repr_mimebundle_(**options)
        return bundle | {"text/plain": self.text}
