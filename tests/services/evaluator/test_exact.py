"""Keys that Python would merge, values that Python has other types for, and the table of functions."""

from __future__ import annotations

import datetime
import subprocess
import sys
from typing import Any

import pytest

from pyerlnode.errors import UsageError
from pyerlnode.services.evaluator.stdlib import registry
from pyerlnode.services.evaluator.stdlib.exact import (
    MISSING,
    from_pairs,
    get,
    has_key,
    items,
    pop,
    put,
    remove,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.services.evaluator.values import seen_by_python, seen_here
from pyerlnode.term import Atom, Map, equal

SIX = [1, 1.0, True, b"a", Atom("a"), [97]]
OTHERS = [-0.0, 0.0, 0, False, None, (1,), (1.0,), ((1,),), ((1.0,),), {}, {1: 2}, {1.0: 2}, ()]


def test_every_key_is_another_one() -> None:
    keys = SIX + OTHERS
    made: Any = {}
    for number, key in enumerate(keys):
        assert not has_key(made, key)
        made = put(made, key, number)
    assert [get(made, key) for key in keys] == list(range(len(keys)))
    assert equal(made, from_pairs([(key, number) for number, key in enumerate(keys)]))
    for key in keys:
        assert has_key(made, key)
        made = remove(made, key)
        assert not has_key(made, key)
    assert made == {} or len(made) == 0


@pytest.mark.parametrize("key", SIX + OTHERS, ids=repr)
def test_a_dict_has_only_its_own_keys(key: Any) -> None:
    made = put({}, key, "value")
    for other in SIX + OTHERS:
        assert has_key(made, other) is equal(key, other)
    assert get(put(made, key, "new"), key) == "new"
    assert len(put(made, key, "new")) == 1


def test_what_is_not_there() -> None:
    assert get({}, 1) is MISSING
    assert get({1: 2}, 1.0, "none") == "none"
    assert pop({1: 2}, True) == (MISSING, {1: 2})
    assert remove({1: 2}, [1]) == {1: 2}


def test_the_last_of_a_key_counts() -> None:
    assert from_pairs([(1, "a"), (2, "b"), (1, "c")]) == {1: "c", 2: "b"}
    assert items(from_pairs([(1, "a"), (1.0, "b")])) == [(1, "a"), (1.0, "b")]


def test_what_was_before_stays() -> None:
    before = {1: 2}
    put(before, 1, 3)
    put(before, 1.0, 3)
    remove(before, 1)
    assert before == {1: 2}


def test_values_of_python() -> None:
    date = datetime.date(2026, 1, 2)
    seen = seen_here({"day": date, "text": ["a", Map([(1, "b"), (1.0, 2)])]})
    assert seen[b"day"][Atom("__struct__")] == "Elixir.Date"
    assert seen[b"text"][0] == b"a"
    assert seen_by_python(seen[b"day"]) == date
    kept = [1, {Atom("a"): (b"b", None)}]
    assert seen_here(kept) is kept
    assert seen_by_python(kept) is kept


def test_the_table() -> None:
    registry.load()
    assert registry.find("erlang", "+", 2) is not None
    assert registry.find("erlang", "spawn", 1, {"pure"}) is None
    assert "erlang" in registry.MODULES
    with pytest.raises(UsageError, match="already"):
        Library("erlang").function("+", 2)(lambda a, b: a)
    with pytest.raises(UsageError, match="no group"):
        Library("erlang", group="files")
    for module, name, _ in registry.names():
        assert module not in ("file", "code", "init", "Elixir.File", "Elixir.Code", "Elixir.Port")
        assert name not in ("cmd", "halt", "get_env", "put_env", "getenv", "putenv", "open_port")


def test_the_modules_of_the_library_are_known_before_it_is_loaded() -> None:
    registry.load()
    assert {module for module, _, _ in registry.names()} == registry.MODULES
    for module, name, arity in registry.names():
        file = str(registry.find(module, name, arity).file).removeprefix(f"{registry.__package__}.")
        assert module in registry.FILES.get(file, module).split(), f"{file}.py adds to {module}"


LAZILY = """
import sys
from pyerlnode.services.evaluator.stdlib import registry
assert registry.find("Elixir.Stream", "cycle", 1) and registry.find("Elixir.Enum", "chunk_every", 2)
assert registry.__package__ + ".elixir.regex" not in sys.modules
assert registry.find("nobody", "knows", 1) is None
"""

# One file is broken when it is loaded, after it has added a function.
BROKEN = """
import logging, sys
from pyerlnode.services.evaluator.stdlib import registry
name = registry.__package__ + ".base64"
class Broken:
    def find_spec(self, fullname, path, target=None):
        if fullname == name:
            from importlib.machinery import ModuleSpec
            return ModuleSpec(fullname, self)
    def create_module(self, spec):
        return None
    def exec_module(self, module):
        exec("def encode(x): return x", module.__dict__)
        registry.Library("base64").function("encode", 1)(module.encode)
        raise SyntaxError("on purpose")
sys.meta_path.insert(0, Broken())
seen = []
class Seen(logging.Handler):
    def emit(self, record):
        seen.append(record)
registry.logger.addHandler(Seen())
assert registry.find("base64", "encode", 1) is None
assert registry.find("base64", "decode", 1) is None
assert registry.find("lists", "reverse", 1)
(record,) = seen
assert record.levelname == "ERROR" and name in record.getMessage() and record.exc_info[0] is SyntaxError
"""


@pytest.mark.parametrize("program", [LAZILY, BROKEN])
def test_the_files_of_a_module_are_loaded_when_it_is_asked_for(program: str) -> None:
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
