# %% [markdown]
# # 00 Start here: is everything ready, and what do you believe now?
#
# **You will see** a real Redis, a real database and a first plot made with both. And you say what you believe, so that the series can
# test it.
# **Time** 25 minutes. **You need** this notebook and some Python. Nothing has to be installed or started by hand.
#
# Run each cell with Shift+Enter, from top to bottom. Change what you like: this copy is yours, and a cell can always be run again. A line that begins with
# `assert` checks a number of the text. If you change an experiment, an `AssertionError` only means that the text no longer fits what you ran.

# %% [markdown]
# ## The story
#
# A learning platform serves course pages. Each page needs the course's metadata, say of `course:204`, and asking the database for it
# is slow. One process with a cache in front of the database was fine. Now there are four, behind a load balancer:
#
#     app instance A ----\
#     app instance B -----\
#     app instance C ------>  Redis  ---- miss ---->  source of truth
#     app instance D -----/
#
# At the end of the series you can
#
# 1. explain why a shared cache exists,
# 2. use Redis through access patterns: string, hash, counter, marker,
# 3. reason about Redis as a real dependency, one that can be slow, full or gone.

# %% [markdown]
# ## Is everything ready?
#
# One call finds or starts a Redis server for this notebook. Unless `REDIS_URL` names one, on Linux and macOS it is a server of your own, on a
# private socket, and it ends with the notebook:

# %%
from labsupport import CourseCatalog, Fleet, SharedCache, simulate, start_lab, zipf_traffic
from labsupport.figures import board, board_figure, hit_rate_by_window, over_time, panels, question, show
from labsupport.lessons import check_misses, check_remember, errors_so_far, hint, judge, predict, quiz, recorded
from labsupport.model import expected_hit_rate

lab = start_lab("00")
print(lab.describe())

# %% [markdown]
# The mark `[here: ...]` means: this value belongs to your machine and may differ on another one. Every number *without* that mark is the
# same on every machine, and a test compares it on every change of this course.
#
# Does the server answer?

# %%
assert lab.redis.ping()

# %% [markdown]
# No error, so it does. `lab.keys` puts this notebook's name before each key, so that two applications on one server cannot collide. What goes in as
# text comes out as bytes, which is what Redis stores:

# %%
greeting = lab.keys.name("greeting")
lab.redis.set(greeting, "hello, course 204")
lab.redis.get(greeting)

# %% [markdown]
# The other end of the story is the **source of truth**, in the code called the **origin**: a SQLite database with 2,000 courses and their
# lessons. A read runs a real query, and the catalogue counts it:

# %%
catalog = CourseCatalog()
catalog.read("course:204")

# %%
assert catalog.reads == 1
catalog

# %% [markdown]
# Keep an eye on that counter. A cache exists to keep it small.

# %% [markdown]
# ## Who is asking?
#
# **Traffic** is a table with one row for each request: `at` is the second it arrives, `key` is what it asks for. This traffic is generated:
# 2,000 requests at about 10 a second, for 100 courses of which a few are very popular:

# %%
traffic = zipf_traffic(requests=2_000, courses=100, skew=1.0, rate=10, seed=204)
print(traffic.head(3).to_string())

# %% [markdown]
# How popular is the favourite? **Say what you believe before you look.** Who only watches a demonstration often remembers that it went as expected. A prediction that stands there cannot be
# remembered wrongly:

# %%
predict("favourite-share")

# %% [markdown]
# Now count. (The traffic was made so that the course of popularity rank r is asked for in proportion to 1/r. That gives the law.)

# %%
asked = traffic["key"].value_counts()
share, law = 100 * asked.iloc[0] / len(traffic), 100 / sum(1 / rank for rank in range(1, 101))
figure, (ax,) = panels(height=1.5)
ax.set_title("One course in a hundred draws a fifth of the traffic")
show(figure, judge(ax, "favourite-share", measured=share, law=law))
assert asked.index[0] == "course:204" and 19 < share < 21

# %% [markdown]
# Real traffic is skewed too: in the trace of notebook 03, half of all requests go to one key in a hundred.

# %% [markdown]
# ## Must I wait for a TTL?
#
# A cached entry gets a **TTL**, a time to live: after that many seconds Redis forgets it. Lessons about TTLs would be slow if we waited. So the
# lab has a clock of its own. It stands still until it is told to move:

# %%
notice = lab.keys.name("notice")
lab.redis.set(notice, "gone in a minute", ex=60)
lab.clock.advance(59)
lab.redis.ttl(notice)

# %% [markdown]
# 59 seconds of lab time have passed, one is left. That is the real server's own answer: the clock moved the real deadline. One
# more second:

# %%
lab.clock.advance(1)
print(f"lab time {lab.clock.now():.0f} s: Redis returns {lab.redis.get(notice)}")
assert lab.redis.get(notice) is None

# %% [markdown]
# An entry is expired at the very second its TTL is over. Between two cells the lab's clock stands still, so read as long as you like.

# %% [markdown]
# ### Exercise 1: a note that goes by itself (4 minutes)
#
# Write `remember(redis, name, value)`: it keeps `value` under `name` in Redis, for 300 seconds. Put your code in place of `...`, run the cell and read the reply. It comes from
# a real server on which your function has just been tried. Nothing can break, so try things.
#
# Stuck? `hint("remember")`, in any cell, gives the first of three hints. A solution is folded up below.

# %% tags=["exercise"]
def remember(redis, name, value):
    ...


check_remember(remember)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def remember_for_300_seconds(redis, name, value):
    redis.set(name, value, ex=300)


check_remember(remember_for_300_seconds)

# %% [markdown]
# ## A first real run
#
# One app instance, one Redis, the traffic from above, TTL 60 seconds. For each request the instance asks Redis first. If Redis
# does not know, that is a **miss**: the instance reads the origin and puts the answer into Redis. Otherwise it is a **hit**. (A fleet calls
# `cache` once for each of its instances; here every call would return the same Redis.)
#
# What share of the 2,000 requests will be hits?

# %%
predict("first-run-hits")

# %% [markdown]
# Then run it:

# %%
lab.reset()
shared = SharedCache(lab.redis, ttl=60, keys=lab.keys)
fleet = Fleet(1, cache=lambda: shared, origin=CourseCatalog(), clock=lab.clock)
log = fleet.replay(traffic)
print(log.head(3).to_string())

# %%
rates = asked / traffic["at"].iloc[-1]
figure, (ax,) = panels(height=1.5)
ax.set_title("87 of 100 requests never reach the origin")
show(figure, judge(ax, "first-run-hits", measured=100 * log["hit"].mean(), law=100 * expected_hit_rate(rates, ttl=60)))
assert log["hit"].sum() + fleet.origin.reads == len(log) and round(100 * log["hit"].mean()) == 87

# %% [markdown]
# Every request was either a hit or one read at the origin. (The law, x/(1+x) for each course, is that of notebook 01. It speaks of a cache that has been running for long.)
# Was it like that from the first second on?

# %%
figure, (ax,) = panels()
ax.set_title("It warms up for one TTL, then the first entries expire")
show(figure, over_time(ax, log, window=20, name="one instance", role="shared"))

# %%
rates = hit_rate_by_window(log, window=20)
ten_hours = zipf_traffic(requests=400_000, courses=100, skew=1.0, rate=10, seed=204)
long_run = simulate(ten_hours, 1, ttl=60).mean()
assert rates[20] < rates[40] < rates[60] and rates[80] < long_run < rates[60]
print(f"in the long run: {long_run:.1%}")

# %% [markdown]
# It was not. A cache begins empty, so every first request for a course must miss, and for one TTL the line climbs. But most entries were filled in the first seconds, so they
# also expire together: the line drops below its long-run level and needs some TTLs to settle. Notebook 04 breaks this rhythm.
#
# This is your first plot from a real Redis and a real database. If you see it, everything is ready. (The long run was calculated by `simulate`, the same fleet as arithmetic.
# Notebook 01 proves that it tells the truth.)

# %% [markdown]
# ### Exercise 2: how often was the origin asked? (4 minutes)
#
# Somebody hands you a request log like the one above, with columns `at`, `instance`, `key` and `hit`. Write `count(log)`: how often was the origin read? (`hint("misses")`)

# %% tags=["exercise"]
def count(log):
    ...


check_misses(count)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def count_misses(log):
    return int((~log["hit"]).sum())


check_misses(count_misses)

# %% [markdown]
# ## What do you believe now?
#
# Three questions that notebooks 01 to 03 answer. They ask them again first: until you have seen the answer, you may change your mind.

# %%
predict("four-instances", "stale-seconds", "six-orders")

# %% [markdown]
# ## The board
#
# Each notebook ends with this board of three panels, redrawn for what has been built so far. Today it holds only what you believe:

# %%
figure, axes = board_figure()
axes[0].set_title("1  Hit rate per instance")
axes[1].set_title("2  One entry's life")
axes[2].set_title("3  A counter under concurrency")
guesses = [
    question(axes[0], "One cache hits 80 %.\nFour instances with private caches?", recorded("four-instances"), " %"),
    question(axes[1], "TTL 60 s, the origin changes at second 20.\nOld title for how long?", recorded("stale-seconds"), " s"),
    question(axes[2], "Two increments by GET and SET, 6 orders.\nHow many end at 2?", recorded("six-orders"), " of 6"),
]
show(figure, board("before the first lesson", guesses))

# %% [markdown]
# The answers are in notebook 02 (panel 1), 01 (panel 2) and 03 (panel 3).

# %% [markdown]
# ## How good are your predictions?
#
# Your predictions are kept on this machine, for all notebooks. Come back to this cell after each of them and run it again:

# %%
figure, (ax,) = panels(width=9, height=2.8)
ax.set_title("How far off you were, prediction by prediction")
show(figure, errors_so_far(ax))

# %% [markdown]
# A big error is no failure. It is the place where the next cell can teach you something.

# %% [markdown]
# ## One question
#
# Choose, and read the reason. Then choose the others too: each has a reason of its own.

# %%
quiz("thumbnails-restarted")

# %% [markdown]
# ## The map
#
# | notebook | its question | minutes |
# |---|---|---|
# | **00 start here** | is everything ready, and what do you believe now? | 25 |
# | [01 one process, one dict](01-one-process-one-dict.ipynb) | what does a cache buy one process? | 35 |
# | [02 four instances, four dicts](02-four-instances-four-dicts.ipynb) | why does the hit rate fall when we scale out? | 45 (core 12) |
# | [03 one shared Redis](03-one-shared-redis.ipynb) | what changes when all four ask one cache? | 50 (core 14) |
# | [04 TTLs and keys](04-ttls-and-keys.ipynb) | how stale, for how long, and under which name? | 65 |
# | [05 structures follow access](05-structures-follow-access.ipynb) | string, hash, counter or marker? | 55 |
# | [06 lost updates and INCR](06-lost-updates-and-incr.ipynb) | who ate my increments? | 60 (core 14) |
# | [07 lightweight coordination](07-lightweight-coordination.ipynb) | what else can one atomic command do? | 60 |
# | [08 Redis as a dependency](08-redis-as-a-dependency.ipynb) | what happens when it is slow, full or gone? | 75 |
# | [09 your own traffic](09-your-own-traffic.ipynb) | should *your* service share its cache? | 120 |
#
# Short of time? Take 02, 03 and 06, and there only the sections marked ●. Each notebook stands alone: you can begin anywhere.
#
# **If you are stuck**: *Kernel > Restart Kernel and Run All Cells* leads back to a working state. Your predictions and your changes stay.

# %% [markdown]
# ## Summary
#
# - Redis, SQLite and every command are real; only the clock is the lab's own.
# - A request is a hit or one read at the origin. An empty cache has to warm up first.
#
# **Two questions.** What would the first window of the plot show with 1,000 courses instead of 100? And what
# would the plot look like if the TTL were longer than the whole run? Change one number above and see.
#
# <details><summary>Answers</summary>
#
# Lower: with more courses, more of the first requests are for something new. And with a TTL longer than the run nothing expires: the line climbs and never drops.
#
# </details>
#
# The last cell ends the lab and its server. To begin again, run from the top:

# %%
lab.close()
