"""Which functions of `erlang` the code of closures calls at once, and which of them a guard may call.

What is in `PLAIN` takes no steps of the machine; those that a guard may call are in `GUARDS`, too.
All of them can be called by name as well.  erlang.py and erlang_operators.py fill the tables: who
looks into them imports erlang.py.

Source: module `erlang` of the ERTS reference manual.
Proof: tests/services/evaluator/test_expressions.py, tests/services/evaluator/test_corpus.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom

if TYPE_CHECKING:
    from collections.abc import Callable

_F = TypeVar("_F", bound="Callable[..., Any]")

erlang = Library("erlang")

ERROR_INFO: Final = [(Atom("error_info"), {Atom("module"): Atom("erl_erts_errors")})]

GUARDS: Final[dict[tuple[str, int], Callable[..., Any]]] = {}
PLAIN: Final[dict[tuple[str, int], Callable[..., Any]]] = {}
# Tests of types by the names that they had before OTP R13.
OLD_TESTS: Final = {
    name: f"is_{name}"
    for name in (
        *("atom", "binary", "float", "function", "integer", "list"),
        *("number", "pid", "port", "reference", "tuple"),
    )
}


def guard(name: str, arity: int) -> Callable[[_F], _F]:
    """Take a function that a guard may call into both tables, and into the library."""

    def take(function: _F) -> _F:
        GUARDS[name, arity] = PLAIN[name, arity] = function
        return erlang.function(name, arity)(function)

    return take


def plain(name: str, arity: int) -> Callable[[_F], _F]:
    """The same for one that no guard may call."""

    def take(function: _F) -> _F:
        PLAIN[name, arity] = function
        return erlang.function(name, arity)(function)

    return take
