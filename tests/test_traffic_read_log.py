"""Claims about read_log: several files, named fields, sizes, and logs larger than what may be held."""

from __future__ import annotations

import gzip
import json
import time
import tracemalloc
from datetime import UTC, datetime, timedelta
from zlib import crc32

import pandas as pd
import pytest
from test_traffic_read import hit, pairs

from labsupport import read_log, zipf_traffic
from labsupport.errors import BadArgument
from labsupport.traffic import held, lines

NOON = datetime(2026, 11, 27, 12, tzinfo=UTC)


@pytest.fixture
def log(tmp_path):
    """read_log on files with these contents; one is named as it is, several as a list."""

    def read(*contents, **choices):
        paths = [tmp_path / f"{i}.log" for i in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_log(paths if len(paths) > 1 else paths[0], **choices)

    return read


@pytest.fixture
def refusal(log):
    """The words with which these contents are refused."""

    def refuse(*contents, **choices):
        with pytest.raises(BadArgument) as refused:
            log(*contents, **choices)
        return str(refused.value)

    return refuse


def json_lines(*rows):
    """JSON lines."""
    return "".join(json.dumps(row) + "\n" for row in rows)


def stamped(moments, path="/a"):
    """An access log with a request at each of these moments."""
    return "".join(
        f'192.0.2.1 - - [{at:%d/%b/%Y:%H:%M:%S} +0000] "GET {path} HTTP/1.1" 200 5\n' for at in moments
    )


# --- named fields and columns -------------------------------------------------------------------------------


def test_times_may_be_numbers_or_iso_dates_of_any_zone_and_one_file_keeps_to_one_way(log):
    dates = json_lines(
        {"ts": "2026-11-27T13:00:01+01:00", "url": "b"},
        {"ts": "2026-11-27T12:00:00Z", "url": "a"},
        {"ts": "2026-11-27 12:00:02.5", "url": "c"},
        {"ts": 1, "url": "a number among dates"},
    )
    assert pairs(log(dates, at="ts", key="url").traffic) == [(0.0, "a"), (1.0, "b"), (2.5, "c")]
    numbers = 'ts,url\n7.5,a\n2026-11-27,"a date among numbers"\n8,b\n'
    assert pairs(log(numbers, at="ts", key="url").traffic) == [(0.0, "a"), (0.5, "b")]


def test_numbers_too_large_for_seconds_are_refused_until_the_unit_is_named(log, refusal):
    milliseconds = f"at,key\n{1_764_244_800_000},a\n{1_764_244_800_250},b\n"
    assert 'unit="ms"' in refusal(milliseconds)
    assert pairs(log(milliseconds, unit="ms").traffic) == [(0.0, "a"), (0.25, "b")]
    assert "unit is 'minutes'" in refusal(milliseconds, unit="minutes")


@pytest.mark.parametrize(
    ("written", "key", "with_query"),
    [
        ("/a?token=1", "/a", "/a?token=1"),
        ("https://ada:secret@h.example/a?token=1#b", "https://h.example/a", "https://h.example/a?token=1#b"),
        ("redis://:secret@h.example", "redis://h.example", "redis://h.example"),
        ("course:204?x", "course:204?x", "course:204?x"),
    ],
)
def test_a_path_or_a_url_loses_its_query_string_and_who_logs_in(log, written, key, with_query):
    for content in (json_lines({"at": 1, "key": written}), f"at,key\n1,{written}\n"):
        assert pairs(log(content).traffic) == [(0.0, key)]
        assert pairs(log(content, query=True).traffic) == [(0.0, with_query)]


def test_json_lines_with_method_and_status_are_filtered_like_an_access_log(log):
    rows = [
        {"at": i, "key": str(i), "method": method, "status": status}
        for i, (method, status) in enumerate([("GET", 200), ("get", "304"), ("POST", 200), ("GET", 404)])
    ]
    read = log(json_lines(*rows, {"at": 9, "key": 204}))
    assert list(read.traffic["key"]) == ["0", "1", "204"]
    assert read.notes == ["Left out 2 requests: 1 by method (kept: GET), 1 by status (kept: 200 to 399)."]
    assert (read.kind, read.lines, read.files, read.kept_one_in) == ("JSON lines", 5, 1, 1)


def test_a_name_with_dots_leads_into_an_object_beside_which_the_method_may_stand(log):
    rows = [
        {"ts": i, "request": {"method": method, "uri": f"/{i}?x=1", "bytes": 7}, "status": status}
        for i, (method, status) in enumerate([("GET", 200), ("POST", 200), ("GET", 500), ("GET", 304)])
    ]
    rows += [{"ts": 9, "request": "GET"}, {"ts": 9, "request": None}, {"ts": 9}]
    read = log(json_lines(*rows), at="ts", key="request.uri", size="request.bytes")
    assert (pairs(read.traffic), read.sizes.tolist()) == ([(0.0, "/0"), (3.0, "/3")], [7, -1])
    assert "1 by method" in read.notes[1] and "1 by status" in read.notes[1]
    flat = json_lines({"http.time": 1, "http.url": "/a", "http": {"url": "/b"}})
    assert pairs(log(flat, at="http.time", key="http.url").traffic) == [(0.0, "/a")]


def test_the_method_may_have_the_name_that_nginx_gives_it(log):
    rows = [
        {"time_local": "27/Nov/2026:12:00:00 +0000", "request_uri": "/a", "request_method": method}
        for method in ("GET", "POST")
    ]
    assert len(log(json_lines(*rows), at="time_local", key="request_uri").traffic) == 1


def test_the_names_of_other_fields_are_shown_if_they_look_like_names_and_values_never(refusal):
    row = {"ts": "secret", "http.url": "/secret", "request": {"uri": "secret", "ada": 1}}
    said = refusal(json_lines(row | {"ada@example.org": 1, "192.0.2.1": 2}))
    assert "with the fields ts, http.url, request.uri; choose two by read_log(..., at=, key=)" in said
    assert not any(word in said for word in ("secret", "ada", "192"))


# --- sizes --------------------------------------------------------------------------------------------------


def test_the_size_of_a_key_is_that_of_its_earliest_request_that_tells_one(log):
    late, early = (
        "at,key,size\n5,a,50\n6,b,\n7,c,0\n8,c,9\n",
        "at,key,size\n0,a,\n1,a,10.0\n2,d,-3\n3,e,NaN\n",
    )
    read = log(late, early)
    sizes = dict(zip(read.traffic["key"].cat.categories, read.sizes.tolist(), strict=True))
    assert sizes == {"a": 10, "b": -1, "c": 0, "d": -1, "e": -1}


def test_an_access_log_tells_no_size_by_a_dash_a_zero_a_part_or_a_mere_confirmation(log):
    end = hit("GET /z HTTP/1.1")
    parts = [hit(f"GET /{status} HTTP/1.1", status=status) for status in (200, 206, 302, 304)]
    read = log("".join([*parts, end.replace(" 2326", " -"), end.replace(" 2326", " 0").replace("/z", "/y")]))
    assert read.sizes.tolist() == [2326, -1, 2326, -1, -1, -1]


# --- several files ------------------------------------------------------------------------------------------


def test_files_of_all_formats_are_merged_by_time_in_silence(log):
    start = NOON.timestamp()
    read = log(
        gzip.compress(stamped([NOON + timedelta(seconds=s) for s in (0, 3)]).encode()),
        json_lines({"at": "2026-11-27T12:00:01Z", "key": "/b", "size": 7}),
        f"at,key\n{start + 2},/c\n{start + 3},/d\n",
    )
    assert pairs(read.traffic) == [(0.0, "/a"), (1.0, "/b"), (2.0, "/c"), (3.0, "/a"), (3.0, "/d")]
    assert (read.notes, read.files, read.kind) == ([], 3, "access log and JSON lines and CSV")
    assert read.sizes.tolist() == [5, 7, -1, -1]


def test_dates_and_seconds_from_a_start_of_their_own_are_not_merged(refusal):
    said = refusal(stamped([NOON]), "at,key\n1,a\n")
    assert "0.log' has dates" in said and "1.log' counts seconds" in said


def test_a_file_of_which_nothing_is_kept_stands_in_no_one_s_way(log):
    read = log(json_lines({"at": 1, "key": "a", "method": "POST"}), stamped([NOON]))
    assert pairs(read.traffic) == [(0.0, "/a")] and "1 by method" in read.notes[0]


def test_an_empty_file_among_others_is_told_and_a_senseless_one_refused_by_name(log, refusal):
    assert log(stamped([NOON]), "").notes == ["Files without a line: 1 of 2."]
    assert "1.log" in refusal(stamped([NOON]), "what is this\n")
    assert "the first is line 2 of '/" in log(hit(), hit() + "what is this\n").notes[0]


# --- clocks -------------------------------------------------------------------------------------------------


def test_a_log_with_the_month_in_place_of_the_minute_is_refused_and_an_hourly_job_is_read(log, refusal):
    moments = [NOON + timedelta(seconds=17 * i) for i in range(1_000)]
    assert "%m" in refusal(stamped(at.replace(minute=11) for at in moments))
    jobs = [NOON + timedelta(hours=h, seconds=s) for h in range(48) for s in (0, 19, 4, 30, 40, 58)]
    some = jobs[:6]
    days = [at + timedelta(days=d) for d in range(9, 0, -1) for at in some]
    # A step back now and then, two servers' logs joined, and parts in the wrong order are no sawtooth.
    for honest in (jobs, some + some, days):
        assert len(log(stamped(honest)).traffic) == len(honest)


def test_a_line_above_64_ki_characters_is_left_out_and_told(log):
    read = log(hit() + "x" * 65_537 + "\n" + hit("GET /" + "b" * 65_000 + " HTTP/1.1"))
    assert read.notes == ["Left out 1 of 3 lines that have more than 65,536 characters."]


def test_requests_out_of_order_are_counted_in_each_file_of_a_sampled_log_too(log):
    key = next(str(i) for i in range(99) if crc32(str(i).encode()) < 1 << 30)  # in any sample of 1 in 4
    first = "at,key\n" + "".join(f"{i},{i}\n" for i in range(100, 200))
    second = f"at,key\n1,{key}\n0,{key}\n" + "".join(f"{i},{i}\n" for i in range(200, 300))
    read = log(first, second, most=80)
    assert read.kept_one_in == 4
    assert read.notes[0] == f"Sorted the requests by time: 1 of {len(read.traffic)} came after a later one."


def test_a_clock_set_back_by_more_than_an_hour_is_told(log):
    (note,) = log(stamped(NOON + timedelta(hours=h) for h in (0, 3, 1))).notes
    assert note.startswith(
        "Sorted the requests by time: 1 of 3 came after a later one. The furthest came 2.0 hours"
    )


# --- size ---------------------------------------------------------------------------------------------------


def test_a_log_with_more_requests_than_may_be_held_keeps_whole_keys_of_a_lower_hash(log):
    made = zipf_traffic(4_000, 500, skew=0.5, rate=10, seed=5)
    read = log(made.to_csv(index=False), most=1_500)
    chosen = made[[crc32(key.encode()) < (1 << 32) // 4 for key in made["key"]]]
    assert read.kept_one_in == 4 and 0 < len(chosen) <= 1_500
    assert list(read.traffic["key"]) == list(chosen["key"])
    assert (read.traffic["at"] - (chosen["at"] - chosen["at"].iloc[0]).to_numpy()).abs().max() < 1e-9
    assert f"1 key in 4, each with all its requests, {len(chosen):,} of 4,000" in read.notes[0]


def test_the_sample_does_not_depend_on_where_it_began_nor_on_how_the_log_is_cut(log):
    made = zipf_traffic(3_000, 400, skew=0.5, rate=10, seed=5)
    whole = log(made.to_csv(index=False), most=800)
    parts = [made.iloc[i : i + 500].to_csv(index=False) for i in range(0, 3_000, 500)]
    pd.testing.assert_frame_equal(log(*reversed(parts), most=800).traffic, whole.traffic)


def test_a_log_with_too_much_text_in_its_keys_is_sampled_too(log, monkeypatch):
    monkeypatch.setattr(held, "KEY_BYTES", 100_000)
    read = log("at,key\n" + "".join(f"{i},{i:0100d}\n" for i in range(2_000)))
    assert "MB of keys" in read.notes[0]
    assert read.kept_one_in == 8 and 150 < len(read.traffic) < 350


def test_no_sample_is_made_of_one_key_that_has_nearly_all_requests(refusal):
    assert "larger most=" in refusal("at,key\n" + "1,a\n" * 50, most=10)


def make(path, count):
    """A log in the Common format, 100 requests a second, keys of unequal popularity."""
    with path.open("w") as file:
        for i in range(count):
            at = NOON + timedelta(seconds=i // 100)
            file.write(stamped([at], f"/courses/{i * i % 997}?page={i % 7}"))
    return path


@pytest.fixture(scope="module")
def logs(tmp_path_factory):
    """Two access logs, the second four times as long as the first."""
    folder = tmp_path_factory.mktemp("logs")
    return [make(folder / f"{count}.log", count) for count in (10_000, 40_000)]


def memory(path, **choices):
    """The most bytes that reading this file took at once."""
    tracemalloc.start()
    try:
        read_log(path, **choices)
        return tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()


def test_a_sampled_log_takes_no_more_memory_when_it_is_four_times_as_long(logs, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 4_096)  # or the blocks would outweigh the requests of so small a log
    short, long = logs
    assert memory(long, most=5_000) < 1.5 * memory(short, most=5_000)


def test_the_time_to_read_a_log_grows_with_its_length(logs):
    def seconds(path):
        start = time.process_time()
        read_log(path)
        return time.process_time() - start

    short, long = (min(seconds(path) for _ in range(3)) for path in logs)
    assert long < 8 * short  # four times, if the machine were quiet
