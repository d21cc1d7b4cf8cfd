"""Every notebook of the series: what its source says, what it promises, and on somebody else's server too."""

import copy
import functools
import json
import re

import nbformat
import pytest
import redis
from known_servers import known, spoken
from servers import contents, foreign_server
from strict_run import TOO_OLD_FOR_A_CLASS

from labsupport import build
from labsupport.lessons.texts import load

SOURCES = build.sources()
each_notebook = pytest.mark.parametrize("source", SOURCES, ids=lambda s: s.stem)
# What holds for the instructor's dashboard of a class, too, which is no lesson.
each_built = pytest.mark.parametrize("source", [*SOURCES, *build.dashboards()], ids=lambda s: s.stem)
core_notebooks = pytest.mark.parametrize(
    "source", [s for s in SOURCES if s.stem[:2] in ("02", "03", "06")], ids=lambda s: s.stem
)


def committed(source):
    return nbformat.read(build.built(source), as_version=4)


def code_cells(notebook, tag=None):
    return [
        c
        for c in notebook.cells
        if c.cell_type == "code" and (tag is None or tag in c.metadata.get("tags", []))
    ]


def words(notebook, tag=None):
    prose = [c for c in notebook.cells if c.cell_type == "markdown"]
    return sum(len(c.source.split()) for c in prose if tag is None or tag in c.metadata.get("tags", []))


@each_built
def test_the_committed_notebook_is_what_its_source_says(source):
    wanted, found = build.read_source(source), committed(source)
    assert [(c.id, c.cell_type, c.source, c.metadata) for c in wanted.cells] == [
        (c.id, c.cell_type, c.source, c.metadata) for c in found.cells
    ]
    assert found.metadata == wanted.metadata


PASSWORD = "sentinel-secret"


def oldest(source):
    """The oldest server that is there and has all that this notebook needs."""
    dashboard = source not in SOURCES
    return next(name for name in known() if not (dashboard and name in TOO_OLD_FOR_A_CLASS))


@functools.cache
def run_elsewhere(source):
    """A rebuild in a new kernel whose REDIS_URL names a server that is not ours, full of somebody's keys.

    It is the oldest that is there, and so are those that the notebook starts itself. Returns the notebook,
    that server's contents before and after, and how many connections it got. On the course's own server nbval
    runs it; twice in one kernel and on a third server, the browser tests do.
    """
    notebook, program = build.read_source(source), known()[oldest(source)]
    with foreign_server(PASSWORD, program) as url, redis.Redis.from_url(url, protocol=2) as owner:
        sentinels(owner)
        before, came = contents(owner, owner.keys()), connections(owner)
        named = f"import os; os.environ.update(REDIS_URL={url!r}, LAB_REDIS_SERVER={program!r})"
        notebook.cells.insert(0, nbformat.v4.new_code_cell(named))
        rebuilt = build.run(notebook)
        after, came = contents(owner, owner.keys()), connections(owner) - came
    return nbformat.from_dict({"cells": rebuilt.cells[1:]}), before, after, came


@each_built
def test_a_rebuild_gives_the_committed_notebook_on_somebody_elses_server_too(source):
    rebuilt, found = copy.deepcopy(run_elsewhere(source)[0]), committed(source)
    assert build.differences(build.keep_measurements(rebuilt, found), found) == []


def test_every_notebook_has_a_source_and_is_listed_in_the_map():
    assert sorted(build.NOTEBOOKS.glob("*.ipynb")) == [build.built(s) for s in SOURCES]
    start = committed(SOURCES[0])
    linked = set(re.findall(r"\(([\w-]+\.ipynb)\)", "".join(c.source for c in start.cells)))
    assert linked == {build.built(s).name for s in SOURCES[1:]}


def test_the_figure_of_the_readme_is_the_one_in_the_notebook():
    pictures = [picture for source in SOURCES for picture in build.readme_pictures(committed(source))]
    assert pictures == [build.README_FIGURE.read_bytes()]
    assert f"(.github/{build.README_FIGURE.name})" in (build.NOTEBOOKS.parent / "README.md").read_text()


@each_notebook
def test_the_notebook_keeps_to_its_size(source):
    notebook = committed(source)
    assert 15 <= len(code_cells(notebook)) <= 30
    assert 900 <= words(notebook) <= 1_900


@each_notebook
def test_it_opens_with_what_when_and_what_for_and_closes_with_the_board(source):
    notebook = committed(source)
    opening = notebook.cells[0].source
    assert all(promise in opening for promise in ("**You will see**", "**Time**", "**You need**"))
    assert sum("board_figure()" in c.source for c in code_cells(notebook)) == 1
    assert "Summary\n" in "".join(c.source for c in notebook.cells[-3:])


@each_built
def test_never_three_code_cells_in_a_row_and_links_that_lead_somewhere(source):
    notebook = committed(source)
    kinds = "".join(c.cell_type[0] for c in notebook.cells)
    assert "ccc" not in kinds
    for target in re.findall(r"\]\(([\w./-]+\.ipynb)\)", "".join(c.source for c in notebook.cells)):
        assert (build.NOTEBOOKS / target).exists()


@each_built
def test_every_figure_has_a_sentence_below_it_and_as_its_alternative_text(source):
    for cell in code_cells(committed(source)):
        for picture, below in zip(cell.outputs, [*cell.outputs, None][1:], strict=True):
            if "image/png" in picture.get("data", {}):
                sentence = picture.data["text/plain"]
                assert picture.metadata["image/png"]["alt"] == sentence
                said = below.get("text") or below.data["text/plain"]  # printed, or an explorer's
                assert said.split() == sentence.split()
                assert re.search(r"\d|no guess yet|^Measured: ", sentence)


def exercises(notebook):
    """Each exercise's cell and the one right below it."""
    cells = notebook.cells
    return [(c, cells[i + 1]) for i, c in enumerate(cells) if "exercise" in c.metadata.get("tags", [])]


@each_notebook
def test_two_or_three_exercises_whose_stubs_are_not_attempted(source):
    found = exercises(committed(source))
    assert 2 <= len(found) <= 3
    for stub, _ in found:
        assert re.search(r"\ncheck_\w+\(\w+\)$", stub.source)
        assert stub.outputs[0].text.startswith("Not attempted yet: ") and len(stub.outputs) == 1


@each_notebook
def test_each_exercise_has_its_solution_folded_below_it_and_the_solution_is_right(source):
    for stub, solution in exercises(committed(source)):
        assert solution.metadata == {
            "tags": ["solution"],
            "jupyter": {"source_hidden": True, "outputs_hidden": True},
        }
        assert solution.source.startswith("# Solution\n")
        assert stub.source.splitlines()[-1].partition("(")[0] in solution.source  # the same check
        assert solution.outputs[0].text.startswith("Right: ") and len(solution.outputs) == 1


@each_notebook
def test_the_prose_names_each_exercises_hints_and_minutes(source):
    notebook = committed(source)
    prose = "\n".join(c.source for c in notebook.cells if c.cell_type == "markdown")
    for number, (stub, _) in enumerate(exercises(notebook), 1):
        assert f'hint("{stub.source.splitlines()[-1].partition("(")[0].removeprefix("check_")}")' in prose
        assert re.search(rf"## (● )?Exercise {number}: .+ \(\d+ minutes\)", prose)


def called(notebook, function):
    """The names that a notebook's cells give to a function of the lessons: predict("a", "b") -> a, b."""
    code = "\n".join(c.source for c in code_cells(notebook))
    return [
        n
        for names in re.findall(rf'{function}\((?:ax, )?((?:"[\w-]+",? ?)+)', code)
        for n in re.findall(r'"([\w-]+)"', names)
    ]


def test_every_prediction_is_asked_where_its_file_says_and_judged_once():
    asked, judged = {}, []
    for source in SOURCES:
        for name in called(committed(source), "predict"):
            asked.setdefault(name, []).append(source.stem[:2])
        judged += called(committed(source), "judge")
    here = [source.stem[:2] for source in SOURCES]
    texts = {n: q for n, q in load("predictions").items() if q["notebook"] in here}
    assert asked == {name: question["asked"] for name, question in texts.items()}
    assert sorted(judged) == sorted(texts)


@each_notebook
def test_a_prediction_is_made_before_its_experiment(source):
    code = "\n".join(c.source for c in code_cells(committed(source)))
    for name in set(called(committed(source), "judge")) & set(called(committed(source), "predict")):
        assert code.index(f'"{name}"') < code.index(f'judge(ax, "{name}"')


def test_every_quiz_question_stands_in_its_notebook():
    here = {source.stem[:2]: called(committed(source), "quiz") for source in SOURCES}
    wanted = {
        notebook: [n for n, q in load("quiz").items() if q["notebook"] == notebook] for notebook in here
    }
    assert here == wanted and all(here.values())


@core_notebooks
def test_the_core_path_is_short_and_has_one_exercise(source):
    notebook = committed(source)
    assert 1 <= len(code_cells(notebook, "core")) <= 8
    assert words(notebook, "core") <= 600
    assert sum("exercise" in c.metadata["tags"] for c in code_cells(notebook, "core")) == 1


@core_notebooks
def test_the_core_is_the_beginning_and_the_sections_marked_with_a_dot(source):
    core = True  # the title and the imports
    for cell in committed(source).cells:
        if cell.cell_type == "markdown" and cell.source.startswith("## "):
            core = cell.source.startswith("## ● ")
        tags = cell.metadata.get("tags", [])
        assert ("core" in tags) == (core and "solution" not in tags), cell.id


@core_notebooks
def test_the_core_cells_run_without_the_others(source):
    notebook = build.read_source(source)
    notebook.cells = [c for c in notebook.cells if "core" in c.metadata.get("tags", [])]
    full = {c.source: c for c in committed(source).cells}
    for cell in code_cells(build.run(notebook)):
        kept = build.keep_measurements(
            nbformat.from_dict({"cells": [cell]}), nbformat.from_dict({"cells": [full[cell.source]]})
        )
        assert kept.cells[0].outputs == full[cell.source].outputs


def sentinels(client):
    """Somebody else's keys of every kind; returns each one's exact content and deadline."""
    client.set("course:204", "theirs")
    client.set("lab:03:course:204", "theirs too")  # even under a name that looks like ours
    client.set("session", "with a deadline", exat=client.time()[0] + 86_400)
    client.rpush("queue", *range(100))
    client.hset("profile", mapping={"name": "Ada"})
    client.zadd("board", {"Ada": 1.5})
    client.sadd("tags", "a", "b")
    client.xadd("log", {"event": "login"}, id="1-1")


def connections(client):
    return client.info("stats")["total_connections_received"]


@each_built
def test_on_somebody_elses_server_it_touches_nothing_and_tells_no_password(source):
    there, before, after, came = run_elsewhere(source)
    assert after == before != {}  # nothing of theirs changed, nothing of ours left
    # 01 and 02 do without Redis, 08, 09 and the dashboard are always on servers of their own.
    assert (came == 0) == (source.stem[:2] in ("01", "02", "08", "09", "cl"))
    assert (spoken(oldest(source)) in json.dumps(there)) == (source.stem[:2] not in ("01", "02", "cl"))
    assert PASSWORD not in json.dumps(there)
