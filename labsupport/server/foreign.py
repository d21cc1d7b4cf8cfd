"""The server that REDIS_URL names: somebody else's, so it is respected, and never replaced by another."""

from __future__ import annotations

import threading

import redis

from labsupport.errors import NoRedis
from labsupport.server.address import Address
from labsupport.server.clients import UNNAMED, LabRedis, name_and_pid
from labsupport.server.cluster import at_home, home_of

ANSWER_LIMIT = 3.0  # seconds for name lookup, connection, TLS, password and first reply together


class ForeignServer:
    """A server that we did not start: its clients refuse what could harm other people's data.

    For use: `redis` (a client), `address` (for further ones).
    """

    owned = False

    def __init__(self, url: str) -> None:
        """Connect. Raises NoRedis: malformed, no answer within 3 s, or wrong credentials."""
        self._url = self.address = Address.from_url(url)
        self._connect(f"The server in REDIS_URL, {self.address.where},")

    def move_in(self, namespace: str) -> None:
        """Have the keys of this namespace in reach: in a cluster, from now on talk to the node that has them.

        Raises NoRedis: that node cannot be reached from here.
        """
        home = home_of(f"{namespace}:", self._url, self.redis)
        if home:
            self.close()
            self.address = at_home(home)
            host, port = home.node
            self._connect(f"{host}:{port}, where the cluster in REDIS_URL keeps this notebook's keys,")

    def _connect(self, who: str) -> None:
        """Greet the server and keep the connection. Raises NoRedis, which begins with `who`."""
        self.redis = self.address.client()
        self._name, trouble = _greet_within(ANSWER_LIMIT, self.redis)
        if trouble:
            self.close()
            raise NoRedis(
                f"{who} cannot be used ({trouble}): "
                "start or correct it, or unset REDIS_URL to get a server of your own."
            )
        self.redis = self.address.client(one_connection=True)

    def describe(self) -> str:
        """One line for people: "Redis 7.0.15 at redis://host:6379/0 (REDIS_URL)"."""
        cluster = "" if not (node := self.redis.node) else f", a cluster with our keys at {node[0]}:{node[1]}"
        return f"{self._name} at {self.address.where} (REDIS_URL{cluster})"

    def close(self) -> None:
        """Close the connections; the server and its keys stay as they are. Again is fine."""
        self.redis.close()

    def __repr__(self) -> str:
        return f"<ForeignServer {self.address.where}>"


def _greet_within(seconds: float, client: LabRedis) -> tuple[str, str]:
    """The server's name and "", or "" and the trouble.

    In a thread of its own: no timeout of redis-py covers the lookup of a host name.
    """
    outcome: list[tuple[str, str]] = []
    thread = threading.Thread(target=lambda: outcome.append(_greet(client)), daemon=True)
    thread.start()
    thread.join(seconds)
    return outcome[0] if outcome else ("", f"no answer within {seconds:.0f} s")


def _greet(client: LabRedis) -> tuple[str, str]:
    try:
        client.ping()
        return name_and_pid(client)[0], ""
    except redis.exceptions.NoPermissionError:  # an access list without PING or INFO; the password was right
        return UNNAMED, ""
    except Exception as error:
        return "", _trouble(error, int(client.get_connection_kwargs().get("db") or 0))


def _trouble(error: Exception, database: int) -> str:
    """What is wrong, in words of our own: those of the error could repeat what the URL holds."""
    if isinstance(error, redis.AuthenticationError):
        return "it does not accept the user name and password given there, or wants some"
    if isinstance(error, redis.TimeoutError):
        return "no answer in time"
    if isinstance(error, redis.ResponseError) and database:
        return f"it has no database {database}; a cluster has only 0"
    cause = error.__cause__ or error.__context__
    if isinstance(cause, OSError) and cause.strerror:
        return cause.strerror
    return f"it or its address makes no sense to us, {type(error).__name__}"
