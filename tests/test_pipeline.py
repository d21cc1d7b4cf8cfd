"""The notebook pipeline: what must turn CI red does, shown on a small notebook built for the purpose."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient.exceptions import CellExecutionError

from labsupport import build

ROOT = Path(__file__).parent.parent
SOURCE = """# %% [markdown]
# # 98 A small notebook

# %%
from labsupport.figures import panels, show

heights = [1, 4, 9]
print(f"the last height is {heights[-1]}, seen in [here: {id(heights)} s]")

# %%
figure, (ax,) = panels()
ax.plot(heights)
show(figure, f"The curve ends at {heights[-1]}.")

# %% tags=["measured"]
figure, (ax,) = panels()
ax.plot([id(object()) % 97, id(figure) % 89, id(ax) % 83])
show(figure, f"The curve ends at [here: {id(ax) % 83}].")
"""


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """The small notebook, built: (source path, executed notebook)."""
    source = tmp_path_factory.mktemp("src") / "98-small.py"
    source.write_text(SOURCE)
    return source, build.run(build.read_source(source))


@pytest.fixture(scope="module")
def other(small, tmp_path_factory):
    """The small notebook built once more, with a bent curve and with something else measured."""
    source = tmp_path_factory.mktemp("other") / "98-small.py"
    text = small[0].read_text()
    source.write_text(text.replace("ax.plot(heights)", "ax.plot([1, 4.2, 9])").replace("% 97", "% 101"))
    return build.run(build.read_source(source))


def picture(notebook, number):
    return notebook.cells[number].outputs[0].data["image/png"]


def copy(notebook):
    return nbformat.from_dict(nbformat.reads(nbformat.writes(notebook), as_version=4))


def strict_nbval(folder: Path, notebooks: dict) -> subprocess.CompletedProcess:
    """Run strict nbval on notebooks (name -> notebook), with the project's own guard and sanitize rule."""
    (folder / "tests").mkdir()
    for name in ("conftest.py", "side_by_side.py", "nbval_sanitize.cfg"):
        shutil.copy(ROOT / "tests" / name, folder / "tests" / name)
    shutil.copy(ROOT / "pyproject.toml", folder)
    for name, notebook in notebooks.items():
        nbformat.write(notebook, folder / f"{name}.ipynb")
    command = [sys.executable, "-m", "pytest", "-q", "-rfE", "-p", "no:cacheprovider", "tests", "."]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, env=os.environ, timeout=120)


def a_changed_number(notebook):
    cell = notebook.cells[1]
    cell.outputs[0].text = cell.outputs[0].text.replace("height is 9", "height is 8")


def a_changed_number_below_the_figure(notebook):
    notebook.cells[2].outputs[1].text = "The curve ends at 8.\n"


def stripped_outputs(notebook):
    notebook.cells[3].outputs = []


@pytest.fixture(scope="module")
def bent(small, other):
    """The small notebook with a bent curve, as if only the drawing helper had changed."""
    bent = copy(small[1])
    bent.cells[2].outputs = other.cells[2].outputs
    return bent


@pytest.fixture(scope="module")
def verdicts(small, bent, tmp_path_factory):
    """What strict nbval says of the small notebook, of the bent one and of one with three cells changed."""
    changed = copy(small[1])
    for change in (a_changed_number, a_changed_number_below_the_figure, stripped_outputs):
        change(changed)  # each another cell
    notebooks = {"untouched": small[1], "bent": bent, "changed": changed}
    return strict_nbval(tmp_path_factory.mktemp("verdicts"), notebooks)


def test_strict_nbval_passes_the_notebook_and_is_red_for_each_change_of_it(verdicts):
    assert verdicts.returncode == 1 and "3 failed, 6 passed" in verdicts.stdout
    red = verdicts.stdout.partition("short test summary")[2]
    assert all(f"changed.ipynb::Cell {number}" in red for number in range(3))


def tag(name):
    return lambda cell: cell.metadata.update(tags=[name])


REFUSED = {
    "never-run": (lambda cell: cell.update(execution_count=None, outputs=[]), "was never run"),
    "skipped": (tag("nbval-skip"), "is skipped"),
    "ignored": (tag("nbval-ignore-output"), "output is ignored"),
    "may-raise": (tag("raises-exception"), "is skipped"),
    "comment": (
        lambda cell: cell.update(source="# NBVAL_IGNORE_OUTPUT\n" + cell.source),
        "output is ignored",
    ),
    "semicolon": (lambda cell: cell.update(source=cell.source + ";"), "silences nothing"),
    "empty": (lambda cell: cell.update(source="  "), "is empty"),
}


def test_the_guard_refuses_every_cell_that_would_not_be_compared(small, tmp_path):
    notebooks = {name: copy(small[1]) for name in REFUSED}
    for name, (tamper, _) in REFUSED.items():
        tamper(notebooks[name].cells[1])
    result = strict_nbval(tmp_path, notebooks)
    assert result.returncode != 0 and "passed" not in result.stdout
    said = (result.stdout + result.stderr).splitlines()
    for name, (_, complaint) in REFUSED.items():
        assert any(f"{name}.ipynb" in line and complaint in line for line in said), name


def test_a_changed_curve_is_found_by_the_rebuild_though_nbval_passes(small, bent, verdicts):
    assert "bent.ipynb" not in verdicts.stdout.partition("short test summary")[2]
    assert build.differences(build.keep_measurements(copy(bent), small[1]), small[1]) == [
        "cell 98-02: its output differs"
    ]


def test_a_bent_curve_is_more_than_another_renderer_may_change(small, bent):
    assert not build._close_picture(picture(small[1], 2), picture(bent, 2))
    assert build._close_picture(picture(small[1], 2), picture(small[1], 2))


def test_a_second_build_is_the_same_to_the_byte(small):
    source, before = small
    again = build.keep_measurements(build.run(build.read_source(source)), before)
    assert nbformat.writes(again) == nbformat.writes(before)


def test_a_measured_picture_is_kept_only_while_its_source_is_unchanged(small, other):
    kept = build.keep_measurements(copy(other), small[1])
    assert picture(kept, 3) == picture(other, 3) != picture(small[1], 3)


def test_a_check_rebuilds_the_notebook_and_names_the_cell_that_differs(small, tmp_path, monkeypatch):
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    source = tmp_path / "98-small.py"
    shutil.copy(small[0], source)
    assert build.check(source) == ["it was never built: run refresh"]
    changed = copy(small[1])
    a_changed_number(changed)
    nbformat.write(changed, build.built(source))
    assert build.check(source) == ["cell 98-01: its output differs"]


def test_a_changed_source_is_named(small):
    fresh = copy(small[1])
    fresh.cells[1].source += "\nprint(1)"
    assert build.differences(fresh, small[1]) == ["cell 98-01: its source differs"]
    del fresh.cells[1]
    assert build.differences(fresh, small[1]) == ["its cells are not those of its source: run refresh"]


def test_a_failing_cell_stops_the_build_and_leaves_the_old_notebook(tmp_path, monkeypatch):
    (tmp_path / "src").mkdir()
    (tmp_path / "src" / "98-small.py").write_text("# %%\n1 / 0\n")
    (tmp_path / "98-small.ipynb").write_text("old")
    monkeypatch.setattr(build, "NOTEBOOKS", tmp_path)
    with pytest.raises(CellExecutionError):
        build.main([])
    assert (tmp_path / "98-small.ipynb").read_text() == "old"
