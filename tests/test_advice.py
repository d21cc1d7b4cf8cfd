"""The four verdicts, each rule at its edge; and what is said beside them, on made and on real traffic."""

from __future__ import annotations

import re
from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from refusals import refused

from labsupport.decide import profile, recommend, sweep
from labsupport.model import simulate
from labsupport.traffic import TrafficLog, read_log, zipf_traffic

EXCERPT = Path(__file__).parent.parent / "notebooks" / "data" / "twitter-cluster52.csv.gz"
TTLS = [1, 10, 30, 60, 300, 3_600]
SHARE, PRIVATE = "share", "do not share"
NOT_ALONE, TOO_LITTLE = "Redis alone will not solve this", "too little traffic to say"


def log(at, keys, **columns):
    """A log with these requests, as `read_log` would return it."""
    traffic = pd.DataFrame({"at": np.asarray(at, dtype=float), "key": pd.Categorical(keys)})
    sizes = np.full(len(traffic["key"].cat.categories), 100)
    return replace(TrafficLog(traffic, sizes, [], 1, len(traffic), "CSV", 1), **columns)


def made(courses=200, skew=1.0, rate=20, requests=20_000, **columns):
    traffic = zipf_traffic(requests, courses, skew, rate, seed=11)
    return log(traffic["at"], traffic["key"], **columns)


def steady(keys, every, seconds, **columns):
    """Each key once in `every` seconds; an odd number of keys, or round robin would be routing by key."""
    at = np.repeat(np.arange(0, seconds, every), keys)
    return log(at, [f"key:{i}" for i in range(keys)] * (len(at) // keys), **columns)


def advise(of, instances=4, staleness=60, capacity=None, ttls=(1, 10, 60), **more):
    grid = sweep(of.traffic, ttls, sorted({2, instances}), **more.pop("how", {}))
    return recommend(of, grid, instances, staleness, capacity, **more)


@pytest.fixture(scope="module")
def excerpt():
    found = read_log(EXCERPT)
    return found, sweep(found.traffic, TTLS, [1, 4]), profile(found, 60)


@pytest.fixture
def ask(excerpt):
    """The advice on the excerpt."""
    found, grid, seen = excerpt
    return lambda *given, **more: recommend(found, grid, *given, profile=seen, **more)


def test_the_excerpt_is_told_to_share(ask):
    advice = ask(4, 60)
    assert (advice.verdict, advice.ttl) == (SHARE, 60)
    assert advice.reasons[:3] == [
        "With a TTL of 60 s one shared cache hits 69.6% of the requests, 4 private ones 44.4%: "
        "25.3 points more.",
        "Of 40.5 requests a second the shared one sends 12.3 on to the origin (13.1 in the busiest minute), "
        "the private ones 22.5 (24.2).",
        "The next shorter TTL of the grid, 30 s, would cost 4.5 points of hit rate.",
    ]
    assert [d.split(":")[0] for d in advice.doubts] == [
        "Your traffic is bursty",
        "You named no capacity. If the origin can take more than 48.4 reads a second, twice the most that "
        "private caches send on, those will do",
        "How often the data change is not in a log",
    ]
    assert "the formula would have told you 50%, your log says 70%" in advice.doubts[0]


def test_sharing_is_said_to_cost_a_hop_memory_and_a_dependency_and_what_would_do_without(ask, excerpt):
    costs = ask(4, 60, memory=pd.Series({60: 2_340_000.0})).reasons[3:]
    assert "Redis answers 40.5 a second and holds at most about [here: 2.34 MB]" in costs[0]
    assert "dependency" in costs[1] and "notebook 08" in costs[1]
    by_key = simulate(excerpt[0].traffic, 4, 60, route="by_key").mean()
    assert by_key == simulate(excerpt[0].traffic, 4, 60, shared=True).mean()  # what the next sentence says
    assert "routing by key hits exactly as often" in costs[2] and "28.6%" in costs[2]


# The rules, each on both sides of its edge.


def test_fewer_than_a_thousand_requests_are_too_few():
    assert advise(steady(10, 10, 990)).verdict == TOO_LITTLE
    assert advise(steady(10, 10, 1_000)).verdict == SHARE


def test_a_log_shorter_than_ten_ttls_is_too_short_and_the_longest_ttl_that_it_can_judge_is_taken():
    assert advise(steady(101, 1, 600), ttls=[60]).verdict == SHARE
    advice = advise(steady(101, 1, 599), ttls=[60])
    assert (advice.verdict, advice.ttl, advice.doubts) == (TOO_LITTLE, None, [])
    assert "10 TTLs, which are 10 min" in advice.reasons[-1]
    shorter = advise(steady(10, 5, 599), ttls=[10, 60])
    assert (shorter.verdict, shorter.ttl) == (SHARE, 10)
    assert shorter.doubts[0].startswith("Your bound allows 60 s, but the log is too short")


def test_an_origin_that_can_take_exactly_what_one_shared_cache_sends_is_enough():
    even = steady(101, 1, 3_000)  # with a TTL of 50 s, 101 reads in 50 s: 2.02 a second on average,
    worst = 202 / 60  # and in the busiest minute two times 101
    assert advise(even, ttls=[50], staleness=50, capacity=worst).verdict == SHARE
    advice = advise(even, ttls=[50, 300], staleness=50, capacity=worst - 0.001)
    assert (advice.verdict, advice.ttl) == (NOT_ALONE, 50)
    assert advice.reasons[0].endswith(
        "2.02 times a second (3.37 in the busiest minute); the origin can take 3.37, too few for the "
        "busiest minute."
    )
    assert "A staleness bound of 5 min would be enough" in advice.reasons[2]


def test_a_longer_ttl_that_the_log_cannot_judge_may_be_enough(ask):
    assert ask(4, 3_600, 7).verdict == TOO_LITTLE
    assert ask(4, 300, 7).verdict == NOT_ALONE
    assert "reads the origin 8.98 times a second" in ask(4, 3_600, 7).reasons[1]


def worst_minute(of, ttl):
    """Origin reads a second of four private caches in the busiest minute after the first TTL."""
    missed = of.traffic["at"][~simulate(of.traffic, 4, ttl)] - ttl
    return np.bincount((missed[missed >= 0] // 60).astype(int)).max() / 60


def test_an_origin_that_takes_twice_what_private_caches_send_needs_no_sharing(excerpt, ask):
    worst = worst_minute(excerpt[0], 60)  # more than the mean
    advice = ask(4, 60, 2 * worst)
    assert (advice.verdict, advice.ttl) == (PRIVATE, 60)
    assert "even the private ones are less than half of that" in advice.reasons[1]
    assert advice.doubts[1].startswith("4 private caches disagree: for up to 60 s")
    assert ask(4, 60, 2 * worst - 0.01).verdict == SHARE


def test_private_caches_keep_the_origin_within_half_with_the_ttl_that_is_named():
    hot = made(courses=20, skew=0, rate=40, requests=80_000)
    most = {ttl: worst_minute(hot, ttl) for ttl in (55, 75)}
    assert most[55] > most[75]  # two waves of expiry fit into a minute
    ask = {"ttls": [55, 75], "staleness": 75}
    assert [advise(hot, capacity=2 * most[ttl], **ask).ttl for ttl in (55, 75)] == [55, 75]


def test_the_average_counts_too_if_only_the_first_minute_is_too_much():
    flood = log(
        [*np.zeros(6_000), *np.arange(1, 1_000)], [*(f"once:{i}" for i in range(6_000)), *["hot"] * 999]
    )
    advice = advise(flood, staleness=10, capacity=5)
    assert advice.verdict == NOT_ALONE  # 6.1 a second, and 0.1 after that
    assert advice.reasons[0].endswith("can take 5, which is less.")
    assert advise(flood, staleness=10, capacity=7).verdict == SHARE


def test_traffic_that_hardly_repeats_is_not_saved_by_redis():
    names = [f"pair:{i // 2}" if i % 10 < 2 else f"one:{i}" for i in range(2_000)]
    assert advise(log(np.arange(2_000), names), staleness=10).verdict == SHARE  # one in ten repeats
    colder = log(np.arange(2_000), ["once", *names[1:]])
    advice = advise(colder, staleness=10)
    assert advice.verdict == NOT_ALONE
    assert "90.0% of the requests find no entry younger than 10 s" in advice.reasons[1]


def test_an_origin_that_takes_twice_all_requests_needs_no_cache_where_hardly_any_repeats():
    at = np.sort([*range(1_900), *np.linspace(1_820, 1_858, 80)])  # 140 in the busiest minute
    rare = log(at, [f"once:{i}" if second % 1 == 0 else "hot" for i, second in enumerate(at)])
    advice = advise(rare, staleness=10, capacity=2 * 140 / 60)
    assert (advice.verdict, advice.ttl) == (PRIVATE, None)
    assert advice.headline == "Do not share: you need no cache at all."
    assert advice.reasons[1] == (
        "Without any cache the origin gets 1.04 requests a second (2.33 in the busiest minute); it can take "
        "4.67."
    )
    assert not told(advice, "disagree") and not told(advice, "no capacity")
    assert advise(rare, staleness=10, capacity=4.66).ttl == 10  # private caches keep it within half
    half = replace(rare, kept_one_in=2, skipped=len(at))
    assert [advise(half, staleness=10, capacity=most).ttl for most in (9.32, 9.34)] == [10, None]
    assert advise(steady(1, 1, 4_000), staleness=10, capacity=1_000).ttl == 10  # hits are quick, too


def test_one_instance_shares_with_nobody(ask):
    advice = ask(1, 60)
    assert (advice.verdict, advice.headline) == (
        PRIVATE,
        "Do not share: a private cache with a TTL of 60 s will do.",
    )
    assert "exactly as often as one Redis would" in advice.reasons[0]
    assert not any("disagree" in doubt for doubt in advice.doubts)
    assert ask(1, 60, 5).verdict == NOT_ALONE


def test_two_points_of_hit_rate_are_worth_sharing_and_less_are_not():
    hot = steady(1, 1, 4_000)  # the shared cache misses once in a TTL, each of the four too
    advice = advise(hot, ttls=[400], staleness=400)
    assert advice.verdict == PRIVATE  # 99.75 % against 99 %
    assert advise(hot, ttls=[100], staleness=100).verdict == SHARE  # 99 % against 96 %
    assert told(advice, "can take fewer than 0.0667 reads a second, the most that private caches")  # 4 / 60


def test_less_than_two_points_are_worth_it_if_the_origin_can_only_take_those():
    hot = steady(1, 1, 4_000)
    shared, private = 1 / 60, 4 / 60  # in the busiest minute
    assert advise(hot, ttls=[400], staleness=400, capacity=private - 0.001).verdict == SHARE
    assert advise(hot, ttls=[400], staleness=400, capacity=private).verdict == PRIVATE
    assert advise(hot, ttls=[400], staleness=400, capacity=shared - 0.001).verdict == NOT_ALONE


def test_routing_by_key_leaves_nothing_to_gain():
    advice = advise(made(), how={"route": "by_key"})
    assert advice.verdict == PRIVATE
    assert not any("disagree" in doubt for doubt in advice.doubts)


def test_of_ttls_that_hit_alike_the_least_stale_is_taken():
    hot = steady(21, 1, 5_000)
    for shorter, taken in ((67, 67), (66, 200)):  # 1 - 1/67 is one point below 1 - 1/200
        advice = advise(hot, instances=8, ttls=[10, shorter, 200], staleness=200)
        assert (advice.verdict, advice.ttl) == (SHARE, taken)
    assert advise(hot, instances=2, ttls=[100, 200, 400], staleness=400).ttl == 200  # of private ones too
    assert advise(hot, ttls=[152, 230], staleness=230).ttl == 152  # sharing gains 1.98 points
    assert advise(hot, ttls=[148, 230], staleness=230).ttl == 230  # 2.04 with the shorter one


def test_a_ttl_above_the_bound_is_never_taken(ask):
    assert [ask(4, bound).ttl for bound in (1, 10, 30, 60, 300)] == [1, 10, 30, 60, 300]


def test_a_shorter_ttl_is_not_taken_if_it_sends_the_origin_too_much():
    even = steady(21, 1, 3_000)  # in the busiest minute twice 21 reads with a TTL of 50 s, with 70 s once
    ttls = {"ttls": [50, 70], "staleness": 70}
    assert [advise(even, capacity=most, **ttls).ttl for most in (None, 0.7, 0.69)] == [50, 50, 70]


# What may be wrong with it.


def told(advice, words):
    return [doubt for doubt in advice.doubts if words in doubt]


def test_each_doubt_is_told_only_where_it_applies():
    plain = advise(made(skew=0.5), instances=8, staleness=10, capacity=25)
    assert plain.verdict == SHARE and len(plain.doubts) == 1  # that the log does not know of changes
    sampled = advise(made(kept_one_in=8), instances=8, staleness=10)
    assert told(sampled, "estimates from 1 key in 8")
    assert told(advise(made(), instances=8), "it lasts 17 TTLs")
    web = advise(made(kind="access log"), instances=8, staleness=10)
    assert told(web, "differ by user") and told(web, "CDN") and told(web, "query=True")
    assert told(web, "each of the 8 instances writes a log of its own") and not told(web, ".css")
    assert not told(advise(made(kind="access log", files=8), instances=8), "a log of its own")
    hot = advise(made(skew=2.0), instances=8, staleness=10)
    assert told(hot, "One key gets 61% of the requests")
    rest = made(skew=2.0, kept_one_in=8, skipped=140_000)
    assert not told(advise(rest, instances=8, staleness=10), "One key gets")  # 8 % of all


def test_keys_with_query_strings_are_not_said_to_be_without():
    traffic = zipf_traffic(20_000, 200, 1.0, 20, seed=11)
    keys = traffic["key"].cat.rename_categories(lambda key: f"/c?id={key}")
    assert not told(advise(log(traffic["at"], keys, kind="access log"), staleness=10), "query=True")


@pytest.mark.parametrize(
    ("ending", "are"), [(".css", True), (".JPG", True), (".js?v=2", True), (".cssx", False)]
)
def test_files_that_may_never_reach_the_origin_are_told(ending, are):
    keys = [f"/c{i % 50}{ending if i % 5 == 0 else ''}" for i in range(2_000)]
    of = log(np.arange(2_000), keys, kind="access log")
    assert bool(told(advise(of, staleness=10), "20% of the requests are for files")) == are
    assert not told(advise(replace(of, kind="CSV"), staleness=10), "for files")


def test_without_a_capacity_it_is_said_from_which_on_private_caches_will_do(ask, excerpt):
    for advice, again in ((ask(4, 60), partial(ask, 4, 60)), (advise(made()), partial(advise, made()))):
        [doubt] = told(advice, "You named no capacity")
        most = float(re.search(r"more than ([\d.]+) reads", doubt)[1])
        assert advice.verdict == SHARE == again(capacity=0.99 * most).verdict
        assert again(capacity=1.01 * most).verdict == PRIVATE
    assert not told(ask(4, 60, 15), "no capacity")


def test_a_busy_minute_is_told():
    calm, rush = np.arange(0, 3_000, 1.0), np.linspace(1_210, 1_269.9, 600)
    at = np.concatenate([calm, rush])
    order = np.argsort(at, kind="stable")
    keys = np.array([f"key:{i % 7}" for i in range(3_000)] + [f"rush:{i // 2}" for i in range(600)])
    [doubt] = told(advise(log(at[order], keys[order]), staleness=10), "busiest minute the origin is read")
    assert "read 5.48 times a second" in doubt


def test_memory_of_unknown_sizes_is_an_assumption():
    half = made(sizes=np.tile([-1, 100], 100))
    memory = pd.Series({1: 1e3, 10: 1e4, 60: 5e4})
    assert told(advise(half, memory=memory), "no size for 50% of the keys")
    assert not told(advise(made(), memory=memory), "no size")
    assert not told(advise(half), "no size")


def test_a_sample_stands_for_the_whole_log_in_every_rate_and_in_memory():
    whole, part = made(kept_one_in=1), made(kept_one_in=4, skipped=60_000)
    memory = pd.Series({60: 1_000_000.0})
    advice = advise(part, memory=memory)
    assert "holds at most about [here: 4 MB]" in advice.reasons[3]
    rates = [[float(n) for n in re.findall(r"\d+\.\d+", advise(of).reasons[1])] for of in (whole, part)]
    assert rates[1] == pytest.approx([4 * rate for rate in rates[0]], rel=0.01)
    assert advise(whole, capacity=5).verdict != advise(part, capacity=5).verdict == NOT_ALONE


# Boundary cases.


def test_all_of_it_reads_as_plain_lines(ask):
    text = str(ask(4, 60, memory=pd.Series({60: 123_456_789.0})))
    assert text.startswith("Share one Redis, with a TTL of 60 s.\n\nWhy:\n- With a TTL of 60 s")
    assert "\n\nDoubts:\n- Your traffic is bursty" in text
    assert max(map(len, text.splitlines())) <= 110


def test_lines_break_alike_whatever_memory_was_measured(ask):
    texts = [str(ask(4, 60, memory=pd.Series({60: size}))) for size in (1.0, 123_456_789.0)]
    assert len({re.sub(r"\[here: [^\]]*\]", "", text) for text in texts}) == 1


@pytest.mark.parametrize("of", [log([0], ["a"]), log([5, 5, 5], ["a"] * 3), steady(1, 1, 5_000)])
@pytest.mark.parametrize("capacity", [None, 0.001, 1_000])
def test_one_request_one_moment_and_one_key_get_an_answer_too(of, capacity):
    advice = advise(of, capacity=capacity)
    assert advice.verdict in (SHARE, PRIVATE, NOT_ALONE, TOO_LITTLE)
    assert len(str(advice).splitlines()) > 3


def test_no_word_of_the_answer_is_a_key_of_the_log():
    secret = log(np.arange(3_000), ["secret-name"] * 3_000)
    assert "secret" not in str(advise(secret)) + str(advise(secret, capacity=0.0001))


def test_what_makes_no_sense_is_refused_with_the_remedy(excerpt):
    found, grid, _ = excerpt
    refused(lambda: recommend(found, grid, 4, 45), "staleness is 45", "sweep again with ttls that include it")
    refused(lambda: recommend(found, grid, 3, 60), "no row for 3 instances", "run it again")
    refused(lambda: recommend(found, grid, 4, 60, 0), "capacity is 0")
    refused(lambda: recommend(found, grid, 4, 60, True), "capacity is True")
    refused(lambda: recommend(found, grid, 2.5, 60), "instances is 2.5")
    refused(lambda: recommend(made(), grid, 4, 60), "sweep this log")
    refused(lambda: recommend(found, None, 4, 60), "grid is not what sweep")
