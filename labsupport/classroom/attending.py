"""Take part in a class from the first look to the end of its races; every way out is one sentence."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import NamedTuple

import redis

from labsupport.classroom.member import Member
from labsupport.classroom.rounds import Round, Signal
from labsupport.errors import NoRedis

PATIENCE = 15 * 60.0  # seconds without a race until nobody waits any more
SILENCE = 10.0  # seconds for which the server may be silent while we wait
PAUSE = 0.2  # seconds between two looks for the signal
REFUSALS = (redis.AuthenticationError, redis.exceptions.NoPermissionError)  # waiting does not help
LEFT = "You left the class; run this cell again to come back."

Say = Callable[[str], None]


class Stay(NamedTuple):
    """How it ended: with the latest races of the room, or else with the sentence that says why not."""

    rounds: list[Round]
    sentence: str = ""


def attend(url: str, say: Say, patience: float = PATIENCE) -> Stay:
    """Race whenever the instructor says so, until a race by INCR is over. `say` hears how it stands.

    An Interrupt, a wrong password, a server that has gone, or `patience` seconds without a race end it with
    a sentence, not with an error.
    """
    try:
        member = Member(url)
    except NoRedis as malformed:
        return Stay([], str(malformed))
    try:
        return _races(member, say, patience)
    except KeyboardInterrupt:
        return Stay([], LEFT)
    except redis.RedisError as error:
        advice = "run this cell again, and if it stays so, tell your instructor"
        return Stay([], f"The class at {member.where} {_trouble(error)}, so you are not in it: {advice}.")
    finally:
        member.close()


def _races(member: Member, say: Say, patience: float) -> Stay:
    """Look and race; the room's latest races once one by INCR is over in which we took part."""
    until = time.monotonic() + patience
    while time.monotonic() < until:
        try:
            signal, rounds = member.look()
            if signal and signal.begin != member.taken:
                say(f"Round {signal.round}, {signal.name}: off we go.")
                member.race(signal)
                until = time.monotonic() + patience
            elif signal and signal.way == "incr" and member.sent and _is_over(signal, rounds):
                return Stay(rounds)
            say(_standing(member, signal))
        except redis.RedisError as error:  # also that just now there is no memory left for anybody
            if isinstance(error, REFUSALS) or time.monotonic() - member.heard > SILENCE:
                raise
            say("The class does not answer just now; trying again.")
        time.sleep(PAUSE)
    return Stay(
        [], f"No race in {patience / 60:.0f} minutes, so this cell waits no longer; run it again later."
    )


def _is_over(signal: Signal, rounds: list[Round]) -> bool:
    return any(each.round == signal.round and each.over for each in rounds)


def _standing(member: Member, signal: Signal | None) -> str:
    """Where we are, for the status line."""
    done = ""
    if signal and member.sent:
        done = f"Round {signal.round}, {signal.name}: your {member.sent:,} increments are sent. "
    return f"{done}You are in the class as {member.name}; waiting for the signal. Interrupt (■) to leave."


def _trouble(error: redis.RedisError) -> str:
    if isinstance(error, redis.AuthenticationError):
        return "does not accept your name and password"
    if isinstance(error, redis.exceptions.NoPermissionError):
        return "refuses what this cell needs"
    return "does not answer"
