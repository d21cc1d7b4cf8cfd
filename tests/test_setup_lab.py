"""`python3 -m labsupport lab`: JupyterLab as a learner gets it, really started."""

from __future__ import annotations

import signal
import socket
import sys
from urllib.request import Request, urlopen

import psutil
import pytest
from servers import free_port
from setup_course import finished_environment, labsupport, make_course, running_lab, surroundings, wait_for

from labsupport.setup.launch import command, parse, refuse_taken_port, windows_note
from labsupport.setup.problem import SetupProblem

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the helpers make a POSIX .venv")


@pytest.fixture(scope="module")
def course(tmp_path_factory):
    made = make_course(tmp_path_factory.mktemp("lab"))
    finished_environment(made)
    return made


@pytest.fixture(scope="module")
def hostile_home(course):
    """A learner's own settings, which open Jupyter to the whole network and move it elsewhere."""
    settings = course.parent / "home" / ".jupyter" / "jupyter_server_config.py"
    settings.parent.mkdir(parents=True)
    settings.write_text(
        "c.ServerApp.ip = '0.0.0.0'\nc.ServerApp.root_dir = '/'\nc.ServerApp.port_retries = 0\n"
    )


@pytest.fixture(scope="module")
def lab(course, hostile_home):
    with running_lab(course) as running:
        print(f"ready after {running.seconds:.1f} s")
        yield running


def test_a_second_start_is_ready_in_seconds(lab):
    assert lab.seconds < 20  # about two on an idle machine; the bound only catches a set-up that runs again
    assert "Setting up" not in lab.text()


def test_the_lab_listens_on_loopback_only_whatever_the_learners_settings_say(lab):
    family = [
        lab.process.pid,
        *(child.pid for child in psutil.Process(lab.process.pid).children(recursive=True)),
    ]
    listening = [
        c for pid in family for c in psutil.Process(pid).net_connections("inet") if c.status == "LISTEN"
    ]
    assert {place.laddr.ip for place in listening} == {"127.0.0.1"}


def test_without_the_token_nobody_gets_in(lab):
    assert lab.status("/api/contents") == 403
    assert lab.status("/lab/tree/00-start-here.ipynb") == 302  # to the login page


def test_the_lab_shows_the_learners_copies_and_nothing_else(lab):
    names = {entry["name"] for entry in lab.json("/api/contents")["content"]}
    assert names == {"00-start-here.ipynb", "01-one-process.ipynb", "data"}


def test_the_lab_opens_on_the_first_notebook(lab):
    assert f"{lab.address}/lab/tree/00-start-here.ipynb?token=" in lab.text()


def test_a_learner_reads_the_address_and_not_a_log(lab):
    assert lab.text().startswith("JupyterLab is starting; Ctrl-C in this window ends it.\n")
    assert "[I " not in lab.text()  # of Jupyter's own log only what is wrong


def test_no_news_popup_and_no_update_check(lab):
    settings = lab.json("/lab/api/settings/@jupyterlab/apputils-extension:notification")
    properties = settings["schema"]["properties"]
    assert properties["fetchNews"]["default"] == "false"
    assert properties["checkForUpdates"]["default"] is False


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_lab_and_its_kernels(course, number):
    with running_lab(course, "--port", str(free_port())) as lab:
        start_kernel(lab)
        family = [psutil.Process(lab.process.pid), *psutil.Process(lab.process.pid).children(recursive=True)]
        assert len(family) >= 2  # the server and its kernel
        lab.process.send_signal(number)
        lab.process.wait(timeout=20)
        _, left = psutil.wait_procs(family, timeout=10)
    assert left == []


def test_a_given_port_is_the_one_that_is_used(tmp_path):
    words = command(tmp_path / "python", tmp_path, parse(["--port", "8890"]))
    assert "--ServerApp.port=8890" in words
    assert "--ServerApp.port_retries=0" in words


def start_kernel(lab):
    headers = {"Authorization": f"token {lab.token}", "Content-Type": "application/json"}
    urlopen(
        Request(f"{lab.address}/api/kernels", data=b"{}", headers=headers, method="POST"), timeout=20
    ).close()
    wait_for(lambda: lab.json("/api/kernels"), lab.process)


def test_a_taken_port_is_one_helpful_sentence(course, tmp_path):
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        ended = labsupport(
            course, "lab", "--no-browser", "--port", str(port), env=surroundings(tmp_path / "home")
        )
    assert ended.returncode == 1
    assert ended.stderr.startswith(f"Port {port} cannot be used (Address already in use)")
    assert "leave --port away" in ended.stderr
    assert "Traceback" not in ended.stderr


def test_without_a_port_a_taken_one_is_passed_over(course, lab):
    with running_lab(course) as second:
        assert second.address != lab.address


def test_a_free_port_is_accepted():
    refuse_taken_port(free_port())


@pytest.mark.parametrize("text", ["zero", "0", "-1", "70000"])
def test_what_is_no_port_is_refused(text, capsys):
    with pytest.raises(SystemExit):
        parse([f"--port={text}"])
    assert "is not a port" in capsys.readouterr().err


def test_only_root_needs_to_allow_root(monkeypatch, tmp_path):
    monkeypatch.setattr("os.geteuid", lambda: 0)
    assert "--allow-root" in command(tmp_path / "python", tmp_path, parse([]))
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    assert "--allow-root" not in command(tmp_path / "python", tmp_path, parse([]))


def test_windows_without_a_server_hears_of_the_three_ways():
    note = windows_note("win32", {})
    assert all(way in note for way in ("WSL", "Docker", "REDIS_URL"))


def test_windows_with_a_server_and_other_systems_hear_nothing():
    assert windows_note("win32", {"REDIS_URL": "redis://somewhere"}) == ""
    assert windows_note("linux", {}) == ""


def test_a_port_that_may_not_be_used_says_why(monkeypatch):
    def refuse(*_):
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("socket.socket.bind", refuse)
    with pytest.raises(SetupProblem, match="reserved for the system"):
        refuse_taken_port(80)
