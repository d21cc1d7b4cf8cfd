"""The class Redis: one server for the whole room, where each learner has little but keys of their own."""

from __future__ import annotations

import contextlib
import json
import re
import resource
import socket
from collections.abc import Mapping

import redis

from labsupport.classroom import names as shared
from labsupport.errors import BadArgument, LabError, NoRedis
from labsupport.faults.spare import SpareServer
from labsupport.workshop import acl
from labsupport.workshop.passwords import readable
from labsupport.workshop.room import INSTRUCTOR

MEGABYTE = 1 << 20
PATIENCE = 60.0  # seconds; a lost admin's connection cannot be had again, so no busy moment may end it
ATTEMPTS = 20  # somebody else may take a free port first
# A name stands in a key pattern, so a * in it would be somebody else's key.
NAME = re.compile(r"(?!(class|instructor)$)[a-z][a-z0-9-]*")


class ClassServer:
    """A server of our own on TCP, gone when this process is. No learner reaches another's keys.

    Redis has no bound on the memory, connections and processor time of one user. The settings here bound what
    one command, one connection and one script take, and QuotaKeeper bounds what a learner takes in all.
    What nothing prevents: a script that writes and then never ends, or whose own variables fill the memory,
    puts an end to the class Redis. Nothing else ends with it, and nothing in it is worth keeping.

    For use: `urls` (a learner's name -> LAB_CLASS_URL) and `instructor_url`, which hold passwords; `port`;
    `names`; `admin`, the one client that may do everything.
    """

    def __init__(
        self,
        names: list[str],
        host: str = "127.0.0.1",
        port: int = 0,
        memory_mb: int = 256,
        kept: Mapping[str, str] | None = None,
    ) -> None:
        """`host`: an IPv4 address of this machine; `port`: 0 is any free one; `memory_mb`: for all keys.

        `kept`: the passwords of those who have one; the others get a new one.

        Raises BadArgument: a name that cannot be a learner's; NoRedis, LabError: it does not start or listen.
        """
        _refuse_odd(names)
        self.names = names
        self._server = _started(memory_mb)
        # A connection to the private socket, made before the door is shut: later nobody gets such a one, here
        # or on TCP. Hence only one, which must not be lost.
        self.admin = self._server.address.client(max_connections=1, socket_timeout=PATIENCE)
        try:
            _bound_process(self._server.pid, memory_mb)
            self._prepare()
            passwords = self._let_in(kept or {})
            self.port = self._listen(host, port)
        except BaseException:  # an Interrupt too
            self.close()
            raise
        urls = {name: f"redis://{name}:{word}@{host}:{self.port}/0" for name, word in passwords.items()}
        self.instructor_url = urls.pop(INSTRUCTOR)
        self.urls = urls

    def _prepare(self) -> None:
        with contextlib.suppress(redis.ResponseError):  # Redis 7.0 cannot be silent
            self.admin.config_set("loglevel", "nothing")  # or a script could fill the disk with redis.log
        self.admin.client_no_evict("ON")
        self.admin.set(shared.ROSTER, json.dumps(self.names))

    def _let_in(self, kept: Mapping[str, str]) -> dict[str, str]:
        """Make the users, and shut out whoever is none of them. Returns the passwords."""
        rules = {name: acl.learner_rules(name) for name in self.names} | {INSTRUCTOR: acl.instructor_rules()}
        passwords = {name: kept.get(name) or readable() for name in rules}
        for name, password in passwords.items():
            self._set_user(name, *acl.password_rules(password), *rules[name])
        self._set_user("default", "off", "resetpass")
        return passwords

    def let_write(self, name: str, may: bool) -> None:
        """Give or take a learner's right to write; deleting stays allowed. Raises redis.RedisError."""
        self._set_user(name, *acl.learner_rules(name, may))

    def _set_user(self, name: str, *rules: str) -> None:
        self.admin.execute_command("ACL SETUSER", name, *rules)

    def _listen(self, host: str, port: int) -> int:
        """Open the port, the wanted one or a free one. Raises LabError: it cannot be had."""
        trouble: Exception | None = None
        for _ in range(1 if port else ATTEMPTS):
            try:
                wanted = port or _free_port(host)
                self.admin.config_set("bind", host, "port", wanted)
                return wanted
            except (redis.ResponseError, OSError) as error:
                trouble = error
        raise LabError(
            f"The class Redis cannot listen at {host}, port {port or 'any'} ({trouble}): name an address of "
            "this machine and a free port."
        ) from None

    def close(self) -> None:
        """End the server: gone on return. Again is fine."""
        self._server.close()
        with contextlib.suppress(redis.RedisError):
            self.admin.shutdown(nosave=True)  # it is there only if somebody killed its watcher
        self.admin.close()

    def __enter__(self) -> ClassServer:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def __repr__(self) -> str:  # without the passwords
        return f"<ClassServer for {len(self.names)} learners>"


def _started(memory_mb: int) -> SpareServer:
    """A server within these bounds. Raises NoRedis: none starts, or it is too old to have them."""
    try:
        return SpareServer(**_bounds(memory_mb))
    except redis.ResponseError as error:
        raise NoRedis(
            f"A class needs Redis 7 or Valkey, and the server of this lab is older ({error}): unset "
            "LAB_REDIS_SERVER, or name a newer program there."
        ) from None


def _bounds(memory_mb: int) -> dict[str, object]:
    """What one command or one connection can take of what belongs to all."""
    memory = memory_mb * MEGABYTE
    return {
        "maxmemory": memory,  # when it is full, writes fail: nobody's key is evicted for another's
        "proto_max_bulk_len": MEGABYTE,  # a value, so no SETRANGE or SETBIT far out takes half a gigabyte
        "client_query_buffer_limit": 4 * MEGABYTE,  # what is sent and not yet a whole command
        "client_output_buffer_limit": f"normal {8 * MEGABYTE} {4 * MEGABYTE} 10",  # replies nobody fetches
        "maxmemory_clients": memory // 4,  # all connections; beyond it, the one that takes most is closed
        "busy_reply_threshold": 500,  # ms; a script that runs longer can be ended, and QuotaKeeper does
    }


def _bound_process(pid: int, memory_mb: int) -> None:
    """A script's own variables count nowhere in Redis; the operating system bounds them, on Linux."""
    if hasattr(resource, "prlimit"):
        most = (2 * memory_mb + 128) * MEGABYTE  # 2: memory is never used without gaps
        resource.prlimit(pid, resource.RLIMIT_DATA, (most, most))


def _refuse_odd(names: list[str]) -> None:
    for name in names:
        if not NAME.fullmatch(name):
            raise BadArgument(
                f"{name!r} cannot be a learner's name: use small letters, digits and -, a letter first, and "
                "neither class nor instructor."
            )


def _free_port(host: str) -> int:
    with socket.socket() as probe:
        probe.bind((host, 0))
        return int(probe.getsockname()[1])
