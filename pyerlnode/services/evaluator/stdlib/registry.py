"""The table of what closures may call: module, name and arity, and the Python function.

    lists = Library("lists")                  # Library("Elixir.Enum"), Library("io", group="io")

    @lists.function("reverse", 1)
    def reverse(xs): ...                      # gives the value, or raises ErlangError, Exit, Throw

    @lists.function("map", 2)
    def map_(fun, xs):                        # a generator: it may ask the machine for calls
        ...
        out.append((yield Call(fun, (x,))))

A module atom from outside is a key of this table and nothing else: no name is ever
looked up in Python.  Functions belong to groups, which a node can turn off.  The library is large, and
most programs need little of it: the files of a module are loaded when it is first asked for, and one
that is broken takes no other module with it.

Proof: tests/services/evaluator/test_exact.py.
"""

from __future__ import annotations

import importlib
import inspect
import logging
from typing import TYPE_CHECKING, Any, Final, TypeVar

from pyerlnode.errors import UsageError
from pyerlnode.services.evaluator.requests import Await, Call, Remote, TailCall, TailRemote

if TYPE_CHECKING:
    from collections.abc import Callable, Collection

__all__ = [
    "FILES",
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
    "functions",
    "load",
    "names",
    "need",
]

logger = logging.getLogger("pyerlnode.evaluator")

_F = TypeVar("_F", bound="Callable[..., Any]")

# pure: from terms to terms; process: sees or touches processes; io: speaks to a group leader; time: clocks
GROUPS: Final = frozenset({"pure", "process", "io", "time"})

# Which file of this package adds to which modules: a module's files are loaded when it is first asked for.
FILES: Final = {
    "base64": "base64",
    "binary": "binary",
    "calendar": "calendar",
    "crypto": "crypto",
    "erlang": "erlang",
    "erlang_binaries": "erlang",
    "erlang_calls": "erlang",
    "erlang_conversions": "erlang",
    "erlang_node": "erlang",
    "erlang_operators": "erlang",
    "erlang_processes": "erlang",
    "erlang_time": "calendar erlang os timer",
    "ets": "ets",
    "io": "io",
    "io_lib": "io_lib",
    "lists": "lists",
    "lists_funs": "lists",
    "lists_keys": "lists",
    "lists_sort": "lists",
    "maps": "maps",
    "math": "math",
    "orddict": "orddict",
    "ordsets": "ordsets",
    "proplists": "proplists",
    "queue": "queue",
    "rand": "rand",
    "re": "re",
    "sets": "sets",
    "string": "string",
    "string_lists": "string",
    "unicode": "unicode",
    "zlib": "zlib",
    "elixir.access": "Elixir.Access",
    "elixir.base": "Elixir.Base",
    "elixir.behaviours": "Elixir.Agent Elixir.DynamicSupervisor Elixir.GenServer Elixir.Supervisor",
    "elixir.date": "Elixir.Date",
    "elixir.datetime": "Elixir.DateTime Elixir.NaiveDateTime",
    "elixir.delegates": """
        Elixir.Atom Elixir.Bitwise Elixir.Float Elixir.Function Elixir.Integer Elixir.Kernel Elixir.List
        Elixir.Node Elixir.Process Elixir.String Elixir.System Elixir.Tuple
    """,
    "elixir.difference": "Elixir.List Elixir.String",
    "elixir.enum": "Elixir.Enum",
    "elixir.enum_chunk": "Elixir.Enum",
    "elixir.enum_fold": "Elixir.Enum",
    "elixir.enum_order": "Elixir.Enum",
    "elixir.enum_part": "Elixir.Enum",
    "elixir.exceptions": """
        Elixir.ArgumentError Elixir.ArithmeticError Elixir.BadArityError Elixir.BadBooleanError
        Elixir.BadFunctionError Elixir.BadMapError Elixir.BadStructError Elixir.CaseClauseError
        Elixir.CondClauseError Elixir.Enum.EmptyError Elixir.Enum.OutOfBoundsError Elixir.ErlangError
        Elixir.Exception Elixir.File.Error Elixir.FunctionClauseError Elixir.KeyError Elixir.MatchError
        Elixir.Protocol.UndefinedError Elixir.Regex.CompileError Elixir.RuntimeError
        Elixir.SystemLimitError Elixir.TryClauseError Elixir.URI.Error Elixir.UndefinedFunctionError
        Elixir.UnicodeConversionError Elixir.Version.InvalidVersionError Elixir.WithClauseError
    """,
    "elixir.kernel": "Elixir.Function Elixir.Kernel Elixir.Kernel.Utils Elixir.Module elixir_erl_pass",
    "elixir.keyword": "Elixir.Keyword",
    "elixir.list": "Elixir.List Elixir.Tuple",
    "elixir.map": "Elixir.Map",
    "elixir.numbers": "Elixir.Float Elixir.Integer Elixir.Kernel",
    "elixir.path": "Elixir.Path",
    "elixir.process": "Elixir.IO Elixir.Process Elixir.System",
    "elixir.protocols": """
        Elixir.Collectable Elixir.Enumerable Elixir.Kernel Elixir.List.Chars Elixir.String.Chars
    """,
    "elixir.regex": "Elixir.Regex",
    "elixir.sets": "Elixir.MapSet Elixir.Range",
    "elixir.stream": "Elixir.Stream",
    "elixir.task": "Elixir.Task Elixir.Task.Supervisor",
    "elixir.text": "Elixir.String",
    "elixir.text_search": "Elixir.String",
    "elixir.time": "Elixir.Time",
    "elixir.uri": "Elixir.URI",
}
MODULES: Final = frozenset(module for modules in FILES.values() for module in modules.split())

_table: dict[tuple[str, str, int], Builtin] = {}
# The files of each module that is not loaded yet, and those that cannot be loaded.
_waiting: dict[str, list[str]] = {}
_broken: set[str] = set()
for _file, _modules in FILES.items():
    for _module in _modules.split():
        _waiting.setdefault(_module, []).append(_file)


class Builtin:
    """One function of the library; `suspends` says that calling it gives a generator."""

    __slots__ = ("call", "file", "group", "suspends")

    def __init__(self, call: Callable[..., Any], group: str) -> None:
        self.call = call
        self.group = group
        function = inspect.unwrap(call)
        self.file = getattr(function, "__module__", None)
        self.suspends = inspect.isgeneratorfunction(function)


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
    need(module)
    found = _table.get((module, name, arity))
    return found if found is not None and found.group in groups else None


def functions(module: str, groups: Collection[str] = GROUPS) -> list[tuple[str, int]]:
    """The names and arities of a module's functions, sorted; helpers, which begin with `-`, are none."""
    need(module)
    return sorted(
        (name, arity)
        for (known, name, arity), found in _table.items()
        if known == module and found.group in groups and not name.startswith("-")
    )


def names() -> list[tuple[str, str, int]]:
    """Everything in the table, sorted."""
    return sorted(_table)


def load() -> None:
    """Fill the table; harmless when it is full."""
    for module in list(_waiting):
        need(module)


def need(module: str) -> None:
    """Load what adds to a module, if there is such a module in the library and it is not loaded yet."""
    for file in _waiting.pop(module, ()):
        if file not in _broken:
            _load(file)


def _load(file: str) -> None:
    """Load a file.  One that cannot be loaded leaves its functions undefined, and says so."""
    name = f"{__package__}.{file}"
    try:
        importlib.import_module(name)
    except Exception:
        _broken.add(file)
        for key in [key for key, found in _table.items() if found.file == name]:
            del _table[key]
        logger.exception("%s cannot be loaded: closures have none of its functions", name)
