"""Expressions that choose, wait or catch: case, if, receive, try, catch, maybe.

Source: erl_eval:expr/6 of OTP's stdlib.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from typing import Any, Final

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.process import this_process
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.clauses import Clause, choose, choosing, clauses, go_on
from pyerlnode.services.evaluator.compiler import (
    EXPRESSIONS,
    PATTERNS,
    Compiling,
    expression,
    expressions,
    proper,
)
from pyerlnode.services.evaluator.nodes import Env, Node, Steps, constant, sequence
from pyerlnode.services.evaluator.patterns import Step, matches
from pyerlnode.services.evaluator.requests import Await
from pyerlnode.services.evaluator.values import seen_here
from pyerlnode.term import Atom, Term

_CASE_CLAUSE, _IF_CLAUSE, _TRY_CLAUSE = Atom("case_clause"), Atom("if_clause"), Atom("try_clause")
_ELSE_CLAUSE, _TIMEOUT_VALUE, _EXIT = Atom("else_clause"), Atom("timeout_value"), Atom("EXIT")
_ERROR, _EXITED, _THROWN = Atom("error"), Atom("exit"), Atom("throw")
_INFINITY: Final = "infinity"
_TOO_MUCH_MAIL: Final = (Atom("killed"), Atom("mailbox_limit"))
# The three classes of Erlang; the machine turns whatever else is raised into one of them.
CAUGHT: Final = (ErlangError, Exit, Throw)


# --- case and if --------------------------------------------------------------------------


@expression("case")
def case(form: Any) -> Compiling:
    subject = yield EXPRESSIONS, form[2]
    among = yield from clauses(form[3])
    depth = 1 + max(subject.depth, *(each.body.depth for each in among))

    def pick(value: Term, env: Env) -> Node:
        found = choose(among, (value,), env)
        if found is None:
            raise ErlangError((_CASE_CLAUSE, value))
        env.update(found[1])
        return found[0].body

    plain, run = choosing(subject, among, pick, depth=depth)
    return Node(plain, run, binds=True, depth=depth)


@expression("if")
def if_(form: Any) -> Compiling:
    among = yield from clauses(form[2])
    depth = 1 + max(each.body.depth for each in among)

    def pick(value: Term, env: Env) -> Node:
        found = choose(among, (), env)
        if found is None:
            raise ErlangError(_IF_CLAUSE)
        return found[0].body

    plain, run = choosing(constant(None), among, pick, depth=depth)
    return Node(plain, run, binds=True, depth=depth)


# --- receive ------------------------------------------------------------------------------


@expression("receive")
def receive(form: Any) -> Compiling:
    among = yield from clauses(form[2])
    timeout = (yield EXPRESSIONS, form[3]) if len(form) > 3 else constant(Atom(_INFINITY))
    late = sequence((yield from expressions(form[4]))) if len(form) > 4 else None

    def run(env: Env) -> Steps:
        limit = timeout.plain(env) if timeout.plain is not None else (yield timeout.run(env))
        found: list[tuple[Clause, Env]] = []
        if not (yield Await(_wait(among, env, _seconds(limit), found))):
            return go_on(late, env) if late is not None else None
        clause, new = found[-1]
        env.update(new)
        return go_on(clause.body, env)

    return Node(run=run, binds=True)


def _seconds(limit: Term) -> float | None:
    if type(limit) is Atom and limit == _INFINITY:
        return None
    if type(limit) is not int or not 0 <= limit < 1 << 32:
        raise ErlangError(_TIMEOUT_VALUE)
    return limit / 1000


async def _wait(
    among: list[Clause], env: Env, timeout: float | None, found: list[tuple[Clause, Env]]
) -> bool:
    """Wait for a message that fits one of the clauses, which goes into `found`; whether one came in time."""

    process = this_process()
    most = limits.current().mailbox

    def fits(message: Term) -> bool:
        if len(process.mailbox or ()) > most:
            raise limits.Stopped(_TOO_MUCH_MAIL)
        chosen = choose(among, (seen_here(message),), env)
        if chosen is not None:
            found.append(chosen)
        return chosen is not None

    try:
        await process.receive(fits, timeout)
    except TimeoutError:
        return False
    return True


# --- try and catch ------------------------------------------------------------------------


@expression("try")
def try_(form: Any) -> Compiling:
    body = sequence((yield from expressions(form[2])))
    fine = yield from clauses(form[3])
    caught = yield from clauses(form[4])
    after = yield from expressions(form[5])
    attempt = Node(run=_attempt(body, fine, caught)) if fine or caught else body
    return Node(run=_with_after(attempt, sequence(after)) if after else lambda env: attempt.run(dict(env)))


def _attempt(body: Node, fine: list[Clause], caught: list[Clause]) -> Any:
    def run(env: Env) -> Steps:
        inside = dict(env)
        try:
            value = yield body.run(inside)
        except CAUGHT as error:
            found = choose(caught, (what_happened(error),), env)
            if found is None:
                raise
            chosen, scope = found[0], {**env, **found[1]}
        else:
            if not fine:
                return value
            picked = choose(fine, (value,), inside)
            if picked is None:
                raise ErlangError((_TRY_CLAUSE, value))
            chosen, scope = picked[0], {**inside, **picked[1]}
        return go_on(chosen.body, scope)

    return run


def what_happened(error: Exception) -> Term:
    """`{Class, Reason, Stack}`."""
    if isinstance(error, Throw):
        return (_THROWN, error.value, [])
    if isinstance(error, Exit):
        return (_EXITED, error.reason, [])
    if isinstance(error, ErlangError):
        return (_ERROR, error.reason, error.stack or [])
    raise TypeError(f"{type(error).__name__} is of no class of Erlang's")


def _with_after(attempt: Node, after: Node) -> Any:
    def run(env: Env) -> Steps:
        try:
            value = yield attempt.run(dict(env))
        except CAUGHT:
            yield after.run(dict(env))
            raise
        yield after.run(dict(env))
        return value

    return run


@expression("catch")
def catch(form: Any) -> Compiling:
    body = yield EXPRESSIONS, form[2]

    def run(env: Env) -> Steps:
        try:
            return (yield body.run(dict(env)))
        except Throw as thrown:
            return thrown.value
        except Exit as exited:
            return (_EXIT, exited.reason)
        except ErlangError as error:
            return (_EXIT, (error.reason, error.stack or []))

    return Node(run=run)


# --- maybe --------------------------------------------------------------------------------


@expression("maybe")
def maybe(form: Any) -> Compiling:
    steps: list[tuple[Step | None, Node]] = []
    for each in proper(form[2]):
        is_match = each[0] == "maybe_match"
        step = (yield PATTERNS, each[2]) if is_match else None
        steps.append((step, (yield EXPRESSIONS, each[3] if is_match else each)))
    otherwise = (yield from clauses(form[3][2])) if len(form) > 3 else None

    def run(env: Env) -> Steps:
        inside = dict(env)
        value: Any = None
        for step, node in steps:
            value = node.plain(inside) if node.plain is not None else (yield node.run(inside))
            if step is not None:
                new: Env = {}
                if not matches(step, value, inside, new):
                    return value if otherwise is None else _else(otherwise, value, dict(env))
                inside.update(new)
        return value

    return Node(run=run)


def _else(otherwise: list[Clause], value: Term, env: Env) -> Any:
    found = choose(otherwise, (value,), env)
    if found is None:
        raise ErlangError((_ELSE_CLAUSE, value))
    env.update(found[1])
    return go_on(found[0].body, env)
