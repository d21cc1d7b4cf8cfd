"""The exported page is whole and inert, whatever stands in the log; and it replaces only its own kind."""

from __future__ import annotations

import base64
from html.parser import HTMLParser

import pytest
from refusals import refused

from labsupport.decide import Advice, export_html
from labsupport.decide.profile import Profile
from labsupport.figures import panels

HOSTILE = [
    "<script>alert(1)</script>",
    "'\"><img src=x onerror=alert(1)>",
    "=HYPERLINK(1)",
    "/safe\u202egpj.exe",
    "/courses?token=secret",
    "&lt;b&gt;",
    "\ud800",
]
EMPTY = {"meta", "img", "link", "br", "hr", "input"}  # elements that have no end tag


class Page(HTMLParser):
    """What a browser would make of the file; fails where tags do not match."""

    def __init__(self, text):
        super().__init__()
        self.open, self.tags, self.attributes, self.texts = [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        self.attributes += attrs
        if tag not in EMPTY:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        self.texts.append((self.open[-1] if self.open else "", data.strip()))

    def inside(self, tag):
        return [text for within, text in self.texts if within == tag and text]


def profiled(keys=("/courses/204",)):
    asked = tuple((key, 1_000 - place) for place, key in enumerate(keys))
    return Profile(5_000, 40, 4_800, 1.04, 0.5, 0.1, 60, 0.7, 0.5, 0.5, asked, notes=("Left out 1 line.",))


def advised(**parts):
    usual = {"reasons": ["It hits 70%."], "doubts": ["Is 5 < 6?"]}
    return Advice("share", "Share one Redis.", 60, **usual | parts)


def drawn(finding="One bar of 1."):
    figure, (ax,) = panels()
    ax.bar([0], [1])
    return figure, finding


def page(path, title="Our service", advice=None, figures=None, profile=None):
    written = export_html(path, title, advice or advised(), figures or [drawn()], profile or profiled())
    assert written == path
    return Page(path.read_text(encoding="utf-8"))


@pytest.fixture
def path(tmp_path):
    return tmp_path / "ours.html"


def test_the_verdict_comes_first_then_reasons_doubts_pictures_and_what_was_read(path):
    found = page(path)
    assert path.read_text(encoding="utf-8").startswith("<!DOCTYPE html>")
    assert (found.inside("title"), found.inside("h1"), found.inside("p")[0]) == (
        ["Our service"],
        ["Our service"],
        "Share one Redis.",
    )
    assert found.inside("h2") == [
        "Why",
        "Doubts",
        "In pictures",
        "What was read",
        "The most asked keys",
        "How it was computed",
    ]
    assert found.inside("li") == ["It hits 70%.", "Is 5 < 6?", *profiled().sentences]
    assert found.inside("td") == ["1,000"]
    assert ("lang", "en") in found.attributes


def test_a_figure_is_in_the_file_and_its_finding_is_said_to_those_who_do_not_see_it(path):
    found = dict(page(path, figures=[drawn('Room for "two" [here: 12 MB].')]).attributes)
    kind, data = found["src"].split(",")
    assert kind == "data:image/png;base64" and base64.b64decode(data).startswith(b"\x89PNG")
    assert found["alt"] == 'Room for "two" 12 MB.'  # in a file for others, "here" is nowhere


def test_nothing_in_it_runs_or_is_fetched(path):
    found = page(path, title=HOSTILE[0], profile=profiled(HOSTILE))
    assert not {"script", "link", "iframe", "object", "base", "form", "a"} & set(found.tags)
    assert [name for name, _ in found.attributes if name.startswith("on") or name in ("href", "style")] == []
    assert all(value.startswith("data:") for name, value in found.attributes if name == "src")
    assert "url(" not in "".join(found.inside("style")) and "@import" not in "".join(found.inside("style"))
    [policy] = [value for name, value in found.attributes if name == "content" and "src" in value]
    assert policy.startswith("default-src 'none'; img-src data:;")


def test_keys_and_sentences_are_text_and_no_formula_whatever_is_in_them(path):
    hostile = Advice("share", HOSTILE[0], 60, HOSTILE, HOSTILE)
    found = page(
        path, title=HOSTILE[1], advice=hostile, figures=[drawn(HOSTILE[1])], profile=profiled(HOSTILE)
    )
    assert [text for text in found.inside("th") if text not in ("key", "requests")] == [
        "<script>alert(1)</script>",
        "''\"><img src=x onerror=alert(1)>"[1:],
        "'=HYPERLINK(1)",
        "/safe\ufffdgpj.exe",
        "/courses",
        "&lt;b&gt;",
        "\ufffd",
    ]
    assert found.inside("h1") == [HOSTILE[1]]
    assert found.tags.count("img") == 1
    assert "secret" not in "".join(found.inside("th"))


def test_without_doubts_or_figures_there_are_no_empty_headings(path):
    export_html(path, "Our service", advised(doubts=[]), [], profiled())
    assert Page(path.read_text()).inside("h2")[:2] == ["Why", "What was read"]


def test_the_same_answer_is_the_same_file(path, tmp_path):
    page(path)
    page(tmp_path / "again.html")
    assert path.read_bytes() == (tmp_path / "again.html").read_bytes()


def test_an_earlier_export_is_replaced_and_nobody_elses_file(path, tmp_path):
    page(path, title="First")
    assert page(path, title="Second").inside("h1") == ["Second"]
    path.write_text("<html>somebody's own</html>")
    refused(lambda: page(path), "is there, and no export made it", "choose another name")
    assert path.read_text() == "<html>somebody's own</html>"
    assert list(tmp_path.iterdir()) == [path]


def test_a_page_that_cannot_be_made_leaves_the_earlier_one_as_it_was(path, tmp_path):
    page(path, title="First")
    with pytest.raises(TypeError):
        export_html(path, "Second", advised(), [None], profiled())
    assert Page(path.read_text()).inside("h1") == ["First"]
    assert list(tmp_path.iterdir()) == [path]


def test_a_colleague_may_read_it(path):
    page(path)
    other = path.with_name("plain")
    other.touch()
    assert path.stat().st_mode == other.stat().st_mode


def test_a_place_that_cannot_be_written_is_told_in_one_sentence(tmp_path):
    refused(lambda: page(tmp_path), "cannot be written", "name a file")
    refused(lambda: page(tmp_path / "no" / "folder.html"), "cannot be written (No such file or directory)")
    refused(lambda: page(tmp_path / ("x" * 300 + ".html")), "cannot be written (File name too long)")
    refused(lambda: page(3), "path is 3")
