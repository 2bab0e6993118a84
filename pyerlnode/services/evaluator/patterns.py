"""Patterns: what a value is taken apart by.

A compiled pattern is a function `step(value, env, new, todo)`.  It says whether the value
may fit, puts what it binds into `new`, and what is left to be matched onto `todo`: so
patterns of any depth are matched in one loop.  A variable that is bound in `env` is a test
for equality, unless the pattern shadows (heads of funs, generators): then its `env` for
variables is empty and only sizes and the keys of maps are looked up outside.

Source: erl_eval:match/6 of OTP's stdlib.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any, Final, TypeAlias

from pyerlnode.errors import ErlangError, PyerlnodeError
from pyerlnode.services.evaluator.bits import matcher as bits_matcher
from pyerlnode.services.evaluator.compiler import EXPRESSIONS, PATTERNS, Compiling, pattern, patterns, proper
from pyerlnode.services.evaluator.nodes import Env, Node, evaluate, looked_up
from pyerlnode.services.evaluator.stdlib.exact import MISSING, get, is_map, same
from pyerlnode.term import Atom, ImproperList, Term

Todo: TypeAlias = list[tuple["Step", Any]]
Step: TypeAlias = Callable[[Any, Env, Env, Todo], bool]

# A key of `new`: the pattern shadows.  No variable is called like that.
SHADOWS: Final = True
_WILDCARD: Final = "_"
_ILLEGAL_PATTERN = Atom("illegal_pattern")


def matches(step: Step, value: Term, env: Env, new: Env) -> bool:
    """Whether `value` fits; what it binds is in `new` then, and may be there if it does not."""
    todo: Todo = []
    if not step(value, env, new, todo):
        return False
    while todo:
        step, value = todo.pop()
        if not step(value, env, new, todo):
            return False
    return True


@pattern("var")
def var(form: Any) -> Step:
    name = form[2]
    if type(name) is not Atom:
        raise TypeError("a variable is an atom")
    return _anything if name == _WILDCARD else _variable(name)


def _anything(value: Any, env: Env, new: Env, todo: Todo) -> bool:
    return True


def _variable(name: Atom) -> Step:
    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        known = new.get(name, MISSING)
        if known is MISSING and SHADOWS not in new:
            known = env.get(name, MISSING)
        if known is MISSING:
            new[name] = value
            return True
        return same(known, value)

    return step


@pattern("atom", "integer", "char", "float", "value")
def literal(form: Any) -> Step:
    return equal_to(form[2])


def equal_to(wanted: Term) -> Step:
    """The pattern of one value."""
    kind = type(wanted)
    if kind is Atom or kind is bool or wanted is None:
        return lambda value, env, new, todo: value is wanted
    if kind is int:
        return lambda value, env, new, todo: type(value) is int and value == wanted
    return lambda value, env, new, todo: same(value, wanted)


@pattern("nil")
def nil(form: Any) -> Step:
    return _empty


def _empty(value: Any, env: Env, new: Env, todo: Todo) -> bool:
    return type(value) is list and not value


@pattern("string")
def string(form: Any) -> Step:
    return equal_to(list(proper(form[2])))


@pattern("tuple")
def tuple_(form: Any) -> Compiling:
    parts = yield from patterns(form[2])
    size = len(parts)

    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        if type(value) is not tuple or len(value) != size:
            return False
        todo.extend(zip(parts, value, strict=True))
        return True

    return step


@pattern("cons")
def cons(form: Any) -> Compiling:
    heads = []
    while form[0] == "cons":
        heads.append((yield PATTERNS, form[2]))
        form = form[3]
        if type(form) is not tuple:
            raise TypeError("the tail is no form")
    if form[0] is None:
        return _exactly(heads)
    return _beginning(heads, (yield PATTERNS, form))


def _exactly(heads: list[Step]) -> Step:
    size = len(heads)

    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        if type(value) is not list or len(value) != size:
            return False
        todo.extend(zip(heads, value, strict=True))
        return True

    return step


def _beginning(heads: list[Step], tail: Step) -> Step:
    size = len(heads)

    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        if type(value) is list:
            if len(value) < size:
                return False
            todo.append((tail, value[size:]))
            todo.extend(zip(heads, value, strict=False))
            return True
        if type(value) is not ImproperList or len(value.elements) < size:
            return False
        rest = value.elements[size:]
        todo.append((tail, ImproperList(rest, value.tail) if rest else value.tail))
        todo.extend(zip(heads, value.elements, strict=False))
        return True

    return step


@pattern("match")
def match(form: Any) -> Compiling:
    left = yield PATTERNS, form[2]
    right = yield PATTERNS, form[3]

    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        todo.append((right, value))
        todo.append((left, value))
        return True

    return step


def _no_fields(fields: list[Any], value: Any, env: Env, new: Env, todo: Todo) -> bool:
    """Fields with `=>`, which Elixir leaves in patterns inside the key of a map: an error if a map comes."""
    if not is_map(value):
        return False
    raise ErlangError(Atom("function_clause"), [(Atom("erl_eval"), Atom("match_map"), [fields], [])])


@pattern("map")
def map_(form: Any) -> Compiling:
    pairs: list[tuple[Node, Step]] = []
    fields = proper(form[2])
    if any(field[0] != "map_field_exact" for field in fields):
        return partial(_no_fields, fields)
    for field in fields:
        pairs.append(((yield EXPRESSIONS, field[2]), (yield PATTERNS, field[3])))

    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        if not is_map(value):
            return False
        for key, part in pairs:
            wanted = looked_up(key, env, MISSING)
            found = MISSING if wanted is MISSING else get(value, wanted)
            if found is MISSING:
                return False
            todo.append((part, found))
        return True

    return step


@pattern("bin")
def bin_(form: Any) -> Compiling:
    match_bits = yield from bits_matcher(form, matches)

    def step(value: Any, env: Env, new: Env, todo: Todo) -> bool:
        return bool(match_bits(value, env, new))

    return step


@pattern("op")
def op(form: Any) -> Compiling:
    """A prefix that is written with `++`, or arithmetic of constants."""
    if form[2] == "++" and len(form) == 5:
        heads = yield EXPRESSIONS, form[3]
        tail = yield PATTERNS, form[4]
        return _beginning([equal_to(each) for each in proper(_constant(heads))], tail)
    return equal_to(_constant((yield EXPRESSIONS, form)))


def _constant(node: Node) -> Any:
    try:
        return evaluate(node, {})
    except PyerlnodeError:
        raise ErlangError(_ILLEGAL_PATTERN) from None
