"""The command `workshop`: everything for a room on one machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import os
import signal
import subprocess
import sys
import time
from contextlib import ExitStack, closing
from pathlib import Path
from types import FrameType
from typing import NoReturn

from labsupport.errors import LabError
from labsupport.setup.problem import SetupProblem
from labsupport.workshop.class_server import ClassServer
from labsupport.workshop.handout import class_passwords, make_cards, renew, write_cards
from labsupport.workshop.hub import settings
from labsupport.workshop.options import free_ports, own_address, parse
from labsupport.workshop.quota import QuotaKeeper
from labsupport.workshop.room import INSTRUCTOR, Room, learner_names
from labsupport.workshop.running import RunningHub

QUOTA_MB = 4.0  # of the class Redis, for one learner: the race needs less than a kilobyte
ENDINGS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
LOOK = 2.0  # seconds between two looks at who is in
ONE_USER = (
    "All run as one user of this machine: a learner can do what that user may, and so read and change the "
    "files of every other and yours. Started by root without --one-user, each is a user of their own."
)
CLEAR = "Without --tls-cert and --tls-key, passwords and all else cross the room in the clear."


def main(root: Path, arguments: list[str]) -> int:
    """Run the command to its end. Raises SetupProblem: one sentence."""
    options = parse(root, arguments)
    if options.command == "password":
        print(renew(options.folder, options.name))
        return 0
    options.host = options.host or own_address()
    room = Room(options.folder, learner_names(options.learners), os.geteuid() == 0 and not options.one_user)
    ports = free_ports(options.host, options.port, 4 + len(room.people))
    if not options.no_hub:
        _refuse_closed_course(root, room)
    signals = {number: signal.signal(number, _end) for number in ENDINGS}
    try:
        with ExitStack() as held:
            held.enter_context(room)
            _run(held, room, options, ports)
    except KeyboardInterrupt:
        pass
    except LabError as error:
        raise SetupProblem(str(error)) from None
    finally:
        for number, before in signals.items():
            signal.signal(number, before)
    _say(
        "Everything has ended."
        if options.no_hub
        else f"Everything has ended; the homes stay in {room.homes}."
    )
    return 0


def _run(held: ExitStack, room: Room, options: argparse.Namespace, ports: list[int]) -> None:
    """Start it all, tell what is where, and watch until somebody ends it."""
    server = held.enter_context(ClassServer(room.names, options.host, ports[1], kept=class_passwords(room)))
    keeper = held.enter_context(closing(QuotaKeeper(server, QUOTA_MB)))
    keeper.start()
    urls = {**server.urls, INSTRUCTOR: server.instructor_url}
    address = f"{'https' if options.tls_cert else 'http'}://{options.host}:{options.port}"
    write_cards(room, make_cards(room, address, urls), hub=not options.no_hub)
    _say(f"The class Redis runs at {options.host}:{server.port}.")
    hub = None if options.no_hub else _hub(held, room, options, address, ports, urls)
    _say(f"Print {room.folder / 'hand-out.html'} (or use hand-out.csv); yours is instructor.txt beside it.")
    _say("Ctrl-C ends everything.")
    held.callback(_calm)
    _watch(hub, len(room.people))


def _hub(
    held: ExitStack,
    room: Room,
    options: argparse.Namespace,
    address: str,
    ports: list[int],
    urls: dict[str, str],
) -> RunningHub:
    began = time.monotonic()
    room.make_homes()
    tls = (str(options.tls_cert.resolve()), str(options.tls_key.resolve())) if options.tls_cert else ("", "")
    wanted = settings(room, address, [*ports[2:]], options.memory, urls, tls)
    hub = held.enter_context(closing(RunningHub(room, address, wanted)))
    _say(f"The hub answers at {address}, after {time.monotonic() - began:.1f} s.")
    _say(*([] if options.tls_cert else [CLEAR]), *([] if room.separate else [ONE_USER]))
    return hub


def _watch(hub: RunningHub | None, people: int) -> None:
    """Wait for the end; say how many are in whenever that changes."""
    before = -1
    while True:
        now = hub.seated() if hub else before
        if now != before:
            _say(f"{now} of {people} are in.")
        before = now
        time.sleep(LOOK)


def _refuse_closed_course(root: Path, room: Room) -> None:
    """A learner's own user has to be able to run what is in this folder."""
    uid = room.uid(room.names[0])
    if uid is None:
        return
    words = [sys.executable, "-c", "from labsupport.workshop.seat import check; check()"]
    try:
        asked = subprocess.run(words, cwd="/", user=uid, group=uid, extra_groups=[], capture_output=True)
    except PermissionError:
        asked = None
    if asked is None or asked.returncode:
        raise SetupProblem(
            f"A learner's own user cannot read the course in {root} or run {sys.executable}: move the clone "
            "to /opt or /srv, with a Python that everybody may run, or use --one-user."
        )


def _calm() -> None:
    """From here on nothing interrupts the end."""
    for number in ENDINGS:
        signal.signal(number, signal.SIG_IGN)
    _say("Ending everything ...")


def _end(number: int, frame: FrameType | None) -> NoReturn:
    raise KeyboardInterrupt


def _say(*lines: str) -> None:
    for line in lines:
        print(line, flush=True)
