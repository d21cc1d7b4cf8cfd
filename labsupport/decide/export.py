"""The answer as one HTML file to hand to a team: opens offline, runs nothing, fetches nothing."""

from __future__ import annotations

import base64
import os
import tempfile
from collections.abc import Iterable, Sequence
from html import escape
from pathlib import Path

from matplotlib.figure import Figure

from labsupport.decide.advice import Advice
from labsupport.decide.profile import Profile
from labsupport.decide.shown import plain, shown
from labsupport.errors import BadArgument
from labsupport.figures.style import HERE, png

MARK = (
    '<meta name="generator" content="labsupport.decide">'  # tells an earlier export from somebody's own file
)
NOTHING_OUTSIDE = "default-src 'none'; img-src data:; style-src 'unsafe-inline'; form-action 'none'"
STYLE = """
:root { color-scheme: light; }
body { margin: 0 auto; padding: 1rem; max-width: 50rem; font: 1rem/1.5 system-ui, sans-serif;
       background: #fff; color: #222; overflow-wrap: anywhere; }
h1, h2 { line-height: 1.2; }
.verdict { padding: .75rem 1rem; border-left: .4rem solid #0072B2; font-size: 1.25rem; font-weight: bold; }
figure { margin: 1.5rem 0; break-inside: avoid; }
img { max-width: 100%; height: auto; }
figcaption { color: #444; }
table { border-collapse: collapse; }
th, td { padding: .25rem 1rem .25rem 0; border-bottom: 1px solid #ccc; }
th { text-align: left; font-weight: normal; }
thead th { font-weight: bold; }
td:last-child, th:last-child { text-align: right; padding-right: 0; white-space: nowrap; }
"""
METHOD = (
    "Every request of the log was looked up, at its own moment, in caches that begin empty: a miss fills the "
    "entry, which lives for one TTL, and a hit does not prolong it. Request i goes to instance i modulo N, "
    "unless another route was chosen. These are counts, not formulas; if only a sample of the "
    "keys was kept, as said under what was read, they stand for the whole log.",
    "In this count the origin answers at once, and no entry is thrown out for lack of memory.",
    "Notebook 09 of the series Redis as a shared caching layer made this file; the others explain the words.",
    "Client addresses and query strings are not in this file. Nothing was sent anywhere to compute it.",
)


def export_html(
    path: str | os.PathLike[str],
    title: str,
    advice: Advice,
    figures: Sequence[tuple[Figure, str]],
    profile: Profile,
) -> Path:
    """Write the advice, the figures with their findings and what was read as one HTML file; returns its path.

    It replaces an earlier export whole or not at all, but no other file: that is a BadArgument, as is a
    place where nothing can be written.
    """
    if not isinstance(path, str | os.PathLike):
        raise BadArgument(f"path is {path!r}, but must be the name of a file to write.")
    target, page = Path(path), _page(title, advice, figures, profile).encode()
    try:
        _refuse_to_replace(target)
        with tempfile.TemporaryDirectory(dir=target.parent, prefix=".export-") as folder:
            whole = Path(folder, "page.html")
            whole.write_bytes(page)
            whole.replace(target)
    except OSError as error:
        raise BadArgument(
            f"{str(target)!r} cannot be written ({error.strerror}); "
            "name a file in a folder of yours with room."
        ) from None
    return target


def _refuse_to_replace(target: Path) -> None:
    """BadArgument if there is a file which no export has made."""
    if not target.exists():
        return
    with target.open("rb") as file:  # a folder raises OSError
        begin = file.read(2_000)
    if MARK.encode() not in begin:
        raise BadArgument(f"{str(target)!r} is there, and no export made it; choose another name.")


def _page(title: str, advice: Advice, figures: Sequence[tuple[Figure, str]], profile: Profile) -> str:
    name = _text(title)
    sections = [
        f'<p class="verdict">{_text(advice.headline)}</p>',
        _section("Why", _items(advice.reasons)),
        _section("Doubts", _items(advice.doubts)),
        _section("In pictures", "".join(_figure(*each) for each in figures)),
        _section("What was read", _items(profile.sentences)),
        _section("The most asked keys", _keys(profile)),
        _section("How it was computed", "".join(f"<p>{_text(each)}</p>" for each in METHOD)),
    ]
    return f"""<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
{MARK}
<meta http-equiv="Content-Security-Policy" content="{NOTHING_OUTSIDE}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
<style>{STYLE}</style>
</head>
<body>
<main>
<h1>{name}</h1>
{"".join(sections)}
</main>
</body>
</html>
"""


def _text(text: str) -> str:
    """Text that can neither be HTML nor steer the text around it; what was measured here loses its mark."""
    return escape(HERE.sub(lambda found: found[0][len("[here: ") : -1], plain(" ".join(text.split()))))


def _section(heading: str, content: str) -> str:
    return f"<section>\n<h2>{heading}</h2>\n{content}\n</section>\n" if content else ""


def _items(sentences: Iterable[str]) -> str:
    items = "".join(f"<li>{_text(sentence)}</li>\n" for sentence in sentences)
    return f"<ul>\n{items}</ul>" if items else ""


def _figure(figure: Figure, finding: str) -> str:
    data, text = base64.b64encode(png(figure)).decode(), _text(finding)
    return (
        f'<figure><img alt="{text}" src="data:image/png;base64,{data}">\n'
        f"<figcaption>{text}</figcaption></figure>\n"
    )


def _keys(profile: Profile) -> str:
    rows = "".join(
        f'<tr><th scope="row">{escape(shown(key))}</th><td>{count:,}</td></tr>\n'
        for key, count in profile.most_asked
    )
    head = '<tr><th scope="col">key</th><th scope="col">requests</th></tr>'
    return f"<table>\n<thead>{head}</thead>\n<tbody>\n{rows}</tbody>\n</table>"
