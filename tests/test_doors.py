"""The doors of the lab are shut to other users of the machine: sockets, ports, folders and command lines."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path

import psutil
import pytest
from other_user import NOBODY, as_another_user, needs_root
from servers import foreign_server

from labsupport import FaultProxy, Replica, SpareServer, start_lab
from labsupport.races.free import Team
from labsupport.workshop.class_server import ClassServer

PASSWORD = "not-on-any-command-line"
PING = b"PING\r\n"


@pytest.fixture
def stranger(told):
    """Call something as another user of this machine."""
    needs_root(told)
    return as_another_user


def answer(family, address):
    """What a server says to a PING; nothing if it hangs up."""
    with socket.socket(family) as client:
        client.settimeout(10)
        client.connect(address)
        client.sendall(PING)
        return client.recv(100)


def listening():
    """Where this process and its children listen for others of the machine."""
    family = [psutil.Process(), *psutil.Process().children(recursive=True)]
    return {c.laddr for one in family for c in one.net_connections("inet") if c.status == psutil.CONN_LISTEN}


def test_another_user_is_another_user_and_can_connect_where_it_may(stranger, tmp_path):
    assert stranger(os.getuid) == str(NOBODY)
    with foreign_server() as url:
        port = int(url.rpartition(":")[2].partition("/")[0])
        assert stranger(lambda: answer(socket.AF_INET, ("127.0.0.1", port))) == "b'+PONG\\r\\n'"


def test_a_server_of_our_own_lets_no_other_user_in(lab, spare, stranger):
    for address in (lab.address, spare.address):
        path = address.settings["path"]
        assert answer(socket.AF_UNIX, path) == b"+PONG\r\n"
        assert stranger(lambda path=path: answer(socket.AF_UNIX, path)) == "PermissionError"
        assert stranger(lambda path=path: list(Path(path).parent.iterdir())) == "PermissionError"


def test_the_socket_itself_is_shut_too(lab):
    path = Path(lab.address.settings["path"])
    assert stat.S_IMODE(path.stat().st_mode) == 0o700 == stat.S_IMODE(path.parent.stat().st_mode)


def test_a_lab_a_spare_server_and_a_fault_proxy_open_no_port(lab):
    before = listening()
    with SpareServer() as another, FaultProxy(another.address) as proxy:
        proxy.client().set("course", 1)
        proxy.delay(0.001)
        proxy.client().get("course")
        assert listening() == before


def test_a_replicas_link_turns_another_user_away_before_a_byte(spare, stranger):
    with Replica(spare) as replica:
        [port] = {at.port for at in listening() if at.ip == "127.0.0.1" and at.port == replica._link.port}
        came = spare.redis.info("stats")["total_connections_received"]
        assert stranger(lambda: answer(socket.AF_INET, ("127.0.0.1", port))) in (
            "b''",
            "ConnectionResetError",
        )
        assert answer_or_reset(port) == b""  # nor this user in any other process than the replica's
        assert spare.redis.info("stats")["total_connections_received"] == came
        assert replica.redis.info("replication")["master_link_status"] == "up"


def answer_or_reset(port):
    try:
        return answer(socket.AF_INET, ("127.0.0.1", port))
    except ConnectionResetError:
        return b""


def test_the_class_redis_says_nothing_without_a_password(stranger):
    with ClassServer(["alice"]) as server:
        said = stranger(lambda: answer(socket.AF_INET, ("127.0.0.1", server.port)))
        assert said.startswith("b'-NOAUTH")
        path = server._server.address.settings["path"]
        assert stranger(lambda: answer(socket.AF_UNIX, path)) == "PermissionError"


def test_the_password_of_a_server_is_on_no_command_line_and_in_no_file(stranger, monkeypatch, tmp_path):
    monkeypatch.setenv("LAB_DATA", str(tmp_path))
    with foreign_server(PASSWORD) as url:
        monkeypatch.setenv("REDIS_URL", url)
        lab, before = start_lab("doors"), {one.pid for one in psutil.Process().children(recursive=True)}
        team = Team(lab.address, lab.keys, 2)
        assert team.race("incr", 10).final == 20
        came = [one for one in psutil.Process().children(recursive=True) if one.pid not in before]
        assert len(came) >= 2 and not [one for one in came if PASSWORD in " ".join(one.cmdline())]
        environment = Path("/proc", str(came[-1].pid), "environ")
        assert PASSWORD.encode() in environment.read_bytes()  # where it has to be, and only this user looks
        assert stranger(environment.read_bytes) == "PermissionError"
        files = [path for path in tmp_path.rglob("*") if path.is_file()]
        assert files and not [path for path in files if PASSWORD in f"{path} {path.read_text()}"]
        team.close()
        lab.close()
