"""Makes the mutants of the exercises' checks: one condition or one named reply is another one.

For every condition in labsupport/lessons/checks (`if`, `x if c else y`, a filter of a comprehension, what is
returned as true or false, the condition beside a reply's name in a table) one mutant takes it as True and one
as False; for every operand of `and` and `or` one leaves it out; for every reply that is named one says
"right" instead.
"""

from __future__ import annotations

import ast
import gc
import types
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

from labsupport.lessons import checks, exercises
from labsupport.lessons.given import RIGHT

FOLDER = Path(checks.__file__).parent

Change = Callable[[], None]


class Mutant(NamedTuple):
    """One change of one module."""

    file: str
    line: int
    what: str  # for people
    function: str  # whose code changes
    code: types.CodeType  # what it becomes

    @property
    def name(self) -> str:
        """As survivors.toml explains it: without the line, which moves."""
        return f"{Path(self.file).stem}.{self.function}: {self.what}"


def mutants(modules: list[str]) -> Iterator[Mutant]:
    """All mutants of these modules, or of every one."""
    names = {name for table in exercises.exercises().values() for name in table["replies"]}
    for path in sorted(FOLDER.glob("*.py")):
        if modules and path.stem not in modules:
            continue
        text = path.read_text("utf-8")
        count = sum(1 for _ in _places(ast.parse(text), names))
        for number in range(count):
            tree = ast.parse(text)  # afresh, so that there is one change
            line, what, change = list(_places(tree, names))[number]
            change()
            ast.fix_missing_locations(tree)
            yield from _compiled(path, tree, line, what)


def _places(tree: ast.Module, replies: set[str]) -> Iterator[tuple[int, str, Change]]:
    """Every place to change: its line, what would be changed, and a function that does it."""
    for node in ast.walk(tree):
        for holder, place in [*_conditions(node), *_in_table(node, replies)]:
            was = holder[place]
            for value in (True, False):
                if not isinstance(was, ast.Constant):
                    said = f"`{ast.unparse(was)}` is {value}"
                    yield was.lineno, said, _setter(holder, place, ast.Constant(value))
        if isinstance(node, ast.BoolOp):
            for number, operand in enumerate(node.values):
                if isinstance(operand, ast.Constant):  # a default, as in `x or 0`, is no condition
                    continue
                neutral = ast.Constant(isinstance(node.op, ast.And))
                said = f"without `{ast.unparse(operand)}` in `{ast.unparse(node)}`"
                yield operand.lineno, said, _setter(node.values, number, neutral)
        for holder, place in _replies(node, replies - {RIGHT}):
            was = holder[place]
            yield was.lineno, f"{ast.unparse(was)} is 'right'", _setter(holder, place, ast.Constant(RIGHT))


def _setter(holder: Any, place: Any, new: ast.expr) -> Change:
    def change() -> None:
        holder[place] = ast.copy_location(new, holder[place])

    return change


def _conditions(node: ast.AST) -> Iterator[tuple[Any, Any]]:
    if isinstance(node, ast.If | ast.IfExp | ast.While):
        yield vars(node), "test"
    if isinstance(node, ast.comprehension):
        yield from ((node.ifs, number) for number in range(len(node.ifs)))
    if isinstance(node, ast.Return) and _is_truth(node.value):
        yield vars(node), "value"


def _is_truth(value: ast.expr | None) -> bool:
    """Whether it can only be true or false."""
    negated = isinstance(value, ast.UnaryOp) and isinstance(value.op, ast.Not)
    asked = isinstance(value, ast.Call) and ast.unparse(value.func) in ("any", "all", "bool")
    return negated or asked or isinstance(value, ast.Compare)


def _in_table(node: ast.AST, replies: set[str]) -> Iterator[tuple[Any, Any]]:
    """The conditions of {"reply": condition}."""
    keys = node.keys if isinstance(node, ast.Dict) else []
    if all(isinstance(key, ast.Constant) and key.value in replies for key in keys):
        yield from ((vars(node)["values"], number) for number in range(len(keys)))


def _replies(node: ast.AST, replies: set[str]) -> Iterator[tuple[Any, Any]]:
    """Where a reply is named: what Stop is raised with, what is returned, or what is looked up in a dict."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Stop":
        yield from _named(node.args, 0, replies)
    elif isinstance(node, ast.Tuple) and len(node.elts) == 2:
        yield from _named(node.elts, 0, replies)
    elif isinstance(node, ast.Return):
        yield from _named(vars(node), "value", replies)
    elif isinstance(node, ast.Dict):
        for number in range(len(node.values)):
            yield from _named(node.values, number, replies)


def _named(holder: Any, place: Any, replies: set[str]) -> Iterator[tuple[Any, Any]]:
    was = holder[place]
    if isinstance(was, ast.IfExp):
        yield from _named(vars(was), "body", replies)
        yield from _named(vars(was), "orelse", replies)
    elif (isinstance(was, ast.Constant) and was.value in replies) or (
        isinstance(was, ast.Name) and was.id == "NOT_ATTEMPTED"
    ):
        yield holder, place


def _compiled(path: Path, tree: ast.Module, line: int, what: str) -> Iterator[Mutant]:
    """The mutant, if the line is in a function; what a module does once is no condition of a reply."""
    holders = [(tree, ""), *((node, f"{node.name}.") for node in tree.body if isinstance(node, ast.ClassDef))]
    for holder, prefix in holders:
        for node in holder.body:
            if isinstance(node, ast.FunctionDef) and node.lineno <= line <= (node.end_lineno or 0):
                name = f"{prefix}{node.name}"
                yield Mutant(str(path), line, what, name, _code(compile(tree, str(path), "exec"), name))


def _code(code: types.CodeType, name: str) -> types.CodeType:
    """The code of the function of this name."""
    inner = [const for const in code.co_consts if isinstance(const, types.CodeType)]
    for const in inner:
        if const.co_qualname == name:
            return const
        if name.startswith(f"{const.co_qualname}."):
            return _code(const, name)
    raise LookupError(name)


def apply(mutant: Mutant) -> None:
    """Give the function, wherever it is kept, its other code."""
    changed = 0
    for thing in gc.get_objects():
        if isinstance(thing, types.FunctionType):
            code = thing.__code__
            if (code.co_filename, code.co_qualname) == (mutant.file, mutant.function):
                thing.__code__ = mutant.code
                changed += 1
    assert changed, f"there is no function {mutant.function} of {mutant.file}"
