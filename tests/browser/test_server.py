"""The tests' own JupyterLab: a learner who begins, each time."""

from __future__ import annotations

import json
import socket

from browser.server import Jupyter


def test_a_server_that_has_written_its_address_but_does_not_listen_yet_is_waited_for(tmp_path):
    (tmp_path / "run").mkdir()
    early = Jupyter.__new__(Jupyter)  # without the wait itself
    early._run = tmp_path / "run"
    assert not early.answers()
    with socket.socket() as bound:  # to a port on which nobody listens
        bound.bind(("127.0.0.1", 0))
        told = {"url": f"http://127.0.0.1:{bound.getsockname()[1]}/", "token": "t"}
        (tmp_path / "run" / "jpserver-1.json").write_text(json.dumps(told))
        assert not early.answers()


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
