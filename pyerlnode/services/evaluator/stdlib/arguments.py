"""What the library's functions ask of their arguments, and the errors of arguments that do not fit.

Terms come as `term.decode` gives them: binaries are bytes, `true`, `false` and `nil` are
True, False and None.  Nothing here looks into a term by recursion.

Proof: tests/services/evaluator/test_stdlib_erlang.py and its neighbours.
"""

from __future__ import annotations

import functools
from collections.abc import Generator, Iterable, Iterator, Sequence
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.term import Atom, Export, Fun, ImproperList, Map, Term, compare, exact_bytes

if TYPE_CHECKING:
    from pyerlnode.services.evaluator.stdlib.exact import AnyMap

# A function of the library that calls others: it yields what it wants to have done.
Steps: TypeAlias = Generator[Any, Any, Term]

OK, ERROR, UNDEFINED = Atom("ok"), Atom("error"), Atom("undefined")
BADARG, BADARITH, FUNCTION_CLAUSE = Atom("badarg"), Atom("badarith"), Atom("function_clause")
_CASE_CLAUSE, _BADMATCH = Atom("case_clause"), Atom("badmatch")
_BAD_GENERATOR = Atom("bad_generator")
_BADMAP, _BADKEY = Atom("badmap"), Atom("badkey")

by_order: Final = functools.cmp_to_key(compare)


def exact_order(a: Term, b: Term) -> int:
    """The order of keys inside a map: as `compare`, but integers before all floats."""
    return compare(Map([(a, 0)]), Map([(b, 0)]))


# --- errors -------------------------------------------------------------------------------


def badarg() -> ErlangError:
    """`badarg`, to be raised."""
    return ErlangError(BADARG)


def badarith() -> ErlangError:
    """`badarith`, to be raised."""
    return ErlangError(BADARITH)


def function_clause() -> ErlangError:
    """`function_clause`, to be raised: no clause of the function takes these arguments."""
    return ErlangError(FUNCTION_CLAUSE)


def case_clause(value: Term) -> ErlangError:
    """`{case_clause, Value}`, to be raised."""
    return ErlangError((_CASE_CLAUSE, value))


def badmatch(value: Term) -> ErlangError:
    """`{badmatch, Value}`, to be raised."""
    return ErlangError((_BADMATCH, value))


def badmap(value: Term) -> ErlangError:
    """`{badmap, Value}`, to be raised."""
    return ErlangError((_BADMAP, value))


def badkey(key: Term) -> ErlangError:
    """`{badkey, Key}`, to be raised."""
    return ErlangError((_BADKEY, key))


# --- kinds of terms ---------------------------------------------------------------------------


def is_integer(value: Term, least: int | None = None) -> bool:
    """Whether it is an integer, and not less than `least`; booleans are atoms."""
    return type(value) is int and (least is None or value >= least)


def is_number(value: Term) -> bool:
    return type(value) is int or type(value) is float


def is_atom(value: Term) -> bool:
    return value is None or isinstance(value, (Atom, bool))


def is_list(value: Term) -> bool:
    return isinstance(value, (list, ImproperList))


def is_function(value: Term, arity: int) -> bool:
    return isinstance(value, (Fun, Export)) and value.arity == arity


def atom_text(atom: Term) -> str:
    """The characters of an atom, `true`, `false` and `nil` too."""
    if isinstance(atom, Atom):
        return str(atom)
    return "nil" if atom is None else "true" if atom else "false"


def a_function(value: Term, arity: int) -> Term:
    """`value`, where it is a fun of this arity; else `function_clause`."""
    if not is_function(value, arity):
        raise function_clause()
    return value


# --- lists ------------------------------------------------------------------------------------


def proper(value: Term) -> list[Term]:
    """`value`, where it is a proper list; else `function_clause`."""
    if not isinstance(value, list):
        raise function_clause()
    return value


def cased(value: Term) -> list[Term]:
    """`value`, where it is a proper list; else `{case_clause, Value}`."""
    if not isinstance(value, list):
        raise case_clause(value)
    return value


def listed(value: Term) -> list[Term]:
    """`value`, where it is a proper list; else `badarg`, as a BIF has it."""
    if not isinstance(value, list):
        raise badarg()
    return value


def split_tail(value: Term) -> tuple[Sequence[Term], Term]:
    """The elements and what comes behind them: `[]` of a proper list; no elements of what is none."""
    if isinstance(value, list):
        return value, []
    if isinstance(value, ImproperList):
        return value.elements, value.tail
    return (), value


def with_tail(elements: Sequence[Term], tail: Term) -> Term:
    """The list of these elements in front of `tail`, which is that itself where there are none."""
    if isinstance(tail, list):
        return [*elements, *tail]
    return (
        ImproperList(elements if isinstance(elements, tuple) else list(elements), tail) if elements else tail
    )


def each(value: Term) -> Iterator[Term]:
    """The elements one after the other; `function_clause` at the end of what is no proper list."""
    elements, tail = split_tail(value)
    yield from elements
    if not isinstance(tail, list):
        raise function_clause()


def generated(value: Term) -> Iterator[Term]:
    """As `each`, with the error of a list comprehension: `{bad_generator, Rest}`."""
    elements, tail = split_tail(value)
    yield from elements
    if not isinstance(tail, list):
        raise ErlangError((_BAD_GENERATOR, tail))


# --- keys that are terms --------------------------------------------------------------------------


class Distinct:
    """A set of terms, told apart by `=:=`."""

    __slots__ = ("_seen",)

    def __init__(self, terms: Iterable[Term] = ()) -> None:
        self._seen = {exact_bytes(term) for term in terms}

    def __contains__(self, term: Term) -> bool:
        return exact_bytes(term) in self._seen

    def add(self, term: Term) -> bool:
        """Whether it was not there yet."""
        before = len(self._seen)
        self._seen.add(exact_bytes(term))
        return len(self._seen) > before


def a_map(value: Term) -> AnyMap:
    """`value`, where it is a map; else `{badmap, Value}`."""
    if not exact.is_map(value):
        raise badmap(value)
    return value  # type: ignore[no-any-return]
