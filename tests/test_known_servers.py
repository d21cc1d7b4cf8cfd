"""The servers that the tests know are what their names say; and what one of them is too old for, it says."""

from __future__ import annotations

import os
import sys

import pytest
from known_servers import known, spoken, version

from labsupport.errors import NoRedis
from labsupport.server import open_server
from labsupport.workshop.class_server import ClassServer

OLDEST = "redis-6.2"  # README: Redis 6.2 or newer, or Valkey


@pytest.mark.parametrize("name", known())
def test_a_server_tells_the_version_in_its_name(name):
    server = open_server({**os.environ, "LAB_REDIS_SERVER": known()[name]})
    assert server.describe().startswith(spoken(name))
    server.close()


def test_the_courses_own_server_is_among_them_and_what_is_no_server_is_not(tmp_path):
    assert "valkey-9.1" in known()
    assert version(sys.executable) == ""
    not_for_this_system = tmp_path / "redis-server"
    not_for_this_system.write_bytes(b"\xcf\xfa\xed\xfe")
    not_for_this_system.chmod(0o755)
    assert version(str(not_for_this_system)) == ""


def test_the_servers_that_are_asked_for_are_there(told):
    asked = os.environ.get("LAB_SERVERS", "").split()  # .ci/run asks for those of .ci/servers.txt
    told.append(f"The servers that the tests know here: {', '.join(known())}.")
    if not asked:
        pytest.skip("LAB_SERVERS is not set: the tests take the servers that are there")
    assert set(asked) <= set(known())


def test_a_server_that_is_too_old_for_a_class_says_so_in_one_sentence(monkeypatch):
    if OLDEST not in known():
        pytest.skip(f"{OLDEST} is not here, .ci/run installs it")
    monkeypatch.setenv("LAB_REDIS_SERVER", known()[OLDEST])
    with pytest.raises(NoRedis, match=r"^A class needs Redis 7 or Valkey, .* name a newer program there\.$"):
        ClassServer(["alice"])
