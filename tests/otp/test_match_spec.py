"""Match specifications: what matches, what is bound, and what is made of it."""

from __future__ import annotations

from typing import Any

import pytest

from pyerlnode.errors import BadArg
from pyerlnode.otp.registry.match_spec import MAX_DEPTH, NO_MATCH, MatchSpec
from pyerlnode.term import Atom, ImproperList, Map, Pid, equal, parse_elixir

PID = Pid("a@b", 1, 2, 3)


def run(text: str, subject: Any) -> Any:
    """A clause in Elixir's notation, `{pattern, guards, results}`, run on a term in it or in Python."""
    pattern, guards, results = parse_elixir(text)
    given = parse_elixir(subject) if isinstance(subject, str) else subject
    return MatchSpec(pattern, guards, results).run(given)


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        (":_", ["1", ":a", "[]", "%{}"], []),
        (':"$1"', ["1", ":a"], []),
        ("1", ["1"], ["1.0", "true", ":a"]),
        (":a", [":a"], ['"a"', ":b"]),
        ('"a"', ['"a"'], [":a"]),
        ("{:a, :_}", ["{:a, 1}"], ["{:b, 1}", "{:a}", "[:a, 1]", ":a"]),
        ('{:"$1", :"$1"}', ["{1, 1}", "{[1], [1]}"], ["{1, 2}", "{1, 1.0}", "{1, true}"]),
        ("[1, :_]", ["[1, 2]"], ["[1]", "[1, 2, 3]", "{1, 2}", "[2, 2]"]),
        ('[1 | :"$1"]', ["[1]", "[1, 2]", "[1 | 2]", "[1, 2 | 3]"], ["[]", "[2]", "{1}", "1"]),
        ("[1, 2 | 3]", ["[1, 2 | 3]"], ["[1, 2]", "[1, 2, 3]", "[1 | 3]"]),
        ("%{a: :_}", ["%{a: 1}", "%{a: 2, b: 3}"], ["%{}", "%{b: 1}", "[a: 1]"]),
        ("%{1 => 2}", ["%{1 => 2}"], ["%{1.0 => 2}", "%{true => 2}", "%{1 => 2.0}"]),
        ("%{}", ["%{}", "%{a: 1}"], ["[]"]),
    ],
)
def test_patterns(pattern: str, matching: list[str], others: list[str]) -> None:
    for subject in matching:
        assert run(f"{{{pattern}, [], [:yes]}}", subject) == "yes", subject
    for subject in others:
        assert run(f"{{{pattern}, [], [:yes]}}", subject) is NO_MATCH, subject


@pytest.mark.parametrize(
    ("guard", "holds"),
    [
        ("true", True),
        ("false", False),
        (":yes", False),
        ('{:>, :"$1", 4}', True),
        ('{:==, :"$1", 5.0}', True),
        ('{:"=:=", :"$1", 5.0}', False),
        ('{:"=/=", :"$1", 5.0}', True),
        ('{:"/=", :"$1", 5.0}', False),
        ('{:"=<", :"$1", 5}', True),
        ('{:<, :"$1", :a}', True),
        ('{:>=, :"$1", [1]}', False),
        ('{:andalso, {:is_integer, :"$1"}, {:>, {:+, :"$1", 1}, 5}}', True),
        ('{:andalso, false, {:hd, :"$1"}}', False),
        ('{:orelse, true, {:hd, :"$1"}}', True),
        ('{:or, true, {:hd, :"$1"}}', False),
        ("{:and, true, true}", True),
        ("{:not, {:xor, true, true}}", True),
        ('{:not, :"$1"}', False),
        ("{:==, {:rem, -7, 5}, -2}", True),
        ("{:==, {:div, -7, 5}, -1}", True),
        ("{:div, 1, 0}", False),
        ("{:==, {:/, 1, 2}, 0.5}", True),
        ("{:+, true, 1}", False),
        ('{:==, {:-, :"$1"}, -5}', True),
        ("{:==, {:element, 2, {:const, {1, 2}}}, 2}", True),
        ("{:element, 3, {:const, {1, 2}}}", False),
        ('{:==, {:element, 1, {{:"$1"}}}, 5}', True),
        ('{:==, {:hd, [:"$1", 2]}, 5}', True),
        ("{:==, {:tl, [1, 2]}, [2]}", True),
        ("{:==, {:length, [1, 2]}, 2}", True),
        ("{:length, 5}", False),
        ('{:==, {:map_get, :a, %{a: :"$1"}}, 5}', True),
        ("{:is_map_key, :b, %{a: 1}}", False),
        ("{:==, {:map_size, %{a: 1}}, 1}", True),
        ('{:==, {:byte_size, "abc"}, 3}', True),
        ("{:==, {:max, 1, 2}, 2}", True),
        ('{:is_tuple, :"$_"}', True),
        ('{:"=:=", :"$$", [5]}', True),
        ("{:is_atom, nil}", True),
        ('{:is_binary, :"$1"}', False),
    ],
)
def test_guards(guard: str, holds: bool) -> None:
    result = run(f'{{{{:"$1"}}, [{guard}], [:"$1"]}}', (5,))
    assert result == 5 if holds else result is NO_MATCH


@pytest.mark.parametrize(
    ("result", "value"),
    [
        (':"$_"', (1, "x")),
        (':"$$"', [1, "x"]),
        ('{{:"$2", :"$1"}}', ("x", 1)),
        ('[:"$1", 2]', [1, 2]),
        ('%{k: :"$2"}', Map([(Atom("k"), "x")])),
        ("{:const, {:a, 1}}", (Atom("a"), 1)),
        ("{:hd, 1}", Atom("EXIT")),
        ("{{}}", ()),
        ('1, :"$2"', "x"),
    ],
)
def test_results(result: str, value: Any) -> None:
    assert equal(run(f'{{{{:"$1", :"$2"}}, [], [{result}]}}', (1, "x")), value)


def test_nodes_and_rests() -> None:
    assert run('{:"$1", [{:==, {:node, :"$1"}, :a@b}], [:"$1"]}', PID) == PID
    assert run('{[1 | :"$1"], [], [:"$1"]}', ImproperList([1, 2], 3)) == ImproperList([2], 3)
    assert run('{[1 | :"$1"], [], [:"$1"]}', [1]) == []


@pytest.mark.parametrize(
    ("guards", "results"),
    [
        ("[{:nonsense, 1}]", "[1]"),
        ("[{:hd, 1, 2}]", "[1]"),
        ("[]", "[]"),
        ("[]", '[:"$2"]'),
        ("[]", "[{1, 2}]"),
        (":no", "[1]"),
        ("[{}]", "[1]"),
    ],
)
def test_what_cannot_be(guards: str, results: str) -> None:
    with pytest.raises(BadArg):
        run(f'{{:"$1", {guards}, {results}}}', 1)


def test_depth() -> None:
    pattern: Any = Atom("$1")
    subject: Any = 7
    for _ in range(50_000):
        pattern, subject = (pattern,), (subject,)
    assert MatchSpec(pattern, [], [Atom("$1")]).run(subject) == 7
    guard: Any = True
    for _ in range(MAX_DEPTH):
        guard = (Atom("not"), guard)
    with pytest.raises(BadArg, match="deep"):
        MatchSpec(1, [guard], [1])
