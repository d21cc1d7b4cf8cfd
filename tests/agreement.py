"""Whether a real fleet and its model agree on a scenario: hit for hit, and in the reads of each key."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scenarios import SERVER, Part, Scenario, random_scenario

from labsupport import Clock, CourseCatalog, Fleet, LocalCache, SharedCache, simulate, start_lab
from labsupport.caches import Cache
from labsupport.errors import LabTimeSlipped
from labsupport.lab import Lab
from labsupport.labtime import LabTime
from labsupport.routes import Route, assign, lab_ticks


class CountedCatalog(CourseCatalog):
    """The course's catalogue; it also counts the reads of each key."""

    def __init__(self) -> None:
        super().__init__()
        self.asked: Counter[str] = Counter()

    def read(self, key: str) -> bytes:
        self.asked[key] += 1
        return super().read(key)


SEEDS = 1_000_000  # as many lie between the servers' first seeds, so that no scenario comes twice
CATALOG = CountedCatalog()  # filling one takes longer than most scenarios


class NamesOfItsOwn:
    """A cache on the same Redis that puts its number before every key, and so is private again."""

    def __init__(self, shared: SharedCache, number: int) -> None:
        self.shared, self.number = shared, number

    def get(self, key: str) -> bytes | None:
        return self.shared.get(f"{self.number}:{key}")

    def set(self, key: str, value: bytes) -> None:
        self.shared.set(f"{self.number}:{key}", value)


class Verdict(NamedTuple):
    """What one comparison found: `first` requests are enough to see a difference, 0 if there is none."""

    hits: int
    first: int


@dataclass
class Tally:
    """What many scenarios came to; `wrong` is the first on which fleet and model disagree, with its seed."""

    on_redis: int = 0  # requests
    by_dicts: int = 0
    hits: int = 0
    scenarios: int = 0
    slipped: int = 0  # scenarios that real time disturbed: the lab said so, and they count nowhere else
    done: Counter[str] = field(default_factory=Counter)  # restarts and pauses
    wrong: Scenario | None = None
    seed: int = 0

    def add(self, scenario: Scenario, hits: int) -> None:
        """One more on which they agree."""
        self.scenarios, self.hits = self.scenarios + 1, self.hits + hits
        self.on_redis += len(scenario) if scenario.on_redis else 0
        self.by_dicts += 0 if scenario.on_redis else len(scenario)
        for part in scenario.parts:
            self.done.update([part.before] if part.before else [])
            self.done.update("server" if who == SERVER else "instance" for _, who in part.restarts)

    def __add__(self, other: Tally) -> Tally:
        """Both together."""
        numbers = ("on_redis", "by_dicts", "hits", "scenarios", "slipped", "done")
        sums = {name: getattr(self, name) + getattr(other, name) for name in numbers}
        wrong = self if self.wrong else other
        return Tally(**sums, wrong=wrong.wrong, seed=wrong.seed)


def tally(lab: Lab, seed: int, requests: int, most: int = 6_000) -> Tally:
    """Scenario after scenario, from this seed on, until Redis has answered so many or one is wrong."""
    sums = Tally(seed=seed)
    while sums.on_redis < requests:
        drawn = random_scenario(sums.seed, most)
        try:
            verdict = compare(lab, drawn)
        except LabTimeSlipped:
            sums.slipped += 1
            if sums.slipped > 10 + sums.scenarios // 10:
                raise
        else:
            if verdict.first:
                sums.wrong = drawn
                break
            sums.add(drawn, verdict.hits)
        sums.seed += 1
    return sums


def compare(lab: Lab, scenario: Scenario) -> Verdict:
    """Replay it for real on the lab's server, and ask `simulate`. LabTimeSlipped: real time disturbed it."""
    log = replay(lab, scenario)
    return _judge(log, expected(scenario))


def first_difference(lab: Lab, scenario: Scenario) -> int:
    """How many requests it takes to see a difference; 0 if there is none, or real time disturbed it."""
    try:
        return compare(lab, scenario).first
    except LabTimeSlipped:
        return 0


def _judge(log: pd.DataFrame, said: NDArray[np.bool_]) -> Verdict:
    wrong = (log["hit"].to_numpy() != said) | log["stale"].to_numpy()
    if wrong.any():
        return Verdict(int(log["hit"].sum()), int(wrong.argmax()) + 1)
    same_reads = Counter(log["key"][~said].tolist()) == CATALOG.asked
    return Verdict(int(said.sum()), 0 if same_reads else len(log))


def replay(lab: Lab, scenario: Scenario) -> pd.DataFrame:
    """The log of all its parts, one after the other, on real caches; CATALOG.asked has the reads."""
    _start_afresh(lab, scenario)
    route, logs, fleet = scenario.route_anew(), [], None
    for part in scenario.parts:
        before(part.before, lab)
        if fleet is None or part.before == "reset":  # private caches would keep their old deadlines
            fleet = _fleet(lab, scenario, route)
        logs.append(fleet.replay(part.traffic(scenario.column), _events(lab, fleet, part), judge=True))
    return pd.concat(logs, ignore_index=True)


def _start_afresh(lab: Lab, scenario: Scenario) -> None:
    """An empty server, a clock of the scenario's tick that began long ago, nothing read yet."""
    if lab.clock.tick != scenario.tick:
        lab.clock = Clock(scenario.tick)
        lab._time = LabTime(lab.redis, lab.keys, lab.clock, whole_server=lab.owned)
        lab.clock.listeners.append(lab._time)
    lab.reset()
    lab.clock.advance(scenario.began)
    CATALOG.asked.clear()


def _fleet(lab: Lab, scenario: Scenario, route: Route) -> Fleet:
    shared, numbers = SharedCache(lab.redis, scenario.ttl, lab.keys), itertools.count()
    caches: dict[str, Callable[[], Cache]] = {
        "shared": lambda: shared,
        "names": lambda: NamesOfItsOwn(shared, next(numbers)),
        "dicts": lambda: LocalCache(scenario.ttl, lab.clock),
    }
    cache, seed, tick = caches[scenario.cache], scenario.seed, scenario.tick
    return Fleet(scenario.instances, cache, CATALOG, lab.clock, route, seed, tick)


def before(pause: str, lab: Lab) -> None:
    """What happens between two replays; "" is nothing. A button is pressed while lab time is parked."""
    if pause in ("parked", "button"):
        lab._time.park()
    if pause == "parked":
        lab._time.unpark()
    if pause == "reset":
        lab.reset()
    if pause == "server":
        restart_server(lab)


def restart_server(lab: Lab) -> None:
    """A new process at the same address; its keys are gone, so no deadline can be wrong any more."""
    lab.redis.close()
    lab._server = lab._server.successor()
    lab.redis.connection = lab.redis.connection_pool.get_connection()  # one for good, as it had
    lab._time.start_afresh()


def _events(lab: Lab, fleet: Fleet, part: Part) -> dict[float, Callable[[], None]]:
    def restart(moment: float) -> None:
        for at, who in part.restarts:
            if at == moment:
                restart_server(lab) if who == SERVER else fleet.restart(who)

    return {moment: lambda moment=moment: restart(moment) for moment, _ in part.restarts}


def expected(scenario: Scenario) -> NDArray[np.bool_]:
    """What `simulate` says of every request.

    It knows no restarts: to it, an instance with a new cache is one more instance, which a route by function
    sends the later requests to. And it knows one traffic: later parts count on from where lab time stood.
    """
    ttl, tick, seed, only = scenario.ttl, scenario.tick, scenario.seed, scenario.parts[0]
    if len(scenario.parts) == 1 and not only.restarts:
        shared, route = scenario.cache == "shared", scenario.route_anew()
        traffic = only.traffic(scenario.column)
        return simulate(traffic, scenario.instances, ttl, shared, route, seed, tick)
    ticks, homes = _one_history(scenario)
    keys = [key for part in scenario.parts for _, key, _ in part.requests]
    traffic = pd.DataFrame({"at": ticks * tick, "key": keys})
    return simulate(traffic, max(homes) + 1, ttl, route=lambda index, key: homes[index], tick=tick)


def _one_history(scenario: Scenario) -> tuple[NDArray[np.int64], list[int]]:
    """For each request of all parts its tick, and the number of the cache that it asks."""
    route, caches = scenario.route_anew(), Caches(scenario)
    began, ticks, homes = 0, [], []
    for part in scenario.parts:
        traffic = part.traffic(scenario.column)
        owners = assign(traffic, scenario.instances, route, scenario.seed)
        moments = lab_ticks(traffic["at"].to_numpy(), scenario.tick)
        if part.before in ("reset", "server"):
            caches.renew(SERVER, everywhere=part.before == "reset")
        home = caches.of[owners]
        for at, who in sorted(part.restarts):
            caches.renew(who)
            later = moments >= at // scenario.tick  # a restart comes before the requests of its tick
            home[later] = caches.of[owners[later]]
        ticks.append(began + moments)
        homes += home.tolist()
        last = max([int(moments[-1]), *(int(at // scenario.tick) for at, _ in part.restarts)])
        began += last
    return np.concatenate(ticks), homes


class Caches:
    """The number of each instance's cache; a new cache gets a new number."""

    def __init__(self, scenario: Scenario) -> None:
        self.shared, self.on_redis = scenario.cache == "shared", scenario.on_redis
        self.of = np.zeros(scenario.instances, dtype=np.int64)
        self._last = -1
        self.renew(SERVER, everywhere=True)

    def renew(self, who: int, everywhere: bool = False) -> None:
        """Instance `who` is restarted, or the server; `everywhere`: a new server and new instances."""
        if who == SERVER and (self.on_redis or everywhere):
            self.of[:] = 0 if self.shared else np.arange(len(self.of))
            self.of += self._last + 1
        elif who != SERVER and not self.shared:
            self.of[who] = self._last + 1
        self._last = max(self._last, int(self.of.max()))


def differs(scenario: Scenario) -> bool:
    """Print each request as the fleet answered it and as the model says; True if they do not agree."""
    lab = start_lab("counterexample")
    try:
        log, said = replay(lab, scenario), expected(scenario)
    finally:
        lab.close()
    print(log.assign(model=said).to_string())
    print(f"reads: the fleet {dict(CATALOG.asked)}, the model {dict(Counter(log['key'][~said].tolist()))}")
    return _judge(log, said).first > 0
