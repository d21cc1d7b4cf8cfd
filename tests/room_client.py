"""A workshop that runs, and a person in it, by HTTP as their browser would: logs in, runs cells."""

from __future__ import annotations

import csv
import json
import os
import socket
import subprocess
import sys
import time
import uuid
from pathlib import Path

import psutil
import requests
import websocket
from servers import becomes_true

from labsupport.setup.problem import ROOT
from labsupport.workshop.room import Room, learner_names

HUB = "labsupport.workshop.hub"
NOTEBOOK = {"type": "notebook", "kernel": {"name": "python3"}}


class Person:
    """One person's browser. All of it raises AssertionError when the hub does not play along."""

    def __init__(self, address: str, name: str) -> None:
        self.address, self.name, self.web = address, name, requests.Session()
        self.web.trust_env = False  # no proxy of this machine in between
        self.home = f"{address}/user/{name}"

    def log_in(self, password: str) -> requests.Response:
        """Send the login form, and follow where it leads."""
        page = f"{self.address}/hub/login"
        self.web.get(page)
        form = {"username": self.name, "password": password, "_xsrf": self.web.cookies.get("_xsrf")}
        headers = {"Sec-Fetch-Mode": "navigate"}
        return self.web.post(f"{page}?next=%2Fhub%2Fhome", data=form, headers=headers)

    def start_server(self, seconds: float = 60) -> None:
        """Ask for the server and wait until its own page comes."""
        self.web.get(f"{self.address}/hub/spawn")
        deadline = time.monotonic() + seconds
        while (page := self.web.get(f"{self.home}/lab")).status_code != 200 or "/hub/" in page.url:
            assert time.monotonic() < deadline, (
                f"{self.name}: no server, but {page.status_code} at {page.url}"
            )
            time.sleep(0.5)  # each look costs the hub a page

    def ask(self, method: str, path: str, body: dict | None = None) -> requests.Response:
        """A request to the person's own server, as JupyterLab makes them."""
        token = self.web.cookies.get("_xsrf", path=f"/user/{self.name}/")
        return self.web.request(method, f"{self.home}/{path}", json=body, headers={"X-XSRFToken": token})

    def open_notebook(self, path: str) -> Kernel:
        """A kernel for this notebook, as opening it would start one."""
        reply = self.ask("POST", "api/sessions", {**NOTEBOOK, "path": path, "name": path})
        assert reply.status_code == 201, reply.text
        return Kernel(self, reply.json()["kernel"]["id"])

    def cells(self, path: str, tag: str = "") -> list[str]:
        """The sources of a notebook's code cells, all or those with this tag, from the person's own copy."""
        found = self.ask("GET", f"api/contents/{path}").json()["content"]["cells"]
        code = [cell for cell in found if cell["cell_type"] == "code"]
        return [cell["source"] for cell in code if not tag or tag in cell["metadata"].get("tags", [])]


class Kernel:
    """A running kernel behind a websocket; `lost`: how often that broke and was made anew, as a page does."""

    def __init__(self, person: Person, number: str) -> None:
        self._person, self.lost = person, 0
        # With the same session the server keeps what came meanwhile, and sends it then.
        path = f"api/kernels/{number}/channels?session_id={uuid.uuid4().hex}"
        self._url = f"ws{person.home.removeprefix('http')}/{path}"
        self._connect()

    def _connect(self) -> None:
        jar = "; ".join(f"{cookie.name}={cookie.value}" for cookie in self._person.web.cookies)
        self.socket = websocket.create_connection(
            self._url, timeout=300, cookie=jar, origin=self._person.address
        )

    def _hear(self) -> dict:
        while True:
            try:
                return json.loads(self.socket.recv())
            except websocket.WebSocketConnectionClosedException:
                self.lost += 1
                self._connect()

    def run(self, source: str) -> tuple[str, str]:
        """Run one cell to its end; what it printed, and "ok" or the error's name and words."""
        number, text, status = uuid.uuid4().hex, "", ""
        header = {
            "msg_id": number,
            "msg_type": "execute_request",
            "username": "",
            "session": "s",
            "version": "5.3",
        }
        content = {"code": source, "silent": False, "store_history": True, "allow_stdin": False}
        message = {
            "header": header,
            "parent_header": {},
            "metadata": {},
            "content": content,
            "channel": "shell",
        }
        self.socket.send(json.dumps(message))
        idle = False
        while not (status and idle):
            said = self._hear()
            if said["parent_header"].get("msg_id") != number:
                continue
            content = said["content"]
            if said["msg_type"] == "stream":
                text += content["text"]
            elif said["msg_type"] == "execute_reply":
                status = "ok" if content["status"] == "ok" else f"{content['ename']}: {content['evalue']}"
            elif said["msg_type"] == "status":
                idle = content["execution_state"] == "idle"
        return text, status

    def close(self) -> None:
        self.socket.close()


class Workshop:
    """The command, running; what it prints goes to a file."""

    def __init__(self, folder: Path, learners: int, memory_mb: int) -> None:
        self.folder, self._output = folder / "workshop", folder / "output.txt"
        self._room = Room(self.folder, learner_names(learners), separate=False)
        words = ["--learners", str(learners), "--host", "127.0.0.1", "--port", str(free_port()), "--one-user"]
        more = ["--folder", str(self.folder), "--memory", str(memory_mb)]
        command = [sys.executable, "-m", "labsupport", "workshop", *words, *more]
        with self._output.open("w") as sink:
            self.process = subprocess.Popen(command, cwd=ROOT, stdout=sink, stderr=sink)
        assert becomes_true(lambda: "are in." in self.text() or self.process.poll() is not None, 120), (
            self.text()
        )
        assert self.process.poll() is None, self.text()

    def text(self) -> str:
        return self._output.read_text()

    def hand_out(self) -> dict[str, dict[str, str]]:
        """The row of each learner: address, password, class_url."""
        with (self.folder / "hand-out.csv").open(newline="") as file:
            return {row["name"]: row for row in csv.DictReader(file)}

    def processes(self) -> list[psutil.Process]:
        """The hub, its proxy, and all that runs for the people."""
        hub = psutil.Process(self.process.pid).children()
        return [*(child for child in hub if HUB in child.cmdline()), *self._room.processes()]

    def programs(self) -> list[psutil.Process]:
        """Everything that this workshop runs: what the command started, and what is the room's."""
        return [*psutil.Process(self.process.pid).children(recursive=True), *self._room.processes()]

    def end(self, number: int) -> str:
        """Send a signal to the command; "" if all is gone then, else what is left. Takes what it takes."""
        programs = self.programs()
        self.process.send_signal(number)
        self.process.wait(120)
        _, left = psutil.wait_procs(programs, timeout=30)
        return " ".join(" ".join(process.cmdline()) for process in left)


def free_port() -> int:
    """Below those that the system hands out: the ones after it are taken too."""
    return next(port for port in range(20_000 + os.getpid() % 10_000, 32_000) if is_free(port))


def is_free(port: int) -> bool:
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) != 0
