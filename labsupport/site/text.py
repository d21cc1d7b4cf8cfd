"""Markdown as HTML, the way JupyterLab reads it, with links and pictures that hold inside the site."""

from __future__ import annotations

from html import escape, unescape
from re import sub
from typing import Any

from nbconvert.filters.highlight import Highlight2HTML
from nbconvert.filters.markdown_mistune import IPythonRenderer, MarkdownWithMath

from labsupport.site.place import Place, slug

Heading = tuple[int, str, str]  # level, anchor, HTML
PLAIN = r'<span class="(?:n|nn|bp|o|p|w)">([^<]*)</span>'  # names and signs, which get no colour


def bare(html: str) -> str:
    """The text of some HTML, in one line."""
    return " ".join(unescape(sub(r"<[^>]*>", "", html)).split())


def highlighted(code: str) -> str:
    """Python in colours."""
    return sub(PLAIN, r"\1", Highlight2HTML("python")(code))


def columns(text: str) -> str:
    """Text that would make no sense with its lines broken: it scrolls, by keyboard too."""
    return f'<pre class="columns" tabindex="0">{escape(text.rstrip())}</pre>\n'


class Text(IPythonRenderer):
    """Renders the Markdown of one page, cell after cell; `headings` has those below the title."""

    def __init__(self, place: Place) -> None:
        super().__init__(escape=False)
        self.place = place
        self.headings: list[Heading] = []
        self._markdown = MarkdownWithMath(self)

    def html(self, source: str) -> str:
        """This Markdown as HTML."""
        return self._markdown.render(source)

    def heading(self, text: str, level: int, **attrs: Any) -> str:
        """With an anchor, which a second heading of the same words gets too."""
        anchor, taken = slug(bare(text)), {at for _, at, _ in self.headings}
        while anchor in taken:
            anchor += "-again"
        if level > 1:
            self.headings.append((level, anchor, text))
        here = f'<a class="anchor" href="#{anchor}" aria-label="Link to this heading">#</a>'
        return f'<h{level} id="{anchor}">{text} {here}</h{level}>\n'

    def link(self, text: str, url: str, title: str | None = None) -> str:
        """To the page made from that file; where there is none, only the words."""
        target = self.place.link(url)
        return text if target is None else f'<a href="{escape(target)}">{text}</a>'

    def image(self, text: str, url: str, title: str | None = None) -> str:
        """A picture of the repository, as a file of the site."""
        return self.place.picture((self.place.source.parent / url).read_bytes(), bare(text))

    def table(self, text: str) -> str:
        """One that is too wide for a phone scrolls, by keyboard too."""
        return f'<div class="table" tabindex="0">\n<table>\n{text}</table>\n</div>\n'

    def block_code(self, code: str, info: str | None = None) -> str:
        """Python in colours, everything else as it is."""
        return highlighted(code) if info == "python" else columns(code)
