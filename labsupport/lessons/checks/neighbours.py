"""The stage of notebook 08's second exercise: an application's keys on a server that others use, too."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import redis

from labsupport.lab import Lab
from labsupport.lessons.checks.orders import Function
from labsupport.lessons.exercises import Stop
from labsupport.lessons.given import Theirs, call, shown
from labsupport.lessons.places import Killed, Wire, client_on

SESSIONS, JOBS = 200, 40
TRIPS = 3  # for each key on the server; two would do, and whoever sends more is in an endless loop

# Of others' keys the value as Redis dumps it, and whether it has a deadline; of ours only the names.
Keys = dict[str, tuple[Any, bool] | None]


class Watched(Wire):
    """A wire that notes how many keys there are before each round trip, and may be too late."""

    def __init__(self, client: redis.Redis, lives: int, robbed: tuple[str, ...]) -> None:
        """`robbed`: of these, the first that is named for deletion is deleted by another instance before."""
        super().__init__(lives)
        self._client, self._robbed = client, robbed
        self.sizes: dict[int, int] = {}  # by the number of the round trip
        self.gone: str | None = None

    def send(self, packed: Any) -> None:
        """Note one round trip."""
        super().send(packed)
        commands = Wire(trips=self.trips[-1:]).commands
        self.sizes[len(self.trips) - 1] = self._client.dbsize()
        if self.gone is None and {"DEL", "UNLINK"}.intersection(commands):
            named = (key for key in self._robbed if f"\r\n{key}\r\n".encode() in self.trips[-1])
            self.gone = next(named, None)
            if self.gone:
                self._client.delete(self.gone)


@dataclass
class Run:
    """One call of the learner's function, and what was on the server before and after it."""

    wire: Watched
    used: set[str]  # the commands that the server ran meanwhile, in scripts too, in lower case
    prefix: str
    before: Keys
    after: Keys
    returned: Any

    @property
    def ours(self) -> set[str]:
        """The keys with the prefix."""
        return {key for key in self.before if key.startswith(self.prefix)}

    @property
    def facts(self) -> dict[str, Any]:
        """What every reply may say."""
        ours, keys = len(self.ours), len(self.before)
        facts = {"prefix": self.prefix, "ours": ours, "keys": keys, "others": keys - ours}
        return facts | {"given": shown(self.returned), "sessions": SESSIONS, "jobs": JOBS}

    @property
    def touched(self) -> list[str]:
        """Others' keys that are no longer as they were."""
        others = self.before.keys() - self.ours
        return sorted(key for key in others if self.after.get(key) != self.before[key])

    def most_at_once(self) -> tuple[int, list[str]]:
        """How many keys went in one round trip at most, and the commands of that."""
        sizes = [*self.wire.sizes.values(), len(self.after)]
        drops = [before - after for before, after in itertools.pairwise(sizes)]
        most, trip = max(zip(drops, self.wire.sizes))
        return most, Wire(trips=[self.wire.trips[trip]]).commands


def cleared(
    lab: Lab,
    function: Function,
    prefix: str,
    count: int,
    more: Mapping[str, str] | None = None,
    robbed: bool = False,
) -> Run:
    """Run clear_cache among so many keys with its prefix, and others', to which `more` belong.

    `robbed`: another instance deletes a key just before the function does. Stop: it sends nothing, or no end.
    """
    _set(lab.redis, prefix, count, more)
    before = _everything(lab.redis, prefix)
    lab.redis.config_resetstat()
    wire = Watched(lab.redis, TRIPS * len(before), tuple(sorted(before)) if robbed else ())
    try:
        with client_on(wire, lab) as client:
            returned = call(function, client, prefix)
    except Theirs as error:
        if isinstance(error.__cause__, Killed):
            raise Stop("endless", sent=len(wire.trips), keys=len(before)) from None
        raise
    if not wire.commands:
        raise Stop("nothing_sent")
    used = {str(name).removeprefix("cmdstat_") for name in lab.redis.info("commandstats")}
    return Run(wire, used, prefix, before, _everything(lab.redis, prefix), returned)


def _set(client: redis.Redis, prefix: str, count: int, more: Mapping[str, str] | None) -> None:
    """Two applications' keys of several kinds, next to so many with this prefix, which are as mixed."""
    client.flushall()
    client.mset({f"session:{number}": f"user {number}" for number in range(SESSIONS)})
    client.rpush("queue:emails", *range(JOBS))
    client.mset({f"work{prefix}7": "a course", f"{prefix[:-1]}ping:7": "a list", prefix.upper(): "shouted"})
    client.set("session:brief", "user 7", ex=1_800)
    if count:
        client.mset({f"{prefix}{number}": number for number in range(count)})
        client.hset(f"{prefix}hash", "title", "Caching")
        client.rpush(f"{prefix}list", 1, 2)
        client.zadd(f"{prefix}ranks", {"a": 1})
        client.set(f"{prefix}brief", 1, ex=1_800)
    if more:
        client.mset(more)


def _everything(client: redis.Redis, prefix: str) -> Keys:
    """All that is on the server; of keys with the prefix only the names."""
    names = {key.decode(errors="replace"): key for key in client.scan_iter(count=1_000)}
    others = [name for name in names if not name.startswith(prefix)]
    with client.pipeline(transaction=False) as pipe:
        for name in others:
            pipe.dump(names[name])
            pipe.ttl(names[name])
        replies = pipe.execute()
    kept = zip(replies[::2], (ttl != -1 for ttl in replies[1::2]))
    return dict.fromkeys(names) | dict(zip(others, kept))
