"""A container by hand: an image's files and its services' settings, with Linux' own means instead of Docker.

Run as root, as process 1 of new mount, network and process namespaces. The order comes as JSON on stdin:

    root      the folder that becomes `/`, read-only
    bind      folders of this machine that are needed in it (programs and their libraries), read-only
    files     path inside -> text that stands there
    services  in the order in which they start: name, user, env, workdir, command, health, volumes and tmpfs.
              The next one starts when the health command of the one before has ended with 0
    ask       a Python program for the last service; what it prints is the answer

When this process ends, the kernel ends every process of the container.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import struct
import subprocess
import sys
import time
from pathlib import Path

SET_FLAGS, UP = 0x8914, 0x1 | 0x8 | 0x40  # SIOCSIFFLAGS; up, loopback, running
DOCKERS_TMPFS = "noexec,nosuid,nodev"
NO_PRIVILEGE = ["--clear-groups", "--no-new-privs", "--bounding-set=-all", "--inh-caps=-all"]


def mount(root: Path, inside: str, *words: str) -> None:
    """Mount at this path inside."""
    place = root / inside.lstrip("/")
    place.mkdir(parents=True, exist_ok=True)
    subprocess.run(["mount", *words, str(place)], check=True)


def make_writable(service: dict, root: Path) -> None:
    """The service's volumes, which are its user's, and its tmpfs, with Docker's options."""
    for place in service["volumes"]:
        mount(root, place, "-t", "tmpfs", "tmpfs")
        os.chown(root / place.lstrip("/"), *service["user"])
    for place, _, options in (entry.partition(":") for entry in service["tmpfs"]):
        mount(root, place, "-t", "tmpfs", "-o", f"{DOCKERS_TMPFS},{options or 'mode=1777'}", "tmpfs")


def borrow(folder: str, root: Path) -> None:
    """Show a folder of this machine at the same path, read-only; where it is a link, the same link."""
    if Path(folder).is_symlink():
        (root / folder.lstrip("/")).symlink_to(Path(folder).readlink())
    else:
        mount(root, folder, "-o", "bind,ro", folder)


def assemble(order: dict, root: Path) -> None:
    """Lay the folders out below `root`, and go there."""
    subprocess.run(["mount", "--make-rprivate", "/"], check=True)
    mount(root, "/", "--bind", str(root))
    for service in order["services"]:
        make_writable(service, root)
    for folder in order["bind"]:  # after those, as one of these may lie below /tmp
        borrow(folder, root)
    for path, text in order["files"].items():
        draft = root / Path(path).name
        draft.write_text(text)
        subprocess.run(["mount", "--bind", str(draft), f"{root}{path}"], check=True)
    mount(root, "/dev", "--rbind", "/dev")
    mount(root, "/dev/shm", "-t", "tmpfs", "tmpfs")
    mount(root, "/proc", "-t", "proc", "proc")
    subprocess.run(["mount", "-o", "remount,bind,ro", str(root)], check=True)
    os.chroot(root)


def raise_loopback() -> None:
    """A new network namespace has a loopback that is down."""
    with socket.socket() as any_socket:
        fcntl.ioctl(any_socket, SET_FLAGS, struct.pack("16sh14x", b"lo", UP))


def as_service(service: dict, command: list[str], **how) -> subprocess.Popen[str]:
    """Start this as the service's user, with no capability and no way to one."""
    user, group = service["user"]
    ids = [f"--reuid={user}", f"--regid={group}"]
    os.chdir(service["workdir"])
    return subprocess.Popen(
        ["/usr/bin/setpriv", *ids, *NO_PRIVILEGE, "--", *command], env=service["env"], text=True, **how
    )


def start(service: dict) -> None:
    """Start it and wait until it is healthy."""
    process = as_service(service, service["command"], stdout=sys.stderr)
    deadline = time.monotonic() + 60
    while as_service(service, service["health"], stdout=sys.stderr, stderr=subprocess.DEVNULL).wait() != 0:
        if process.poll() is not None or time.monotonic() > deadline:
            raise SystemExit(f"{service['name']} does not become healthy; it ended with {process.poll()}")
        time.sleep(0.1)


def main() -> None:
    order = json.load(sys.stdin)
    raise_loopback()
    assemble(order, Path(order["root"]))
    for service in order["services"]:
        start(service)
    sys.exit(as_service(order["services"][-1], ["python", "-c", order["ask"]]).wait())


if __name__ == "__main__":
    main()
