"""The cells of an executed notebook as HTML: every text, every line of code, every output."""

from __future__ import annotations

import base64
import re
from html import escape

from nbformat import NotebookNode

from labsupport.site.text import Text, columns, highlighted

IN_COLUMNS = re.compile(r"\S {2,}\S")


def cell_html(cell: NotebookNode, text: Text) -> str:
    """One cell. What the notebook folds is folded here too."""
    if cell.cell_type == "markdown":
        return text.html(cell.source)
    tags, folds = cell.metadata.get("tags", []), cell.metadata.get("jupyter", {})
    inside = highlighted(cell.source) + "".join(_output(each, text) for each in cell.outputs)
    if folds.get("source_hidden") or folds.get("outputs_hidden"):
        summary = "Solution" if "solution" in tags else "Code and output"
        inside = f"<details><summary>{summary}</summary>\n{inside}</details>\n"
    kind = "cell exercise" if "exercise" in tags else "cell"
    return f'<div class="{kind}">\n{inside}</div>\n'


def _output(output: NotebookNode, text: Text) -> str:
    """A picture with its sentence, or text. A widget is what it says to those who cannot run it."""
    said = output.text if output.output_type == "stream" else output.data["text/plain"]
    if picture := output.get("data", {}).get("image/png"):
        return f"<figure>{text.place.picture(base64.b64decode(picture), said)}</figure>\n"
    if IN_COLUMNS.search(said):
        return columns(said)
    return f'<pre class="output">{escape(said.rstrip())}</pre>\n'
