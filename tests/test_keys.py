"""Key names: one namespace, and a memory of what was handed out."""

import pytest

from labsupport import Keys
from labsupport.errors import BadArgument


def test_a_name_is_the_namespace_and_the_key():
    assert Keys("lab:03").name("course:204") == "lab:03:course:204"


@pytest.mark.parametrize(
    "key", ["with space", "line\nbreak", "glob*?[a]", "{tag}:1", "é", "\0", ":", "x" * 10_000]
)
def test_whatever_is_text_is_a_key(key):
    assert Keys("n").name(key) == f"n:{key}"


@pytest.mark.parametrize("key", ["", None, 204, b"course:204", [], ["a"]])
def test_what_is_no_text_or_empty_is_refused_and_not_remembered(key):
    keys = Keys("n")
    with pytest.raises(BadArgument, match="is no key"):
        keys.name(key)
    assert keys.handed_out == set()


@pytest.mark.parametrize("namespace", ["", None, 3])
def test_there_is_no_key_without_a_namespace(namespace):
    with pytest.raises(BadArgument, match="collide"):
        Keys(namespace)


def test_every_name_is_remembered_once():
    keys = Keys("n")
    for key in ("a", "b", "a"):
        keys.name(key)
    assert keys.handed_out == {"n:a", "n:b"}
    assert repr(keys) == "Keys('n', 2 handed out)"
