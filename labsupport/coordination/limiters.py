"""Four rate limiters on Redis: may this call pass? As notebook 07 builds them in view.

Each is asked (redis, name, now, limit, seconds) and answers for one caller: True for at most about `limit`
calls in `seconds`. `name` begins the names of its keys, each of which expires; `now` is in seconds.
"""

from __future__ import annotations

from uuid import uuid4

from redis import Redis


def fixed_window(redis: Redis, name: str, now: float, limit: int, seconds: int) -> bool:
    """Count the calls of each window; the window's number is part of the counter's name.

    Across a boundary it lets through up to twice `limit` in `seconds`.
    """
    window = f"{name}:{now // seconds:.0f}"
    with redis.pipeline(transaction=True) as pipe:
        pipe.incr(window)
        pipe.expire(window, seconds)
        count, _ = pipe.execute()
    return bool(count <= limit)


LOG = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


def sliding_log(redis: Redis, name: str, now: float, limit: int, seconds: int) -> bool:
    """Keep the moment of every call that passed, in a sorted set: never more than `limit` in `seconds`."""
    call = str(uuid4())  # two calls may come at the same moment
    return bool(redis.eval(LOG, 1, name, now - seconds, limit, now, call, seconds))


TWO_WINDOWS = """
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
local before = tonumber(redis.call('GET', KEYS[2]) or 0)
if before * ARGV[1] + count >= tonumber(ARGV[2]) then return 0 end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


def sliding_counter(redis: Redis, name: str, now: float, limit: int, seconds: int) -> bool:
    """Count two windows; of the one before counts the share that lies less than `seconds` back.

    That share is exact only if its calls came evenly; after a burst at its end nearly twice `limit` passes.
    """
    window, into = divmod(now, seconds)
    keys = [f"{name}:{window:.0f}", f"{name}:{window - 1:.0f}"]
    return bool(redis.eval(TWO_WINDOWS, 2, *keys, 1 - into / seconds, limit, 2 * seconds))


BUCKET = """
local held = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local now = math.max(ARGV[1], held[2] or 0)
local flowed = (now - (held[2] or now)) * ARGV[2] / ARGV[3]
local tokens = math.min(ARGV[2], (held[1] or ARGV[2]) + flowed)
if tokens < 1 then return 0 end
redis.call('HSET', KEYS[1], 'tokens', tokens - 1, 'at', now)
redis.call('EXPIRE', KEYS[1], ARGV[3])  -- by then it is full again
return 1
"""


def token_bucket(redis: Redis, name: str, now: float, limit: int, seconds: int) -> bool:
    """Take a token out of a bucket of `limit`, which fills at `limit` in `seconds`.

    A full bucket and what flows in meanwhile: up to twice `limit` in `seconds`.
    """
    return bool(redis.eval(BUCKET, 1, name, now, limit, seconds))
