"""Notebook 07, exercise 3: a lock that its holder gives back, and nobody else, whenever the lease ends."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from labsupport.lab import Lab
from labsupport.lessons.checks.leases import LEASE, MINE, OTHERS, Scene
from labsupport.lessons.checks.orders import Function, told, yes
from labsupport.lessons.copies import uses_a_lock
from labsupport.lessons.exercises import RIGHT, Finding, Stop, answer, one_line
from labsupport.lessons.given import Theirs, an_attempt, equal, shown
from labsupport.lessons.places import own_lab


def check_release(release: Any) -> None:
    """Exercise 3: release(redis, name, token) deletes the lock only if it holds this token."""
    answer("release", lambda: _look_at_release(release))


def _look_at_release(release: Any) -> Finding:
    function = an_attempt(release, "redis", "name", "token")
    with own_lab(lab_time=False) as lab:
        desk = _Desk(lab, function)
        said = [desk.judge_mine(), desk.judge_others(), desk.judge_gone()]
        orders = desk.judge_moment() + desk.judge_lease()
    exactly = all(equal(value, yes(value)) for value in said)
    facts = {"orders": orders, "mine": shown(said[0]), "others": shown(said[1]), "gone": shown(said[2])}
    return RIGHT if exactly else "no_bool", facts | desk.facts


class _Desk:
    """Where a lock is given back, again and again."""

    def __init__(self, lab: Lab, function: Function) -> None:
        self._lab, self._function, self._scene = lab, function, Scene(lab, function)
        self.facts: dict[str, Any] = {"token": MINE, "other": OTHERS}

    def judge_mine(self) -> Any:
        """What the holder is told. Stop: its lock is still there, or it is not told so."""
        self._scene.hold(MINE)
        holder = self._scene.released()
        value, left = self._scene.held()
        self.facts |= {"commands": ", ".join(holder.sent), "said": shown(holder.returned)}
        if not holder.sent:
            raise Stop("nothing_sent")
        if value is not None:
            reply = self._why_kept() if (value, left) == (MINE.encode(), LEASE) else "changed"
            raise Stop(reply, found=shown(value), left=left, lease=LEASE, **self.facts)
        if not yes(holder.returned):
            raise Stop("no_return" if holder.returned is None else "says_no", **self.facts)
        return holder.returned

    def _why_kept(self) -> str:
        """The name of the reply to a function that leaves the holder's own lock as it is."""
        self._scene.hold(OTHERS)
        self._scene.released()
        if self._scene.held()[0] is None:
            return "inverted"
        self._scene.hold(MINE)
        with self._lab.address.client(decode_responses=True) as client, contextlib.suppress(Theirs):
            self._scene.release(client)
        return "bytes" if self._scene.held()[0] is None else "kept"

    def judge_others(self) -> Any:
        """What one is told who is no longer the holder. Stop: the other's lock is touched."""
        self._scene.hold(OTHERS)
        late = self._scene.released()
        value, left = self._scene.held()
        if value is None:
            raise Stop("looks_but_deletes" if "GET" in late.sent else "deletes_any", **self.facts)
        if (value, left) != (OTHERS.encode(), LEASE):
            raise Stop("lease_touched", found=shown(value), left=left, lease=LEASE, **self.facts)
        if yes(late.returned):
            raise Stop("says_yes", **self.facts | {"said": shown(late.returned)})
        return late.returned

    def judge_gone(self) -> Any:
        """What one is told whose lease is over. Stop: an error, a new key, or that it was deleted."""
        self._lab.redis.flushall()
        try:
            late = self._scene.released()
        except Theirs as error:
            raise Stop("gone_raises", error=one_line(error.__cause__ or error), **self.facts) from None
        if self._lab.redis.dbsize():
            raise Stop("made_anew", commands=", ".join(late.sent))
        if yes(late.returned):
            raise Stop("says_yes_gone", **self.facts | {"said": shown(late.returned)})
        return late.returned

    def judge_moment(self) -> int:
        """How many orders one who is late and a third have. Stop: in one the third can take the held lock."""
        orders, ends = self._scene.late_and_third()
        _expect_none(orders, [end.took for end in ends], "for_a_moment", self.facts)
        return len(orders)

    def judge_lease(self) -> int:
        """How many orders the holder has with the end of its lease. Stop: in one the next lock goes."""
        orders, ends = self._scene.lease_ends()
        _expect_none(orders, orders["error"].notna().to_list(), "watch_raised", self.facts)
        lost = [not end.held for end in ends]
        _expect_none(orders, lost, self._why_lost(orders[lost]), self.facts)
        _expect_none(orders, [yes(end.said) == end.lease_ended for end in ends], "says_wrong", self.facts)
        return len(orders)

    def _why_lost(self, lost: pd.DataFrame) -> str:
        if any("WATCH" in commands for commands in lost["commands"]):
            return "watch_late"
        return "process_lock" if uses_a_lock(self._function) else "deletes_next"


def _expect_none(orders: pd.DataFrame, wrong: Sequence[bool], reply: str, facts: dict[str, Any]) -> None:
    """Stop: some of the orders are wrong."""
    if any(wrong):
        of = told(orders, orders[wrong])
        order = of.pop("order").replace("B UNLINK", "the lease ends").replace("B SET NX", "B takes the lock")
        raise Stop(reply, order=order, answer=shown(of.pop("final").said), **of, **facts)
