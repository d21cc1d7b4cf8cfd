"""What a notebook's cells define, for tests of the code that a lesson builds in view."""

from __future__ import annotations

import ast
from typing import Any

import jupytext

from labsupport import build


def in_view(notebook: str, *names: str, **scope: Any) -> dict[str, Any]:
    """The classes, functions and constants of these names as the cells of `notebook` ("07") define them.

    Nothing else of the notebook is run. `scope`: what they need; returned with them in it.
    """
    [source] = [source for source in build.sources() if source.stem.startswith(f"{notebook}-")]
    cells = [cell.source for cell in jupytext.read(source).cells if cell.cell_type == "code"]
    found = [node for node in ast.parse("\n".join(cells)).body if _name(node) in names]
    assert sorted(map(_name, found)) == sorted(names)  # each is there, and once
    exec(compile(ast.Module(found, []), source, "exec"), scope)
    return scope


def _name(node: ast.stmt) -> str:
    """What this statement defines, or "" if it is no definition."""
    if isinstance(node, ast.Assign):
        return ast.unparse(node.targets[0])
    return node.name if isinstance(node, ast.ClassDef | ast.FunctionDef) else ""
