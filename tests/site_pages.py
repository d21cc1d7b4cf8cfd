"""What the tests of the site share: its files, built once a process, and a page as a browser reads it."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from html.parser import HTMLParser

from labsupport.setup.problem import ROOT
from labsupport.site.make import site_files

EMPTY = {"meta", "img", "link", "br", "hr", "input"}  # elements that have no end tag


@functools.cache
def built() -> dict[str, bytes]:
    """The files of the site of this course, by name."""
    return site_files(ROOT)


@functools.cache
def pages() -> dict[str, Page]:
    """Every page of it."""
    return {name: Page(content.decode()) for name, content in built().items() if name.endswith(".html")}


class Page(HTMLParser):
    """Elements as (tag, attributes, what is around), texts as (text, what is around): names and classes."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.open: list[tuple[str, dict[str, str]]] = []
        self.elements: list[tuple[str, dict[str, str], set[str]]] = []
        self.texts: list[tuple[str, set[str]]] = []
        self.feed(html)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs), self._around()))
        if tag not in EMPTY:
            self.open.append((tag, dict(attrs)))

    def handle_endtag(self, tag):
        opened, attributes = self.open.pop()
        assert opened == tag, f"</{tag}> ends <{opened} {attributes}>"

    def handle_data(self, data):
        self.texts.append((data, self._around()))

    def _around(self) -> set[str]:
        """The elements that are open here, by their names and their classes."""
        open_now = {tag for tag, _ in self.open}
        return open_now.union(*(attributes.get("class", "").split() for _, attributes in self.open))

    def all(self, tag: str) -> list[dict[str, str]]:
        """The attributes of every element of this kind."""
        return [attributes for found, attributes, _ in self.elements if found == tag]

    def inside(self, *wanted: str, but: Sequence[str] = ()) -> list[str]:
        """The words within one of these elements, but not within the others."""
        words = [text for text, around in self.texts if around & set(wanted) and not around & set(but)]
        return "".join(words).split()
