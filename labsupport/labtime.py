"""Lab time on a real Redis: the deadlines of real keys move with the lab's clock.

Nobody waits five minutes for a TTL, and what depends on the wall clock cannot be repeated. So a
key gets its real `EX`, and this module shifts the real deadlines: on by a tick when the clock
moves on, back up to the tick when real time has nibbled at them, and out of reach between cells.
"""

from __future__ import annotations

import contextlib
import math
import time

import redis

from labsupport.clock import Clock
from labsupport.errors import LabTimeSlipped
from labsupport.keys import Keys
from labsupport.server.clients import LabRedis

DAY_MS = 86_400_000  # what a key gets on top while nobody runs a cell

# One script for all moves, so that each is atomic on the server.
# - The names are collected into a set first: SCAN repeats some while the table shrinks under it, and their
#   deadlines would move twice.
# - Deadlines are set as moments (PEXPIREAT), counted from when the script began: it may take a while itself.
# - Parked keys need no list of what they had left: it is what their deadline lies beyond `began` plus a day.
#   Exactly a day stands for "had no deadline".
_SCRIPT = """
local how, shift, tick, parked = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local whole_server, moving = ARGV[5] == '1', ARGV[6] == '1'
local count, names, ever = 0, {}, 1e15  -- a deadline in 30,000 years is none

local function now()
  local t = redis.call('TIME')
  return t[1] * 1000 + math.floor(t[2] / 1000)
end
local function up(left)  -- to the whole tick: real time only nibbles
  return math.ceil(left / tick) * tick
end

local began = now()
for _, name in ipairs(KEYS) do names[name] = true end
if whole_server then
  local cursor = '0'
  repeat
    local page = redis.call('SCAN', cursor, 'COUNT', 1000)
    cursor = page[1]
    for _, name in ipairs(page[2]) do names[name] = true end
  until cursor == '0'
end

for name in pairs(names) do
  local left = redis.call('PTTL', name)
  if how == 'unpark' then
    left = up(left + began - parked - shift)
    local at = redis.pcall('PEXPIRETIME', name)  -- a table: Redis 6 cannot tell whose deadline it is
    if left >= 0 and left < ever and (at == parked + shift + left or type(at) == 'table') then
      if left == 0 then redis.call('PERSIST', name)
      elseif moving then
        count = count + 1
        redis.call('PEXPIREAT', name, began + left)
      end
    end
  elseif left >= 0 and left < ever and moving then
    count = count + 1
    redis.call('PEXPIREAT', name, math.max(began + up(math.max(left, 1)) + shift, 1))
  elseif left == -1 and how == 'park' and not whole_server then
    count = count + 1
    redis.call('PEXPIREAT', name, began + shift)
  end
end
return {count, began, now()}
"""


class LabTime:
    """Keeps the deadlines on one Redis in step with one Clock; attach it with `clock.listeners`.

    `whole_server`: the server is ours alone, so every key in it is meant; otherwise only the names
    that `keys` handed out are touched, and none of them may outlive a cell without a deadline.
    `moving=False` leaves deadlines alone and keeps only that last promise.
    """

    def __init__(
        self, client: LabRedis, keys: Keys, clock: Clock, whole_server: bool, moving: bool = True
    ) -> None:
        """`client` is the lab's own connection; the server's time is read at once."""
        self._client, self._keys, self._clock = client, keys, clock
        self._whole_server, self._moving = whole_server, moving
        self._script = client.register_script(_SCRIPT)
        self.start_afresh()

    def start_afresh(self) -> None:
        """After the keys are gone: nothing is parked, nothing went wrong, and time counts from here."""
        self.parked: bool = False
        self._trouble = ""  # why deadlines can no longer be right, once that is so
        self._deadlines, self._sent, self._began = 0, self._client.commands, math.inf
        self._node = self._client.node
        self._run("move", 0)

    def settle(self, seconds: float) -> None:
        """Bring every deadline `seconds` nearer; 0 puts back what real time has nibbled off.

        LabTimeSlipped if a tick or more of the server's real time has passed since the last time, or
        that did not come to its end: then some deadlines are wrong, and stay so until `lab.reset()`.
        """
        with contextlib.suppress(redis.TimeoutError):  # a server that is frozen: then there is trouble, too
            self.unpark()
            self._run("move", -round(seconds * 1000))
        if self._trouble:
            raise LabTimeSlipped(
                f"{self._trouble}, so the remaining TTLs on Redis are no longer exact: call lab.reset() and "
                "run again from the cell that filled the cache."
            )

    def hold(self) -> None:
        """Within a long tick: settle as soon as a quarter of a tick of real time has passed."""
        if time.monotonic() - self._real > self._clock.tick / 4:
            self.settle(0)

    def park(self) -> None:
        """Give every key a day more: nothing expires between cells. A slip is told at the next tick."""
        if not self.parked:
            self._run("park", DAY_MS)
            self.parked = True

    def unpark(self) -> None:
        """Take the day away again, unless somebody gave the key another deadline meanwhile."""
        if self.parked:
            self._run("unpark", DAY_MS)
            self.parked = False

    def _run(self, how: str, shift_ms: int) -> None:
        """Run the script, and remember whether more real time has passed than deadlines can bear."""
        last, idle = self._began, self._deadlines == 0 and self._client.commands == self._sent
        tick_ms = round(self._clock.tick * 1000)
        # The namespace, which is no key, stands for them: in a cluster it leads to where they will be.
        names = [] if self._whole_server else list(self._keys.handed_out) or [self._keys.namespace]
        args: list[str | float] = [how, shift_ms, tick_ms, last, int(self._whole_server), int(self._moving)]
        try:
            self._deadlines, self._began, ended = self._script(keys=names, args=args)
        except BaseException:  # an Interrupt too: Redis may have done it all the same
            self._trouble = self._trouble or "Lab time could not finish its last move"
            raise
        self._real, self._sent = time.monotonic(), self._client.commands
        node, self._node = self._node, self._client.node
        if idle and self._deadlines == 0:
            return
        if node != self._node:  # clocks of two machines are never the same to the millisecond
            gone = "The keys have moved to another node of the cluster, which has another clock"
            self._trouble = self._trouble or gone
        elif ended - last >= (DAY_MS if how == "unpark" else tick_ms):
            gap = f"{(ended - last) / 1000:.1f} s of real time went by inside one lab tick"
            self._trouble = self._trouble or f"{gap} of {self._clock.tick:g} s"
