"""The table of what closures may call: module, name and arity, and the Python function.

    lists = Library("lists")                  # Library("Elixir.Enum"), Library("io", group="io")

    @lists.function("reverse", 1)
    def reverse(xs): ...                      # gives the value, or raises ErlangError, Exit, Throw

    @lists.function("map", 2)
    def map_(fun, xs):                        # a generator: it may ask the machine for calls
        ...
        out.append((yield Call(fun, (x,))))

A module atom from outside is a key of this table and nothing else: no name is ever
looked up in Python.  Functions belong to groups, which a node can turn off.

Proof: tests/services/evaluator/test_exact.py.
"""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyerlnode.errors import UsageError
from pyerlnode.services.evaluator.requests import Await, Call, Remote, TailCall, TailRemote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

__all__ = [
    "GROUPS",
    "MODULES",
    "Await",
    "Builtin",
    "Call",
    "Library",
    "Remote",
    "TailCall",
    "TailRemote",
    "find",
    "is_loaded",
    "load",
    "loading",
    "names",
]

_F = TypeVar("_F", bound="Callable[..., Any]")

# pure: from terms to terms; process: sees or touches processes; io: speaks to a group leader; time: clocks
GROUPS: Final = frozenset({"pure", "process", "io", "time"})

# Every module that files of this package add to, known before any of them is loaded.
_OF_ERLANG = """
    base64 binary calendar crypto elixir_erl_pass erlang ets io io_lib lists maps math orddict ordsets
    os proplists queue rand re sets string timer unicode zlib
"""
_OF_ELIXIR = """
    Access Agent ArgumentError ArithmeticError Atom BadArityError BadBooleanError BadFunctionError
    BadMapError BadStructError Base Bitwise CaseClauseError Collectable CondClauseError Date DateTime
    DynamicSupervisor Enum Enum.EmptyError Enum.OutOfBoundsError Enumerable ErlangError Exception
    File.Error Float Function FunctionClauseError GenServer IO Integer Kernel Kernel.Utils KeyError
    Keyword List List.Chars Map MapSet MatchError Module NaiveDateTime Node Path Process
    Protocol.UndefinedError Range Regex Regex.CompileError RuntimeError Stream String String.Chars
    Supervisor System SystemLimitError Task Task.Supervisor Time TryClauseError Tuple URI URI.Error
    UndefinedFunctionError UnicodeConversionError Version.InvalidVersionError WithClauseError
"""
MODULES: Final = frozenset(_OF_ERLANG.split()) | {f"Elixir.{name}" for name in _OF_ELIXIR.split()}

_table: dict[tuple[str, str, int], Builtin] = {}
_is_full = False


class Builtin:
    """One function of the library; `suspends` says that calling it gives a generator."""

    __slots__ = ("call", "group", "suspends")

    def __init__(self, call: Callable[..., Any], group: str) -> None:
        self.call = call
        self.group = group
        self.suspends = inspect.isgeneratorfunction(inspect.unwrap(call))


class Library:
    """The functions of one module; several objects of one name add to the same module."""

    __slots__ = ("group", "name")

    def __init__(self, name: str, group: str = "pure") -> None:
        """`name` as the BEAM has it: `lists`, `Elixir.Enum`."""
        self.name = name
        self.group = _known_group(group)

    def function(self, name: str, arity: int, *, group: str | None = None) -> Callable[[_F], _F]:
        """Take a function into the table; a second one of the same name and arity is a UsageError."""
        wanted = _known_group(group or self.group)

        def take(call: _F) -> _F:
            key = (self.name, name, arity)
            known = _table.get(key)
            if known is not None and known.call is not call:
                raise UsageError(f"{self.name}:{name}/{arity} is in the library already")
            _table[key] = Builtin(call, wanted)
            return call

        return take


def _known_group(group: str) -> str:
    if group not in GROUPS:
        raise UsageError(f"{group!r} is no group of functions: {', '.join(sorted(GROUPS))}")
    return group


def find(module: str, name: str, arity: int, groups: Collection[str] = GROUPS) -> Builtin | None:
    """What is called by this name; None where there is nothing, or its group is turned off."""
    found = _table.get((module, name, arity))
    return found if found is not None and found.group in groups else None


def names() -> list[tuple[str, str, int]]:
    """Everything in the table, sorted."""
    return sorted(_table)


def is_loaded() -> bool:
    """Whether the table is full."""
    return _is_full


def loading() -> Iterator[None]:
    """Fill the table from all files of this package, one at each step."""
    global _is_full
    package = importlib.import_module(__package__)
    for module in pkgutil.walk_packages(package.__path__, f"{__package__}."):
        importlib.import_module(module.name)
        yield
    _is_full = True


def load() -> None:
    """Fill the table at once; harmless when it is full."""
    if not _is_full:
        for _ in loading():
            pass
