"""One contract, held by four classes: the package's two caches and the two built in view in notebooks."""

from __future__ import annotations

import numpy as np
import pytest
from in_view import in_view

from labsupport import Clock, LocalCache, SharedCache
from labsupport.errors import BadArgument

WIDE = bytes(range(256)) * 4096  # 1 MB of every byte there is


CACHES = {
    "LocalCache": LocalCache,
    "SharedCache": SharedCache,
    "LocalCache of notebook 01": in_view("01", "LocalCache")["LocalCache"],
    "SharedCache of notebook 03": in_view("03", "SharedCache")["SharedCache"],
}


@pytest.fixture(params=CACHES)
def make(request, lab):
    """A function ttl -> cache on the lab's clock and, where it is shared, on its Redis."""
    kind = CACHES[request.param]
    if "Local" in request.param:
        return lambda ttl: kind(ttl, lab.clock)
    return lambda ttl: kind(lab.redis, ttl, lab.keys)


class TestEveryCache:
    def test_a_key_never_set_is_a_miss(self, make):
        assert make(60).get("course:204") is None

    @pytest.mark.parametrize("value", [b"{}", b"", b"0", b"\x00", b"a\x00b\r\n", "ü".encode(), WIDE])
    def test_a_hit_returns_the_very_bytes(self, make, value):
        cache = make(60)
        cache.set("course:204", value)
        assert cache.get("course:204") == value
        assert type(cache.get("course:204")) is bytes

    def test_the_last_value_set_is_the_one_returned(self, make):
        cache = make(60)
        cache.set("course:204", b"old")
        cache.set("course:204", b"")
        assert cache.get("course:204") == b""

    @pytest.mark.parametrize("ttl", [1, 2, 60, 86_400])
    def test_an_entry_is_expired_at_the_very_instant_its_ttl_is_over(self, make, lab, ttl):
        lab.clock.advance(7)
        cache = make(ttl)
        cache.set("course:204", b"{}")
        lab.clock.advance(ttl - 1)
        assert cache.get("course:204") == b"{}"
        lab.clock.advance(1)
        assert cache.get("course:204") is None

    def test_long_after_its_ttl_it_is_still_expired(self, make, lab):
        cache = make(5)
        cache.set("course:204", b"{}")
        lab.clock.advance(1_000_000)
        assert cache.get("course:204") is None

    def test_setting_again_restarts_the_ttl(self, make, lab):
        cache = make(10)
        cache.set("course:204", b"old")
        lab.clock.advance(9)
        cache.set("course:204", b"new")
        lab.clock.advance(9)
        assert cache.get("course:204") == b"new"
        lab.clock.advance(1)
        assert cache.get("course:204") is None

    def test_a_get_does_not_prolong_the_entry(self, make, lab):
        cache = make(10)
        cache.set("course:204", b"{}")
        lab.clock.advance(9)
        assert cache.get("course:204") == b"{}"
        lab.clock.advance(1)
        assert cache.get("course:204") is None

    def test_an_expired_entry_can_be_filled_again(self, make, lab):
        cache = make(3)
        cache.set("course:204", b"old")
        lab.clock.advance(3)
        cache.set("course:204", b"new")
        assert cache.get("course:204") == b"new"

    def test_keys_keep_apart(self, make, lab):
        cache = make(10)
        cache.set("course:204", b"a")
        lab.clock.advance(5)
        cache.set("course:20", b"b")
        assert [cache.get(key) for key in ("course:204", "course:20", "course:2")] == [b"a", b"b", None]
        lab.clock.advance(5)
        assert [cache.get(key) for key in ("course:204", "course:20")] == [None, b"b"]

    @pytest.mark.parametrize("key", ["kurs:ü", "课程:204", "course 204\n", "a" * 10_000, "*", "🂡"])
    def test_any_text_is_a_key(self, make, key):
        cache = make(60)
        cache.set(key, b"{}")
        assert cache.get(key) == b"{}"
        assert cache.get(key + "x") is None


PACKAGED = [
    pytest.param(lambda lab, ttl: LocalCache(ttl, lab.clock), id="LocalCache"),
    pytest.param(lambda lab, ttl: SharedCache(lab.redis, ttl, lab.keys), id="SharedCache"),
]


@pytest.mark.parametrize("make", PACKAGED)
@pytest.mark.parametrize("ttl", [0, -1, 0.5, 2.5, True, float("nan"), float("inf"), "60", None, b"60"])
def test_a_ttl_that_makes_no_sense_is_refused_in_one_sentence(lab, make, ttl):
    with pytest.raises(BadArgument, match="ttl is") as caught:
        make(lab, ttl)
    assert isinstance(caught.value, ValueError)
    assert str(caught.value).endswith(".")
    assert ". " not in str(caught.value)


@pytest.mark.parametrize("make", PACKAGED)
@pytest.mark.parametrize("ttl", [60, 60.0, np.int64(60), np.float64(60)])
def test_a_ttl_may_come_as_any_type_of_whole_number(lab, make, ttl):
    cache = make(lab, ttl)
    cache.set("course:204", b"{}")
    lab.clock.advance(59)
    assert cache.get("course:204") == b"{}"
    lab.clock.advance(1)
    assert cache.get("course:204") is None


def test_a_local_ttl_is_a_whole_number_of_the_clocks_ticks():
    LocalCache(10, Clock(tick=5))
    with pytest.raises(BadArgument, match="ttl is 12, but must be a whole number of ticks of 5 s"):
        LocalCache(12, Clock(tick=5))


def test_two_local_caches_know_nothing_of_each_other():
    clock = Clock()
    one, other = LocalCache(60, clock), LocalCache(60, clock)
    one.set("course:204", b"{}")
    assert other.get("course:204") is None


def test_two_shared_caches_on_one_redis_are_one(lab):
    one, other = (SharedCache(lab.redis, 60, lab.keys) for _ in range(2))
    one.set("course:204", b"{}")
    assert other.get("course:204") == b"{}"


def test_a_shared_fill_is_one_command_with_its_deadline_under_the_namespace(lab):
    sent = lab.redis.commands
    SharedCache(lab.redis, 60, lab.keys).set("course:204", b"{}")
    assert lab.redis.commands - sent == 1
    assert lab.redis.keys() == [f"{lab.keys.namespace}:course:204".encode()]
    assert lab.redis.ttl(lab.keys.name("course:204")) == 60
