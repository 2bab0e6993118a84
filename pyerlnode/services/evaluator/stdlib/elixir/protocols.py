"""The protocols: `String.Chars`, `List.Chars`, `Collectable`, `Enumerable`, and `Inspect` as `inspect`.

Source: string/chars.ex, list/chars.ex, collectable.ex and enum.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    atom_text,
    function_clause,
    is_atom,
    is_function,
    is_integer,
    is_list,
)
from pyerlnode.services.evaluator.stdlib.elixir.inspecting import inspected
from pyerlnode.services.evaluator.stdlib.elixir.sources import END, Source, guarded, items_of, opened
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    argument_error,
    closure,
    field,
    is_pair,
    is_struct,
    plain,
    raised,
    shown,
    struct_name,
    undefined_protocol,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, BitString, Term

chars = Library("Elixir.String.Chars")
list_chars = Library("Elixir.List.Chars")
collectable = Library("Elixir.Collectable")
enumerable = Library("Elixir.Enumerable")
kernel = Library("Elixir.Kernel")

_CONT, _HALT, _DONE = Atom("cont"), Atom("halt"), Atom("done")
_HALTED, _SUSPEND, _SUSPENDED = Atom("halted"), Atom("suspend"), Atom("suspended")

# --- text -----------------------------------------------------------------------------------


@chars.function("to_string", 1)
def to_string(term: Term) -> Steps:
    term = plain(term)
    if isinstance(term, bytes):
        return term
    if term is None:
        return b""
    if is_atom(term):
        return atom_text(term).encode("utf-8", "surrogateescape")
    if is_integer(term):
        return (yield Remote("erlang", "integer_to_binary", (term,)))
    if type(term) is float:
        return (yield Remote("Elixir.Float", "to_string", (term,)))
    if is_list(term):
        return (yield Remote("Elixir.List", "to_string", (term,)))
    return (yield from _struct_text(term))


_WITH_TEXT = frozenset({"Date", "Time", "DateTime", "NaiveDateTime", "Version", "URI"})


def _struct_text(term: Term) -> Steps:
    name = str(struct_name(term)).removeprefix("Elixir.")
    if name in _WITH_TEXT:
        return (yield Remote(f"Elixir.{name}", "to_string", (term,)))
    if isinstance(term, BitString):
        raise raised(
            "Protocol.UndefinedError",
            protocol=Atom("Elixir.String.Chars"),
            value=term,
            description=b"cannot convert a bitstring to a string",
        )
    raise undefined_protocol("String.Chars", term)


@list_chars.function("to_charlist", 1)
def to_charlist(term: Term) -> Steps:
    if is_list(term):
        return term
    if isinstance(term, bytes):
        return (yield Remote("Elixir.String", "to_charlist", (term,)))
    if is_atom(term) or is_integer(term) or type(term) is float:
        return [ord(character) for character in (yield from to_string(term)).decode()]
    raise undefined_protocol("List.Chars", term)


@kernel.function("to_string", 1)
def kernel_to_string(term: Term) -> Steps:
    return (yield from to_string(term))


@kernel.function("inspect", 1)
def inspect_(term: Term) -> Term:
    return inspected(term, []).encode()


@kernel.function("inspect", 2)
def inspect_with(term: Term, options: Term) -> Term:
    return inspected(term, options).encode()


# --- Collectable --------------------------------------------------------------------------------


@collectable.function("into", 1)
def into(given: Term) -> Term:
    given = plain(given)
    if isinstance(given, list):
        return [], closure("Elixir.Collectable", "-list-", 2, given)
    if isinstance(given, (bytes, BitString)):
        return [given], closure("Elixir.Collectable", "-binary-", 2)
    name = struct_name(given)
    if exact.is_map(given) and name is None:
        return given, closure("Elixir.Collectable", "-map-", 2)
    if name == "Elixir.MapSet":
        return given, closure("Elixir.Collectable", "-set-", 2)
    if name == "Elixir.IO.Stream":
        return given, closure("Elixir.Collectable", "-io-", 2)
    raise undefined_protocol("Collectable", given)


def _step(command: Term) -> Term:
    """The element of `{cont, X}`; END for what ends the collecting."""
    if is_pair(command) and command[0] is _CONT:
        return command[1]
    if command is _DONE or command is _HALT:
        return END
    raise function_clause()


@collectable.function("-list-", 3)
def into_list(before: Term, state: Term, command: Term) -> Term:
    item = _step(command)
    return [*state, item] if item is not END else [*before, *state] if command is _DONE else OK


@collectable.function("-binary-", 2)
def into_binary(state: Term, command: Term) -> Steps:
    item = _step(command)
    if item is END:
        return (yield Remote("erlang", "list_to_bitstring", (state,))) if command is _DONE else OK
    if not isinstance(item, (bytes, BitString)):
        raise argument_error(f"collecting into a binary requires a bitstring, got: {shown(item)}")
    return [*state, item]


@collectable.function("-map-", 2)
def into_map(state: Term, command: Term) -> Term:
    item = _step(command)
    if item is END:
        return state if command is _DONE else OK
    if not is_pair(item):
        raise argument_error(f"collecting into a map requires {{key, value}} tuples, got: {shown(item)}")
    return exact.put(state, *item)


@collectable.function("-set-", 2)
def into_set(state: Term, command: Term) -> Steps:
    item = _step(command)
    if item is END:
        return state if command is _DONE else OK
    return (yield Remote("Elixir.MapSet", "put", (state, item)))


@collectable.function("-io-", 2)
def into_device(state: Term, command: Term) -> Steps:
    item = _step(command)
    if item is END:
        return state if command is _DONE else OK
    yield Remote("Elixir.IO", "write", (field(state, "device"), item))
    return state


# --- Enumerable ---------------------------------------------------------------------------------


@enumerable.function("count", 1)
def count(given: Term) -> Steps:
    module = _folded(given)
    return (ERROR, module) if module else (OK, (yield Remote("Elixir.Enum", "count", (given,))))


@enumerable.function("member?", 2)
def member(given: Term, element: Term) -> Steps:
    module = _folded(given)
    return (ERROR, module) if module else (OK, (yield Remote("Elixir.Enum", "member?", (given, element))))


def _folded(given: Term) -> Atom | None:
    """The implementation that leaves the answer to `reduce`; None where it knows the answer."""
    name = str(impl_for(given) or "")
    return (
        Atom(name) if name.endswith((".Stream", ".Function")) or (given and isinstance(given, list)) else None
    )


@enumerable.function("impl_for", 1)
def impl_for(given: Term) -> Term:
    given = plain(given)
    name = struct_name(given)
    if name is not None:
        known = name in ("Elixir.MapSet", "Elixir.Range", "Elixir.Stream", "Elixir.Date.Range")
        return Atom(f"Elixir.Enumerable.{name.removeprefix('Elixir.')}") if known else None
    kind = "List" if is_list(given) else "Map" if exact.is_map(given) else None
    kind = "Function" if is_function(given, 2) else kind
    return None if kind is None else Atom(f"Elixir.Enumerable.{kind}")


@enumerable.function("reduce", 3)
def reduce(given: Term, command: Term, fun: Term) -> Steps:
    """Only of what is finite where it may be suspended: the rest waits as a list."""
    if is_struct(plain(given), "Stream"):
        return (yield from guarded(opened(given), lambda source: _reduced(source, command, fun)))
    return (yield from reduce_list((yield from items_of(given)), fun, command))


def _reduced(source: Source, command: Term, fun: Term) -> Steps:
    while command[0] is _CONT and (item := (yield from source.next())) is not END:
        command = yield Call(fun, (item, command[1]))
    if command[0] is _SUSPEND:
        rest: list[Term] = []
        while (item := (yield from source.next())) is not END:
            rest.append(item)
        return _suspended(rest, fun, command[1])
    return (_DONE if command[0] is _CONT else _HALTED), command[1]


def reduce_list(items: list[Term], fun: Term, command: Term) -> Steps:
    at = 0
    while command[0] is _CONT:
        if at == len(items):
            return _DONE, command[1]
        command = yield Call(fun, (items[at], command[1]))
        at += 1
    if command[0] is _SUSPEND:
        return _suspended(items[at:], fun, command[1])
    return _HALTED, command[1]


def _suspended(rest: list[Term], fun: Term, state: Term) -> Term:
    return _SUSPENDED, state, closure("Elixir.Enumerable", "-resume-", 1, rest, fun)


@enumerable.function("-resume-", 3)
def resume(rest: Term, fun: Term, command: Term) -> Steps:
    return (yield from reduce_list(rest, fun, command))


@enumerable.function("-suspend-", 2)
def suspend(item: Term, _: Term) -> Term:
    return _SUSPEND, item
