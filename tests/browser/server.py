"""A JupyterLab of the tests' own: the course's settings, nobody's home, copies of the notebooks."""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from urllib.error import URLError
from urllib.request import ProxyHandler, Request, build_opener

import nbformat
from known_servers import known
from setup_course import wait_for

from labsupport.setup.launch import command
from labsupport.setup.launch import surroundings as lab_surroundings
from labsupport.setup.problem import ROOT

# Beside the course's own settings: the opened file is never written, every cell is in the page, and the theme
# is the one that the browser says it prefers.
SETTINGS = {
    "@jupyterlab/docmanager-extension:plugin": {"autosave": False},
    "@jupyterlab/notebook-extension:tracker": {"windowingMode": "none", "scrollPastEnd": False},
    "@jupyterlab/apputils-extension:themes": {"adaptive-theme": True},
}
SERVER = "redis-8.2"  # where it is there: not the one on which nbval runs the notebooks
WARM_UP = "import matplotlib.font_manager"  # it writes a font cache into a new home, and may say so in red


class Jupyter:
    """A running JupyterLab: its `url` and `token`, the folder it serves, and the learner's `data` folder."""

    def __init__(self, folder: Path, process: subprocess.Popen[str]) -> None:
        """Waits until the server answers; fails with its log if it ends."""
        self.folder, self.data = folder / "notebooks", folder / "lab-data"
        self._run = folder / "run"
        wait_for(self.answers, process, 120)

    def answers(self) -> bool:
        """Whether it does: it writes its address into a file before it listens there."""
        for file in self._run.glob("jpserver-*.json"):
            with contextlib.suppress(ValueError, URLError):  # half written, or nobody listens yet
                told = json.loads(file.read_text())
                self.url, self.token = told["url"], told["token"]
                self._ask("GET", "kernels")
                return True
        return False

    @property
    def address(self) -> str:
        """Where JupyterLab is, with nothing open."""
        return f"{self.url}lab?token={self.token}&reset"

    def path(self, what: str | nbformat.NotebookNode) -> str:
        """What to open: a notebook of the course by its name, or any other that is given whole."""
        if not isinstance(what, str):
            file = self.folder / f"given-{len(list(self.folder.glob('given-*')))}.ipynb"
            nbformat.write(what, file)
            what = file.name
        assert (self.folder / what).is_file(), f"there is no {what}"
        return what

    def forget(self) -> None:
        """A learner who begins: no kernel runs, and nothing is on record."""
        for session in self._ask("GET", "sessions"):
            self._ask("DELETE", f"sessions/{session['id']}")
        shutil.rmtree(self.data)
        self.data.mkdir()

    def kernels(self) -> int:
        """How many run."""
        return len(self._ask("GET", "kernels"))

    def start_kernel(self) -> None:
        """One that belongs to a notebook which nobody has open."""
        kernel = {"path": "nobody.ipynb", "name": "nobody", "type": "notebook", "kernel": {"name": "python3"}}
        self._ask("POST", "sessions", json.dumps(kernel).encode())

    def _ask(self, method: str, path: str, body: bytes | None = None) -> list[dict[str, str]]:
        head = {"Authorization": f"token {self.token}"}
        request = Request(f"{self.url}api/{path}", body, head, method=method)
        with build_opener(ProxyHandler({})).open(request, timeout=60) as answer:
            return json.loads(answer.read() or "[]")


@contextlib.contextmanager
def running_jupyter(folder: Path) -> Iterator[Jupyter]:
    """JupyterLab on a port that the system picks; ended, with its kernels, when the block ends."""
    env = _surroundings(folder)
    subprocess.run([sys.executable, "-c", WARM_UP], env=env, check=True, capture_output=True, timeout=300)
    shutil.copytree(ROOT / "notebooks", folder / "notebooks", ignore=shutil.ignore_patterns("src", ".*"))
    (folder / "lab-data").mkdir()
    with (folder / "jupyter.log").open("w") as log:
        process = subprocess.Popen(
            [*_command(folder), "--ServerApp.port=0", "--LabApp.expose_app_in_browser=True"],
            cwd=folder / "notebooks",
            env=env,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=subprocess.STDOUT,
            text=True,
        )
    try:
        yield Jupyter(folder, process)
    except AssertionError:
        print((folder / "jupyter.log").read_text(), file=sys.stderr)
        raise
    finally:
        process.terminate()  # SIGTERM: it shuts its kernels down
        try:
            process.wait(60)
        finally:
            process.kill()


def _command(folder: Path) -> list[str]:
    """The one that the command `lab` starts."""
    options = argparse.Namespace(port=None, no_browser=True)
    return command(Path(sys.executable), folder / "notebooks", options)


def _surroundings(folder: Path) -> dict[str, str]:
    """The environment that `lab` makes, with a home of its own and no server or proxy of somebody else."""
    home = folder / "home"
    home.mkdir()
    _write_settings(folder / "config")
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("JUPYTER", "IPYTHON", "MPL", "XDG_", "REDIS_URL"))
        and not name.lower().endswith("_proxy")
    }
    own = {
        "HOME": str(home),
        "IPYTHONDIR": str(home / "ipython"),
        "JUPYTER_CONFIG_DIR": str(folder / "config"),
        "JUPYTER_DATA_DIR": str(folder / "data"),
        "JUPYTER_RUNTIME_DIR": str(folder / "run"),
        "LAB_DATA": str(folder / "lab-data"),
    }
    if SERVER in known():
        own["LAB_REDIS_SERVER"] = known()[SERVER]
    return lab_surroundings(ROOT, Path(sys.executable), {**kept, **own})


def _write_settings(config: Path) -> None:
    (config / "labconfig").mkdir(parents=True)
    (config / "labconfig" / "default_setting_overrides.json").write_text(json.dumps(SETTINGS))
