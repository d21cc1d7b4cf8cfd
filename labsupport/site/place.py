"""Where a page stands among the others: its links to them, and the files that they share."""

from __future__ import annotations

import hashlib
import posixpath
import re
from dataclasses import dataclass
from html import escape
from pathlib import Path
from urllib.parse import unquote, urldefrag, urlsplit


def slug(heading: str) -> str:
    """The anchor of a heading, as GitHub makes it from the heading's text."""
    return re.sub(r"[^\w\- ]", "", heading.lower()).strip().replace(" ", "-")


@dataclass
class Place:
    """One page: the file it is made from, its name in the site, and what all pages share.

    names: each page's name by its source. files: the site's files by name; pictures are added to it.
    """

    source: Path
    name: str
    names: dict[Path, str]
    files: dict[str, bytes]

    def to(self, name: str) -> str:
        """The relative link from this page to a file of the site."""
        return posixpath.relpath(name, posixpath.dirname(self.name) or ".")

    def link(self, url: str) -> str | None:
        """Where a link of the source leads in the site; None if to a file that is no page of it."""
        if urlsplit(url).scheme:
            return url
        path, fragment = urldefrag(url)
        anchor = f"#{slug(unquote(fragment).replace('-', ' '))}" if fragment else ""
        if not path:
            return anchor
        target = self.names.get((self.source.parent / unquote(path)).resolve())
        return target and self.to(target) + anchor

    def picture(self, png: bytes, alt: str) -> str:
        """Add a PNG to the site's files, equal ones once; returns the <img> that shows it."""
        name = f"pictures/{hashlib.sha256(png).hexdigest()[:16]}.png"
        self.files[name] = png
        width, height = (int.from_bytes(png[at : at + 4], "big") for at in (16, 20))
        src = self.to(name)
        return f'<img src="{src}" width="{width}" height="{height}" alt="{escape(" ".join(alt.split()))}">'
