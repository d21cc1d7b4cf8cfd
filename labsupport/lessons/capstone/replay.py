"""A design lives through the morning, on a real Redis that it shares with others."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from typing import Any

from labsupport.faults.proxy import FaultProxy
from labsupport.lab import Lab
from labsupport.lessons.capstone.gaps import Call, dies, meet
from labsupport.lessons.capstone.morning import (
    ALL_PAGES,
    BACK,
    COURSES,
    DEPLOYED,
    GONE,
    INSTANCES,
    NEIGHBOURS,
    STEP,
    TRIES,
    Page,
    Step,
    morning,
)
from labsupport.lessons.capstone.record import Answer, Record, keys_of
from labsupport.lessons.capstone.stage import Catalogue, Said, Seat
from labsupport.lessons.exercises import Stop
from labsupport.lessons.given import Theirs, shown

MONTH = 31 * 86_400
# Two instances at once: for each gap a course of its own, so that nothing has to be deleted in between.
HOT = {gap: 901 + gap for gap in range(8)}
RUSHES = range(20, 61, 10)  # seconds after the page was filled
OF_TWO, OF_ONE = range(1_001, 1_007), range(1_101, 1_107)
ORPHANS = {commands: 1_200 + commands for commands in range(1, 6)}  # sent before one dies
NO_WAIT = 15  # commands that get a page if nobody is waited for


class Morning:
    """A fleet of the learner's objects, and what is seen of them."""

    def __init__(self, lab: Lab, design: Any) -> None:
        """`lab`: on a server of its own, in lab time. `design`: the learner's class."""
        pages = [*ALL_PAGES, *(("course", number) for number in [*HOT.values(), *ORPHANS.values()])]
        self._catalogue = Catalogue(lab.clock, [f"{kind}:{number}" for kind, number in pages])
        self._lab, self._design, self._record = lab, design, Record(f"{lab.keys.namespace}:")
        self._fleet: list[Seat] = []

    def live(self) -> Record:
        """All of it, in order. Stop: it has no end or gives no bytes. Theirs: it raises on a calm day."""
        self._lab.redis.mset(NEIGHBOURS)
        self._lab.redis.config_resetstat()
        self._fleet = [self._seat(1) for _ in range(INSTANCES)]
        with FaultProxy(self._lab.address) as proxy:
            proxy.go_silent()
            self._live_through(proxy)
        self._record.reads = self._catalogue.reads.copy()
        self._record.keys.append(keys_of(self._lab.redis, NEIGHBOURS))
        self._record.asleep = sum(not seat.sent for seat in self._fleet)
        self._record.said = self._counts()
        self._two_at_once()
        self._deaths()
        self._a_month_later()
        for seat in self._fleet:
            seat.close()
        return self._record

    def _live_through(self, silent: FaultProxy) -> None:
        """The warm-up and every step."""
        for kind, number in ALL_PAGES:
            self._page(Page(0, kind, number))
        for step in morning():
            self._lab.clock.advance(STEP)
            self._turn(step.second, silent)
            self._live(step)
            if self._gone and sum(seat.sent for seat in self._fleet) > TRIES:
                silent.close()

    @property
    def _gone(self) -> bool:
        return GONE <= self._lab.clock.now() < BACK

    def _seat(self, release: int) -> Seat:
        return Seat(self._design, self._lab, self._catalogue, release)

    def _turn(self, second: int, silent: FaultProxy) -> None:
        """What goes wrong at this second, and what is put right."""
        if second in DEPLOYED:
            self._fleet[DEPLOYED[second]].close()
            self._fleet[DEPLOYED[second]] = self._seat(2)
        if second == GONE:
            self._record.keys.append(keys_of(self._lab.redis, NEIGHBOURS))
            for seat in self._fleet:
                seat.hang(silent)
        if second == BACK:
            self._record.tried = sum(seat.heal() for seat in self._fleet)

    def _live(self, step: Step) -> None:
        for key in step.edited:
            self._catalogue.edit(key)
        for page in step.pages:
            self._page(page)
        for view in step.views:
            with self._excused():
                self._fleet[view.instance].ask("view", view.course, view.request)
        with self._excused():
            self._count(self._fleet[step.second // STEP % INSTANCES], COURSES[0])

    def _page(self, page: Page) -> None:
        self._lab.clock.hold()
        seat, said = self._fleet[page.instance], Said("raised")
        with self._excused():
            said = self._judged(seat.ask("page", page.kind, page.number), page.key, seat.release)
        self._record.answers.append(Answer(self._lab.clock.now(), page.key, said))

    def _judged(self, answer: Any, key: str, release: int) -> Said:
        if not isinstance(answer, bytes | None):
            raise Stop("page_type", got=shown(answer))
        return self._catalogue.judge(answer, key, release)

    @contextlib.contextmanager
    def _excused(self) -> Iterator[None]:
        """In the outage an error is a request that failed, and the morning goes on."""
        try:
            yield
        except Theirs as error:
            if not self._gone:
                raise
            self._record.raised.append(error.__cause__ or error)

    def _count(self, seat: Seat, course: int) -> int:
        """What an instance says of the views of this course; 0 for None."""
        count = seat.ask("views", course)
        if isinstance(count, bool) or not isinstance(count, int | None):
            raise Stop("views_type", got=shown(count))
        return count or 0

    def _counts(self) -> list[int]:
        """What the fleet says, each instance of some courses."""
        return [self._count(self._fleet[course % INSTANCES], course) for course in COURSES]

    def _two_at_once(self) -> None:
        """New instances meet at each gap: for views of two people, for one view, and for hot pages."""
        *pair, third = team = [self._seat(1) for _ in range(3)]
        for gap, (two, one) in enumerate(zip(OF_TWO, OF_ONE)):
            self._record.met.append(self._count_at_once(pair, third, two, gap, [f"{two}-0", f"{two}-1"]))
            self._record.met_again.append(self._count_at_once(pair, third, one, gap, [f"{one}-0"] * 2))
        for course in HOT.values():
            pair[1].ask("page", "course", course)
        self._lab.clock.advance(RUSHES.start)
        for _ in RUSHES:
            for gap, course in HOT.items():
                self._rush(pair, course, gap)
            self._lab.clock.advance(RUSHES.step)
        for seat in team:
            seat.close()

    def _count_at_once(
        self, pair: list[Seat], third: Seat, course: int, gap: int, requests: list[str]
    ) -> tuple[int, str]:
        """Two count a view; how many a third one sees then, and the order."""
        calls = [Call(seat, "view", course, request) for seat, request in zip(pair, requests)]
        _, order = meet(gap, *calls)
        return self._count(third, course), order

    def _rush(self, pair: list[Seat], course: int, gap: int) -> None:
        """Both ask for a page; how often that was read, and in which order."""
        self._lab.clock.hold()
        key, before = f"course:{course}", self._catalogue.reads.total()
        answers, order = meet(gap, *(Call(seat, "page", "course", course) for seat in pair))
        self._record.rushes.append((self._catalogue.reads.total() - before, order))
        self._record.answers += [Answer(-1, key, self._judged(answer, key, 1)) for answer in answers]

    def _deaths(self) -> None:
        """Instances die in the middle of a page; a minute later another one is asked for it."""
        for commands, course in ORPHANS.items():
            seat = self._seat(1)
            dies(Call(seat, "page", "course", course), commands)
            seat.close()
        self._lab.clock.advance(60)
        seat = self._seat(1)
        self._record.orphans = {self._after_a_death(seat, course) for course in ORPHANS.values()}
        seat.close()

    def _after_a_death(self, seat: Seat, course: int) -> str:
        before = seat.sent
        try:
            said = self._judged(seat.ask("page", "course", course), f"course:{course}", 1)
        except (Stop, Theirs):
            return "raised"
        return said.what if seat.sent - before <= NO_WAIT else "waited"

    def _a_month_later(self) -> None:
        self._lab.clock.advance(MONTH)
        redis, record = self._lab.redis, self._record
        record.keys.append(keys_of(redis, NEIGHBOURS))
        record.later = self._counts()
        record.touched = [name for name in NEIGHBOURS if redis.get(name) != NEIGHBOURS[name].encode()]
        record.used = {str(name).removeprefix("cmdstat_") for name in redis.info("commandstats")}
