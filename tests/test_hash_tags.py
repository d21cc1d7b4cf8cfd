"""Hash tags on a real server in cluster mode: what notebook 04 says of slots."""

import pytest
import redis
from redis.crc import key_slot
from servers import becomes_true, foreign_server

ENTRY, VIEWS = "course:204", "course:204:views"
TAGGED_ENTRY, TAGGED_VIEWS = "{course:204}", "{course:204}:views"


@pytest.fixture(scope="module")
def cluster():
    """A cluster of one server, which has all slots."""
    with foreign_server(arguments=["--cluster-enabled", "yes"]) as url, redis.Redis.from_url(url) as client:
        client.execute_command("CLUSTER ADDSLOTS", *range(16_384))
        assert becomes_true(lambda: client.cluster("INFO")["cluster_state"] == "ok")
        yield client


def test_redis_py_and_the_server_agree_on_the_slots(cluster):
    for key in (ENTRY, VIEWS, TAGGED_ENTRY, TAGGED_VIEWS, "lab:04:{course:204}:views"):
        assert cluster.cluster("KEYSLOT", key) == key_slot(key.encode())


def test_two_keys_in_two_slots_are_refused_in_one_command(cluster):
    cluster.set(ENTRY, "{}"), cluster.set(VIEWS, 3)
    with pytest.raises(redis.ResponseError, match=r"(?i)slot"):
        cluster.mget(ENTRY, VIEWS)


def test_with_a_hash_tag_they_go_together(cluster):
    cluster.set(TAGGED_ENTRY, "{}"), cluster.set(TAGGED_VIEWS, 3)
    assert cluster.mget(TAGGED_ENTRY, TAGGED_VIEWS) == [b"{}", b"3"]
    script = "return redis.call('GET', KEYS[1]) .. redis.call('INCR', KEYS[2])"
    assert cluster.eval(script, 2, TAGGED_ENTRY, TAGGED_VIEWS) == b"{}4"
