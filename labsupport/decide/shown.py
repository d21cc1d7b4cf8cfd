"""A key as it may stand in an output: whatever the log holds, it can do no harm and tell no secret there."""

from __future__ import annotations

import unicodedata

MOST = 60  # characters


def shown(key: str) -> str:
    """The key without its query string, at most 60 characters, and nothing that acts instead of being read.

    What steers text (control and bidi characters, line ends) becomes U+FFFD. What a spreadsheet would take
    for a formula gets an apostrophe in front, as its makers advise (OWASP, CSV injection).
    """
    text = plain(key.partition("?")[0]) or "(empty)"
    if unicodedata.normalize("NFKC", text.lstrip()[:1]) in ("=", "+", "-", "@"):  # full-width ones too
        text = "'" + text
    return text if len(text) <= MOST else text[: MOST - 1] + "…"


def plain(text: str) -> str:
    """The text with U+FFFD for each character that is not to be seen, but steers or breaks what is."""
    return "".join("\ufffd" if _steers(character) else character for character in text)


def _steers(character: str) -> bool:
    kind = unicodedata.category(character)  # C*: control, format (bidi), surrogates; Zl, Zp: line ends
    return kind[0] == "C" or kind in ("Zl", "Zp")
