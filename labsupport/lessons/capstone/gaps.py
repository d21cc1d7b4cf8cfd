"""Two instances at once: the second comes in at every gap between two commands of the first."""

from __future__ import annotations

from typing import Any

from labsupport.lessons.capstone.stage import Seat
from labsupport.lessons.checks.orders import LIMITS
from labsupport.lessons.exercises import Stop
from labsupport.lessons.gate import Instance, NotAllOrders
from labsupport.lessons.given import Theirs

# Commands of one, until it is the other's turn again: who waits for the other would ask again and again.
COMES_IN_FOR, GOES_ON_FOR = 5, 10


class Call(Instance):
    """One call of a method, in a thread of its own that pauses before each command."""

    def __init__(self, seat: Seat, method: str, *arguments: Any) -> None:
        """Not begun yet."""
        super().__init__(self._ask, seat.redis.connection_pool, seat, method, *arguments)
        self._seat = seat

    @staticmethod
    def _ask(client: Any, seat: Seat, method: str, *arguments: Any) -> Any:
        seat.redis.gate = client.gate
        return seat.ask(method, *arguments)

    def go_on(self, commands: int) -> None:
        """Send so many commands, or fewer if that ends it. Stop: it waits for something else."""
        try:
            while commands and not self.done:
                self.proceed()
                commands -= 1
        except NotAllOrders as unfinished:
            raise Stop(unfinished.why, **LIMITS) from None

    def finish(self) -> Any:
        """Go on to the end; what it returned. Theirs, Stop: what it raised."""
        while not self.done:
            self.go_on(1)
        if isinstance(self.error, Stop):
            raise self.error
        if self.error:
            raise Theirs from self.error
        return self.returned

    def close(self) -> None:
        """It is over, wherever it is, as when its process is killed."""
        self.dismiss()
        super().close()
        self._seat.redis.gate = self._seat.through


def meet(gap: int, first: Call, second: Call) -> tuple[list[Any], str]:
    """The second comes in after `gap` commands of the first: what both returned, and the order in words."""
    order: list[str] = []

    def turn(who: Call, commands: int) -> None:
        before = len(who.sent)
        who.go_on(commands)
        order.extend(f"{'AB'[who is second]} {command}" for command in who.sent[before:])

    try:
        turn(first, 1 + gap)  # the first step only comes to the first command
        turn(second, 1 + COMES_IN_FOR)
        while not (first.done and second.done):
            for who in (first, second):
                turn(who, GOES_ON_FOR)
        return [first.finish(), second.finish()], ", ".join(order)
    finally:
        first.close()
        second.close()


def dies(call: Call, commands: int) -> None:
    """Kill it once it has sent so many commands, or has ended."""
    try:
        call.go_on(1 + commands)
    finally:
        call.close()
