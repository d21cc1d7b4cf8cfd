"""The browser tests' own tools: they see what a learner would see, and they notice what must not happen."""

from __future__ import annotations

import nbformat
import pytest
from matplotlib.image import imread
from nbformat.v4 import new_code_cell, new_markdown_cell, new_notebook
from playwright.sync_api import expect

from browser.notebook import COLOURS

BROKEN_WIDGET = """\
from IPython.display import display
view = {"model_id": "gone", "version_major": 2, "version_minor": 0}
display({"application/vnd.jupyter.widget-view+json": view, "text/plain": "gone"}, raw=True)"""
CELLS = {
    "answer": "print(6 * 7)",
    "before": "print('before')",
    "surroundings": "import os; print(os.environ.get('REDIS_URL'), os.environ['LAB_DATA'])",
    "error": "1 / 0",
    "stderr": "import sys; print('careful', file=sys.stderr)",
    "warning": "import warnings; warnings.warn('careful')",
    "broken": BROKEN_WIDGET,
    "long": "print('line\\n' * 90)",
    "nameless": "from IPython.display import HTML; HTML('<button class=nameless>&nbsp;</button>')",
    "named": "HTML('<button class=named>Go</button>')",
    "pale": "HTML('<p class=pale style=color:#777777>grey</p><p class=dark style=color:#666666>darker</p>')",
}
NUMBER = {name: number for number, name in enumerate(CELLS, start=1)}


def notebook(*sources: str) -> nbformat.NotebookNode:
    """A title and these code cells."""
    kernel = {"kernelspec": {"name": "python3", "display_name": "Python 3", "language": "python"}}
    return new_notebook(metadata=kernel, cells=[new_markdown_cell("# Title"), *map(new_code_cell, sources)])


@pytest.fixture(scope="module")
def open_bench(jupyter, opening):
    jupyter.forget()
    with opening(notebook(*CELLS.values()), run=False) as bench:
        yield bench
        bench.outside.clear()
        bench.console_errors.clear()


@pytest.fixture
def bench(open_bench):
    """A notebook with the cells above, none of them run yet; what the test before provoked is forgotten."""
    open_bench.outside.clear()
    open_bench.console_errors.clear()
    return open_bench


def test_the_cells_are_there_with_their_type_source_and_tags(bench):
    assert bench.cells()[:2] == [
        {"type": "markdown", "source": "# Title", "tags": []},
        {"type": "code", "source": CELLS["answer"], "tags": []},
    ]


def test_a_cell_runs_when_it_is_asked_to_and_no_other(bench):
    bench.run_cell(NUMBER["answer"])
    expect(bench.output(NUMBER["answer"])).to_have_text("42")
    expect(bench.output(NUMBER["before"])).to_have_text("")
    assert bench.red_cells() == []


def test_a_cell_that_was_edited_runs_as_it_is_now(bench):
    bench.set_source(NUMBER["before"], "print('after')")
    bench.run_cell(NUMBER["before"])
    expect(bench.output(NUMBER["before"])).to_have_text("after")


def test_the_kernel_knows_no_server_of_somebody_else_and_a_record_of_its_own(bench, jupyter):
    bench.run_cell(NUMBER["surroundings"])
    expect(bench.output(NUMBER["surroundings"])).to_have_text(f"None {jupyter.data}")


@pytest.mark.parametrize("name", ["error", "stderr", "warning", "broken"])
def test_a_cell_with_an_error_a_warning_or_a_broken_widget_is_red(bench, name):
    assert NUMBER[name] not in bench.red_cells()
    bench.run_cell(NUMBER[name])
    assert NUMBER[name] in bench.red_cells()
    assert NUMBER["answer"] not in bench.red_cells()


def test_a_button_without_a_name_is_a_serious_finding_and_one_with_a_name_is_none(bench):
    bench.run_cell(NUMBER["nameless"])
    bench.run_cell(NUMBER["named"])
    assert [finding.split(": ")[1] for finding in bench.axe(".nameless")] == ["button-name"]
    assert bench.axe(".named") == []


def test_a_text_that_can_hardly_be_read_is_a_serious_finding_and_one_that_can_is_none(bench):
    bench.run_cell(NUMBER["nameless"])  # which imports HTML
    bench.run_cell(NUMBER["pale"])
    bench.page.locator(".jp-WindowedPanel-outer").evaluate("outer => { outer.scrollTop = 0; }")
    assert [finding.split(": ")[1] for finding in bench.axe(".pale")] == ["color-contrast"]
    assert bench.axe(".dark") == []
    assert [finding.split(": ")[1] for finding in bench.axe(".pale", only=COLOURS)] == ["color-contrast"]
    assert bench.axe(".nameless", only=COLOURS) == []


def test_pictures_are_kept_of_the_window_of_the_whole_notebook_and_of_one_part(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "_screenshots", tmp_path)
    bench.run_cell(NUMBER["answer"])
    bench.run_cell(NUMBER["long"])
    whole, window = bench.screenshot_whole("harness-whole"), bench.screenshot("harness-window")
    part = bench.screenshot("harness-part", bench.output(NUMBER["answer"]))
    assert set(tmp_path.iterdir()) == {whole, window, part}
    heights = [imread(file).shape[0] for file in (part, window, whole)]
    assert heights[0] < 100 < heights[1] == 1000 < heights[2]
    assert bench.page.viewport_size == {"width": 1400, "height": 1000}


def test_run_all_runs_all(bench):
    bench.set_source(NUMBER["error"], "print('mended')")
    bench.run_all()
    expect(bench.output(NUMBER["error"])).to_have_text("mended")
    expect(bench.output(NUMBER["answer"])).to_have_text("42")
    assert bench.red_cells() == [NUMBER[name] for name in ("stderr", "warning", "broken")]


def test_jupyterlab_follows_the_theme_and_the_page_knows_whether_motion_is_to_be_reduced(bench):
    for theme, light, reduced in (("dark", "false", True), ("light", "true", False)):
        bench.prefer(theme, reduced_motion=reduced)
        expect(bench.page.locator("body")).to_have_attribute("data-jp-theme-light", light)
        assert bench.page.evaluate("matchMedia('(prefers-reduced-motion: reduce)').matches") == reduced


# What must not happen, each made to happen: it stands on the list that fails a test in the end.


def test_an_address_beyond_the_local_server_is_noticed_and_not_reached(bench):
    asked = "fetch('http://example.org/x').then(() => 'reached', () => 'not reached')"
    assert bench.page.evaluate(asked) == "not reached"
    assert bench.outside == ["http://example.org/x"]
    assert bench.problems()[0] == "outside request: http://example.org/x"


def test_a_websocket_to_elsewhere_is_noticed(bench):
    bench.page.evaluate("new Promise(done => { new WebSocket('ws://example.org/y').onerror = done; })")
    assert bench.outside == ["ws://example.org/y"]


@pytest.mark.parametrize(
    ("event", "script", "said"),
    [
        ("console", "console.error('gone wrong')", "console: gone wrong"),
        ("pageerror", "setTimeout(() => { throw new Error('thrown') })", "pageerror: thrown"),
        ("response", "void fetch('/api/contents/nothing-here')", "404: GET"),
    ],
)
def test_an_error_in_the_page_is_noticed(bench, event, script, said):
    def noticed(_):  # JupyterLab has answers of its own meanwhile
        return any(said in error for error in bench.console_errors)

    with bench.page.expect_event(event, noticed):
        bench.page.evaluate(f"() => {{ {script} }}")
    assert any(said in problem for problem in bench.problems())


def noticed(bench):
    """The first line of each problem; but for JupyterLab's own trouble with a dialog that it takes away."""
    lines = [problem.split("\n")[0] for problem in bench.problems()]
    return [line for line in lines if not ("pageerror" in line and "removeChild" in line)]


def test_a_dialog_is_noticed(bench):
    bench.page.evaluate("void jupyterapp.commands.execute('help:about')")
    expect(bench.page.locator(".jp-Dialog")).to_be_visible()
    assert [problem.split(":")[0] for problem in noticed(bench)] == ["popup"]
    bench.page.locator(".jp-Dialog button").last.press(
        "Escape"
    )  # on it, as the focus may still be on its way
    expect(bench.page.locator(".jp-Dialog")).to_have_count(0)


def test_a_notification_is_noticed(bench):
    news = "{message: 'News', options: {autoClose: false}}"
    made = bench.page.evaluate(f"jupyterapp.commands.execute('apputils:notify', {news})")
    expect(bench.page.locator(".Toastify__toast")).to_be_visible()
    said = noticed(bench)
    bench.page.evaluate("id => void jupyterapp.commands.execute('apputils:dismiss-notification', {id})", made)
    expect(bench.page.locator(".Toastify__toast")).to_have_count(0)
    assert said == ["popup: News"]


def test_whoever_waits_in_vain_is_told_what_for_and_shown_the_page(bench, monkeypatch, tmp_path):
    monkeypatch.setattr(bench, "_screenshots", tmp_path)
    with pytest.raises(AssertionError, match=r"never true: 1 > 2; .*waited-in-vain\.png"):
        bench.until("1 > 2", patience=1)
