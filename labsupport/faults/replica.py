"""A real replica of a spare server, through a link that can be cut."""

from __future__ import annotations

from labsupport.errors import LabError
from labsupport.faults.link import Link
from labsupport.faults.spare import SpareServer, wait_until
from labsupport.races.processes import undisturbed
from labsupport.server.address import Address
from labsupport.server.clients import LabRedis

# The first copy would take a second or more: each side waits for the next look at what is due.
_PRIMARY = {"repl-diskless-sync": "yes", "repl-diskless-sync-delay": "0", "hz": "100"}
_REPLICA = {"repl_diskless_load": "swapdb", "hz": "100"}


class Replica:
    """A second server that repeats what its primary does, a moment later; gone at the end of `with`.

    For use: `redis` (a client), `address` (for further ones). In sync at first.
    """

    def __init__(self, primary: SpareServer) -> None:
        """Start it. NoRedis: no server to be had; LabError: it did not get in sync."""
        self._primary = primary
        self._server: SpareServer | None = None
        self._link: Link | None = None
        try:
            with undisturbed():
                self._server = SpareServer(**_REPLICA)
            self.redis: LabRedis = self._server.redis
            self.address: Address = self._server.address
            self.mend()
            self.catch_up()
        except BaseException:  # an Interrupt too
            self.close()
            raise

    def cut(self) -> None:
        """The link is dead: nothing that the primary does from now on reaches the replica."""
        with undisturbed():
            if self._link:
                self._link.cut()

    def mend(self) -> None:
        """The link works again, so that the replica follows its primary; `catch_up` waits for it."""
        for name, value in _PRIMARY.items():
            self._primary.redis.config_set(name, value)
        with undisturbed():
            before, self._link = self._link, Link(self._primary.address.settings["path"], self._opened().pid)
            try:
                self.redis.replicaof("127.0.0.1", self._link.port)
            finally:
                if before:
                    before.close()  # not sooner: the replica would go on trying a port that others may get

    def catch_up(self) -> None:
        """Wait until it has done all that its primary has done so far. LabError: it cannot."""
        wanted = self._primary.redis.info("replication")["master_repl_offset"]

        def is_there() -> bool:
            info = self.redis.info("replication")
            return bool(info.get("master_link_status") == "up" and info["slave_repl_offset"] >= wanted)

        wait_until(is_there, "The replica does not catch up")

    def promote(self) -> None:
        """REPLICAOF NO ONE: it is a primary itself from now on, with what it has got so far."""
        self.cut()
        self.redis.replicaof("NO", "ONE")

    def close(self) -> None:
        """End it and its link: gone on return. Again is fine."""
        with undisturbed():
            server, self._server = self._server, None
            link, self._link = self._link, None
            if server:
                server.close()
            if link:
                link.close()

    def _opened(self) -> SpareServer:
        if self._server is None:
            raise LabError("This replica is closed: run the cell that opens it again.")
        return self._server

    def __repr__(self) -> str:
        return "<Replica>" if self._server else "<Replica, closed>"

    def __enter__(self) -> Replica:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()
