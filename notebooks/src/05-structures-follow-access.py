# %% [markdown]
# # 05 Structures follow access: string, hash, counter or marker?
#
# **You will see** what one field costs when it sits in a big string, changes lost that did not even touch each other, an error in the middle of a transaction, and an answer that is cached and asked for again each time.
# **Time** 55 minutes with the exercises. **You need** Python; the Redis server comes with this notebook.
#
# Until now a course was one value: JSON in, JSON out. But it is not only read as a whole. Lists show its title, each visit counts a view, and somebody wants to know whether a visitor is new. This notebook runs the
# same requests with one big value, a **blob**, and with a structure for each need, and counts what really goes over the wire. `[here: ...]` marks what belongs to your machine. After your own changes, an
# `AssertionError` only means that the text no longer fits.
#
# **First say what you believe:**

# %%
import contextlib
import itertools
import json
import timeit
from collections import Counter

import numpy as np
import pandas as pd
import redis

from labsupport import CourseCatalog, Meter, run_every_order, start_lab, zipf_traffic
from labsupport.explorers import StructuresPicture, course_page, explore
from labsupport.figures import (
    bars, board, board_figure, by_instance, counters, deadlines_shared, growth, memory, needs, orders, packets, panels, show,
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
# The first keeps a copy that may be a little old, the second counts:

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
# The page is a copy: when it is gone, the origin, the database, has it. The counter is no copy of anything. If it expired, the views would be lost, so it has no TTL. (On a server
# that others use too, the lab lends it one between two cells.)

# %% [markdown]
# ## What does a title cost?
#
# The page holds 26 fields: title, teacher and the like, and a line for each of 20 lessons. A list of courses needs only the title. A **hash** keeps fields apart under one key. `meter` is a second client whose socket counts
# every byte in both directions (without the notebook's prefix of the key, so that all servers agree). The title, asked of a hash and of a blob:

# %%
lab.reset()
course = course_page(lessons=20)
name = {key: lab.keys.name(f"course:204:{key}") for key in ["blob", "page", "fields", "views"]}
lab.redis.set(name["blob"], json.dumps(course), ex=300)
lab.redis.hset(name["fields"], mapping=course)
hget = meter.cost(meter.redis.hget, name["fields"], "title")
get = meter.cost(meter.redis.get, name["blob"])
print(f"sent {hget.sent}\nreceived {hget.received}\nHGET: {hget.size} bytes, GET: {get.size:,} bytes")

figure, (ax,) = panels(height=1.5)
ax.set_title("A title from the blob costs as much as all of it")
show(figure, judge(ax, "title-bytes", measured=get.size / hget.size))
assert len(course) == 26 and json.loads(get.answer)["title"] == hget.answer.decode()
assert 20 < get.size / hget.size < 25 and round(len(json.dumps(course)) / len(hget.answer), -1) == 70

# %% [markdown]
# `$25` is a length: 25 bytes follow. To Redis a string is bytes and nothing else. It cannot find a title in one, so it sends everything.

# %% [markdown]
# ## One course, four needs
#
# Four things are done with the course at each of 100 visits by 40 visitors: show the whole page, show the title, count a view, and tell whether this visitor is new today. First all in one blob, then each with a
# structure of its own: a **string**, a **hash**, a **counter**, and a **marker**, a key whose only message is that it exists:

# %%
def with_blob(redis, need, visitor):
    held = json.loads(redis.get(name["blob"]))
    if need == "the page":
        return held["page"]
    if need == "the title":
        return held["page"]["title"]
    if need == "count a view":
        held["views"] += 1
    elif visitor in held["seen"]:
        return False
    else:
        held["seen"].append(visitor)
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
lab.redis.set(name["blob"], json.dumps({"page": course, "views": 0, "seen": []}), ex=86_400)
lab.redis.set(name["page"], json.dumps(course), ex=300)
lab.redis.hset(name["fields"], mapping=course)
kinds = {"the page": "string", "the title": "hash", "count a view": "counter", "new today?": "marker"}
rows = []
for visit, who in enumerate(np.random.default_rng(204).integers(4, size=100)):
    for need, (way, do) in itertools.product(kinds, {"blob": with_blob, "structures": with_structures}.items()):
        cost = meters[who].cost(do, meters[who].redis, need, visit % 40)
        rows.append((who, need, way, cost.commands, cost.size, cost.answer))
work = pd.DataFrame(rows, columns=["instance", "need", "way", "commands", "bytes", "answer"])

figure, (ax,) = panels(height=3.6)
ax.set_title("Only the whole page is as cheap from the blob")
blob, own = (of_way for _, of_way in work.groupby("way"))  # "blob", "structures"
sent, less = f"{blob['commands'].sum()} commands against {own['commands'].sum()}", blob["bytes"].sum() / own["bytes"].sum()
show(figure, needs(ax, work, kinds) + f" In all {sent}, and {less:.1f} times the bytes.")
times = blob.groupby("need")["bytes"].sum() / own.groupby("need")["bytes"].sum()
assert times["the page"] < 1.1 and times.drop("the page").min() > 20 and 5 < less < 5.5
assert sent == "540 commands against 400" and blob["answer"].tolist() == own["answer"].tolist()

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


def editors_of_blob():
    """The course as it was, then what A does, and B."""
    lab.redis.set(name["blob"], json.dumps(course), ex=300)
    return [blob_writer(lambda held: {"title": "new"}), blob_writer(lambda held: {"teacher": "new"})]


def outcome(page):
    lost = [field for field in ["title", "teacher"] if page[field] != "new"]
    return f"{' and '.join(lost)} lost" if lost else "both there"


in_blob = run_every_order(editors_of_blob, lambda: outcome(json.loads(lab.redis.get(name["blob"]))))

# %% [markdown]
# With the hash each needs one command, HSET. How often are both changes there in the end?

# %%
def editors_of_hash():
    lab.redis.hset(name["fields"], mapping=course)
    return [[lambda field=field: lab.redis.hset(name["fields"], field, "new")] for field in ["title", "teacher"]]


def page_of_hash():
    return {field.decode(): value.decode() for field, value in lab.redis.hgetall(name["fields"]).items()}


in_hash = run_every_order(editors_of_hash, lambda: outcome(page_of_hash()))["final"].tolist()
figure, (ax,) = panels(height=3.4)
ax.set_title("In four of six orders a change is lost")
finding = orders(ax, in_blob, ["GET", "SET"], right=["both there"], words={end: end for end in in_blob["final"]})
show(figure, f"{finding} With HSET both are there in {in_hash.count('both there')} of {len(in_hash)}.")
figure, (ax,) = panels(height=1.5)
ax.set_title("Different fields do not protect each other")
both = in_blob["final"].tolist().count("both there")
show(figure, judge(ax, "other-field", measured=both, law=2))
assert both == 2 and in_hash == ["both there"] * 2

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
# A seat is booked: one free seat less (DECR), one booked more (INCR). Of 30 seats none may be missing in between. A network may deliver the bytes of a pipeline in two packets. Here the two packets are sent by hand, and between them another instance
# looks at the seats:

# %%
free, booked = lab.keys.name("course:204:free"), lab.keys.name("course:204:booked")


def in_two_packets(commands):
    """Send half of the commands, let another client look at the seats, send the rest, let it look again."""
    lab.redis.mset({free: 30, booked: 0})
    line, half, looks = lab.redis.connection, len(commands) // 2, []
    for packet in (commands[:half], commands[half:]):
        line.send_packed_command(line.pack_commands(packet))
        for _ in packet:
            line.read_response()  # a reply for each command, so Redis has this packet
        looks.append(([word for word, *_ in packet], [int(seats) for seats in meter.redis.mget(free, booked)]))
    return looks


book = [("DECR", free), ("INCR", booked)]
seen = {"pipeline": in_two_packets(book), "transaction": in_two_packets([("MULTI",), *book, ("EXEC",)])}
figure, (ax,) = panels(width=8.5, height=1.8)
ax.set_title("Between a pipeline's packets a seat is missing")
show(figure, packets(ax, seen, total=30))
assert seen["pipeline"] == [(["DECR"], [29, 0]), (["INCR"], [29, 1])]
assert seen["transaction"] == [(["MULTI", "DECR"], [30, 0]), (["INCR", "EXEC"], [29, 1])]

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
with contextlib.suppress(redis.ResponseError):
    lab.redis.pipeline().decr(free).execute_command("INCR").execute()  # INCR of what?
assert int(lab.redis.get(free)) == 29  # the DECR was not run

# %% [markdown]
# "Transaction" here means *together*, not *all or nothing*. redis-py raises the error unless told otherwise, but by then the others are done. Only what Redis cannot even queue, such as the INCR without a key at the end, makes EXEC
# refuse everything.

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


def course_at_origin(number):
    return json.loads(catalog.read(f"course:{number}"))


questions = {
    "None": lambda: course_at_origin(2001).get("title"),  # there are 2,000 courses
    "0": lambda: course_at_origin(204)["lessons"] - 8,  # lessons beyond the eighth
    "False": lambda: course_at_origin(204)["minutes"] > 600,
    "''": lambda: course_at_origin(204)["title"].partition(":")[2],  # the subtitle
}
tests = {"if not value": lambda value: not value, "if value is None": lambda value: value is None}

# %% [markdown]
# Each question 100 times within the TTL, so one read at the origin would do:

# %%
lab.reset()
reads = {test: dict.fromkeys(questions, 0) for test in tests}
for test, answer in itertools.product(tests, questions):
    before = catalog.reads
    given = {repr(cached(f"{test}:{answer}", questions[answer], tests[test])) for _ in range(100)}
    reads[test][answer] = catalog.reads - before
    assert given == {answer}  # right each time

figure, axes = panels(2, width=8, height=2.1)
for ax, test, says in zip(axes, tests, ["none is believed", "three are"]):
    ax.set_title(f"{test}: {says}")
believed = {answer: "shared" for answer, count in reads["if value is None"].items() if count == 1}
said = [f"{test}: {bars(ax, reads[test], roles, form='{:.0f}')}" for ax, test, roles in zip(axes, tests, [{}, believed])]
show(figure, f"Reads at the origin for 100 requests, {' '.join(said)}")
figure, (ax,) = panels(height=1.5)
ax.set_title("None is cached, and asked for again each time")
show(figure, judge(ax, "nothing-reads", measured=reads["if value is None"]["None"], role="other"))
assert [list(of_test.values()) for of_test in reads.values()] == [[100] * 4, [100, 1, 1, 1]]

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
# A TTL belongs to a key, not to a field. So what shares a key shares its deadline. A visit shows the page and counts a view, in three designs: one blob, one hash, and two keys, with the two functions from the beginning:

# %%
def visit_blob():
    kept = lab.redis.get(name["blob"])
    page, views = (course_at_origin(204), 0) if kept is None else json.loads(kept)
    lab.redis.set(name["blob"], json.dumps([page, views + 1]), ex=300)
    return page


def visit_hash():
    page = lab.redis.hget(name["fields"], "page")
    if page is None:
        page = json.dumps(course_at_origin(204))
        lab.redis.pipeline().hset(name["fields"], "page", page).expire(name["fields"], 300).execute()
    lab.redis.hincrby(name["fields"], "views")
    return json.loads(page)


def visit_two_keys():
    page = lab.redis.get(lab.keys.name("course:204"))
    if page is None:
        page = json.dumps(course_at_origin(204))
        cache_course(lab.redis, 204, json.loads(page))
    increment_course_views(lab.redis, 204)
    return json.loads(page)


# %% [markdown]
# Somebody comes every 25 seconds, and at second 200 the title changes at the origin. Who notices, and who still knows all the views?

# %%
lab.reset()
catalog, rows = CourseCatalog(), []
for second in range(0, 800, 25):
    if second == 200:
        catalog.rename("course:204", "Graphs, renamed")
    for design, visit in enumerate([visit_blob, visit_hash, visit_two_keys]):
        before = catalog.reads
        stale = visit() != json.loads(catalog.peek("course:204"))
        rows.append((second, design, catalog.reads == before, stale))
    lab.clock.advance(25)
life = pd.DataFrame(rows, columns=["at", "instance", "hit", "stale"])
in_string, in_field = lab.redis.get(name["blob"]), lab.redis.hget(name["fields"], "views")
views = [json.loads(in_string)[1], int(in_field), int(lab.redis.get(lab.keys.name("course:204:views")))]
stale = life.groupby("instance")["stale"].sum().tolist()
try:
    lab.redis.execute_command("HEXPIRE", name["fields"], 300, "FIELDS", 1, "page")
    alone = "with HEXPIRE"
except redis.ResponseError:
    alone = "none on this server, so fields share that of their key"
print(f"a deadline for a single field: [here: {alone}]")
print(f"views of 32: {views}; stale answers: {stale}")
assert views == [32, 8, 32] and stale == [24, 4, 4]

# %% [markdown]
# In the blob every view is a SET with a new TTL, so as long as somebody comes, the old title never expires. In the hash the views expire with the page. With two keys each has the deadline that it needs: the page 300 seconds, the
# counter none.

# %% [markdown]
# ## The board: structures that follow access
#
# Panel 1 is what the four instances sent and received for the 100 visits. Panel 2 is what you just saw. In panel 3 two instances show the title and count a view, in all 6 orders of their commands: GET and SET with the blob, HGET and
# HINCRBY with the hash. So 12 views happen either way:

# %%
def visitors_of_blob():
    lab.redis.set(name["blob"], json.dumps(course | {"views": 0}), ex=300)
    return [blob_writer(lambda held: {"views": held["views"] + 1}) for _ in "AB"]


def visitors_of_hash():
    lab.redis.hset(name["fields"], mapping=course | {"views": 0})
    return [[lambda: lab.redis.hget(name["fields"], "title"), lambda: lab.redis.hincrby(name["fields"], "views")]] * 2


blob_views = run_every_order(visitors_of_blob, lambda: json.loads(lab.redis.get(name["blob"]))["views"])
hash_views = run_every_order(visitors_of_hash, lambda: int(lab.redis.hget(name["fields"], "views")))
tallies = {"blob": int(blob_views["final"].sum()), "HINCRBY": int(hash_views["final"].sum())}

figure, axes = board_figure()
axes[0].set_title("1  All four carry the whole blob")
axes[1].set_title("2  What shares a key shares its end")
axes[2].set_title("3  The blob loses, a field does not")
show(figure, board("structures that follow access", [
    by_instance(axes[0], work),
    deadlines_shared(axes[1], life, changed=200, names=["blob", "hash", "string +\ncounter"], views=views),
    counters(axes[2], tallies, truth=12, roles={"blob": "other", "HINCRBY": "shared"}, unit="sum of the runs"),
]))
assert tallies == {"blob": 8, "HINCRBY": 12}
assert (blob.groupby("instance")["bytes"].sum() > 4 * own.groupby("instance")["bytes"].sum()).all()

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
