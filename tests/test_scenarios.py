"""Model = Redis: a fleet on real caches and `simulate` agree on every request of random scenarios.

And if they did not, it would be found, and told in a few requests: so with each mistake that is made here.
"""

from __future__ import annotations

import pytest
from agreement import SEEDS, first_difference, tally
from known_servers import known
from scenarios import Part, Scenario, random_scenario
from shrinking import code, smallest, without

from labsupport import LocalCache, SharedCache, fleet, labtime, model, start_lab
from labsupport.server.own import OwnServer

SERVERS = known()
REQUESTS = 100_000  # on all servers together, dicts not counted
MISTAKE_REQUESTS = 3_000  # within so many a mistake is found


def counterexample(lab, sums):
    """The smallest scenario on which they still disagree, and the code of it."""
    small = smallest(sums.wrong, lambda smaller: first_difference(lab, smaller))
    return small, code(small, f"Found with seed {sums.seed}.")


@pytest.mark.parametrize("server", SERVERS)
def test_fleet_and_model_agree_on_every_request(server, monkeypatch):
    monkeypatch.setenv("LAB_REDIS_SERVER", SERVERS[server])
    lab = start_lab("scenarios")
    try:
        sums = tally(lab, SEEDS * list(SERVERS).index(server), REQUESTS // len(SERVERS), most=4_000)
        assert sums.wrong is None, counterexample(lab, sums)[1]
    finally:
        lab.close()
    assert sums.on_redis >= REQUESTS // len(SERVERS)
    assert 0.3 < sums.hits / (sums.on_redis + sums.by_dicts) < 0.95
    assert sums.done.keys() >= {"instance", "parked", "button", "reset"}  # and most often "server"


def longer_by_a_tick(whole_ticks):
    return lambda name, *rest: whole_ticks(name, *rest) + (name == "ttl")


def at_random(assign):
    return lambda traffic, count, route, seed: assign(traffic, count, "random", seed)


def still_there_when_its_ttl_is_over(self, key):
    value, expires = self._entries.get(key, (None, 0.0))
    return value if self.clock.now() <= expires else None


def with_a_second_more(self, key, value):
    self.redis.set(self.keys.name(key), value, ex=self.ttl + 1)


def reading_twice(serve):
    def twice(self, key):
        value, hit = serve(self, key)
        return (value, hit) if hit else (self.origin.read(key), hit)

    return twice


MISTAKES = {
    "the model's TTL is a tick too long": (
        model.hits,
        "whole_ticks",
        longer_by_a_tick(model.hits.whole_ticks),
    ),
    "the fleet routes at random": (fleet, "assign", at_random(fleet.assign)),
    "a dict's entry has a last instant more": (LocalCache, "get", still_there_when_its_ttl_is_over),
    "a second is added to EX": (SharedCache, "set", with_a_second_more),
    "lab time rounds up to the next tick but one": (
        labtime,
        "_SCRIPT",
        labtime._SCRIPT.replace("math.ceil(left / tick)", "(math.ceil(left / tick) + 1)"),
    ),
    "parked deadlines stay parked": (labtime.LabTime, "unpark", lambda self: setattr(self, "parked", False)),
    "a restart is forgotten": (fleet.Fleet, "restart", lambda self, number: None),
    "a server that comes back still has its keys": (OwnServer, "successor", lambda self: self),
    "the origin is read twice": (fleet.Instance, "serve", reading_twice(fleet.Instance.serve)),
}


@pytest.mark.parametrize("mistake", MISTAKES)
def test_a_mistake_is_found_and_told_in_a_handful_of_requests(mistake, monkeypatch):
    monkeypatch.setattr(*MISTAKES[mistake])
    lab = start_lab("mistake")
    try:
        sums = tally(lab, 0, MISTAKE_REQUESTS, most=60)
        assert sums.wrong, f"not found in {sums.on_redis + sums.by_dicts} requests"
        small, told = counterexample(lab, sums)
    finally:
        lab.close()
    assert len(small) <= 4
    with pytest.raises(AssertionError):
        exec(told, {})
    monkeypatch.undo()
    exec(told, {})  # without the mistake they agree


def test_the_same_seed_makes_the_same_scenario():
    assert random_scenario(5) == random_scenario(5) != random_scenario(6)


def test_a_scenario_is_cut_and_thinned_across_its_parts():
    parts = (Part(((0.0, "a", 0), (1.0, "b", 0))), Part(((0.0, "c", 0),)), Part(((2.0, "d", 0),)))
    kept = without(Scenario(parts), 1, 3)
    assert kept.parts == (Part(((0.0, "a", 0),)), parts[2])
    assert len(kept) == 2
