"""Comprehensions of lists, bitstrings and maps, and what generates their elements.

Source: erl_eval.erl of OTP's stdlib, `eval_lc` and its neighbours.
Proof: tests/services/evaluator/test_expressions.py.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, NamedTuple

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator import bitstrings
from pyerlnode.services.evaluator.bits import segments, take
from pyerlnode.services.evaluator.bitstrings import is_bits, part, size_of
from pyerlnode.services.evaluator.clauses import is_true
from pyerlnode.services.evaluator.compiler import EXPRESSIONS, PATTERNS, Compiling, expression, proper
from pyerlnode.services.evaluator.nodes import Env, Node, Steps, Tick, strict
from pyerlnode.services.evaluator.patterns import SHADOWS, matches
from pyerlnode.services.evaluator.requests import Remote
from pyerlnode.services.evaluator.stdlib import erlang
from pyerlnode.services.evaluator.stdlib.exact import from_pairs, is_map, items
from pyerlnode.term import Atom, ImproperList, Term

_BAD_GENERATOR, _BAD_GENERATORS = Atom("bad_generator"), Atom("bad_generators")
_BAD_FILTER, _BADMATCH, _BADARG = Atom("bad_filter"), Atom("badmatch"), Atom("badarg")
_NONE: Final = Atom("none")
# After so many turns of a loop that asks for nothing others may run.
_TICKS: Final = 64

# Yielded for an element that does not match.
_SKIPPED: Final[Any] = object()
# From what a generator's expression gave and the environment: environments, or `_SKIPPED`.
Elements = Callable[[Term, Env], Iterator[Any]]


class Qualifier(NamedTuple):
    """A generator, or a filter where `elements` is None; `is_guard`: an error in it is false."""

    node: Node
    elements: Elements | None
    is_guard: bool = False


# --- the three kinds ----------------------------------------------------------------------


@expression("lc")
def lc(form: Any) -> Compiling:
    node = yield EXPRESSIONS, form[2]
    return _loop(node, (yield from _qualifiers(form[3])), lambda found: found)


@expression("bc")
def bc(form: Any) -> Compiling:
    node = yield EXPRESSIONS, form[2]
    return _loop(node, (yield from _qualifiers(form[3])), _joined)


def _joined(found: list[Any]) -> Term:
    if not all(map(is_bits, found)):
        raise ErlangError(_BADARG)
    return bitstrings.join(found)


@expression("mc")
def mc(form: Any) -> Compiling:
    pair = form[2]
    if pair[0] != "map_field_assoc":
        raise ValueError("no association")
    nodes = [(yield EXPRESSIONS, pair[2]), (yield EXPRESSIONS, pair[3])]
    node = strict(nodes, lambda key, value: (key, value))
    return _loop(node, (yield from _qualifiers(form[3])), from_pairs)


def _loop(node: Node, qualifiers: list[Qualifier], make: Callable[[list[Any]], Term]) -> Node:
    """Evaluate `node` for each combination of what the generators give."""

    def run(env: Env) -> Steps:
        found: list[Any] = []
        sources: list[tuple[int, Iterator[Any]]] = []
        index, scope, turns = 0, dict(env), 0
        while True:
            turns += 1
            if not turns % _TICKS:
                yield Tick(_TICKS)
            if index == len(qualifiers):
                own = dict(scope)
                found.append(node.plain(own) if node.plain is not None else (yield node.run(own)))
            else:
                each = qualifiers[index]
                value = yield from _evaluated(each, scope)
                if each.elements is not None:
                    if isinstance(value, ErlangError):
                        raise value
                    sources.append((index, each.elements(value, scope)))
                elif value is True:
                    index += 1
                    continue
                elif value is not False:
                    raise ErlangError((_BAD_FILTER, value))
            while sources:
                index, source = sources[-1]
                following = next(source, None)
                if following is _SKIPPED:
                    turns += 1
                    if not turns % _TICKS:
                        yield Tick(_TICKS)
                elif following is not None:
                    scope = following
                    index += 1
                    break
                else:
                    sources.pop()
            else:
                return make(found)

    return Node(run=run)


def _evaluated(qualifier: Qualifier, scope: Env) -> Steps:
    node = qualifier.node
    if qualifier.is_guard:
        return is_true(node, scope)
    own = dict(scope) if node.binds else scope
    return node.plain(own) if node.plain is not None else (yield node.run(own))


# --- qualifiers ---------------------------------------------------------------------------


def _qualifiers(forms: Any) -> Compiling:
    found = []
    for form in proper(forms):
        if form[0] == "zip":
            found.append((yield from _zip(form)))
        elif form[0] in _GENERATORS:
            found.append((yield from _GENERATORS[form[0]](form)))
        else:
            found.append(Qualifier((yield EXPRESSIONS, form), None, _is_guard(form)))
    return found


def _is_guard(form: Any) -> bool:
    """Whether a filter can stand in a guard, where errors are false."""
    todo = [form]
    while todo:
        each = todo.pop()
        parts = _GUARD_PARTS.get(each[0], _no_parts)(each)
        if parts is None:
            return False
        todo += parts
    return True


def _no_parts(form: Any) -> list[Any] | None:
    return [] if form[0] in _LEAVES else None


def _of_op(form: Any) -> list[Any] | None:
    return None if form[2] in _NO_GUARDS else list(form[3:])


def _of_call(form: Any) -> list[Any] | None:
    return proper(form[3]) if _is_guard_call(form) else None


def _of_map(form: Any) -> list[Any]:
    *base, fields = form[2:]
    return [*base, *(part for field in proper(fields) for part in field[2:])]


def _of_bin(form: Any) -> list[Any]:
    parts = [part for element in proper(form[2]) for part in element[2:4]]
    return [part for part in parts if part != "default"]


_LEAVES: Final = ("var", "atom", "integer", "float", "char", "string", None)
_NO_GUARDS: Final = ("!", "++", "--")
_GUARD_PARTS: Final[dict[Any, Callable[[Any], list[Any] | None]]] = {
    "op": _of_op,
    "call": _of_call,
    "tuple": lambda form: proper(form[2]),
    "cons": lambda form: list(form[2:]),
    "map": _of_map,
    "bin": _of_bin,
}


def _is_guard_call(form: Any) -> bool:
    callee, args = form[2], proper(form[3])
    if callee[0] == "remote":
        if callee[2][0] != "atom" or callee[2][2] != "erlang":
            return False
        callee = callee[3]
    return bool(callee[0] == "atom" and (callee[2], len(args)) in erlang.GUARDS)


def _scopes(step: Any, values: Iterable[Term], env: Env, strict_: bool) -> Iterator[Any]:
    for value in values:
        new: Env = {SHADOWS: True}
        if matches(step, value, env, new):
            yield {**env, **new}
        elif strict_:
            raise ErlangError((_BADMATCH, value))
        else:
            yield _SKIPPED


def _list_generator(form: Any) -> Compiling:
    step = yield PATTERNS, form[2]
    node = yield EXPRESSIONS, form[3]
    return Qualifier(node, lambda value, env: _scopes(step, _elements(value), env, _is_strict(form)))


def _is_strict(form: Any) -> bool:
    return bool(form[0].endswith("_strict"))


def _elements(value: Term) -> Iterator[Term]:
    """The elements of a list; behind them `bad_generator` for a tail that is not empty."""
    if type(value) is list:
        yield from value
        return
    if type(value) is ImproperList:
        yield from value.elements
        value = value.tail
    raise ErlangError((_BAD_GENERATOR, value))


def _map_generator(form: Any) -> Compiling:
    _, _, key, value = form[2]
    pair = (Atom("tuple"), form[1], [key, value])
    step = yield PATTERNS, pair
    node = yield EXPRESSIONS, form[3]
    listed = Node(run=_pairs_of(node))
    return Qualifier(listed, lambda pairs, env: _scopes(step, iter(pairs), env, _is_strict(form)))


def _pairs_of(node: Node) -> Callable[[Env], Steps]:
    """The pairs of a map, or of an iterator over one."""

    def run(env: Env) -> Steps:
        source = node.plain(env) if node.plain is not None else (yield node.run(env))
        if is_map(source):
            return items(source)
        if source is not _NONE and type(source) is not ImproperList and type(source) is not tuple:
            raise ErlangError((_BAD_GENERATOR, source))
        found = []
        while (following := (yield Remote("maps", "next", (source,)))) is not _NONE:
            key, value, source = following
            found.append((key, value))
        return found

    return run


def _binary_generator(form: Any) -> Compiling:
    if form[2][0] != "bin":
        raise ValueError("no pattern of bits")
    found = yield from segments(form[2])
    node = yield EXPRESSIONS, form[3]
    return Qualifier(node, lambda value, env: _pieces(found, value, env, _is_strict(form)))


def _pieces(found: Any, value: Term, env: Env, strict_: bool) -> Iterator[Any]:
    if not is_bits(value):
        raise ErlangError((_BAD_GENERATOR, value))
    data, size = size_of(value)
    at = 0
    while True:
        new: Env = {SHADOWS: True}
        end, fits = take(found, data, at, size, env, new, matches)
        if end is None or (end == at and not fits):
            if strict_ and at < size:
                raise ErlangError((_BADMATCH, part(data, at, size - at)))
            return
        if fits:
            yield {**env, **new}
        elif strict_:
            raise ErlangError((_BADMATCH, part(data, at, size - at)))
        else:
            yield _SKIPPED
        if end == at:
            return
        at = end


_GENERATORS: Final = {
    "generate": _list_generator,
    "generate_strict": _list_generator,
    "m_generate": _map_generator,
    "m_generate_strict": _map_generator,
    "b_generate": _binary_generator,
    "b_generate_strict": _binary_generator,
}


# --- zip ----------------------------------------------------------------------------------


class _Counted:
    """Elements of one of the generators that go side by side, and how many were taken."""

    def __init__(self, value: Term, scopes: Iterator[Any]) -> None:
        self.value = value
        self.taken = 0
        self._scopes = scopes

    def __next__(self) -> Any:
        following = next(self._scopes, None)
        self.taken += following is not None
        return following

    def rest(self) -> Term:
        """What is left of a list, for the error that says so."""
        return self.value[self.taken :] if type(self.value) is list else self.value


def _zip(form: Any) -> Compiling:
    parts: list[Qualifier] = []
    for each in proper(form[2]):
        parts.append((yield from _GENERATORS[each[0]](each)))
    node = strict([each.node for each in parts], lambda *values: values)
    return Qualifier(node, lambda values, env: _side_by_side(parts, values, env))


def _side_by_side(parts: list[Qualifier], values: tuple[Term, ...], env: Env) -> Iterator[Any]:
    sources = [
        _Counted(value, each.elements(value, env))
        for each, value in zip(parts, values, strict=True)
        if each.elements is not None
    ]
    while True:
        before = tuple(each.rest() for each in sources)
        found = [next(each) for each in sources]
        ended = [each is None for each in found]
        if all(ended):
            return
        if any(ended):
            raise ErlangError((_BAD_GENERATORS, before))
        if any(each is _SKIPPED for each in found):
            yield _SKIPPED
        else:
            merged = dict(env)
            for each in found:
                merged.update(
                    {name: value for name, value in each.items() if name not in env or value is not env[name]}
                )
            yield merged
