"""`memory_used` on a real server: as much as SharedCache needs, and honest about where the sample ends."""

from unittest import mock

import pytest
from test_bounded import log_of

from labsupport import Keys, SharedCache, SpareServer, zipf_traffic
from labsupport.decide import memory_used
from labsupport.errors import BadArgument

MEMORY = "labsupport.decide.memory"
TRAFFIC = zipf_traffic(20_000, courses=4_000, skew=0.5, rate=20, seed=11)
COURSES = TRAFFIC["key"].cat.categories


@pytest.fixture
def redis():
    with SpareServer() as server:
        yield server.redis


def test_it_is_what_a_shared_cache_with_these_entries_takes(redis):
    log = log_of(TRAFFIC, 300)
    log.sizes[::2] = 700
    assert redis.ping()
    said = memory_used(redis, log, [3_000, 1_000])
    assert said.index.tolist() == [3_000, 1_000]
    assert said.attrs == {
        "measured_to": len(COURSES),
    }
    cache = SharedCache(redis, 86_400, Keys("lab:09"))
    before = redis.info("memory")["used_memory"]
    for course, size in zip(COURSES[:3_000], log.sizes):
        cache.set(course, bytes(size))
    took = redis.info("memory")["used_memory"] - before
    assert said[3_000] == pytest.approx(took, rel=0.05)
    assert 500 < said[1_000] / 1_000 < 900


def test_what_it_writes_is_what_shared_cache_would_write(redis):
    seen = []

    def look(server):
        name = f"lab:09:{COURSES[1]}"
        seen.append((server.dbsize(), server.strlen(name), 86_000 < server.ttl(name) <= 86_400))
        return 0

    with mock.patch(f"{MEMORY}._used", look):
        memory_used(redis, log_of(TRAFFIC, 300), [2, 7])
    assert seen == [(0, 0, False), (2, 300, True), (7, 300, True), (len(COURSES), 300, True)]


def test_it_leaves_the_server_empty_and_says_the_same_again(redis):
    first, again = (memory_used(redis, log_of(TRAFFIC, 300), [200, 2_000]) for _ in range(2))
    assert redis.dbsize() == 0
    assert again.to_list() == pytest.approx(first.to_list(), rel=0.05)


def test_a_size_that_the_log_does_not_say_counts_as_1000_bytes(redis):
    log = log_of(TRAFFIC, 1_000)
    known = memory_used(redis, log, [500])
    log.sizes[:] = -1
    assert memory_used(redis, log, [500])[500] == pytest.approx(known[500], rel=0.05)


@pytest.mark.parametrize(("limit", "reached"), [("MOST_ENTRIES", 400), ("MOST_BYTES", 400 * 300)])
def test_beyond_the_sample_it_goes_on_in_proportion_and_says_so(redis, limit, reached):
    with mock.patch(f"{MEMORY}.{limit}", reached):
        said = memory_used(redis, log_of(TRAFFIC, 300), [400, 4_000, 200])
    assert said[4_000] == pytest.approx(10 * said[400]) and said[200] < 0.7 * said[400]
    assert said.attrs["measured_to"] == 400


def test_what_a_payload_has_beyond_a_megabyte_is_added_and_not_written(redis):
    log = log_of(TRAFFIC, 200)
    log.sizes[1] = 3_000_000_000
    said = memory_used(redis, log, [1, 2, 3])
    assert said[1] < 1_000 and 3_000_000_000 < said[2] < said[3] < 3_000_500_000


@pytest.mark.parametrize("counts", [[], [0], [2.5]])
def test_counts_without_sense_are_one_sentence(redis, counts):
    with pytest.raises(BadArgument, match="count"):
        memory_used(redis, log_of(TRAFFIC, 300), counts)


def test_a_server_that_holds_keys_is_refused_and_left_alone(redis):
    redis.set("course:204", "{}")
    with pytest.raises(BadArgument, match="an empty server"):
        memory_used(redis, log_of(TRAFFIC, 300), [10])
    assert redis.get("course:204") == b"{}"
