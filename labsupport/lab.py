"""One call that makes a notebook ready: a Redis, key names, a clock, and everything cleaned up after."""

from __future__ import annotations

import asyncio
import atexit
import contextlib
import os
import re
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import quote, unquote

import platformdirs
import redis
from IPython.core.getipython import get_ipython

from labsupport.clock import Clock
from labsupport.errors import BadArgument, LabError
from labsupport.keys import Keys
from labsupport.labtime import LabTime
from labsupport.sentences import speak_plainly
from labsupport.server import open_server
from labsupport.server.address import Address

_OURS = re.compile(r".+:\{?.+:[0-9a-f]{8}\}?", re.DOTALL)  # a namespace as we make them on others' servers
_open_labs: dict[str, Lab] = {}  # in a notebook: one lab per notebook name, so that Run All twice is clean


def data_folder() -> Path:
    """Where the learner's progress is kept: LAB_DATA if set, else the user's data folder."""
    return Path(os.environ.get("LAB_DATA") or platformdirs.user_data_dir("redis-lab", appauthor=False))


def ledger_file() -> Path:
    """Where the learner's predictions are kept."""
    return data_folder() / "ledger.jsonl"


def start_lab(notebook: str, lab_time: bool = True, *, own: bool = False) -> Lab:
    """Make `notebook` (such as "03") ready: find or start a Redis and connect to it.

    With `lab_time` the TTLs on Redis move with `lab.clock` and stand still between cells; without, they
    run in real milliseconds. `own`: a server of our own even if REDIS_URL is set, for lessons that count or
    break a whole server. Started again in the same kernel, the notebook begins afresh.
    NoRedis (one sentence, with the remedy) if there is no server to be had; BadArgument for an empty name.
    """
    if not isinstance(notebook, str) or not notebook.strip():
        raise BadArgument(f"notebook is {notebook!r}, but must be the notebook's number, such as '03'.")
    shell = get_ipython()
    if shell:
        speak_plainly(shell)
        if notebook in _open_labs:
            _open_labs[notebook].close()
    lab = Lab(notebook, lab_time, own)
    if shell:
        _open_labs[notebook] = lab
    return lab


@contextlib.contextmanager
def at_rest() -> Iterator[None]:
    """The notebooks' labs stand still as between two cells, while something else takes its time."""
    with contextlib.ExitStack() as stack:
        for lab in list(_open_labs.values()):
            if lab._cells:
                stack.enter_context(lab._cells.at_rest())
        yield


class Lab:
    """What a notebook holds in its hand: `redis`, `keys`, `clock`; `owned` says whose server it is."""

    def __init__(self, notebook: str, lab_time: bool = True, own: bool = False) -> None:
        """See `start_lab`, which is the way to make one."""
        self._server = open_server(own=own)
        self.notebook, self.owned = notebook, self._server.owned
        self.keys, self.clock = Keys(self._namespace()), Clock()
        self._server.move_in(self.keys.namespace)
        self.redis = self._server.redis
        self._time: LabTime | None = None
        self._cells: _Cells | None = None
        if lab_time or not self.owned:
            self._time = LabTime(self.redis, self.keys, self.clock, whole_server=self.owned, moving=lab_time)
            self._cells = _Cells(self._time)
            if lab_time:
                self.clock.listeners += [self._time, self._cells]
        self._closed = False
        atexit.register(self.close)
        if not self.owned:
            _remember(self.keys.namespace)

    def _namespace(self) -> str:
        """`lab:03` on our own server; elsewhere a name nobody else has, under LAB_NAMESPACE if set.

        Its braces are a hash tag: in a cluster all keys of a notebook are in one slot.
        """
        if self.owned:
            return f"lab:{self.notebook}"
        return f"{os.environ.get('LAB_NAMESPACE') or 'lab'}:{{{self.notebook}:{secrets.token_hex(4)}}}"

    @property
    def address(self) -> Address:
        """Where the server is, for further clients and for worker processes."""
        return self._server.address

    def describe(self) -> str:
        """Which server this is, in one sentence; it differs between machines, hence the marks."""
        return f"[here: {self._server.describe()}]"

    def reset(self) -> None:
        """This notebook's keys gone, clock back to 0.

        Local caches made before keep their old deadlines: make new ones.
        """
        self._delete_keys()
        self.clock.reset()
        if self._time:
            self._time.start_afresh()

    def close(self) -> None:
        """Delete this notebook's keys, and end the server if it is ours. Safe to call twice."""
        if self._closed:
            return
        self._closed = True
        atexit.unregister(self.close)
        if self._cells:
            self._cells.forget()
        if _open_labs.get(self.notebook) is self:
            del _open_labs[self.notebook]
        try:
            if not self.owned:
                self._delete_keys()
                _note(self.keys.namespace).unlink(missing_ok=True)
        except (redis.RedisError, OSError):
            pass  # gone already, or not to be reached; `reset_learner` can still clear what is left
        finally:
            self._server.close()
            self.redis.connection_pool.get_connection = _say_closed  # type: ignore[method-assign]

    def _delete_keys(self) -> None:
        """On our own server everything; elsewhere exactly the names that were handed out."""
        if self.owned:
            self.redis.flushall()
        else:
            _unlink(self.redis, list(self.keys.handed_out))

    def __repr__(self) -> str:
        return f"Lab({self.notebook!r}, {self.describe()})"


class _Cells:
    """Between two cells no deadline may pass, however long the learner reads: then lab time is parked."""

    def __init__(self, labtime: LabTime) -> None:
        self._time, self._running, self._soon = labtime, 0, False  # `_running`: cells can be nested
        self._shell: Any = get_ipython()
        self._each("register")

    def forget(self) -> None:
        """Cells no longer matter."""
        self._each("unregister")

    @contextlib.contextmanager
    def at_rest(self) -> Iterator[None]:
        """Parked as if the cell had ended; afterwards as it was."""
        running, parked = self._running, self._time.parked
        self._running = 0
        self._park()
        try:
            yield
        finally:
            self._running = running
            if not parked:
                _quietly(self._time.unpark)

    def _each(self, how: str) -> None:
        for event, call in (("pre_run_cell", self._before), ("post_run_cell", self._after)):
            if self._shell:
                getattr(self._shell.events, how)(event, call)

    def settle(self, _: float) -> None:
        """The clock moved: if a widget's button did that between two cells, park when it is done."""
        self.hold()

    def hold(self) -> None:
        """The clock is in use: the same."""
        if self._shell and not (self._running or self._soon):
            with contextlib.suppress(RuntimeError):  # no event loop: then it is no widget either
                asyncio.get_running_loop().call_soon(self._park)
                self._soon = True

    def _before(self, *_: Any) -> None:
        self._running += 1
        _quietly(self._time.unpark)

    def _after(self, *_: Any) -> None:
        self._running = max(0, self._running - 1)  # the cell that started the lab began before it
        self._park()

    def _park(self) -> None:
        self._soon = False
        if not self._running:
            _quietly(self._time.park)


def _quietly(move: Callable[[], None]) -> None:
    """A hook must never raise: if Redis is gone, the next command in a cell says so."""
    with contextlib.suppress(Exception, KeyboardInterrupt):
        move()


def _say_closed(*_: Any, **__: Any) -> NoReturn:
    raise LabError("This lab is closed: run the cell with start_lab again, then the cells after it.")


def _notes() -> Path:
    """A folder of empty files, each named after a namespace in use on somebody else's server."""
    return data_folder() / "namespaces"


def _note(namespace: str) -> Path:
    return _notes() / quote(namespace, safe="")


def _remember(namespace: str) -> None:
    """So that `reset_learner` can clear it after a crash."""
    with contextlib.suppress(OSError):  # a read-only home: the keys still go at close, or within a day
        _notes().mkdir(parents=True, exist_ok=True)
        _note(namespace).touch()


def reset_learner() -> str:
    """Clear the learner's keys on the REDIS_URL server, their predictions and answers; returns what was done.

    Notebooks are left alone. NoRedis, and nothing cleared, if REDIS_URL is set and does not answer; OSError
    if the file of predictions and answers cannot be deleted.
    """
    keys = _clear_noted_keys()
    done = []
    if ledger_file().exists():
        ledger_file().unlink()
        done.append("Your predictions and answers are deleted.")
    if keys:
        done.append(keys)
    nothing = "Nothing to reset: nothing is recorded and no keys of yours are on any server."
    return " ".join([*(done or [nothing]), "Your notebooks are untouched."])


def _clear_noted_keys() -> str:
    """Clear the keys that were noted, if any; returns what was done, or "" for none."""
    names = [unquote(note.name) for note in _notes().glob("*")]
    namespaces = [name for name in names if _OURS.fullmatch(name)]
    if not namespaces:
        return ""
    if not os.environ.get("REDIS_URL"):
        return "Set REDIS_URL to the server whose keys of yours are to be cleared, and reset again."
    return f"{_clear(namespaces)} keys of yours are deleted from the REDIS_URL server."


def _clear(namespaces: list[str]) -> int:
    """Delete every key under the namespaces; the patterns are escaped, so they can match nothing else."""
    server, deleted = open_server(), 0
    try:
        for namespace in namespaces:
            server.move_in(namespace)
            pattern = re.sub(r"([*?\[\]^\\])", r"\\\1", namespace) + ":*"
            deleted += _unlink(server.redis, list(server.redis.scan_iter(pattern, count=10_000)))
            _note(namespace).unlink(missing_ok=True)
    finally:
        server.close()
    return deleted


def _unlink(client: redis.Redis, names: list[Any]) -> int:
    """Delete these names, some at a time so that nobody waits long; returns how many there were."""
    return sum(client.unlink(*names[i : i + 1_000]) for i in range(0, len(names), 1_000))
