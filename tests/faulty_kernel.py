"""A Jupyter kernel of a test's own, with a home that nobody else uses, and what its cells have shown."""

from __future__ import annotations

import os
import re
import sys
from dataclasses import dataclass, field
from pathlib import Path
from queue import Empty

import nbformat
import psutil
from jupyter_client.manager import KernelManager
from nbformat import NotebookNode
from servers import becomes_true

from labsupport import build

SERVERS = "[(s.pid, s.address.settings['path']) for s in labsupport.server.own._open if hasattr(s, 'pid')]"
SENTENCE = re.compile(r"\w+: [^\n]+\.( \(line \d+ of your cell\))?")


class Broken(AssertionError):
    """Something did not go as a learner may expect: what, and where."""


@dataclass
class Ran:
    """What a cell has shown."""

    outputs: list[NotebookNode] = field(default_factory=list)

    @property
    def errors(self) -> list[str]:
        """Each error, as it stands on the page."""
        return ["\n".join(output.traceback) for output in self.outputs if output.output_type == "error"]

    @property
    def complaints(self) -> str:
        """What stands on stderr."""
        return "".join(output.text for output in self.outputs if output.get("name") == "stderr")

    @property
    def sentence(self) -> str:
        """The one sentence that the learner sees, "" if all went well. Broken: there is anything else."""
        if self.complaints or len(self.errors) > 1:
            raise Broken(f"more than one sentence:\n{self.complaints}{self.errors}")
        if self.errors and not SENTENCE.fullmatch(self.errors[0]):
            raise Broken(f"no sentence:\n{self.errors[0]}")
        return self.errors[0] if self.errors else ""

    @property
    def said(self) -> str:
        """All words and the places of the pictures, as strict nbval compares them."""
        return build.without_marks("".join(map(_words, self.outputs)))

    def is_as(self, committed: NotebookNode) -> bool:
        """Whether this is the cell's committed output."""
        wanted, said = Ran(committed.outputs).said, self.said
        return said == wanted or (
            NOT_KEPT.sub(" ", said).split() == wanted.split() and bool(NOT_KEPT.search(said))
        )


# IPython's own note, once in a kernel whose home cannot be written to; a thread prints it, anywhere.
NOT_KEPT = re.compile(
    r"The history saving thread hit an unexpected error .*\.History will not be written to the database\."
)


def _words(output: NotebookNode) -> str:
    data = output.get("data", {})
    picture = "\n<picture>\n" if "image/png" in data else ""
    return picture + output.get("text", "") + data.get("text/plain", "") + data.get("text/html", "")


class Kernel:
    """A Jupyter kernel that has its home, temporary files, record and notebooks all in this one folder.

    `prefix`: a program that starts it, as setpriv does.
    """

    def __init__(self, folder: Path, prefix: tuple[str, ...] = (), **environ: str) -> None:
        self.folder, self.temporary = folder, folder / "tmp"
        places = {"HOME": folder / "home", "TMPDIR": self.temporary, "LAB_DATA": folder / "home/record"}
        for place in (*places.values(), folder / "notebooks"):
            place.mkdir(parents=True, exist_ok=True)
        for name in ("data", "src"):
            (folder / "notebooks" / name).symlink_to(build.NOTEBOOKS / name)
        self._manager = KernelManager(kernel_name="python3")
        self._manager.transport_encryption = "auto"  # else kernels warn on the terminal
        self._manager.kernel_spec.argv[:1] = (*prefix, sys.executable)
        places |= {"IPYTHONDIR": folder / "home/ipython", "JUPYTER_RUNTIME_DIR": self.temporary}
        environ = {**os.environ, **{name: str(place) for name, place in places.items()}, **environ}
        self._manager.start_kernel(env=environ, cwd=str(folder / "notebooks"))
        self._client = self._manager.client()
        self._client.start_channels()
        self._client.wait_for_ready(timeout=60)
        self.process = psutil.Process(self._manager.provisioner.pid)
        self.ask("0", "import labsupport.server.own")

    def run(self, code: str, seconds: float = 120) -> Ran:
        """Run a cell as a notebook does."""
        ran = Ran()

        def note(message: dict) -> None:
            if message["msg_type"] in ("stream", "display_data", "execute_result", "error"):
                ran.outputs.append(nbformat.v4.output_from_msg(message))

        try:
            self._client.execute_interactive(
                code, output_hook=note, allow_stdin=False, stop_on_error=False, timeout=seconds
            )
        except (TimeoutError, Empty):
            raise Broken(f"the cell did not end within {seconds} s") from None
        return ran

    def restart(self) -> None:
        """What Jupyter's "Restart Kernel" does."""
        self._manager.restart_kernel()
        self._client.wait_for_ready(timeout=60)
        self.process = psutil.Process(self._manager.provisioner.pid)
        self.ask("0", "import labsupport.server.own")

    def ask(self, expression: str, code: str = "") -> object:
        """The value of an expression in the kernel, behind the back of the lab: no cell is run for it."""
        settings = {"silent": True, "store_history": False, "allow_stdin": False}
        reply = self._client.execute_interactive(
            code, user_expressions={"value": expression}, output_hook=lambda _: None, timeout=60, **settings
        )
        value = reply["content"]["user_expressions"]["value"]
        if "data" not in value:
            raise Broken(f"{expression}: {value}")
        return eval(value["data"]["text/plain"], {"__builtins__": {}})

    def servers(self) -> list[tuple[int, str]]:
        """The pid and the socket of each server that the kernel's labs have and that still lives."""
        return [(pid, path) for pid, path in self.ask(SERVERS) if psutil.pid_exists(pid)]

    def close(self) -> None:
        """End it as Jupyter does. Broken: something of it is left."""
        children = self.process.children(recursive=True)
        self._client.stop_channels()
        self._manager.shutdown_kernel()
        becomes_true(lambda: not self._left(children))
        if left := self._left(children):
            raise Broken(f"left behind: {left}")

    def _left(self, children: list[psutil.Process]) -> list[str]:
        # Matplotlib makes a folder here if home is read-only. It stays if the kernel is killed in the end, as
        # Jupyter does where multiprocessing was used: the tracker of its resources hears no SIGTERM.
        files = [path.name for path in self.temporary.iterdir() if not path.name.startswith("matplotlib-")]
        return [*files, *(str(child) for child in children if child.is_running())]
