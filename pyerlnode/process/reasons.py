"""From a Python exception to an Erlang exit reason, with a stack that iex prints.

An exception of class error ends a process with `{Reason, Stacktrace}`.  For Python's
own exceptions the reason is an Elixir exception, which both languages print with its
message: `RuntimeError("no")` is `%RuntimeError{message: "no"}`, and an exception that
Elixir does not know keeps its Python name in the message.  The stack entries carry
the Python function, its file and line, innermost first as in Erlang:
`{:counter, :"Counter.get", 1, [file: ~c"counter.py", line: 12]}`.

Source: Erlang Reference Manual, "Errors and Error Handling", Exit Reasons.
"""

from __future__ import annotations

import inspect
import os
from traceback import walk_tb
from types import TracebackType
from typing import TYPE_CHECKING, TypeAlias

from pyerlnode.errors import ErlangError, Exit, Throw
from pyerlnode.term import Atom, Term, charlist

if TYPE_CHECKING:
    from types import CodeType, FrameType

ExcInfo: TypeAlias = "tuple[type[BaseException], BaseException, TracebackType | None]"

_FILE, _LINE = Atom("file"), Atom("line")

# What other nodes call by a module and a name of their own: code -> these two.
_known_as: dict[CodeType, tuple[Atom, Atom, int]] = {}
_NOCATCH = Atom("nocatch")
# The attribute of an exception that a worker process has raised: its stack there.
WORKER_STACK = "__worker_stack__"

# Entries of a stack: the innermost ones, as many as `backtrace_depth` of a BEAM lets through.
MAX_FRAMES = 8

# What Elixir has an exception of its own for; the rest is a RuntimeError that names the Python class.
_ELIXIR: dict[type[BaseException], str] = {
    ValueError: "Elixir.ArgumentError",
    TypeError: "Elixir.ArgumentError",
    RuntimeError: "Elixir.RuntimeError",
}


def exit_reason(exception: BaseException) -> Term:
    """The reason that a process ends with when `exception` leaves it; raises nothing."""
    if isinstance(exception, Exit):
        return _atom(exception.reason)
    if isinstance(exception, Throw):
        return ((_NOCATCH, exception.value), stacktrace(exception))
    return (error_reason(exception), stacktrace(exception))


def error_reason(exception: BaseException) -> Term:
    """The reason of class error for an exception that is no `Exit` and no `Throw`."""
    if isinstance(exception, ErlangError):
        return _atom(exception.reason)
    if isinstance(exception, ArithmeticError):
        return Atom("badarith")
    kind = type(exception)
    struct = _ELIXIR.get(kind, "Elixir.RuntimeError")
    text = _text(exception)
    message = text if kind is RuntimeError else f"{kind.__name__}: {text}" if text else kind.__name__
    return {
        Atom("__struct__"): Atom(struct),
        Atom("__exception__"): True,
        Atom("message"): message.encode("utf-8", "backslashreplace"),
    }


def _text(exception: BaseException) -> str:
    try:
        return str(exception)
    except Exception as error:  # user code, too, and the process must end all the same
        return f"<its text cannot be had: {type(error).__name__}>"


def _atom(reason: Term) -> Term:
    """Plain text for a reason stands for the atom: `Exit("shutdown")`."""
    return Atom(reason) if type(reason) is str else reason


def stacktrace(exception: BaseException) -> list[Term]:
    """The frames of `exception` as Erlang shows them, innermost first, without those of this package."""
    if isinstance(exception, ErlangError) and exception.stack is not None:
        return exception.stack
    frames: list[Term] = []
    traceback: TracebackType | None = exception.__traceback__
    while traceback is not None:
        module = traceback.tb_frame.f_globals.get("__name__", "")
        if not _is_machinery(module):
            frames.append(_frame(module, traceback.tb_frame.f_code, traceback.tb_lineno))
        traceback = traceback.tb_next
    frames.reverse()
    return [*getattr(exception, WORKER_STACK, ()), *frames][:MAX_FRAMES]


def _is_machinery(module: str) -> bool:
    return module.startswith(("pyerlnode.process", "pyerlnode.otp", "pyerlnode.services"))


def _frame(module: str, code: CodeType, line: int) -> Term:
    known = _known_as.get(code)
    if known is None:
        name = code.co_qualname.replace(".<locals>", "")
        known = (Atom(module[:255]), Atom(name[:255]), code.co_argcount)
    return (*known, _location(code, line))


def name_code(function: object, module: Atom, name: Atom, arity: int | None = None) -> None:
    """Let a function appear in stacks as `module` and `name`: what other nodes called.

    `arity` is what it has in Erlang, where that is not the number of its parameters.
    """
    code = code_of(function)
    if code is not None:
        _known_as[code] = (module, name, code.co_argcount if arity is None else arity)


def called_as(function: object) -> tuple[Atom, Atom] | None:
    """The module and the name that other nodes call a function by; None for one that has neither."""
    code = code_of(function)
    known = None if code is None else _known_as.get(code)
    return None if known is None else known[:2]


def code_of(function: object) -> CodeType | None:
    """The code of a function, below what decorates it; None for what is not written in Python."""
    below = inspect.unwrap(function) if callable(function) else function
    return getattr(below, "__code__", None)


def _location(code: CodeType, line: int) -> list[Term]:
    return [(_FILE, charlist(os.path.basename(code.co_filename))), (_LINE, line)]


def code_location(function: object) -> list[Term]:
    """File and line of a function as a stack entry has them; empty for what is not written in Python."""
    code = code_of(function)
    return [] if code is None else _location(code, code.co_firstlineno)


def exc_info(error: BaseException | None) -> ExcInfo | None:
    """What a log is to show of `error` beside the reason, as `logging` takes it.

    The frames of this package are left out at both ends: what failed is the code in between.
    None for what the reason says in full: an Exit, and an ErlangError of this package's own code.
    """
    if error is None or isinstance(error, Exit):
        return None
    frames = [frame for frame, _ in walk_tb(error.__traceback__)]
    theirs = [index for index, frame in enumerate(frames) if not _is_own(frame)]
    if theirs:
        return type(error), error, _part(error.__traceback__, theirs[0], theirs[-1])
    return None if isinstance(error, ErlangError) else (type(error), error, error.__traceback__)


def _is_own(frame: FrameType) -> bool:
    return str(frame.f_globals.get("__name__", "")).startswith("pyerlnode.")


def _part(traceback: TracebackType | None, first: int, last: int) -> TracebackType | None:
    """The entries `first` to `last` of a traceback."""
    entries: list[TracebackType] = []
    while traceback is not None:
        entries.append(traceback)
        traceback = traceback.tb_next
    part: TracebackType | None = None
    for entry in reversed(entries[first : last + 1]):
        part = TracebackType(part, entry.tb_frame, entry.tb_lasti, entry.tb_lineno)
    return part
