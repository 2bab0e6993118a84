"""Exceptions: `exception/1` and `message/1` of Elixir's own, and `Exception`.

An exception is a struct; what Erlang raises becomes one by `Exception.normalize/3`, which
`rescue` calls.

Source: exception.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from pyerlnode.services.evaluator.requests import Remote
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import Steps, badkey, function_clause, is_atom, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    EXCEPTION,
    exception,
    field,
    is_pair,
    need,
    shown,
    struct_name,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

if TYPE_CHECKING:
    from collections.abc import Callable

exception_module = Library("Elixir.Exception")

_ERROR, _EXIT, _THROW = Atom("error"), Atom("exit"), Atom("throw")

# The fields of each exception that is made from a message or from fields, with their defaults.
_DEFAULTS: Final[dict[str, dict[str, Any]]] = {
    "RuntimeError": {"message": b"runtime error"},
    "ArgumentError": {"message": b"argument error"},
    "ArithmeticError": {"message": b"bad argument in arithmetic expression"},
    "SystemLimitError": {"message": b"a system limit has been reached"},
    "CondClauseError": {},
    "Enum.EmptyError": {"message": b"empty error"},
    "Enum.OutOfBoundsError": {"message": b"out of bounds error"},
    "BadFunctionError": {"term": None},
    "BadStructError": {"struct": None, "term": None},
    "BadMapError": {"term": None},
    "BadBooleanError": {"term": None, "operator": None},
    "MatchError": {"term": None},
    "CaseClauseError": {"term": None},
    "WithClauseError": {"term": None},
    "TryClauseError": {"term": None},
    "BadArityError": {"function": None, "args": None},
    "UndefinedFunctionError": {
        "module": None,
        "function": None,
        "arity": None,
        "reason": None,
        "message": None,
    },
    "FunctionClauseError": {
        "module": None,
        "function": None,
        "arity": None,
        "kind": None,
        "args": None,
        "clauses": None,
    },
    "KeyError": {"key": None, "term": None, "message": None},
    "ErlangError": {"original": None, "reason": None},
    "Protocol.UndefinedError": {"protocol": None, "value": None, "description": b""},
    "UnicodeConversionError": {"encoded": None, "message": None},
    "Regex.CompileError": {"message": b"regex could not be compiled"},
    "File.Error": {"reason": None, "path": b"", "action": b""},
    "Version.InvalidVersionError": {"version": None},
    "URI.Error": {"action": None, "reason": None, "part": None},
}


def _maker(name: str) -> Callable[[Term], Term]:
    def make(given: Term) -> Term:
        fields = dict(_DEFAULTS[name])
        if isinstance(given, bytes) and "message" in fields:
            return exception(name, **{**fields, "message": given})
        need(isinstance(given, list))
        for item in given:
            need(is_pair(item))
            if not isinstance(item[0], Atom) or item[0] not in fields:
                raise badkey(item[0])
            fields[str(item[0])] = item[1]
        return exception(name, **fields)

    return make


# --- messages -------------------------------------------------------------------------------


def _name_text(module: Term, function: Term, arity: Term) -> str:
    from pyerlnode.term import Export

    count = len(arity) if isinstance(arity, list) else arity
    return shown(Export(module, function, count)).removeprefix("&")


def _undefined_text(error: Term) -> str:
    if isinstance(field(error, "message"), bytes):
        return str(field(error, "message").decode("utf-8", "replace"))
    module, function, arity = field(error, "module"), field(error, "function"), field(error, "arity")
    if module is None and not is_integer(arity):
        return "undefined function"
    if module is None:
        return f"function nil.{function}/{arity} is undefined"
    name = _name_text(module, function, arity)
    return f"function {name} is undefined (module {shown(module)} is not available)"


def _clause_text(error: Term) -> str:
    if field(error, "function") is None:
        return "no function clause matches"
    name = _name_text(field(error, "module"), field(error, "function"), field(error, "arity"))
    return f"no function clause matching in {name}"


def _key_text(error: Term) -> str:
    if isinstance(field(error, "message"), bytes):
        return str(field(error, "message").decode("utf-8", "replace"))
    key, term = field(error, "key"), field(error, "term")
    text = f"key {shown(key)} not found"
    return text if term is None else f"{text} in: {shown(term)}"


def _protocol_text(error: Term) -> str:
    protocol, value = field(error, "protocol"), field(error, "value")
    description = field(error, "description")
    kind = _kind_of(value)
    text = f"protocol {shown(protocol)} not implemented for "
    if isinstance(description, bytes) and description:
        return (
            f"{text}{kind} ({description.decode('utf-8', 'replace')})\n\nGot value:\n\n    {shown(value)}\n"
        )
    return f"{text}{kind}\n\nGot value:\n\n    {shown(value)}\n"


def _kind_of(value: Term) -> str:
    """`type Tuple`, as the message names what there is no implementation for."""
    from pyerlnode.term import BitString, Export, Fun, Pid, Port, Reference

    name = struct_name(value)
    if name is not None:
        return f"type {shown(name)} (a struct)"
    kinds: list[tuple[Any, str]] = [
        ((Fun, Export), "Function"),
        ((bytes, BitString), "BitString"),
        (tuple, "Tuple"),
        (Pid, "PID"),
        (Port, "Port"),
        (Reference, "Reference"),
        (float, "Float"),
        (list, "List"),
    ]
    if is_atom(value):
        return "type Atom"
    if is_integer(value):
        return "type Integer"
    if exact.is_map(value):
        return "type Map"
    return "type " + next((kind for types, kind in kinds if isinstance(value, types)), "Any")


def _arity_text(error: Term) -> str:
    function, args = field(error, "function"), field(error, "args")
    count = len(args) if isinstance(args, list) else 0
    given = "no arguments" if not count else f"{count} argument{'s' if count > 1 else ''}"
    listed = "" if not count else f" ({', '.join(map(shown, args))})"
    return f"{shown(function)} with arity {function.arity} called with {given}{listed}"


_MESSAGES: Final[dict[str, Callable[[Term], str]]] = {
    "BadFunctionError": lambda error: f"expected a function, got: {shown(field(error, 'term'))}",
    "BadStructError": lambda error: (
        f"expected a struct named {shown(field(error, 'struct'))}, got: {shown(field(error, 'term'))}"
    ),
    "BadMapError": lambda error: f"expected a map, got: {shown(field(error, 'term'))}",
    "BadBooleanError": lambda error: (
        f'expected a boolean on left-side of "{field(error, "operator")}", got: {shown(field(error, "term"))}'
    ),
    "MatchError": lambda error: f"no match of right hand side value: {shown(field(error, 'term'))}",
    "CaseClauseError": lambda error: f"no case clause matching: {shown(field(error, 'term'))}",
    "WithClauseError": lambda error: f"no with clause matching: {shown(field(error, 'term'))}",
    "TryClauseError": lambda error: f"no try clause matching: {shown(field(error, 'term'))}",
    "CondClauseError": lambda _: "no cond clause evaluated to a truthy value",
    "BadArityError": _arity_text,
    "UndefinedFunctionError": _undefined_text,
    "FunctionClauseError": _clause_text,
    "KeyError": _key_text,
    "ErlangError": lambda error: (
        f"Erlang error: {shown(field(error, 'original'))}{_reason_text(field(error, 'reason'))}"
    ),
    "Protocol.UndefinedError": _protocol_text,
}


def _reason_text(reason: Term) -> str:
    return reason.decode("utf-8", "replace") if isinstance(reason, bytes) else ""


def _teller(name: str) -> Callable[[Term], Term]:
    def tell(error: Term) -> Term:
        if name in _MESSAGES:
            return _MESSAGES[name](error).encode("utf-8", "surrogateescape")
        return field(error, "message")

    return tell


for _name in _DEFAULTS:
    _library = Library(f"Elixir.{_name}")
    _library.function("exception", 1)(_maker(_name))
    _library.function("message", 1)(_teller(_name))
    _library.function("__struct__", 0)(lambda name=_name: exception(name, **_DEFAULTS[name]))


# --- Exception ------------------------------------------------------------------------------


def is_exception(term: Term) -> bool:
    """Whether it is an exception struct."""
    return struct_name(term) is not None and exact.get(term, EXCEPTION, None) is True


@exception_module.function("exception?", 1)
@exception_module.function("is_exception", 1)
def exception_or_not(term: Term) -> Term:
    return is_exception(term)


@exception_module.function("message", 1)
def message(error: Term) -> Steps:
    need(is_exception(error))
    name = struct_name(error)
    if str(name).removeprefix("Elixir.") not in _DEFAULTS and isinstance(field(error, "message"), bytes):
        # An exception of the sender's program, which nearly always holds its text.
        return field(error, "message")
    text = yield Remote(str(name), "message", (error,))
    if isinstance(text, bytes):
        return text
    return f"got {shown(text)} while retrieving Exception.message/1 for {shown(error)}".encode()


_SIMPLE: Final = {
    "badarg": "ArgumentError",
    "badarith": "ArithmeticError",
    "system_limit": "SystemLimitError",
    "cond_clause": "CondClauseError",
}
_OF_TERM: Final = {
    "badfun": "BadFunctionError",
    "badmatch": "MatchError",
    "badmap": "BadMapError",
    "case_clause": "CaseClauseError",
    "with_clause": "WithClauseError",
    "try_clause": "TryClauseError",
    "else_clause": "WithClauseError",
}


@exception_module.function("normalize", 2)
def normalize(kind: Term, reason: Term) -> Term:
    return normalize_with(kind, reason, [])


@exception_module.function("normalize", 3)
def normalize_with(kind: Term, reason: Term, stack: Term) -> Term:
    if kind is not _ERROR:
        return reason
    return reason if is_exception(reason) else normalized(reason, stack)


def normalized(reason: Term, stack: Term) -> Term:
    """The exception that an error of Erlang's is to Elixir."""
    if isinstance(reason, Atom):
        return _of_atom(str(reason), reason, stack)
    if isinstance(reason, tuple) and reason and isinstance(reason[0], Atom):
        found = _of_tuple(str(reason[0]), reason, stack)
        if found is not None:
            return found
    return exception("ErlangError", original=reason, reason=None)


def _of_atom(name: str, reason: Atom, stack: Term) -> Term:
    if name in _SIMPLE:
        return exception(_SIMPLE[name], **_DEFAULTS[_SIMPLE[name]])
    if name in ("undef", "function_clause"):
        return _of_stack("UndefinedFunctionError" if name == "undef" else "FunctionClauseError", stack)
    return exception("ErlangError", original=reason, reason=None)


def _of_stack(name: str, stack: Term) -> Term:
    """The function is the first of the stack."""
    fields = dict(_DEFAULTS[name])
    first = stack[0] if isinstance(stack, list) and stack else None
    if isinstance(first, tuple) and len(first) == 4:
        arity = len(first[2]) if isinstance(first[2], list) else first[2]
        fields.update(module=first[0], function=first[1], arity=arity)
    return exception(name, **fields)


def _of_tuple(name: str, reason: tuple[Term, ...], stack: Term) -> Term:
    if len(reason) == 2 and name in _OF_TERM:
        return exception(_OF_TERM[name], term=reason[1])
    if name == "badarity" and len(reason) == 2 and is_pair(reason[1]):
        return exception("BadArityError", function=reason[1][0], args=reason[1][1])
    if name == "badkey" and len(reason) in (2, 3):
        given = reason[2] if len(reason) == 3 else _map_asked(stack)
        return exception("KeyError", key=reason[1], term=given, message=None)
    if name == "badstruct" and len(reason) == 3:
        return exception("BadStructError", struct=reason[1], term=reason[2])
    if name == "badbool" and len(reason) == 3:
        return exception("BadBooleanError", operator=reason[1], term=reason[2])
    if name == "badarg" and len(reason) == 2:
        return exception("ArgumentError", message=f"argument error: {shown(reason[1])}".encode())
    return None


def _map_asked(stack: Term) -> Term:
    """The map that the first function of the stack was called with, where its arguments are there."""
    first = stack[0] if isinstance(stack, list) and stack else None
    if isinstance(first, tuple) and len(first) == 4 and isinstance(first[2], list):
        return next((arg for arg in first[2] if exact.is_map(arg)), None)
    return None


# --- texts ----------------------------------------------------------------------------------


@exception_module.function("format_banner", 2)
def format_banner(kind: Term, reason: Term) -> Steps:
    return (yield from format_banner_with(kind, reason, []))


@exception_module.function("format_banner", 3)
def format_banner_with(kind: Term, reason: Term, stack: Term) -> Steps:
    if kind is _ERROR:
        error = normalize_with(kind, reason, stack)
        text = (yield from message(error)).decode("utf-8", "replace")
        return f"** ({shown(struct_name(error))}) {text}".encode()
    if kind is _THROW:
        return f"** (throw) {shown(reason)}".encode()
    if kind is _EXIT:
        return b"** (exit) " + (yield from format_exit(reason))
    if is_pair(kind):
        return f"** (EXIT from {shown(kind[1])}) ".encode() + (yield from format_exit(reason))
    raise function_clause()


@exception_module.function("format", 2)
@exception_module.function("format", 3)
def format_(kind: Term, reason: Term, stack: Term = None) -> Steps:
    return (yield from format_banner_with(kind, reason, stack))


_EXITS: Final = {
    "normal": "normal",
    "noproc": "no process: the process is not alive or there's no process currently associated with the "
    "given name, possibly because its application isn't started",
    "noconnection": "no connection",
    "shutdown": "shutdown",
    "killed": "killed",
    "timeout": "time out",
}


@exception_module.function("format_exit", 1)
def format_exit(reason: Term) -> Steps:
    if isinstance(reason, Atom) and reason in _EXITS:
        return _EXITS[str(reason)].encode()
    if is_pair(reason) and isinstance(reason[1], list) and is_exception(reason[0]):
        text = yield from format_banner(_ERROR, reason[0])
        return b"an exception was raised:\n    " + text.replace(b"\n", b"\n    ")
    if is_pair(reason) and isinstance(reason[0], Atom) and reason[0] == "shutdown":
        return f"shutdown: {shown(reason[1])}".encode()
    return shown(reason).encode()


@exception_module.function("format_mfa", 3)
def format_mfa(module: Term, function: Term, arity: Term) -> Term:
    if isinstance(arity, list):
        called = _name_text(module, function, len(arity)).rsplit("/", 1)[0]
        return f"{called}({', '.join(map(shown, arity))})".encode()
    return _name_text(module, function, arity).encode()


@exception_module.function("format_file_line", 2)
def format_file_line(file: Term, line: Term) -> Term:
    return format_file_line_column(file, line, None)


@exception_module.function("format_file_line_column", 3)
def format_file_line_column(file: Term, line: Term, column: Term) -> Term:
    if file is None:
        return b""
    numbers = [line, column] if line not in (None, 0) else []
    return b":".join([file, *(str(number).encode() for number in numbers if number is not None)]) + b":"


@exception_module.function("format_stacktrace", 0)
@exception_module.function("format_stacktrace", 1)
def format_stacktrace(_stack: Term = None) -> Term:
    return b"\n"


@exception_module.function("blame", 3)
def blame(kind: Term, reason: Term, stack: Term) -> Term:
    return normalize_with(kind, reason, stack), stack
