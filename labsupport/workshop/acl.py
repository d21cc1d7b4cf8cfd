"""Who may do what on the class Redis, as rules of Redis' own access control (ACL; needs Redis 7 or Valkey).

The rules name what is allowed; everything else is refused, and so is whatever a later server brings.
"""

from __future__ import annotations

import hashlib

from labsupport.classroom import names

# Every command of these families has keys, so a key pattern bounds it. Not @pubsub: a class needs none.
FAMILIES = "@string @hash @list @set @sortedset @stream @bitmap @geo @hyperloglog @transaction"
# Not COPY or MOVE, which reach other databases, and not KEYS, SCAN, RANDOMKEY or DBSIZE, which see all keys.
KEYS = """del unlink exists type touch rename renamenx persist
    ttl pttl expire pexpire expireat pexpireat expiretime pexpiretime"""
# A script runs with the rights of its user, call by call. Not FLUSH or KILL, which hit everybody's scripts.
SCRIPTS = "eval eval_ro evalsha evalsha_ro script|load script|exists"
# redis-py tries CLIENT SETINFO too and does without; Redis 7.0 does not know it.
CONNECTION = "time ping echo hello auth client|id client|getname client|setname"
COUNTING = "get set incr incrby watch"  # what a race does to the counter; redis-py sends INCRBY for INCR
DASHBOARD = "get set hget hgetall multi exec discard"

NOTHING = ("resetkeys", "resetchannels", "clearselectors", "-@all")


def password_rules(password: str) -> list[str]:
    """Let the user in with this password and no other; the server gets to know its hash alone."""
    return ["on", "resetpass", f"#{hashlib.sha256(password.encode()).hexdigest()}"]


def learner_rules(name: str, writes: bool = True) -> list[str]:
    """A learner's own keys, all to read of the class, and to write what the class opens to everybody.

    `writes`: False takes the right to write, but for deleting own keys.
    """
    allowed = _plus(FAMILIES, KEYS, SCRIPTS, CONNECTION)
    rules = [*NOTHING, f"~{names.own(name, '*')}", f"%R~{names.CLASS}*", *allowed, "-@dangerous", "-@admin"]
    if not writes:
        return [*rules, "-@write", "+del", "+unlink"]
    counting = " ".join(_plus(COUNTING))
    return [*rules, f"(~{names.COUNTERS}* {counting})", f"(~{names.FAILED} +hincrby)"]


def instructor_rules() -> list[str]:
    """What the dashboard does: read everybody's keys, and write the class's."""
    return [*NOTHING, f"%R~{names.own('*', '')[:-1]}", f"~{names.CLASS}*", *_plus(DASHBOARD, CONNECTION)]


def _plus(*commands: str) -> list[str]:
    return [f"+{command}" for command in " ".join(commands).split()]
