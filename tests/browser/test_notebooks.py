"""Every notebook of the series in JupyterLab: it runs, and its widgets do what they promise, by keyboard.

The tests of one notebook share one page. They begin with a fresh Run All; each leaves the page usable.
"""

from __future__ import annotations

import re
import sys
from statistics import median

import nbformat
import pytest
from known_servers import known, spoken
from playwright.sync_api import Locator, expect

from browser.latency import in_turns, row
from browser.notebook import ASKING, COLOURS, EXPLORER, FLEET, Notebook
from browser.server import SERVER
from labsupport import build

NAMES = [build.built(source).name for source in build.sources()]
TIMES = 3
DOWN = "ArrowRight" if sys.platform == "darwin" else "ArrowDown"  # which there opens the list
# A likely wrong answer to one exercise of each notebook; the others get an answer that is none.
WRONG = {
    "check_remember": """\
def remember(redis, name, value):
    redis.set(name, value)

check_remember(remember)""",
    "check_staleness": "check_staleness(45)",
    "check_route": "def route(index, key):\n    return index % 4\n\ncheck_route(route)",
    "check_add_view": """\
def add_view(redis, name):
    redis.set(name, int(redis.get(name) or 0) + 1)

check_add_view(add_view)""",
    "check_publish": """\
def publish(redis, catalog, name, course, title):
    redis.unlink(name)
    catalog.rename(course, title)

check_publish(publish)""",
    "check_sell": """\
def sell(redis, name):
    if int(redis.get(name)) > 0:
        redis.decr(name)
        return True
    return False

check_sell(sell)""",
    "check_first_time": """\
def first_time(redis, name, seconds):
    if redis.exists(name):
        return False
    redis.set(name, 1, ex=seconds)
    return True

check_first_time(first_time)""",
    "check_clear": """\
def clear_cache(redis, prefix):
    return sum(redis.unlink(name) for name in redis.scan_iter(prefix + "*"))

check_clear(clear_cache)""",
    "check_allow": """\
def allow(redis, name, limit, seconds):
    calls = redis.incr(name)
    if calls == 1:
        redis.expire(name, seconds)
    return calls <= limit

check_allow(allow)""",
    "check_release": """\
def release(redis, name, token):
    if redis.get(name) == token.encode():
        return redis.delete(name) == 1
    return False

check_release(release)""",
    "check_shortest_ttl": """\
def shortest_ttl(grid, instances, shared, capacity, staleness):
    enough = grid[(grid["shared"] == shared) & (grid["origin_reads"] <= capacity)]
    return min(enough["ttl"], default=None)

check_shortest_ttl(shortest_ttl)""",
}


@pytest.fixture(scope="module", params=NAMES, ids=lambda name: name.removesuffix(".ipynb"))
def lesson(request, jupyter, opening):
    """The notebook, freshly run, with nothing predicted or attempted. In a broken one nothing is tried."""
    jupyter.forget()
    with opening(request.param) as opened:
        opened.name = request.param.removesuffix(".ipynb")
        if opened.red_cells():
            opened.screenshot_whole(f"{opened.name}-red")
        assert opened.red_cells() == []
        yield opened


def having(lesson: Notebook, call: str) -> list[int]:
    """The cells that call this function."""
    return [
        index
        for index, cell in enumerate(lesson.cells())
        if f"{call}(" in cell["source"] and cell["type"] == "code"
    ]


def widgets(lesson: Notebook, call: str, root: str) -> list[Locator]:
    """What those cells show, each on the page."""
    places = [lesson.output(index).locator(root) for index in having(lesson, call)]
    for place in places:
        expect(place.first).to_be_visible()
    return [widget for place in places for widget in place.all()]


def step(slider: Locator) -> None:
    """Move a slider by one step, by keyboard: up, or down where it is at its end."""
    before = slider.get_attribute("aria-valuenow")
    slider.focus()
    for key in ("ArrowRight", "ArrowLeft"):
        slider.press(key)
        if slider.get_attribute("aria-valuenow") != before:
            return
    raise AssertionError(f"no key moves the slider {slider.get_attribute('aria-label')!r}")


def source(root: Locator) -> str:
    """The picture's data, once it can be seen."""
    return root.locator("img").evaluate("async img => { await img.decode(); return img.src; }")


def changed(lesson: Notebook, root: Locator, before: str) -> bool:
    """Wait until there is another picture than before, and see that it can be shown."""
    another = "([root, before]) => root.querySelector('img').src !== before"
    lesson.until(another, [root.element_handle(), before])
    return source(root) != before


def test_there_are_explorers_and_an_animation_to_try():
    series = "".join(source.read_text(encoding="utf-8") for source in build.sources())
    assert "explore(" in series and "animate(" in series


def test_it_runs_from_top_to_bottom_and_nothing_goes_wrong(lesson):
    assert lesson.red_cells() == []
    assert lesson.problems() == []


def test_the_server_that_it_starts_is_not_the_one_of_the_other_tests(lesson):
    if SERVER not in known():
        pytest.skip(f"{SERVER} is not here, .ci/run installs it")
    for index in having(lesson, "= start_lab")[:1]:
        assert f"[here: {spoken(SERVER)}" in lesson.output_text(index)


def test_every_control_of_an_explorer_changes_its_picture_and_its_sentence(lesson):
    for number, explorer in enumerate(widgets(lesson, "explore", EXPLORER)):
        lesson.screenshot(f"{lesson.name}-explorer-{number}", explorer)
        moves = [(step, slider) for slider in explorer.get_by_role("slider").all()]
        moves += [(choose_next, choice) for choice in explorer.locator("select").all()]
        assert moves
        for move, control in moves:
            before, said = source(explorer), explorer.get_by_role("status").inner_text()
            move(control)
            assert changed(lesson, explorer, before)
            expect(explorer.get_by_role("status")).not_to_have_text(said)
            expect(explorer.get_by_role("status")).not_to_contain_text("could not be drawn")
        lesson.screenshot(f"{lesson.name}-explorer-{number}-moved", explorer)
    assert lesson.problems() == []


def choose_next(choice: Locator) -> None:
    """Take another option of a drop-down list, by keyboard: the next one; where there is none, the first."""
    before = choice.input_value()
    choice.press(DOWN)
    if choice.input_value() == before:
        choice.press("Home")
    assert choice.input_value() != before


def test_a_prediction_is_made_by_keyboard_and_recorded(lesson):
    assert having(lesson, "predict")
    for number, asking in enumerate(widgets(lesson, "predict", ASKING)):
        lesson.screenshot(f"{lesson.name}-prediction-{number}", asking)
        statuses = asking.get_by_role("status")
        expect(statuses).to_contain_text(["No prediction yet."] * statuses.count())
        for slider in asking.get_by_role("slider").all():
            step(slider)
        for button in asking.get_by_role("button", name="Record").all():
            button.press("Enter")
        for group in asking.locator(".widget-radio-box").all():
            choose(group.get_by_role("radio"), 0)
        expect(statuses).to_contain_text(["Recorded: "] * statuses.count())
        lesson.screenshot(f"{lesson.name}-prediction-{number}-recorded", asking)
    assert lesson.problems() == []


def test_the_quiz_answers_each_choice_with_its_reason_and_one_is_right(lesson):
    assert having(lesson, "quiz")
    for number, asking in enumerate(widgets(lesson, "quiz", ASKING)):
        lesson.screenshot(f"{lesson.name}-quiz-{number}", asking)
        reason, options, replies = asking.get_by_role("status"), asking.get_by_role("radio"), []
        for option in range(options.count()):
            said = reason.inner_text()
            choose(options, option)
            expect(reason).not_to_have_text(said)
            expect(reason).to_have_text(re.compile("^(Right|No): "))
            replies.append(reason.inner_text())
        assert len(set(replies)) == len(replies) >= 3
        assert sum(reply.startswith("Right: ") for reply in replies) == 1
        options.last.press("ArrowDown")  # round to the first, and never on into the next question
        expect(options.first).to_be_checked()
        lesson.screenshot(f"{lesson.name}-quiz-{number}-answered", asking)
    assert lesson.problems() == []


def test_an_open_question_is_answered_by_keyboard_and_the_others_stay_open(lesson):
    for asking in widgets(lesson, "open_questions", ASKING):
        groups, lines = asking.get_by_role("radiogroup"), asking.get_by_role("status")
        options, left = groups.first.get_by_role("radio"), groups.count() - 1
        for option in range(options.count()):
            said = lines.first.inner_text()
            choose(options, option)
            expect(lines.first).not_to_have_text(said)
            if lines.first.inner_text().startswith("Right: "):
                break
        expect(lines.last).to_contain_text(re.compile(rf"^{left} of \d+ questions are open: "))
        lesson.screenshot(f"{lesson.name}-open-questions", asking)
    assert lesson.problems() == []


def choose(options: Locator, number: int) -> None:
    """Choose a radio button by keyboard: space takes the first, the arrow goes on from the one before."""
    options.nth(max(0, number - 1)).press("ArrowDown" if number else "Space")
    expect(options.nth(number)).to_be_checked()


def test_the_animation_is_played_stepped_and_scrubbed_and_its_caches_switched(lesson):
    for number, fleet in enumerate(widgets(lesson, "animate", FLEET)):
        scrub, last = fleet.get_by_role("slider"), fleet.get_by_role("slider").get_attribute("max")
        lesson.screenshot(f"{lesson.name}-fleet-{number}", fleet)
        fleet.get_by_label("Speed").press("End")
        for option in range(2):
            choose(fleet.get_by_role("radio"), option)
            scrub.press("Home")
            expect(scrub).to_have_value("0")
            fleet.get_by_role("button", name="Play").press("Enter")
            expect(scrub).to_have_value(last)
            fleet.get_by_role("button", name="Step back").press("Enter")
            expect(scrub).to_have_value(str(int(last) - 1))
            scrub.press("ArrowLeft")
            expect(scrub).to_have_value(str(int(last) - 2))
            lesson.screenshot(f"{lesson.name}-fleet-{number}-{option}", fleet)
    assert lesson.problems() == []


def exercises(lesson: Notebook) -> list[tuple[int, str]]:
    """Each exercise's cell and its check."""
    marked = [index for index, cell in enumerate(lesson.cells()) if "exercise" in cell["tags"]]
    return [
        (index, re.findall(r"^(check_\w+)\(", lesson.cells()[index]["source"], re.M)[-1]) for index in marked
    ]


def test_an_exercise_that_is_not_attempted_says_so_and_its_solution_is_right_and_folded(lesson):
    assert exercises(lesson)
    for index, _ in exercises(lesson):
        expect(lesson.output(index)).to_contain_text("Not attempted yet: ")
        solution = lesson.cells()[index + 1]
        assert "solution" in solution["tags"] and solution["source"].startswith("# Solution\n")
        assert "Right: " in lesson.output_text(index + 1)
        expect(lesson.cell(index + 1).locator(".jp-Cell-inputArea .cm-editor")).to_be_hidden()


def test_a_wrong_answer_is_answered_and_the_solution_is_right(lesson):
    given = [found for found in exercises(lesson) if found[1] in WRONG] or exercises(lesson)[:1]
    for index, check in given:
        lesson.set_source(index, WRONG.get(check, f"{check}('a text that is no answer')"))
        lesson.run_cell(index)
        expect(lesson.output(index)).to_have_text(re.compile("^Not yet: "))
        lesson.screenshot(f"{lesson.name}-{check}-wrong", lesson.cell(index))
        lesson.set_source(index, lesson.cells()[index + 1]["source"])
        lesson.run_cell(index)
        expect(lesson.output(index)).to_have_text(re.compile("^Right: "))
        lesson.screenshot(f"{lesson.name}-{check}-right", lesson.cell(index))
    assert lesson.red_cells() == []


def test_our_widgets_have_no_serious_accessibility_problem(lesson):
    with lesson.unrolled():
        lesson.screenshot_whole(f"{lesson.name}-light")
        assert lesson.axe_of_widgets() == []


OF_THE_LEARNER = re.compile(r"\b(predict|judge|quiz|open_questions|errors_so_far|recorded|check_\w+)\(")
HERE = re.compile(r"\[here: [^\]]*\]")


def test_with_everything_predicted_and_attempted_it_runs_once_more_in_the_same_words(lesson):
    lesson.run_all()
    assert lesson.red_cells() == []
    assert lesson.problems() == []
    as_committed = nbformat.read(build.NOTEBOOKS / f"{lesson.name}.ipynb", as_version=4).cells
    for index, cell in enumerate(as_committed):
        if cell.cell_type == "code" and not OF_THE_LEARNER.search(cell.source):
            printed = "".join(o.text for o in cell.outputs if o.output_type == "stream")
            assert HERE.sub("", lesson.output_text(index)) == HERE.sub("", printed), cell.source


def test_in_the_dark_theme_its_widgets_can_be_read(lesson):
    lesson.page.emulate_media(color_scheme="dark")
    lesson.until("document.body.dataset.jpThemeLight === 'false'")
    with lesson.unrolled():
        lesson.screenshot_whole(f"{lesson.name}-dark")
        assert lesson.axe_of_widgets(only=COLOURS) == []


def test_an_explorer_is_not_three_times_as_slow_as_the_least_one(lesson, tell):
    for explorer in widgets(lesson, "explore", EXPLORER):
        real, least = in_turns(lesson, explorer)
        tell("latency", [row(lesson.name, real), row("the least explorer beside it", least)])
        assert median(real) <= TIMES * median(least)
    assert lesson.problems() == []
