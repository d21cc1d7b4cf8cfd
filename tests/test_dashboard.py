"""The instructor's dashboard: its picture for every state of a room, its buttons, and its end."""

from __future__ import annotations

import asyncio
import contextlib
import gc

import psutil
import pytest
from ipywidgets.widgets.widget import _instances
from matplotlib.figure import Figure
from servers import becomes_true

from labsupport.classroom import names
from labsupport.classroom.rounds import Round
from labsupport.figures.classroom import failures, headline, room
from labsupport.workshop import open_dashboard
from labsupport.workshop.instructor import View
from labsupport.workshop.panel import GONE, draw_class

LOST = Round(1, "get_set", 30, 6_000, 412, 6_000, True)
KEPT = Round(2, "incr", 30, 6_000, 6_000, 6_000, True)


def test_the_bars_are_the_counter_and_what_is_lost(ax):
    finding = room(ax, [LOST, KEPT])
    assert [(bar.get_x(), bar.get_width()) for bar in ax.patches] == [(0, 412), (412, 5_588), (0, 6_000)]
    assert [text.get_text() for text in ax.texts] == [
        "GET+SET: 6,000 sent, the counter says 412",
        "lost",
        "INCR: 6,000 sent, the counter says 6,000",
    ]
    assert finding == (
        "GET+SET [here: lost 5,588 of 6,000]: 30 learners sent 6,000 increments, "
        "the counter says [here: 412]. INCR lost none of 6,000: 30 learners sent 6,000 increments, "
        "the counter says 6,000."
    )


@pytest.mark.parametrize(
    ("races", "title"),
    [
        ([], "Who eats the increments?"),
        ([LOST._replace(sent=0, counter=0)], "GET+SET begins"),
        ([LOST, KEPT], "GET+SET lost 5,588 of 6,000, INCR lost none of 6,000"),
        ([KEPT._replace(counter=6_100)], "INCR has 100 too many, written by hand"),
    ],
)
def test_the_title_states_the_finding_and_fits(races, title, ax):
    assert headline(races) == title and len(title) <= 55
    assert room(ax, races)


def test_the_axis_does_not_move_while_increments_come_in(ax):
    room(ax, [LOST._replace(sent=10, counter=5, over=False)])
    assert ax.get_xlim() == (0, 1.02 * 6_000)


def test_only_the_exercises_that_fail_most_are_in_the_picture(ax):
    counts = {"sell": 9, "order": 4, "count_once": 3, "route": 2, "allow": 1}
    assert failures(ax, counts) == "Failed attempts at exercises: sell 9, order 4, count_once 3, route 2."
    assert [bar.get_width() for bar in ax.patches] == [9, 4, 3, 2]


@pytest.fixture
def hurry(monkeypatch):
    monkeypatch.setattr("labsupport.workshop.instructor.LEAD", 0.4)
    monkeypatch.delenv(names.INSTRUCTOR_URL, raising=False)


def things():
    gc.collect()
    figures = sum(isinstance(thing, Figure) for thing in gc.get_objects())
    return (
        len(_instances),
        figures,
        psutil.Process().num_fds(),
    )


def test_buttons_start_real_races_the_picture_follows_and_nothing_is_left_behind(hurry, capsys):
    before = {child.pid for child in psutil.Process().children(recursive=True)}
    dashboard = open_dashboard(learners=2)
    try:
        assert capsys.readouterr().out.startswith("No class: LAB_INSTRUCTOR_URL is not set.")
        live = dashboard.live()
        signals = live.controls["shown"]
        assert live.text.startswith("2 learners are here. 0 races so far.")
        assert [button.description for button in signals.children] == ["Start GET+SET", "Start INCR"]
        signals.children[1].click()
        signals.children[0].click()
        assert live.text.endswith("A race is running already: wait until it is over.")
        pictures = {live.png}

        def over():
            signals.look()
            pictures.add(live.png)
            return not signals.value.view.running

        assert becomes_true(over)
        assert "INCR lost none of 400: 2 learners sent 400 increments, the counter says 400." in live.text
        assert len(pictures) > 1
        look_often(dashboard, signals)
    finally:
        dashboard.close()
    after = {child.pid for child in psutil.Process().children(recursive=True)}
    assert {pid for pid in after - before if not is_tracker(pid)} == set()
    signals.look()
    assert live.text.endswith(GONE)


def is_tracker(pid):
    """multiprocessing's own, which stays for the next processes."""
    with contextlib.suppress(psutil.Error):
        return "resource_tracker" in " ".join(psutil.Process(pid).cmdline())
    return True


def look_often(dashboard, signals):
    """200 updates, every tenth with something new to draw: nothing piles up."""
    start = None
    for count in range(200):
        if count % 10 == 0:
            dashboard.rehearsal.server.admin.hincrby(names.FAILED, "sell", 1)
        signals.look()
        if count == 20:
            start = things()
    assert things() == start


def test_the_picture_follows_by_itself_until_it_is_replaced_or_closed(hurry):
    async def notebook():
        dashboard = open_dashboard(learners=1)
        dashboard.live()
        first = next(iter(asyncio.all_tasks() - {asyncio.current_task()}))
        live = dashboard.live()
        dashboard.rehearsal.server.admin.hincrby(names.FAILED, "sell", 1)
        await asyncio.sleep(0.6)
        assert "sell 1" in live.text
        assert first.cancelled()
        dashboard.close()
        await asyncio.sleep(0)
        assert asyncio.all_tasks() == {asyncio.current_task()}

    asyncio.run(notebook())


def test_opened_again_the_first_one_is_closed(hurry):
    first = open_dashboard(learners=1)
    second = open_dashboard(learners=1)
    try:
        assert first.rehearsal._team == []
        assert second.look().here == 1
        live = second.live()
        second.race("incr", 5)  # and the picture follows a race that a cell runs
        assert "INCR lost none of 5" in live.text
    finally:
        second.close()


def test_in_a_rehearsal_answers_can_count_as_a_learners(hurry, monkeypatch, capsys):
    from labsupport.lessons import check_order

    monkeypatch.setenv(names.CLASS_URL, "")
    with contextlib.closing(open_dashboard(learners=1)) as dashboard:
        check_order("ABABABABABAB")
        with dashboard.as_learner():
            check_order("ABABABABABAB")
        assert dashboard.look().failed == (("order", 1),)


def test_a_class_is_used_as_it_is_and_not_rehearsed(monkeypatch, capsys):
    from labsupport.workshop.class_server import ClassServer

    with ClassServer(["ada", "grace"]) as server:
        monkeypatch.setenv(names.INSTRUCTOR_URL, server.instructor_url)
        with contextlib.closing(open_dashboard()) as dashboard:
            assert capsys.readouterr().out == "Learners in the class: 2.\n"
            assert dashboard.look() == View(0) and dashboard.rehearsal is None
            live = dashboard.live()
            live.controls["shown"].children[0].click()
            live.controls["shown"].look()  # nothing new, so the note stays
            assert live.text.endswith("the cell of notebook 06 that joins the class.")


def test_the_picture_tells_how_many_are_here():
    from labsupport.workshop.panel import Shown

    figure, sentence = draw_class(Shown(View(1, (LOST,)), "A note."))
    assert figure.axes[0].get_title(loc="right") == "1 here"
    assert sentence.startswith("1 learner is here. GET+SET") and sentence.endswith(" 0 so far. A note.")
