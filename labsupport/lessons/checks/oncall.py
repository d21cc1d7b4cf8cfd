"""What stands on notebook 08's page of operations: its entries, read from what the learner filled in."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any

from labsupport.lessons.exercises import NOT_ATTEMPTED, Stop
from labsupport.lessons.given import a_number, shown

Page = dict[Any, Any]  # an entry and what stands in it, by ENTRIES and by names of the learner's own

# The page's entries, and the names under which replies know them.
NUMBERS = {
    "requests a second": "requests",
    "hit rate": "hit_rate",
    "origin bears": "bears",
    "deadline": "deadline",
    "timeout": "timeout",
    "retries": "retries",
    "pause": "pause",
    "near-cache": "near",
    "stale": "stale",
}
CHOICES = {
    "Redis gone": ("error", "origin", "limited origin"),
    "clear": ("FLUSHDB", "KEYS and DEL", "SCAN and UNLINK", "new version"),
}
POLICIES = ("cache policy", "counter policy")
ENTRIES = (*NUMBERS, *CHOICES, *POLICIES, "watch")
MAY_BE_ZERO = {"hit rate", "retries", "pause", "near-cache", "stale"}
NOTICED = 0.01  # seconds of a stall


def longest_wait(timeout: float, retries: float, pause: float) -> float:
    """Seconds for a hung server: a first try and its retries end by timeout, a pause before each retry."""
    return timeout * (1 + retries) + pause * retries


@dataclass
class Numbers:
    """The page's numbers: reads and requests a second, and seconds."""

    requests: float
    hit_rate: float
    bears: float
    deadline: float
    timeout: float
    retries: float
    pause: float
    near: float
    stale: float

    @property
    def today(self) -> float:
        """Reads a second at the origin while all is well, without what binary fractions add."""
        return round(self.requests * (1 - self.hit_rate), 9)

    def worst(self, timeout: float) -> float:
        """Seconds that a request waits at most, if the server hangs and each try takes `timeout`."""
        return round(longest_wait(timeout, self.retries, self.pause), 9)

    def while_gone(self, gone: str) -> dict[str, float]:
        """How many requests a second the origin answers without Redis, and how many it does not."""
        could = {"error": 0.0, "origin": self.requests, "limited origin": self.bears}
        answered = min(could[gone], self.requests)
        return {"answered": answered, "refused": self.requests - answered}

    @property
    def facts(self) -> dict[str, Any]:
        """What every reply may say."""
        worst, tries = self.worst(self.timeout), 1 + self.retries
        waiting, at_once = self.requests * worst, self.requests * tries
        facts = {"today": self.today, "worst": worst, "tries": tries, "waiting": waiting}
        return asdict(self) | facts | {"commands": at_once, "held": self.requests * NOTICED}


def numbers_of(page: Page) -> Numbers:
    """The page's numbers. Stop: an entry is no number that it can be."""
    return Numbers(**{name: _number(page, entry) for entry, name in NUMBERS.items()})


def expect_filled_in(page: Any) -> None:
    """Stop: it is no dict, or one without all entries."""
    if page is None or page is ...:
        raise Stop(NOT_ATTEMPTED)
    if not isinstance(page, dict):
        raise Stop("no_dict", got=shown(page))
    if missing := [entry for entry in ENTRIES if entry not in page]:
        raise Stop("missing_entry", entry=missing[0], missing=len(missing))
    still_open = [entry for entry in ENTRIES if page[entry] is None or page[entry] is ...]
    if len(still_open) == len(ENTRIES):
        raise Stop(NOT_ATTEMPTED)
    if still_open:
        raise Stop("still_open", entries=", ".join(still_open), done=len(ENTRIES) - len(still_open))


def _number(page: Page, entry: str) -> float:
    """Stop: the entry is no number that it can be."""
    try:
        number = a_number(page[entry])
    except Stop:
        raise Stop("entry_no_number", entry=entry, got=shown(page[entry])) from None
    if number < 0 or (number == 0 and entry not in MAY_BE_ZERO):
        raise Stop("entry_too_small", entry=entry, got=number)
    return number


def choice_in(page: Page, entry: str) -> str:
    """Stop: the entry is none of its choices."""
    for choice in CHOICES[entry]:
        if isinstance(page[entry], str) and page[entry].strip().upper() == choice.upper():
            return choice
    raise Stop("no_choice", entry=entry, got=shown(page[entry]), choices=", ".join(CHOICES[entry]))


def printed(page: Page, numbers: Numbers, chosen: dict[str, str]) -> str:
    """The page as a text to keep, one line an entry, the learner's own entries too."""
    plain = {entry: f"{getattr(numbers, name):,.10g}" for entry, name in NUMBERS.items()}
    entries = page | plain | chosen | {"watch": ", ".join(page["watch"])}
    return "\n".join(f"{in_words(entry)}: {in_words(value)}" for entry, value in entries.items())


def in_words(value: Any) -> str:
    """A value as the page shows it, in one line."""
    return " ".join(value.split()) if isinstance(value, str) else shown(value)
