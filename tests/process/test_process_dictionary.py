"""put, get and erase."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.errors import TermEncodeError
from pyerlnode.process import this_process
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from pyerlnode.process import Runtime

KEYS: list[Any] = [1, 1.0, True, Atom("a"), "a", [1, 2], {Atom("k"): [1]}, (1, (2,)), None]


async def test_keys_are_told_apart_as_in_erlang(runtime: Runtime) -> None:
    for number, key in enumerate(KEYS):
        assert erl.put(key, number) == "undefined"
    assert [erl.get(key) for key in KEYS] == list(range(len(KEYS)))
    assert erl.put(1.0, "new") == 1
    assert [erl.erase(key) for key in (1.0, 1, True)] == ["new", 0, 2]
    assert [erl.get(key) for key in (1, 1.0, True)] == ["undefined"] * 3
    assert [erl.get(key) for key in KEYS[3:]] == list(range(3, len(KEYS)))


async def test_what_the_library_has_set_is_there(runtime: Runtime) -> None:
    this_process().dictionary = {Atom("$ancestors"): [erl.self()]}
    assert erl.get(Atom("$ancestors")) == [erl.self()]
    assert erl.put(Atom("$ancestors"), []) == [erl.self()]
    assert dict(this_process().dictionary or {}) == {Atom("$ancestors"): []}


async def test_what_is_no_term_is_no_key(runtime: Runtime) -> None:
    with pytest.raises(TermEncodeError):
        erl.put(object(), 1)
