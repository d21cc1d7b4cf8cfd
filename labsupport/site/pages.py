"""The pages of the site: one for each notebook and each teaching page, and the one that leads to them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape
from pathlib import Path

import nbformat
from nbformat import NotebookNode

from labsupport.site.cells import cell_html
from labsupport.site.place import Place
from labsupport.site.text import Text, bare

COURSE = "Redis as a shared caching layer"
ABOUT = "Notebooks for backend developers: from a dict in one process to a fleet that shares one Redis."
MARK = '<meta name="generator" content="labsupport.site">'  # tells an earlier site from somebody's own folder
MINUTES = re.compile(r"\*\*Time\*\* (\d+) minutes(?:.*marked ●, (\d+))?")
PROMISE = re.compile(r"\*\*You will see\*\* (.+?)\n\*\*Time|^(\w.+?)(?:\n\n|\Z)", re.DOTALL | re.MULTILINE)
RUN_IT = (
    "These pages are read, not run. To run the notebooks, and to move their sliders: "
    "<code>python3 -m labsupport lab</code> in a copy of the course."
)


@dataclass
class Page:
    """One page as HTML, and what the others say of it."""

    name: str
    title: str
    about: str
    minutes: str
    body: str

    @property
    def picture(self) -> str:
        """Its first picture that is more than a strip, or nothing."""
        found = re.finditer(r'<img [^>]*width="(\d+)" height="(\d+)"[^>]*>', self.body)
        return next((each[0] for each in found if 3 * int(each[2]) > int(each[1])), "")


def page_of(place: Place) -> Page:
    """The page of one notebook, or of one Markdown file."""
    text, cells = Text(place), _cells(place.source)
    opening, *rest = [cell_html(cell, text) for cell in cells]
    begin = cells[0].source
    promise, minutes = PROMISE.search(begin), MINUTES.search(begin)
    title = re.search(r"<h1[^>]*>(.*?) <a ", opening)
    return Page(
        name=place.name,
        title=bare(title[1]) if title else place.source.stem,
        about=bare(text.html(promise[1] or promise[2])) if promise else ABOUT,
        minutes=_minutes(*minutes.groups()) if minutes else "",
        body=opening.replace("</p>\n", f"</p>\n{_contents(text)}", 1) + "".join(rest),
    )


def _cells(source: Path) -> list[NotebookNode]:
    if source.suffix == ".ipynb":
        cells: list[NotebookNode] = nbformat.read(source, as_version=4).cells
        return cells
    opening, heading, rest = source.read_text(encoding="utf-8").partition("\n## ")
    return [nbformat.v4.new_markdown_cell(part) for part in (opening, heading + rest) if part]


def _minutes(whole: str, core: str | None) -> str:
    return f"{whole} minutes" + (f", core {core}" if core else "")


def _contents(text: Text) -> str:
    """The headings as links: after the first paragraph, and at the side of a wide window."""
    items = [
        f'<li class="level-{level}"><a href="#{anchor}">{html}</a></li>'
        for level, anchor, html in text.headings
        if level <= 3
    ]
    return f'<nav class="contents" aria-label="On this page">\n{_list("ul", items)}</nav>\n' if items else ""


def _list(kind: str, items: Sequence[str]) -> str:
    lines = "".join(f"{item}\n" for item in items)
    return f"<{kind}>\n{lines}</{kind}>\n"


def series(pages: list[Page], place: Place) -> str:
    """The links to the page before and the page after."""
    here = [page.name for page in pages].index(place.name)
    before, after = pages[:here][-1:], pages[here + 1 :][:1]
    links = [
        f'<p>{word}: <a href="{place.to(page.name)}">{escape(page.title)}</a></p>\n'
        for word, page in [*(("Before", page) for page in before), *(("Next", page) for page in after)]
    ]
    return f'<nav class="series" aria-label="Before and next">\n{"".join(links)}</nav>\n'


def index(place: Place, notebooks: list[Page], teaching: list[Page]) -> Page:
    """The first page: how the README begins, then every notebook with its question and its first picture."""
    opening = place.source.read_text(encoding="utf-8").partition("\n## ")[0]
    text = Text(place)
    body = (
        text.html(opening) + text.html("## The notebooks") + _list("ol", [_card(page) for page in notebooks])
    )
    if teaching:
        body += text.html("## Teaching with them")
        body += _list("ul", [f'<li><a href="{page.name}">{escape(page.title)}</a></li>' for page in teaching])
    return Page(place.name, COURSE, ABOUT, "", body)


def _card(page: Page) -> str:
    name, _, question = page.title.partition(": ")
    return (
        f'<li class="card"><h3><a href="{page.name}">{escape(name)}</a></h3>\n'
        f"<p>{escape(question)}</p>\n<p>{page.minutes}</p>\n{page.picture}</li>"
    )


def whole(page: Page, place: Place, series: str = "") -> bytes:
    """The page as a file."""
    title, home = COURSE, ""
    if page.title != COURSE:
        title = f"{page.title} · {COURSE}"
        link = f'<a href="{place.to("index.html")}">{COURSE}</a>'
        home = f'<header><nav aria-label="Course">{link}</nav></header>\n'
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{escape(title)}</title>
<meta name="description" content="{escape(page.about)}">
<link rel="icon" href="data:,">
<link rel="stylesheet" href="{place.to("style.css")}">
</head>
<body>
<a class="skip" href="#text">Skip to the text</a>
{home}<main id="text">
{page.body}{series}</main>
<footer><p>{RUN_IT}</p></footer>
</body>
</html>
""".encode()
