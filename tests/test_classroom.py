"""A learner's side of a class: 30 real processes on a real class Redis, and every way in and out of it."""

from __future__ import annotations

import contextlib
import json
import math
import multiprocessing
import multiprocessing.forkserver
import socket
import threading
import time

import pytest
import redis
from servers import becomes_true

from labsupport.classroom import join_class, names, report_failed
from labsupport.classroom.attending import LEFT, attend
from labsupport.classroom.joining import NO_CLASS
from labsupport.classroom.process import learner
from labsupport.errors import LabError
from labsupport.lessons import check_order
from labsupport.races.processes import Worker, end
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.instructor import Instructor
from labsupport.workshop.room import learner_names

LEARNERS, INCREMENTS = 30, 60


@pytest.fixture(autouse=True)
def hurry(monkeypatch):
    """Here nobody has to look up from a laptop before the race begins."""
    monkeypatch.setattr("labsupport.workshop.instructor.LEAD", 0.3)
    monkeypatch.setattr("labsupport.classroom.attending.PAUSE", 0.05)


@pytest.fixture(scope="module")
def server():
    with ClassServer(learner_names(LEARNERS)) as server:
        yield server


@pytest.fixture
def instructor(server):
    """The instructor of a class in which nothing has happened yet, and nobody is."""
    server.admin.flushdb()
    server.admin.set(names.ROSTER, json.dumps(server.names))
    instructor = Instructor(server.instructor_url)
    yield instructor
    instructor.close()


@pytest.fixture
def quick_start(monkeypatch):
    """Processes that fork from one which has imported everything: thirty would take ten seconds to do so."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload([learner.__module__])
    monkeypatch.setattr("labsupport.races.processes._SPAWN", context)
    yield
    multiprocessing.forkserver._forkserver._stop()


@pytest.fixture
def sit_in(server):
    """A function that lets learners attend, in a thread each; it returns how each ends, place by place."""
    threads = []

    def sit_in(*numbers):
        heard, ends = [[] for _ in numbers], {}

        def stay(place, url):
            ends[place] = attend(url, heard[place].append, math.inf)

        for place, number in enumerate(numbers):
            thread = threading.Thread(target=stay, args=(place, list(server.urls.values())[number]))
            threads.append(thread)
            thread.start()
        assert becomes_true(lambda: all(heard))
        return ends

    yield sit_in
    for thread in threads:
        thread.join(10)
    assert not any(thread.is_alive() for thread in threads)


def finish(instructor):
    """Let everybody go: they stay until a race by INCR is over."""
    return instructor.race("incr", 3)


def tallies(server, race):
    """What the learners themselves have noted, as the server's own administrator reads it."""
    return [int(server.admin.hget(names.tally(name), race) or 0) for name in server.names]


def kill_in_the_middle(server, instructor, team, name):
    """SIGKILL, while the race that was just signalled runs; and then the sign of life expires sooner."""
    assert becomes_true(lambda: instructor.look().races[-1].sent > 0)
    team.pop(0).end()
    server.admin.expire(names.here(name), 1)


def test_thirty_real_processes_one_killed_in_each_race_and_one_late_lose_nothing_but_by_get_set(
    server, instructor, quick_start
):
    *there, late = server.urls.values()
    team = [Worker(learner, url) for url in there]
    try:
        for worker in team:
            worker.hear()  # that it has joined
        instructor.signal("get_set", INCREMENTS)
        kill_in_the_middle(server, instructor, team, "learner-01")
        team.append(Worker(learner, late))
        team[-1].hear()
        assert becomes_true(lambda: not instructor.look().running, 30)  # once a sign of life has expired
        first, sent_first = instructor.look().races[0], tallies(server, 1)
        instructor.signal("incr", INCREMENTS)
        kill_in_the_middle(server, instructor, team, "learner-02")
        assert becomes_true(lambda: set(tallies(server, 2)[2:]) == {INCREMENTS}, 30)
        second, sent_second = instructor.look().races[1], tallies(server, 2)
    finally:
        end(team)
    assert first.sent == sum(sent_first) and second.sent == sum(sent_second)
    assert set(sent_first[1:-1]) == {INCREMENTS} and max(sent_first) == max(sent_second) == INCREMENTS
    assert sent_second[0] == 0  # dead since the first race
    assert 1 <= first.counter < first.sent  # thirty at once: some always meet
    assert second.counter == second.sent == int(server.admin.get(names.counter(2)))


def test_the_same_learner_in_two_tabs_is_one_learner_whose_increments_all_count(server, instructor, sit_in):
    ends = sit_in(0, 0)
    instructor.race("get_set", 3)
    last = finish(instructor)
    assert becomes_true(lambda: len(ends) == 2)
    assert last.learners == 1
    assert tallies(server, 2)[0] == 6 == int(server.admin.get(names.counter(2)))
    assert [race.way for race in ends[0].rounds] == ["get_set", "incr"]


def test_who_comes_after_the_end_sends_nothing_and_takes_part_in_the_next_race(server, instructor, sit_in):
    sit_in(0)
    instructor.race("get_set", 3)
    ends = sit_in(1)
    assert tallies(server, 1)[1] == 0
    assert finish(instructor).sent == 6
    assert becomes_true(lambda: 0 in ends)


def test_a_counter_that_somebody_wrote_to_by_hand_spoils_its_race_only(server, instructor, sit_in):
    ends = sit_in(0)
    instructor.signal("get_set", 3)
    server.admin.set(names.counter(1), "a lot")
    server.admin.set(names.counter(2), 1_000)  # before its race, so it is gone when that begins
    assert becomes_true(lambda: not instructor.look().running)
    assert instructor.look().races[0][2:5] == (0, 0, 0)
    assert finish(instructor)[2:5] == (1, 3, 3)
    assert becomes_true(lambda: ends)


def test_who_cannot_note_what_they_send_sends_nothing(server, instructor, sit_in):
    ends = sit_in(0)
    server.admin.set(names.tally("learner-01"), "no hash")
    assert finish(instructor)[2:5] == (0, 0, 0)
    server.admin.delete(names.tally("learner-01"))
    assert finish(instructor)[2:5] == (1, 3, 3) and becomes_true(lambda: ends)


def test_nothing_that_a_learner_writes_stops_the_instructor(server, instructor, sit_in):
    ends = sit_in(1)
    calm = instructor.race("get_set", 3)
    own, tally = names.here("learner-01"), names.tally("learner-01")
    with redis.Redis.from_url(server.urls["learner-01"]) as hostile:
        for words in (
            ["SET", own, "abc"],
            ["LPUSH", own, "abc"],
            ["SET", tally, "abc"],
            *(["HSET", tally, "1", text] for text in ("abc", "-5", "9" * 400, "9" * 5000)),
            *(["HINCRBY", names.FAILED, text, "3"] for text in ("$\\frac$", b"\xff", "x" * 9000)),
            ["HINCRBY", names.FAILED, "sell", "-3"],
        ):
            hostile.execute_command(*words)
            view = instructor.look()
            assert (view.races, view.failed, view.running) == ((calm,), (), False), words
            hostile.delete(own, tally)
        for text in ("abc", "9" * 400, "9" * 5000):
            hostile.set(names.counter(1), text)
            assert instructor.look().races == (calm._replace(counter=0),)
    finish(instructor)
    assert becomes_true(lambda: ends)


def test_a_class_that_was_started_again_and_counts_from_one_is_a_new_class(server, instructor, sit_in):
    ends = sit_in(0)
    before = instructor.race("get_set", 3)
    server.admin.flushdb()
    assert becomes_true(lambda: instructor.look().here)
    again = finish(instructor)
    assert (before.round, again.round, again.sent) == (1, 1, 3)
    assert becomes_true(lambda: ends)


def test_who_finds_no_memory_left_waits_until_there_is_some(server, instructor):
    heard, ends = [], []
    url = server.urls["learner-01"]
    room = threading.Thread(target=lambda: ends.append(attend(url, heard.append, math.inf)))
    room.start()
    assert becomes_true(lambda: heard)
    before = server.admin.config_get("maxmemory")["maxmemory"]
    server.admin.config_set("maxmemory", 1)
    assert becomes_true(lambda: "trying again" in heard[-1])
    server.admin.config_set("maxmemory", before)
    assert becomes_true(lambda: "waiting" in heard[-1])
    assert finish(instructor).sent == 3
    room.join(10)
    assert ends[0].rounds


def test_an_interrupt_and_a_signal_that_never_comes_end_with_a_sentence(server):
    def interrupt(_):
        raise KeyboardInterrupt

    url = server.urls["learner-01"]
    assert attend(url, interrupt) == ([], LEFT)
    assert attend(url, lambda _: None, patience=0.3).sentence.startswith("No race in 0 minutes")


def test_a_class_that_cannot_be_joined_is_one_sentence_without_the_password(server):
    name, port = "learner-01", server.port
    sentences = [
        attend(f"redis://{name}:sentinel@127.0.0.1:{port}/0", print).sentence,
        attend(f"redis://{name}:sentinel@127.0.0.1:1/0", print).sentence,
        attend(f"redis://{name}:sentinel#@127.0.0.1:{port}/0", print).sentence,
    ]
    for sentence, meaning in zip(sentences, ("your name and password", "does not answer", "LAB_CLASS_URL")):
        assert meaning in sentence and "sentinel" not in sentence and sentence.count(". ") == 0


def test_a_server_that_goes_in_the_middle_is_one_sentence(monkeypatch):
    monkeypatch.setattr("labsupport.classroom.attending.SILENCE", 0.5)
    heard, ends = [], []
    with ClassServer(["ada"]) as mortal:
        room = threading.Thread(target=lambda: ends.append(attend(mortal.urls["ada"], heard.append)))
        room.start()
        assert becomes_true(lambda: heard)
    room.join(10)
    assert "does not answer" in ends[0].sentence
    assert "trying again" in heard[-1]


def test_without_a_class_joining_says_so_at_once(monkeypatch, capsys):
    monkeypatch.delenv(names.CLASS_URL, raising=False)
    join_class()
    assert capsys.readouterr().out == f"{NO_CLASS}\n"


def test_joining_shows_at_the_end_what_the_room_did(server, instructor, monkeypatch, capsys):
    monkeypatch.setenv(names.CLASS_URL, server.urls["learner-07"])

    def signal():
        if becomes_true(lambda: instructor.look().here):
            finish(instructor)

    thread = threading.Thread(target=signal)
    thread.start()
    join_class()
    thread.join()
    assert "INCR lost none of 3: 1 learner sent 3 increments, the counter says 3." in capsys.readouterr().out


def failed(server):
    return {name.decode(): int(count) for name, count in server.admin.hgetall(names.FAILED).items()}


def test_a_wrong_answer_counts_in_the_class_but_neither_a_right_nor_a_missing_one(
    server, instructor, monkeypatch, capsys
):
    monkeypatch.setenv(names.CLASS_URL, server.urls["learner-07"])
    for answer in (None, "ABABABABABAB", "ABBBBABAAAAB"):
        check_order(answer)
    assert capsys.readouterr().out.count("Not yet: ") == 1
    assert failed(server) == {"order": 1}
    report_failed("sell")
    report_failed("sell")
    assert instructor.look().failed == (("sell", 2), ("order", 1))


@pytest.mark.parametrize(
    "url", ["", "nonsense", "redis://ada:word@127.0.0.1:1/0", "a server that never answers"]
)
def test_a_failed_attempt_is_never_kept_waiting_and_never_sees_an_error(url, monkeypatch):
    with socket.create_server(("127.0.0.1", 0)) as silent:
        answers = url if "never" not in url else f"redis://ada:word@127.0.0.1:{silent.getsockname()[1]}/0"
        monkeypatch.setenv(names.CLASS_URL, answers)
        start = time.monotonic()
        report_failed("sell")
        assert time.monotonic() - start < 1  # a quarter, on a machine that is not busy


def test_a_host_name_that_takes_long_to_look_up_keeps_nobody_waiting(monkeypatch):
    monkeypatch.setenv(names.CLASS_URL, "redis://ada:word@class.invalid:6379/0")
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: time.sleep(3))
    start = time.monotonic()
    report_failed("sell")
    assert 0.25 <= time.monotonic() - start < 2


def test_nobody_here_or_a_race_under_way_means_no_new_race(server, instructor, sit_in):
    with pytest.raises(LabError, match="Nobody is here yet"):
        instructor.signal("incr")
    sit_in(0)
    instructor.signal("incr", 3)
    with pytest.raises(LabError, match="already"):
        instructor.signal("incr")
    assert becomes_true(lambda: not instructor.look().running)


def test_a_class_that_is_not_there_is_one_sentence_for_the_instructor_too():
    with pytest.raises(LabError, match=r"^The class at redis://127.0.0.1:1/0 cannot be used") as error:
        Instructor("redis://instructor:sentinel@127.0.0.1:1/0")
    assert "sentinel" not in str(error.value)


def test_a_dashboard_that_is_opened_again_goes_on_where_it_was_and_so_does_the_first(
    server, instructor, sit_in
):
    sit_in(0)
    before = instructor.race("get_set", 3)
    with contextlib.closing(Instructor(server.instructor_url)) as again:
        assert again.look().races == (before,)
        again.signal("get_set", 3)
        assert instructor.look().running
        assert becomes_true(lambda: not instructor.look().running)
        last = finish(instructor)
        assert again.look() == instructor.look() and (last.round, last.sent) == (3, 3)
