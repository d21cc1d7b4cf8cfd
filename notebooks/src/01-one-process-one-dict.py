# %% [markdown]
# # 01 One process, one dict: what does a cache buy one process?
#
# **You will see** a cache of twenty lines answer four of five requests, what a longer TTL buys, and for how long a cache can be wrong.
# **Time** 35 minutes with the exercises. **You need** Python; no Redis yet.
#
# A line that begins with `assert` checks a number of the text. If you change an experiment, an `AssertionError` only means that the text no longer fits what you ran. A
# value in `[here: ...]` belongs to your machine.

# %%
import json
import timeit

import numpy as np
import pandas as pd

from labsupport import Clock, CourseCatalog, Fleet, simulate, zipf_traffic
from labsupport.figures import board, board_figure, counters, curves, hit_rates, lanes, panels, running_reads, show
from labsupport.lessons import check_cache, check_staleness, check_ttl_for_rate, hint, judge, predict, quiz
from labsupport.model import expected_hit_rate, hit_rate_law
from labsupport.origin import QUERY

# %% [markdown]
# ## What does one answer cost?
#
# Our platform shows course pages, and every page asks the **source of truth** for the course; the code calls it the **origin**. It is a real SQL query over two
# tables:

# %%
print(QUERY)
catalog = CourseCatalog()
json.loads(catalog.read("course:204"))

# %% [markdown]
# The process could remember the answer in a dict instead. How many times faster is a look-up in a dict than the query? Five times? Fifty? (`peek` runs the same query as `read`
# without counting it.)

# %%
remembered = {"course:204": catalog.peek("course:204")}
query_seconds = min(timeit.repeat(lambda: catalog.peek("course:204"), number=200, repeat=5)) / 200
dict_seconds = min(timeit.repeat(lambda: remembered.get("course:204"), number=20_000, repeat=5)) / 20_000
ratio = query_seconds / dict_seconds
print(f"the query takes [here: {1e6 * query_seconds:.1f} µs], the dict is [here: {ratio:.0f}] times as fast")
assert ratio > 20

# %% [markdown]
# More than twenty times, and this database sits in our own process. One on another machine takes far longer, and it answers everybody. So what a cache saves first is
# not time but **reads at the origin**. From here on we count those.

# %% [markdown]
# ## Twenty lines
#
# A dict that remembers for ever would serve yesterday's title for ever. So each entry gets a **TTL**, a time to live in seconds. The clock is passed in: it is the
# lab's clock, which stands still until we move it, so nobody has to wait.

# %%
class LocalCache:
    """One process's private dict: it expires entries but never hears about other writers."""

    def __init__(self, ttl, clock):
        self.ttl, self.clock, self._entries = ttl, clock, {}

    def set(self, key, value):
        self._entries[key] = (value, self.clock.now() + self.ttl)

    def get(self, key):
        value, expires = self._entries.get(key, (None, 0.0))
        return value if self.clock.now() < expires else None


# %% [markdown]
# The rule for using it is called **cache-aside**: ask the cache; if it does not know, ask the origin and tell the cache.

# %%
def serve(cache, origin, key):
    value = cache.get(key)
    if value is None:
        value = origin.read(key)
        cache.set(key, value)
    return value


# %% [markdown]
# The first request must be a miss, the second should be a hit. Does the catalogue's counter agree?

# %%
clock, catalog = Clock(), CourseCatalog()
cache = LocalCache(ttl=30, clock=clock)
serve(cache, catalog, "course:204")
serve(cache, catalog, "course:204")
assert catalog.reads == 1

# %% [markdown]
# It does: two requests, one read. Now to the edge. Is an entry still there after 29 seconds? After 30?

# %%
cache.set("course:204", b"fresh")
clock.advance(29)
assert cache.get("course:204") == b"fresh"  # inside the TTL
clock.advance(1)
assert cache.get("course:204") is None  # the very second it is over counts as expired

# %% [markdown]
# ### A trap in one word
#
# `serve` asks `is None`. Many write `if not value`, which looks the same. What does it do with an answer that is empty? Here is an origin for the
# notes on a course. Course 204 has none. Five requests, once with `serve` and once with the careless version. How many reads each?

# %%
class Notes:
    reads = 0

    def read(self, key):
        self.reads += 1
        return b""


def careless_serve(cache, origin, key):
    value = cache.get(key)
    if not value:
        value = origin.read(key)
        cache.set(key, value)
    return value


reads = {}
for ask in (serve, careless_serve):
    notes, notes_cache = Notes(), LocalCache(ttl=30, clock=clock)
    for _ in range(5):
        ask(notes_cache, notes, "notes:204")
    reads[ask.__name__] = notes.reads
print(reads)
assert reads == {"serve": 1, "careless_serve": 5}

# %% [markdown]
# An empty answer is an answer. With `if not` it is never a hit, and the busiest empty page reads the origin every time. The same happens to a cached `0` or `False`.

# %% [markdown]
# ### Exercise 1: a cache of your own (8 minutes)
#
# Write the class again, without looking. `set(key, value)` keeps a value for `ttl` seconds of `clock`, `get(key)` returns it, or `None` if there is nothing or its time is over. It is tried in a real fleet. `hint("cache")` helps.

# %% tags=["exercise"]
class MyCache:
    def __init__(self, ttl, clock):
        ...

    def set(self, key, value):
        ...

    def get(self, key):
        ...


check_cache(MyCache)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
class DeadlineCache:
    def __init__(self, ttl, clock):
        self.ttl, self.clock, self.entries = ttl, clock, {}

    def set(self, key, value):
        self.entries[key] = (self.clock.now() + self.ttl, value)

    def get(self, key):
        if key in self.entries:
            expires, value = self.entries[key]
            if self.clock.now() < expires:
                return value
        return None


check_cache(DeadlineCache)

# %% [markdown]
# ## Ten minutes of traffic
#
# 12,000 requests in ten minutes for 500 courses, a few of them very popular. `Fleet` serves them just as `serve` does, with the cache that its `cache` function returns: the class
# that you have just read.

# %%
traffic = zipf_traffic(requests=12_000, courses=500, skew=1.0, rate=20, seed=204)
clock = Clock()
fleet = Fleet(1, cache=lambda: LocalCache(60, clock), origin=CourseCatalog(), clock=clock)
log = fleet.replay(traffic)

# %% [markdown]
# With a TTL of 60 seconds, how many of them still reach the origin?

# %%
predict("origin-reads")

# %% [markdown]
# The law drawn beside your prediction comes in the next section.

# %%
misses = log[~log["hit"]]
rates = traffic["key"].value_counts() / traffic["at"].iloc[-1]
figure, (ax,) = panels(height=1.5)
ax.set_title("One request in five reaches the origin")
show(figure, judge(ax, "origin-reads", measured=100 * len(misses) / len(log), law=100 - 100 * expected_hit_rate(rates, 60), role="private"))
assert fleet.origin.reads == len(misses) and 0.79 < log["hit"].mean() < 0.81

# %%
figure, (ax,) = panels()
ax.set_title("Twenty lines spare the origin four reads in five")
show(figure, running_reads(ax, {"no cache": (log["at"], "origin"), "one dict": (misses["at"], "private")}))
by_minute = np.histogram(misses["at"], bins=range(0, 601, 60))[0]
assert by_minute.argmax() == 0

# %% [markdown]
# The dict's line is steepest in the first minute, when everything is new, and flatter from then on. It never goes flat: entries expire, and each one that is wanted again
# costs a read.

# %% [markdown]
# ## Which courses gain?
#
# Popular ones, surely. But how popular is popular? There is a law. A miss fills the entry. In the TTL that follows, x = L*T more requests come on average, for a course that
# is asked for L times a second with a TTL of T seconds, and all of them are hits. That makes x hits for each miss, a hit rate of **x / (1 + x)**.
#
# Does it hold? Take single courses, from the favourite down to popularity rank 128.

# %%
predict("rank-128")

# %% [markdown]
# 400,000 requests, the same courses. `simulate` is the same fleet as arithmetic: no cache, no database, but the same hit or miss for every request. The last line proves it on the run above,
# request by request:

# %%
ranks = [1, 2, 4, 8, 16, 32, 64, 128]
courses = [f"course:{203 + rank}" for rank in ranks]  # course:204 is the favourite, then 205, 206 ...
long_run = zipf_traffic(requests=400_000, courses=500, skew=1.0, rate=20, seed=204)
long_run["hit"] = simulate(long_run, 1, ttl=60)
by_course = long_run.groupby("key", observed=True)["hit"].agg(["mean", "size"]).loc[courses]
law = [hit_rate_law(size / long_run["at"].iloc[-1], ttl=60) for size in by_course["size"]]
assert (simulate(traffic, 1, ttl=60) == log["hit"]).all()

# %%
figure, (ax,) = panels()
ax.set_title("The favourite nearly always hits, rank 128 six in ten")
ax.set(xscale="log", xlabel="popularity rank of the course")
measured = by_course["mean"].tolist()
show(figure, curves(ax, ranks, {"measured": (measured, "private")}, {"measured": law}, of="rank"))
assert measured[0] > 0.99 and 0.58 < measured[-1] < 0.62
assert max(abs(a - b) for a, b in zip(measured, law)) < 0.01
figure, (ax,) = panels(height=1.5)
ax.set_title("Rank 128: six in ten")
show(figure, judge(ax, "rank-128", measured=100 * measured[-1], law=100 * law[-1], role="private"))

# %% [markdown]
# The dashed law runs through every dot. A cache is a bet that the same question comes again *within the TTL*, and popular courses win it more often.

# %% [markdown]
# ## How long should the TTL be?
#
# Then a longer TTL is always better? Double it again and again, from 5 seconds on, all courses together.

# %%
predict("double-ttl")

# %% [markdown]
# (Lab time moves in whole seconds, which shortens a TTL by half a second on average. The law drawn here takes that into account.)

# %%
ttls = [5, 10, 20, 40, 80, 160, 320, 640]
by_ttl = [simulate(long_run, 1, ttl=ttl).mean() for ttl in ttls]
per_course = long_run["key"].value_counts() / long_run["at"].iloc[-1]
by_law = [expected_hit_rate(per_course, ttl) for ttl in ttls]

figure, (ax,) = panels()
ax.set_title("Each doubling of the TTL buys less than the one before")
ax.set(xscale="log", xlabel="TTL (s), doubled from dot to dot")
show(figure, curves(ax, ttls, {"measured": (by_ttl, "private")}, {"measured": by_law}, of="TTL"))
gains = np.diff(by_ttl)
assert (np.diff(gains) < 0).all() and (gains > 0).all()
assert max(abs(a - b) for a, b in zip(by_ttl, by_law)) < 0.01

# %%
doubled = [str(ttl) for ttl in ttls[:-1]]
figure, (ax,) = panels(height=1.5)
ax.set_title("The first doubling gains most")
show(figure, judge(ax, "double-ttl", measured=doubled[gains.argmax()], law=doubled[np.diff(by_law).argmax()], role="private"))

# %% [markdown]
# Longer is better for the hit rate, less and less. What does it cost? So far nothing could go wrong, because the origin never changed.

# %% [markdown]
# ### Exercise 2: a TTL for nine in ten (5 minutes)
#
# A course is asked for every 4 seconds on average. Which TTL, in seconds, gives it a hit rate of 90 %? Put a number in place of `None`. (`hint("ttl_for_rate")`)

# %% tags=["exercise"]
ttl_for_nine_in_ten = None
check_ttl_for_rate(ttl_for_nine_in_ten)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
x = 9  # x / (1 + x) = 0.9
check_ttl_for_rate(x / (1 / 4))

# %% [markdown]
# ## For how long can it be wrong?
#
# An answer is **stale** when the origin would no longer give it. A course is filled into the cache at second 0, TTL 60. At second 20 a teacher renames it at the origin.

# %%
predict("stale-seconds")

# %% [markdown]
# One request every 14 seconds. (`events` changes the origin in mid-traffic; `judge=True` compares each answer with the origin's present one.)

# %%
visits = pd.DataFrame({"at": [14.0 * i for i in range(12)], "key": "course:204"})
clock, catalog = Clock(), CourseCatalog()
one = Fleet(1, cache=lambda: LocalCache(60, clock), origin=catalog, clock=clock)
life = one.replay(visits, events={20: lambda: catalog.rename("course:204", "Caching, renamed")}, judge=True)
print("filled at second", *life.loc[~life["hit"], "at"].astype(int))
print("stale at second", *life.loc[life["stale"], "at"].astype(int))
assert life.loc[~life["hit"], "at"].tolist() == [0, 70, 140] and life.loc[life["stale"], "at"].tolist() == [28, 42, 56]

# %% [markdown]
# The visit at second 56 is the last to get the old title. With a request in every second, which would have been the last?

# %%
visits_each_second = pd.DataFrame({"at": [float(second) for second in range(80)], "key": "course:204"})
clock, catalog = Clock(), CourseCatalog()
one = Fleet(1, cache=lambda: LocalCache(60, clock), origin=catalog, clock=clock)
closer = one.replay(visits_each_second, events={20: lambda: catalog.rename("course:204", "Caching, renamed")}, judge=True)
figure, (ax,) = panels(height=1.5)
ax.set_title("Stale for what is left of the TTL: 40 seconds")
show(figure, judge(ax, "stale-seconds", measured=int(closer["stale"].sum()), law=60 - 20, role="private"))
assert closer["stale"].sum() == 40

# %% [markdown]
# The entry was filled at second 0 and lives until second 60, whatever happens at the origin: 60 - 20 = **40 seconds**. Had the title
# changed right after the fill, it would have been the whole TTL: **a TTL is the upper bound of staleness**, never a promise that data are right.

# %% [markdown]
# ### Exercise 3: how stale? (3 minutes)
#
# An entry is filled at second 10, TTL 45. At second 30 its title changes at the origin. For how many seconds after the change can the old title still be served? (`hint("staleness")`)

# %% tags=["exercise"]
seconds = None
check_staleness(seconds)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
expires, changes = 10 + 45, 30
check_staleness(expires - changes)

# %% [markdown]
# ## And counting?
#
# The platform also counts course views, in the same process. 12,000 requests, each adds one:

# %%
views = {}
for course in traffic["key"]:
    views[course] = views.get(course, 0) + 1
assert sum(views.values()) == len(traffic)

# %% [markdown]
# It counts right, and no lock was needed: this process has one thread, and nothing comes between reading a number and writing it back. Remember that sentence. It is about to stop
# being true.

# %% [markdown]
# ## The board: one process

# %%
figure, axes = board_figure()
axes[0].set_title("1  One cache, one hit rate")
axes[1].set_title("2  Stale until the entry expires")
axes[2].set_title("3  One process counts right")
show(figure, board("one process, one dict", [
    hit_rates(axes[0], log, "private"),
    lanes(axes[1], life, ttl=60, changed=20, names=["A"], role="private"),
    counters(axes[2], {"A": sum(views.values())}, truth=len(traffic), roles={"A": "private"}),
]))

# %% [markdown]
# ## One question

# %%
quiz("price-renewed")

# %% [markdown]
# ## Summary
#
# - A cache is a bet that the same question comes again within the TTL. For one course the hit rate is x/(1+x), with x requests in a TTL.
# - What it saves is reads at the origin; what it costs is staleness, at most one TTL long.
# - In one process everything is simple: one dict, one truth, one counter.
#
# **Two questions.** The dict of this notebook never deletes an expired entry. What happens to its memory in a year, and who should clean up? And if traffic
# doubles, with the same courses and TTL, does the hit rate rise, fall or stay?
#
# <details><summary>Answers</summary>
#
# It grows with every key that was ever asked for. Real caches delete expired entries now and then, or bound their size; Redis does both, see notebooks 04 and 08. And the hit rate rises: x doubles for
# every course, so x/(1+x) grows.
#
# </details>
#
# **Next**: the platform runs four of these processes. [02 Four instances, four dicts](02-four-instances-four-dicts.ipynb) shows what that does to the hit rate.
