"""Regular expressions of closures: what comes out, and that none takes for ever."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING, Any

import pytest

import pyerlnode.process as erl
from pyerlnode.process import Runtime, current_runtime
from pyerlnode.services.evaluator.requests import Await
from pyerlnode.services.evaluator.stdlib import registry, regular
from pyerlnode.term import Atom, parse_erlang, to_erlang

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


@pytest.fixture
async def runtime() -> AsyncIterator[Runtime]:
    registry.load()
    made = Runtime("here@localhost", 1)
    current_runtime.set(made)
    yield made
    await made.stop(Atom("shutdown"))


async def called(name: str, args: str) -> str:
    """The value of a function of `re` as text, called in a process."""
    given = parse_erlang(args)
    found = registry.find("re", name, len(given))
    assert found is not None
    answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()

    async def work() -> None:
        answer.set_result(await _finished(found.call(*given)) if found.suspends else found.call(*given))

    erl.spawn(work)
    return to_erlang(await answer)


async def _finished(steps: Any) -> Any:
    sent: Any = None
    raised: Exception | None = None
    while True:
        try:
            asked = steps.throw(raised) if raised else steps.send(sent)
        except StopIteration as done:
            return done.value
        assert isinstance(asked, Await)
        try:
            sent, raised = await asked.awaitable, None
        except Exception as error:
            raised = error


@pytest.mark.parametrize(
    ("name", "args", "value"),
    [
        ("run", '["abcab","b"]', "{match,[{1,1}]}"),
        ("run", '["abcab","b",[global]]', "{match,[[{1,1}],[{4,1}]]}"),
        ("run", '["abc","(?<x>b)(z)?",[{capture,[x],list}]]', '{match,["b"]}'),
        ("run", '["ababx","(ab)+",[{capture,all,binary}]]', '{match,[<<"abab">>,<<"ab">>]}'),
        ("run", '["aa bb","(\\\\w)\\\\1"]', "{match,[{0,2},{0,1}]}"),
        ("run", '["xaby","A(?i)B|a(?i)B"]', "{match,[{1,2}]}"),
        ("run", '[<<"äöü"/utf8>>,<<"ö"/utf8>>,[unicode]]', "{match,[{2,2}]}"),
        ("run", '["abc","b",[{offset,2}]]', "nomatch"),
        ("run", '["abc","b",[anchored]]', "nomatch"),
        ("run", '["a.c","\\\\Q.\\\\E",[{capture,none}]]', "match"),
        ("replace", '["a1b22","\\\\d+","<&>",[global,{return,list}]]', '"a<1>b<22>"'),
        ("split", '["a, b,c",",\\\\s*",[{return,binary}]]', '[<<"a">>,<<"b">>,<<"c">>]'),
        ("split", '["abc","",[{return,list}]]', '["a","b","c",[]]'),
    ],
)
async def test_expressions_find_what_pcre_finds(runtime: Runtime, name: str, args: str, value: str) -> None:
    assert await called(name, args) == value


async def test_a_compiled_expression_is_run(runtime: Runtime) -> None:
    compiled = registry.find("re", "compile", 2)
    assert compiled is not None
    ok, pattern = compiled.call(b"B", [Atom("caseless")])
    assert ok == "ok"
    found = registry.find("re", "run", 2)
    assert found is not None
    assert await _finished(found.call(b"abc", pattern)) == (Atom("match"), [(1, 1)])


async def test_an_expression_that_takes_for_ever_is_given_up(
    runtime: Runtime, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(regular, "SECONDS", 0.5)
    start = time.monotonic()
    subject = "a" * 40
    assert await called("run", f'["{subject}!","(a+)+$"]') == "nomatch"
    assert await called("run", f'["{subject}!","(a+)+$",[report_errors]]') == "{error,match_limit}"
    assert time.monotonic() - start < 10


@pytest.mark.parametrize("pattern", ["(", "a**", "[a", "(?R)", "\\pL", "\\Ka", "(?<n", "a)", "(*VERB)"])
def test_what_is_no_expression_is_refused(pattern: str) -> None:
    with pytest.raises(regular.Refused):
        regular.translate(pattern, 0)


@pytest.mark.parametrize(
    "pattern", ["(a+)+", "(a|aa)*b", r"(a)\1", "a?" * 40 + "b", "(a|a)" * 40, r"\s*\s*\s*\s*x"]
)
def test_what_may_take_long_is_known_before(pattern: str) -> None:
    assert regular.translate(pattern, 0).steps(200) > regular._STEPS


@pytest.mark.parametrize("pattern", ["abc", r"\d+", "^[a-z]+$", "a|b", r"(\w+)@(\w+)"])
def test_what_is_quick_runs_at_once(pattern: str) -> None:
    assert regular.translate(pattern, 0).steps(40) <= regular._STEPS
