"""What an expression is compiled to, and how several of them make a larger one.

A `Node` is plain where it can be: `plain(env)` gives its value at once.  What calls a fun,
waits, or is nested deeper than `DEEPEST` is not: `run(env)` gives a generator for the
machine, so neither the depth of the forms nor that of the calls grows Python's stack.

An environment is a dict of variables; under `ORIGIN` it has the fun whose code runs.
Expressions that bind change it in place, those that bind nothing outside get a copy.

Source: erl_eval.erl of OTP's stdlib.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from types import GeneratorType
from typing import Any, Final, TypeAlias

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.stdlib.exact import same
from pyerlnode.term import Atom, Term

Env: TypeAlias = dict[Any, Any]
Plain: TypeAlias = Callable[[Env], Any]
Steps: TypeAlias = Generator[Any, Any, Any]
Run: TypeAlias = Callable[[Env], Steps]

# How deep plain expressions may be nested; each level is a call of Python's.
DEEPEST: Final = 40
# Where an environment has the fun whose clause runs: no variable is called None.
ORIGIN: Final = None

_BADMATCH = Atom("badmatch")
UNBOUND_VAR: Final = Atom("unbound_var")


class Tick:
    """Yielded by a loop that asks for nothing else: so many steps were done."""

    __slots__ = ("steps",)

    def __init__(self, steps: int) -> None:
        self.steps = steps


class Node:
    """A compiled expression: `plain`, or `run` where that is None; `binds` if it may bind variables."""

    __slots__ = ("binds", "depth", "plain", "run")

    def __init__(
        self, plain: Plain | None = None, run: Run | None = None, *, binds: bool = False, depth: int = 1
    ) -> None:
        self.binds = binds
        self.depth = depth
        self.plain = plain if depth <= DEEPEST else None
        self.run: Run = run if run is not None else _later(plain)


def _later(plain: Plain | None) -> Run:
    def run(env: Env) -> Steps:
        yield from ()
        return plain(env)  # type: ignore[misc]  # a node has one of the two

    return run


def constant(value: Term) -> Node:
    """A node that always gives `value`."""
    return Node(lambda env: value)


def evaluate(node: Node, env: Env) -> Any:
    """The value of a node that cannot wait: part of a guard or of a pattern."""
    if node.plain is not None:
        return node.plain(env)
    return drive(node.run(env))


def looked_up(node: Node, env: Env, default: Any) -> Any:
    """A size or a key in a pattern; `default`, which fits nothing, if it fails for more than a variable."""
    try:
        return evaluate(node, env)
    except ErlangError as error:
        if type(error.reason) is tuple and error.reason[0] is UNBOUND_VAR:
            raise
        return default


def drive(frame: Steps) -> Any:
    """Run a generator that asks only for other generators, without a machine."""
    stack: list[Steps] = [frame]
    value: Any = None
    error: Exception | None = None
    while stack:
        try:
            value = stack[-1].send(value) if error is None else stack[-1].throw(error)
            error = None
        except StopIteration as done:
            stack.pop()
            value, error = done.value, None
        except Exception as failure:
            stack.pop()
            error = failure
        if type(value) is GeneratorType:
            stack.append(value)
            value = None
        elif isinstance(value, Tick):
            value = None
    if error is not None:
        raise error
    return value


# --- several ------------------------------------------------------------------------------


def _depth(nodes: Sequence[Node]) -> int:
    return 1 + max((node.depth for node in nodes), default=0)


def _all_plain(nodes: Sequence[Node]) -> bool:
    return all(node.plain is not None for node in nodes)


def strict(
    nodes: Sequence[Node], make: Callable[..., Any], *, calls: bool = False, threads: bool = False
) -> Node:
    """`make(*values)` of the values of all nodes, each evaluated with the same bindings.

    What `make` gives may be a request of the machine's if `calls` says so.  If `threads` says so, each
    node sees what those before it bind.
    """
    binds = any(node.binds for node in nodes)
    if binds and len(nodes) > 1 and not threads:
        return Node(run=_merged(nodes, make), binds=True)
    run = _in_order(nodes, make)
    depth = _depth(nodes)
    if calls or depth > DEEPEST or not _all_plain(nodes):
        return Node(run=run, binds=binds)
    return Node(_plain_of(nodes, make), run, binds=binds, depth=depth)


def _plain_of(nodes: Sequence[Node], make: Callable[..., Any]) -> Plain:
    plains: list[Any] = [node.plain for node in nodes]
    if len(plains) == 1:
        (one,) = plains
        return lambda env: make(one(env))
    if len(plains) == 2:
        left, right = plains
        return lambda env: make(left(env), right(env))
    return lambda env: make(*[plain(env) for plain in plains])


def _in_order(nodes: Sequence[Node], make: Callable[..., Any]) -> Run:
    pairs = [(node.plain, node.run) for node in nodes]

    def run(env: Env) -> Steps:
        values = []
        for plain, start in pairs:
            values.append(plain(env) if plain is not None else (yield start(env)))
        return make(*values)

    return run


def _merged(nodes: Sequence[Node], make: Callable[..., Any]) -> Run:
    """As `_in_order`, where they bind variables: none of them sees what another one binds."""

    def run(env: Env) -> Steps:
        values = []
        bound: Env = {}
        for node in nodes:
            own = dict(env) if node.binds else env
            values.append(node.plain(own) if node.plain is not None else (yield node.run(own)))
            if node.binds:
                _merge(bound, env, own)
        env.update(bound)
        return make(*values)

    return run


def _merge(bound: Env, before: Env, after: Env) -> None:
    for name, value in after.items():
        if name not in before:
            if name in bound and not same(bound[name], value):
                raise ErlangError((_BADMATCH, value))
            bound[name] = value


def sequence(nodes: Sequence[Node]) -> Node:
    """One after the other; the value is that of the last, which is in tail position."""
    if len(nodes) == 1:
        return nodes[0]
    *first, last = nodes
    binds = any(node.binds for node in nodes)
    depth = _depth(nodes)

    def run(env: Env) -> Steps:
        for node in first:
            if node.plain is not None:
                node.plain(env)
            else:
                yield node.run(env)
        return last.plain(env) if last.plain is not None else last.run(env)

    if depth > DEEPEST or not _all_plain(nodes):
        return Node(run=run, binds=binds)
    return Node(_plain_sequence(nodes), run, binds=binds, depth=depth)


def _plain_sequence(nodes: Sequence[Node]) -> Plain:
    plains: list[Any] = [node.plain for node in nodes]

    def plain(env: Env) -> Any:
        value = None
        for each in plains:
            value = each(env)
        return value

    return plain


def alone(node: Node) -> Node:
    """The same with an environment of its own: what it binds is not seen outside."""
    if not node.binds:
        return node
    plain, run = node.plain, node.run
    own: Plain | None = None if plain is None else (lambda env: plain(dict(env)))
    return Node(own, lambda env: run(dict(env)), depth=node.depth)
