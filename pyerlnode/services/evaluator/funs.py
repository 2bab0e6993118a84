"""Closures as terms: which funs can be interpreted, their code, and new ones.

A closure of `erl_eval` carries all there is to know about it in its one free variable:

    {Anno, Bindings, Local, NonLocal, Used, Clauses}            anonymous
    {Anno, Bindings, Local, NonLocal, Used, Clauses, Name}      fun Name(...) -> ... end

Bindings are a map in Elixir and a sorted list of pairs in Erlang; releases before OTP 24
left out Anno and Used.  The handlers are for functions of the shell, which are not here.
A closure that is made here has the same form, so a BEAM of the sender's release can call it.

Source: erl_eval.erl of OTP's stdlib, `fun_data/1`.
Proof: tests/services/evaluator/test_service.py, interop/test_closures.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import clauses
from pyerlnode.services.evaluator.compiler import Compiling, compile_form
from pyerlnode.services.evaluator.nodes import ORIGIN, Env, Node
from pyerlnode.services.evaluator.values import seen_here
from pyerlnode.term import Atom, Fun, Term

if TYPE_CHECKING:
    from pyerlnode.services.evaluator.clauses import Clause

_ERL_EVAL: Final = Atom("erl_eval")
_NONE: Final = Atom("none")
_VAR: Final = Atom("var")
_CLAUSES: Final = Atom("clauses")
_BADARG: Final = Atom("badarg")
_ARGUMENT_LIMIT: Final = Atom("argument_limit")

# How many places of the code table of erl_eval lie between anonymous funs and named ones of an arity.
_NAMED_BELOW: Final = 23
MAX_ARITY: Final = 20
# Codes that are remembered; beyond it all are forgotten.
_CODES: Final = 2048


class Parts(NamedTuple):
    """What the free variable of a closure says."""

    anno: Term
    bindings: Term
    local: Term
    other: Term
    used: Term
    clauses: list[Any]
    name: Atom | None


class Code(NamedTuple):
    """The compiled clauses of a closure."""

    clauses: list[Clause]
    name: Atom | None


def parts(fun: Fun) -> Parts | None:
    """The parts of a closure that can be interpreted; None for any other fun."""
    if fun.module is not _ERL_EVAL or len(fun.free) != 1 or type(fun.free[0]) is not tuple:
        return None
    found: tuple[Any, ...] = fun.free[0]
    if len(found) in (4, 5):
        found = (0, *found[:3], {}, *found[3:])
    if len(found) not in (6, 7) or type(found[5]) is not list or not found[5]:
        return None
    name = found[6] if len(found) == 7 else None
    if name is not None and type(name) is not Atom:
        return None
    anno, bindings, local, other, used, forms = found[:6]
    return Parts(anno, bindings, local, other, used, forms, name)


def environment(fun: Fun, closure: Parts) -> Env:
    """What the clauses of a closure see, before its arguments are matched."""
    try:
        bindings: Env = dict(closure.bindings)
        env = {_variable(name): seen_here(value) for name, value in bindings.items()}
    except (TypeError, ValueError):
        raise ErlangError(_BADARG) from None
    env[ORIGIN] = fun
    if closure.name is not None:
        env[closure.name] = fun
    return env


def _variable(name: Term) -> Any:
    if type(name) is not Atom:
        raise TypeError("a variable is an atom")
    return name


# --- code ---------------------------------------------------------------------------------

# By the identity of the clauses, which are kept so that it stays theirs, and by the fun's bytes.
_by_identity: dict[int, tuple[Any, Code]] = {}
_by_bytes: dict[bytes, Code] = {}


def code(fun: Fun, closure: Parts) -> Code:
    """The compiled clauses, from the cache where they were compiled before."""
    known = _by_identity.get(id(closure.clauses))
    if known is not None:
        return known[1]
    found = None if fun.raw is None else _by_bytes.get(fun.raw)
    if found is None:
        found = Code(compile_form((_CLAUSES, closure.clauses), {_CLAUSES: _all_clauses}), closure.name)
    _remember(fun, closure, found)
    return found


def _all_clauses(form: Any) -> Compiling:
    return (yield from clauses.clauses(form[1]))


def _remember(fun: Fun, closure: Parts, found: Code) -> None:
    if len(_by_identity) >= _CODES:
        _by_identity.clear()
    if len(_by_bytes) >= _CODES:
        _by_bytes.clear()
    if fun.raw is None:
        _by_identity[id(closure.clauses)] = (closure.clauses, found)
    else:
        _by_bytes[fun.raw] = found


# --- making -------------------------------------------------------------------------------


def maker(anno: Term, forms: list[Any], name: Atom | None = None) -> Node:
    """The expression that makes a closure over the variables that its clauses use."""
    arity = _arity(forms)
    names: list[Atom] = []

    def plain(env: Env) -> Fun:
        if not names:
            names.extend(sorted(variables(forms)))
        return make(env, anno, forms, arity, names, name)

    return Node(plain)


def _arity(forms: list[Any]) -> int:
    if not forms:
        raise ValueError("a fun without clauses")
    arity = len(forms[0][2])
    if arity > MAX_ARITY:
        raise ErlangError((_ARGUMENT_LIMIT, arity))
    return arity


def make(env: Env, anno: Term, forms: list[Any], arity: int, names: list[Atom], name: Atom | None) -> Fun:
    """A closure as the origin's own release would have made it."""
    origin: Fun = env[ORIGIN]
    from_shell = parts(origin)
    if from_shell is None:
        raise ErlangError(_BADARG)
    bound: Any = [(each, env[each]) for each in names if each in env and each != name]
    bindings = bound if type(from_shell.bindings) is list else dict(bound)
    free: tuple[Any, ...] = (anno, bindings, from_shell.local, from_shell.other, {}, forms)
    anonymous = origin.index + origin.arity + (0 if from_shell.name is None else _NAMED_BELOW)
    index = anonymous - arity - (0 if name is None else _NAMED_BELOW)
    return Fun(
        arity=arity,
        uniq=origin.uniq,
        index=max(0, index),
        module=_ERL_EVAL,
        old_index=max(0, index),
        old_uniq=origin.old_uniq,
        pid=origin.pid,
        free=(free if name is None else (*free, name),),
    )


def variables(forms: Term) -> set[Atom]:
    """The names of all variables in forms, however deep."""
    found: set[Atom] = set()
    todo: list[Any] = [forms]
    while todo:
        form = todo.pop()
        if type(form) is list:
            todo += form
        elif type(form) is tuple:
            if len(form) == 3 and form[0] is _VAR and type(form[2]) is Atom:
                found.add(form[2])
            else:
                todo += form
    return found
