"""What other nodes can call here: modules of exported functions.

    kate = Module("Kate")                 # 'Elixir.Kate', as Elixir's alias is

    @kate.export
    async def say_name() -> Atom:
        return await io.puts("Hi, my name is Kate")

    @kate.export("adult?")                # a name that Python does not have
    def is_adult(age: int) -> bool:
        return age >= 18

    kate.export(Counter)                  # a class of servers: start_link, start, child_spec

rpc, erpc, spawn and everything else that names a module, a function and arguments ends
in `apply`, the runtime's apply hook: a function that is exported is called, in the
process that asked for it and with its group leader; everything else is `undef`, whose
stack entry carries the arguments, as on a BEAM.  Annotations check and convert the
arguments; those that do not fit are `function_clause`.

Modules are of the program, not of one node.  A name that the library answers itself
(`erlang`, `application`, ...: the package `builtins`) can be added to, and overridden.  What closures
may call besides (`Further`: the evaluator's library) is there for who asks whether it is; the
evaluator calls it.

Source: Erlang Reference Manual, "Errors and Error Handling"; Elixir's `__info__/1`.
Proof: tests/services/test_modules.py, interop/test_spawn.py.
"""

from __future__ import annotations

import functools
import inspect
import typing
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Final, Protocol, TypeVar, overload

from pyerlnode.errors import ErlangError, Exit, UsageError
from pyerlnode.otp import child_spec
from pyerlnode.otp.conversion import Converter, Mismatch, converter
from pyerlnode.otp.supervisor.child import module_of
from pyerlnode.process.reasons import code_location, code_of, name_code
from pyerlnode.services import local
from pyerlnode.term import Atom, Export, Fun, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from pyerlnode.node import Node

__all__ = [
    "Further",
    "Module",
    "add_further",
    "apply",
    "exported_anew",
    "find",
    "find_exported",
    "function_exported",
    "is_loaded",
    "loaded",
    "service",
]

_F = TypeVar("_F", bound="Callable[..., Any]")

MAX_ARITY: Final = 255

_UNDEF, _BADFUN, _FUNCTION_CLAUSE = Atom("undef"), Atom("badfun"), Atom("function_clause")
_ERLANG, _BADARG = Atom("erlang"), Atom("badarg")
_INFO, _MODULE_INFO = Atom("__info__"), Atom("module_info")
_START, _START_LINK, _CHILD_SPEC = Atom("start"), Atom("start_link"), Atom("child_spec")
_OK, _IGNORE, _ERROR = Atom("ok"), Atom("ignore"), Atom("error")
_ID, _TYPE, _SUPERVISOR = Atom("id"), Atom("type"), Atom("supervisor")
_LIBRARY: Final = f"{__name__.partition('.')[0]}."


class Function:
    """One exported function: its arities and what its arguments are converted by."""

    __slots__ = ("_converters", "call", "least", "most", "plain")

    def __init__(self, call: Callable[..., Any]) -> None:
        self.call = call
        self.least = self.plain = 0
        self.most = 0
        self._converters: list[Converter | None] | None = None
        for parameter in inspect.signature(call).parameters.values():
            self._take(parameter)

    def _take(self, parameter: inspect.Parameter) -> None:
        if parameter.kind is parameter.VAR_POSITIONAL:
            self.most = MAX_ARITY
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.default is parameter.empty:
            name = getattr(self.call, "__qualname__", repr(self.call))
            raise UsageError(f"{name} cannot be exported: a call has no keyword {parameter.name!r}")
        elif parameter.kind not in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            self.most += 1
            self.plain += 1
            self.least += parameter.default is parameter.empty

    def takes(self, arity: int) -> bool:
        """Whether it can be called with so many arguments."""
        return self.least <= arity <= self.most

    def arities(self) -> range:
        """The arities that are listed: of a function with `*args` those without any of them."""
        return range(self.least, self.plain + 1)

    def arguments(self, args: list[Term]) -> list[Any]:
        """What to call it with; Mismatch if an argument is not of the type that is wanted."""
        converters = self._converters
        if converters is None:
            # Only now: annotations may name what is defined further down in the file.
            converters = self._converters = self._make_converters()
        fixed = zip(converters, args, strict=False)
        converted = [arg if convert is None else convert(arg) for convert, arg in fixed]
        return [*converted, *args[len(converters) :]]

    def _make_converters(self) -> list[Converter | None]:
        try:
            hints = typing.get_type_hints(self.call)
        except NameError as error:
            name = getattr(self.call, "__qualname__", repr(self.call))
            raise UsageError(f"{name}: an annotation cannot be looked up: {error}") from None
        positional = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)
        parameters = inspect.signature(self.call).parameters.values()
        return [
            converter(hints.get(parameter.name, Any))
            for parameter in parameters
            if parameter.kind in positional
        ]


class Module:
    """The exported functions of one name; two objects of one name are the same module."""

    __slots__ = ("_derived", "_functions", "name")

    def __init__(self, name: str) -> None:
        """`Kate` is Elixir's module, `kate` and `:kate` are Erlang's; `Elixir.Kate` may be written out."""
        self.name = module_name(name)
        known = _exported.setdefault(self.name, self)
        # By name, in the order of definition; what a server class brings is found after what is written out.
        self._functions: dict[str, list[Function]] = {} if known is self else known._functions
        self._derived: dict[str, list[Function]] = {} if known is self else known._derived

    def __repr__(self) -> str:
        return f"<Module {self.name}>"

    @overload
    def export(self, function: _F) -> _F: ...
    @overload
    def export(self, function: str) -> Callable[[_F], _F]: ...
    def export(self, function: Any) -> Any:
        """Let other nodes call a function, under its own name or one that is given; returns it unchanged.

        `def` and `async def` alike; parameters with defaults, and `*args`, are further
        arities.  Of a class that derives from GenServer, GenStatem, Supervisor, DynamicSupervisor
        or Agent, or has a `start_link` of its own: `start_link`, `start` if it has that, with the
        arguments of its `init` or of its own `start_link`, and `child_spec/1`, as `use` gives it in
        Elixir or as its own `child_spec` says, unless functions of that name and arity are exported.
        Raises UsageError for what cannot be exported, and for a second function of the
        same name and arity.
        """
        if isinstance(function, str):
            name = function
            return lambda exported: self._export(exported, name)
        return self._export(function, None)

    def _export(self, function: Any, name: str | None) -> Any:
        if isinstance(function, type):
            if not callable(getattr(function, _START_LINK, None)) or name is not None:
                raise UsageError(f"{self!r}: a function or a class of servers is exported, not {function!r}")
            self._export_class(function)
        elif callable(function) and (name or hasattr(function, "__name__")):
            self._add(name or function.__name__, function)
        else:
            raise UsageError(f"{self!r}: a function or a class of servers is exported, not {function!r}")
        return function

    def _add(self, name: str, call: Callable[..., Any]) -> None:
        made = Function(call)
        others = self._functions.setdefault(name, [])
        # The same place in the same file: the program was loaded again.
        others[:] = [other for other in others if _origin(other.call) != _origin(call)]
        for other in others:
            if made.least <= other.most and other.least <= made.most:
                raise UsageError(f"{self.name}.{name} is exported already, with the same number of arguments")
        others.append(made)
        name_code(call, self.name, Atom(name))

    def _export_class(self, cls: Any) -> None:
        starters = {
            name: _starter(cls, name) for name in (_START_LINK, _START) if callable(getattr(cls, name, None))
        }
        takes_nothing = starters[_START_LINK].most == 0

        def specify(arg: Term) -> Term:
            args = [] if takes_nothing and arg == [] else [arg]
            return self._child_spec(cls, args)

        for name, made in {**starters, _CHILD_SPEC: Function(specify)}.items():
            self._derived[name] = [made]

    def _child_spec(self, cls: Any, args: list[Term]) -> Term:
        own = getattr(cls, _CHILD_SPEC, None)
        if callable(own):
            spec = child_spec(own(*args))
            module, function, given = spec.start.mfa
            if module == module_of(cls):
                spec = child_spec(spec, start=(self.name, function, given))
            return spec.to_term()
        plain: dict[Term, Term] = {_ID: self.name, _START: (self.name, _START_LINK, args)}
        if getattr(cls, "__child_type__", None) == _SUPERVISOR:
            plain[_TYPE] = _SUPERVISOR
        return plain

    # --- looking up -----------------------------------------------------------------

    @property
    def is_there(self) -> bool:
        """Whether the caller's node has this module."""
        return True

    def find(self, function: str, arity: int) -> Function | None:
        """The exported function of this name that can be called with `arity` arguments."""
        for table in (self._functions, self._derived):
            for found in table.get(function, ()):
                if found.takes(arity):
                    return found
        return None

    def exports(self) -> list[tuple[Atom, int]]:
        """Names and arities of what was exported, sorted."""
        tables = (self._functions, self._derived)
        return sorted(
            {
                (Atom(name), arity)
                for table in tables
                for name, functions in table.items()
                for function in functions
                for arity in function.arities()
            }
        )


def _starter(cls: Any, name: str) -> Function:
    """What other nodes call to start a process of `cls`: OTP's result in the place of Python's."""
    function = getattr(cls, name)

    async def start(*args: Any) -> Any:
        try:
            pid = function(*args)
            if inspect.isawaitable(pid):
                pid = await pid
        except Exit as error:
            return (_ERROR, error.reason)
        return _IGNORE if pid is None else (_OK, pid)

    if not function.__module__.startswith(_LIBRARY):
        return Function(functools.wraps(function)(start))
    made = Function(start)
    # What a behaviour's own function is given goes to `init`, if there is one; without `self`.
    taken, without = (Function(cls.init), 1) if hasattr(cls, "init") else (Function(function), 0)
    made.least, made.plain, made.most = taken.least - without, taken.plain - without, taken.most - without
    return made


_exported: dict[str, Module] = {}
# What the library answers itself; filled by the package `builtins`.
_builtins: dict[str, Module] = {}


class BuiltinModule(Module):
    """A module of OTP's or Elixir's, as far as this library answers for it."""

    __slots__ = ()

    def __init__(self, name: str) -> None:
        """As `Module`, in the library's own table."""
        self.name = module_name(name)
        self._functions = {}
        self._derived = {}
        _builtins[self.name] = self


def module_name(name: str) -> Atom:
    """The atom behind a module's name; UsageError for what is none."""
    text = name.removeprefix(":")
    if not text:
        raise UsageError(f"{name!r} is no name of a module")
    if not name.startswith(":") and text[0].isupper() and text != "Elixir" and not text.startswith("Elixir."):
        return Atom(f"Elixir.{text}")
    return Atom(text)


@contextmanager
def exported_anew(file: str) -> Iterator[None]:
    """While a source file is executed again: what it exported before is forgotten, and back if that fails."""
    modules = dict(_exported)
    tables = [table for module in modules.values() for table in (module._functions, module._derived)]
    before = [(table, dict(table)) for table in tables]
    for table, functions in before:
        for name, others in functions.items():
            table[name] = [other for other in others if not _is_from(other.call, file)]
    try:
        yield
    except BaseException:
        for table, functions in before:
            table.clear()
            table.update(functions)
        for name in _exported.keys() - modules.keys():
            del _exported[name]
        raise


def _is_from(function: Any, file: str) -> bool:
    code = getattr(function, "__code__", None)
    return code is not None and code.co_filename == file


def _origin(function: Any) -> object:
    code = code_of(function)
    return function if code is None else (code.co_filename, code.co_qualname, code.co_firstlineno)


# --- the table ----------------------------------------------------------------------------


def _modules(name: str) -> Iterator[Module]:
    for table in (_exported, _builtins):
        found = table.get(name)
        if found is not None and found.is_there:
            yield found


def loaded() -> list[Atom]:
    """The names of all modules."""
    tables = (_exported, _builtins)
    here = {module.name for table in tables for module in table.values() if module.is_there}
    return sorted(here.union(Atom(name) for each in _further for name in each.modules()))


class Further(Protocol):
    """Modules that are no objects here, and whose functions can be called by name all the same."""

    def modules(self) -> Collection[str]:
        """Their names, for whoever asks: there may be none at this node."""

    def functions(self, module: str) -> Collection[tuple[str, int]]:
        """The names and arities of the functions of one of them."""


_further: list[Further] = []


def add_further(further: Further) -> None:
    """Let others see that these modules are there."""
    _further.append(further)


def _further_exports(module: str) -> set[tuple[str, int]]:
    those = [further.functions(module) for further in _further if module in further.modules()]
    return {export for exports in those for export in exports}


def is_loaded(module: str) -> bool:
    """Whether there is a module of this name."""
    return any(True for _ in _modules(module)) or any(module in each.modules() for each in _further)


def find(module: str, function: str, arity: int) -> Function | None:
    """What is called by this name; None if that is undefined."""
    for candidate in _modules(module):
        found = candidate.find(function, arity)
        if found is not None:
            return found
    return _about(module, function, arity)


def find_exported(module: str, function: str, arity: int) -> Function | None:
    """As `find`, among what the program exports only."""
    found = _exported.get(module)
    return None if found is None else found.find(function, arity)


def function_exported(module: str, function: str, arity: int) -> bool:
    """As `erlang:function_exported/3`."""
    return find(module, function, arity) is not None or (function, arity) in _further_exports(module)


def _about(module: str, function: str, arity: int) -> Function | None:
    """What every module has: `module_info`, and `__info__/1` if it is one of Elixir's."""
    if not is_loaded(module):
        return None
    if function == _MODULE_INFO and arity <= 1:
        return Function(lambda *item: _module_info(Atom(module), *item))
    if function == _INFO and arity == 1 and module.startswith("Elixir."):
        return Function(lambda item: _info(Atom(module), item))
    return None


def _exports(module: Atom) -> list[tuple[Atom, int]]:
    here = {export for candidate in _modules(module) for export in candidate.exports()}
    return sorted(here.union((Atom(name), arity) for name, arity in _further_exports(module)))


def _module_info(module: Atom, *item: Term) -> Term:
    everything: dict[str, Term] = {
        "module": module,
        "exports": [*_exports(module), (_MODULE_INFO, 0), (_MODULE_INFO, 1)],
        "attributes": [],
        "compile": [],
    }
    if module.startswith("Elixir."):
        everything["exports"].insert(0, (_INFO, 1))
    if not item:
        return [(Atom(key), value) for key, value in everything.items()]
    wanted = "exports" if item[0] == "functions" else item[0]
    if not isinstance(wanted, Atom) or wanted not in everything:
        raise ErlangError(Atom("badarg"), [(module, _MODULE_INFO, list(item), [])])
    return everything[wanted]


def _info(module: Atom, item: Term) -> Term:
    match item:
        case "functions":
            return _exports(module)
        case "macros" | "attributes" | "compile":
            return []
        case "module":
            return module
    raise ErlangError(_FUNCTION_CLAUSE, [(module, _INFO, [item], [])])


# --- calling ------------------------------------------------------------------------------


def apply(function: Export | Fun, args: list[Term]) -> Any:
    """Call what `function` names: the runtime's apply hook.  What it returns may be a coroutine.

    ErlangError `undef` or `function_clause` (`badarg` of `erlang`) with the entry of the stack that a
    BEAM has.
    """
    if not isinstance(function, Export):
        raise ErlangError((_BADFUN, function), [])
    module, name = function.module, function.function
    found = find(module, name, len(args))
    if found is None:
        raise ErlangError(_UNDEF, [(module, name, args, [])])
    try:
        converted = found.arguments(args)
    except Mismatch:
        # What the emulator itself answers has no clauses.
        if module == _ERLANG:
            raise ErlangError(_BADARG, [(module, name, args, [])]) from None
        raise ErlangError(_FUNCTION_CLAUSE, [(module, name, args, code_location(found.call))]) from None
    try:
        return found.call(*converted)
    except ErlangError as error:
        if error.stack is None and module in _builtins:
            # A BEAM shows its own functions with the arguments that they were called with.
            error.stack = [(module, name, args, [])]
        raise


def service(node: Node) -> None:
    """Let `node` run what is exported."""
    from pyerlnode.services import builtins  # which exports by this module

    builtins.load()
    local.remember(node)
    node.runtime.apply_hook = apply
