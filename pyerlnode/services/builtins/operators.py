"""The operators and other guard functions of `erlang`, and those of them that Elixir's Kernel has.

`Agent.get(agent, Kernel, :+, [1])` calls them by their names.

Source: the module `erlang` of the ERTS reference manual; Kernel of Elixir.
Proof: tests/services/test_builtins_registry.py, interop/test_agents.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.otp.registry.guard_bifs import FAILURES, GUARD_BIFS
from pyerlnode.services.builtins.erlang import erlang
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.term import Atom, Term, phash2

if TYPE_CHECKING:
    from collections.abc import Callable

kernel = BuiltinModule("Kernel")

_ERLANG = Atom("erlang")
_ARITHMETIC: Final = frozenset({"+", "-", "*", "/", "div", "rem", "band", "bor", "bxor", "bnot"})
# What Kernel calls by another name than erlang, and what it has not (None).
_IN_KERNEL: Final[dict[str, str | None]] = {
    "=:=": "===",
    "=/=": "!==",
    "/=": "!=",
    "=<": "<=",
    **dict.fromkeys(
        ("and", "or", "xor", "band", "bor", "bxor", "bnot", "element", "float", "map_get", "size"), None
    ),
    "is_map_key": None,  # its arguments stand the other way round
    "is_record": None,
}


def _called(name: str, function: Callable[..., Any], args: list[Term]) -> Term:
    try:
        return function(*args)
    except FAILURES:
        reason = Atom("badarith" if name in _ARITHMETIC else "badarg")
        raise ErlangError(reason, [(_ERLANG, Atom(name), args, [])]) from None


def _of_one(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any) -> Term:
        return _called(name, function, [a])

    return call


def _of_two(name: str, function: Callable[..., Any]) -> Callable[..., Any]:
    def call(a: Any, b: Any) -> Term:
        return _called(name, function, [a, b])

    return call


def _export() -> None:
    for (name, arity), function in GUARD_BIFS.items():
        if (name, arity) == ("node", 1):
            continue  # `erlang` and `Kernel` have it beside node/0
        call = (_of_one if arity == 1 else _of_two)(name, function)
        erlang.export(name)(call)
        in_kernel = _IN_KERNEL.get(name, name)
        if in_kernel is not None:
            kernel.export(in_kernel)(call)


_export()


@kernel.export
def elem(value: Any, index: Any) -> Term:
    if type(value) is not tuple or type(index) is not int or not 0 <= index < len(value):
        raise BadArg(f"elem wants a tuple and an index into it, not {index!r}")
    return value[index]


@kernel.export("++")
def joined(left: Any, right: Any) -> Term:
    if type(left) is not list or type(right) is not list:
        raise ErlangError(Atom("badarg"), [(_ERLANG, Atom("++"), [left, right], [])])
    return left + right


erlang.export("++")(joined)


@erlang.export("phash2")
def hashed(term: Any, range: Any = 2**27) -> int:
    return phash2(term, range)
