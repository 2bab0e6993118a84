"""`Kernel`: what stays a remote call, and what macros of Elixir leave behind.

Source: kernel.ex, kernel/utils.ex and elixir_erl_pass.erl of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from pyerlnode.services import modules
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib import exact
from pyerlnode.services.evaluator.stdlib.arguments import (
    Steps,
    badarg,
    function_clause,
    is_atom,
    is_function,
    is_integer,
    is_list,
    split_tail,
    with_tail,
)
from pyerlnode.services.evaluator.stdlib.elixir.numbers import kernel
from pyerlnode.services.evaluator.stdlib.elixir.sources import items_of
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    EXCEPTION,
    OK,
    STRUCT,
    argument_error,
    closure,
    exception,
    is_any_fun,
    is_pair,
    is_struct,
    key_error,
    need,
    plain,
    shown,
    struct_name,
)
from pyerlnode.services.evaluator.stdlib.elixir.text import bounds
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

utils = Library("Elixir.Kernel.Utils")
erl_pass = Library("elixir_erl_pass")
function_module = Library("Elixir.Function")
module_module = Library("Elixir.Module")

_GET, _GET_AND_UPDATE, _POP = Atom("get"), Atom("get_and_update"), Atom("pop")
_INFINITY = Atom("infinity")
_BADKEY, _BADMAP = Atom("badkey"), Atom("badmap")

# --- text -----------------------------------------------------------------------------------


@kernel.function("=~", 2)
def matches(left: Term, right: Term) -> Steps:
    need(isinstance(left, bytes))
    if isinstance(right, bytes):
        return right in left
    if is_struct(right, "Regex"):
        return (yield Remote("Elixir.Regex", "match?", (right, left)))
    raise function_clause()


@kernel.function("binary_slice", 2)
def binary_slice(binary: Term, indices: Term) -> Term:
    need(isinstance(binary, bytes))
    begin, end, step = bounds(indices, len(binary), "binary_slice/2")
    return binary[begin:end:step]


@kernel.function("binary_slice", 3)
def binary_slice_from(binary: Term, start: Term, size: Term) -> Term:
    need(isinstance(binary, bytes), is_integer(start), is_integer(size, 0))
    begin = start if start >= 0 else max(0, len(binary) + start)
    return binary[begin : begin + size]


# --- tuples -----------------------------------------------------------------------------------


@kernel.function("elem", 2)
def elem(given: Term, index: Term) -> Term:
    if not (isinstance(given, tuple) and is_integer(index, 0) and index < len(given)):
        raise badarg()
    return given[index]


@kernel.function("put_elem", 3)
def put_elem(given: Term, index: Term, value: Term) -> Term:
    elem(given, index)
    return (*given[:index], value, *given[index + 1 :])


# --- paths into data -----------------------------------------------------------------------------


def _path(keys: Term) -> list[Term]:
    need(isinstance(keys, list) and len(keys) > 0)
    return keys  # type: ignore[no-any-return]  # it is a list


@kernel.function("get_in", 2)
def get_in(data: Term, keys: Term) -> Steps:
    for index, key in enumerate(_path(keys)):
        rest = keys[index + 1 :]
        if is_any_fun(key):
            after = closure("Elixir.Kernel", "-get_in-", 1, rest)
            return (yield Call(key, (_GET, data, after)))
        data = None if data is None else (yield Remote("Elixir.Access", "get", (data, key)))
    return data


@kernel.function("-get_in-", 2)
def get_rest(keys: Term, data: Term) -> Steps:
    return (yield from get_in(data, keys)) if keys else data


@kernel.function("get_and_update_in", 3)
def get_and_update_in(data: Term, keys: Term, fun: Term) -> Steps:
    key, rest = _path(keys)[0], keys[1:]
    after = closure("Elixir.Kernel", "-get_and_update_in-", 1, rest, fun) if rest else fun
    if is_function(key, 3):
        return (yield Call(key, (_GET_AND_UPDATE, data, after)))
    return (yield Remote("Elixir.Access", "get_and_update", (data, key, after)))


@kernel.function("-get_and_update_in-", 3)
def get_and_update_rest(keys: Term, fun: Term, data: Term) -> Steps:
    return (yield from get_and_update_in(data, keys, fun))


@kernel.function("update_in", 3)
def update_in(data: Term, keys: Term, fun: Term) -> Steps:
    change = closure("Elixir.Kernel", "-changed-", 1, fun)
    return (yield from get_and_update_in(data, keys, change))[1]


@kernel.function("-changed-", 2)
def changed(fun: Term, value: Term) -> Steps:
    return None, (yield Call(fun, (value,)))


@kernel.function("put_in", 3)
def put_in(data: Term, keys: Term, value: Term) -> Steps:
    replace = closure("Elixir.Kernel", "-replaced-", 1, value)
    return (yield from get_and_update_in(data, keys, replace))[1]


@kernel.function("-replaced-", 2)
def replaced(value: Term, _: Term) -> Term:
    return None, value


@kernel.function("pop_in", 2)
def pop_in(data: Term, keys: Term) -> Steps:
    if data is None:
        raise argument_error(f"could not pop key {shown(_path(keys)[0])} on a nil value")
    return (yield from pop_rest(_path(keys), data))


@kernel.function("-pop_in-", 2)
def pop_rest(keys: Term, data: Term) -> Steps:
    if data is None:
        return _POP
    key, rest = keys[0], keys[1:]
    if is_any_fun(key):
        after = closure("Elixir.Kernel", "-pop_in-" if rest else "-pop-", 1, rest)
        return (yield Call(key, (_GET_AND_UPDATE, data, after)))
    if not rest:
        return (yield Remote("Elixir.Access", "pop", (data, key)))
    after = closure("Elixir.Kernel", "-pop_in-", 1, rest)
    return (yield Remote("Elixir.Access", "get_and_update", (data, key, after)))


@kernel.function("-pop-", 2)
def pop(_: Term, __: Term) -> Term:
    return _POP


# --- structs ------------------------------------------------------------------------------------


@kernel.function("struct", 1)
def struct(template: Term) -> Steps:
    return (yield from struct_with(template, []))


@kernel.function("struct", 2)
def struct_with(template: Term, fields: Term) -> Steps:
    base = yield from _template(template)
    for item in (yield from items_of(fields)):
        need(is_pair(item))
        if item[0] != STRUCT and exact.has_key(base, item[0]):
            base = exact.put(base, *item)
    return base


@kernel.function("struct!", 1)
def struct_it(template: Term) -> Steps:
    return (yield from _template(template))


@kernel.function("struct!", 2)
def struct_it_with(template: Term, fields: Term) -> Steps:
    base = yield from _template(template)
    for item in (yield from items_of(fields)):
        need(is_pair(item))
        if not exact.has_key(base, item[0]):
            raise key_error(item[0], base)
        base = exact.put(base, *item) if item[0] != STRUCT else base
    return base


def _template(template: Term) -> Steps:
    if is_atom(template):
        return (yield Remote(template, "__struct__", ()))
    template = plain(template)
    if struct_name(template) is None:
        raise function_clause()
    return template


# --- other functions ----------------------------------------------------------------------------


@kernel.function("function_exported?", 3)
def function_exported(module: Term, function: Term, arity: Term) -> Term:
    need(isinstance(module, Atom), isinstance(function, Atom), is_integer(arity, 0))
    return modules.function_exported(module, function, arity)


@kernel.function("macro_exported?", 3)
def macro_exported(module: Term, macro: Term, arity: Term) -> Term:
    need(isinstance(module, Atom), isinstance(macro, Atom), is_integer(arity, 0))
    return False


_UNITS = {"week": 604_800_000, "day": 86_400_000, "hour": 3_600_000, "minute": 60_000, "second": 1000}


@kernel.function("to_timeout", 1)
def to_timeout(given: Term) -> Term:
    if given is _INFINITY or is_integer(given, 0):
        return given
    need(isinstance(given, list))
    total = 0
    for item in given:
        unit = _UNITS.get(item[0], 1 if item[0] == "millisecond" else 0) if is_pair(item) else 0
        if not (unit and is_integer(item[1], 0)):
            raise argument_error(f"timeout component {shown(item)} is not valid")
        total += unit * item[1]
    return total


@function_module.function("identity", 1)
def identity(value: Term) -> Term:
    return value


@module_module.function("concat", 1)
def concat(parts: Term) -> Steps:
    return (yield Remote("erlang", "binary_to_atom", (_joined((yield from _names(parts))),)))


@module_module.function("concat", 2)
def concat_two(left: Term, right: Term) -> Steps:
    return (yield from concat([left, right]))


def _names(parts: Term) -> Steps:
    names: list[str] = []
    for part in (yield from items_of(parts)):
        if part is not None:
            text = yield Remote("Elixir.String.Chars", "to_string", (part,))
            names.append(text.decode("utf-8", "surrogateescape"))
    return names


def _joined(names: list[str]) -> bytes:
    parts = [name.removeprefix("Elixir").removeprefix(".") for name in names]
    return ".".join(["Elixir", *(part for part in parts if part)]).encode("utf-8", "surrogateescape")


@module_module.function("split", 1)
def split(module: Term) -> Term:
    name = module.decode() if isinstance(module, bytes) else module
    if not isinstance(name, str) or not name.startswith("Elixir."):
        raise argument_error(f"expected an Elixir module, got: {shown(module)}")
    return [part.encode() for part in name.removeprefix("Elixir.").split(".")]


# --- what macros leave behind ---------------------------------------------------------------------


@erl_pass.function("no_parens_remote", 2)
def no_parens_remote(subject: Term, name: Term) -> Steps:
    """`subject.name` without parentheses, where it is no field of a map: a call of a module's function.

    The caller's code raises the error that this gives, and the code of releases that give no reason
    raises `{badkey, Name, Subject}` for whatever comes.
    """
    if type(subject) is Atom:
        return (OK, (yield Remote(subject, name, ())))
    given = plain(subject)
    return (ERROR, (_BADKEY, name, given) if exact.is_map(given) else (_BADMAP, given))


@utils.function("destructure", 2)
def destructure(items: Term, count: Term) -> Term:
    if items is None:
        return [None] * count
    need(is_list(items), is_integer(count, 0))
    elements, tail = split_tail(items)
    if len(elements) < count and not isinstance(tail, list):
        return with_tail(elements, tail)
    return [*elements[:count], *[None] * (count - len(elements))]


@utils.function("raise", 1)
def raise_(given: Term) -> Steps:
    """What `raise(x)` makes of a message, an exception's module or an exception."""
    if isinstance(given, bytes):
        return exception("RuntimeError", message=given)
    if isinstance(given, Atom):
        return (yield Remote(given, "exception", ([],)))
    if exact.is_map(given) and struct_name(given) is not None and exact.has_key(given, EXCEPTION):
        return given
    text = "raise/1 and reraise/2 expect a module name, string or exception as the first argument, got: "
    return exception("ArgumentError", message=(text + shown(given)).encode())
