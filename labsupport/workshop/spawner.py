"""Starts one learner's server: as that learner, in their home, within bounds."""

from __future__ import annotations

import asyncio
import subprocess
from collections.abc import Callable

import psutil
from jupyterhub.spawner import SimpleLocalProcessSpawner
from traitlets import Dict, Integer

from labsupport.workshop.limits import THREADS, bound_process, end_largest_above


class NoSeat(Exception):
    """Why a server does not start; the hub shows it to the learner."""

    jupyterhub_message = property(str)


class Seat(SimpleLocalProcessSpawner):
    """A learner's server. Its settings come from hub.py."""

    uids = Dict(help="each person's user number; empty: all are the hub's user").tag(config=True)
    ports = Dict(help="each person's port").tag(config=True)
    extra = Dict(help="each person's environment, beyond what all get").tag(config=True)
    memory_mb = Integer(help="of one process").tag(config=True)
    total_mb = Integer(help="of all of a person's processes").tag(config=True)

    def make_preexec_fn(self, name: str) -> Callable[[], None]:
        """Runs in the new process, already as the learner."""
        return bound_process(self.memory_mb, own_user=name in self.uids)

    def get_env(self) -> dict[str, str]:
        """Only what a learner may see."""
        name = self.user.name
        return {**super().get_env(), "LOGNAME": name, **THREADS, **self.extra[name]}

    async def start(self) -> tuple[str, int]:
        """Start it as this learner: Popen changes the user before it runs anything of ours."""
        name = self.user.name
        self.port = self.ports[name]
        self.popen_kwargs = {"cwd": self.home_dir, "umask": 0o077, "stdin": subprocess.DEVNULL}
        if name in self.uids:
            uid = self.uids[name]
            self.popen_kwargs |= {"user": uid, "group": uid, "extra_groups": []}
        address: tuple[str, int] = await super().start()
        while not listens(self.pid, self.port):
            if await self.poll() is not None:
                raise NoSeat(f"The server of {name} ended as it started: try again; the hub's log says why.")
            await asyncio.sleep(0.1)
        return address

    async def poll(self) -> int | None:
        """Whether it still runs; asked every few seconds, which is also when its memory is looked at."""
        status: int | None = await super().poll()
        if status is None:
            try:
                told = end_largest_above(self.pid, self.total_mb)
            except psutil.Error:
                return status
            if told:
                self.log.warning("%s %s", self.user.name, told)
        return status


def listens(process: int, port: int) -> bool:
    """Whether this very process has opened the port: another learner's could stand there in its place.

    Raises NoSeat: the hub may not look.
    """
    try:
        opened = psutil.Process(process).net_connections("tcp4")
    except psutil.NoSuchProcess:
        return False
    except psutil.AccessDenied:
        raise NoSeat("The hub cannot see whose port is open: its container needs SYS_PTRACE.") from None
    return any(each.status == psutil.CONN_LISTEN and each.laddr.port == port for each in opened)
