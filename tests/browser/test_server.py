"""The tests' own JupyterLab: a learner who begins, each time."""

from __future__ import annotations


def test_a_new_learner_finds_no_kernel_running_and_nothing_on_record(jupyter):
    jupyter.forget()
    jupyter.start_kernel()
    (jupyter.data / "record.json").write_text("{}")
    assert jupyter.kernels() == 1
    jupyter.forget()
    assert jupyter.kernels() == 0
    assert list(jupyter.data.iterdir()) == []


def test_it_serves_the_notebooks_and_their_data_as_copies(jupyter):
    served = {path.relative_to(jupyter.folder).as_posix() for path in jupyter.folder.rglob("*")}
    assert {"00-start-here.ipynb", "data/twitter-cluster52.csv.gz"} <= served
    assert not any(path.startswith("src") for path in served)
