"""A rush: real processes ask for one hot key at the moment at which it is gone."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence

import redis

from labsupport.checks import whole_number
from labsupport.coordination import hotkey
from labsupport.errors import BadArgument
from labsupport.keys import Keys
from labsupport.races.processes import Worker, end, team_size, undisturbed
from labsupport.server.address import Address


def rush(
    address: Address,
    keys: Keys,
    ways: Sequence[str],
    processes: int = 4,
    rounds: int = 5,
    query: float = 0.05,
) -> dict[str, list[int]]:
    """Let so many `processes` ask for one course at once, while it is not cached; `rounds` times in each way.

    ways: names of hotkey.WAYS; query: real seconds that a read at the origin takes. Returns way -> how many
    reads reached the origin in each round. The processes and keys are gone on return, after an error or an
    Interrupt, too. BadArgument: an unknown way, not 1 to 16 processes, no whole number of rounds. LabError:
    a process died or took too long.
    """
    if unknown := [way for way in ways if way not in hotkey.WAYS]:
        raise BadArgument(f"the way {unknown[0]!r} is unknown: take some of {', '.join(hotkey.WAYS)}.")
    team_size(processes)
    names = [keys.name(key) for key in ("rush", "rush:lock")]
    numbers = range(whole_number("rounds", rounds))
    team: list[Worker] = []
    with address.client() as client:
        try:
            with undisturbed():
                for _ in range(processes):
                    team.append(Worker(hotkey.ask, address, query))
            return {way: [_round(client, names, team, way) for _ in numbers] for way in ways}
        finally:
            with undisturbed():
                end(team)
                with contextlib.suppress(redis.RedisError):
                    client.delete(*names)


def _round(client: redis.Redis, names: list[str], team: list[Worker], way: str) -> int:
    """One expiry: nothing is cached, all are released at once; how many reads the origin got."""
    client.delete(*names)
    for worker in team:
        worker.tell((way, names[0]))
    for worker in team:
        worker.hear()  # that it is ready
    for worker in team:
        worker.tell("go")
    return sum(worker.hear() for worker in team)
