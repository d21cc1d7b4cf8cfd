"""REDIS_URL names a node of a real cluster: all works as on one server, or a sentence says what cannot."""

import json
import pickle
import runpy
from pathlib import Path
from types import SimpleNamespace

import nbformat
import numpy as np
import pytest
import redis
from cluster import lab_time_on, three_nodes
from redis.crc import key_slot
from servers import becomes_true

from labsupport import (
    Clock,
    CourseCatalog,
    Fleet,
    SharedCache,
    Team,
    build,
    run_interleavings,
    simulate,
    start_lab,
    zipf_traffic,
)
from labsupport.errors import LabTimeSlipped, NoRedis, Refused
from labsupport.keys import Keys
from labsupport.lab import reset_learner
from labsupport.sentences import _sentence
from labsupport.server import open_server

PASSWORD = "sentinel-secret"


@pytest.fixture(scope="module")
def cluster():
    with three_nodes(PASSWORD, replicas=1) as cluster:
        yield cluster


@pytest.fixture
def lab(cluster, monkeypatch):
    """A lab whose REDIS_URL names one node, and whose keys another one has."""
    monkeypatch.setenv("REDIS_URL", cluster.primaries[2].url)
    lab = start_lab("test")
    put(cluster, lab, 0)
    lab.reset()
    yield lab
    lab.close()
    assert [node.redis.dbsize() for node in cluster.primaries] == [0, 0, 0]


def slot(lab):
    return key_slot(lab.keys.namespace.encode())


def put(cluster, lab, number):
    """Move the lab's slot to this primary."""
    if cluster.owner(slot(lab)) is not cluster.primaries[number]:
        cluster.move(slot(lab), cluster.primaries[number])


def test_whichever_node_is_named_the_lab_finds_the_one_with_its_keys(cluster, monkeypatch):
    for node in cluster.nodes:  # a replica too
        monkeypatch.setenv("REDIS_URL", node.url)
        lab = start_lab("test")
        home = cluster.owner(slot(lab))
        assert lab.redis.node == (home.host, home.port)
        assert f"a cluster with our keys at {home.host}:{home.port}" in lab.describe()
        lab.redis.set(lab.keys.name("course:204"), b"{}", ex=60)
        assert home.redis.exists(lab.keys.name("course:204"))
        lab.close()


def test_all_names_of_a_notebook_share_a_slot_and_nothing_is_ever_redirected(cluster, lab):
    names = [lab.keys.name(key) for key in ("course:204", "course:205", "{course:204}:views")]
    lab.redis.set(names[0], 0), lab.redis.ping()
    commands = lab.redis.commands
    assert {key_slot(name.encode()) for name in names} == {slot(lab)}
    lab.redis.mset(dict.fromkeys(names, 1))
    lab.redis.eval("return redis.call('INCR', KEYS[1]) + redis.call('INCR', KEYS[2])", 2, *names[:2])
    lab.redis.pipeline().incr(names[0]).incr(names[1]).execute()
    assert lab.redis.mget(names) == [b"3", b"3", b"1"]
    assert lab.redis.commands == commands + 4


def test_it_follows_keys_that_move_and_counts_each_increment_once(cluster, lab):
    name, late = lab.keys.name("a"), lab.keys.name("b")
    assert lab.redis.incr(name) == 1
    cluster.begin_move(slot(lab), cluster.primaries[1])  # new keys already go there: ASK
    assert [lab.redis.incr(key) for key in (late, name, late)] == [1, 2, 2]
    assert lab.redis.pipeline(transaction=False).incr(late).incr(name).execute() == [3, 3]
    with pytest.raises(redis.exceptions.AskError):  # the script is not there, and nothing was done
        lab.redis.register_script("return redis.call('INCR', KEYS[1])")([late])
    put(cluster, lab, 1)  # MOVED
    assert [lab.redis.incr(key) for key in (late, name)] == [4, 4]
    put(cluster, lab, 2)
    assert lab.redis.pipeline().incr(late).incr(name).execute() == [5, 5]
    put(cluster, lab, 0)
    assert lab.redis.pipeline(transaction=False).incr(late).incr(name).execute() == [6, 6]
    assert lab.redis.node == (cluster.primaries[0].host, cluster.primaries[0].port)


def test_what_was_watched_before_a_move_counts_as_changed(cluster, lab):
    name = lab.keys.name("seats")
    for number, begun in [(1, False), (2, True)]:
        with lab.redis.pipeline() as pipe:
            pipe.watch(name)
            if begun:
                pipe.multi()
                pipe.incr(name)
            put(cluster, lab, number)
            with pytest.raises(redis.WatchError):
                pipe.execute() if begun else pipe.get(name)
            pipe.watch(name)
            pipe.multi()
            assert pipe.incr(name).execute() == [number]


def test_workers_and_races_find_the_keys_wherever_they_are(cluster, lab):
    address = pickle.loads(pickle.dumps(lab.address))
    put(cluster, lab, 1)
    with Team(address, lab.keys, processes=2) as team:
        assert team.race("incr", 50).final == team.race("watch", 50).final == 100
    finals = run_interleavings(lab.redis, lab.keys, clients=2, update="get_set")["final"]
    assert finals.value_counts().to_dict() == {1: 4, 2: 2}


def test_names_of_ones_own_work_one_by_one_and_together_they_are_refused_in_a_sentence(lab):
    home, own = lab.redis.node, [f"own:{number}" for number in range(6)]  # on all three nodes
    assert all(lab.redis.set(name, 1, ex=60) for name in own)
    assert lab.redis.pipeline(transaction=False).incr(own[0]).incr(own[1]).execute() == [2, 2]
    for together in (
        lab.redis.mget,
        lambda names: lab.redis.pipeline().incr(names[0]).incr(names[1]).execute(),
    ):
        with pytest.raises(redis.ResponseError) as caught:
            together(own)
        assert "lab.keys.name" in _sentence(caught.value)
    with pytest.raises(redis.ResponseError, match="WRONGTYPE"):
        lab.redis.pipeline(transaction=False).lpush(own[0], 1).lpush(own[1], 1).execute()
    with lab.redis.pipeline() as pipe:
        pipe.watch(lab.keys.name("a"))
        with pytest.raises(redis.exceptions.MovedError):  # no WatchError: they would try for ever
            [pipe.get(name) for name in own]
    with lab.address.client(socket_timeout=0.01) as client, pytest.raises(redis.TimeoutError):
        client.blpop([lab.keys.name("queue")], 1)  # from here on perhaps the notebook's node is gone
    assert sum(lab.redis.unlink(name) for name in own) == len(own)
    assert lab.redis.node == home  # for them it went there and came back


def test_it_is_as_guarded_as_any_server_that_is_not_ours(lab):
    for harmful in (
        lab.redis.flushall,
        lab.address.client().flushdb,
        lab.redis.pipeline().flushall().execute,
    ):
        with pytest.raises(Refused):
            harmful()
    settings = lab.redis.connection_pool.connection_kwargs
    shown = f"{lab.redis!r} {lab.describe()} {settings} {vars(settings['home'])} {vars(lab.address)}"
    assert PASSWORD not in shown + json.dumps(settings, default=str)


@pytest.mark.parametrize("number", [1, 15])
def test_a_database_that_no_cluster_has_is_told_in_a_sentence(cluster, number):
    with pytest.raises(NoRedis, match=rf"it has no database {number}; a cluster has only 0"):
        open_server({"REDIS_URL": cluster.nodes[0].url.removesuffix("/0") + f"/{number}"})


def test_reset_finds_the_keys_of_a_lab_that_crashed(cluster, monkeypatch, tmp_path):
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    monkeypatch.setenv("REDIS_URL", cluster.nodes[1].url)
    for count in (10, 20, 30):  # in three slots
        lab = start_lab("test")
        lab.redis.mset({lab.keys.name(f"course:{number}"): 1 for number in range(count)})
        lab._closed = True
    assert reset_learner().startswith("60 keys of yours are deleted")
    assert [node.redis.dbsize() for node in cluster.primaries] == [0, 0, 0]


TRAFFIC = zipf_traffic(1_500, courses=60, skew=1.0, rate=15, seed=204)
HITS = simulate(TRAFFIC, 4, 20, shared=True)


def test_the_fleet_hits_what_the_model_says_on_the_notebooks_node(lab):
    shared = SharedCache(lab.redis, 20, lab.keys)
    log = Fleet(4, lambda: shared, CourseCatalog(), lab.clock).replay(TRAFFIC)
    assert np.array_equal(log["hit"], HITS)


def test_the_fleet_hits_what_the_model_says_with_keys_on_all_three_nodes(cluster):
    keys, clock = Keys("spread"), Clock()
    lab_time_on(cluster, keys, clock)
    with cluster.client() as client:
        shared = SharedCache(client, 20, keys)
        log = Fleet(4, lambda: shared, CourseCatalog(), clock).replay(TRAFFIC)
        assert np.array_equal(log["hit"], HITS)
        assert all(node.redis.dbsize() > 5 for node in cluster.primaries)
        clock.advance(20)
        assert [client.get(name) for name in keys.handed_out] == [None] * len(keys.handed_out)
        assert [node.redis.dbsize() for node in cluster.primaries] == [0, 0, 0]


def test_lab_time_says_that_the_keys_now_follow_another_clock(cluster, lab):
    shared = SharedCache(lab.redis, 20, lab.keys)
    shared.set("course:204", b"{}")
    lab.clock.advance(5)
    put(cluster, lab, 1)
    assert shared.get("course:204") == b"{}"
    with pytest.raises(LabTimeSlipped, match="moved to another node"):
        lab.clock.advance(5)
    lab.reset()
    shared.set("course:204", b"{}")
    lab.clock.advance(19)
    assert shared.get("course:204") == b"{}"
    lab.clock.advance(1)
    assert shared.get("course:204") is None


def test_the_core_of_03_says_what_it_says_on_one_server(cluster, monkeypatch):
    monkeypatch.setenv("REDIS_URL", cluster.nodes[1].url)
    [source] = [source for source in build.sources() if source.stem.startswith("03")]
    notebook, committed = build.read_source(source), nbformat.read(build.built(source), as_version=4)
    for half in (notebook, committed):
        half.cells = [cell for cell in half.cells if "core" in cell.metadata.get("tags", [])]
    there = build.run(notebook)
    assert "a cluster with our keys" in json.dumps(there) and PASSWORD not in json.dumps(there)
    assert build.differences(build.keep_measurements(there, committed), committed) == []


def test_the_page_on_clusters_says_what_slots_and_traffic_give():
    """Its exact shares by arithmetic; the benchmark asserts that three real nodes got the same."""
    bench = SimpleNamespace(**runpy.run_path(str(Path(__file__).parent / "benchmarks" / "cluster.py")))
    page = (build.NOTEBOOKS / "teaching" / "when-one-redis-is-not-enough.md").read_text()
    told = ["332, 334 and 334", "32, 31 and 36 %", "14, 14 and 72 %"]
    assert " / ".join(map(str, bench.keys_per_node())) == told[0].replace(", ", " / ").replace(" and", " /")
    for traffic, said in [(bench.zipf(), told[1]), (bench.one_hot_key(), told[2])]:
        counts = bench.commands_per_node(traffic, simulate(traffic, 4, bench.TTL, shared=True))
        assert f"| {bench.percent(counts)} of {sum(counts):,} | exact |" in page
        assert bench.percent(counts) == said.replace(", ", " / ").replace(" and", " /")
    assert all(shares in page for shares in told)
    moved = f"`MOVED {key_slot(b'lab:course:204')} host:port`"
    assert f"Asked for `lab:course:204`, a node that does not own its slot answers {moved}" in page


def test_after_the_loss_of_a_node_its_heir_is_asked_and_no_error_is_hidden(cluster, monkeypatch):
    """The last test of the module: two nodes end in it."""
    first, witness, _, heir = cluster.nodes
    monkeypatch.setenv("REDIS_URL", first.socket_url)
    lab = start_lab("test")
    put(cluster, lab, 0)
    name = lab.keys.name("views")
    assert lab.redis.incr(name) == 1
    assert first.redis.wait(1, 10_000) == 1
    first.kill()
    with pytest.raises(redis.ConnectionError):  # not sent again: nobody knows whether it counted
        lab.redis.incr(name)
    heir.redis.cluster("FAILOVER", "TAKEOVER")
    assert becomes_true(lambda: witness.told_owner(slot(lab)) == heir.port)
    assert lab.redis.incr(name) == 2
    assert lab.redis.node == (heir.host, heir.port)
    lab.close()
    assert heir.redis.dbsize() == 0
    heir.kill()
    with pytest.raises(
        NoRedis, match=rf"{heir.port}, where the cluster in REDIS_URL keeps this notebook's keys"
    ):
        open_server({"REDIS_URL": witness.url}).move_in(lab.keys.namespace)
