"""A function as another process has it: the same code, with locks and variables of its own.

An instance of the fleet is a process, so what two instances seem to share in a notebook's memory they
would not share in production. A check that plays several instances gives each of them such a copy.
"""

from __future__ import annotations

import builtins
import contextlib
import copy
import copyreg
import dis
import functools
import inspect
import threading
from collections.abc import Callable, Iterator, Sequence
from types import CellType, CodeType, FunctionType, MethodType
from typing import Any

StandIns = Sequence[tuple[Any, Any]]  # (what the function names, what its copy gets in its place)

_LOCKS: dict[Any, Callable[[], Any]] = {
    type(make()): make for make in (threading.Lock, threading.RLock, threading.Condition)
}
_COPIED = (*_LOCKS, dict, list, set, bytearray, threading.Semaphore, threading.Event)
_LOCK_NAMES = {"Lock", "RLock", "Semaphore", "BoundedSemaphore", "Condition"}
_CACHED = type(functools.cache(len))
_EMPTY = {"RESUME", "NOP", "LOAD_CONST", "RETURN_CONST", "RETURN_VALUE"}


def does_nothing(function: Any) -> bool:
    """Whether the function's body is `...`, `pass` or only a docstring, so that it returns nothing."""
    code = getattr(function, "__code__", None)
    steps = list(dis.get_instructions(code)) if isinstance(code, CodeType) else []
    constants = [step.argval for step in steps if "CONST" in step.opname]
    return constants in ([None], [...]) and all(step.opname in _EMPTY for step in steps)


def names_in(function: Any) -> set[str]:
    """Every variable and attribute that the function's code names, in functions inside it too."""
    code = getattr(inspect.unwrap(function), "__code__", None)
    return set(_names(code)) if isinstance(code, CodeType) else set()


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for inner in code.co_consts:
        if isinstance(inner, CodeType):
            yield from _names(inner)


def private_copy(function: Any, stand_ins: StandIns = ()) -> Any:
    """A copy of what the learner gave that shares no variable with the original, and no lock.

    Copied is what the code names: locks, containers, objects of the notebook's classes and its other
    functions. What cannot be copied, such as a client or a file, stays shared.
    """
    return _Copier(_variables_of(function), stand_ins).value(function)


def private_class(given: Any, stand_ins: StandIns = ()) -> Any:
    """The same for a class, or a function that makes objects: the classes that it names are copied, too."""
    return _Copier(_variables_of(given), stand_ins, classes=True).value(given)


def uses_a_lock(function: Any) -> bool:
    """Whether a lock of Python's is among what `private_copy` would copy, or the code makes one."""
    copier = _Copier(_variables_of(function), ())
    copier.value(function)
    return copier.locks > 0 or not _LOCK_NAMES.isdisjoint(names_in(function))


def _variables_of(function: Any) -> dict[str, Any]:
    """The global variables of the cell in which it was written."""
    methods = vars(function).values() if isinstance(function, type) else ()
    for written in (inspect.unwrap(function), type(function).__call__, *methods):
        if isinstance(found := getattr(written, "__globals__", None), dict):
            return found
    return {}


class _Copier:
    """Copies values, each one once; `_memo` is as copy.deepcopy keeps it."""

    def __init__(self, home: dict[str, Any], stand_ins: StandIns, classes: bool = False) -> None:
        self._home, self._variables, self._classes = home, dict(home), classes
        self._stand_ins = {id(original): other for original, other in stand_ins}
        self._memo: dict[int, Any] = {}
        self.locks = 0  # found on the way

    def value(self, value: Any) -> Any:
        """The copy of this value, or the value itself if it is to be shared."""
        for known in (self._stand_ins, self._memo):
            if id(value) in known:
                return known[id(value)]
        if isinstance(value, FunctionType):
            return self._function(value) if value.__globals__ is self._home else value
        if isinstance(value, MethodType):
            return MethodType(value.__func__, self.value(value.__self__))
        if isinstance(value, _CACHED):
            return functools.cache(self.value(value.__wrapped__))
        with contextlib.suppress(Exception), self._locks_are_copied():
            return self._object(value)
        return value

    def _object(self, value: Any) -> Any:
        """The copy of a class or an object of the notebook's; anything else as it is."""
        home = self._home.get("__name__")
        if self._classes and isinstance(value, type) and value.__module__ == home:
            return self._class(value)
        ours = isinstance(value, _COPIED) or type(value).__module__ == home
        return copy.deepcopy(value, self._memo) if ours else value

    def _function(self, function: FunctionType) -> FunctionType:
        cells = tuple(CellType() for _ in function.__closure__ or ())
        twin = FunctionType(function.__code__, self._variables, function.__name__, None, cells)
        self._memo[id(function)] = twin
        twin.__defaults__ = tuple(map(self.value, function.__defaults__ or ())) or None
        twin.__kwdefaults__ = {name: self.value(v) for name, v in (function.__kwdefaults__ or {}).items()}
        twin.__dict__.update({name: self.value(v) for name, v in vars(function).items()})
        for cell, original in zip(cells, function.__closure__ or ()):
            with contextlib.suppress(ValueError):  # a cell that is still empty
                cell.cell_contents = self.value(original.cell_contents)
        for name in _names(function.__code__):
            self._variable(name)
        return twin

    def _class(self, kind: type) -> type:
        """The class with its bases, methods and class variables copied."""
        twin = type(kind)(kind.__name__, tuple(map(self.value, kind.__bases__)), {})
        self._memo[id(kind)] = twin
        for name, value in vars(kind).items():
            if name not in ("__dict__", "__weakref__"):
                setattr(twin, name, self._member(value))
        return twin

    def _member(self, value: Any) -> Any:
        if isinstance(value, staticmethod | classmethod):
            return type(value)(self.value(value.__func__))
        if isinstance(value, property):
            return property(*(part and self.value(part) for part in (value.fget, value.fset, value.fdel)))
        return self.value(value)

    def _variable(self, name: str) -> None:
        if name in self._home:
            self._variables[name] = self.value(self._home[name])
        elif id(built_in := getattr(builtins, name, None)) in self._stand_ins:
            self._variables[name] = self._stand_ins[id(built_in)]

    @contextlib.contextmanager
    def _locks_are_copied(self) -> Iterator[None]:
        """Meanwhile copy.deepcopy, which refuses locks, makes new ones for them."""
        known = dict(copyreg.dispatch_table)
        for kind in _LOCKS:
            copyreg.pickle(kind, self._new_lock)
        try:
            yield
        finally:
            copyreg.dispatch_table.clear()
            copyreg.dispatch_table.update(known)

    def _new_lock(self, lock: Any) -> tuple[Callable[[], Any], tuple[()]]:
        self.locks += 1
        return _LOCKS[type(lock)], ()
