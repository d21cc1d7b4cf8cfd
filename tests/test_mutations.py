"""The lesson's code, changed one way at a time: five mutations of mutations.toml must go red every time.

All of them, and those of the exercises' checks, are tried by tests/soak/mutations.py.
"""

from __future__ import annotations

import re

import mutating
import pytest
from mutating import ROOT, Mutation, mutated, mutations

QUICK = [mutation for mutation in mutations() if mutation.quick]


@pytest.fixture(scope="module")
def copy(tmp_path_factory):
    return mutating.copied(tmp_path_factory.mktemp("mutated"))


@pytest.mark.parametrize("mutation", QUICK, ids=lambda mutation: mutation.name)
def test_who_changes_the_lessons_code_is_noticed(copy, mutation):
    ran = mutating.tried(copy, mutation, mutation.quick)
    assert ran.red, ran
    assert (copy / mutation.file).read_bytes() == (ROOT / mutation.file).read_bytes()


@pytest.mark.parametrize("mutation", mutations(), ids=lambda mutation: mutation.name)
def test_what_a_mutation_changes_is_there_once_and_so_is_what_must_notice_it(mutation):
    text = (ROOT / mutation.file).read_text("utf-8")
    assert mutated(mutation, text) != text and mutation.why
    assert all(is_there(one) for one in [*mutation.red, *mutation.quick])


def is_there(test):
    """Whether there is such a file, and in it such a test."""
    file, *names = test.partition("[")[0].split("::")
    text = (ROOT / file).read_text("utf-8") if (ROOT / file).is_file() else ""
    return bool(text) and all(re.search(rf"^ *(def|class) {name}\b", text, re.MULTILINE) for name in names)


def test_there_are_as_many_mutations_as_promised():
    assert len(mutations()) >= 25 and len(QUICK) == 5


@pytest.mark.parametrize("old", ["nowhere in it", "self"])
def test_a_mutation_whose_text_is_not_there_once_is_an_error_of_the_list(old):
    mutation = Mutation("stale", "", "labsupport/caches.py", old, "", [])
    with pytest.raises(ValueError, match=r"stale: its old text is \d+ times in labsupport/caches\.py"):
        mutated(mutation, (ROOT / mutation.file).read_text("utf-8"))


def test_code_that_cannot_run_has_not_been_noticed(copy):
    broken = Mutation("broken", "", "labsupport/coordination/hotkey.py", "RELEASE = ", "RELEASE = =", [])
    ran = mutating.tried(copy, broken, ["tests/test_rush.py"])
    assert not ran.red and not ran.green
