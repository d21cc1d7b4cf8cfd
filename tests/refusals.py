"""How a refusal has to read: one sentence, whatever was refused."""

import pytest

from labsupport.errors import BadArgument


def refused(call, *words):
    """The call raises BadArgument with one sentence that holds all the words."""
    with pytest.raises(BadArgument) as caught:
        call()
    sentence = str(caught.value)
    assert sentence.endswith(".")
    assert "\n" not in sentence
    assert ". " not in sentence
    assert [word for word in words if word not in sentence] == []
