"""A key in an output is read, and does nothing else; what it may hide is not in it."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from labsupport.decide import shown

ANY_TEXT = st.text(st.characters(), max_size=200)  # surrogates too, which a broken log can leave behind


@pytest.mark.parametrize(
    ("key", "seen"),
    [
        ("/courses/204", "/courses/204"),
        ("/courses/204?token=secret", "/courses/204"),
        ("?token=secret", "(empty)"),
        ("=1+1", "'=1+1"),
        ("\t=1+1", "\ufffd=1+1"),
        (" -2", "' -2"),
        ("＝1", "'＝1"),
        ("/safe\u202egpj.exe", "/safe\ufffdgpj.exe"),
        ("/two\nlines\x1b[31m", "/two\ufffdlines\ufffd[31m"),
        ("é/日本", "é/日本"),
        ("x" * 60, "x" * 60),
        ("x" * 61, "x" * 59 + "…"),
        ("=" + "x" * 60, "'=" + "x" * 57 + "…"),
    ],
)
def test_a_key_is_shown_without_what_it_could_do_or_tell(key, seen):
    assert shown(key) == seen


@given(ANY_TEXT, ANY_TEXT)
@example("", "=")
@example(" \u2000@", "\u202e")
def test_whatever_the_key_what_is_shown_is_harmless(path, query):
    seen = shown(f"{path}?{query}")
    assert seen == shown(path)  # nothing after the question mark matters
    assert 0 < len(seen) <= 60
    assert "?" not in seen
    assert all(unicodedata.category(character)[0] != "C" for character in seen)
    assert len(seen.splitlines()) == 1
    assert not unicodedata.normalize("NFKC", seen).lstrip().startswith(("=", "+", "-", "@"))
    seen.encode()  # no surrogate is left that cannot be written
