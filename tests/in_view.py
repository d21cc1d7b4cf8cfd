"""What a notebook's cells define, for tests of the code that a lesson builds in view, and its solutions."""

from __future__ import annotations

import ast
from typing import Any

import jupytext

from labsupport import build


def in_view(notebook: str, *names: str, **scope: Any) -> dict[str, Any]:
    """The classes, functions and constants of these names as the cells of `notebook` ("07") define them.

    Nothing else of the notebook is run. `scope`: what they need; returned with them in it.
    """
    found = [node for node in ast.parse("\n".join(_code(notebook))).body if _name(node) in names]
    assert sorted(map(_name, found)) == sorted(names)  # each is there, and once
    exec(compile(ast.Module(found, []), f"notebook {notebook}", "exec"), scope)
    return scope


def solution(notebook: str, check: str) -> str:
    """The source of the folded solution that this check judges, without the call of the check itself."""
    [source] = [c for c in _code(notebook) if c.startswith("# Solution\n") and f"\n{check}(" in c]
    return source.partition(f"\n{check}(")[0]


def _code(notebook: str) -> list[str]:
    [source] = [source for source in build.sources() if source.stem.startswith(f"{notebook}-")]
    return [cell.source for cell in jupytext.read(source).cells if cell.cell_type == "code"]


def _name(node: ast.stmt) -> str:
    """What this statement defines, or "" if it is no definition."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return node.name if isinstance(node, ast.ClassDef | ast.FunctionDef) else ""
