"""Which commands could harm other people's data, on a server that is not ours.

The check sits where a connection packs its commands, so every client, pipeline and subscription of the
pool goes through it. It protects against accidents, not against intent: a command name that a Lua script
puts together gets past it.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Any, NoReturn

from redis.connection import HiredisRespSerializer

from labsupport.errors import Refused

_WHOLE = """BGREWRITEAOF BGSAVE DEBUG FAILOVER FLUSHALL FLUSHDB KEYS MIGRATE MONITOR PSYNC REPLICAOF SAVE
    SHUTDOWN SLAVEOF SWAPDB SYNC"""
_PARTS = {
    "ACL": "DELUSER LOAD SAVE SETUSER",
    "CLIENT": "KILL PAUSE UNBLOCK UNPAUSE",
    "CLUSTER": """ADDSLOTS ADDSLOTSRANGE BUMPEPOCH DELSLOTS DELSLOTSRANGE FAILOVER FLUSHSLOTS FORGET MEET
        REPLICATE RESET SAVECONFIG SET-CONFIG-EPOCH SETSLOT""",
    "COMMANDLOG": "RESET",
    "CONFIG": "RESETSTAT REWRITE SET",
    "FUNCTION": "DELETE FLUSH KILL LOAD RESTORE",  # LOAD: a function would stay there for ever
    "LATENCY": "RESET",
    "MODULE": "LOAD LOADEX UNLOAD",
    "SCRIPT": "DEBUG FLUSH KILL",
    "SLOWLOG": "RESET",
}
_HARMFUL = {*_WHOLE.split(), *(f"{name} {part}" for name, parts in _PARTS.items() for part in parts.split())}
_WITH_SCRIPT = frozenset(["EVAL", "EVAL_RO", "SCRIPT"])  # they carry the text of a script
_FIRST_WORDS = _WITH_SCRIPT.union(_PARTS, _WHOLE.split())
# Such a name in quotes or brackets, anywhere in the text of a script.
_QUOTED = re.compile(
    rf"""["'[]({"|".join({*_WHOLE.split(), *_PARTS} - _WITH_SCRIPT)})["'\]]""", re.IGNORECASE
)
_ADVICE = "it could harm other people's data; unset REDIS_URL to get a server of your own"
_KEYS_ADVICE = "it stalls everybody until it has seen every key; use scan_iter(match=...) over your own names"


def check(args: tuple[object, ...]) -> None:
    """Raise Refused if this command, given as to execute_command, could do harm."""
    first = args[0] if type(args[0]) is str else _text(args[0])
    if _deserves_a_look(first):  # nearly always False, and then this is all the work
        _look([*first.split(), *map(_text, args[1:3])])


@lru_cache(maxsize=1024)
def _deserves_a_look(first: str) -> bool:
    words = first.upper().split()  # redis-py splits "CONFIG SET" too, and skips an empty first word
    return not words or words[0] in _FIRST_WORDS


def _look(words: list[str]) -> None:
    _refuse_if_harmful(*words[:2])
    if words and words[0].upper() in _WITH_SCRIPT:
        for name in _QUOTED.findall(" ".join(words[1:])):
            _refuse(name.upper())


def _refuse_if_harmful(name: str = "", part: str = "") -> None:
    for command in (name.upper(), f"{name} {part[:20]}".upper()):  # 20: the part may be a whole script
        if command in _HARMFUL:
            _refuse(command)


def _refuse(command: str) -> NoReturn:
    advice = _KEYS_ADVICE if command == "KEYS" else _ADVICE
    raise Refused(f"{command} is refused on a server that we did not start: {advice}.")


def _text(word: object) -> str:
    if isinstance(word, (bytes, bytearray, memoryview)):
        return bytes(word).decode(errors="replace")
    return str(word)


class Packer(HiredisRespSerializer):
    """Packs commands, numbers as text: hiredis 3.5.0 makes text of them in C, and crashes if interrupted."""

    def pack(self, *args: Any) -> list[bytes]:
        """The command as it goes over the wire. Raises redis.DataError: not text, bytes or a number."""
        texts = (str(word) if isinstance(word, (int, float)) else word for word in args)
        return super().pack(*texts)  # type: ignore[no-any-return, arg-type]


class GuardedPacker(Packer):
    """Packs the commands for a server that is not ours; raises Refused before anything is sent."""

    def pack(self, *args: Any) -> list[bytes]:
        """The command as it goes over the wire, unless it is refused."""
        check(args)
        return super().pack(*args)
