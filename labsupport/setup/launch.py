"""Start JupyterLab on the learner's copies: this machine only, with a token, on the first notebook."""

from __future__ import annotations

import argparse
import os
import socket
import sys
from collections.abc import Mapping
from pathlib import Path

from labsupport.setup.children import become
from labsupport.setup.copies import copy_lessons
from labsupport.setup.environment import ensure
from labsupport.setup.problem import SetupProblem

LOOPBACK = "127.0.0.1"
FIRST = "00-start-here.ipynb"
WINDOWS = """\
Note: on Windows no Redis server comes with the course, so the notebooks need to be told of one.
Either run the course inside WSL, where all is as on Linux, or start Redis in Docker
(docker compose up -d redis) or elsewhere and set REDIS_URL to its address before this command."""


def start(root: Path, arguments: list[str]) -> int:
    """The command `lab`: set up, copy the lessons, become JupyterLab."""
    options = parse(arguments)
    if options.port:
        refuse_taken_port(options.port)
    print(windows_note(sys.platform, os.environ), end="")
    return open_lab(root, ensure(root), options)


def open_lab(root: Path, python: Path, options: argparse.Namespace) -> int:
    """Copy the lessons and become JupyterLab, run by `python`."""
    mine = root / "my-notebooks"
    for sentence in copy_lessons(root / "notebooks", mine):
        print(sentence)
    print("JupyterLab is starting; Ctrl-C in this window ends it.")
    return become(command(python, mine, options), root, surroundings(root, python, os.environ))


def parse(arguments: list[str]) -> argparse.Namespace:
    """Read the options of `lab`."""
    parser = argparse.ArgumentParser(
        "python3 -m labsupport lab", description="Open the course in JupyterLab."
    )
    parser.add_argument("--port", type=_port, help="exactly this port; without it, the next free one")
    parser.add_argument("--no-browser", action="store_true", help="only print the address")
    return parser.parse_args(arguments)


def _port(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is not a port; take a number from 1024 to 65535")
    return int(text)


def refuse_taken_port(port: int) -> None:
    """Say it before a minute of set-up rather than after it."""
    try:
        try_port(LOOPBACK, port)
    except PermissionError:
        raise SetupProblem(f"Port {port} is reserved for the system; choose one from 1024 on.") from None
    except OSError as error:
        raise SetupProblem(
            f"Port {port} cannot be used ({error.strerror}); perhaps a lab is still running there: "
            "end it, choose another --port, or leave --port away and a free one is found."
        ) from None


def try_port(host: str, port: int) -> None:
    """Listen there for a moment. Raises OSError: it cannot be done."""
    with socket.socket() as probe:
        if os.name == "posix":  # as the server will: a port that was closed a moment ago is free
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        probe.bind((host, port))


def windows_note(platform: str, environ: Mapping[str, str]) -> str:
    """What a learner on Windows has to know up front, or nothing."""
    told = environ.get("REDIS_URL") or environ.get("LAB_REDIS_SERVER")
    return "" if platform != "win32" or told else WINDOWS + "\n"


def command(python: Path, mine: Path, options: argparse.Namespace) -> list[str]:
    """JupyterLab's command line. What matters for safety is here, where no settings file overrules it."""
    words = [str(python), "-m", "jupyterlab", f"--ServerApp.ip={LOOPBACK}", f"--ServerApp.root_dir={mine}"]
    if (mine / FIRST).exists():
        words.append(f"--LabApp.default_url=/lab/tree/{FIRST}")
    if options.port:
        words.append(f"--ServerApp.port={options.port}")
    words.append(f"--ServerApp.port_retries={0 if options.port else 50}")
    if options.no_browser:
        words.append("--no-browser")
    if hasattr(os, "geteuid") and os.geteuid() == 0:  # in a container, mostly; Jupyter refuses without it
        words.append("--allow-root")
    return words


def surroundings(root: Path, python: Path, environ: Mapping[str, str]) -> dict[str, str]:
    """The lab's environment: our settings first, the learner's after them; `python` there is the lab's."""
    settings = [str(root / "labsupport" / "jupyter"), environ.get("JUPYTER_CONFIG_PATH", "")]
    path = [str(python.parent), environ.get("PATH", "")]
    ours = {
        "JUPYTER_CONFIG_PATH": os.pathsep.join(filter(None, settings)),
        "JUPYTER_PREFER_ENV_PATH": "1",  # a kernel of the same name in the learner's home must not take over
        "PATH": os.pathsep.join(filter(None, path)),
    }
    return {**environ, **ours}
