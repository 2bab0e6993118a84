"""Expressions: literals, variables, data, operators, calls, funs and matches.

Source: erl_eval:expr/6 of OTP's stdlib.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import funs
from pyerlnode.services.evaluator.compiler import (
    EXPRESSIONS,
    PATTERNS,
    Compiling,
    expression,
    expressions,
    proper,
)
from pyerlnode.services.evaluator.nodes import UNBOUND_VAR, Env, Node, Steps, constant, sequence, strict
from pyerlnode.services.evaluator.patterns import matches
from pyerlnode.services.evaluator.requests import TailCall, TailRemote
from pyerlnode.services.evaluator.stdlib import erlang, registry
from pyerlnode.services.evaluator.stdlib.exact import from_pairs, has_key, is_map, put
from pyerlnode.term import Atom, Export, ImproperList, Term

if TYPE_CHECKING:
    from collections.abc import Callable

_ERLANG, _ERL_EVAL = Atom("erlang"), Atom("erl_eval")
_BADMATCH, _BADARG, _UNDEF = Atom("badmatch"), Atom("badarg"), Atom("undef")
_BADMAP, _BADKEY, _BADEXPR = Atom("badmap"), Atom("badkey"), Atom("badexpr")
_UNDEF_RECORD = Atom("undef_record")
_EXACT: Final = "map_field_exact"


# --- literals and variables ---------------------------------------------------------------


@expression("atom", "integer", "char", "float", "value")
def literal(form: Any) -> Node:
    return constant(form[2])


@expression("string")
def string(form: Any) -> Node:
    return constant(list(proper(form[2])))


@expression("nil")
def nil(form: Any) -> Node:
    return constant([])


@expression("var")
def var(form: Any) -> Node:
    name = form[2]
    if type(name) is not Atom:
        raise TypeError("a variable is an atom")

    def plain(env: Env) -> Any:
        try:
            return env[name]
        except KeyError:
            raise ErlangError((UNBOUND_VAR, name)) from None

    return Node(plain)


# --- data ---------------------------------------------------------------------------------


@expression("tuple")
def tuple_(form: Any) -> Compiling:
    return strict((yield from expressions(form[2])), lambda *values: values)


@expression("cons")
def cons(form: Any) -> Compiling:
    """A list: written cell in cell, and taken apart in a loop."""
    nodes = []
    while form[0] == "cons":
        nodes.append((yield EXPRESSIONS, form[2]))
        form = form[3]
        if type(form) is not tuple:
            raise TypeError("the tail is no form")
    if form[0] is None:
        return strict(nodes, lambda *values: list(values))
    nodes.append((yield EXPRESSIONS, form))
    return strict(nodes, lambda *values: prepend(values[:-1], values[-1]))


def prepend(heads: tuple[Term, ...], tail: Term) -> Term:
    """`[Heads... | Tail]`."""
    if type(tail) is list:
        return [*heads, *tail]
    return ImproperList(heads, tail)


@expression("map")
def map_(form: Any) -> Compiling:
    *base, fields = form[2:]
    nodes = yield from expressions(base)
    exact = []
    for field in proper(fields):
        exact.append(field[0] == _EXACT)
        nodes.append((yield EXPRESSIONS, field[2]))
        nodes.append((yield EXPRESSIONS, field[3]))
    if not base:
        return strict(nodes, lambda *values: from_pairs(zip(values[::2], values[1::2], strict=True)))
    return strict(nodes, lambda source, *values: _updated(source, values, exact))


def _updated(source: Term, values: tuple[Term, ...], exact: list[bool]) -> Term:
    if not is_map(source):
        raise ErlangError((_BADMAP, source))
    for key, value, must_be in zip(values[::2], values[1::2], exact, strict=True):
        if must_be and not has_key(source, key):
            raise ErlangError((_BADKEY, key))
        source = put(source, key, value)
    return source


@expression("record", "record_field", "record_index")
def record(form: Any) -> Node:
    """The shell expands records before anything is evaluated: here nobody knows any."""
    name = next((each for each in form[2:] if type(each) is Atom), _UNDEF)
    return _failing((_UNDEF_RECORD, name))


@expression("remote")
def remote(form: Any) -> Node:
    """`M:F` that is not called."""
    return _failing((_BADEXPR, Atom(":")))


def _failing(reason: Term, stack: list[Term] | None = None) -> Node:
    def plain(env: Env) -> Any:
        raise ErlangError(reason, stack)

    return Node(plain)


# --- operators ----------------------------------------------------------------------------


@expression("op")
def op(form: Any) -> Compiling:
    name = form[2]
    nodes = yield from expressions(list(form[3:]))
    if name in ("andalso", "orelse") and len(nodes) == 2:
        return _short(name == "orelse", *nodes)
    return _bif(name, nodes)


def _short(decided: bool, left: Node, right: Node) -> Node:
    """`orelse` (the left side decides if it is true) and `andalso` (if it is false)."""

    def decides(value: Term) -> bool:
        if value is not True and value is not False:
            raise ErlangError((_BADARG, value))
        return value is decided

    plain_left, plain_right = left.plain, right.plain

    def run(env: Env) -> Steps:
        value = plain_left(env) if plain_left is not None else (yield left.run(env))
        if decides(value):
            return value
        return plain_right(env) if plain_right is not None else right.run(env)

    binds = left.binds or right.binds
    if plain_left is None or plain_right is None:
        return Node(run=run, binds=binds)
    return Node(
        lambda env: decided if decides(plain_left(env)) else plain_right(env),
        run,
        binds=binds,
        depth=1 + max(left.depth, right.depth),
    )


# --- calls --------------------------------------------------------------------------------


@expression("call")
def call(form: Any) -> Compiling:
    callee = form[2]
    if callee[0] == "remote":
        module, name = callee[2], callee[3]
        args = yield from expressions(form[3])
        if module[0] == "atom" and name[0] == "atom":
            return named_call(module[2], name[2], args)
        where = yield from expressions([module, name])
        return strict([*where, *args], _dynamic, calls=True)
    if callee[0] == "atom":
        return local_call(callee[2], (yield from expressions(form[3])))
    nodes = yield from expressions([callee, *proper(form[3])])
    return strict(nodes, lambda fun, *args: TailCall(fun, args), calls=True)


def _dynamic(module: Term, name: Term, *args: Term) -> TailRemote:
    if type(module) is not Atom or type(name) is not Atom:
        raise ErlangError(_BADARG, [(_ERLANG, Atom("apply"), [module, name, list(args)], [])])
    return TailRemote(module, name, args)


def named_call(module: Term, name: Term, args: list[Node]) -> Node:
    """A call of a function whose name is written out."""
    if module is _ERLANG and (name, len(args)) in erlang.PLAIN:
        return _bif(name, args)
    if type(module) is not Atom or not isinstance(name, str | bool | None):
        return strict(args, lambda *values: _dynamic(module, name, *values), calls=True)
    function = name if type(name) is Atom else _atom_of(name)
    return strict(args, lambda *values: TailRemote(module, function, values), calls=True)


def _atom_of(name: Term) -> Atom:
    """A function may be called `true`."""
    return Atom("nil" if name is None else str(name).lower())


def local_call(name: Term, args: list[Node]) -> Node:
    """A call without a module: a function of `erlang` that needs none, else undefined."""
    if (name, len(args)) in erlang.PLAIN:
        return _bif(name, args)
    test = erlang.OLD_TESTS.get(name) if len(args) == 1 else None
    if test is not None:
        return _bif(test, args)
    if registry.find(_ERLANG, name, len(args)) is not None:
        return named_call(_ERLANG, name, args)

    # The arguments are not evaluated.
    return _failing(_UNDEF, [(_ERL_EVAL, name, len(args), [])])


def _bif(name: Any, args: list[Node]) -> Node:
    function = erlang.PLAIN.get((name, len(args)))
    if function is None:
        return strict(args, lambda *values: TailRemote(_ERLANG, name, values), calls=True)
    return strict(args, _traced(name, function))


def _traced(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    """The function, whose errors carry the entry of the stack that a BEAM's have."""

    def call(*args: Term) -> Any:
        try:
            return function(*args)
        except ErlangError as error:
            if error.stack is None:
                error.stack = [(_ERLANG, Atom(name), list(args), erlang.ERROR_INFO)]
            raise

    return call


# --- matches and blocks -------------------------------------------------------------------


@expression("match")
def match(form: Any) -> Compiling:
    step = yield PATTERNS, form[2]
    node = yield EXPRESSIONS, form[3]

    def bind(value: Term, env: Env) -> Term:
        new: Env = {}
        if not matches(step, value, env, new):
            raise ErlangError((_BADMATCH, value))
        env.update(new)
        return value

    plain, start = node.plain, node.run

    def run(env: Env) -> Steps:
        return bind((plain(env) if plain is not None else (yield start(env))), env)

    if plain is None:
        return Node(run=run, binds=True)
    return Node(lambda env: bind(plain(env), env), run, binds=True, depth=node.depth + 1)


@expression("block")
def block(form: Any) -> Compiling:
    return sequence((yield from expressions(form[2])))


# --- funs ---------------------------------------------------------------------------------


@expression("fun")
def fun(form: Any) -> Compiling:
    what = form[2]
    if what[0] == "clauses":
        return funs.maker(form[1], proper(what[1]))
    if what[0] != "function":
        raise ValueError("no fun")
    if len(what) == 3:
        return _local_fun(form[1], what[1], what[2])
    nodes = yield from expressions([part if type(part) is tuple else (_VALUE, 0, part) for part in what[1:]])
    return strict(nodes, _export)


_VALUE = Atom("value")


def _export(module: Term, name: Term, arity: Term) -> Export:
    if type(module) is not Atom or type(name) is not Atom or type(arity) is not int or not 0 <= arity < 256:
        raise ErlangError(_BADARG, [(_ERLANG, Atom("make_fun"), [module, name, arity], [])])
    return Export(module, name, arity)


def _local_fun(anno: Term, name: Any, arity: Any) -> Node:
    """`fun Name/Arity`: of `erlang`, or a fun that calls what nobody has."""
    if registry.find(_ERLANG, name, arity) is not None:
        return constant(Export(_ERLANG, name, arity))
    atom, variable = Atom("atom"), Atom("var")
    args = [(variable, anno, Atom(f"_{index}@arg")) for index in range(arity)]
    calls = (Atom("call"), anno, (atom, anno, name), args)
    return funs.maker(anno, [(Atom("clause"), anno, args, [], [calls])])


@expression("named_fun")
def named_fun(form: Any) -> Node:
    if type(form[2]) is not Atom:
        raise TypeError("a fun's name is an atom")
    return funs.maker(form[1], proper(form[3]), form[2])
