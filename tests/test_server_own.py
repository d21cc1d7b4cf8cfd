"""A server of our own: private, complete, and gone when its starter is, however that ends."""

import concurrent.futures
import contextlib
import gc
import json
import multiprocessing
import os
import pickle
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import psutil
import pytest
import redis
from servers import becomes_true

from labsupport.errors import NoRedis, Refused
from labsupport.server import open_server

OPEN_AND_WAIT = """
import time
from labsupport.server import open_server
server = open_server({})
print(server.pid, server._folder, flush=True)
time.sleep(60)
"""


@pytest.fixture(scope="module")
def server():
    server = open_server({})
    yield server
    server.close()


@contextlib.contextmanager
def starter(code=OPEN_AND_WAIT, **options):
    """A Python process that opens a server."""
    with subprocess.Popen(
        [sys.executable, "-c", code], stdout=subprocess.PIPE, text=True, **options
    ) as process:
        yield process
        process.kill()


def is_running(pid):
    with contextlib.suppress(psutil.NoSuchProcess):
        return psutil.Process(int(pid)).status() != psutil.STATUS_ZOMBIE  # in a container nobody may bury it
    return False


def is_gone(pid, folder):
    return becomes_true(lambda: not is_running(pid) and not Path(folder).exists())


def descendants(folder):
    """All that was ever started by a process with this TMPDIR, as each hands on its environment."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            found += [process] * (process.environ().get("TMPDIR") == str(folder))
    return found


def run_id_of_a_new_server(_):
    server = open_server({})
    identity = server.redis.info("server")["run_id"], server.pid, server._folder
    server.redis.set("who", server.pid)
    time.sleep(0.1)  # long enough for all to be there at once
    assert int(server.redis.get("who")) == server.pid
    server.close()
    return identity


def test_describe_says_what_it_is_and_that_it_goes(server):
    expected = r"(Valkey|Redis) [\d.]+ on a private socket, started for this notebook, gone when it ends"
    assert re.fullmatch(expected, server.describe())
    assert server.owned


def test_nothing_that_prints_shows_the_folder(server):
    shown = f"{server!r} {server.redis!r} {server.redis.pipeline()!r} {server.address!r} {server.describe()}"
    assert tempfile.gettempdir() not in shown


def test_only_this_user_may_enter_the_folder_or_use_the_socket(server):
    folder = Path(server._folder)
    assert folder.stat().st_mode & 0o777 == 0o700
    assert (folder / "s").stat().st_mode & 0o777 == 0o700
    assert folder.stat().st_uid == os.getuid()


def test_no_port_is_open(server):
    assert psutil.Process(server.pid).net_connections(kind="inet") == []


def test_nothing_is_kept_and_memory_is_bounded(server):
    config = server.redis.config_get("save", "appendonly", "maxmemory", "maxmemory-policy")
    assert config == {
        "save": "",
        "appendonly": "no",
        "maxmemory": str(64 * 2**20),
        "maxmemory-policy": "noeviction",
    }


def test_everything_is_allowed_on_our_own_server(server):
    client = server.redis
    client.set("key", "value")
    assert client.keys() == [b"key"]
    assert client.config_set("maxmemory-policy", "noeviction")
    assert client.client_pause(1)
    assert client.script_flush()
    assert client.eval("return redis.call('FLUSHALL')", 0) == b"OK"
    assert client.pipeline().flushdb().execute() == [True]
    assert client.dbsize() == 0
    with client.monitor() as monitor:
        client.ping()
        assert monitor.next_command()["command"] == "PING"


def test_the_client_has_short_timeouts_no_retries_and_plain_replies(server):
    settings = server.redis.get_connection_kwargs()
    assert settings["socket_timeout"] == settings["socket_connect_timeout"] == 2.0
    assert settings["retry"].get_retries() == 0
    assert (settings["protocol"], settings["decode_responses"]) == (2, False)
    with server.address.client(socket_timeout=0.25, decode_responses=True) as other:
        assert other.echo("x") == "x"
        assert other.get_connection_kwargs()["socket_timeout"] == 0.25


def test_the_client_counts_commands_and_pipelines(server):
    with server.address.client() as client:
        client.set("a", 1)
        client.pipeline().get("a").get("a").execute()
        assert client.commands == 2
        with client.pipeline() as pipe:
            pipe.watch("a")
            pipe.get("a")
            pipe.multi()
            pipe.incr("a").execute()
        assert client.commands == 5


def test_a_pickled_address_leads_to_the_same_server(server):
    with pickle.loads(pickle.dumps(server.address)).client() as client:
        assert client.info("server")["process_id"] == server.pid


def test_redis_url_may_name_a_socket_and_is_respected_then(server):
    foreign = open_server({"REDIS_URL": f"unix://{server._folder}/s?db=1"})
    assert not foreign.owned
    with pytest.raises(Refused):
        foreign.redis.flushall()
    foreign.close()


def test_close_twice_leaves_no_process_and_no_folder():
    server = open_server({})
    server.close()
    assert not is_running(server.pid)
    assert not Path(server._folder).exists()
    server.close()


def test_a_killed_server_is_an_error_at_once_and_close_is_fine():
    server = open_server({})
    os.kill(server.pid, signal.SIGKILL)
    assert is_gone(server.pid, server._folder)
    with pytest.raises(redis.ConnectionError):
        server.redis.get("key")
    server.close()


def test_a_frozen_server_is_a_timeout_and_close_ends_it():
    server = open_server({})
    os.kill(server.pid, signal.SIGSTOP)
    with server.address.client(socket_timeout=0.1) as client, pytest.raises(redis.TimeoutError):
        client.get("key")
    server.close()
    assert not is_running(server.pid)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGKILL])
def test_a_watcher_that_is_ended_leaves_nothing_behind_close(number):
    server = open_server({})
    os.kill(server._watcher.pid, number)
    server._watcher.wait(10)
    server.close()
    assert is_gone(server.pid, server._folder)


def test_twenty_starts_at_once_in_threads_give_twenty_servers():
    with concurrent.futures.ThreadPoolExecutor(20) as pool:
        found = list(pool.map(run_id_of_a_new_server, range(20)))
    assert [len(set(column)) for column in zip(*found, strict=True)] == [20, 20, 20]


def test_twenty_starts_at_once_in_processes_give_twenty_servers():
    with contextlib.ExitStack() as stack:
        starters = [stack.enter_context(starter()) for _ in range(20)]
        found = [process.stdout.readline().split() for process in starters]
        assert [len(set(column)) for column in zip(*found, strict=True)] == [20, 20]
        for pid, folder in found:  # all are there at once
            with redis.Redis(unix_socket_path=f"{folder}/s") as client:
                assert client.info("server")["process_id"] == int(pid)
    assert all(is_gone(pid, folder) for pid, folder in found)


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGINT])
def test_a_starter_that_is_killed_takes_the_server_along(number):
    with starter(stderr=subprocess.DEVNULL) as process:
        pid, folder = process.stdout.readline().split()
        os.kill(process.pid, number)
        assert is_gone(pid, folder)


def test_a_starter_that_just_ends_takes_the_server_along():
    with starter(OPEN_AND_WAIT.replace("time.sleep(60)", "")) as process:
        assert is_gone(*process.stdout.readline().split())


def test_an_interrupt_of_the_whole_group_leaves_the_server_up():
    code = "import signal; signal.signal(signal.SIGINT, signal.SIG_IGN)\n" + OPEN_AND_WAIT
    with starter(code, start_new_session=True) as process:
        pid, folder = process.stdout.readline().split()
        os.killpg(process.pid, signal.SIGINT)
        with redis.Redis(unix_socket_path=f"{folder}/s") as client:
            assert client.info("server")["process_id"] == int(pid)


@pytest.mark.parametrize("moment_ms", [0, 5, 10, 15, 20, 30, 40, 50])
def test_a_starter_killed_during_the_start_leaves_nothing(moment_ms, tmp_path):
    code = "print(flush=True)\n" + OPEN_AND_WAIT.replace("server = ", "print(flush=True); server = ")
    with starter(code, env={**os.environ, "TMPDIR": str(tmp_path)}) as process:
        process.stdout.readline(), process.stdout.readline()  # the second comes just before the start
        time.sleep(moment_ms / 1000)
        process.kill()
        process.wait()
        # What it had begun may still come up for a moment: look until nothing is left that it ever started.
        # Only our folders count: Python itself tries out the temporary folder with a file, and may die at it.
        assert becomes_true(lambda: not descendants(tmp_path))
        assert not list(tmp_path.glob("rlab-*"))


def test_programs_and_forked_children_do_not_keep_the_server_alive():
    code = OPEN_AND_WAIT.replace(
        "print",
        "import os, subprocess\n"
        "sleeper = subprocess.Popen(['sleep', '60'])\n"
        "child = os.fork()\n"
        "if not child: time.sleep(60)\n"
        "print(sleeper.pid, child, end=' ');print",
    )
    with starter(code) as process:
        sleeper, child, pid, folder = process.stdout.readline().split()
        process.kill()
        assert is_gone(pid, folder)
        for number in (int(sleeper), int(child)):
            os.kill(number, 0)  # still there, and yet the server is not
            os.kill(number, signal.SIGKILL)


def test_a_forked_child_that_ends_does_not_take_the_server_along():
    server = open_server({})
    child = multiprocessing.get_context("fork").Process(target=server.close)
    child.start()
    child.join(20)
    assert server.redis.ping()
    server.close()


def test_a_long_temp_folder_is_replaced_by_a_short_one(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / ("long" * 30)))
    server = open_server({})
    assert len(f"{server._folder}/s") < 104
    server.close()
    assert not Path(server._folder).exists()


def test_a_temp_folder_with_a_space_is_fine(tmp_path, monkeypatch):
    folder = tmp_path.parent / "a b"
    folder.mkdir(exist_ok=True)
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    server = open_server({})
    assert server.redis.ping()
    server.close()


def test_a_missing_temp_folder_is_one_sentence(tmp_path, monkeypatch):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path / "no"))
    with pytest.raises(NoRedis, match="No such file"):
        open_server({})


def test_a_locale_that_is_not_installed_does_not_matter(monkeypatch):
    monkeypatch.setenv("LC_ALL", "xx_YY.UTF-8")
    server = open_server({})
    assert server.redis.ping()
    server.close()


def test_the_server_never_sees_the_password_of_redis_url(monkeypatch):
    monkeypatch.setenv("REDIS_URL", "redis://:hush@127.0.0.1:1")
    server = open_server(own=True)
    # The server overwrites what /proc shows of its own environment; it got its watcher's.
    assert "REDIS_URL" not in psutil.Process(server._watcher.pid).environ()
    server.close()


@pytest.mark.parametrize("name", ["redis-server", "valkey-server"])
def test_a_server_on_path_works_as_well(name):
    if not shutil.which(name):
        pytest.skip(f"no {name} on PATH")
    server = open_server({**os.environ, "LAB_REDIS_SERVER": name})
    assert server.redis.incr("counter") == 1
    server.close()


def in_kernel(client, code):
    """Run code in a kernel and return what it printed."""
    printed = []
    reply = client.execute_interactive(
        code, timeout=30, output_hook=lambda m: printed.append(m["content"].get("text", ""))
    )
    assert reply["content"]["status"] == "ok", reply["content"]
    return "".join(printed)


OPEN_IN_KERNEL = """
import json
from labsupport.server import open_server
server = open_server({})
print(json.dumps([server.pid, server._folder]))
"""


def test_in_a_jupyter_kernel_the_server_survives_interrupt_and_nothing_else():
    from jupyter_client.manager import start_new_kernel

    manager, client = start_new_kernel()
    try:
        first = json.loads(in_kernel(client, OPEN_IN_KERNEL))
        client.execute("while True: server.redis.incr('rounds')", stop_on_error=False)
        with redis.Redis(unix_socket_path=f"{first[1]}/s", protocol=2) as outside:
            assert becomes_true(lambda: int(outside.get("rounds") or 0) > 10)
        manager.interrupt_kernel()
        assert in_kernel(client, "print(server.redis.ping(), server.pid)") == f"True {first[0]}\n"

        manager.restart_kernel()
        client.wait_for_ready(timeout=30)
        assert is_gone(*first)

        second = json.loads(in_kernel(client, OPEN_IN_KERNEL))
        os.kill(manager.provisioner.pid, signal.SIGKILL)
        assert is_gone(*second)

        manager.restart_kernel(now=True)
        client.wait_for_ready(timeout=30)
        third = json.loads(in_kernel(client, OPEN_IN_KERNEL))
        manager.shutdown_kernel()
        assert is_gone(*third)
    finally:
        client.stop_channels()
        manager.shutdown_kernel(now=True)


PACK_UNDER_INTERRUPTS = """
import signal
from labsupport.server.guard import Packer

packing, interrupts = False, 0

def interrupt(*_):
    global packing, interrupts
    if packing:
        packing, interrupts = False, interrupts + 1
        raise KeyboardInterrupt

signal.signal(signal.SIGALRM, interrupt)
signal.setitimer(signal.ITIMER_REAL, 0.0003, 0.0003)
while interrupts < 1000:
    try:
        packing = True
        while True:
            Packer().pack("SET", *[10**18] * 50)
    except KeyboardInterrupt:
        pass
signal.setitimer(signal.ITIMER_REAL, 0)
print("alive")
"""


def test_an_interrupt_while_numbers_are_packed_never_crashes_the_process():
    # With redis-py's own packer this process ends in a segmentation fault, and a learner's kernel with it.
    process = subprocess.run([sys.executable, "-c", PACK_UNDER_INTERRUPTS], capture_output=True, text=True)
    assert (process.returncode, process.stdout) == (0, "alive\n"), process.stderr


def test_an_interrupted_command_never_leaves_its_reply_to_the_next(server):
    client, asking, interrupts = server.redis, False, 0

    def interrupt(*_):
        nonlocal asking, interrupts
        if asking:
            asking = False  # one for each command: a second would meet what handles the first
            interrupts += 1
            raise KeyboardInterrupt

    for number in range(50):
        client.set(f"key:{number}", number)
    gc.disable()  # an Interrupt that comes while Python clears up is lost
    before = signal.signal(signal.SIGALRM, interrupt)
    signal.setitimer(signal.ITIMER_REAL, 0.0007, 0.0007)
    try:
        for number in list(range(50)) * 40:
            with contextlib.suppress(KeyboardInterrupt):
                asking = True
                answer = client.get(f"key:{number}")
                asking = False
                assert answer == str(number).encode()
            asking = False
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
        gc.enable()
    assert interrupts > 20
