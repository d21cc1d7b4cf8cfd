"""The other ways to run the course. The containers run here too, by hand, as their files say."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import image
import pytest

from labsupport.setup.problem import ROOT

HERE = Path(__file__).parent
COMPOSE = Path(sys.executable).with_name("docker-compose")
SECRETS = {"REDIS_PASSWORD": "p4ss", "JUPYTER_TOKEN": "t0ken"}


def leave_out(told, why):
    told.append(f"Tests of the containers were left out: {why}.")
    pytest.skip(why)


@pytest.fixture(scope="module")
def docker(told):
    if not COMPOSE.exists():
        leave_out(told, "Compose is not installed, .ci/run installs it")


@pytest.fixture(scope="module")
def by_hand(told):
    if sys.platform != "linux" or os.geteuid() != 0 or not shutil.which("redis-cli"):
        leave_out(told, "to start them by hand takes Linux, root and redis-cli")


def compose(**environ):
    """The real Compose, asked what it makes of docker-compose.yml in this environment."""
    words = [str(COMPOSE), "--env-file", "/dev/null", "config", "--format", "json"]
    return subprocess.run(words, cwd=ROOT, env={"HOME": "/", **environ}, capture_output=True, text=True)


@pytest.fixture(scope="module")
def services(docker):
    ran = compose(**SECRETS)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout)["services"]


@pytest.mark.parametrize("missing", SECRETS)
def test_without_a_password_or_a_token_nothing_starts(docker, missing):
    ran = compose(**{**SECRETS, missing: ""})
    assert ran.returncode != 0
    assert f"{missing} is missing a value: set it in .env" in ran.stderr
    assert f"\n{missing}=\n" in (ROOT / ".env.example").read_text()


def test_what_is_published_is_published_to_this_machine_alone(services):
    published = {name: [port["host_ip"] for port in each["ports"]] for name, each in services.items()}
    assert published == {"redis": ["127.0.0.1"], "lab": ["127.0.0.1"]}


def test_no_service_can_write_to_its_image_gain_a_privilege_or_take_the_whole_machine(services):
    for service in services.values():
        assert service["read_only"] is True
        assert service["cap_drop"] == ["ALL"]
        assert service["security_opt"] == ["no-new-privileges:true"]
        assert all(service[limit] for limit in ("mem_limit", "cpus", "pids_limit"))
        assert all(volume["type"] == "volume" for volume in service.get("volumes", []))


def test_the_lab_waits_until_redis_is_healthy_and_redis_runs_without_a_lab(services):
    assert services["lab"]["depends_on"]["redis"]["condition"] == "service_healthy"
    assert "depends_on" not in services["redis"]


def test_every_image_has_a_full_version(services):
    [base] = [rest.split()[0] for word, rest in image.instructions() if word == "FROM" and ":" in rest]
    assert re.fullmatch(r"redis:8\.\d+\.\d+-alpine", services["redis"]["image"])
    assert re.fullmatch(r"python:3\.\d+\.\d+-slim-\w+", base)
    place, tag = devcontainer()["image"].split(":")
    assert place == "mcr.microsoft.com/devcontainers/python"
    assert re.fullmatch(r"\d\.\d\.\d-3\.\d+-\w+", tag)


def test_every_stage_of_the_image_ends_as_an_ordinary_user():
    assert {image.last("USER", name) for name in image.stages()} == {"1000:1000"}


def test_no_secret_and_nothing_of_a_learner_gets_into_the_image(docker, tmp_path):
    secret = [".env", ".git/config", "workshop/hand-out.csv"]
    learners = ["my-notebooks/01.ipynb", "notebooks/decision.html"]
    wanted = ["labsupport/lab.py", "notebooks/00.ipynb"]
    for name in [*secret, *learners, *wanted, "labsupport/__pycache__/lab.pyc"]:
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()
    assert image.context(tmp_path) == set(wanted)


TOOLS = os.pathsep.join([str(Path(sys.executable).parent), "/usr/local/bin", "/usr/bin", "/bin"])


def redis_by_hand(said):
    """Compose's word on the service, and what the image redis adds to it."""
    return {
        "name": "redis",
        "user": [999, 999],
        "env": {"PATH": TOOLS, **said["environment"]},
        "workdir": "/data",
        "command": said["command"],
        "health": health(said),
        "tmpfs": said["tmpfs"],
        "volumes": [],
    }


def lab_by_hand(said):
    """Compose's word on the service, and what our image adds to it.

    PYTHONPATH stands for the image's `pip install -e .`; the other packages are those that run this test.
    """
    environ = {
        "PATH": TOOLS,
        "PYTHONPATH": image.last("WORKDIR"),
        "http_proxy": "http://127.0.0.1:9",  # a company's Docker may add one, which answers nothing here
        **image.environment(),
        **said["environment"],
    }
    return {
        "name": "lab",
        "user": [int(number) for number in image.last("USER").split(":")],
        "env": environ,
        "workdir": image.last("WORKDIR"),
        "command": json.loads(image.last("ENTRYPOINT")) + json.loads(image.last("CMD")),
        "health": health(said),
        "tmpfs": said["tmpfs"],
        "volumes": [volume["target"] for volume in said["volumes"]],
    }


def health(said):
    kind, *words = said["healthcheck"]["test"]
    return ["/bin/sh", "-c", *words] if kind == "CMD-SHELL" else words


def borrowed():
    """Folders of this machine in a container by hand: programs, and Python with the course's packages."""
    system = ("/usr", "/bin", "/sbin", "/lib", "/lib64", "/etc", "/sys")
    ours = [path for path in {sys.prefix, sys.base_prefix} if not path.startswith("/usr")]
    return [*filter(os.path.exists, system), *ours]


PEOPLE = """\
root:x:0:0::/root:/bin/sh
redis:x:999:999::/data:/bin/sh
learner:x:1000:1000::/home/learner:/bin/sh
"""


def test_both_containers_become_healthy_and_the_lab_works_in_its_bounds(services, by_hand, tmp_path):
    root = tmp_path / "root"
    root.mkdir(mode=0o755)
    image.copy_to(root)
    order = {
        "root": str(root),
        "bind": borrowed(),
        "files": {"/etc/hosts": "127.0.0.1 localhost redis\n", "/etc/passwd": PEOPLE},
        "services": [redis_by_hand(services["redis"]), lab_by_hand(services["lab"])],
        "ask": (HERE / "asked_in_the_lab.py").read_text(),
    }
    namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child"]
    command = [*namespaces, sys.executable, str(HERE / "by_hand.py")]
    ran = subprocess.run(command, input=json.dumps(order), capture_output=True, text=True, timeout=120)
    assert (ran.returncode, ran.stdout) == (0, "All answers are right.\n"), ran.stderr


KNOWN = "name image hostRequirements postCreateCommand forwardPorts portsAttributes customizations"


def devcontainer():
    text = (ROOT / ".devcontainer" / "devcontainer.json").read_text()
    return json.loads(re.sub(r"(?m)^\s*//.*$", "", text))


def test_the_dev_container_installs_the_requirements_and_has_no_misspelt_key():
    settings = devcontainer()
    assert " ".join(settings) == KNOWN
    assert settings["postCreateCommand"].endswith(" -m pip install -r requirements.txt")
    extensions = settings["customizations"]["vscode"]["extensions"]
    assert extensions == ["ms-python.python", "ms-toolsai.jupyter"]


def test_binder_installs_the_same_requirements_on_a_python_that_the_course_runs_on():
    binder = ROOT / ".binder"
    included = (binder / "requirements.txt").read_text().removeprefix("-r ").rstrip()
    assert (binder / included).resolve() == ROOT / "requirements.txt"
    assert re.fullmatch(r"python-3\.1[1-4]\n", (binder / "runtime.txt").read_text())
