"""10,000 keys of somebody else, of every type, many under tempting names, and whether anybody was there."""

from __future__ import annotations

import random
import time
from collections.abc import Iterator

import redis

COUNT = 10_000
DAY_MS = 86_400_000
TEMPTING = [
    *("", "lab", "lab:", "{lab}", "{lab}:03:course:204", "lab:*", "lab:{03:????????}:*", "*", "course:204"),
    *("lab:{03:", "lab:{03}:course:204", "lab:{03:[0-9a-f]}:course:204", "LAB:03:course:204", "lab:03 crowd"),
    *(f"lab:{n:02d}:course:204" for n in range(10)),  # what a server of the lab's own would hold
    *(f"lab:{{{n:02d}:0badcafe}}:course:204" for n in range(10)),  # and what another learner's kernel would
]


def settle(owner: redis.Redis) -> set[bytes]:
    """Put them there; returns their names."""
    dice, [seconds, _] = random.Random(8), owner.time()
    with owner.pipeline(transaction=False) as pipe:
        for number, name in enumerate(names()):
            _KINDS[number % len(_KINDS)](pipe, name, dice)
            if number % 3 == 0:  # each at a moment of its own, from a day on
                pipe.pexpireat(name, seconds * 1000 + DAY_MS + number * 7_919)
        pipe.execute()
    return set(owner.scan_iter(count=COUNT))


def names() -> Iterator[bytes]:
    """As many names as there are keys."""
    yield from (name.encode() for name in TEMPTING)
    yield b"\xff\x00 no text \r\n"
    for number in range(COUNT - len(TEMPTING) - 1):
        stem = (f"lab:{{{number % 10:02d}:{number:08x}}}:course", "lab:03:course", "session")[number % 3]
        yield f"{stem}:{number}".encode()


def visited(owner: redis.Redis, known: set[bytes], since: float) -> dict[bytes, int]:
    """Those that somebody has read or written since this moment of time.monotonic(), and how long ago."""
    keys = sorted(known)
    seconds = time.monotonic() - since
    with owner.pipeline(transaction=False) as pipe:
        for key in keys:
            pipe.object("idletime", key)
        idle = dict(zip(keys, pipe.execute(raise_on_error=False), strict=True))
    # The server counts whole seconds and looks at its watch ten times in each.
    return {key: ago for key, ago in idle.items() if not isinstance(ago, int) or ago < seconds - 2}


def _string(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.set(name, dice.randbytes(dice.randrange(20, 200)))


def _number(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.set(name, dice.randrange(10**6, 10**9))  # equal small numbers are one object, which others read, too


def _bitmap(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.setbit(name, dice.randrange(2_000), 1)


def _estimate(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.pfadd(name, *range(dice.randrange(1, 20)))


def _list(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.rpush(name, *range(dice.choice((3, 300))))


def _set(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.sadd(name, *(f"member {n}" for n in range(dice.choice((3, 40)))))


def _numbers(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.sadd(name, *(dice.randrange(10**6) for _ in range(20)))


def _hash(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.hset(name, mapping={f"field {n}": dice.random() for n in range(dice.choice((3, 40)))})


def _board(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.zadd(name, {f"member {n}": dice.random() for n in range(dice.choice((3, 200)))})


def _stream(pipe: redis.client.Pipeline, name: bytes, dice: random.Random) -> None:
    pipe.xadd(name, {"event": dice.random()}, id="1-1")
    pipe.xgroup_create(name, "group", "0")


_KINDS = (_string, _number, _bitmap, _estimate, _list, _set, _numbers, _hash, _board, _stream)
