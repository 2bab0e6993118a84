"""Keys that a dict would merge, or could not hold."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.errors import TermEncodeError
from pyerlnode.services.term_dict import TermDict
from pyerlnode.term import Atom


def test_terms_that_python_takes_for_equal_are_different_keys() -> None:
    keys: list[Any] = [1, 1.0, True, Atom("a"), "a", [1], (1,), {"x": 1}]
    found: TermDict[int] = TermDict()
    for number, key in enumerate(keys):
        found[key] = number
    assert len(found) == len(keys)
    assert [found[key] for key in keys] == list(range(len(keys)))
    assert list(map(repr, found)) == list(map(repr, keys))


def test_what_is_the_same_term_is_the_same_key() -> None:
    found: TermDict[int] = TermDict()
    found["a"] = 1
    found[b"a"] = 2
    assert len(found) == 1
    assert found["a"] == 2
    assert found.pop(b"a") == 2
    assert not found
    assert found.get([1, {2: 3}]) is None


def test_what_is_no_term_is_refused() -> None:
    found: TermDict[int] = TermDict()
    with pytest.raises(TermEncodeError):
        found[object()] = 1
