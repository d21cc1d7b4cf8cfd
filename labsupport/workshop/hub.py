"""JupyterHub's settings for a room, and the hub's process, which ends when the one that started it does."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from labsupport.classroom.names import CLASS_URL, INSTRUCTOR_URL
from labsupport.setup.launch import FIRST, LOOPBACK, surroundings
from labsupport.setup.problem import ROOT
from labsupport.workshop.room import INSTRUCTOR, Room

IDLE = 3_600  # seconds until a kernel that runs nothing is ended, even with its notebook open
PATIENCE = 300  # seconds for a server to come up: thirty at once on two cores take their time
KEPT = ("LANG", "LC_ALL", "TZ", "LAB_REDIS_SERVER")
PROXY = "jupyterhub_traefik_proxy.fileprovider.TraefikFileProviderProxy"
Settings = dict[str, dict[str, Any]]


def settings(
    room: Room, url: str, ports: list[int], memory_mb: int, urls: Mapping[str, str], tls: tuple[str, str]
) -> Settings:
    """All of it. `ports`: the hub's, the proxy's own, and one a person. `urls`: each person's class Redis."""
    hub_port, proxy_port, *seats = ports
    return {
        "JupyterHub": {
            "bind_url": url,
            "hub_bind_url": f"http://{LOOPBACK}:{hub_port}",
            "proxy_class": PROXY,
            "authenticator_class": "labsupport.workshop.login.OneTimePasswords",
            "spawner_class": "labsupport.workshop.spawner.Seat",
            "db_url": f"sqlite:///{room.secret}/hub.sqlite",
            "cookie_secret_file": f"{room.secret}/cookie_secret",
            "ssl_cert": tls[0],
            "ssl_key": tls[1],
            "concurrent_spawn_limit": 0,
        },
        "OneTimePasswords": {
            "folder": str(room.secret),
            "allowed_users": room.people,
            "admin_users": [INSTRUCTOR],
            "delete_invalid_users": True,
        },
        "Seat": _seat(room, seats, memory_mb, urls),
        "TraefikFileProviderProxy": _proxy(room, proxy_port, url.partition(":")[0]),
    }


def _seat(room: Room, ports: list[int], memory_mb: int, urls: Mapping[str, str]) -> dict[str, Any]:
    """Every person's server. What is in `extra` is secret: each gets only their own."""
    return {
        "cmd": [sys.executable, "-P", "-m", "labsupport.workshop.seat"],
        "args": [
            f"--MappingKernelManager.cull_idle_timeout={IDLE}",
            "--MappingKernelManager.cull_connected=True",
            *([] if room.separate or os.geteuid() else ["--allow-root"]),
        ],
        "env_keep": list(KEPT),
        "environment": _environment(),
        "home_dir_template": str(room.home("{username}")),
        "notebook_dir": "~/my-notebooks",
        "default_url": f"/lab/tree/{FIRST}",
        "ip": LOOPBACK,
        "ports": dict(zip(room.people, ports, strict=True)),
        "uids": {name: uid for name in room.people if (uid := room.uid(name)) is not None},
        "extra": {name: _own(room, name, urls) for name in room.people},
        "memory_mb": memory_mb,
        "total_mb": memory_mb,
        "poll_interval": 5,
        "start_timeout": PATIENCE,
        "http_timeout": PATIENCE,
        "interrupt_timeout": 10,
        "term_timeout": 5,
    }


def _environment() -> dict[str, str]:
    """The same for everybody."""
    path = {"PATH": os.environ.get("PATH", os.defpath)}
    return surroundings(ROOT, Path(sys.executable), path)


def _own(room: Room, name: str, urls: Mapping[str, str]) -> dict[str, str]:
    address = INSTRUCTOR_URL if name == INSTRUCTOR else CLASS_URL
    return {address: urls[name], "LAB_DATA": str(room.home(name) / "lab-data")}


def _proxy(room: Room, port: int, scheme: str) -> dict[str, Any]:
    return {
        "traefik_api_url": f"http://{LOOPBACK}:{port}",
        "static_config_file": f"{room.secret}/traefik.toml",
        "dynamic_config_file": f"{room.secret}/routes.toml",
        "traefik_env": {"HOME": str(room.secret)},  # by which it is known to be the room's
        "extra_static_config": {
            "global": {"checkNewVersion": False, "sendAnonymousUsage": False},
            "entryPoints": {
                scheme: {"transport": {"lifeCycle": {"graceTimeOut": "100ms"}}}
            },  # open sockets stay
        },
    }


def main() -> None:
    """Run the hub with the settings that come as JSON in the first line of stdin, until stdin ends."""
    from jupyterhub.app import JupyterHub
    from traitlets.config import Config

    said = json.loads(sys.stdin.readline())
    threading.Thread(target=_end_with_starter, daemon=True).start()
    JupyterHub.instance(config=Config(said))
    JupyterHub.launch_instance([])


def _end_with_starter() -> None:
    sys.stdin.read()  # returns when nobody holds the other end any more, even after a SIGKILL
    os.killpg(0, signal.SIGTERM)  # the proxy too: in its first second the hub would die without ending it


if __name__ == "__main__":
    main()
