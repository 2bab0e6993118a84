"""What the files of this package share: Elixir's exceptions, structs, truth, text and bounds.

Source: exception.ex, kernel.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py and its neighbours.
"""

from __future__ import annotations

from typing import Any

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.limits import SYSTEM_LIMIT
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import function_clause, is_function
from pyerlnode.term import Atom, Export, Fun, Pid, Term, exact_bytes, to_elixir
from pyerlnode.term._encode import SHAPES

STRUCT, EXCEPTION, MESSAGE = Atom("__struct__"), Atom("__exception__"), Atom("message")
OK, ERROR = Atom("ok"), Atom("error")
KEY, TERM = Atom("key"), Atom("term")


# --- errors -------------------------------------------------------------------------------


def exception(module: str, **fields: Term) -> dict[Term, Term]:
    """An exception struct: `Elixir.` and `__exception__` are added."""
    given = {Atom(name): value for name, value in fields.items()}
    return {STRUCT: Atom(f"Elixir.{module}"), EXCEPTION: True, **given}


def raised(module: str, **fields: Term) -> ErlangError:
    """The error whose reason is such a struct, to be raised."""
    return ErlangError(exception(module, **fields))


def argument_error(message: str) -> ErlangError:
    """`ArgumentError`, to be raised."""
    return raised("ArgumentError", message=message.encode("utf-8", "surrogateescape"))


def key_error(key: Term, term: Term) -> ErlangError:
    """`KeyError`, to be raised."""
    return raised("KeyError", key=key, term=term, message=None)


def undefined_protocol(protocol: str, value: Term) -> ErlangError:
    """`Protocol.UndefinedError`, to be raised."""
    return raised(
        "Protocol.UndefinedError", protocol=Atom(f"Elixir.{protocol}"), value=value, description=b""
    )


def badfun(value: Term) -> ErlangError:
    """`{badfun, Value}`, to be raised."""
    return ErlangError((Atom("badfun"), value))


def system_limit() -> ErlangError:
    """`system_limit`, to be raised where a result would be too large."""
    return ErlangError(SYSTEM_LIMIT)


# --- guards ---------------------------------------------------------------------------------


def need(*conditions: bool) -> None:
    """`function_clause` unless all hold."""
    if not all(conditions):
        raise function_clause()


def need_fun(value: Term, arity: int) -> None:
    """`function_clause` unless it is a fun of this arity."""
    if not is_function(value, arity):
        raise function_clause()


def is_any_fun(value: Term) -> bool:
    return isinstance(value, (Fun, Export))


def is_pid(value: Term) -> bool:
    return isinstance(value, Pid)


def truthy(value: Term) -> bool:
    """Whether Elixir's `if` takes it: everything but `nil` and `false`."""
    return value is not None and value is not False


# --- structs and maps ---------------------------------------------------------------------------


def plain(term: Term) -> Term:
    """The map that an object of `term.structs` (a date, a range, a set) stands for; others as they are."""
    shape = SHAPES.get(type(term))
    return term if shape is None else shape(term)


def struct_name(term: Term) -> Atom | None:
    """The module of a struct; None for anything else."""
    if not exact.is_map(term):
        return None
    name = exact.get(term, STRUCT, None)
    return name if isinstance(name, Atom) else None


def is_struct(term: Term, module: str) -> bool:
    """Whether it is a struct of this module (without `Elixir.`)."""
    return struct_name(term) == f"Elixir.{module}"


def field(term: Term, name: str) -> Term:
    """A field of a struct, or None."""
    return exact.get(term, Atom(name), None)


def pairs_of(term: Term) -> list[tuple[Term, Term]]:
    """The pairs of a list of pairs whose keys are atoms; `function_clause` for anything else."""
    if not isinstance(term, list) or not all(is_pair(item) for item in term):
        raise function_clause()
    return term


def is_pair(term: Term) -> bool:
    return type(term) is tuple and len(term) == 2


def option(options: Term, name: str, default: Any = None) -> Any:
    """The value of an option in a keyword list."""
    if not isinstance(options, list):
        raise function_clause()
    for item in options:
        if is_pair(item) and type(item[0]) is Atom and item[0] == name:
            return item[1]
    return default


# --- text -----------------------------------------------------------------------------------


def characters(binary: Term) -> str:
    """The characters of a binary; a byte that is no UTF-8 stands for itself, as a lone surrogate."""
    if not isinstance(binary, bytes):
        raise function_clause()
    return binary.decode("utf-8", "surrogateescape")


def octets(text: str) -> bytes:
    """The reverse of `characters`."""
    return text.encode("utf-8", "surrogateescape")


def shown(term: Term) -> str:
    """`inspect/1`, for messages."""
    return to_elixir(term)


def alias(module: str) -> Atom:
    return Atom(f"Elixir.{module}")


# --- closures that the library makes ------------------------------------------------------------

_UNIQ = bytes.fromhex("9b96015bcfe91c43ad2663711757a225")
_OLD_UNIQ = 81_571_850
_NONE = Atom("none")


def closure(module: str, function: str, arity: int, *bound: Term) -> Fun:
    """A fun of `arity` that calls `module:function` with what is bound and its own arguments.

    It is a closure as a shell makes them, so whoever can run those can run it.
    """
    names = [Atom(f"B{number}") for number in range(len(bound))]
    parameters = [Atom(f"A{number}") for number in range(arity)]
    variables = [(Atom("var"), 0, name) for name in parameters]
    callee = (Atom("remote"), 0, (Atom("atom"), 0, Atom(module)), (Atom("atom"), 0, Atom(function)))
    arguments = [(Atom("var"), 0, name) for name in names] + variables
    body = [(Atom("call"), 0, callee, arguments)]
    clauses: list[Term] = [(Atom("clause"), 0, variables, [], body)]
    bindings = dict(zip(names, bound, strict=True))
    return Fun(
        arity=arity,
        uniq=_UNIQ,
        index=43 - arity,
        module="erl_eval",
        old_index=43 - arity,
        old_uniq=_OLD_UNIQ,
        pid=Pid("nonode@nohost", 0, 0, 0),
        free=((0, bindings, _NONE, _NONE, {}, clauses),),
    )


class Members:
    """Terms told apart by `=:=`, with what belongs to each, in the order of their arrival."""

    __slots__ = ("_items",)

    def __init__(self) -> None:
        self._items: dict[bytes, tuple[Term, Any]] = {}

    def __contains__(self, term: Term) -> bool:
        return exact_bytes(term) in self._items

    def get(self, term: Term, default: Any = None) -> Any:
        found = self._items.get(exact_bytes(term))
        return default if found is None else found[1]

    def put(self, term: Term, value: Any = None) -> None:
        exact_key = exact_bytes(term)
        known = self._items.get(exact_key)
        self._items[exact_key] = (term if known is None else known[0], value)

    def pairs(self) -> list[tuple[Term, Any]]:
        return list(self._items.values())
