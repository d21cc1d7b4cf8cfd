# %% [markdown]
# # 05 Structures follow access: string, hash, counter or marker?
#
# **You will see** what one field costs when it sits in a big string, changes lost that did not even touch each other, an error in the middle of a transaction, and an answer that no cache can keep.
# **Time** 50 minutes with the exercises. **You need** Python; the Redis server comes with this notebook.
#
# Until now a course was one value: JSON in, JSON out. But it is not only read as a whole. Lists show its title, each visit counts a view, and somebody wants to know whether a visitor is new. This notebook runs the
# same requests with one big value, a **blob**, and with a structure for each need, and counts what really goes over the wire. `[here: ...]` marks what belongs to your machine. After your own changes, an
# `AssertionError` only means that the text no longer fits.
#
# **First say what you believe:**

# %%
import json
import timeit
from collections import Counter

import numpy as np
import pandas as pd
import redis

from labsupport import CourseCatalog, Fleet, Meter, run_every_order, start_lab, zipf_traffic
from labsupport.explorers import StructuresPicture, course_page, explore
from labsupport.figures import (
    bars, board, board_figure, by_instance, counters, deadlines_shared, growth, memory, needs, orders, panels, show,
)
from labsupport.lessons import check_first_time, check_remember_answer, check_set_field, hint, judge, predict, quiz
from labsupport.server.meter import wire_size

lab = start_lab("05")
meters = [Meter(lab.address, lab.keys.namespace) for _ in "ABCD"]  # a client for each instance
meter = meters[0]
print(lab.describe())
predict("title-bytes", "other-field")

# %% [markdown]
# ## Two functions
#
# Two functions to begin with. The first keeps a copy that may be a little old, the second counts:

# %%
def cache_course(redis, course_id, payload):
    """A copy of the course for everybody, for five minutes."""
    redis.set(lab.keys.name(f"course:{course_id}"), json.dumps(payload), ex=300)


def increment_course_views(redis, course_id):
    """One view more; returns how many there are."""
    return redis.incr(lab.keys.name(f"course:{course_id}:views"))


# %% [markdown]
# Only one of them gives a deadline. What is left of the two keys after five minutes?

# %%
lab.reset()
cache_course(lab.redis, 204, course_page(lessons=20))
counted = [increment_course_views(lab.redis, 204) for _ in range(3)]
lab.clock.advance(299)
assert counted == [1, 2, 3] and lab.redis.exists(lab.keys.name("course:204"))
lab.clock.advance(1)
page, views = lab.redis.mget(lab.keys.name("course:204"), lab.keys.name("course:204:views"))
print(f"after 300 s the page is {page}, and the views are {int(views)}")
assert page is None and int(views) == 3

# %% [markdown]
# The page is a copy: when it is gone, the origin has it. The counter is no copy of anything. If it expired, the views would be lost, so it has no TTL. (On a server
# that others use too, the lab lends it one between two cells.)

# %% [markdown]
# ## What does a title cost?
#
# The page holds 26 fields: title, teacher and the like, and a line for each of 20 lessons. A list of courses needs only the title. A **hash** keeps fields apart under one key. `meter` is a second client whose socket counts
# every byte in both directions (without the notebook's prefix of the key, so that all servers agree). The title, asked of a hash and of a blob:

# %%
lab.reset()
course = course_page(lessons=20)
blob, fields = lab.keys.name("course:204:blob"), lab.keys.name("course:204:fields")
lab.redis.set(blob, json.dumps(course), ex=300)
lab.redis.hset(fields, mapping=course)
lab.redis.expire(fields, 300)
hget = meter.cost(meter.redis.hget, fields, "title")
get = meter.cost(meter.redis.get, blob)
print(f"sent {hget.sent}\nreceived {hget.received}\nHGET: {hget.size} bytes, GET: {get.size:,} bytes")

figure, (ax,) = panels(height=1.5)
ax.set_title("A title from the blob costs as much as all of it")
show(figure, judge(ax, "title-bytes", measured=get.size / hget.size))
assert len(course) == 26 and json.loads(get.answer)["title"] == hget.answer.decode()
assert len(get.received) == wire_size(json.dumps(course)) and 20 < get.size / hget.size < 25

# %% [markdown]
# `$25` is a length: 25 bytes follow. To Redis a string is bytes and nothing else. It cannot find a title in one, so it sends everything.

# %% [markdown]
# ## One course, four needs
#
# Four things are done with the course at each of 100 visits by 40 visitors: show the whole page, show the title, count a view, and tell whether this visitor is new today. First all in one blob, then each with a
# structure of its own: a **string**, a **hash**, a **counter**, and a **marker**, a key whose only message is that it exists:

# %%
name = {key: lab.keys.name(f"course:204:{key}") for key in ["blob", "page", "fields", "views"]}


def with_blob(redis, need, visitor):
    held = json.loads(redis.get(name["blob"]))
    if need == "the page":
        return {field: held[field] for field in course}
    if need == "the title":
        return held["title"]
    if need == "new today?" and visitor in held["seen"]:
        return False
    held |= {"views": held["views"] + 1} if need == "count a view" else {"seen": [*held["seen"], visitor]}
    redis.set(name["blob"], json.dumps(held), ex=86_400)
    return held["views"] if need == "count a view" else True


def with_structures(redis, need, visitor):
    if need == "the page":
        return json.loads(redis.get(name["page"]))
    if need == "the title":
        return redis.hget(name["fields"], "title").decode()
    if need == "count a view":
        return redis.incr(name["views"])
    return bool(redis.set(lab.keys.name(f"course:204:seen:{visitor}"), 1, nx=True, ex=86_400))


# %% [markdown]
# `nx` means: only if the key is not there yet. Both ways have to give the same answer each time. What do they send for it?

# %%
lab.reset()
lab.redis.set(name["blob"], json.dumps(course | {"views": 0, "seen": []}), ex=86_400)
lab.redis.set(name["page"], json.dumps(course), ex=300)
lab.redis.hset(name["fields"], mapping=course)
kinds = {"the page": "string", "the title": "hash", "count a view": "counter", "new today?": "marker"}
rows = []
for visit, who in enumerate(np.random.default_rng(204).integers(4, size=100)):
    for need in kinds:
        asked = (meters[who].redis, need, 7 * visit % 40)
        one, other = meters[who].cost(with_blob, *asked), meters[who].cost(with_structures, *asked)
        rows += [(who, need, "blob", one.commands, one.size), (who, need, "structures", other.commands, other.size)]
        assert one.answer == other.answer
work = pd.DataFrame(rows, columns=["instance", "need", "way", "commands", "bytes"])

figure, (ax,) = panels(height=3.6)
ax.set_title("Only the whole page is as cheap from the blob")
finding = needs(ax, work, kinds)
commands, sizes = (work.groupby("way")[column].sum() for column in ["commands", "bytes"])
less, mean = sizes["blob"] / sizes["structures"], work.groupby(["way", "need"])["bytes"].mean()
show(figure, f"{finding} In all {commands['blob']} commands against {commands['structures']}, and {less:.1f} times the bytes.")
times = mean["blob"] / mean["structures"]
assert times["the page"] < 1.1 and times.drop("the page").min() > 20
assert (commands["blob"], commands["structures"]) == (540, 400) and 5 < less < 5.5

# %% [markdown]
# For the page, a string is right: whoever always reads all of it wants one value. For the rest the blob pays twice: everything comes, and after a change everything goes back. And the list of visitors travels
# with every title.
#
# Is there a price for the structures? There are 43 keys now instead of one:

# %% tags=["measured"]
seen = [lab.keys.name(f"course:204:seen:{visitor}") for visitor in range(40)]
size = {key: lab.redis.memory_usage(full, samples=0) for key, full in name.items()}
markers = sum(lab.redis.memory_usage(key) for key in seen)
figure, (ax,) = panels(width=8, height=2.2)
ax.set_title("The structures take at least twice the memory")
parts = {"string": size["page"], "hash": size["fields"], "counter": size["views"], "markers": markers}
finding = memory(ax, {"blob": {"all in one": size["blob"]}, "structures": parts})
show(figure, f"{finding} A marker takes [here: {markers / 40:.0f} bytes], and its content is 1 byte.")
assert 2 < sum(parts.values()) / size["blob"] < 8 and 40 < markers / 40 < 150
assert markers > size["page"] and len(parts) - 1 + len(seen) == 43

# %% [markdown]
# The page is there twice, as a string and as a hash. And a key has a price of its own, whatever is in it: its name, its deadline, its place in the table. So 40 markers of one byte take more than the whole page. This price is paid
# in memory, once. The blob's is paid on the wire, at every request.

# %% [markdown]
# ## Two instances, two different fields
#
# Bytes are only money. Now A changes the title and B the teacher. With the blob each has to GET, change and SET. All orders on the real server:

# %%
def blob_writer(change):
    """The two steps of an instance that changes one field: read everything, write everything back."""
    held = {}
    return [
        lambda: held.update(json.loads(lab.redis.get(name["blob"]))),
        lambda: lab.redis.set(name["blob"], json.dumps(held | change(held)), ex=300),
    ]


def stage(*steps_of_each):
    """The course as it was, in both structures, before each order."""
    lab.redis.set(name["blob"], json.dumps(course | {"views": 0}), ex=300)
    lab.redis.hset(name["fields"], mapping=course | {"views": 0})
    return [steps() for steps in steps_of_each]


def changed(title, teacher):
    """1: the title is new, 2: the teacher is, 3: both."""
    return (title == "new") + 2 * (teacher == "new")


def of_blob():
    return json.loads(lab.redis.get(name["blob"]))


rename, replace = (lambda field=field: blob_writer(lambda held: {field: "new"}) for field in ["title", "teacher"])
in_blob = run_every_order(lambda: stage(rename, replace), lambda: changed(of_blob()["title"], of_blob()["teacher"]))

# %% [markdown]
# With the hash each needs one command, HSET. How often are both changes there in the end?

# %%
hset = [lambda field=field: [lambda: lab.redis.hset(name["fields"], field, "new")] for field in ["title", "teacher"]]
in_hash = run_every_order(
    lambda: stage(*hset),
    lambda: changed(*(value.decode() for value in lab.redis.hmget(name["fields"], ["title", "teacher"]))),
)

figure, (ax,) = panels(height=3.4)
ax.set_title("In four of six orders a change is lost")
finding = orders(ax, in_blob, ["GET", "SET"], right=[3], words={1: "teacher lost", 2: "title lost", 3: "both there"})
both = in_blob["final"].tolist().count(3)
show(figure, f"{finding} With HSET both are there in {in_hash['final'].tolist().count(3)} of {len(in_hash)}.")
figure, (ax,) = panels(height=1.5)
ax.set_title("Different fields do not protect each other")
show(figure, judge(ax, "other-field", measured=both, law=2))
assert both == 2 and in_hash["final"].tolist() == [3, 3]

# %% [markdown]
# A never wanted to touch the teacher. But its SET writes the whole string, with the teacher as A had read it. HSET writes one field and leaves the others alone.
#
# ### Exercise 1: change one field (4 minutes)
#
# Write `set_field(redis, name, field, value)`: one field of the course `name` gets a new value. The page reads the course with HGETALL. Two instances may change different fields at the same time and nothing may
# be lost. (`hint("set_field")`)

# %% tags=["exercise"]
def set_field(redis, name, field, value):
    ...


check_set_field(set_field)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def set_one_field(redis, name, field, value):
    redis.hset(name, field, value)


check_set_field(set_one_field)

# %% [markdown]
# ### Exercise 2: only once (5 minutes)
#
# A visitor gets one welcome mail, whichever of the four instances sees them first. Write `first_time(redis, name, seconds)`: True for the first caller, whichever instance it is, and False for every other one until
# `seconds` later. (`hint("first_time")`)

# %% tags=["exercise"]
def first_time(redis, name, seconds):
    ...


check_first_time(first_time)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def first_of_all(redis, name, seconds):
    return bool(redis.set(name, 1, nx=True, ex=seconds))


check_first_time(first_of_all)

# %% [markdown]
# ## A hundred titles
#
# A search finds 100 courses. In a loop, each GET waits for its answer before the next is sent. MGET asks for all in one command, a **pipeline** sends 100 commands before it waits, and a **transaction** is a pipeline between MULTI and
# EXEC. The same 100 answers each time; how many trips?

# %%
titles = [lab.keys.name(f"course:{number}:title") for number in range(1, 101)]
for title in titles:
    lab.redis.set(title, "Graphs under load", ex=300)


def pipelined(client, transaction):
    pipe = client.pipeline(transaction=transaction)
    for title in titles:
        pipe.get(title)
    return pipe.execute()


ways = {
    "loop": lambda client: [client.get(title) for title in titles],
    "MGET": lambda client: client.mget(titles),
    "pipeline": lambda client: pipelined(client, transaction=False),
    "transaction": lambda client: pipelined(client, transaction=True),
}
assert all(ask(lab.redis) == [b"Graphs under load"] * 100 for ask in ways.values())

# %% [markdown]
# Trips and commands are counted. The time is your machine's, so the best of 15 rounds is compared with the loop's best:

# %%
cost = {way: meter.cost(ask, meter.redis) for way, ask in ways.items()}
rounds = [[timeit.timeit(lambda ask=ask: ask(lab.redis), number=1) for ask in ways.values()] for _ in range(15)]
took = dict(zip(ways, np.min(rounds, axis=0)))
figure, (ax,) = panels(height=2.4)
ax.set_title("All but the loop make one trip for a hundred answers")
finding = bars(ax, {way: of.trips for way, of in cost.items()}, dict.fromkeys(ways, "shared"), form="{:.0f}")
faster = ", ".join(f"{way} [here: {took['loop'] / took[way]:.0f}]" for way in ways if way != "loop")
sent = ", ".join(f"{way} {of.commands}" for way, of in cost.items())
show(figure, f"Trips: {finding} Commands: {sent}. Times as fast as the loop: {faster}.")
assert [of.trips for of in cost.values()] == [100, 1, 1, 1] and [of.commands for of in cost.values()] == [100, 1, 100, 102]
assert all(took["loop"] > 2 * took[way] for way in ["MGET", "pipeline", "transaction"])

# %% [markdown]
# A trip costs more than a look-up, so whoever needs many answers asks for them together. Pipeline and transaction differ by two commands. Is there more to it?

# %%
predict("failed-middle", "nothing-reads")

# %% [markdown]
# ## Is a pipeline a transaction?
#
# A seat is booked: one free seat less, one booked more. Of 30 seats none may be missing in between. A network may deliver the bytes of a pipeline in two packets. Here the two packets are sent by hand, and between them another instance
# looks at the seats:

# %%
free, booked = lab.keys.name("course:204:free"), lab.keys.name("course:204:booked")


def in_two_packets(commands):
    """Send half of the commands, let another client look at the seats, send the rest; returns what it saw."""
    lab.redis.mset({free: 30, booked: 0})
    line, half, seen = lab.redis.connection, len(commands) // 2, []
    for packet in (commands[:half], commands[half:]):
        line.send_packed_command(line.pack_commands(packet))
        for _ in packet:
            line.read_response()  # a reply for each command, so Redis has this packet
        seen.append([int(seats) for seats in meter.redis.mget(free, booked)])
    return seen


book = [("DECR", free), ("INCR", booked)]
by_pipeline, by_transaction = in_two_packets(book), in_two_packets([("MULTI",), *book, ("EXEC",)])
for name_of, (between, after) in [("pipeline", by_pipeline), ("transaction", by_transaction)]:
    print(f"{name_of}: in between {between[0]} free + {between[1]} booked = {sum(between)}, after it {after[0]} + {after[1]}")
assert by_pipeline == [[29, 0], [29, 1]] and by_transaction == [[30, 0], [29, 1]]

# %% [markdown]
# In the pipeline's gap a seat is nowhere. A pipeline saves trips and promises nothing about others. MULTI makes Redis collect the commands, and EXEC runs them with nobody between.
#
# And if one of them cannot work? The second command below wants to count in a hash:

# %%
lab.redis.mset({free: 30, booked: 0})
lab.redis.hset(name["fields"], mapping=course)
pipe = lab.redis.pipeline(transaction=True)
pipe.decr(free).incr(name["fields"]).incr(booked)
replies = pipe.execute(raise_on_error=False)
print(f"replies: {replies[0]}, {str(replies[1]).partition(' ')[0]}, {replies[2]}")
done = {(30, 0): "none", (29, 0): "first", (29, 1): "outer"}[tuple(int(seats) for seats in lab.redis.mget(free, booked))]

figure, (ax,) = panels(height=1.5)
ax.set_title("The others stay: MULTI does not roll back")
show(figure, judge(ax, "failed-middle", measured=done))
assert isinstance(replies[1], redis.ResponseError) and done == "outer"

# %% [markdown]
# "Transaction" here means *together*, not *all or nothing*. redis-py raises the error unless told otherwise, but by then the others are done.

# %% [markdown]
# ## When the answer is nothing
#
# Some questions have the answer None, 0, False or "". Those are answers, and worth caching. Here are two usual ways to write cache-aside, which differ in how they find out that the cache has none:

# %%
def cached(key, read, is_miss):
    kept = lab.redis.get(lab.keys.name(key))
    value = json.loads(kept) if kept else None
    if is_miss(value):
        value = read()
        lab.redis.set(lab.keys.name(key), json.dumps(value), ex=60)
    return value


catalog = CourseCatalog()


def of(course):
    return json.loads(catalog.read(course))


questions = {
    "None": lambda: of("course:2001").get("title"),  # there are 2,000 courses
    "0": lambda: of("course:204")["lessons"] - 8,  # lessons beyond the eighth
    "False": lambda: of("course:204")["minutes"] > 600,
    "''": lambda: of("course:204")["title"].partition(":")[2],  # the subtitle
}
tests = {"if not value": lambda value: not value, "if value is None": lambda value: value is None}

# %% [markdown]
# Each question 100 times within the TTL, so one read at the origin would do:

# %%
lab.reset()
reads = {}
for test, is_miss in tests.items():
    for answer, read in questions.items():
        before = catalog.reads
        assert {repr(cached(f"{test}:{answer}", read, is_miss)) for _ in range(100)} == {answer}
        reads[f"{answer} ({test})"] = catalog.reads - before

figure, (ax,) = panels(height=3.2)
ax.set_title("Cached each time, and not believed")
believed = {case: "shared" for case, count in reads.items() if count == 1}
show(figure, "Reads at the origin for 100 requests: " + bars(ax, reads, believed, form="{:.0f}"))
figure, (ax,) = panels(height=1.5)
ax.set_title("None is cached, and asked for again each time")
show(figure, judge(ax, "nothing-reads", measured=reads["None (if value is None)"], role="other"))
assert list(reads.values()) == [100, 100, 100, 100, 100, 1, 1, 1]

# %% [markdown]
# `is None` saves three of the four. But JSON's null becomes None as well, and so does a key that is not there. Nobody notices: all answers are right, and the origin has all the work.
#
# ### Exercise 3: remember nothing, too (6 minutes)
#
# Write `remember_answer(redis, name, read)`: it returns what `read()` returns and keeps that answer for 60 s, also if it is None, 0, False or "". `read()` may be called only when nothing is kept.
# (`hint("remember_answer")`)

# %% tags=["exercise"]
def remember_answer(redis, name, read):
    ...


check_remember_answer(remember_answer)

# %% tags=["solution"] jupyter={"source_hidden": true, "outputs_hidden": true}
# Solution
def remember_any_answer(redis, name, read):
    kept = redis.get(name)
    if kept is None:
        kept = json.dumps(read())
        redis.set(name, kept, ex=60)
    return json.loads(kept)


check_remember_answer(remember_any_answer)

# %% [markdown]
# ## The course grows
#
# Somebody turns the course into a library of 320 lessons. What does its title cost then?

# %%
lessons = [1, 40, 80, 160, 320]
costs, rule = {"blob": [], "hash": []}, {"blob": [], "hash": []}
for count in lessons:
    grown = course_page(count)
    lab.redis.set(name["blob"], json.dumps(grown), ex=300)
    lab.redis.hset(name["fields"], mapping=grown)
    costs["blob"].append(meter.cost(meter.redis.get, name["blob"]).size)
    costs["hash"].append(meter.cost(meter.redis.hget, name["fields"], "title").size)
    rule["blob"].append(wire_size(["GET", "course:204:blob"]) + wire_size(json.dumps(grown)))
    rule["hash"].append(wire_size(["HGET", "course:204:fields", "title"]) + wire_size(grown["title"]))

figure, (ax,) = panels()
ax.set_title("From the blob the title costs more with each lesson")
show(figure, growth(ax, lessons, {"blob": (costs["blob"], "other"), "hash": (costs["hash"], "shared")}, rule))
assert costs == rule and len(set(costs["hash"])) == 1 and round(costs["blob"][-1] / 1000) == 28

# %% [markdown]
# At 1,000 requests a second that is 28 MB a second for one key, and all of it from one server. And if the whole page *is* what everybody needs? Then the big hot key gets a private copy in front, for a second
# or two, and the series has come full circle: notebook 01's dict, with notebook 02's staleness, before notebook 03's Redis.

# %% [markdown]
# ## Your own mix
#
# What pays depends on what is asked for. Here is any mix, by the protocol's rule of the last figure. Move it (run the cell to get the sliders). Can you find a mix in which the blob is cheaper? What do those requests have in common?

# %%
explore(StructuresPicture(), lessons=(1, 100), titles=(0, 500, 10), views=(0, 500, 10), pages=(0, 500, 10))

# %% [markdown]
# ## Most viewed
#
# Another need: the three most viewed courses. Hundreds of counters would have to be read and sorted. A **sorted set** keeps members in the order of their scores, and ZINCRBY is its INCR:

# %%
traffic = zipf_traffic(requests=2_000, courses=500, skew=1.0, rate=20, seed=204)
ranking = lab.keys.name("most-viewed")
pipe = lab.redis.pipeline(transaction=False)
for key in traffic["key"]:
    pipe.zincrby(ranking, 1, key)
pipe.execute()
top = meter.cost(lambda: meter.redis.zrevrange(ranking, 0, 2, withscores=True))
best = {key.decode(): int(score) for key, score in top.answer}

figure, (ax,) = panels(height=1.8)
ax.set_title("Three most viewed, in one short answer")
show(figure, bars(ax, best, dict.fromkeys(best, "shared"), form="{:.0f} views") + f" {top.commands} command, {top.size} bytes.")
assert list(best.items()) == Counter(traffic["key"]).most_common(3)

# %% [markdown]
# ## Whose deadline is it?
#
# A TTL belongs to a key, not to a field. So what shares a key shares its deadline. Three designs of page and views, each used every five seconds:

# %%
class InBlob:
    """Page and views in one string."""

    def get(self, key):
        kept = lab.redis.get(name["blob"])
        return kept and self._keep(*json.loads(kept))

    def set(self, key, page):
        self._keep(page.decode(), 0)

    def _keep(self, page, views):
        lab.redis.set(name["blob"], json.dumps([page, views + 1]), ex=60)
        return page.encode()


class InHash:
    """The page in a hash; `count` adds a view, there or elsewhere."""

    def __init__(self, full, count):
        self.full, self.count = full, count

    def get(self, key):
        page = lab.redis.hget(self.full, "page")
        return page and (self.count(), page)[1]

    def set(self, key, page):
        lab.redis.hset(self.full, "page", page)
        lab.redis.expire(self.full, 60)
        self.count()


# %% [markdown]
# At second 40 the title changes at the origin. Who notices, and who still knows all the views?

# %%
lab.reset()
catalog = CourseCatalog()
together, apart = lab.keys.name("course:204:together"), lab.keys.name("course:204:apart")
designs = [
    InBlob(),
    InHash(together, count=lambda: lab.redis.hincrby(together, "views")),
    InHash(apart, count=lambda: lab.redis.incr(name["views"])),
]
visits = pd.DataFrame({"at": np.repeat(np.arange(0.0, 160, 5), 3), "key": "course:204"})
fleet = Fleet(3, cache=iter(designs).__next__, origin=catalog, clock=lab.clock)
life = fleet.replay(visits, events={40: lambda: catalog.rename("course:204", "Graphs, renamed")}, judge=True)
views = [json.loads(lab.redis.get(name["blob"]))[1], int(lab.redis.hget(together, "views")), int(lab.redis.get(name["views"]))]
stale = life.groupby("instance")["stale"].sum().tolist()
try:
    lab.redis.execute_command("HEXPIRE", apart, 60, "FIELDS", 1, "page")
    print("[here: this server can give a single field a deadline, with HEXPIRE]")
except redis.ResponseError:
    print("[here: this server has no HEXPIRE, so fields share the deadline of their key]")
print(f"views of 32: {views}; stale answers: {stale}")
assert views == [32, 8, 32] and stale == [24, 4, 4]

# %% [markdown]
# In the blob every view is a SET with a new TTL, so as long as somebody comes, the old title never expires. In the hash the views expire with the page. Apart, each has the deadline that it needs: the page 60 seconds, the counter none.

# %% [markdown]
# ## The board: structures that follow access
#
# Panel 1 is what the four instances sent and received for the 100 visits. Panel 2 is what you just saw. In panel 3 two of them count a view each, in all orders: 6 with the blob, and HINCRBY's 2 three times, so that 12 views
# happened either way:

# %%
def one_more(held):
    return {"views": held["views"] + 1}


def views_by_hincrby():
    return [lambda: lab.redis.hincrby(name["fields"], "views")]


in_json = run_every_order(lambda: stage(*[lambda: blob_writer(one_more)] * 2), lambda: of_blob()["views"])
in_field = [
    run_every_order(lambda: stage(*[views_by_hincrby] * 2), lambda: int(lab.redis.hget(name["fields"], "views")))
    for _ in range(3)
]
tallies = {"blob": int(in_json["final"].sum()), "HINCRBY": int(pd.concat(in_field)["final"].sum())}

by_way = work.groupby(["way", "instance"])["bytes"].sum()
least = (by_way["blob"] / by_way["structures"]).min()

figure, axes = board_figure()
axes[0].set_title("1  All four carry the whole blob")
axes[1].set_title("2  What shares a key shares its end")
axes[2].set_title("3  The blob loses, a field does not")
show(figure, board("structures that follow access", [
    by_instance(axes[0], work),
    deadlines_shared(axes[1], life, changed=40, names=["blob", "hash", "hash +\ncounter"], views=views),
    counters(axes[2], tallies, truth=12, roles={"blob": "other", "HINCRBY": "shared"}, unit="sum of the runs"),
]))
assert tallies == {"blob": 8, "HINCRBY": 12} and least > 4

# %% [markdown]
# ## One question

# %%
quiz("chat-room")

# %% [markdown]
# ## Summary
#
# - What is always read whole is a string. What is read or changed in parts is a hash, what is counted a counter, what only has to be known once a marker with a deadline, what is ranked a sorted set.
# - A blob sends everything for each field, loses changes to different fields, and gives everything one deadline. It takes less memory.
# - Ask for many things in one trip. A pipeline is no transaction, and a transaction does not roll back.
# - "Nothing" is an answer. Keep it so that it cannot be taken for an empty cache.
#
# **Next**: [06 Lost updates and INCR](06-lost-updates-and-incr.ipynb) makes four processes count at once.

# %% [markdown]
# ## And one to think about
#
# A teacher edits title and description together, and no reader may see the new title with the old description. Two HSETs, one HSET, or the blob?
#
# <details><summary>Answer</summary>
#
# One HSET with both fields: a single command is never seen half done. Two HSETs in a pipeline can be; the blob shows both at once, but may take somebody else's change back.
#
# </details>

# %%
for meter in meters:
    meter.redis.close()
lab.close()
