"""Lab time: a number that only moves when told to, in whole ticks, and tells its listeners."""

from __future__ import annotations

from typing import Protocol

from labsupport.checks import whole_number, whole_ticks


class Listener(Protocol):
    """Someone who must know that time moves, such as the deadlines on a real Redis."""

    def settle(self, seconds: float) -> None:
        """Lab time is about to move by `seconds` (0: it stands still)."""

    def hold(self) -> None:
        """Lab time stands still while real time passes; called often, so cheap."""


class Clock:
    """The lab's clock, in seconds from 0. It owns the tick, the smallest step it can take.

    A tick is a whole number of seconds, because Redis' EX is: with part ticks a key that is
    rounded up at every step would never expire.
    """

    def __init__(self, tick: float = 1.0) -> None:
        """Start at 0; `tick` in whole seconds, at least 1 (BadArgument otherwise)."""
        self.tick = float(whole_number("tick", tick))
        self.listeners: list[Listener] = []
        self._ticks = 0

    def now(self) -> float:
        """Seconds of lab time since the start."""
        return self._ticks * self.tick

    def advance(self, seconds: float) -> None:
        """Move lab time on by a whole number of ticks; the listeners move first."""
        ticks = whole_ticks("the step", seconds, self.tick, least=0)
        for listener in self.listeners:
            listener.settle(ticks * self.tick)
        self._ticks += ticks

    def hold(self) -> None:
        """Say that lab time stands still although real work goes on."""
        for listener in self.listeners:
            listener.hold()

    def wait_until(self, moment: float) -> None:
        """Move on to a moment on a tick, or hold where it is if that has come already."""
        if moment > self.now():
            self.advance(moment - self.now())
        else:
            self.hold()

    def reset(self) -> None:
        """Back to 0. Listeners are not told: whoever resets also clears what they keep."""
        self._ticks = 0

    def __repr__(self) -> str:
        return f"Clock(now={self.now():g} s, tick={self.tick:g} s)"
