"""What the learner handed in, a number, a function or a class: looked at without ever trusting it."""

from __future__ import annotations

import inspect
import reprlib
from collections.abc import Callable
from decimal import Decimal
from numbers import Real
from typing import Any

from labsupport.checks import is_number
from labsupport.lessons.copies import does_nothing

NOT_ATTEMPTED = "not_attempted"
RIGHT = "right"

Finding = tuple[str, dict[str, object]]  # the name of a reply, and the facts for its {placeholders}

LONGEST = 80  # characters of a learner's value in a reply
_repr = reprlib.Repr()
_repr.maxstring = _repr.maxother = _repr.maxlong = LONGEST - 20


class Stop(Exception):
    """Ends a look at once with a finding: `raise Stop("hits_counted", hits=7)`."""

    def __init__(self, reply: str, **facts: object) -> None:
        super().__init__(reply)
        self.finding: Finding = (reply, facts)


class Theirs(Exception):
    """Something that we called for the learner failed: `__cause__` is the error, and it is not ours."""


def shown(value: object) -> str:
    """The value in one short line, whatever it is: numpy, a million elements, a __repr__ that raises."""
    try:
        line = " ".join(_repr.repr(value).split())
    except Exception:
        line = ""
    if not line or " at 0x" in line:  # an address is another one in every run
        line = f"an object of class {type(value).__name__}"
    return line if len(line) <= LONGEST else line[: LONGEST - 3] + "..."


def equal(given: object, wanted: object) -> bool:
    """Whether they are equal in value; False for arrays, NaN and objects that cannot be compared."""
    try:
        return bool(given == wanted)
    except Exception:
        return False


def a_number(given: Any, infinite: bool = False) -> float:
    """The answer as a float. Stop: not attempted (None, ...), a number in quotes, or no number at all.

    `infinite`: inf is an answer, too.
    """
    if given is None or given is ...:
        raise Stop(NOT_ATTEMPTED)
    if isinstance(given, str) and _reads_as_number(given):
        raise Stop("number_in_quotes", got=shown(given))
    if callable(given):
        raise Stop("function_for_a_number", got=shown(given))
    endless = infinite and isinstance(given, Real) and equal(abs(given), float("inf"))
    if not (is_number(given) or endless or (isinstance(given, Decimal) and given.is_finite())):
        raise Stop("no_number", got=shown(given))
    return _as_float(given)


def _as_float(given: Any) -> float:
    try:
        return float(given)
    except Exception:
        raise Stop("no_number", got=shown(given)) from None


def _reads_as_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


def a_function(given: Any, *parameters: str) -> Callable[..., Any]:
    """The learner's function. Stop: not attempted (...), a call's result, or other parameters than these."""
    return _callable(given, "no_function", parameters)


def an_attempt(given: Any, *parameters: str) -> Callable[..., Any]:
    """The same, if there is something in it. Stop: its body does nothing yet, or as in `a_function`."""
    function = a_function(given, *parameters)
    if does_nothing(function):
        raise Stop(NOT_ATTEMPTED)
    return function


def a_class(given: Any, *parameters: str) -> Callable[..., Any]:
    """The learner's class, or a function that makes such objects. Stop: as in `a_function`."""
    return _callable(given, "no_class", parameters)


def _callable(given: Any, otherwise: str, parameters: tuple[str, ...]) -> Callable[..., Any]:
    if given is ...:
        raise Stop(NOT_ATTEMPTED)
    if not callable(given):
        raise Stop(otherwise, got=shown(given))
    if not _takes(given, len(parameters)):
        raise Stop("other_parameters", wanted=", ".join(parameters), got=_parameters(given))
    function: Callable[..., Any] = given
    return function


def _takes(function: Callable[..., Any], count: int) -> bool:
    """Whether it can be called with so many arguments; True if Python cannot tell."""
    try:
        inspect.signature(function).bind(*range(count))
    except TypeError:
        return False
    except Exception:  # a built-in without a signature, or a learner's own odd one
        return True
    return True


def _parameters(function: Callable[..., Any]) -> str:
    return ", ".join(inspect.signature(function).parameters) or "none"


def call(function: Callable[..., Any], *arguments: Any, **named: Any) -> Any:
    """Call what the learner gave: an error of it is theirs, even if no line of a cell was involved.

    Stop: the function is `async`, so that calling it only makes a coroutine.
    """
    try:
        result = function(*arguments, **named)
    except (KeyboardInterrupt, Stop, Theirs):
        raise
    except BaseException as error:  # SystemExit, too
        raise Theirs from error
    if inspect.iscoroutine(result):
        result.close()  # or Python warns that nobody awaited it
        raise Stop("async_function")
    return result
