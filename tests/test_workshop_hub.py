"""A real workshop for two learners: the command, its hub, servers and kernels, and the end of it all."""

from __future__ import annotations

import os
import re
import signal
import sys
from concurrent.futures import ThreadPoolExecutor
from importlib.util import find_spec

import pytest
from room_client import Person, Workshop
from servers import becomes_true

from labsupport.workshop.handout import renew

NOTEBOOK = "03-one-shared-redis.ipynb"
MEMORY_MB = 700
pytestmark = pytest.mark.skipif(
    not find_spec("jupyterhub") and not os.environ.get("LAB_WORKSHOP"),
    reason="a workshop's packages are not the course's: labsupport/workshop/requirements.txt brings them",
)


@pytest.fixture(scope="module")
def workshop(tmp_path_factory):
    running = Workshop(tmp_path_factory.mktemp("room"), 2, MEMORY_MB)
    yield running
    if running.process.poll() is None:
        assert running.end(signal.SIGINT) == ""


@pytest.fixture(scope="module")
def cards(workshop):
    """The hand-out as it was at the start."""
    return workshop.hand_out()


@pytest.fixture(scope="module")
def seated(workshop, cards):
    """Both learners in, each with a kernel for 03, and a file that their server must not import."""

    def come_in(row):
        mine = workshop.folder / "learners" / row["name"] / "my-notebooks"
        mine.mkdir()
        (mine / "jupyterhub.py").touch()
        person = Person(row["address"], row["name"])
        assert person.log_in(row["password"]).url.endswith("/hub/home")
        person.start_server()
        return person, person.open_notebook(NOTEBOOK)

    with ThreadPoolExecutor(2) as pool:
        both = list(pool.map(come_in, cards.values()))
    yield both
    for _, kernel in both:
        kernel.close()


BEGIN = "from labsupport import start_lab; lab = start_lab('03')"
WHERE = "lab.redis.set('mine', 1); print(lab.owned, lab.redis.config_get('dir')['dir'])"


def test_each_learner_runs_their_notebook_on_a_redis_of_their_own(seated):
    (person, first), (_, second) = seated
    for source in person.cells(NOTEBOOK, "core")[:2]:
        assert first.run(source)[1] == "ok"
    assert second.run(BEGIN)[1] == "ok"
    folders = {kernel.run(WHERE)[0] for kernel in (first, second)}
    assert len(folders) == 2 and all(re.match(r"True .*/rlab-\w+\n", folder) for folder in folders)


ENCRYPTED = """
import ipykernel, json
print("curve_publickey" in json.load(open(ipykernel.get_connection_file())))
"""
ROSTER = """
import redis
print(redis.Redis.from_url(os.environ["LAB_CLASS_URL"]).get("lab:class:roster").decode())
"""


def test_a_learner_has_the_class_redis_and_nothing_secret_of_anybody_else(cards, seated):
    (_, kernel), _ = seated
    text, status = kernel.run("import os; print(dict(os.environ))")
    mine, other = (cards[name]["class_url"] for name in ("learner-01", "learner-02"))
    assert status == "ok" and mine in text and other not in text and "INSTRUCTOR" not in text
    assert kernel.run(ENCRYPTED) == ("True\n", "ok")  # or any user of the machine could read what it prints
    assert kernel.run(ROSTER) == ('["learner-01", "learner-02"]\n', "ok")


def test_a_used_password_is_refused_with_a_reason_and_a_new_one_works(workshop, cards, seated):
    (person, _), _ = seated
    again = Person(person.address, person.name)
    refused = again.log_in(cards[person.name]["password"])
    assert refused.status_code == 403 and "used already or is too old: each works once" in refused.text
    assert again.log_in(renew(workshop.folder, person.name).split()[-1]).url.endswith("/hub/home")


def test_nobody_gets_into_another_server_or_in_under_another_name(seated):
    (alice, _), (bob, _) = seated
    assert bob.ask("GET", "api/contents").status_code == 200
    assert alice.web.get(f"{bob.home}/api/contents").status_code == 403
    assert Person(alice.address, "mallory").log_in("x").status_code == 403


@pytest.mark.skipif(sys.platform != "linux", reason="macOS does not bound a process's memory")
def test_too_much_memory_is_an_error_in_the_cell_and_the_kernel_lives(seated):
    _, (_, kernel) = seated
    assert kernel.run(f"x = bytearray({MEMORY_MB}_000_000)")[1].startswith("MemoryError")
    assert kernel.run("print(6 * 7)") == ("42\n", "ok")


def test_ctrl_c_ends_everything_keeps_the_homes_and_says_so(workshop, seated):
    assert becomes_true(lambda: "2 of 3 are in." in workshop.text())
    kinds = {name for process in workshop.programs() for name in process.cmdline()[:4]}
    wanted = (
        "labsupport.workshop.hub",
        "jupyterhub.singleuser",
        "ipykernel_launcher",
        "traefik",
        "valkey-server",
    )
    assert [name for name in wanted if not any(name in word for word in kinds)] == []
    assert workshop.end(signal.SIGINT) == "" and workshop.process.returncode == 0
    assert workshop.text().splitlines()[-1].startswith("Everything has ended; the homes stay in ")
    assert (workshop.folder / "learners" / "learner-01" / "my-notebooks" / NOTEBOOK).exists()


def test_the_next_start_knows_who_was_in_and_even_a_killed_command_leaves_nothing(workshop, cards):
    assert workshop.process.poll() is not None
    folder = workshop.folder.parent
    again = Workshop(folder, 2, MEMORY_MB)
    assert again.hand_out()["learner-02"]["password"] != cards["learner-02"]["password"]
    assert again.end(signal.SIGKILL) == ""
