"""The two small exercises of notebook 09: what each answer that learners give is told."""

from __future__ import annotations

import pytest
from learner import NO_FUNCTIONS, Hostile, finding, learner, named, reply, said

from labsupport.decide import advice, sweep
from labsupport.lessons import check_shortest_ttl, check_verdicts, exercises, four_services, texts
from labsupport.lessons.checks import nb09, services
from labsupport.lessons.given import NOT_ATTEMPTED, RIGHT

SHORTEST = "def shortest_ttl(grid, instances, shared, capacity, staleness):"
N, DESIGN = 'grid["instances"] == instances', 'grid["shared"] == shared'
READS, OLD = 'grid["origin_reads"] <= capacity', 'grid["ttl"] <= staleness'


def rows(*conditions):
    """A function that keeps the rows which meet these conditions, and then does what is appended."""
    return f"{SHORTEST}\n rows = grid[{' & '.join(f'({condition})' for condition in conditions)}]\n"


ALL = rows(N, DESIGN, READS, OLD)
LEAST = ' return min(rows["ttl"], default=None)'
LOOP = f"""{SHORTEST}
 found = [row.ttl for row in grid.itertuples() if row.instances == instances and row.shared == shared
          and row.origin_reads <= capacity and row.ttl <= staleness]
 return sorted(found)[0] if found else None"""
TTLS = [
    (NOT_ATTEMPTED, f"{SHORTEST}\n ..."),
    (RIGHT, ALL + LEAST),
    (RIGHT, LOOP),
    (RIGHT, ALL + ' return rows["ttl"].min() if len(rows) else None'),
    (RIGHT, ALL + ' return None if rows.empty else int(rows.sort_values("ttl")["ttl"].iloc[0])'),
    (RIGHT, f"{ALL} grid['ttl'] = 0\n{LEAST}"),
    ("no_return", ALL + ' min(rows["ttl"], default=None)'),
    ("several", ALL + ' return rows["ttl"]'),
    ("several", ALL + " return rows"),
    ("several", ALL + ' return sorted(rows["ttl"])'),
    ("no_ttl", ALL + ' return min(rows["origin_reads"], default=None)'),
    ("no_ttl", ALL + ' return min(rows["hit_rate"], default=None)'),
    ("no_ttl", ALL + ' return rows["ttl"].idxmin() if len(rows) else None'),
    ("no_capacity", rows(N, DESIGN, OLD) + LEAST),
    ("no_staleness", rows(N, DESIGN, READS) + LEAST),
    ("no_instances", rows(DESIGN, READS, OLD) + LEAST),
    ("no_shared", rows(N, READS, OLD) + LEAST),
    ("longest", ALL + ' return max(rows["ttl"], default=None)'),
    ("longest", ALL + ' return rows["ttl"].max()'),  # nan where nothing fits: one thing at a time
    ("by_place", ALL + ' return rows["ttl"].iloc[0] if len(rows) else None'),
    ("by_place", ALL + ' return rows["ttl"].iloc[-1] if len(rows) else None'),
    ("bound_met", (ALL + LEAST).replace(READS, READS.replace("<=", "<"))),
    ("bound_met", (ALL + LEAST).replace(OLD, OLD.replace("<=", "<"))),
    ("bound_met", (ALL + LEAST).replace("<=", "<")),
    ("nothing_fits", ALL + ' return rows["ttl"].min()'),
    ("nothing_fits", ALL + ' return min(rows["ttl"], default=0)'),
    ("nothing_fits", ALL + ' return min(rows["ttl"], default=float("inf"))'),
    ("nothing_fits", ALL + ' return min(rows["ttl"], default=77)'),
    ("none_raises", ALL + ' return min(rows["ttl"])'),
    ("none_raises", ALL + ' return rows["ttl"].sort_values().iloc[0]'),
    ("another", (ALL + LEAST).replace("<= staleness", ">= staleness")),
    ("another", f"{SHORTEST} return 60"),
    ("another", f"{ALL} return 30 if 30 in set(rows['ttl']) else None"),
    ("nothing_fits", f"{ALL}{LEAST.replace('None', 'staleness')}"),
    ("stopped", f"{SHORTEST} return grid['reads']"),
    ("number_in_quotes", ALL + ' return str(min(rows["ttl"], default=None))'),
    ("async_function", f"async {SHORTEST} return 60"),
    ("other_parameters", "def shortest_ttl(grid, capacity): return 60"),
]
ANSWERS = {
    "prices": "Redis alone will not solve this",
    "flags": "do not share",
    "courses": "share",
    "launch": "too little traffic to say",
}
NAMED = {word: verdict for verdict, word in nb09.WORDS.items()}
WRONG = [
    (f"{name}_{word}", {name: verdict})
    for name, right in ANSWERS.items()
    for word, verdict in NAMED.items()
    if verdict != right
]
VERDICTS = [
    (RIGHT, {}),
    (RIGHT, {"courses": " Share. ", "flags": "Do not share", "another": Hostile()}),
    ("still_open", {"flags": None}),
    ("still_open", {"flags": None, "prices": ...}),
    ("still_open", {"flags": ...}),
    ("no_verdict", {"flags": "no"}),
    ("no_verdict", {"prices": Hostile()}),
    ("no_verdict", {"launch": 4}),
    *WRONG,
]
NO_VERDICTS = [
    *[(NOT_ATTEMPTED, thing) for thing in (None, ..., dict.fromkeys(ANSWERS))],
    *[("no_dict", thing) for thing in (5, "share", list(ANSWERS.values()), Hostile(), print)],
    *[("missing", thing) for thing in ({}, {"flags": "share"})],
]


@pytest.mark.parametrize(("name", "source"), TTLS)
def test_each_function_gets_its_own_reply(name, source):
    assert named(check_shortest_ttl, "shortest_ttl", source) == name


@pytest.mark.parametrize("thing", NO_FUNCTIONS)
def test_what_is_no_function_gets_one_sentence(thing):
    assert finding(check_shortest_ttl, thing) == "no_function"


@pytest.mark.parametrize(("name", "change"), VERDICTS)
def test_each_verdict_gets_its_own_reply(name, change):
    assert finding(check_verdicts, ANSWERS | change) == name


@pytest.mark.parametrize(("name", "thing"), NO_VERDICTS)
def test_what_is_no_dict_of_verdicts_is_told(name, thing):
    assert finding(check_verdicts, thing) == name


@pytest.mark.parametrize(
    ("exercise", "lists"), [("shortest_ttl", TTLS), ("verdicts", VERDICTS + NO_VERDICTS)]
)
def test_the_lists_above_know_every_reply_of_the_texts(exercise, lists):
    table = texts.load("exercises/09")[exercise]
    assert set(table["replies"]) <= {name for name, _ in lists}
    assert len(table["hints"]) == 3


# --- what the replies say is so


def test_the_cases_ask_for_both_designs_for_none_and_for_a_bound_that_is_met_exactly():
    cases = nb09._cases()
    wanted = [nb09._shortest(case) for case in cases]
    assert wanted == [30, 120, None, None, 120, None, 15, 30, 60]
    assert {case.shared for case in cases} == {False, True}
    assert any(nb09._reads(case, ttl) == case.capacity for case, ttl in zip(cases, wanted) if ttl)
    assert any(case.staleness == ttl for case, ttl in zip(cases, wanted))


def test_each_thing_believed_about_the_shortest_ttl_differs_from_the_truth_and_the_others():
    cases = nb09._cases()
    computed = [tuple(belief(case) for case in cases) for belief in nb09.BELIEFS.values()]
    assert len({*computed, tuple(map(nb09._shortest, cases))}) == 1 + len(computed)


def test_what_sharing_buys_is_told_in_seconds_of_freshness():
    text = said(check_shortest_ttl, "shortest_ttl", ALL + LEAST)
    assert text.startswith("Right: all 9 cases come out, on the sweeps of three made services.")
    assert "one shared cache keeps to that with a TTL of 30 s, four private ones need 120 s" in text


def test_a_wrong_ttl_is_told_with_what_the_origin_would_get():
    text = said(check_shortest_ttl, "shortest_ttl", rows(N, DESIGN, OLD) + LEAST)
    assert "you give 5 s, where one shared cache read 10.63 times a second at the origin" in text
    text = said(check_shortest_ttl, "shortest_ttl", ALL + ' return rows["ttl"].min()')
    assert "even 60 s, the longest TTL that is allowed, leave 7.45 reads a second" in text
    assert "Your function gives nan." in text


def test_a_wrong_answer_is_told_with_the_first_case_that_does_not_come_out():
    text = said(check_shortest_ttl, "shortest_ttl", (ALL + LEAST).replace(READS, READS.replace("<=", "<")))
    assert "for the service flags with 8 private caches, at most 14.66 reads" in text
    assert "your function gives 30, and it is 15" in text
    text = said(check_shortest_ttl, "shortest_ttl", f"{SHORTEST} return 60.0")
    assert "your function gives 60, and it is 30" in text
    text = said(check_shortest_ttl, "shortest_ttl", ALL + ' return min(rows["ttl"])')
    assert "your function stopped with ValueError: min()" in text


def test_a_check_prints_its_reply_and_no_progress_bar(capsys):
    services.grid_of.cache_clear()
    check_shortest_ttl(learner(ALL + LEAST)["shortest_ttl"])
    out, _ = capsys.readouterr()
    assert out.startswith("Right: ") and "parts" not in out


def test_the_grid_that_a_function_gets_is_its_own_and_in_the_order_that_was_asked():
    assert services.grid_of("flags")["ttl"].is_monotonic_increasing
    assert services.grid_of("courses")["ttl"].is_monotonic_decreasing


def test_the_verdicts_are_those_that_the_recommendation_gives():
    assert {name: services.advised(name) for name in services.services()} == ANSWERS
    assert set(nb09.WORDS) == {advice.SHARE, advice.PRIVATE, advice.NOT_ALONE, advice.TOO_LITTLE}


def test_the_table_and_the_replies_tell_the_same_numbers_of_a_sweep():
    table, courses = four_services(), services.services()["courses"]
    grid = sweep(courses.traffic, 60, 4)
    private, shared = grid["hit_rate"]
    assert table.loc["private caches: hit rate", "courses"] == f"{private:.1%}" == "62.9%"
    assert table.loc["one shared cache: hit rate", "courses"] == f"{shared:.1%}" == "80.2%"
    text = reply(check_verdicts, ANSWERS | {"courses": "do not share"})
    assert f"send {grid['origin_reads'].iloc[0]:.2f} reads a second to an origin that can take 6" in text
    assert list(table) == list(ANSWERS)


def test_the_last_hints_are_answers():
    hints = {name: exercises.exercises()[name]["hints"][2] for name in ("shortest_ttl", "verdicts")}
    source = hints["shortest_ttl"].rstrip(".").replace(", then ", "\n ")
    assert named(check_shortest_ttl, "shortest_ttl", f"{SHORTEST}\n {source}") == RIGHT
    told = dict(part.split(": ") for part in hints["verdicts"].rstrip(".").split(". "))
    assert told == ANSWERS
