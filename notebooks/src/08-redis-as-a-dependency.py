# %% [markdown]
# # 08 Redis as a dependency: what happens when it is slow, full or gone?
#
# **You will see** a full server throw out your counters, a hung one hold a request for a minute, a killed one send everybody to the origin, the database.
# **Time** 75 minutes with the exercises. **You need** Python; the Redis servers come with this notebook.
#
# Servers are filled, frozen and killed here, so this notebook always starts its own, even if `REDIS_URL` is set. There is no lab time; exact is what is counted. `[here: ...]` marks what belongs to your machine. After your own changes, an `AssertionError` only means that the text no longer fits.
#
# **First say what you believe:**

# %%
import contextlib
import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice

import numpy as np
import pandas as pd
from redis import Redis, RedisError
from redis.backoff import NoBackoff
from redis.exceptions import OutOfMemoryError
from redis.retry import Retry

from labsupport import (
    Clock, CourseCatalog, FaultProxy, Fleet, LocalCache, Replica, SharedCache, SpareServer, start_lab, zipf_traffic,
)
from labsupport.explorers import explore, wait_picture
from labsupport.figures import (
    bars, board, board_figure, failover, kept_by_rank, latencies, lives, lost_counter, measured_bars, outages,
    panels, phases, policies, refusals, show, slowness, told_lanes,
)
from labsupport.fleet import Instance
from labsupport.lessons import check_clear, check_operations, check_worst_wait, hint, judge, predict, quiz

lab = start_lab("08", lab_time=False, own=True)
print(lab.describe())
predict("evicted-counter", "hung-server", "outage-reads")

# %% [markdown]
# ## Full: what still works?
#
# This server uses more than its `maxmemory`, and its policy is `noeviction`, the default: nothing is thrown out. Which of ten commands does it obey?

# %%
commands = [
    "GET course:204", "EXISTS course:204", "TTL course:204", "EXPIRE course:204 60", "DEL course:204",
    "SET course:205 {}", "INCR views:205", "HSET stats:205 views 1", "LPUSH visitors Ada", "SADD online Ada",
]
works = {}
with SpareServer(maxmemory_policy="noeviction") as server:
    server.redis.set("course:204", "{}")
    server.redis.config_set("maxmemory", server.redis.info("memory")["used_memory"] // 2)
    for name, *words in map(str.split, commands):
        try:
            server.redis.execute_command(name, *words)
            works[name] = True
        except OutOfMemoryError:
            works[name] = False

figure, (ax,) = panels(width=11, height=1.5)
ax.set_title("A full server still reads and deletes; what would need memory is refused")
show(figure, refusals(ax, works))
assert [name for name, ok in works.items() if ok] == ["GET", "EXISTS", "TTL", "EXPIRE", "DEL"]

# %% [markdown]
# The error is `redis.exceptions.OutOfMemoryError`. A reader that does not catch it fails with the origin's answer in its hand. And `INCR` is refused like `SET`: limiters, markers and locks stop with the cache.
#
# ## Who is thrown out?
#
# Other policies make room. `allkeys-lru` throws out what was not used for long, `allkeys-lfu` what is seldom used, `volatile-ttl` what would expire first (without a TTL: never). Four servers have room for less than a third of the courses. Odd courses get a TTL of
# ten minutes, even ones one of a minute. Then a new term begins: the popular courses become the unpopular ones. Who copes?

# %%
requests = zipf_traffic(requests=14_000, courses=3_000, skew=1.0, rate=100, seed=204)["key"]
courses = requests.str.removeprefix("course:").astype(int).to_numpy() - 204
courses[8_000:] = 2_999 - courses[8_000:]


def serve(redis, batch):
    """Fifty requests at once, by cache-aside: how many are hits, and how many writes are refused."""
    found = redis.mget([f"course:{course}" for course in batch])
    with redis.pipeline(transaction=False) as pipe:
        for course in batch[np.equal(found, None)]:
            pipe.set(f"course:{course}", bytes(2_000), ex=600 if course % 2 else 60)
        replies = pipe.execute(raise_on_error=False)
    return 50 - found.count(None), sum(isinstance(reply, OutOfMemoryError) for reply in replies)


# %% [markdown]
# (Set the policy before the first write, since each key carries the notes on its use. The server looks only at samples: learn the order, not the digits.)

# %% tags=["measured"]
with contextlib.ExitStack() as stack:
    names = ["noeviction", "allkeys-lru", "allkeys-lfu", "volatile-ttl"]
    servers = {name: stack.enter_context(SpareServer(maxmemory_policy=name)) for name in names}
    for server in servers.values():
        server.limit_memory(2_000_000)
    served = [{name: serve(servers[name].redis, batch) for name in names} for batch in np.split(courses, 280)]
    popular = [f"course:{course}" for course in reversed(range(3_000))]
    there = pd.DataFrame({name: np.not_equal(servers[name].redis.mget(popular), None) for name in names})

hits = pd.DataFrame([{name: batch[name][0] / 50 for name in names} for batch in served])
hits = hits.groupby(hits.index // 20).mean().set_axis(range(1_000, 14_001, 1_000))
refused = {name: sum(batch[name][1] for batch in served) for name in names}
long_lived = there["volatile-ttl"][0::2].sum() / there["volatile-ttl"].sum()

figure, axes = panels(2, width=11, height=3.4)
axes[0].set_title("Full and frozen: noeviction never learns")
axes[1].set_title("noeviction keeps last term's courses")
findings = [policies(axes[0], hits, turned=8_000), kept_by_rank(axes[1], there, [10, 100, 1_000, 3_000])]
show(figure, f"{' '.join(findings)} With volatile-ttl [here: {long_lived:.0%}] of what is there has the longer TTL.")
last = hits.iloc[-1]
assert refused["noeviction"] > 3_000 and sum(refused.values()) == refused["noeviction"]  # the others write on
assert hits.loc[8_000, "allkeys-lfu"] > hits.loc[8_000, "volatile-ttl"] + 0.03 and long_lived > 0.65
assert there["noeviction"][:100].mean() < there["noeviction"][1_000:].mean() and there.mean().max() < 1 / 3
assert hits.loc[8_000, "noeviction"] > 0.6 and last["noeviction"] < last.drop("noeviction").min() - 0.1

# %% [markdown]
# `noeviction` does well while the world stands still: popular courses come first, and stay. Then it holds last term's courses and refuses every fill. LRU and LFU follow. `volatile-ttl` keeps what lives longest, however seldom it is asked for.
#
# ## Counters in the same server
#
# A server under `allkeys-lru` also holds 200 counters, 1,000 views each, and 200 markers "this e-mail is sent", untouched for an hour (`RESTORE` sets that, so that nobody has to wait). Now 10,000 pages are written. How many survive in the same database, in another one of this
# server, in a server of their own?

# %%
def crowded_out(pages, kept):
    """Put counters and markers into `kept`, write 10,000 pages to `pages`; returns the names that are gone."""
    names = [f"{kind}:{number}" for kind in ("views", "sent") for number in range(200)]
    kept.set("views:0", 1_000)
    a_thousand = kept.dump("views:0")
    with kept.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.restore(name, 0, a_thousand, replace=True, idletime=3_600)
        pipe.execute()
    for start in range(0, 10_000, 500):
        pages.mset({f"course:{number}": bytes(1_000) for number in range(start, start + 500)})
    return [name for name, value in zip(names, kept.mget(names)) if value is None]


# %% [markdown]
# Then one more view for a counter that is gone, and one more delivery of an e-mail whose marker is gone:

# %% tags=["measured"]
gone = {}
with SpareServer(maxmemory_policy="allkeys-lru") as cache, SpareServer(maxmemory_policy="noeviction") as own:
    cache.limit_memory(2_000_000)
    gone["same database"] = crowded_out(cache.redis, cache.redis)
    with cache.address.client(db=1) as other_database:
        gone["another database"] = crowded_out(cache.redis, other_database)
    gone["another server"] = crowded_out(cache.redis, own.redis)
    counter, marker = (next(n for n in gone["same database"] if n.startswith(kind)) for kind in ("views", "sent"))
    says, sent_again = cache.redis.incr(counter), cache.redis.set(marker, 1, nx=True, ex=60)

figure, (ax,) = panels(height=1.8)
ax.set_title("Evicted, of 400: their own server keeps all")
lost = {place: len(names) for place, names in gone.items()}
show(figure, measured_bars(ax, lost, {"another server": "shared"}, exact=["another server"]))
figure, (ax,) = panels(height=1.7)
ax.set_title("An evicted counter begins again")
show(figure, judge(ax, "evicted-counter", measured=str(says)))
assert min(lost["same database"], lost["another database"]) > 200 and lost["another server"] == 0
assert says == 1 and sent_again  # so the e-mail goes out a second time

# %% [markdown]
# No error: the counter says 1, and the e-mail goes out twice. An evicted page is read again; a counter has no origin. `maxmemory` counts for all databases together. So take **two servers**: one that may forget, and one with `noeviction` and an alarm long before it is
# full.
#
# ## Slow: 5, 50, 500 ms
#
# A proxy between client and server holds every reply back. Four instances, ten threads each; a thread asks again once it has its answer. How long do requests take (p95: 95 of 100 are faster), and how many a second are served?

# %%
def closed_loop(instances, each):
    """Forty threads in four instances ask `each` times: latencies in ms, and requests a second."""

    def ask(thread):
        moments = [time.perf_counter()]
        for _ in range(each):
            instances[thread % 4].get("course:204")
            moments.append(time.perf_counter())
        return np.diff(moments)

    with ThreadPoolExecutor(40) as threads:
        start = time.perf_counter()
        took = np.ravel(list(threads.map(ask, range(40))))
        return 1_000 * took, len(took) / (time.perf_counter() - start)

# %% [markdown]
# Dashed is Little's law: 40 threads that each wait at least the delay get at most 40 / delay answers a second.

# %% tags=["measured"]
slow = {}
with FaultProxy(lab.address) as proxy, contextlib.ExitStack() as stack:
    instances = [stack.enter_context(proxy.client()) for _ in range(4)]
    for delay, each in [(5, 1), (5, 20), (50, 5), (500, 2)]:  # at first they only connect
        proxy.delay(delay / 1_000)
        slow[delay] = closed_loop(instances, each)

figure, axes = panels(2, width=11, height=2.6)
axes[0].set_title("Every request takes at least the delay")
axes[1].set_title("Forty threads at 500 ms: at most 80 a second")
show(figure, slowness(axes, slow, clients=40))
for delay, (took, rate) in slow.items():
    assert took.min() >= delay and rate <= 40 / (delay / 1_000)

# %% [markdown]
# Nothing failed, and nobody is told. But forty threads serve at most 80 requests a second, however fast their code is, and everything else queues.
#
# ## What does the client do by default?
#
# redis-py 8 waits 5 s for a reply, then pauses and tries again. How often? We freeze a server (SIGSTOP), send an INCR with shorter waits, and the proxy counts the tries. Then we ask port 1, where nobody listens, without the pauses: the client's own `backoff` says how long those would be.

# %% tags=["measured"]
def seconds_to_error(client):
    start = time.perf_counter()
    with client, contextlib.suppress(RedisError):
        client.incr("views:204")
        raise AssertionError("it was answered")
    return time.perf_counter() - start


default = Redis("127.0.0.1", 1)
timeout = default.connection_pool.connection_kwargs["socket_timeout"]
without_pauses = Retry(NoBackoff(), default.get_retry().get_retries())
with SpareServer() as server, FaultProxy(server.address) as proxy:
    server.freeze()
    seconds_to_error(proxy.client(socket_timeout=0.01, retry=without_pauses))
    tries = proxy.commands
    chosen = seconds_to_error(proxy.client(socket_timeout=0.25))
    server.thaw()  # SIGCONT: it goes on
    for _ in range(1_000):
        counted = int(server.redis.get("views:204") or 0)
        if counted == proxy.commands:
            break
        time.sleep(0.01)

least = tries * timeout
at_once = seconds_to_error(Redis("127.0.0.1", 1, retry=without_pauses))
pauses = sum(default.get_retry()._backoff.compute(failures) for failures in range(1, tries))
waits = {"refused, as it comes": at_once + pauses, "hung, as it comes": least, "hung, our 0.25 s": chosen}
figure, (ax,) = panels(height=1.9)
ax.set_title("As redis-py comes, a hung server costs 55 s")
roles = {"hung, our 0.25 s": "shared"}
finding = measured_bars(ax, waits, roles, "{:.1f} s", exact=["hung, as it comes"])
show(figure, (
    f"{finding} {tries} tries of {timeout} s are {least} s, and the pauses come on top. "
    f"Without them a port refuses {tries} times in [here: {1_000 * at_once:.0f} ms]. "
    f"Once the server goes on, its counter says {counted}, for two views that got an error."
))
figure, (ax,) = panels(height=1.7)
ax.set_title("A hung server holds a call for a minute")
show(figure, judge(ax, "hung-server", measured="timeout" if least < 10 else "minute" if least < 90 else "for ever"))
assert tries == 11 and least == 55 and counted == 11 + 1 and 0.25 <= chosen < 5 and 0.3 < pauses < 10 and at_once < 5

# %% [markdown]
# The 55 s and the pauses are computed from the client's own settings, the rest was waited for. A refusal comes at once; what takes seconds are ten pauses. So choose both yourself: no GET that spares a query of 5 ms may take a minute. A timeout calls nothing back: once awake, the server ran all twelve INCRs.
#
# And if two layers retry? Ten requests meet a hung server. The client tries three times more, and so does the service around it:

# %%
def commands_sent(client_retries, service_retries):
    """How many commands ten requests send to a hung server."""

    def request(_):
        for _ in range(1 + service_retries):
            with contextlib.suppress(RedisError):
                client.get("course:204")
                break

    with (
        FaultProxy(lab.address) as proxy,
        proxy.client(socket_timeout=0.01, retry=Retry(NoBackoff(), client_retries)) as client,
        ThreadPoolExecutor(10) as threads,
    ):
        proxy.go_silent()
        list(threads.map(request, range(10)))
        return proxy.commands


sent = {"nobody retries": commands_sent(0, 0), "the client": commands_sent(3, 0), "client and service": commands_sent(3, 3)}
figure, (ax,) = panels(height=1.8)
ax.set_title("Two layers that retry send 16 times as much")
show(figure, f"Commands for ten requests: {bars(ax, sent, {'nobody retries': 'shared'}, form='{:.0f}')}")
assert list(sent.values()) == [10, 10 * (1 + 3), 10 * (1 + 3) * (1 + 3)]

# %% [markdown]
# Tries multiply: a **retry storm**, sixteen times the load just when the server can bear least. Let one layer retry, once or twice, with pauses (redis-py's `Retry` with a backoff), and only what may run twice.
#
# ### Exercise 1: the longest wait (4 minutes)
#
# Write `worst_wait(timeout, retries, pause)`: how many seconds a request waits at most for a hung server. The client waits `timeout` seconds for each reply, tries `retries` times more, and pauses `pause` seconds before each of these. (`hint("worst_wait")`)

# %% tags=["exercise"]
def worst_wait(timeout, retries, pause):
    ...


check_worst_wait(worst_wait)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def longest_wait(timeout, retries, pause):
    return timeout * (1 + retries) + pause * retries


check_worst_wait(longest_wait)

# %% [markdown]
# ## Gone: killed, and back empty
#
# 1,700 requests, a hundred a second, to four instances. Before every ninth a course is changed and its entry deleted. The server is killed at request 700 and back, empty, at 1,200. Five ways to live with it.
#
# **Fail closed**: no Redis, no answer. **Fail open**: then ask the origin. The same with a **near-cache**, a dict in each instance, TTL 2 s; with a **circuit breaker** in each, which lets commands pass while it is *closed*, *opens* after five errors in a row, and then lets one try pass every two seconds; with a **limiter** in each, eight
# reads a second:

# %%
class FailOpen:
    """A cache without Redis is an empty cache."""

    def __init__(self, cache):
        self.cache = cache

    def call(self, command, *args):
        with contextlib.suppress(RedisError):
            return command(*args)

    def get(self, key):
        return self.call(self.cache.get, key)

    def set(self, key, value):
        self.call(self.cache.set, key, value)


class Breaker(FailOpen):
    """Open after five errors in a row: then nothing is asked, but for one try every two seconds."""

    def __init__(self, cache, clock):
        self.cache, self.clock, self.errors, self.open_until = cache, clock, 0, 0

    def call(self, command, *args):
        if self.clock.now() < self.open_until:
            return None
        try:
            answer, self.errors = command(*args), 0
            return answer
        except RedisError:
            self.errors += 1
            if self.errors >= 5:
                self.open_until = self.clock.now() + 2


class NearCache:
    """A dict of one's own in front of the shared cache."""

    def __init__(self, near, far):
        self.near, self.far = near, far

    def get(self, key):
        value = self.near.get(key) or self.far.get(key)
        if value is not None and self.near.get(key) is None:
            self.near.set(key, value)
        return value

    def set(self, key, value):
        self.near.set(key, value)
        self.far.set(key, value)


class Overloaded(Exception):
    """The origin must not be asked now."""


class Limited:
    """Lets eight reads a second through to the origin."""

    def __init__(self, catalog, clock):
        self.catalog, self.clock, self.second, self.left = catalog, clock, None, 0

    def read(self, key):
        if self.clock.now() != self.second:
            self.second, self.left = self.clock.now(), 8
        if self.left == 0:
            raise Overloaded
        self.left -= 1
        return self.catalog.read(key)


# %% [markdown]
# Each way meets the same requests, and a server that is really killed:

# %%
asked = zipf_traffic(requests=1_700, courses=100, skew=1.0, rate=100, seed=204)["key"].tolist()
changed = dict(zip(range(8, 1_700, 9), zipf_traffic(requests=1_700, courses=100, skew=1.0, rate=100, seed=7)["key"]))
killed, back = 700, 1_200


def live_through(server, cache, origin=lambda catalog, clock: catalog):
    """One row a request; `cache` and `origin` say what an instance is made of."""
    server.redis.flushall()
    clock, catalog, rows = Clock(), CourseCatalog(), []
    shared = SharedCache(server.redis, ttl=300, keys=lab.keys)
    fleet = [Instance(name, cache(shared, clock), origin(catalog, clock)) for name in "ABCD"]
    for number, key in enumerate(asked):
        if number == killed:
            server.kill()
        if number == back:
            server.restart()
        clock.advance(number // 100 - clock.now())
        if number in changed:
            catalog.rename(changed[number], f"Version {number}")
            with contextlib.suppress(RedisError):
                server.redis.delete(lab.keys.name(changed[number]))
        reads, commands, value = catalog.reads, server.redis.commands, None
        with contextlib.suppress(RedisError, Overloaded):
            value, _ = fleet[number % 4].serve(key)
        rows.append({
            "instance": number % 4, "key": key, "changed": changed.get(number), "read": catalog.reads > reads,
            "error": value is None, "stale": value not in (None, catalog.peek(key)),
            "commands": server.redis.commands - commands,
        })
    log = pd.DataFrame(rows)
    return log.assign(hit=~log["read"] & ~log["error"])


# %% [markdown]
# What becomes of the 500 requests in between?

# %%
with SpareServer() as server:
    runs = {
        "fail closed": live_through(server, lambda shared, clock: shared),
        "fail open": live_through(server, lambda shared, clock: FailOpen(shared)),
        "near-cache": live_through(server, lambda shared, clock: NearCache(LocalCache(2, clock), FailOpen(shared))),
        "breaker": live_through(server, Breaker),
        "limiter": live_through(server, lambda shared, clock: FailOpen(shared), Limited),
    }
in_vain = {name: runs[name]["commands"][killed:back].sum() for name in ("fail open", "breaker")}
before = runs["fail open"][300:killed]
times = runs["fail open"]["read"][killed:back].mean() / before["read"].mean()
wave, settled = (runs["fail open"]["read"][start : start + 100].sum() for start in (back, 1_600))

figure, axes = panels(5, width=11, height=2.9, share=True)
figure.suptitle("Without Redis each request is an error or a read, but for what a near-cache holds", x=0.01, ha="left", fontsize=11)
finding = outages(axes, runs, (killed, back), window=100)
show(figure, (
    f"{finding} Back, and empty: {wave} reads in the first 100 requests, {settled} in the last. "
    f"Commands to the dead server: fail open {in_vain['fail open']:,}, breaker {in_vain['breaker']}."
))
figure, (ax,) = panels(height=1.5)
ax.set_title("Fail open: how many times as many reads")
show(figure, judge(ax, "outage-reads", measured=times, law=1 / (1 - before["hit"].mean()), role="other"))
lost = {name: log[["read", "error"]][killed:back].sum().tolist() for name, log in runs.items()}
assert [lost[name] for name in ("fail closed", "fail open", "breaker")] == [[0, 500], [500, 0], [500, 0]]
assert sum(lost["near-cache"]) == lost["near-cache"][0] < 300 and lost["limiter"] == [4 * 8 * 5, 500 - 4 * 8 * 5]
assert round(100 * before["hit"].mean()) == 87 and in_vain == {"fail open": 2 * 500, "breaker": 4 * (5 + 2)} and wave > 2 * settled
assert runs["breaker"]["read"][back : back + 100].all()  # breakers still open
assert runs["fail closed"]["stale"].sum() == 0 < runs["near-cache"]["stale"].sum()

# %% [markdown]
# Each hit becomes a read: 1/(1 - hit rate) times as many. The better the cache, the harder the fall. The near-cache spares half of them and serves stale answers. The breaker spares waiting: had the server hung, each command would have cost a timeout. But it notices the return late, up to two seconds. To fail closed protects the origin and helps nobody. The limiter protects
# it, and serves whom it can; the rest gets an error at once.
#
# Back is not healed: the empty Redis sends a **cold-start wave** to the origin. (With its old entries it would be worse: nobody deleted what changed meanwhile.) In production take `pybreaker` for a breaker, `limits` or `pyrate-limiter` for a limiter, and redis-py's `Retry` and `Lock`.

# %% [markdown]
# ## A near-cache that is told
#
# The near-cache above is the dict of notebook 01 again: it hears of no change. Redis can tell it. After `CLIENT TRACKING ON`, the server notes who reads which key, and sends a message when the key changes, once: who wants to hear more reads again. We subscribe to the messages
# on a second connection, the `link`. (redis-py can do this itself over RESP3, with Redis 7.4 and newer.)
#
# Another client writes. What does the dict say before the message is read?

# %%
class ToldCache:
    """A near-cache that is told when a key has changed; if it is not told, a copy lives `ttl` seconds."""

    def __init__(self, server, link, ttl, clock):
        self.ttl, self.clock, self.copies = ttl, clock, {}
        self.redis, self.link = server.client(one_connection=True), link.client(decode_responses=True)
        self.news = self.link.pubsub()
        self.news.execute_command("CLIENT ID")
        self.redis.client_tracking_on(clientid=self.news.parse_response(), noloop=True)  # not of our own
        self.news.subscribe("__redis__:invalidate")
        self.news.get_message(timeout=5)  # says that we are subscribed

    def hear(self):
        while message := self.news.get_message():
            for key in message["data"] or list(self.copies):  # no names: all was flushed
                self.copies.pop(key, None)

    def get(self, key):
        self.hear()
        value, until = self.copies.get(key, (None, 0))
        if value is None or self.clock.now() >= until:
            value = self.redis.get(key)
            self.copies[key] = value, self.clock.now() + self.ttl
        return value

    def set(self, key, value):
        self.redis.set(key, value, ex=3_600)
        self.copies.pop(key, None)

    def close(self):
        self.redis.close()
        self.link.close()


with SpareServer() as server, contextlib.closing(ToldCache(server.address, server.address, 60, Clock())) as near:
    near.set("course:204", "old title")
    near.get("course:204")
    start = time.perf_counter()
    server.redis.set("course:204", "new title")
    unheard, _ = near.copies["course:204"]
    near.news.connection.can_read(timeout=2)
    delay = time.perf_counter() - start
    heard = near.get("course:204")
print(f"before the message is read: {unheard.decode()}; after it: {heard.decode()}")
print(f"it was there [here: {1_000 * delay:.2f} ms] after the write began")
assert (unheard, heard) == (b"old title", b"new title")

# %% [markdown]
# Stale for the time that a message takes, instead of a TTL. What does it save? Four instances, 2,000 requests, a changed course every five seconds. Once without copies (a local TTL of 0), once told, once with a link that has fallen silent. The server counts the GETs, too: `INFO`, its report
# on itself, has `keyspace_hits` and `keyspace_misses`.

# %%
traffic = zipf_traffic(requests=2_000, courses=200, skew=1.0, rate=20, seed=204)
renamed = zipf_traffic(requests=19, courses=200, skew=1.0, rate=20, seed=7)["key"]


def day(ttl, silent=False):
    """The log of the fleet, and what the server says of the same day."""
    clock, catalog = Clock(), CourseCatalog()
    with SpareServer() as server, FaultProxy(server.address) as proxy, contextlib.ExitStack() as stack:
        link = proxy if silent else server.address

        def told():
            return stack.enter_context(contextlib.closing(ToldCache(server.address, link, ttl, clock)))

        fleet = Fleet(4, told, catalog, clock)
        if silent:
            proxy.go_silent()

        def change(key):
            catalog.rename(key, f"Changed at {clock.now()} s")
            server.redis.delete(key)
            server.redis.ping()  # when it is answered, the messages are out

        events = {5 * number: partial(change, key) for number, key in enumerate(renamed, 1)}
        log = fleet.replay(traffic, events, judge=True)
        return log, server.redis.info("stats")


days = {"no copies": day(0), "told": day(60), "link silent": day(60, silent=True)}
gets = {name: info["keyspace_hits"] + info["keyspace_misses"] for name, (_, info) in days.items()}
stale = {name: int(log["stale"].sum()) for name, (log, _) in days.items()}
rates = {}
for name in ("no copies", "told"):
    log, info = days[name]
    rates |= {f"{name}: fleet": log["hit"].mean(), f"{name}: INFO": info["keyspace_hits"] / gets[name]}

figure, axes = panels(2, width=10, height=2.2)
axes[0].set_title("Copies that are told save 1,251 of 2,000 GETs")
axes[1].set_title("Hit rates: INFO no longer sees the best")
roles = {"told": "private", "no copies": "shared"}
findings = [
    bars(axes[0], gets, roles, form="{:,.0f}"),
    bars(axes[1], rates, {name: "shared" for name in rates if "INFO" in name}),
]
stales = ", ".join(f"{name} {count}" for name, count in stale.items())
show(figure, f"GETs: {findings[0]} Hit rates: {findings[1]} Stale answers: {stales}.")
assert stale["no copies"] == stale["told"] == 0 < stale["link silent"]
assert gets["no copies"] == 2_000 and gets["told"] == 2_000 - 1_251
assert rates["no copies: fleet"] == rates["no copies: INFO"] == rates["told: fleet"] > rates["told: INFO"]

# %% [markdown]
# Without copies `INFO` and the fleet agree. With them, the surest hits never reach the server: judge a near-cache by the fleet's own count, not by `INFO`. (There `evicted_keys` and `used_memory` are worth a look, too.)
#
# A silent link saves about as much, and answers stale. For how long? One request a second, the course changes at second 25, copies live 20 s:

# %%
rows = []
with SpareServer() as server, FaultProxy(server.address) as proxy, contextlib.ExitStack() as stack:
    clock, links = Clock(), {"told": server.address, "link silent": proxy}
    pair = [ToldCache(server.address, link, ttl=20, clock=clock) for link in links.values()]
    for near in pair:
        stack.callback(near.close)
    proxy.go_silent()
    title = b"old title"
    server.redis.set("course:204", title)
    for second in range(60):
        if second == 25:
            title = b"new title"
            server.redis.set("course:204", title)
            server.redis.ping()
        for lane, near in enumerate(pair):
            asked_before = near.redis.commands
            answer = near.get("course:204")
            rows.append((second, lane, near.redis.commands == asked_before, answer != title))
        clock.advance(1)
log = pd.DataFrame(rows, columns=["at", "instance", "hit", "stale"])

figure, (ax,) = panels(width=8, height=2.6)
ax.set_title("Not told, a copy is stale until its TTL is over")
show(figure, told_lanes(ax, log, ttl=20, changed=25, names=list(links)))
assert log[log["stale"]].groupby("instance")["at"].agg(["min", "max"]).to_dict("index") == {1: {"min": 25, "max": 39}}

# %% [markdown]
# Until the local TTL is over, and nothing says so. So a near-cache needs three things: the messages, a short TTL for when they do not come, and an empty dict whenever the link breaks. It is the dict of notebook 01, with somebody who tells it.

# %% [markdown]
# ## Housekeeping: who stalls everybody?
#
# Redis runs one command at a time. `KEYS session:*` looks at every key of the server, here 150,000, and finds none. `SCAN` looks at some 500 keys at a time and lets others in between. Right behind each, another client sends a PING. How long until that is answered?

# %% tags=["measured"]
FILL = "for i = ARGV[1], ARGV[1] + 9999 do redis.call('SET', 'course:' .. i, 'page') end"
with contextlib.ExitStack() as stack:
    server = stack.enter_context(SpareServer(slowlog_log_slower_than=100))  # microseconds
    one, other = (stack.enter_context(server.address.client(one_connection=True)) for _ in range(2))
    for first in range(1, 150_000, 10_000):  # a script, too, holds everybody up
        server.redis.eval(FILL, 0, first)
    server.redis.slowlog_reset()

    def wait_behind(*command):
        """One client sends a command, the other a PING: microseconds to the PING's answer, the command's reply."""
        start = time.perf_counter()
        one.connection.send_command(*command)
        other.ping()
        return 1e6 * (time.perf_counter() - start), one.connection.read_response()

    behind_keys = [wait_behind("KEYS", "session:*")[0] for _ in range(5)]
    slow_log = [entry["command"].split()[0].decode() for entry in server.redis.slowlog_get(100)]
    behind_scan, cursor = [], b"0"
    while not behind_scan or cursor != b"0":
        wait, (cursor, _) = wait_behind("SCAN", cursor, "MATCH", "session:*", "COUNT", 500)
        behind_scan.append(wait)

waits = {"behind KEYS": (np.array(behind_keys), "other"), "behind a SCAN": (np.array(behind_scan), "shared")}
figure, (ax,) = panels(width=8, height=2)
ax.set_title("KEYS holds everybody up, SCAN hardly anybody")
logged = f"The slow log has {slow_log.count('KEYS')} of 5 KEYS."
finding = f"{latencies(ax, waits)} {logged} To see all keys took [here: {len(behind_scan)}] calls of SCAN."
ax.set_xlim(10, 200_000)
show(figure, finding)
assert min(behind_keys) > 3 * np.median(behind_scan) and slow_log.count("KEYS") == 5

# %% [markdown]
# The **slow log** (`SLOWLOG GET`) names whoever held the server up for longer than a limit, here 100 microseconds, 10 ms by default. KEYS looks at every key: with 15 million it takes a hundred times as long.
#
# ## Big keys
#
# Among 2,000 pages hides a value of 1 MB. Which is it? `MEMORY USAGE` asks about one key, SCAN finds them all:

# %%
def two_applications(redis):
    """A catalogue with a cache of 2,000 pages, and a login with 500 sessions, on one server."""
    redis.mset({f"page:v7:{number}": bytes(200) for number in range(2_000)})
    redis.set("page:v7:1204", bytes(1_000_000))
    redis.mset({f"session:{number}": "logged in" for number in range(500)})


def sessions(redis):
    return sum(1 for _ in redis.scan_iter("session:*", count=1_000))


with SpareServer() as server:
    two_applications(server.redis)
    names = list(server.redis.scan_iter(count=1_000))
    with server.redis.pipeline(transaction=False) as pipe:
        for name in names:
            pipe.memory_usage(name)
        sizes = sorted(zip(pipe.execute(), names), reverse=True)
(biggest, name), (next_size, _) = sizes[:2]
print(f"{name.decode()} takes [here: {biggest:,} bytes], the next [here: {next_size:,}]")
print(f"one GET of it moves as much as {1_000_000 // 200:,} of the others")
assert name == b"page:v7:1204" and biggest > 1_000_000 and next_size < 1_000

# %% [markdown]
# While it travels, others wait. Split it, or keep it elsewhere. (`redis-cli --bigkeys` searches too.)
#
# ## The neighbour's sessions
#
# The catalogue "clears its cache" with `FLUSHDB`. Or it has a version in its key names, as in notebook 04, and counts it up. Who is still logged in?

# %%
left = {}
with SpareServer() as server:
    two_applications(server.redis)
    left["before"] = sessions(server.redis)
    version = 8  # new name, new cache: the old pages leave when their TTL is over
    pages = server.redis.exists(*(f"page:v{version}:{number}" for number in range(2_000)))
    left["new version"] = sessions(server.redis)
    server.redis.flushdb()
    left["FLUSHDB"] = sessions(server.redis)

figure, (ax,) = panels(height=1.8)
ax.set_title("FLUSHDB logs everybody out")
show(figure, f"Sessions: {bars(ax, left, {'new version': 'shared'}, form='{:.0f}')} Pages under the new version: {pages}.")
assert left == {"before": 500, "new version": 500, "FLUSHDB": 0} and pages == 0

# %% [markdown]
# `FLUSHDB` knows no owner. A new version deletes nothing, and nobody else notices; only its own cache starts cold. If the memory has to be free at once, delete your own names.
#
# ### Exercise 2: clear your own (8 minutes)
#
# Write `clear_cache(redis, prefix)`: delete every key whose name begins with `prefix`, and no other, without a command that stalls everybody. Return how many keys you deleted. The prefix may hold any character. (`hint("clear")`)

# %% tags=["exercise"]
def clear_cache(redis, prefix):
    ...


check_clear(clear_cache)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def clear_own_keys(redis, prefix):
    pattern = "".join(f"\\{character}" for character in prefix) + "*"  # \* is a star, not "anything"
    names, deleted = redis.scan_iter(match=pattern, count=1_000), 0
    while batch := list(islice(names, 500)):
        deleted += redis.unlink(*batch)
    return deleted


check_clear(clear_own_keys)

# %% [markdown]
# ## Two servers are not one
#
# A **replica** repeats what its primary does, a moment later. Here a real one, whose link is cut after 940 views; 60 views later the primary is killed, and the replica **promoted** to primary (a *Sentinel* does that by itself). Then 200 views more. What does the counter say of 1,200?

# %%
on_primary, on_replica = [900], [900]
with SpareServer() as primary, Replica(primary) as replica:
    primary.redis.mset({"views": 900, "course:204": "old title"})
    for _ in range(2):
        on_primary.append(primary.redis.incrby("views", 20))
        replica.catch_up()
        on_replica.append(int(replica.redis.get("views")))
    confirmed = primary.redis.wait(1, 1_000)

    replica.cut()
    primary.redis.set("course:204", "new title")
    read = replica.redis.get("course:204").decode()
    first = primary.redis.set("sent:7f3a", 1, nx=True, ex=60)
    for _ in range(3):
        on_primary.append(primary.redis.incrby("views", 20))
        on_replica.append(int(replica.redis.get("views")))
    unconfirmed = primary.redis.wait(1, 50)

    primary.kill()
    replica.promote()
    second = replica.redis.set("sent:7f3a", 1, nx=True, ex=60)
    on_replica += [replica.redis.incrby("views", 20) for _ in range(10)]

figure, (ax,) = panels(width=8)
ax.set_title("The promoted replica is 60 views short")
finding = failover(ax, range(900, 1_201, 20), on_primary, on_replica, cut=940, killed=1_000)
show(figure, (
    f"{finding} The replica, after the course was renamed: {read}. Processes that own the marker: {first + second}. "
    f"WAIT counts {confirmed} replica that has the write before the cut, {unconfirmed} after it."
))
assert on_replica[-1] == 1_200 - 60 and on_primary[-1] == 1_000 and (read, first, second) == ("old title", True, True)
assert (confirmed, unconfirmed) == (1, 0)

# %% [markdown]
# Replication is asynchronous: the primary says OK before the replica knows. So a replica reads stale, and a failover forgets what it had not heard: views, and the marker, which two processes now own. Here is the boundary of notebook 07's lock. `WAIT` tells how many replicas have a write,
# and `min-replicas-to-write` refuses writes when too few follow. Both make the gap smaller. Neither takes a write back that came too late, so neither is a consensus.

# %% [markdown]
# ## Your own numbers
#
# How long does a request wait for a hung server, how many wait with it (Little's law), and how many commands does the server get? First as arithmetic:

# %%
show(*wait_picture(timeout=0.25, retries=1, pause=0.05, layers=2, rate=100))

# %% [markdown]
# With 200 threads, which of these settings lets every thread of yours hang? And which one number would you change first?

# %%
explore(
    wait_picture,
    timeout=("timeout (s)", [0.05, 0.1, 0.25, 0.5, 1, 2, 5]),
    retries=("retries", [0, 1, 2, 3, 10]),
    pause=("pause before each (s)", [0, 0.05, 0.1, 0.5, 1]),
    layers=("layers that retry", (1, 3)),
    rate=("requests a second", [10, 50, 100, 400, 1_000]),
)

# %% [markdown]
# ### Exercise 3: your operations page (10 minutes)
#
# Fill in this page for your service, or for one that you would like to have. The check looks at whether the entries fit each other, and if they do, it prints the page to keep. (`hint("operations")`)

# %% tags=["exercise"]
page = {
    "requests a second": None,  # that ask Redis, the whole fleet's
    "hit rate": None,  # from 0 to 1
    "origin bears": None,  # reads a second that the origin can answer
    "deadline": None,  # seconds in which a request must be answered
    "timeout": None,  # seconds a client waits for one reply of Redis
    "retries": None,  # how often it tries again
    "pause": None,  # seconds before each further try
    "Redis gone": None,  # "error" (fail closed), "origin" (fail open) or "limited origin" (with a limiter)
    "cache policy": None,  # the maxmemory-policy of the cache's server
    "counter policy": None,  # and of the server with counters, markers and locks
    "clear": None,  # "FLUSHDB", "KEYS and DEL", "SCAN and UNLINK" or "new version"
    "near-cache": None,  # seconds an instance keeps a copy of its own; 0: it keeps none
    "stale": None,  # seconds that a value may be old at most
    "watch": None,  # a list of fields of INFO: for the hit rate, for evictions, for memory
}
check_operations(page)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
check_operations({
    "requests a second": 400, "hit rate": 0.9, "origin bears": 100, "deadline": 1.0,
    "timeout": 0.25, "retries": 1, "pause": 0.05, "Redis gone": "limited origin",
    "cache policy": "allkeys-lru", "counter policy": "noeviction", "clear": "SCAN and UNLINK",
    "near-cache": 5, "stale": 60,
    "watch": ["keyspace_hits", "keyspace_misses", "evicted_keys", "used_memory"],
})

# %% [markdown]
# ## The board: before, during and after the outage
#
# The fleet with near-caches. And INCR for each of 300 views, the server killed after 100 and back after 200:

# %%
says = []
with SpareServer() as server:
    for view in range(300):
        if view == 100:
            server.kill()
        if view == 200:
            server.restart()
        says.append(None)
        with contextlib.suppress(RedisError):
            says[-1] = server.redis.incr("views")

near, lanes = runs["near-cache"], {f"course:{203 + rank}": f"rank {rank}" for rank in (9, 14, 17, 30)}
figure, axes = board_figure()
axes[0].set_title("1  Gone: four small dicts again")
axes[1].set_title("2  The kill cuts every life short")
axes[2].set_title("3  INCR keeps 100 views of 300")
findings = [
    phases(axes[0], near, (killed, back)), lives(axes[1], near, lanes, (killed, back)),
    lost_counter(axes[2], says, (100, 200)),
]
show(figure, board("before, during and after the outage", findings))
assert f"cuts {len(lanes)} lives short" in findings[1]
assert says.count(None) == 100 and says[99] == says[-1] == 100

# %% [markdown]
# ## One question

# %%
quiz("coupons-retried")

# %% [markdown]
# ## Summary
#
# - Full: writes fail, or somebody is thrown out. What must stay gets its own server.
# - Slow: a wait is timeout times tries, and tries multiply.
# - Gone: hits become reads. Decide beforehand who gets an error.
#
# **Next**: [09 Your own traffic](09-your-own-traffic.ipynb).
#
# **And two to think about.** Why does an open breaker let one command try first, instead of closing after a minute? And the hit rate rises from 80 to 95 %: is the service more robust?
#
# <details><summary>Answers</summary>
#
# After a minute the server may still be gone, and then every thread waits again; one try costs one wait. And no: without Redis the origin then gets 20 times as many reads, not 5.
#
# </details>
