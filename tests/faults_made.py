"""What can go wrong before a cell: servers killed, frozen or full, a read-only home, a full disk."""

from __future__ import annotations

import contextlib
import itertools
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path

import psutil
import redis
from faulty_kernel import Kernel
from servers import becomes_true

# Of the labs' own clients, so that a frozen server is noticed soon; a learner waits 2 s for each command.
PATIENCE = """
for server in labsupport.server.own._open:
    if connection := server.redis.connection:
        connection.socket_timeout = {0}
        if connection._sock:
            connection._sock.settimeout({0})
"""


class Fault:
    """What is done before a cell: nothing. `struck`: how often there was something to do."""

    def __init__(self, kernel: Kernel) -> None:
        self.kernel, self.struck = kernel, 0

    def strike(self) -> None:
        """Do it."""

    def heal(self) -> None:
        """The cause is gone."""

    def delete_keys(self) -> None:
        """What a learner deletes on a full server: what filled it."""


class Killed(Fault):
    """The lab's servers are dead."""

    def strike(self) -> None:
        servers = self.kernel.servers()
        for pid, _ in servers:
            os.kill(pid, signal.SIGKILL)
        becomes_true(lambda: not self.kernel.servers())
        self.struck += bool(servers)


class SpareKilled(Fault):
    """While the cell runs, the first server that it starts, for itself or for a check, is killed."""

    def __init__(self, kernel: Kernel) -> None:
        super().__init__(kernel)
        self._dice = random.Random(8)

    def strike(self) -> None:
        self._over, self._known = threading.Event(), {pid for pid, _ in self.kernel.servers()}
        self._thread = threading.Thread(target=self._lie_in_wait)
        self._thread.start()

    def heal(self) -> None:
        self._over.set()
        self._thread.join()

    def _lie_in_wait(self) -> None:
        moment = self._dice.choice([0, 0.01, 0.1])  # within a short check, a longer one, an experiment
        while not self._over.wait(0.005):
            for process in self.kernel.process.children(recursive=True):
                with contextlib.suppress(psutil.Error):
                    if "unixsocket" in " ".join(process.cmdline()[:2]) and process.pid not in self._known:
                        self._over.wait(moment)
                        process.kill()
                        self.struck += 1
                        return


class Frozen(Fault):
    """The lab's servers take what they are sent and do not answer."""

    def strike(self) -> None:
        self.struck += self._signal(signal.SIGSTOP, patience=0.25)

    def heal(self) -> None:
        self._signal(signal.SIGCONT, patience=2)

    def _signal(self, number: int, patience: float) -> bool:
        servers = self.kernel.servers()
        for pid, _ in servers:
            os.kill(pid, number)
        self.kernel.ask("0", PATIENCE.format(patience))
        return bool(servers)


class Full(Fault):
    """The lab's servers have no room left: one big value of the learner's fills them to their limit."""

    FILLER = "mine"

    def strike(self) -> None:
        for client in self._clients():
            limit = int(client.config_get("maxmemory")["maxmemory"])
            with contextlib.suppress(redis.exceptions.OutOfMemoryError):  # full already
                client.setrange(self.FILLER, limit, "x")
        self.struck += bool(self.kernel.servers())

    def delete_keys(self) -> None:
        for client in self._clients():
            client.delete(self.FILLER)

    heal = delete_keys

    def _clients(self) -> Iterator[redis.Redis]:
        for _, path in self.kernel.servers():
            with redis.Redis(unix_socket_path=path, protocol=2) as client:
                yield client


class Unwritable(Fault):
    """Home, record and the notebooks' folder are read-only. Root needs `Kernel(folder, AS_USER)`."""

    def strike(self) -> None:
        self._mode(0o500)
        self.struck += 1

    def heal(self) -> None:
        self._mode(0o700)

    def _mode(self, mode: int) -> None:
        for folder in ("home", "notebooks"):
            top = self.kernel.folder / folder
            for place in [top, *(path for path in top.rglob("*") if path.is_dir() and not path.is_symlink())]:
                place.chmod(mode)


class DiskFull(Fault):
    """No byte and no name more fits on the disk that has all of the kernel's folders (see `small_disk`)."""

    def strike(self) -> None:
        filler = self.kernel.folder / "filler"
        with contextlib.suppress(OSError), filler.open("ab", buffering=0) as file:
            while True:
                file.write(bytes(4096))
        with contextlib.suppress(OSError):
            for number in itertools.count():
                (self.kernel.folder / f"filler-{number}").touch()
        self.struck += 1

    def heal(self) -> None:
        for path in self.kernel.folder.glob("filler*"):
            path.unlink()


# Root may write everywhere; without these two capabilities the modes of files hold for root, too.
AS_USER = ("setpriv", "--bounding-set=-dac_override,-dac_read_search") if os.getuid() == 0 else ()
FAULTS = {
    "kill": Killed,
    "spare": SpareKilled,
    "freeze": Frozen,
    "full": Full,
    "unwritable": Unwritable,
    "disk": DiskFull,
}


def can_mount() -> bool:
    """Whether this user may make a small disk; only root on Linux may."""
    return sys.platform == "linux" and os.getuid() == 0


@contextlib.contextmanager
def small_disk() -> Iterator[Path]:
    """A disk of 8 MB and 500 names, in memory."""
    with tempfile.TemporaryDirectory(prefix="lab-") as folder:
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8m,nr_inodes=500", "lab", folder], check=True)
        try:
            yield Path(folder)
        finally:
            subprocess.run(["umount", "--lazy", folder], check=True)


@contextlib.contextmanager
def kernel_for(fault: str) -> Iterator[Kernel]:
    """A kernel in which this fault can be made; gone afterwards. Broken: something of it is left."""
    with contextlib.ExitStack() as stack:
        plain = tempfile.TemporaryDirectory(prefix="lab-")
        folder = stack.enter_context(small_disk() if fault == "disk" else plain)
        kernel = Kernel(Path(folder), AS_USER if fault == "unwritable" else ())
        try:
            yield kernel
        finally:
            kernel.close()
