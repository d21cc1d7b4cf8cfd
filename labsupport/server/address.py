"""Where a Redis is and how to connect to it, in an object that may be pickled and printed."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any
from urllib.parse import SplitResult, urlsplit

import redis
from redis.backoff import NoBackoff
from redis.connection import parse_url
from redis.credentials import UsernamePasswordCredentialProvider
from redis.retry import Retry

from labsupport.errors import NoRedis
from labsupport.server.clients import LabRedis
from labsupport.server.guard import GuardedPacker, Packer

# Seconds. A cache read in production gets 0.25, but a busy laptop or CI machine stalls longer than that.
TIMEOUT = 2.0
MALFORMED = (
    "REDIS_URL is not a valid address: it looks like redis://:password@host:6379/0 (or rediss://, unix://), "
    "and any of : / ? # @ % in the password must be percent-encoded."
)


@dataclass(frozen=True, repr=False, eq=False)
class Address:
    """A server's address. Pickle it to hand it to a worker process; `where` is safe to print."""

    where: str
    settings: dict[str, Any]  # redis-py's connection settings
    guarded: bool  # True: not our server, so harmful commands are refused

    @classmethod
    def from_url(cls, url: str) -> Address:
        """The address in a redis://, rediss:// or unix:// URL. Raises NoRedis: malformed."""
        settings = _parsed(url)
        if settings is None:  # raised here: inside the `except`, the error would carry the password along
            raise NoRedis(MALFORMED)
        where = _safe(url.partition("://")[0], settings)
        username, password = settings.pop("username", None), settings.pop("password", None)
        if username or password:  # in an object of redis-py that does not show them
            settings["credential_provider"] = UsernamePasswordCredentialProvider(username, password)
        return cls(where, settings, guarded=True)

    @classmethod
    def of_socket(cls, path: str) -> Address:
        """The address of our own server, which listens on this unix socket."""
        settings = {"path": path, "connection_class": redis.UnixDomainSocketConnection}
        return cls("a private socket", settings, guarded=False)

    def client(
        self, one_connection: bool = False, kind: type[LabRedis] = LabRedis, **overrides: Any
    ) -> LabRedis:
        """A new client; overrides are redis-py connection settings, such as socket_timeout in seconds.

        With `one_connection` it connects at once and keeps that connection, which makes a command a
        quarter faster than a pool does; threads then take turns, so give blocking ones a client each.
        """
        settings = {
            "socket_timeout": TIMEOUT,
            "socket_connect_timeout": TIMEOUT,
            **self.settings,
            "retry": Retry(NoBackoff(), 0),  # a retried INCR counts twice
            "protocol": 2,  # the replies then have the same shape on every server
            "decode_responses": False,
            "driver_info": None,  # no CLIENT SETINFO: older servers lack it and an ACL may refuse and log it
            **overrides,
            "command_packer": GuardedPacker() if self.guarded else Packer(),
        }
        pool = redis.ConnectionPool(**settings)
        client = kind(connection_pool=pool, single_connection_client=one_connection)
        client.auto_close_connection_pool = True  # nobody else has this pool
        return client

    def __repr__(self) -> str:
        return f"<Address {self.where}>"


def _parsed(url: str) -> dict[str, Any] | None:
    """redis-py's settings for a URL, or None if it makes no sense."""
    try:
        return dict(parse_url(url)) if _is_plain(urlsplit(url)) else None  # type: ignore[no-untyped-call]
    except ValueError:
        return None


def _is_plain(parts: SplitResult) -> bool:
    """Whether each part is what it seems: a bare / ? # in a password would end the host's part too early."""
    path = r"[^@]+" if parts.scheme == "unix" else r"/?\d*"  # a socket, or the number of a database
    return bool(re.fullmatch(path, parts.path)) and not parts.fragment and "=" in (parts.query or "=")


def _safe(scheme: str, settings: dict[str, Any]) -> str:
    """The URL again, from the parts that hold no secret."""
    if "path" in settings:
        return f"unix://{settings['path']}"
    host = settings.get("host", "localhost")
    host = f"[{host}]" if ":" in host else host
    return f"{scheme}://{host}:{settings.get('port', 6379)}/{settings.get('db', 0)}"
