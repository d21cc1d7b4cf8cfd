"""Claims about read_traffic: CSV or access log, chosen by content; what it leaves out, it says."""

from __future__ import annotations

import gzip
import random
import tempfile
import tracemalloc
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from labsupport.errors import BadArgument
from labsupport.traffic import lines, read_log, read_traffic, zipf_traffic

EXCERPT = Path(__file__).parent.parent / "notebooks" / "data" / "twitter-cluster52.csv.gz"
HOST = "198.51.100.23"  # from a range that is reserved for examples


def read(content, name="traffic", **choices):
    """read_traffic on a file with this content, text or bytes."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_traffic(path, **choices)


def pairs(traffic):
    return list(zip(traffic["at"], traffic["key"], strict=True))


def hit(request="GET /a HTTP/1.1", second=0, status=200, host=HOST, zone="+0000", tail=""):
    """One access-log line; Common Log Format unless a tail is given."""
    return f'{host} - - [10/Oct/2000:13:55:{second:02d} {zone}] "{request}" {status} 2326{tail}\n'


def key_of(request, **choices):
    """The key that one logged request gives."""
    return read(hit(request), **choices)["key"].iloc[0]


# --- CSV ----------------------------------------------------------------------------------------------------


def test_csv_gives_at_from_the_first_request_and_key_as_categories_of_str():
    traffic = read("at,key\n100.5,course:204\n101,course:7\n101.25,course:204\n")
    assert list(traffic.columns) == ["at", "key"]
    assert traffic["at"].dtype == np.float64
    assert isinstance(traffic["key"].dtype, pd.CategoricalDtype)
    assert pairs(traffic) == [(0.0, "course:204"), (0.5, "course:7"), (0.75, "course:204")]


def test_a_clean_file_is_read_in_silence(capsys):
    assert read("at,key\n0,a\n1,b\n").attrs["notes"] == []
    assert read(hit() + hit(second=1)).attrs["notes"] == []
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    "content",
    [
        "key,at\na,5\nb,6\n",
        "at,size,key,op\n5,54,a,GET\n6,12,b,SET\n",
        '"at","key"\n"5","a"\n6,"b"\n',
        " at , key\n5,a\n6,b\n",
        "\ufeffat,key\n5,a\n6,b\n",
        "at,key\r\n5,a\r\n6,b\r\n",
        "at,key\n5,a\n6,b",
        "\nat,key\n\n5,a\n6,b\n\n",
        "at,key\n-1,a\n0,b\n",
    ],
    ids=[
        "order",
        "more columns",
        "quotes",
        "spaces",
        "BOM",
        "CRLF",
        "no last newline",
        "blank lines",
        "negative",
    ],
)
def test_the_same_csv_in_many_spellings(content):
    traffic = read(content)
    assert pairs(traffic) == [(0.0, "a"), (1.0, "b")]
    assert traffic.attrs["notes"] == []


def test_keys_stay_exactly_as_written():
    keys = ["00204", "NA", "nan", "None", "", "1e3", "Straße", "a,b", 'say "hi"', " a"]
    frame = pd.DataFrame({"at": range(len(keys)), "key": keys})
    assert list(read(frame.to_csv(index=False))["key"]) == [key for key in keys if key]


def test_malformed_csv_lines_are_left_out_counted_and_the_first_is_named(capsys):
    bad = ["nan,b", "inf,b", "soon,b", "2", "2,b,extra", "2,", "2,  ", ",b", '2,"b']
    traffic = read("\n".join(["at,key", "0,a", "", *bad, "3,a"]) + "\n")
    assert pairs(traffic) == [(0.0, "a"), (3.0, "a")]
    note = "Left out 9 of 11 lines that could not be understood; the first is line 4."
    assert traffic.attrs["notes"] == [note]
    assert capsys.readouterr().out == note + "\n"


def test_a_short_line_is_malformed_in_any_order_of_columns():
    assert len(read("size,key,at\n5,a,0\n5,a\n5\n5,a,1\n")) == 2


def test_an_open_quote_costs_one_line_not_the_rest_of_the_file():
    assert len(read('at,key\n0,"a\n1,b\n2,c\n')) == 2


# --- order --------------------------------------------------------------------------------------------------


def test_rows_out_of_order_are_sorted_and_it_says_how_many(capsys):
    traffic = read("at,key\n1,a\n3,b\n2,c\n0,d\n4,e\n")
    assert pairs(traffic) == [(0.0, "d"), (1.0, "a"), (2.0, "c"), (3.0, "b"), (4.0, "e")]
    note = "Sorted the requests by time: 2 of 5 came after a later one."
    assert traffic.attrs["notes"] == [note]
    assert capsys.readouterr().out == note + "\n"


def test_requests_with_equal_times_keep_the_order_of_the_file():
    traffic = read("at,key\n2,x\n1,b\n1,a\n1,c\n1,b\n2,w\n")
    assert list(traffic["key"]) == ["b", "a", "c", "b", "x", "w"]


def test_categories_stand_in_the_order_of_their_first_request():
    assert list(read("at,key\n5,c\n1,b\n2,a\n3,b\n")["key"].cat.categories) == ["b", "a", "c"]


# --- access logs --------------------------------------------------------------------------------------------


def test_the_textbook_common_log_line():
    line = '127.0.0.1 ident frank [10/Oct/2000:13:55:36 -0700] "GET /apache_pb.gif HTTP/1.0" 200 2326\n'
    assert pairs(read(line)) == [(0.0, "/apache_pb.gif")]


@pytest.mark.parametrize(
    "tail",
    [
        ' "http://www.example.com/start.html" "Mozilla/4.08 [en] (Win98; I ;Nav)"',
        r' "-" "an \"agent\" with [10/Oct/2000:13:55:59 +0000] in it"',
        ' "-" "-" 0.004 "another column"',
        ' "-" "cut off',
    ],
)
def test_what_follows_the_size_does_not_matter(tail):
    traffic = read(hit(tail=tail) + hit("GET /b HTTP/1.1", second=2, tail=tail))
    assert pairs(traffic) == [(0.0, "/a"), (2.0, "/b")]


@pytest.mark.parametrize(
    "host", ["2001:db8::7", "[2001:db8::7]", "client.example.org", "www.example.org:443 192.0.2.1"]
)
def test_any_client_can_ask_and_none_is_kept(host):
    traffic = read(hit(host=host))
    assert pairs(traffic) == [(0.0, "/a")]
    assert host not in traffic.to_csv() + str(traffic.attrs)


def test_a_user_name_may_hold_spaces_and_the_size_may_be_missing():
    line = '192.0.2.1 - Ada Lovelace [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 304 -\n'
    assert pairs(read(line)) == [(0.0, "/a")]


@pytest.mark.parametrize(
    ("request_line", "key"),
    [
        ("GET /courses/204?page=2&x=a?b HTTP/1.1", "/courses/204"),
        ("GET /courses/204 HTTP/2", "/courses/204"),
        ("GET /courses/204", "/courses/204"),
        ("GET / HTTP/1.0", "/"),
        ("GET /a b c HTTP/1.1", "/a b c"),
        ("GET /caf%C3%A9%3Fx HTTP/1.1", "/caf%C3%A9%3Fx"),
        (r"GET /say/\"hi\" HTTP/1.1", r"/say/\"hi\""),
        (r"GET /back\\ HTTP/1.1", r"/back\\"),
        ("GET http://example.org/courses/204?x=1 HTTP/1.1", "/courses/204"),
        ("GET https://example.org HTTP/1.1", "/"),
        ("GET https://example.org?x=1 HTTP/1.1", "/"),
        ("GET /go?to=http://example.org/x HTTP/1.1", "/go"),
    ],
)
def test_the_key_is_the_path_without_the_query_string(request_line, key):
    assert key_of(request_line) == key


def test_the_query_string_is_kept_on_request():
    assert key_of("GET /courses?page=2 HTTP/1.1", query=True) == "/courses?page=2"
    assert key_of("GET http://example.org?x=1 HTTP/1.1", query=True) == "/?x=1"


def test_time_zones_are_respected_when_clocks_change_within_a_file():
    lines = [
        '192.0.2.1 - - [29/Oct/2000:02:59:59 +0200] "GET /a HTTP/1.1" 200 1\n',
        '192.0.2.1 - - [29/Oct/2000:02:00:00 +0100] "GET /b HTTP/1.1" 200 1\n',
        '192.0.2.1 - - [28/Oct/2000:20:30:02 -0430] "GET /c HTTP/1.1" 200 1\n',
        '192.0.2.1 - - [01/Jan/2001:00:00:00 +0000] "GET /d HTTP/1.1" 200 1\n',
    ]
    traffic = read("".join(lines))
    assert list(traffic["at"]) == [0.0, 1.0, 3.0, 64 * 86400 - 3599.0]
    assert traffic.attrs["notes"] == []


def test_only_get_with_2xx_or_3xx_is_kept_and_the_rest_is_counted(capsys):
    lines = [
        hit(),
        hit("POST /a HTTP/1.1"),
        hit("HEAD /a HTTP/1.1", status=404),
        hit("-", status=408),
        hit(r"\x16\x03\x01", status=400),
        hit(status=404),
        hit(status=500),
        hit(status=199),
        hit("GET /b HTTP/1.1", status=304, second=3),
        hit("GET /c HTTP/1.1", status=399, second=3),
    ]
    traffic = read("".join(lines))
    assert pairs(traffic) == [(0.0, "/a"), (3.0, "/b"), (3.0, "/c")]
    note = "Left out 7 requests: 4 by method (kept: GET), 3 by status (kept: 200 to 399)."
    assert traffic.attrs["notes"] == [note]
    assert capsys.readouterr().out == note + "\n"


def test_methods_and_statuses_can_be_chosen():
    log = hit() + hit("POST /b HTTP/1.1") + hit("DELETE /c HTTP/1.1", status=404) + hit("-", status=408)
    assert list(read(log, methods=("GET", "POST"))["key"]) == ["/a", "/b"]
    assert list(read(log, methods="post")["key"]) == ["/b"]
    assert list(read(log, methods=["DELETE"], statuses=(100, 599))["key"]) == ["/c"]


@pytest.mark.parametrize(
    "line",
    [
        "not a log line\n",
        '192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1\n',
        '192.0.2.1 - - [10/Oct/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200\n',
        '192.0.2.1 - - [10/Oct/2000:13:55:36] "GET /a HTTP/1.1" 200 1\n',
        '192.0.2.1 - - [31/Feb/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200 1\n',
        '192.0.2.1 - - [10/Okt/2000:13:55:36 +0000] "GET /a HTTP/1.1" 200 1\n',
        '192.0.2.1 - - [10/Oct/2000:13:55:61 +0000] "GET /a HTTP/1.1" 200 1\n',
        hit("GET"),
        hit("GET  HTTP/1.1"),
        hit("GET ?x=1 HTTP/1.1"),
    ],
)
def test_a_malformed_log_line_is_left_out_and_named(line):
    traffic = read(hit() + line + hit(second=5))
    assert pairs(traffic) == [(0.0, "/a"), (5.0, "/a")]
    assert traffic.attrs["notes"] == [
        "Left out 1 of 3 lines that could not be understood; the first is line 2."
    ]


def test_a_log_may_begin_with_a_malformed_line():
    assert read("...\n" + hit()).attrs["notes"][0].endswith("the first is line 1.")


def test_bytes_that_are_no_utf8_do_not_stop_the_reading():
    latin1 = hit("GET /caf\xe9 HTTP/1.1").encode("latin-1")
    assert list(read(latin1 + hit().encode())["key"]) == ["/caf\ufffd", "/a"]
    assert list(read(b"at,key\n0,caf\xe9\n1,\x80\x00\xff\n")["key"]) == ["caf\ufffd", "\ufffd\x00\ufffd"]


# --- content, not name --------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a.csv", "a.log", "a.gz", "a.csv.gz", "a"])
@pytest.mark.parametrize("pack", [bytes, gzip.compress], ids=["plain", "gzip"])
@pytest.mark.parametrize(
    "content", ["at,key\n0,/a\n1,/b\n", hit() + hit("GET /b HTTP/1.1", second=1)], ids=["csv", "log"]
)
def test_the_format_is_chosen_by_content_and_not_by_name(content, pack, name):
    assert pairs(read(pack(content.encode()), name=name)) == [(0.0, "/a"), (1.0, "/b")]


def test_a_path_may_be_a_plain_string(tmp_path):
    (tmp_path / "t.csv").write_text("at,key\n0,a\n")
    assert len(read_traffic(str(tmp_path / "t.csv"))) == 1


# --- errors -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "content",
    [
        "",
        "\n\n",
        "time,url\n1,/a\n",
        "at,key\n",
        "at,key\nsoon,/a\n",
        "hello\n",
        b"\x00\xff\xfe" * 50,
        gzip.compress(b"", mtime=0),
    ],
)
def test_nothing_usable_is_an_error_that_shows_both_formats(content):
    with pytest.raises(BadArgument) as refusal:
        read(content, name="mine.log")
    message = str(refusal.value)
    assert "mine.log" in message
    assert "0.25,course:204" in message
    assert '"GET /courses/204 HTTP/1.1" 200 2326' in message


def test_the_example_lines_in_the_error_can_be_read():
    with pytest.raises(BadArgument) as refusal:
        read("")
    examples = [line.strip() for line in str(refusal.value).splitlines() if line.startswith("    ")]
    assert list(read("\n".join(examples[:2]))["key"]) == ["course:204"]
    assert list(read(examples[2])["key"]) == ["/courses/204"]


def test_the_error_shows_a_csv_header_as_it_is():
    with pytest.raises(BadArgument, match="first line is: time,url"):
        read("time,url\n1,/a\n")


def test_the_error_shows_the_shape_of_the_first_malformed_line_below_a_header():
    with pytest.raises(
        BadArgument, match=r"first line is: at,key\nand its line 2 looks like: 99\.99\.9999 99:99:99,/a"
    ):
        read("at,key\n10.10.2000 13:55:36,/b\n")


@pytest.mark.parametrize("host", [HOST, "2001:db8::7", "client.example.org", "ada@example.org"])
def test_the_error_shows_the_shape_of_a_first_line_and_never_who_asked(host):
    with pytest.raises(BadArgument) as refusal:
        read(f"{host},2000-10-10T13:55:36Z,GET,/a\n{host} /b\n" + f"{host} " * 500)
    message = str(refusal.value)
    assert host not in message
    assert "example.org" not in message
    assert "9999-99-99" in message
    assert len(message) < 700


def test_when_everything_was_left_out_the_error_says_why_and_how_to_keep_it():
    with pytest.raises(BadArgument) as refusal:
        read(hit("POST /a HTTP/1.1") + hit(status=500))
    message = str(refusal.value)
    assert "1 by method (kept: GET), 1 by status (kept: 200 to 399)" in message
    assert "methods=" in message
    assert "statuses=" in message
    assert "\n" not in message


def test_a_missing_file_is_a_file_not_found_error_in_one_line(tmp_path):
    with pytest.raises(FileNotFoundError) as refusal:
        read_traffic(tmp_path / "nowhere.csv")
    assert isinstance(refusal.value, BadArgument)
    assert "nowhere.csv" in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    "bad",
    [
        {"methods": ()},
        {"methods": 5},
        {"methods": ("GET", 5)},
        {"statuses": 200},
        {"statuses": (399, 200)},
        {"statuses": (200, 304, 399)},
        {"statuses": ("2xx", "3xx")},
    ],
    ids=str,
)
def test_a_bad_choice_is_refused_in_one_line_that_names_it(bad):
    with pytest.raises(BadArgument) as refusal:
        read(hit(), **bad)
    assert str(refusal.value).startswith(f"{next(iter(bad))} must be ")
    assert "\n" not in str(refusal.value)


# --- properties ---------------------------------------------------------------------------------------------


def same(left, right):
    """Equal times and keys, whatever the order of the categories."""
    return list(left["at"]) == list(right["at"]) and list(left["key"]) == list(right["key"])


@settings(max_examples=30, deadline=None)
@given(requests=st.integers(1, 60), courses=st.integers(1, 20), seed=st.integers(0, 999))
def test_made_traffic_comes_back_from_csv_unchanged(requests, courses, seed):
    made = zipf_traffic(requests, courses, skew=1.0, rate=5.0, seed=seed)
    assert same(read(made.to_csv(index=False)), made)


@settings(max_examples=30, deadline=None)
@given(requests=st.integers(1, 60), seed=st.integers(0, 999), shuffle=st.randoms())
def test_shuffled_rows_sort_back(requests, seed, shuffle):
    lines = zipf_traffic(requests, 10, skew=1.0, rate=5.0, seed=seed).to_csv(index=False).splitlines()
    mixed = [lines[0], *shuffle.sample(lines[1:], len(lines) - 1)]
    pd.testing.assert_frame_equal(read("\n".join(mixed)), read("\n".join(lines)))


# No path and no URL: those lose their query strings.
LINE_TEXT = st.text(
    st.characters(exclude_categories=["Cs", "Cc"], exclude_characters="?/"), min_size=1, max_size=8
)


@settings(max_examples=50, deadline=None)
@given(st.lists(st.tuples(st.floats(-1e10, 1e10), LINE_TEXT.filter(str.strip)), min_size=1, max_size=20))
def test_any_keys_and_times_survive_csv(rows):
    frame = pd.DataFrame(rows, columns=["at", "key"])
    expected = frame.sort_values("at", kind="stable")
    expected["at"] -= expected["at"].min()
    assert same(read(frame.to_csv(index=False)), expected)


# --- size ---------------------------------------------------------------------------------------------------


def write_log(path, count):
    """A Combined Log Format file of about 200 bytes a line."""
    pick = random.Random(5)
    browser = "Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0"
    agent = f'"https://learn.example.org/courses" "{browser}"'
    with path.open("w") as log:
        for i in range(count):
            stamp = f"10/Oct/2000:{i // 90000:02d}:{i // 1500 % 60:02d}:{i // 25 % 60:02d} +0000"
            request = f"GET /api/courses/{pick.randrange(1000)}?page={i % 7} HTTP/1.1"
            log.write(f'198.51.100.{i % 250} - - [{stamp}] "{request}" 200 2326 {agent}\n')


def write_csv(path, count):
    """A CSV file with the same number of requests."""
    zipf_traffic(count, 1000, skew=1.0, rate=25.0, seed=5).to_csv(path, index=False)


@pytest.mark.parametrize("write", [write_log, write_csv])
def test_memory_grows_by_a_few_numbers_a_line_not_by_the_lines(write, tmp_path, monkeypatch):
    monkeypatch.setattr(lines, "BLOCK", 4_096)  # or the blocks would outweigh the requests of so small a log
    count = 30_000
    write(tmp_path / "big", count)
    tracemalloc.start()
    try:
        traffic = read_traffic(tmp_path / "big")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert len(traffic) == count
    # It needs 47 bytes a line at most; holding so much as each key's str would add 70.
    assert peak < 70 * count


# --- the excerpt that comes with the course -----------------------------------------------------------------


def test_the_twitter_excerpt_is_clean_small_and_has_its_licence_beside_it():
    log = read_log(EXCERPT)
    traffic = log.traffic
    assert log.notes == [] and (log.sizes > 0).all()
    assert (len(traffic), traffic["key"].nunique(), traffic["at"].iloc[-1]) == (193_841, 25_827, 4_790.0)
    assert EXCERPT.stat().st_size <= 400_000
    assert "CC BY 4.0" in (EXCERPT.parent / "README.md").read_text()
    assert (traffic["at"] % 1 == 0).all()  # its clock ticks once a second


@pytest.mark.parametrize("path", [None, 3, ["access.log"]])
def test_a_path_that_is_none_is_answered_by_a_sentence(path):
    with pytest.raises(BadArgument, match="must be the name of a file"):
        read_traffic(path)
