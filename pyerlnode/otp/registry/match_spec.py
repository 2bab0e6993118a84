"""Match specifications, as ETS takes them: a pattern, guards, and what is wanted of what matches.

    spec = MatchSpec((Atom("$1"), Atom("_")), [(Atom(">"), Atom("$1"), 3)], [Atom("$1")])
    spec.run((5, "x"))                     5
    spec.run((2, "x"))                     NO_MATCH

`_` matches anything, `$1` too and is bound to it; everything else matches what is `=:=`,
a map what has its keys.  A guard that fails, or raises, is no match; an expression of the
result that raises gives `EXIT`.

Both are written by programs, perhaps of other nodes: patterns are matched without
recursion, expressions may be nested MAX_DEPTH deep.

Source: ERTS user's guide, "Match Specifications in Erlang", for ETS.
Proof: tests/otp/test_match_spec.py, interop/test_registry.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from pyerlnode.errors import BadArg, UsageError
from pyerlnode.otp.registry.guard_bifs import FAILURES, GUARD_BIFS, boolean
from pyerlnode.term import Atom, ImproperList, Map, Term, equal
from pyerlnode.term.text import brief

__all__ = ["NO_MATCH", "MatchSpec"]

NO_MATCH: Final[Any] = object()
MAX_DEPTH: Final = 64

_ANY, _WHOLE, _ALL, _EXIT = Atom("_"), Atom("$_"), Atom("$$"), Atom("EXIT")
_VARIABLE: Final = re.compile(r"\$(0|[1-9][0-9]{0,7})")

Bound: TypeAlias = dict[int, Term]
Expression: TypeAlias = Callable[[Term, Bound], Any]


class MatchSpec:
    """One clause.  BadArg for guards and results that cannot be, UsageError for a name without `Atom`."""

    __slots__ = ("_guards", "_pattern", "_results")

    def __init__(self, pattern: Term, guards: list[Term], results: list[Term]) -> None:
        if not isinstance(guards, list) or not isinstance(results, list) or not results:
            raise BadArg("a match specification has a list of guards and one of results, which is not empty")
        self._pattern = pattern
        known = _variables(pattern)
        self._guards = [_expression(guard, known, MAX_DEPTH) for guard in guards]
        self._results = [_expression(result, known, MAX_DEPTH) for result in results]

    def run(self, subject: Term) -> Any:
        """What the last result gives for `subject`; NO_MATCH if it does not match."""
        bound = _match(self._pattern, subject)
        if bound is None or not all(_holds(guard, subject, bound) for guard in self._guards):
            return NO_MATCH
        try:
            return [result(subject, bound) for result in self._results][-1]
        except FAILURES:
            return _EXIT


def _holds(guard: Expression, subject: Term, bound: Bound) -> bool:
    try:
        return guard(subject, bound) is True
    except FAILURES:
        return False


# --- patterns -------------------------------------------------------------------------------


def _number(item: Term) -> int | None:
    """Which variable an atom is; None if it is none."""
    if type(item) is not Atom:
        return None
    found = _VARIABLE.fullmatch(item)
    return None if found is None else int(found[1])


def _variables(pattern: Term) -> set[int]:
    found: set[int] = set()
    todo = [pattern]
    while todo:
        item = todo.pop()
        number = _number(item)
        if number is not None:
            found.add(number)
        elif isinstance(item, (tuple, list)):
            todo += item
        elif isinstance(item, ImproperList):
            todo += (*item.elements, item.tail)
        elif isinstance(item, Mapping):
            todo += item.values()
    return found


def _match(pattern: Term, subject: Term) -> Bound | None:
    """The variables that make `pattern` the subject; None if none do."""
    bound: Bound = {}
    todo = [(pattern, subject)]
    while todo:
        wanted, given = todo.pop()
        if wanted is _ANY:
            continue
        number = _number(wanted)
        if number is None:
            parts = _parts(wanted, given)
            if parts is None:
                return None
            todo += parts
        elif number not in bound:
            bound[number] = given
        elif not equal(bound[number], given):
            return None
    return bound


def _parts(wanted: Term, given: Term) -> list[tuple[Term, Term]] | None:
    """What is left to match of two terms; None if they differ."""
    if type(wanted) is tuple or type(wanted) is list:
        if type(given) is not type(wanted) or len(given) != len(wanted):
            return None
        return list(zip(wanted, given, strict=True))
    if type(wanted) is ImproperList:
        return _cells(wanted, given)
    if isinstance(wanted, Mapping):
        return _pairs(wanted, given)
    return [] if equal(wanted, given) else None


def _cells(wanted: ImproperList, given: Term) -> list[tuple[Term, Term]] | None:
    """`[A, B | Rest]` against a list of either kind."""
    elements = given.elements if type(given) is ImproperList else given
    size = len(wanted.elements)
    if type(given) not in (list, ImproperList) or len(elements) < size:
        return None
    rest: Term = elements[size:]
    if type(given) is ImproperList:
        rest = ImproperList(rest, given.tail) if rest else given.tail
    return [*zip(wanted.elements, elements[:size], strict=True), (wanted.tail, rest)]


def _pairs(wanted: Mapping[Term, Term], given: Term) -> list[tuple[Term, Term]] | None:
    if not isinstance(given, Mapping):
        return None
    exact = Map(given)
    if any(key not in exact for key in wanted):
        return None
    return [(value, exact[key]) for key, value in wanted.items()]


# --- expressions ----------------------------------------------------------------------------


def _expression(item: Term, known: set[int], depth: int) -> Expression:
    """What evaluates a guard or a result, given the subject and what is bound."""
    if depth == 0:
        raise BadArg(f"an expression of a match specification is nested more than {MAX_DEPTH} deep")
    if type(item) is tuple:
        return _call(item, known, depth)
    if type(item) is list:
        parts = [_expression(part, known, depth - 1) for part in item]
        return lambda subject, bound: [part(subject, bound) for part in parts]
    if isinstance(item, Mapping):
        pairs = [(key, _expression(value, known, depth - 1)) for key, value in item.items()]
        return lambda subject, bound: Map([(key, value(subject, bound)) for key, value in pairs])
    if item is _WHOLE:
        return lambda subject, bound: subject
    if item is _ALL:
        return lambda subject, bound: [bound[number] for number in sorted(bound)]
    number = _number(item)
    if number is None:
        return lambda subject, bound: item
    if number not in known:
        raise BadArg(f"the match specification's pattern has no {item}")
    return lambda subject, bound: bound[number]


def _call(item: tuple[Term, ...], known: set[int], depth: int) -> Expression:
    if len(item) == 1 and type(item[0]) is tuple:  # {{A, B}} makes a tuple
        parts = [_expression(part, known, depth - 1) for part in item[0]]
        return lambda subject, bound: tuple([part(subject, bound) for part in parts])
    name = item[0] if item else None
    if type(name) is str:
        raise UsageError(f"a match specification has functions by atoms: Atom({name!r}), not {name!r}")
    if type(name) is not Atom:
        raise BadArg(f"{brief(item)} is no guard or result of a match specification")
    if name == "const" and len(item) == 2:
        value = item[1]
        return lambda subject, bound: value
    args = [_expression(arg, known, depth - 1) for arg in item[1:]]
    if name in ("andalso", "orelse", "and", "or") and args:
        return _logic(name, args)
    function = GUARD_BIFS.get((str(name), len(args)))
    if function is None:
        raise BadArg(f"a match specification has no function {name}/{len(args)}")
    return lambda subject, bound: function(*[arg(subject, bound) for arg in args])


def _logic(name: str, args: list[Expression]) -> Expression:
    stops = name in ("orelse", "or")

    def lazily(subject: Term, bound: Bound) -> bool:
        return any(boolean(arg(subject, bound)) is stops for arg in args) is stops

    def strictly(subject: Term, bound: Bound) -> bool:
        return (stops in [boolean(arg(subject, bound)) for arg in args]) is stops

    return lazily if name in ("andalso", "orelse") else strictly
