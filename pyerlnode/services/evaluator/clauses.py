"""Clauses: which one fits a value, and guards.

Source: erl_eval:case_clauses/6 and guard/4 of OTP's stdlib.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyerlnode.services.evaluator.compiler import Compiling, expressions, patterns, proper
from pyerlnode.services.evaluator.nodes import Env, Node, Plain, Steps, evaluate, sequence
from pyerlnode.services.evaluator.patterns import SHADOWS, Step, matches

if TYPE_CHECKING:
    from pyerlnode.term import Term

Guard = Callable[[Env], bool]

_CLAUSE: Final = "clause"


class Clause(NamedTuple):
    """A compiled clause: its patterns, its guard if it has one, its body."""

    patterns: list[Step]
    guard: Guard | None
    body: Node


def clause(form: Any) -> Compiling:
    """Compile a clause; `yield from` it."""
    if form[0] != _CLAUSE:
        raise ValueError("no clause")
    heads = yield from patterns(form[2])
    alternatives = []
    for tests in proper(form[3]):
        alternatives.append((yield from expressions(tests)))
    body = yield from expressions(form[4])
    return Clause(heads, guard(alternatives) if alternatives else None, sequence(body))


def clauses(forms: Any) -> Compiling:
    """Compile several clauses; `yield from` it."""
    made = []
    for form in proper(forms):
        made.append((yield from clause(form)))
    return made


def guard(alternatives: Sequence[Sequence[Node]]) -> Guard:
    """Whether all tests of one of the alternatives are true; an error is as good as false."""

    def holds(env: Env) -> bool:
        return any(all(is_true(test, env) for test in tests) for tests in alternatives)

    if len(alternatives) == 1 and len(alternatives[0]) == 1:
        (test,) = alternatives[0]
        return lambda env: is_true(test, env)
    return holds


def is_true(test: Node, env: Env) -> bool:
    """Whether a guard's test is true."""
    try:
        return evaluate(test, env) is True
    except Exception:  # whatever is wrong with a guard, it does not hold
        return False


def choose(
    among: Sequence[Clause], values: Sequence[Term], env: Env, *, shadows: bool = False
) -> tuple[Clause, Env] | None:
    """The first clause that fits the values, and what it binds."""
    for each in among:
        new: Env = {SHADOWS: True} if shadows else {}
        if len(each.patterns) != len(values):
            continue
        for step, value in zip(each.patterns, values, strict=True):
            if not matches(step, value, env, new):
                break
        else:
            if each.guard is None or each.guard({**env, **new} if new else env):
                return each, new
    return None


def go_on(body: Node, env: Env) -> Any:
    """A body in tail position: its value, or the generator that the machine goes on with."""
    return body.plain(env) if body.plain is not None else body.run(env)


def bodies_plain(among: Sequence[Clause]) -> bool:
    """Whether no clause's body needs the machine."""
    return all(each.body.plain is not None for each in among)


def choosing(
    subject: Node, among: list[Clause], pick: Callable[[Term, Env], Node], *, depth: int
) -> tuple[Plain | None, Callable[[Env], Steps]]:
    """Evaluate `subject`, and then the body that `pick` chooses for its value."""
    plain_subject, start = subject.plain, subject.run

    def run(env: Env) -> Steps:
        value = plain_subject(env) if plain_subject is not None else (yield start(env))
        return go_on(pick(value, env), env)

    if plain_subject is None or not bodies_plain(among):
        return None, run

    def plain(env: Env) -> Any:
        body = pick(plain_subject(env), env)
        return body.plain(env)  # type: ignore[misc]  # all bodies are plain

    return plain, run
