"""The instructor's guide: its minutes, names, links, commands and settings are those of the course."""

from __future__ import annotations

import functools
import json
import re
import runpy

import pytest
import redis
import yaml
from benchmarks.sections import TABLES, sections, written
from servers import foreign_server

from labsupport import build
from labsupport.lessons.texts import load
from labsupport.setup.commands import COMMANDS
from labsupport.workshop.command import QUOTA_MB
from labsupport.workshop.options import MEMORY_MB, PORT, parse
from labsupport.workshop.quota import CONNECTIONS

TEACHING = TABLES.parent
PAGES = sorted(TEACHING.glob("*.md"))
SOURCES = {source.stem[:2]: source for source in build.sources()}
each_notebook = pytest.mark.parametrize("number", SOURCES)


def page(name):
    return (TEACHING / name).read_text(encoding="utf-8")


@functools.cache
def notebook(number):
    return build.read_source(SOURCES[number])


def parts(number):
    return sections(notebook(number))


def rows(text):
    """The cells of each row of the tables in a text, without heads and lines."""
    lines = [line.strip("|").split("|") for line in text.splitlines() if line.startswith("|")]
    cells = [[cell.strip() for cell in line] for line in lines]
    return [
        row for row, below in zip(cells, [*cells[1:], [""]], strict=True) if not {row[0], below[0]} & {"---"}
    ]


def chapter(text, title):
    """What stands under the heading (## or ###) that begins so, up to the next heading of these."""
    return re.search(rf"^###? {re.escape(title)}.*?(?=^###? |\Z)", text, re.MULTILINE | re.DOTALL)[0]


def table(number):
    return rows(chapter(TABLES.read_text(encoding="utf-8"), number))


def minutes(number):
    return {title.removeprefix("● "): float(estimate) for title, _, estimate, *_ in table(number)}


@each_notebook
def test_every_section_and_exercise_is_in_the_guide_in_order_and_with_its_minutes(number):
    assert [title for title, *_ in table(number)] == [part.title for part in parts(number)]
    for (title, machine, estimate, room, why), part in zip(table(number), parts(number), strict=True):
        assert float(machine) < 20, title
        assert part.minutes in (None, float(estimate)), title
        assert room in ("must", "may", "skip"), title
        assert room == "must" or "●" not in title, title
        assert why.endswith("."), title


@each_notebook
def test_the_estimates_of_a_notebook_add_up_to_the_time_that_it_says(number):
    opening = notebook(number).cells[0].source
    whole, core = re.search(r"\*\*Time\*\* (\d+) minutes(?:.*marked ●, (\d+))?", opening).groups()
    estimates = [float(estimate) for _, _, estimate, *_ in table(number)]
    marked = [i == 0 or "●" in title for i, (title, *_) in enumerate(table(number))]
    assert sum(estimates) == int(whole)
    if advice := re.search(r"(\d+) to the recommendation", opening):
        assert sum(estimates[: 1 + list(minutes(number)).index("So: should you?")]) == int(advice[1])
    assert core is None or sum(m for m, mark in zip(estimates, marked, strict=True) if mark) == int(core)


PATHS = ["30", "45", "90", "180"]


@pytest.mark.parametrize("path", PATHS)
def test_a_path_takes_the_minutes_of_its_title_and_gives_each_section_what_it_needs(path):
    steps = rows(chapter(page("guide.md"), f"{path} minutes"))
    assert sum(float(took) for took, *_ in steps) == int(path)
    for took, number, names, _ in steps:
        needed = [minutes(number)[name] for name in names.split("; ")] if number else []
        assert sum(needed) <= float(took), names


def test_each_path_is_in_the_guide_and_the_guide_is_short():
    guide = page("guide.md")
    assert re.findall(r"^### (\d+) minutes", guide, re.MULTILINE) == PATHS
    prose = [line for line in guide.splitlines() if not line.startswith("|")]
    assert len(" ".join(prose).split()) < 2_500


def test_the_race_takes_as_long_on_every_path_as_the_dashboard_says():
    dashboard = (build.NOTEBOOKS / "src" / "class-dashboard.py").read_text(encoding="utf-8")
    [said] = re.findall(r"\*\*Time\*\* (\d+) minutes", dashboard)
    steps = [row for path in PATHS for row in rows(chapter(page("guide.md"), f"{path} minutes"))]
    assert [took for took, _, names, _ in steps if "The room is the fleet" in names] == [said] * 3


def test_the_limits_and_the_ports_of_the_pages_are_those_of_the_code():
    assert f"`--memory` ({MEMORY_MB:,} MB)" in page("room-sizes.md")
    assert f"{PORT} for the hub, or {PORT + 1} for the class Redis" in page("guide.md")
    assert f"take more than {QUOTA_MB:.0f} MB" in page("class.md")
    assert f"more than {CONNECTIONS} connections" in page("class.md")


def test_seconds_are_written_into_the_rows_of_their_notebook_alone():
    took = [(part.title, 7.04) for part in parts("02")]
    before = TABLES.read_text(encoding="utf-8")
    after = written(before, "02", took)
    assert {machine for _, machine, *_ in rows(chapter(after, "02"))} == {"7.0"}
    assert after.replace(chapter(after, "02"), "") == before.replace(chapter(before, "02"), "")
    with pytest.raises(AssertionError, match="no row"):
        written(before, "02", [("A section that is not there", 1.0)])


def anchors(text):
    titles = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_link_of_a_page_leads_somewhere(path):
    for target in re.findall(r"\]\(([^)]+)\)", path.read_text(encoding="utf-8")):
        file, _, anchor = target.partition("#")
        found = (TEACHING / file if file else path).resolve()
        assert found.is_file(), target
        assert not anchor or anchor in anchors(found.read_text(encoding="utf-8")), target


@pytest.mark.parametrize("path", PAGES, ids=lambda path: path.stem)
def test_every_command_of_a_page_is_one_of_the_course(path, tmp_path):
    for name, words in re.findall(r"python3? -m labsupport (\w+)([^`\n]*)", path.read_text(encoding="utf-8")):
        assert name in COMMANDS
        if name == "workshop":
            parse(tmp_path, words.split())


def test_every_exercise_has_its_replies_and_a_question_and_the_replies_are_there():
    texts = {
        (number, exercise): replies["replies"]
        for number in SOURCES
        for exercise, replies in load(f"exercises/{number}").items()
    }
    told = {
        tuple(name.replace("`", "").split()): said
        for name, said, _ in rows(chapter(page("troubles.md"), "What wrong"))
    }
    assert sorted(told) == sorted(texts)
    for exercise, said in told.items():
        assert set(re.findall(r"`(\w+)`", said)) <= set(texts[exercise]), exercise


BEYOND = page("beyond-one-machine.md")
DOCUMENTS = [
    document
    for block in re.findall(r"```yaml\n(.*?)```", BEYOND, re.DOTALL)
    for document in yaml.safe_load_all(block)
]
# What the chart's own values.yaml has (4.1.0); below these everything is the user's own.
CHART = """
hub.config hub.concurrentSpawnLimit hub.extraVolumes hub.extraVolumeMounts hub.extraConfig
proxy.https.enabled proxy.https.type proxy.https.hosts proxy.https.letsencrypt.contactEmail
singleuser.image.name singleuser.image.tag singleuser.cmd singleuser.defaultUrl singleuser.uid
singleuser.fsGid singleuser.startTimeout singleuser.cpu.guarantee singleuser.cpu.limit
singleuser.memory.guarantee singleuser.memory.limit singleuser.storage.type singleuser.storage.capacity
singleuser.storage.homeMountPath singleuser.extraEnv singleuser.networkPolicy.enabled
singleuser.networkPolicy.egress singleuser.networkPolicy.egressAllowRules.nonPrivateIPs cull.enabled
cull.timeout cull.every prePuller.hook.enabled prePuller.continuous.enabled
scheduling.userPlaceholder.enabled scheduling.userPlaceholder.replicas scheduling.podPriority.enabled
""".split()  # noqa: SIM905


def leaves(values, above=""):
    for key, value in values.items():
        path = f"{above}{key}"
        inner = isinstance(value, dict) and path not in CHART
        yield from leaves(value, f"{path}.") if inner else [path]


def test_the_values_for_kubernetes_are_yaml_of_the_charts_own_keys_and_the_hook_is_python():
    *_, values = DOCUMENTS
    assert list(leaves(values)) == CHART
    compile(values["hub"]["extraConfig"]["join-class.py"], "join-class.py", "exec")


def test_a_real_server_takes_the_users_and_the_options_of_the_page(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "script.py").write_text(re.search(r"```python\n(.*?)```", BEYOND, re.DOTALL)[1])
    runpy.run_path("script.py")
    users, urls = tmp_path / "users.acl", json.loads((tmp_path / "urls.json").read_text())
    closed, rest = users.read_text().split("\n", 1)
    assert closed == "user default off resetpass"
    users.write_text(rest)  # so that the test itself gets in
    container = DOCUMENTS[0]["spec"]["template"]["spec"]["containers"][0]
    name, *options = [option.replace("/secret", str(tmp_path)) for option in container["args"]]
    assert name == "redis-server"
    with foreign_server(arguments=options) as url:
        place = url.split("//")[1]
        ada, instructor = (
            redis.Redis.from_url(urls[user].replace("class-redis:6379/0", place))
            for user in ("ada", "instructor")
        )
        with ada, instructor:
            assert instructor.set("lab:class:roster", '["ada"]')
            assert ada.set("lab:ada:note", 1)
            assert ada.get("lab:class:roster")
            with pytest.raises(redis.exceptions.NoPermissionError):
                ada.set("lab:grace:note", 1)


def test_the_memory_of_a_room_is_computed_by_the_pages_own_rule_and_no_measurement_is_missing():
    sizes = page("room-sizes.md")
    system, hub, learner = map(
        float, re.search(r"(\d) GiB for the system, ([\d.]+) .*?, ([\d.]+) for", sizes).groups()
    )
    for learners, memory, machine, _ in rows(chapter(sizes, "What follows")):
        assert float(memory) == pytest.approx(system + hub + learner * int(learners))
        assert float(memory) < int(machine.split()[0])
    assert "MEASURE" not in sizes
