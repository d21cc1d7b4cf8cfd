# %% [markdown]
# # 07 Lightweight coordination: what else can one atomic command do?
#
# **You will see** a limit of 100 that lets 800 calls through, bursts that beat three of four limiters, a mail sent twice and one never sent, and a hot key that sends everybody to the origin, the database.
# **Time** 60 minutes with the exercises. **You need** Python; the Redis server comes with this notebook.
#
# One atomic command can decide for a whole fleet: may this call pass, has this been done, who does it. `[here: ...]` marks what belongs to your machine. After your own changes, an `AssertionError` only means that the text
# no longer fits.
#
# **First say what you believe:**

# %%
import inspect
import json
import math
from bisect import bisect_right
from collections import Counter
from functools import partial
from uuid import uuid4

import numpy as np
import pandas as pd

from labsupport import CourseCatalog, in_lab_time, rush, serve_in_lab_time, start_lab
from labsupport.coordination import hotkey
from labsupport.explorers import LIMITERS, LimiterPicture, explore
from labsupport.figures import (
    bars, board, board_figure, by_instance_let, costs, deliveries, holders, let_through, measured_bars, panels, show,
    stampede,
)
from labsupport.lessons import check_allow, check_marker, check_release, hint, judge, predict, quiz

lab = start_lab("07")
print(lab.describe())
predict("burst-through")

# %% [markdown]
# ## A limit in each instance
#
# A customer may call our API 100 times a minute. A **fixed window** counts the calls of each minute and refuses what is above 100. Each of our four instances has such a counter, and the load balancer deals out the calls in
# turn. The customer calls 400 times in one second. How many pass?

# %%
class PrivateWindow:
    """A fixed window in one process: how many calls each window has seen."""

    def __init__(self):
        self.counts = Counter()

    def allow(self, now, limit, seconds):
        self.counts[now // seconds] += 1
        return self.counts[now // seconds] <= limit


def through_four_windows(calls):
    """The calls (moments in seconds) that pass four private windows, dealt out in turn."""
    windows = [PrivateWindow() for _ in range(4)]
    return [at for i, at in enumerate(calls) if windows[i % 4].allow(at, limit=100, seconds=60)]


one_second = [59 + i / 400 for i in range(400)]  # the last second of a minute
passed = through_four_windows(one_second)
print(f"{len(passed)} of {len(one_second)} calls pass four private windows")
assert len(passed) == 4 * 100

# %% [markdown]
# All of them: each instance saw 100. Four private limiters let through four times the limit.
#
# ## The same window on Redis
#
# `INCR` counts for all. The number of the minute is part of the key, so each minute begins at 0, and `EXPIRE` only clears away the old ones; MULTI makes both one step. `now` is lab time and comes as an argument. In production
# a script may ask Redis (`TIME`), one clock for all instances; here that clock would not follow the lab's:

# %%
def fixed_window(redis, name, now, limit, seconds):
    window = f"{name}:{now // seconds:.0f}"
    with redis.pipeline(transaction=True) as pipe:
        pipe.incr(window)
        pipe.expire(window, seconds)
        count, _ = pipe.execute()
    return count <= limit

# %% [markdown]
# Now **aim**: 400 calls in the last second of a minute, 400 in the first of the next.

# %%
def through(limiter, calls):
    """The calls that pass a limiter: a real Redis, one name for all instances, in lab time."""
    lab.reset()
    name, *_ = [lab.keys.name(f"{limiter.__name__}{window}") for window in ("", ":0", ":1", ":2")]  # all it may write
    return [at for at in in_lab_time(lab.clock, calls) if limiter(lab.redis, name, at, limit=100, seconds=60)]


def bytes_held():
    """What Redis then keeps for this one customer."""
    return sum(lab.redis.memory_usage(key, samples=0) or 0 for key in lab.keys.handed_out)


burst = one_second + [60 + i / 400 for i in range(400)]
passed = through(fixed_window, burst)
figure, (ax,) = panels(height=1.5)
ax.set_title("Twice the limit within two seconds")
show(figure, judge(ax, "burst-through", measured=len(passed), law=2 * 100))
one_window = [at for at in passed if at < 60]
assert len(passed) == 200 and len(one_window) == 100

# %% [markdown]
# One second is held to 100. Two seconds, aimed at the boundary, get 200 through: two windows, each within its limit, the worst case of any fixed window. A limiter without that gap must remember *when* the calls came.
#
# ## The sliding log
#
# A sorted set holds the moment of every call that passed. What is 60 seconds old goes; if fewer than 100 are left, the call passes and is added. To look and to add must be one step, or two instances both see 99. Hence a script:

# %%
LOG = """
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', ARGV[1])
if redis.call('ZCARD', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
redis.call('ZADD', KEYS[1], ARGV[3], ARGV[4])
redis.call('EXPIRE', KEYS[1], ARGV[5])
return 1
"""


def sliding_log(redis, name, now, limit, seconds):
    call = str(uuid4())  # two calls may come at the same moment
    return bool(redis.eval(LOG, 1, name, now - seconds, limit, now, call, seconds))


passed = through(sliding_log, burst)
entries, log_bytes = lab.redis.zcard(lab.keys.name("sliding_log")), bytes_held()
print(f"the log: {len(passed)} of {len(burst)} calls pass; Redis keeps {entries} entries, [here: {log_bytes:,} bytes]")
assert len(passed) == entries == 100

# %% [markdown]
# Exactly 100, but with 100 entries for each customer. Can two numbers do it?
#
# ## The sliding counter
#
# Keep the counts of two windows. Twelve seconds into a minute, 48 of the last 60 seconds lie in the one before, so 48/60 of its calls still count, as if they had come evenly:

# %%
TWO_WINDOWS = """
local count = tonumber(redis.call('GET', KEYS[1]) or 0)
local before = tonumber(redis.call('GET', KEYS[2]) or 0)
if before * ARGV[1] + count >= tonumber(ARGV[2]) then return 0 end
redis.call('INCR', KEYS[1])
redis.call('EXPIRE', KEYS[1], ARGV[3])
return 1
"""


def sliding_counter(redis, name, now, limit, seconds):
    window, into = divmod(now, seconds)
    keys = [f"{name}:{window:.0f}", f"{name}:{window - 1:.0f}"]  # a cluster needs a hash tag
    return bool(redis.eval(TWO_WINDOWS, 2, *keys, 1 - into / seconds, limit, 2 * seconds))


passed = through(sliding_counter, burst)
print(f"the counter: {len(passed)} of {len(burst)} calls pass; Redis keeps two numbers, [here: {bytes_held()} bytes]")
assert len(passed) == 102 and log_bytes > 10 * bytes_held()

# %% [markdown]
# ## The token bucket
#
# A bucket holds 100 tokens, a call takes one, and 100 a minute flow in: each call works out what has come since the last one that passed.

# %%
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


def token_bucket(redis, name, now, limit, seconds):
    return bool(redis.eval(BUCKET, 1, name, now, limit, seconds))


passed = through(token_bucket, burst)
print(f"the bucket: {len(passed)} of {len(burst)} calls pass; Redis keeps two numbers, [here: {bytes_held()} bytes]")
assert len(passed) == 103 and log_bytes > 10 * bytes_held()  # 100 tokens, and what flows in meanwhile

# %% [markdown]
# Both look like cures. But a customer may also go on: after the burst, two calls a second for a minute. What are the worst 60 seconds of each limiter then?

# %%
def worst_minute(passed):
    """The most calls that passed in any 60 seconds."""
    return max(i + 1 - bisect_right(passed, at - 60) for i, at in enumerate(passed))


steady = [61 + i / 2 for i in range(120)]
passed = {"private windows": through_four_windows(burst + steady)}
for limiter in (fixed_window, sliding_log, sliding_counter, token_bucket):
    passed[limiter.__name__.replace("_", " ")] = through(limiter, burst + steady)
worst = [
    {name: worst_minute([at for at in moments if at < end]) for name, moments in passed.items()}
    for end in (61, 121)  # the burst alone; and what followed
]

figure, axes = panels(2, width=10, height=2.9)
axes[0].set_title("Aimed: 8 times the limit, twice, about once")
axes[1].set_title("And going on: only the log holds")
findings = [let_through(ax, counts, limit=100, private="private windows") for ax, counts in zip(axes, worst)]
show(figure, f"The worst 60 s of the burst: {findings[0]} And going on: {findings[1]}")
assert list(worst[0].values()) == [800, 200, 100, 102, 103]
assert list(worst[1].values()) == [800, 200, 100, 198, 199]

# %% [markdown]
# Private windows: four times twice the limit. The counter takes the burst for calls spread over the whole minute and forgives 100/60 of them each second: 98 more in the end. The bucket does what it says: 100 at once, and 100 a minute, which is fine where bursts are welcome. The log is
# exact, and takes more than ten times the memory. In production take a library: on Redis, Python's `limits` has all but the bucket.

# %% [markdown]
# ### Exercise 1: limit a customer's calls (8 minutes)
#
# Write `allow(redis, name, limit, seconds)`: True for the first `limit` calls, then False until `seconds` after the first of them; then it begins anew. It needs no
# clock: let Redis' expiry end the window. Two instances may call at once; between two commands a process may die or the window end. (`hint("allow")`)

# %% tags=["exercise"]
def allow(redis, name, limit, seconds):
    ...


check_allow(allow)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def allow_in_one_step(redis, name, limit, seconds):
    with redis.pipeline(transaction=True) as pipe:
        _, count = pipe.set(name, 0, nx=True, ex=seconds).incr(name).execute()
    return count <= limit


check_allow(allow_in_one_step)

# %% [markdown]
# ## One event, three deliveries
#
# A learner enrols, and a queue hands the event to an instance, which sends a mail. Without an acknowledgement the queue delivers again. This one comes to A at second 0, to B at 30, to C at 90. How many mails?

# %%
event, comes = "enrolment:7f3a", {0: "A", 30: "B", 90: "C"}
seen = {instance: set() for instance in "ABCD"}


def not_in_own_set(instance):
    new = event not in seen[instance]
    seen[instance].add(event)
    return new


def marked(instance):
    return lab.redis.set(lab.keys.name(f"seen:{event}"), instance, nx=True, ex=300)


def mails(is_new):
    lab.reset()
    return sum(bool(is_new(comes[at])) for at in in_lab_time(lab.clock, comes))


rules = {"no marker": lambda _: True, "a set in each instance": not_in_own_set, "a marker on Redis": marked}
sent = {rule: mails(is_new) for rule, is_new in rules.items()}
print(", ".join(f"{rule}: {count}" for rule, count in sent.items()))
assert list(sent.values()) == [3, 3, 1]

# %% [markdown]
# `SET ... NX EX` looks, marks and sets the deadline in one command. How long must the marker live? Two TTLs, first while all goes well; then A dies after it has marked the event, before the mail. The third
# row has two stages: `in work` for 20 s, and after the mail `done` for 300 s.

# %%
def deliver(ttl, done=None, dies=False):
    """What becomes of each delivery, and how long the marker then lives; `dies`: A, after it marked."""
    lab.reset()
    marker, run = lab.keys.name(f"seen:{event}"), []
    for at in in_lab_time(lab.clock, comes):
        fate = "refused"
        if lab.redis.set(marker, "in work", nx=True, ex=ttl):
            fate = "dies" if dies and comes[at] == "A" else "mail"
        if fate == "mail" and done:
            lab.redis.set(marker, "done", ex=done)
        run.append((at, fate, lab.redis.ttl(marker)))
    return pd.DataFrame(run, columns=["at", "fate", "left"])


rules = {"60 s": (60, None), "300 s": (300, None), "20 s, 300 s": (20, 300)}
well, died = ({name: deliver(*rule, dies=dies) for name, rule in rules.items()} for dies in (False, True))

figure, axes = panels(2, width=10, height=3)
axes[0].set_title("All goes well: 60 s is too short")
axes[1].set_title("A dies before the mail: 300 s is too long")
findings = [deliveries(ax, runs, end=120) for ax, runs in zip(axes, (well, died))]
show(figure, f"All goes well: {findings[0]}. A dies: {findings[1]}.")
sent = [[run.loc[run["fate"] == "mail", "at"].tolist() for run in runs.values()] for runs in (well, died)]
assert sent == [[[0, 90], [0], [0]], [[90], [], [30]]]
assert 50 * 24 * 3600 == 4_320_000  # markers: events a second times TTL

# %% [markdown]
# Too short, and the last delivery finds the marker gone. Too long, and the marker of a dead process refuses everybody: 60 s makes the mail 90 s late, 300 s prevents it. Long ones also pile up, events a second times TTL: 50 a second for a
# day are 4,320,000. Two stages survive both: a short claim, longer than the work takes, then a long memory. Who finds `in work` must not acknowledge, or the event dies with A. One gap is left: whoever dies between mail and `done` causes a second mail. "Exactly once" needs mark and
# work in one transaction, and a mail joins none.

# %% [markdown]
# ### Exercise 2: how long must the marker live? (3 minutes)
#
# Without an acknowledgement a queue delivers an event again after 30 s, then after another 60 s, 120 s and 240 s, and then gives up. Whoever gets the first delivery sets the marker at once (`SET ... NX EX`); no later one renews
# it. For how many whole seconds must it live, at least, so that no delivery finds it gone? (`hint("marker")`)

# %% tags=["exercise"]
seconds = None
check_marker(seconds)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
# The last delivery comes 450 s after the first, and at 450 s a marker of 450 s is gone.
check_marker(30 + 60 + 120 + 240 + 1)

# %% [markdown]
# ## The hot key: what does one expiry cost?
#
# A course that everybody asks for expires. And ten reports wait for one lock. What do you expect?

# %%
predict("stampede-reads", "slow-report")

# %% [markdown]
# Each request is a generator here: `yield 2` lets two seconds of lab time pass for it, while others are served. `yield from` runs another generator, such as `fill`, as part of it:

# %%
course, origin, TTL, QUERY = lab.keys.name("course:204"), CourseCatalog(), 20, 2


def cached():
    answer = lab.redis.get(course)
    return answer and json.loads(answer)


def fill(query=QUERY, ttl=TTL, grace=0):
    """One read at the origin, then SET; the answer says until when it is good."""
    answer = json.loads(origin.read("course:204"))
    yield query
    answer["until"] = lab.clock.now() + ttl
    lab.redis.set(course, json.dumps(answer), ex=ttl + grace)
    return answer


def unprotected(number, query=QUERY, ttl=TTL):
    return cached() or (yield from fill(query, ttl))

# %% [markdown]
# Now queries of three lengths. A TTL of 3 seconds gives many expiries:

# %%
arrivals = np.random.default_rng(7).exponential(1 / 5, 700).cumsum()  # five a second, at random moments
per_expiry, before = {}, origin.reads
for query in (0.5, 1, 2):
    lab.reset()
    log = serve_in_lab_time(lab.clock, arrivals, partial(unprotected, query=query, ttl=3))
    readers = log.loc[log["waited"] > 0, "at"]
    per_expiry[query] = readers.groupby((readers.diff() > query).cumsum()).count().tolist()

figure, (ax,) = panels(height=3)
ax.set_title("Whoever comes during the query reads, too")
show(figure, stampede(ax, per_expiry, rate=5))
figure, (ax,) = panels(height=1.5)
ax.set_title("One expiry, a query of 2 s")
show(figure, judge(ax, "stampede-reads", measured=np.mean(per_expiry[2]), law=1 + 5 * 2))
assert origin.reads - before == sum(map(sum, per_expiry.values()))
for query, reads in per_expiry.items():
    assert abs(np.mean(reads) - (1 + 5 * query)) < 4 * math.sqrt(5 * query / len(reads))  # four standard errors

# %% [markdown]
# A **stampede**: one request finds nothing and reads, and so does everybody who comes during its query: five a second for two seconds, ten more.
#
# ## Single-flight: one reads, the others wait
#
# `SET lock token NX EX 5` succeeds for one only: it holds the **lock**, for a **lease** of five seconds. The **token** tells whose it is. The holder reads, fills and deletes the lock. The others look again four times a second, and give up after ten seconds:

# %%
lock = lab.keys.name("course:204:lock")


def delete_lock(redis, name, token):
    redis.delete(name)


def single_flight(number, lock=lock, lease=5, release=delete_lock):
    token = f"request {number}"  # in production a random one
    for _ in range(40):
        if answer := cached():
            return answer
        if lab.redis.set(lock, token, nx=True, ex=lease):
            answer = cached() or (yield from fill())
            release(lab.redis, lock, token)
            return answer
        yield 0.25


reads_per_expiry = {}
for name, way in {"unprotected": unprotected, "single-flight": single_flight}.items():
    lab.reset()
    before = origin.reads
    log = serve_in_lab_time(lab.clock, arrivals[arrivals < TTL], way)
    reads_per_expiry[name] = origin.reads - before
    waited = log.loc[log["waited"] > 0, "waited"]
    print(f"{name}: reads {reads_per_expiry[name]}; {len(waited)} requests waited {waited.mean():.2f} s on average")
    assert len(waited) == reads_per_expiry["unprotected"] and log["returned"].notna().all()
assert reads_per_expiry["single-flight"] == 1

# %% [markdown]
# One read. The others wait for a query that began before they came, so they wait less. (The holder looks once more before it reads: between its GET and its SET another holder may have come and gone.)
#
# ## Two ways to lock everybody out
#
# A lock without an expiry, whose first holder dies during its query. And a lock under the name of the data:

# %%
def first_dies(number, lease):
    flight = single_flight(number, lease=lease)
    if number > 0:
        return (yield from flight)
    yield next(flight)  # it has the lock, its query runs, and here its process ends


def same_name(number):
    try:
        return (yield from single_flight(number, lock=course))
    except json.JSONDecodeError:
        return None  # what it read is no course


first = arrivals[arrivals < 5]
mistakes = {"no expiry": partial(first_dies, lease=None), "lease of 5 s": partial(first_dies, lease=5), "same name": same_name}
answered = {}
for name, way in mistakes.items():
    lab.reset()
    log = serve_in_lab_time(lab.clock, first, way)
    answered[name] = int(log["returned"].notna().sum())
    print(f"{name}: {answered[name]} of {len(log)} requests were answered; the longest waited {log['waited'].max():.1f} s")
    assert name != "no expiry" or lab.redis.ttl(lock) == -1  # for ever
lab.reset()
assert answered == {"no expiry": 0, "lease of 5 s": len(log) - 1, "same name": 0}

# %% [markdown]
# Without an expiry all wait for the dead. A lease lets the next one take over. And under one name everybody finds a token where a course should be, even the holder at its second look.
#
# ## The third mistake: deleting what is not yours
#
# Ten reports of 3 seconds, one at a time, under a lock with a lease of 4. The first happens to take 5:

# %%
def report(number, release):
    token = f"report {number}"
    while not lab.redis.set(lock, token, nx=True, ex=4):
        yield 1
    began = lab.clock.now()
    yield 5 if number == 0 else 3
    release(lab.redis, lock, token)
    return began, lab.clock.now()


def ten_reports(release):
    lab.reset()
    return serve_in_lab_time(lab.clock, [0] * 10, partial(report, release=release))["returned"].tolist()


deleted = ten_reports(delete_lock)
figure, (ax,) = panels(height=2.5)
ax.set_title("One report was slow, and now two run at a time")
show(figure, holders(ax, deleted, "report"))
figure, (ax,) = panels(height=1.9)
ax.set_title("After one slow report")
overlaps = sum(began < ended for (_, ended), (began, _) in zip(deleted, deleted[1:]))  # of one and the next
show(figure, judge(ax, "slow-report", measured="all" if overlaps == 9 else "second" if overlaps else "none"))
assert overlaps == 9 and deleted[:4] == [(0, 5), (4, 7), (5, 8), (7, 10)]

# %% [markdown]
# At 4 s the lease of report 0 ends, and report 1 takes the lock. At 5 s report 0 deletes a lock that is no longer its own. So report 2 begins beside report 1, which then deletes the lock of report 2, and so on.
#
# ### Exercise 3: give back the lock, if it is yours (8 minutes)
#
# Write `release(redis, name, token)`: delete the lock under `name` if it still holds your token, and leave it alone otherwise. Return True if you deleted it, else False. It must be right in every order with another
# instance, also if the lease runs out in the middle of it. (`hint("release")`)

# %% tags=["exercise"]
def release(redis, name, token):
    ...


check_release(release)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
RELEASE = "if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end return 0"


def release_in_one_script(redis, name, token):
    return redis.eval(RELEASE, 1, name, token) == 1


check_release(release_in_one_script)

# %% [markdown]
# GET and DEL as two commands leave the old gap; as one script they are **compare-and-delete**. The ten reports with it:

# %%
COMPARE_AND_DELETE = """
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
"""


def compare_and_delete(redis, name, token):  # newer servers have a command: DELIFEQ (Valkey 9), DELEX (Redis 8.4)
    return redis.eval(COMPARE_AND_DELETE, 1, name, token) == 1


compared = ten_reports(compare_and_delete)
lab.reset()
figure, (ax,) = panels(height=2.5)
ax.set_title("Compare and delete: soon one at a time again")
show(figure, holders(ax, compared, "report"))
assert [began < ended for (_, ended), (began, _) in zip(compared, compared[1:])] == [True] + 8 * [False]

# %% [markdown]
# The lease still ended too early, so two reports overlap for a second. But it stays with these two.
#
# ## Refresh early, or serve stale
#
# Must the others wait? **XFetch** throws dice: the nearer the end, the likelier a request refreshes, while the old answer is still good. **Serve-stale** keeps an answer half a minute past its TTL: the first to find it old refreshes it under the lock, the others take it as it is.

# %%
def xfetch(number, beta=1):
    """Vattani, Chierichetti, Lowenstein (VLDB 2015); a larger beta refreshes earlier."""
    answer = cached()
    if answer and arrivals[number] - beta * QUERY * math.log(dice.random()) < answer["until"]:
        return answer
    return (yield from fill())


def serve_stale(number):
    answer = cached()
    if answer and arrivals[number] < answer["until"]:
        return answer
    token = f"request {number}"
    if lab.redis.set(lock, token, nx=True, ex=5):
        answer = yield from fill(grace=30)
        compare_and_delete(lab.redis, lock, token)
    return answer or (yield from single_flight(number, release=compare_and_delete))

# %% [markdown]
# Two minutes of the same requests, each time from an empty cache on:

# %%
single = partial(single_flight, release=compare_and_delete)
ways = {"unprotected": unprotected, "single-flight": single, "XFetch": xfetch, "serve-stale": serve_stale}
lived = {}
for name, way in ways.items():
    lab.reset()
    before, dice = origin.reads, np.random.default_rng(7)
    log = serve_in_lab_time(lab.clock, arrivals[arrivals < 120], way)
    past = log["at"] + log["waited"] >= [answer["until"] for answer in log["returned"]]
    lived[name] = [origin.reads - before, round(log["waited"].sum()), past.sum()]
lab.reset()
lived = pd.DataFrame(lived, ["reads at the origin", "seconds waited in all", "answers past their TTL"]).T

figure, axes = panels(3, width=10, height=2.1)
figure.suptitle("Whoever comes during a query reads, or waits, or gets an old answer", x=0.01, ha="left", fontsize=11)
show(figure, costs(axes, lived))
reads, waits, old = (lived[column] for column in lived)
assert reads.idxmin() in ("single-flight", "serve-stale") and reads["single-flight"] < reads["XFetch"] < reads["unprotected"] / 2
assert waits["serve-stale"] < waits["XFetch"] < waits["single-flight"] < waits["unprotected"]
assert old["serve-stale"] > 50 and old.sum() == old["serve-stale"]

# %% [markdown]
# Unprotected they read, under single-flight they wait. With XFetch a few read, and it refreshes earlier, so more often. With serve-stale the others get answers past their TTL: stale for longer than it allows.
#
# ## Real processes
#
# In lab time the requests took turns. Real processes do not. Three ask at once for a course that is not cached; a query takes 20 ms. Three expiries in each way; the last is redis-py's own lock, with compare-and-delete inside:

# %% tags=["measured"]
print("\n".join(map(inspect.getsource, [hotkey.unprotected, hotkey.single_flight, hotkey.library_lock])))
rounds = rush(lab.address, lab.keys, list(hotkey.WAYS), processes=3, rounds=3, query=0.02)
reads = {way.replace("_", " "): sum(of_each) for way, of_each in rounds.items()}

figure, (ax,) = panels(height=1.8)
ax.set_title("Under a lock, three expiries cost three reads")
roles = {"single flight": "shared", "library lock": "shared"}
show(figure, f"Reads in three expiries: {measured_bars(ax, reads, roles, exact=roles)}")
assert rounds["single_flight"] == rounds["library_lock"] == [1] * 3
assert all(1 <= of_each <= 3 for of_each in rounds["unprotected"])

# %% [markdown]
# ## What this lock does not promise
#
# It saves work; it does not guard what must not happen twice. Its lease can end while the holder still believes in it, as with report 0. And Redis copies itself to a replica a little later: one that takes over may not know the lock. Redlock, a lock on several servers, answers only the second. Where a second holder does harm, the storage has to refuse it: by
# a **fencing token**, a number that grows with each holder and is checked at each write; by a unique constraint or a transaction in the database; or with a consensus system such as etcd or ZooKeeper, whose numbers can be such tokens. To read: Gray and Cheriton, *Leases* (SOSP 1989); Burrows, *The Chubby lock service* (OSDI 2006), on
# sequencers; Kleppmann, *How to do distributed locking* (2016); *Distributed locks with Redis* in Redis' documentation.

# %% [markdown]
# ## Your own burst
#
# How must a burst lie, to get the most through? One case first:

# %%
picture = LimiterPicture(lab.redis, lab.keys)
show(*picture(limiter="sliding_counter", begins=45))

# %% [markdown]
# Each move puts every call to the real server. Which limiter lets twice the limit through without any boundary? And when is the sliding counter weakest?

# %%
explore(
    picture,
    limiter=list(LIMITERS),
    begins=("begins at second", (0, 59)),
    lasts=("lasts (s)", (1, 60)),
    calls=(20, 300, 20),
    limit=(20, 200, 20),
)

# %% [markdown]
# ## The board: one decision for all
#
# 400 calls in one second, markers and hot key, from above:

# %%
moments = {"a limiter each": through_four_windows(one_second), "one on Redis": one_window}
let = {name: [len({*one_second[i::4]}.intersection(passed)) for i in range(4)] for name, passed in moments.items()}
lives = {"60 s": well["60 s"], "300 s, A dies": died["300 s"], "20 s, 300 s, A dies": died["20 s, 300 s"]}

figure, axes = board_figure()
axes[0].set_title("1  A limiter each: four times the limit")
axes[1].set_title("2  A marker lives too short, too long")
axes[2].set_title("3  Single-flight: one reads for all")
axes[2].set_xlabel("reads at the origin, one expiry")
show(figure, board("one atomic command decides", [
    by_instance_let(axes[0], let, limit=100),
    deliveries(axes[1], lives, end=120),
    "reads at the origin, " + bars(axes[2], reads_per_expiry, {"single-flight": "shared"}, form="{:.0f}").rstrip("."),
]))
assert list(map(sum, let.values())) == [400, 100] and reads_per_expiry["single-flight"] == 1

# %% [markdown]
# ## One question

# %%
quiz("locked-out")

# %% [markdown]
# ## Summary
#
# - What a fleet decides together is decided where all can see it, in one atomic step: INCR, `SET ... NX EX`, a script.
# - Every limiter but the log has a burst that beats it.
# - A hot key's lock needs an expiry, a name of its own and compare-and-delete. It saves work and guards nothing.
# - A marker must outlive the last repetition; after a crash that is too long. Two stages give you both.
#
# **Next**: [08 Redis as a dependency](08-redis-as-a-dependency.ipynb), slow, full or gone.

# %% [markdown]
# ## And two to think about
#
# The fixed window counts refused calls as well. Would more get through if it did not? And a colleague wants one marker of 20 s, renewed every 10 s by whoever is at work. What does that solve?
#
# <details><summary>Answers</summary>
#
# No: a call is refused when 100 have passed, and the next minute has its own counter. The renewal lets work take its time and frees the event 20 s after a crash. But once the work is done, the marker must still outlive the last
# repetition.
#
# </details>
#
# The server stays as long as this kernel; `lab.close()` ends it.
