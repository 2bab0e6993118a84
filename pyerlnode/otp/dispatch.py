"""Which method of a GenServer a request is for: `@on_call`, `@on_cast`, `@on_info`.

The method's name is the request: `get` answers `:get`, and with an argument `add`
answers `{:add, 3}`.  `@on_call("stop")` names the request where the method cannot have
that name.  A keyword-only parameter `caller` is given what `GenServer.reply` takes.

A class's table is made when its first server starts: annotations may name what is
defined further down in the module.
"""

from __future__ import annotations

import inspect
import typing
from collections.abc import Callable
from typing import Any, Final, TypeVar, overload

from pyerlnode.errors import UsageError
from pyerlnode.otp.conversion import Converter, Mismatch, converter
from pyerlnode.otp.supervisor.newest import NEWER
from pyerlnode.term import Atom, Term

__all__ = ["Handler", "Handlers", "handlers_made", "handlers_of", "on_call", "on_cast", "on_info"]

_Method = TypeVar("_Method", bound=Callable[..., Any])

CALL: Final = "call"
CAST: Final = "cast"
INFO: Final = "info"

_INIT = Atom("init")
_MARK = "__pyerlnode_request__"
# Python has no atoms of these names to be sent as a request.
_NO_REQUESTS = frozenset({"true", "false", "nil", "None", "True", "False"})


# --- the decorators -----------------------------------------------------------------


@overload
def on_call(request: _Method) -> _Method: ...
@overload
def on_call(request: str) -> Callable[[_Method], _Method]: ...
def on_call(request: Any) -> Any:
    """The method answers calls: what it returns is the reply, but for `Reply`, `NoReply`, `Stop`."""
    return _mark(CALL, request)


@overload
def on_cast(request: _Method) -> _Method: ...
@overload
def on_cast(request: str) -> Callable[[_Method], _Method]: ...
def on_cast(request: Any) -> Any:
    """The method handles casts; it returns None, `NoReply`, `Continue` or `Stop`."""
    return _mark(CAST, request)


@overload
def on_info(request: _Method) -> _Method: ...
@overload
def on_info(request: str) -> Callable[[_Method], _Method]: ...
def on_info(request: Any) -> Any:
    """The method handles other messages, such as `(DOWN, ref, process, pid, reason)`: `@on_info("DOWN")`."""
    return _mark(INFO, request)


def _mark(kind: str, request: Any) -> Any:
    if isinstance(request, str):
        return lambda method: _marked(kind, request, method)
    if not callable(request) or not hasattr(request, "__name__"):
        raise UsageError(f"@on_{kind} stands before a method, or takes the request's name, not {request!r}")
    return _marked(kind, request.__name__, request)


def _marked(kind: str, request: str, method: Any) -> Any:
    if request in _NO_REQUESTS:
        raise UsageError(f"@on_{kind}: {request} cannot be a request's name; match it in handle_{kind}")
    marks = {**getattr(method, _MARK, {}), kind: request}
    setattr(method, _MARK, marks)
    return method


def is_marked(cls: type, name: str) -> bool:
    """Whether a request is for the method `name` of a class, by a mark there or on what it overrides."""
    return any(hasattr(vars(ancestor).get(name), _MARK) for ancestor in cls.__mro__)


# --- what a class handles -------------------------------------------------------------


class Handler:
    """One method with its arguments' number and converters.

    `exact` arguments can be passed as they are; -1 where `arguments` must look at them.
    """

    __slots__ = ("_converters", "_fixed", "_most", "exact", "function", "least", "wants_caller")

    def __init__(self, function: Callable[..., Any]) -> None:
        self.function = function
        self.least = 0
        self._most: float = 0
        self.wants_caller = False
        converters: list[Converter | None] = []
        types = _types(function)
        for parameter in list(inspect.signature(function).parameters.values())[1:]:
            self._take(parameter, types, converters)
        self._fixed = len(converters)
        self._converters = converters if any(converters) else None
        self.exact = self.least if self._converters is None and self.least == self._most else -1

    def _take(
        self, parameter: inspect.Parameter, types: dict[str, Any], converters: list[Converter | None]
    ) -> None:
        if parameter.kind is parameter.VAR_POSITIONAL:
            self._most = float("inf")
        elif parameter.kind is parameter.KEYWORD_ONLY and parameter.name == "caller":
            self.wants_caller = True
        elif parameter.kind in (parameter.KEYWORD_ONLY, parameter.VAR_KEYWORD):
            if parameter.default is parameter.empty and parameter.kind is parameter.KEYWORD_ONLY:
                raise UsageError(f"{self.function.__qualname__}: a request has no keyword {parameter.name!r}")
        else:
            self._most += 1
            self.least += parameter.default is parameter.empty
            converters.append(converter(types.get(parameter.name, Any)))

    def arguments(self, args: tuple[Term, ...]) -> tuple[Any, ...] | None:
        """What to call the method with; None if number or types do not fit."""
        if not self.least <= len(args) <= self._most:
            return None
        converters = self._converters
        if converters is None:
            return args
        try:
            fixed = zip(converters, args, strict=False)
            converted = [arg if convert is None else convert(arg) for convert, arg in fixed]
        except Mismatch:
            return None
        return (*converted, *args[self._fixed :])


class Handlers:
    """The tables of one class: request -> Handler, and which callbacks of the OTP style it has."""

    __slots__ = ("calls", "casts", "infos", "init", "initial_call", "module", "overridden")

    def __init__(self, cls: type, base: type) -> None:
        self.calls = _table(cls, CALL)
        self.casts = _table(cls, CAST)
        self.infos = _table(cls, INFO)
        self.init = Handler(cls.init)  # type: ignore[attr-defined]  # every GenServer has it
        self.module = Atom(cls.__module_name__)  # type: ignore[attr-defined]
        self.initial_call = (self.module, _INIT, 1)
        self.overridden = frozenset(
            name
            for name in ("handle_call", "handle_cast", "handle_info", "terminate", "format_status")
            if getattr(cls, name) is not getattr(base, name)
        )


def handlers_made(cls: type) -> Handlers | None:
    """The tables of `cls`; None where nobody has asked for them yet, or another class stands for it."""
    attributes = cls.__dict__
    handlers: Handlers | None = attributes.get("__handlers__")
    return None if NEWER in attributes else handlers


def _table(cls: type, kind: str) -> dict[str, Handler]:
    """A subclass may override a marked method without repeating the mark."""
    requests: dict[str, str] = {}
    for ancestor in reversed(cls.__mro__):
        for name, member in vars(ancestor).items():
            request = getattr(member, _MARK, {}).get(kind)
            if request is not None:
                requests[request] = name
    return {request: Handler(getattr(cls, name)) for request, name in requests.items()}


def _types(function: Callable[..., Any]) -> dict[str, Any]:
    try:
        return typing.get_type_hints(function)
    except NameError as error:
        raise UsageError(
            f"{function.__qualname__}: an annotation cannot be looked up: {error}; "
            "what a request is checked against must be importable at run time"
        ) from None


def handlers_of(cls: type, base: type) -> Handlers:
    """The tables of `cls`, made at the first call; UsageError for a method that cannot be one."""
    handlers: Handlers | None = cls.__dict__.get("__handlers__")
    if handlers is None:
        handlers = Handlers(cls, base)
        cls.__handlers__ = handlers  # type: ignore[attr-defined]  # kept with the class, for as long as it lives
    return handlers
