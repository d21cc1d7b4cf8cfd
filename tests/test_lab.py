"""start_lab: ready in one call, tidy afterwards, and polite on a server that is not ours."""

import os
import re
import time
from pathlib import Path
from urllib.parse import quote

import pytest
import redis
from servers import foreign_server

from labsupport import Clock, Keys, Lab, start_lab
from labsupport.errors import BadArgument, LabError, NoRedis, Refused
from labsupport.lab import data_folder, ledger_file, reset_learner


@pytest.fixture(autouse=True)
def empty_data_folder(tmp_path, monkeypatch):
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "data"))
    monkeypatch.delenv("REDIS_URL", raising=False)
    monkeypatch.delenv("LAB_NAMESPACE", raising=False)


@pytest.fixture
def lab():
    lab = start_lab("03")
    yield lab
    lab.close()


@pytest.fixture(scope="module")
def server():
    with foreign_server() as url:
        yield url


@pytest.fixture
def url(server, monkeypatch):
    monkeypatch.setenv("REDIS_URL", server)
    return server


def dumps(client):
    return {name: (client.dump(name), client.pexpiretime(name)) for name in client.scan_iter()}


def sentinels(client):
    """Somebody else's keys, some with names that look like ours."""
    client.mset({"theirs": 1, "lab:03": 2, "lab:03:course:204": 3, "lab:03:0a1b2c3d:x": 4, "*": 5, ":": 6})
    client.hset("hash", "field", "x")
    client.set("timed", 1, ex=5_000)
    return dumps(client)


# --- our own server


def test_a_lab_has_what_the_notebooks_use(lab):
    assert isinstance(lab, Lab) and isinstance(lab.redis, redis.Redis)
    assert isinstance(lab.keys, Keys) and isinstance(lab.clock, Clock)
    assert lab.owned is True
    assert lab.keys.name("course:204") == "lab:03:course:204"
    assert re.fullmatch(r"\[here: [^\]]+\]", lab.describe())
    assert repr(lab) == f"Lab('03', {lab.describe()})"


@pytest.mark.parametrize("notebook", ["", " ", None, 3])
def test_a_notebook_needs_a_name(notebook):
    with pytest.raises(BadArgument, match="such as '03'"):
        start_lab(notebook)


def test_reset_leaves_no_key_and_the_clock_at_0(lab):
    lab.redis.mset({"raw": 1, lab.keys.name("named"): 2})
    lab.clock.advance(3)
    lab.reset()
    assert (lab.redis.dbsize(), lab.clock.now()) == (0, 0)


def test_each_lab_has_its_own_server(lab):
    second = start_lab("03")
    lab.redis.set("key", 1)
    assert second.redis.dbsize() == 0
    second.close()
    assert lab.redis.get("key") == b"1"


def test_a_closed_lab_says_so_and_closing_again_is_fine(lab):
    lab.close()
    lab.close()
    for use in (lab.redis.ping, lab.reset, lambda: lab.clock.advance(1), lab.redis.pipeline().ping().execute):
        with pytest.raises(LabError, match="This lab is closed: run the cell with start_lab again"):
            use()


def test_without_lab_time_deadlines_run_in_real_milliseconds():
    lab = start_lab("08", lab_time=False)
    lab.redis.set("key", 1, px=100)
    lab.redis.set("long", 1, px=90_000)
    lab.clock.advance(1_000)
    assert lab.clock.now() == 1_000
    assert 89_000 < lab.redis.pttl("long") <= 90_000
    time.sleep(0.11)
    assert not lab.redis.exists("key")
    lab.close()


def test_on_our_own_server_nothing_is_noted(lab):
    assert not data_folder().exists()


# --- a server that is not ours


def test_every_key_is_under_a_namespace_nobody_else_has(other, monkeypatch):
    names = set()
    for namespace, expected in ((None, "lab"), ("lab:{user:42}", "lab:{user:42}"), ("", "lab")):
        if namespace is not None:
            monkeypatch.setenv("LAB_NAMESPACE", namespace)
        lab = start_lab("03")
        assert lab.owned is False
        names.add(lab.keys.name("x"))
        assert re.fullmatch(re.escape(expected) + r":\{03:[0-9a-f]{8}\}:x", lab.keys.name("x"))
        lab.close()
    assert len(names) == 3


@pytest.mark.parametrize("end", [Lab.reset, Lab.close])
def test_reset_and_close_unlink_exactly_the_names_handed_out(other, end):
    before = sentinels(other)
    lab = start_lab("03")
    for n in range(2_500):
        lab.redis.set(lab.keys.name(f"course:{n}"), n)
    raw = f"{lab.keys.namespace}:raw"
    lab.redis.set(raw, 1)
    lab.clock.advance(5)
    other.config_resetstat()
    end(lab)
    calls = other.info("commandstats")
    assert other.unlink(raw) == 1
    assert dumps(other) == before
    assert {"cmdstat_scan", "cmdstat_keys", "cmdstat_flushall", "cmdstat_flushdb"}.isdisjoint(calls)
    lab.close()


def test_a_name_from_before_a_reset_is_still_ours(other):
    lab = start_lab("03")
    name = lab.keys.name("kept")
    lab.reset()
    lab.redis.set(name, 1, ex=5)
    lab.clock.advance(1)
    assert lab.redis.ttl(name) == 4
    lab.close()
    assert other.dbsize() == 0


def test_harmful_commands_stay_refused(other):
    lab = start_lab("03")
    with pytest.raises(Refused):
        lab.redis.flushall()
    lab.close()


def test_closing_after_the_server_has_gone_is_quiet(monkeypatch):
    with foreign_server() as url:
        monkeypatch.setenv("REDIS_URL", url)
        lab = start_lab("03")
        lab.redis.set(lab.keys.name("x"), 1)
    lab.close()
    assert len(notes()) == 1  # what may be left there can still be cleared


def test_a_data_folder_that_cannot_be_written_is_no_obstacle(other, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("LAB_DATA", str(tmp_path / "file"))
    lab = start_lab("03")
    lab.redis.set(lab.keys.name("x"), 1)
    lab.close()
    assert other.dbsize() == 0


# --- after a crash


def notes():
    return list((data_folder() / "namespaces").glob("*"))


def crashed(notebook="03"):
    """A lab that ended without a word; its namespace."""
    lab = start_lab(notebook)
    lab.redis.mset({f"{lab.keys.namespace}:{n}": n for n in range(1_500)})
    lab._closed = True
    return lab.keys.namespace


@pytest.mark.parametrize("namespace", [None, "we[ir*d?^\\", "with space/slash\nand line"])
def test_reset_learner_clears_the_noted_namespaces_and_nothing_else(other, namespace, monkeypatch):
    before = sentinels(other)
    if namespace:
        monkeypatch.setenv("LAB_NAMESPACE", namespace)
        other.set("wei:03:00000000:x", 1)  # what the name would match as a pattern
        before = dumps(other)
    crashed()
    crashed("04 with space")
    assert len(notes()) == 2
    assert reset_learner() == (
        "3000 keys of yours are deleted from the REDIS_URL server. Your notebooks are untouched."
    )
    assert dumps(other) == before
    assert notes() == []
    assert reset_learner().startswith("Nothing to reset")


@pytest.mark.parametrize("name", ["", "lab", "lab:03", "lab:03:", "*", "lab:*:0a1b2c3", ".DS_Store"])
def test_a_note_that_we_never_made_clears_nothing(other, name):
    before = sentinels(other)
    (data_folder() / "namespaces").mkdir(parents=True)
    Path(data_folder() / "namespaces" / (quote(name, safe="") or "_")).touch()
    assert reset_learner().startswith("Nothing to reset")
    assert dumps(other) == before


STAY = "Your notebooks are untouched."


def predicted(content="{}"):
    """A ledger with something in it."""
    ledger_file().parent.mkdir(parents=True, exist_ok=True)
    ledger_file().write_text(content)


@pytest.mark.parametrize("content", ['{"prediction": "a", "value": 1}\n', "damaged", ""])
def test_reset_learner_deletes_the_predictions_and_says_so(content):
    predicted(content)
    assert reset_learner() == f"Your predictions and answers are deleted. {STAY}"
    assert not ledger_file().exists()
    assert reset_learner() == (
        f"Nothing to reset: nothing is recorded and no keys of yours are on any server. {STAY}"
    )


def test_reset_learner_deletes_predictions_and_keys_and_says_both(other):
    predicted()
    crashed()
    gone = "1500 keys of yours are deleted from the REDIS_URL server."
    assert reset_learner() == f"Your predictions and answers are deleted. {gone} {STAY}"


def test_reset_learner_deletes_the_predictions_even_if_the_server_is_not_known(other, monkeypatch):
    predicted()
    crashed()
    monkeypatch.delenv("REDIS_URL")
    done = reset_learner()
    assert done.startswith("Your predictions and answers are deleted. Set REDIS_URL to the server")
    assert not ledger_file().exists()


def test_reset_learner_keeps_the_predictions_if_the_server_does_not_answer(other, monkeypatch):
    predicted()
    crashed()
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(NoRedis):
        reset_learner()
    assert ledger_file().exists()


def test_predictions_that_cannot_be_deleted_are_no_silent_success():
    ledger_file().mkdir(parents=True)
    with pytest.raises(OSError, match=r"ledger\.jsonl"):
        reset_learner()


def test_a_closed_lab_leaves_nothing_to_reset(other):
    start_lab("03").close()
    assert notes() == []


def test_reset_learner_needs_to_know_the_server(other, monkeypatch):
    crashed()
    url = os.environ["REDIS_URL"]
    monkeypatch.delenv("REDIS_URL")
    assert reset_learner().startswith("Set REDIS_URL to the server")
    monkeypatch.setenv("REDIS_URL", "redis://127.0.0.1:1/0")
    with pytest.raises(NoRedis):
        reset_learner()
    assert len(notes()) == 1
    monkeypatch.setenv("REDIS_URL", url)
    assert reset_learner().startswith("1500 keys")


def test_own_means_a_server_of_our_own_whatever_redis_url_says(other, url):
    lab = start_lab("04 real", lab_time=False, own=True)
    try:
        lab.redis.set(lab.keys.name("course:204"), "ours")
        with lab.address.client() as further:
            assert further.get(lab.keys.name("course:204")) == b"ours"
        assert lab.owned and other.dbsize() == 0
    finally:
        lab.close()
