"""The command line of `workshop`, and the ports it needs: standard library only, read before any set-up."""

from __future__ import annotations

import argparse
import ipaddress
import socket
import sys
from itertools import islice
from pathlib import Path

from labsupport.setup.launch import LOOPBACK, try_port
from labsupport.setup.problem import SetupProblem

PORT, MOST = 8000, 300
LEAST_MB, MEMORY_MB = 400, 1_600  # notebook 08 reserves 1,350 with its 135 threads, and uses 170
ANYWHERE = "192.0.2.1"  # an address of no machine: the system only names the way there, nothing is sent


def parse(root: Path, arguments: list[str]) -> argparse.Namespace:
    """Read the options; `command` is "start" or "password"."""
    parser = argparse.ArgumentParser(
        "python3 -m labsupport workshop", description="A room of learners on this machine."
    )
    parser.add_argument("--folder", type=Path, default=root / "workshop", help="where all of it is kept")
    _add_start(parser)
    commands = parser.add_subparsers(dest="command", metavar="password NAME")
    commands.add_parser("password", help="a new one-time password for NAME").add_argument("name")
    options = parser.parse_args(arguments)
    options.folder = options.folder.resolve()
    if bool(options.tls_cert) != bool(options.tls_key):
        parser.error("--tls-cert and --tls-key belong together")
    return options


def check(root: Path, arguments: list[str]) -> None:
    """Say before any set-up what could not work after it. Raises SetupProblem, or ends with the usage."""
    if sys.platform == "win32":
        raise SetupProblem("A workshop needs Linux or macOS; on Windows, run it inside WSL.")
    options = parse(root, arguments)
    if options.command is None:
        free_ports(options.host or own_address(), options.port, 1)


def _add_start(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--learners", type=_count, default=30, metavar="N", help="how many (30)")
    parser.add_argument("--host", type=_host, help="the address to listen at (this machine's in its network)")
    parser.add_argument("--port", type=int, default=PORT, help=f"the hub's ({PORT})")
    memory = (
        f"what one process of a learner may reserve, and all of them together may use, in MB ({MEMORY_MB})"
    )
    parser.add_argument("--memory", type=_memory, default=MEMORY_MB, metavar="MB", help=memory)
    parser.add_argument("--tls-cert", type=Path, metavar="FILE", help="serve https with this certificate")
    parser.add_argument("--tls-key", type=Path, metavar="FILE", help="and this key")
    parser.add_argument("--one-user", action="store_true", help="everything runs as the user who starts it")
    parser.add_argument(
        "--no-hub", action="store_true", help="only the class Redis, for laptops of the learners"
    )


def _count(text: str) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= MOST:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number from 1 to {MOST}")
    return int(text)


def _memory(text: str) -> int:
    if not text.isdecimal() or int(text) < LEAST_MB:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from {LEAST_MB}: with less no notebook runs")
    return int(text)


def _host(text: str) -> str:
    """One address of this machine; never all of them at once."""
    try:
        address = ipaddress.ip_address(socket.gethostbyname(text))
    except OSError:
        raise argparse.ArgumentTypeError(f"{text!r} is not the address of any machine") from None
    if address.is_unspecified:
        raise argparse.ArgumentTypeError("that is every network at once; name the address of one")
    return str(address)


def own_address() -> str:
    """This machine's address in its network, or loopback if it is in none."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        try:
            probe.connect((ANYWHERE, 9))
        except OSError:
            return LOOPBACK
        return str(probe.getsockname()[0])


def free_ports(host: str, first: int, number: int) -> list[int]:
    """`first`, which has to be free, and the next free ones; not below 8001, where not every user may listen.

    Raises SetupProblem: the first cannot be had.
    """
    try:
        try_port(host, first)
    except (OSError, OverflowError) as error:
        raise SetupProblem(
            f"Nothing can listen at {host}, port {first} ({error}); perhaps a workshop is still running: end "
            "it, or choose another --port or --host."
        ) from None
    later = (port for port in range(max(first, PORT) + 1, 32_768) if _is_free(host, port))
    return [first, *islice(later, number - 1)]


def _is_free(host: str, port: int) -> bool:
    try:
        try_port(host, port)
        try_port(LOOPBACK, port)
    except OSError:
        return False
    return True
