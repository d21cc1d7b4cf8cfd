"""From a notebook's source (notebooks/src/*.py) to the executed notebook that is committed.

The build is repeatable to the byte: ids from the position, no timings, no widget state, and a figure
of a cell tagged `measured` (its numbers depend on the machine) is kept as long as its cell is unchanged.
"""

from __future__ import annotations

import argparse
import base64
import io
import json
import os
import platform
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jupytext
import nbformat
import numpy as np
from matplotlib.image import imread
from nbclient import NotebookClient
from nbformat import NotebookNode

from labsupport.classroom.names import CLASS_URL, INSTRUCTOR_URL
from labsupport.figures.style import HERE

NOTEBOOKS = Path(__file__).parent.parent / "notebooks"
README_FIGURE = NOTEBOOKS.parent / ".github" / "four-lines-into-one.png"
WIDGET_VIEW = "application/vnd.jupyter.widget-view+json"
CELL_SECONDS = 60
NO_CLASS = {CLASS_URL: "", INSTRUCTOR_URL: ""}
Picture = str | None  # base64 of a PNG, where an output has one
KERNEL = {"name": "python3", "display_name": "Python 3", "language": "python"}


def sources() -> list[Path]:
    """The notebooks' sources, in the order of the series."""
    return sorted((NOTEBOOKS / "src").glob("[0-9][0-9]-*.py"))


def dashboards() -> list[Path]:
    """The sources of what is not a lesson: it is for the instructor of a class."""
    return sorted((NOTEBOOKS / "src").glob("class-*.py"))


def built(source: Path) -> Path:
    """Where the executed notebook of `source` stands."""
    folder = NOTEBOOKS / "teaching" if source in dashboards() else NOTEBOOKS
    return folder / f"{source.stem}.ipynb"


def read_source(source: Path) -> NotebookNode:
    """The notebook that `source` describes, not yet run, with stable cell ids and fixed metadata."""
    notebook: NotebookNode = jupytext.read(source)
    for position, cell in enumerate(notebook.cells):
        cell.id = f"{source.stem[:2]}-{position:02d}"
        cell.metadata = {k: v for k, v in cell.metadata.items() if k != "lines_to_next_cell"}
    notebook.nbformat, notebook.nbformat_minor = 4, 5
    return _with_fixed_metadata(notebook)


def _with_fixed_metadata(notebook: NotebookNode) -> NotebookNode:
    """The same notebook without what an editor or a kernel notes of itself, such as its version."""
    notebook.metadata = {"kernelspec": dict(KERNEL), "language_info": {"name": "python"}}
    return notebook


def run(notebook: NotebookNode, timeout: int = CELL_SECONDS, **hooks: Any) -> NotebookNode:
    """Execute every cell in the notebooks' folder; returns the notebook with outputs only a reader needs.

    The learner's own notes and class stay out of it: LAB_DATA is an empty folder for the time. REDIS_URL and
    LAB_REDIS_SERVER hold as ever. `timeout`: seconds for a cell; `hooks`: nbclient's, as on_cell_executed.
    Raises nbclient's CellExecutionError if a cell fails.
    """
    with tempfile.TemporaryDirectory(prefix="lab-data-") as data:
        client = NotebookClient(
            notebook,
            timeout=timeout,
            kernel_name="python3",
            record_timing=False,
            resources={"metadata": {"path": str(NOTEBOOKS)}},
            **hooks,
        )
        # "auto": kernels warn on the terminal about connections that are not encrypted.
        client.execute(env=os.environ | NO_CLASS | {"LAB_DATA": data}, transport_encryption="auto")
    for cell in notebook.cells:
        if "outputs" in cell:
            cell.outputs = _in_one_piece(cell.outputs)
        for output in cell.get("outputs", []):
            if len(output.get("data", {})) > 1:
                output["data"].pop(WIDGET_VIEW, None)
    nbformat.validate(_with_fixed_metadata(notebook))
    return notebook


def _in_one_piece(outputs: list[NotebookNode]) -> list[NotebookNode]:
    """What was printed without a picture between comes as one output, however the kernel cut it up."""
    joined: list[NotebookNode] = []
    for output in outputs:
        before = joined[-1] if joined else {}
        if output.output_type == "stream" and before.get("name") == output.name:
            before["text"] += output.text
        else:
            joined.append(output)
    return joined


def keep_measurements(fresh: NotebookNode, committed: NotebookNode) -> NotebookNode:
    """Carry over what only differs because it was measured again; returns `fresh`.

    That is the output of a cell, all of it or nothing, if its source is unchanged and its output too, but
    for the `[here: ...]` marks and for the picture of a cell tagged `measured`.
    """
    before = {cell.source: cell for cell in committed.cells if cell.cell_type == "code"}
    for cell in fresh.cells:
        if cell.cell_type == "code" and cell.source in before:
            same_picture = _any_picture if "measured" in cell.metadata.get("tags", []) else _equal_picture
            if _same_outputs(cell, before[cell.source], same_picture):
                cell.outputs = before[cell.source].outputs
    return fresh


def _same_outputs(
    new: NotebookNode, old: NotebookNode, same_picture: Callable[[Picture, Picture], bool]
) -> bool:
    """All outputs of two cells alike but for `[here: ...]` marks (a Markdown cell has none)."""
    first, second = new.get("outputs", []), old.get("outputs", [])
    return len(first) == len(second) and all(
        _words(a) == _words(b) and same_picture(_picture(a), _picture(b))
        for a, b in zip(first, second, strict=True)
    )


def _picture(output: NotebookNode) -> Picture:
    picture: Picture = output.get("data", {}).get("image/png")
    return picture


def _any_picture(new: Picture, old: Picture) -> bool:
    """A measured picture differs each time; it only has to be there."""
    return (new is None) == (old is None)


def _equal_picture(new: Picture, old: Picture) -> bool:
    return new == old


def _close_picture(new: Picture, old: Picture) -> bool:
    """Equal size and a pixel RMS below 1 of 255: what another platform's renderer may change."""
    if new is None or old is None:
        return new is old
    first, second = (imread(io.BytesIO(base64.b64decode(picture))) for picture in (new, old))
    if first.shape != second.shape:
        return False
    return 255 * float(np.sqrt(np.mean((first - second) ** 2))) < 1


def _words(output: NotebookNode) -> str:
    """All of an output but its picture and its number, as text without the marks' contents."""
    data = {kind: value for kind, value in output.get("data", {}).items() if kind != "image/png"}
    return without_marks(json.dumps(output | {"data": data, "execution_count": None}, sort_keys=True))


def without_marks(text: str) -> str:
    """`text` with every `[here: ...]` emptied, as the tests compare it."""
    return HERE.sub("[here: ]", text)


def differences(fresh: NotebookNode, committed: NotebookNode) -> list[str]:
    """One sentence for each cell that is not what a rebuild gives; empty if all is well."""
    if [c.id for c in fresh.cells] != [c.id for c in committed.cells]:
        return ["its cells are not those of its source: run refresh"]
    found = []
    for new, old in zip(fresh.cells, committed.cells, strict=True):
        if (new.source, new.metadata) != (old.source, old.metadata):
            found.append(f"cell {new.id}: its source differs")
        elif not _same_outputs(new, old, SAME_PICTURE):
            found.append(f"cell {new.id}: its output differs")
    return found


# Pictures are committed from Linux on x86-64, and there they must come out the same to the byte.
REFERENCE = (platform.system(), platform.machine()) == ("Linux", "x86_64")
SAME_PICTURE = _equal_picture if REFERENCE else _close_picture


def refresh(source: Path) -> bool:
    """Rebuild one notebook; True if the committed file changed."""
    target = built(source)
    fresh = run(read_source(source))
    before = target.read_text(encoding="utf-8") if target.exists() else ""
    if before:
        fresh = keep_measurements(fresh, nbformat.reads(before, as_version=4))
    text: str = nbformat.writes(fresh) + "\n"
    target.write_text(text, encoding="utf-8")
    for picture in readme_pictures(fresh):
        README_FIGURE.write_bytes(picture)
    return text != before


def readme_pictures(notebook: NotebookNode) -> list[bytes]:
    """The pictures of the cell tagged `readme`, as PNG bytes; one cell in the series has the tag."""
    tagged = [c for c in notebook.cells if "readme" in c.metadata.get("tags", [])]
    return [base64.b64decode(p) for c in tagged for p in map(_picture, c.outputs) if p is not None]


def check(source: Path) -> list[str]:
    """Rebuild one notebook in memory and say where the committed one differs; nothing is written."""
    if not built(source).exists():
        return ["it was never built: run refresh"]
    committed = nbformat.read(built(source), as_version=4)
    return differences(keep_measurements(run(read_source(source)), committed), committed)


def main(argv: list[str]) -> int:
    """`refresh [NN ...]` rebuilds, `refresh --check` compares; 0 if all is well."""
    parser = argparse.ArgumentParser(
        prog="labsupport refresh", description="Rebuild notebooks from notebooks/src."
    )
    parser.add_argument(
        "names", nargs="*", metavar="NN", help="which notebooks, such as 02 or class (default: all)"
    )
    parser.add_argument(
        "--check", action="store_true", help="change nothing; say what a rebuild would change"
    )
    options = parser.parse_args(argv)
    every = [*sources(), *dashboards()]
    chosen = [s for s in every if not options.names or s.stem.startswith(tuple(options.names))]
    if not chosen:
        parser.error(f"no source in notebooks/src begins with {' or '.join(options.names)}")
    return max(_report(source, options.check) for source in chosen)


def _report(source: Path, only_check: bool) -> int:
    """Refresh or check one notebook and print one line about it; 1 if the check found something."""
    if only_check:
        found = check(source)
        print(f"{source.stem}: {'; '.join(found) or 'as built'}")
        return int(bool(found))
    print(f"{source.stem}: {'rebuilt' if refresh(source) else 'unchanged'}")
    return 0
