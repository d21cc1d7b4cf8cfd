"""Runs cells in a new kernel, for what can only be measured there."""

from __future__ import annotations

import os
import tempfile

from nbclient import NotebookClient
from nbformat import NotebookNode

from labsupport import build

MARK = "MEASURED"  # the last cell prints this and what it found


def run(notebook: NotebookNode) -> str:
    """Run the notebook where the course's lie, with a learner's data of its own; what follows the mark."""
    where = {"metadata": {"path": str(build.NOTEBOOKS)}}
    client = NotebookClient(notebook, timeout=600, kernel_name="python3", resources=where)
    with tempfile.TemporaryDirectory() as data:
        client.execute(env={**os.environ, "LAB_DATA": data}, transport_encryption="auto")
    last = notebook.cells[-1].outputs
    return "".join(output.text for output in last if output.output_type == "stream").partition(MARK)[2]
