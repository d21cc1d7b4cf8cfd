# %% [markdown] tags=["core"]
# # 02 Four instances, four dicts: why does the hit rate fall when we scale out?
#
# **You will see** one course fetched from the origin four times, a hit rate that sinks with every added instance, and the law behind it.
# **Time** 45 minutes with the exercises; the core, the sections marked ●, 12. **You need** Python. No Redis yet: this is the problem that Redis will solve.
#
# Notebook 01 gave one process a dict with a TTL (time to live, in seconds): `LocalCache`. What the dict does not know, a **miss**, is read at the **origin**, the database, and kept;
# the rest are **hits**. Now the platform runs four instances behind a load balancer, and each has a dict of its own.
#
# After your own changes, an `AssertionError` only means that the text no longer fits.
#
# **First say what you believe:**

# %% tags=["core"]
import pandas as pd

from labsupport import Clock, CourseCatalog, Fleet, LocalCache, simulate, zipf_traffic
from labsupport.explorers import FleetPicture, explore
from labsupport.figures import (
    bars, board, board_figure, counters, curves, eight_answers, hit_rate_by_window, hit_rates, lanes, mark, over_time, panels, show,
)
from labsupport.lessons import check_fleet_rate, check_route, check_same_rate, hint, judge, predict, quiz
from labsupport.model import expected_hit_rate, hit_rate_law, worst_split

predict("eight-hits", "four-instances", "title-returns")

# %% [markdown] tags=["core"]
# ## ● The same page, eight times
#
# You reload the page of `course:204` eight times, once a second. The load balancer goes round: A, B, C, D, A ... The TTL is 60 seconds, so nothing
# expires meanwhile. One process would have seven hits. (`Fleet` calls `cache` once an instance.)

# %% tags=["core"]
clock = Clock()
fleet = Fleet(4, cache=lambda: LocalCache(60, clock), origin=CourseCatalog(), clock=clock)
answers = fleet.replay(pd.DataFrame({"at": range(8), "key": "course:204"}))

figure, (ax,) = panels(height=3)
ax.set_title("Each instance has to learn the same course itself")
show(figure, eight_answers(ax, answers, instances=4))
figure, (ax,) = panels(height=1.5)
ax.set_title("Four of eight are hits")
show(figure, judge(ax, "eight-hits", measured=int(answers["hit"].sum()), law=8 - 4, role="private"))
assert fleet.origin.reads == 4

# %% [markdown] tags=["core"]
# What A learned stays in A's memory; B, C and D cannot see it. There is not one cache but four, and each sees a quarter of the requests.

# %% [markdown] tags=["core"]
# ## ● Ten minutes of traffic
#
# 12,000 requests for 500 courses, TTL 60. In notebook 01 one instance hit 80 % of them.

# %% tags=["core"]
traffic = zipf_traffic(requests=12_000, courses=500, skew=1.0, rate=20, seed=204)


def replay(instances, **options):
    """The traffic through fresh private caches: (request log, reads at the origin)."""
    clock = Clock()
    fleet = Fleet(instances, cache=lambda: LocalCache(60, clock), origin=CourseCatalog(), clock=clock, **options)
    return fleet.replay(traffic), fleet.origin.reads


(one, one_reads), (four, four_reads) = replay(1), replay(4)
rates = traffic["key"].value_counts() / traffic["at"].iloc[-1]
figure, (ax,) = panels(height=1.5)
ax.set_title("Seventeen points below one instance")
show(figure, judge(ax, "four-instances", measured=100 * four["hit"].mean(), law=100 * expected_hit_rate(rates, 60, 4), role="private"))
assert round(100 * (one["hit"].mean() - four["hit"].mean())) == 17 and 1.8 < four_reads / one_reads < 1.9

# %% [markdown] tags=["core"]
# Seventeen points lost, and the origin works almost twice as hard for the *same* requests. Each instance sees only every fourth request, so an entry is used a quarter as often before its
# TTL is over.

# %% [markdown]
# ## Does it pass, once the caches are warm?
#
# Minute by minute, each instance against one cache:

# %%
figure, axes = panels(4, width=11, height=2.9, share=True)
figure.suptitle("It does not pass: all four stay below what one cache reaches", x=0.01, ha="left", fontsize=11)
gaps = []
for number, ax in enumerate(axes):
    mine = four[four["instance"] == number]
    over_time(ax, one, 60, "one", role="other")
    over_time(ax, mine, 60, "ABCD"[number])
    ax.label_outer()
    gaps += list(100 * (hit_rate_by_window(one, 60) - hit_rate_by_window(mine, 60)))
show(figure, f"In every minute A, B, C and D stay {min(gaps):.0f} to {max(gaps):.0f} points below one cache (grey).")
assert min(gaps) > 10

# %% [markdown]
# None catches up. Waiting does not help.

# %% [markdown] tags=["core"]
# ## ● And with more instances?
#
# Notebook 01 had a law: a course with x requests in a TTL has the hit rate x/(1+x). A private cache in a fleet of N sees x/N of them, and (x/N) / (1+x/N) is
# **x/(N+x)**. Here is that law, averaged over all courses, against the fleet. (`simulate` is the fleet as arithmetic; a section below checks it.)

# %% tags=["core"]
sizes = [1, 2, 3, 4, 6, 8, 12, 16]
long_run = zipf_traffic(requests=400_000, courses=500, skew=1.0, rate=20, seed=204)
rates = long_run["key"].value_counts() / long_run["at"].iloc[-1]
measured = [simulate(long_run, n, ttl=60).mean() for n in sizes]
law = [expected_hit_rate(rates, 60, n) for n in sizes]

figure, (ax,) = panels()
ax.set_title("Every added instance lowers the fleet's hit rate")
ax.set(xlabel="instances with private caches")
show(figure, curves(ax, sizes, {"measured": (measured, "private")}, {"measured": law}, of="N ="))
assert measured == sorted(measured, reverse=True) and max(abs(a - b) for a, b in zip(measured, law)) < 0.01

# %% [markdown] tags=["core"]
# Scaling out makes the *origin* work more. This is **fragmentation**: the same experience, split over N memories.

# %% [markdown] tags=["core"]
# ## ● Exercise 1: a better load balancer (6 minutes)
#
# Write `route(index, key)`: the instance, 0 to 3, for request number `index`. The four dicts should hit as much as one cache, and all four should
# work. Put your rule in place of `...`, run, read the reply. `hint("route")` gives one of three hints; a solution is folded up below.

# %% tags=["core", "exercise"]
def route(index, key):
    ...


check_route(route)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
import zlib


def route_by_key(index, key):
    return zlib.crc32(key.encode()) % 4


check_route(route_by_key)

# %% [markdown]
# ## Your own fleet
#
# One picture of any fleet: on the left what each instance does with its requests, on the right where the fleet stands on its law. 100,000 requests through `simulate`, first with the numbers of this notebook:

# %%
picture = FleetPicture()
show(*picture(instances=4, ttl=60, skew=1.0, rate=20, route="round_robin", caches="private"))

# %% [markdown]
# Now move it (run the cell to get the sliders; the arrow keys move them too). Can you reach 80 % with sixteen instances, without sharing? What does it cost? And which route shares the work most unevenly?

# %%
explore(
    picture,
    instances=(1, 16),
    ttl=("TTL (s)", [5, 10, 30, 60, 120, 300, 600]),
    skew=("skew of popularity", (0.0, 2.0, 0.1)),
    rate=("requests a second", [10, 20, 50, 100, 200, 500]),
    route=["round_robin", "random", "by_key"],
    caches=["private", "shared"],
)

# %% [markdown]
# ## Is the arithmetic true?
#
# Does `simulate` give the same hit or miss as the real fleet, for each single request of the two runs above?

# %%
assert (simulate(traffic, 4, ttl=60) == four["hit"]).all() and (simulate(traffic, 1, ttl=60) == one["hit"]).all()

# %% [markdown]
# For all 24,000 it does.

# %% [markdown]
# ## Which courses suffer?
#
# The favourite is asked for so often that even a quarter is plenty. A course that is asked for once an hour misses anyway. Who loses most when one cache becomes four?

# %%
predict("worst-x")

# %% [markdown]
# One course alone, asked for x times a TTL, in one cache and in four behind a random load balancer:

# %%
asked = [0.25, 0.5, 1, 2, 4, 8, 16, 32]
alone, split = [], []
for x in asked:
    course = zipf_traffic(requests=100_000, courses=1, skew=0, rate=x / 60, seed=7)
    alone.append(simulate(course, 1, ttl=60).mean())
    split.append(simulate(course, 4, ttl=60, route="random", seed=8).mean())

figure, (ax,) = panels()
ax.set_title("Hurt most: two requests a TTL, 33 points lost")
ax.set(xscale="log", xlabel="x, requests for the course in a TTL (log scale)")
laws = {"one cache": [hit_rate_law(x / 60, 60) for x in asked], "four caches": [hit_rate_law(x / 60, 60, 4) for x in asked]}
finding = curves(ax, asked, {"one cache": (alone, "other"), "four caches": (split, "private")}, laws, of="x =")
lost = dict(zip(asked, (a - b for a, b in zip(alone, split))))
more_reads = (1 - split[-1]) / (1 - alone[-1])
show(figure, f"{finding} Lost at x = 2: {100 * lost[2]:.1f} points. At x = 32 only {100 * lost[32]:.1f}, but {more_reads:.1f} times the reads.")
figure, (ax,) = panels(height=1.5)
ax.set_title("In the middle it hurts most")
by_law = {x: a - b for x, a, b in zip(asked, *laws.values())}
show(figure, judge(ax, "worst-x", measured=str(max(lost, key=lost.get)), law=str(max(by_law, key=by_law.get)), role="private"))
assert max(lost, key=lost.get) == 2 and abs(lost[2] - worst_split(4)) < 0.01 and 3.5 < more_reads < 3.8

# %% [markdown]
# The gap is widest at x = sqrt(N), here 2, where it is (sqrt(N) - 1) / (sqrt(N) + 1): a third, 33 points, for N = 4. There a cache loses half of its hits. Toward both ends the gap
# closes, but hits are not the whole bill: the hot course at x = 32 still hits nearly nine times in ten and yet costs the origin more than three times as many reads.

# %% [markdown]
# ### Exercise 2: buy it back with a longer TTL (5 minutes)
#
# Four instances, private caches, the 400,000 requests above. Which TTL gives them the hit rate that *one* cache reaches with TTL 60? Put a number of seconds in place of `None`. (`hint("same_rate")`)

# %% tags=["exercise"]
ttl_for_four = None
check_same_rate(ttl_for_four)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
check_same_rate(4 * 60)  # (x/4) / (1 + x/4) with x four times as large is x / (1 + x)

# %% [markdown]
# ## Can a better load balancer save us?
#
# Round robin is not the only choice. A balancer can draw at random, or send each course always to the same instance.

# %%
predict("best-route")

# %% [markdown]
# All of them on the same traffic, and one cache for comparison:

# %%
routes = {route: simulate(traffic, 4, ttl=60, route=route, seed=1).mean() for route in ["round_robin", "random", "by_key"]}
routes["one cache"] = one["hit"].mean()
figure, (ax,) = panels(height=2.4)
ax.set_title("Routing by key gets everything back")
show(figure, bars(ax, routes, {"round_robin": "private", "random": "private", "by_key": "private"}))
figure, (ax,) = panels(height=1.5)
ax.set_title("One home for each course is the best route")
ways = ["round_robin", "random", "by_key"]
show(figure, judge(ax, "best-route", measured=max(ways, key=routes.get), role="private"))
assert (simulate(traffic, 4, ttl=60, route="by_key") == one["hit"]).all()
assert max(routes["round_robin"], routes["random"]) < routes["by_key"] - 0.15

# %% [markdown]
# By key, each course has one home, so nothing is learned twice: it equals one cache, hit for hit. Why not always do that, then? Look who does the work:

# %%
by_key, _ = replay(4, route="by_key")
shares = by_key["instance"].value_counts(normalize=True).sort_index()
home = by_key.loc[by_key["key"] == "course:204", "instance"].iloc[0]
print("share of the traffic: " + ", ".join(f"{'ABCD'[i]} {share:.1%}" for i, share in shares.items()))
assert shares.idxmax() == home and shares.max() > 2 * shares.min()

# %% [markdown]
# The home of the favourite works twice as hard as the idlest. When an instance comes or goes, courses change instance and start cold; and the
# balancer has to understand keys. Possible, but it is a decision about the whole platform.

# %% [markdown]
# ### A surprise for one key
#
# Round robin and random look equal above. Are they? Take a single course with 2 requests a second, TTL 5, four instances. Then 200 such courses, 400 requests a second together:

# %%
single = zipf_traffic(requests=200_000, courses=1, skew=0, rate=2, seed=1)
crowd = zipf_traffic(requests=200_000, courses=200, skew=0, rate=400, seed=1)
surprise = {
    f"{name}, {route}": simulate(of, 4, ttl=5, route=route, seed=2).mean()
    for name, of in {"1 course": single, "200 courses": crowd}.items()
    for route in ["round_robin", "random"]
}
figure, (ax,) = panels(height=2.4)
ax.set_title("Strict turns hit less, but only when a key is alone")
show(figure, bars(ax, surprise, dict.fromkeys(surprise, "private")))
assert surprise["1 course, round_robin"] < surprise["1 course, random"] - 0.03
assert abs(surprise["200 courses, round_robin"] - surprise["200 courses, random"]) < 0.002

# %% [markdown]
# Strict turns space one instance's requests for the course evenly, about two seconds apart: after a fill at second 0 come hits near 2 and 4, and 6 is too late. Chance makes clusters and gaps, and
# a cache loves clusters. With 200 courses the turns of *one* course are as good as random, since the others come between.

# %% [markdown]
# ## A deploy
#
# Would a longer TTL help? With ten minutes instead of one, an instance keeps nearly all it learns. After five minutes a new version is deployed on instance B: the process
# restarts, and its dict was in its memory. What happens to B's hit rate?

# %%
clock = Clock()
fleet = Fleet(4, cache=lambda: LocalCache(600, clock), origin=CourseCatalog(), clock=clock)
deploy = fleet.replay(traffic, events={300: lambda: fleet.restart(1)})
b = deploy[deploy["instance"] == 1]

figure, (ax,) = panels()
ax.set_title("A restarted instance begins from nothing")
mark(ax, 300, "B restarts")
b_rates = hit_rate_by_window(b, 20)
show(figure, over_time(ax, b, 20, "B") + f" In the 20 s before the restart {b_rates[300]:.1%}, after it {b_rates[320]:.1%}.")
assert b_rates[300] > 0.9 and b_rates[320] < b_rates[20] + 0.06 and b_rates[340] < 0.7

# %% [markdown]
# The longer TTL did help: B was above 90 %, at the price of titles up to ten minutes old. The restart throws it back almost to where it began. The longer the TTL, the more there is to lose. A rolling
# deploy does this to all four in turn.

# %% [markdown]
# ## Exercise 3: one number for the fleet (4 minutes)
#
# The dashboard wants one hit rate for the fleet. Instance D is a canary, a trial version that gets one request in fifty. Write `rate(log)` for a request log with columns `at`, `instance`, `key` and `hit`.
# (`hint("fleet_rate")`)

# %% tags=["exercise"]
def rate(log):
    ...


check_fleet_rate(rate)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def hits_over_requests(log):
    return log["hit"].sum() / len(log)


check_fleet_rate(hits_over_requests)

# %% [markdown]
# Somebody averages the four rates of such a fleet. What is wrong with that?

# %%
canary, _ = replay(4, route=lambda index, key: 3 if index % 50 == 0 else index % 3)
per_instance = canary.groupby("instance")["hit"].mean()
averages = {"mean of the four rates": per_instance.mean(), "hits over requests": canary["hit"].mean()}
figure, (ax,) = panels(height=1.8)
ax.set_title("Averaged rates count a 2 % canary as a quarter")
show(figure, bars(ax, averages, {"hits over requests": "private"}) + f" The canary alone: {per_instance[3]:.1%}.")
assert averages["hits over requests"] > averages["mean of the four rates"] + 0.05

# %% [markdown]
# The canary's low rate counts as much as everybody else's, although it serves 2 % of the requests. A fleet's hit rate is **the sum of hits over the sum of requests**.

# %% [markdown] tags=["core"]
# ## ● Who sees the new title?
#
# One course, asked for every five seconds, TTL 60, instances drawn at random. At second 40 a teacher renames it. (`judge=True` compares each answer with the origin: one that is no longer true
# is **stale**.)

# %% tags=["core"]
clock, catalog = Clock(), CourseCatalog()
fleet = Fleet(4, cache=lambda: LocalCache(60, clock), origin=catalog, clock=clock, route="random", seed=7)
visits = pd.DataFrame({"at": [5.0 * i for i in range(32)], "key": "course:204"})
life = fleet.replay(visits, events={40: lambda: catalog.rename("course:204", "Caching, renamed")}, judge=True)
titles = " ".join(life.loc[life["at"] >= 40, "stale"].map({True: "old", False: "new"}))
figure, (ax,) = panels(height=1.5)
ax.set_title("After a new title the old one comes back, four times")
show(figure, judge(ax, "title-returns", measured=titles.count("new old"), role="private") + f" In order: {titles}.")
first = life[~life["hit"]].groupby("instance")["at"].min()
assert titles.count("new old") == 4 and life.loc[life["stale"], "at"].max() == 90 and (first[0], first[1]) == (35, 45)

# %% [markdown] tags=["core"]
# A had filled its entry at second 35 and keeps the old title until 95; B had none and read the new one at once. To a reader this looks like a
# broken database.

# %% [markdown] tags=["core"]
# ## ● The board: four private caches
#
# Panel 2 is that course in each of the four caches. Panel 3 asks each instance how often
# `course:204` was viewed in the ten minutes, when each counts in its own memory:

# %% tags=["core"]
views = [0, 0, 0, 0]
for instance, key in zip(four["instance"], four["key"]):
    if key == "course:204":
        views[instance] += 1
truth = int((traffic["key"] == "course:204").sum())

figure, axes = board_figure()
axes[0].set_title("1  Four hit rates, all low")
axes[1].set_title("2  Each cache has its own past")
axes[2].set_title("3  Each counter knows a quarter")
show(figure, board("four private caches", [
    hit_rates(axes[0], four, "private"),
    lanes(axes[1], life, ttl=60, changed=40, names="ABCD", role="private"),
    counters(axes[2], dict(zip("ABCD", views)), truth, roles=dict.fromkeys("ABCD", "private")),
]))
assert sum(views) == truth and all(0.2 * truth < count < 0.3 * truth for count in views)

# %% [markdown]
# ## One question

# %%
quiz("flag-off")

# %% [markdown] tags=["core"]
# ## ● Summary
#
# - N private caches learn everything N times. A course with x requests in a TTL hits at x/(N+x); the loss is worst at x = sqrt(N).
# - The caches also disagree: about titles until their TTLs end, about counts for ever.
# - A restart empties a private cache. Averages of rates mislead.
#
# **Next**: [03 One shared Redis](03-one-shared-redis.ipynb) changes one line.

# %% [markdown]
# ## And one to think about
#
# Which of the three panels could a load balancer repair?
#
# <details><summary>Answer</summary>
#
# Routing by key repairs panels 1 and 2, and panel 3 until an instance restarts or the number of instances changes.
#
# </details>
