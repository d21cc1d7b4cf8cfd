# %% [markdown]
# # 00 Start here: is everything ready, and what do you believe now?
#
# **You will see** a real Redis, a real database and a first plot made with both. Then you write down three guesses that the
# series will test.
# **Time** 15 minutes. **You need** this notebook and some Python. Nothing has to be installed or started by hand.
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
# One call finds or starts a Redis server for this notebook. On Linux and macOS it is a server of your own, on a private socket, and it ends with
# the notebook:

# %%
from labsupport import CourseCatalog, Fleet, SharedCache, simulate, start_lab, zipf_traffic
from labsupport.figures import board, board_figure, hit_rate_by_window, over_time, panels, question, show

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
# How popular is the favourite? Guess its share before you look:

# %%
asked = traffic["key"].value_counts()
print(f"{asked.index[0]}: {asked.iloc[0]} of {len(traffic):,} requests")
assert asked.index[0] == "course:204" and 0.19 < asked.iloc[0] / len(traffic) < 0.21

# %% [markdown]
# One course in a hundred draws a fifth of the traffic. Real traffic is skewed too: in the trace of notebook 03, half of all requests go to one key in a hundred.

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
# ## A first real run
#
# One app instance, one Redis, the traffic from above, TTL 60 seconds. For each request the instance asks Redis first. If Redis
# does not know, that is a **miss**: the instance reads the origin and puts the answer into Redis. Otherwise it is a **hit**. (A fleet calls
# `cache` once for each of its instances; here every call would return the same Redis.)
#
# What share of the 2,000 requests will be hits?

# %%
lab.reset()
shared = SharedCache(lab.redis, ttl=60, keys=lab.keys)
fleet = Fleet(1, cache=lambda: shared, origin=CourseCatalog(), clock=lab.clock)
log = fleet.replay(traffic)
print(log.head(3).to_string())

# %%
hits = int(log["hit"].sum())
print(f"{hits:,} hits in {len(log):,} requests, {hits / len(log):.1%}; the origin was read {fleet.origin.reads} times")
assert hits + fleet.origin.reads == len(log)

# %% [markdown]
# Every request was either a hit or one read at the origin. Was it like that from the first second on?

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
# ## What do you believe now?
#
# People who only watch a demonstration often remember that it went as they expected. So write your guesses down *now*: replace `None` by a number.
#
# 1. One cache hits 80 percent of the traffic. Now four instances share the work, each with a private cache. How many **percent** do they hit together?
# 2. An entry is filled at second 0, with TTL 60. At second 20 its title changes at the origin. For how many **seconds** can the old title still be served?
# 3. Two processes each add 1 to a counter: GET the number, SET it plus one. Their four steps can fall into 6 orders. In **how many of the 6** does the counter end at 2?

# %%
guess_1_percent = None
guess_2_seconds = None
guess_3_orders = None

# %% [markdown]
# ## The board
#
# Each notebook ends with this board of three panels, redrawn for what has been built so far. Today it holds only your guesses:

# %%
figure, axes = board_figure()
axes[0].set_title("1  Hit rate per instance")
axes[1].set_title("2  One entry's life")
axes[2].set_title("3  A counter under concurrency")
guesses = [
    question(axes[0], "One cache hits 80 %.\nFour instances with private caches?", guess_1_percent, " %"),
    question(axes[1], "TTL 60 s, the origin changes at second 20.\nOld title for how long?", guess_2_seconds, " s"),
    question(axes[2], "Two increments by GET and SET, 6 orders.\nHow many end at 2?", guess_3_orders, " of 6"),
]
show(figure, board("before the first lesson", guesses))

# %% [markdown]
# The answers are in notebook 02 (panel 1), 01 (panel 2) and 03 (panel 3).

# %% [markdown]
# ## The map
#
# | notebook | its question | minutes |
# |---|---|---|
# | **00 start here** | is everything ready, and what do you believe now? | 15 |
# | [01 one process, one dict](01-one-process-one-dict.ipynb) | what does a cache buy one process? | 20 |
# | [02 four instances, four dicts](02-four-instances-four-dicts.ipynb) | why does the hit rate fall when we scale out? | 25 (core 10) |
# | [03 one shared Redis](03-one-shared-redis.ipynb) | what changes when all four ask one cache? | 30 (core 12) |
#
# Short of time? Take 02 and 03, and there only the sections marked ●. Each notebook stands alone: you can begin anywhere.
#
# **If you are stuck**: *Kernel > Restart Kernel and Run All Cells* leads back to a working state. Your guesses and changes stay in the cells.

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
