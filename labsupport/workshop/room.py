"""Who takes part in a workshop, under which user of the system, and where everything of theirs lies."""

from __future__ import annotations

import contextlib
import fcntl
import os
import pwd
import re
from dataclasses import dataclass
from pathlib import Path

import psutil

from labsupport.server import watcher
from labsupport.setup.problem import SetupProblem

INSTRUCTOR = "instructor"
WATCHER = str(Path(watcher.__file__))
FIRST_UID = 59_000  # systems hand out new accounts from 1000 upwards, and keep what is above 60000


def learner_names(count: int) -> list[str]:
    """learner-01 and so on; as many digits as the last one needs."""
    width = max(2, len(str(count)))
    return [f"learner-{number:0{width}}" for number in range(1, count + 1)]


@dataclass
class Room:
    """A workshop's folder. `separate`: each of the people is a Unix user of their own."""

    folder: Path
    names: list[str]  # the learners
    separate: bool

    @property
    def people(self) -> list[str]:
        """The learners, and the instructor."""
        return [*self.names, INSTRUCTOR]

    @property
    def secret(self) -> Path:
        """Passwords' hashes and the hub's state: for the user who started the workshop alone."""
        return self.folder / "secret"

    @property
    def homes(self) -> Path:
        """The folder of all homes."""
        return self.folder / "learners"

    def home(self, name: str) -> Path:
        """Where all that this person makes is kept."""
        return self.homes / name

    def uid(self, name: str) -> int | None:
        """The person's user and group number; no account has it. None: the one who started the workshop."""
        return FIRST_UID + int(re.sub(r"\D", "", name) or 0) if self.separate else None

    def processes(self) -> list[psutil.Process]:
        """All that runs for this room: known by its user, or by having one of its folders as its home."""
        uids = {uid for name in self.people if (uid := self.uid(name)) is not None}
        homes = {str(folder) for folder in (self.secret, *map(self.home, self.people))}
        found = []
        for process in psutil.process_iter():
            with contextlib.suppress(psutil.Error):  # another user's, or gone
                if process.uids().real in uids or process.environ().get("HOME") in homes:
                    found.append(process)
        return found

    def clear(self) -> None:
        """End whatever is left of a hub that was killed."""
        _kill([process for process in self.processes() if WATCHER not in words(process)])
        # A watcher ends its server once nobody holds it any more. Killed before, it would leave the server
        # behind, and nobody would find that one: Valkey overwrites what its process has as its environment.
        psutil.wait_procs(self.processes(), timeout=5)
        _kill(self.processes())

    def __enter__(self) -> Room:
        """Hold the room: only one command at a time runs in it. Raises SetupProblem: another one does."""
        self._prepare()
        self._lock = (self.secret / "lock").open("w")
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise SetupProblem(
                f"A workshop is running in {self.folder}; end it, or choose another --folder."
            ) from None
        self.clear()
        return self

    def __exit__(self, *_: object) -> None:
        self._lock.close()

    def _prepare(self) -> None:
        """Make every folder that is not there yet. What is there stays as it is.

        Raises SetupProblem: the folder is used for something else, and must not be closed for others.
        """
        if self.folder.exists() and not self.secret.exists() and any(self.folder.iterdir()):
            raise SetupProblem(
                f"{self.folder} has other things in it: name a --folder of the workshop's own."
            )
        for folder, mode in ((self.folder, 0o711), (self.secret, 0o700), (self.homes, 0o711)):
            folder.mkdir(mode=0o700, exist_ok=True)
            folder.chmod(mode)

    def make_homes(self) -> None:
        """One for each of the people, and theirs alone. Raises SetupProblem: one is somebody else's."""
        for name in self.people:
            self._make_home(name)

    def _make_home(self, name: str) -> None:
        home, uid = self.home(name), self.uid(name)
        if not home.exists():
            home.mkdir(mode=0o700)
            if uid is not None:
                _refuse_account(uid)
                os.chown(home, uid, uid)
        wanted = os.getuid() if uid is None else uid
        if home.lstat().st_uid != wanted:
            raise SetupProblem(
                f"{home} belongs to another user than this workshop would run it as: start it as it was "
                "before (--one-user or not, root or not), or choose another --folder."
            )


def _kill(processes: list[psutil.Process]) -> None:
    for process in processes:
        with contextlib.suppress(psutil.Error):
            process.kill()
    psutil.wait_procs(processes, timeout=10)


def words(process: psutil.Process) -> list[str]:
    """Its command line; [] if it has gone."""
    try:
        return list(process.cmdline())
    except psutil.Error:
        return []


def _refuse_account(uid: int) -> None:
    try:
        owner = pwd.getpwuid(uid).pw_name
    except KeyError:
        return
    raise SetupProblem(f"User number {uid} belongs to {owner} on this machine; use --one-user instead.")
