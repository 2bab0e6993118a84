"""`Process`, `Node`, `System`, `IO`: what touches a process, the clock or a device.

Source: process.ex, node.ex, system.ex and io.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_closures.py.
"""

from __future__ import annotations

import sys
import time

from pyerlnode.services.evaluator.requests import Remote
from pyerlnode.services.evaluator.stdlib.arguments import UNDEFINED, Steps, function_clause, is_integer
from pyerlnode.services.evaluator.stdlib.elixir.enum import text_of
from pyerlnode.services.evaluator.stdlib.elixir.inspecting import inspected_in_lines
from pyerlnode.services.evaluator.stdlib.elixir.sources import Item, Pulling, Source, opener
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    OK,
    STRUCT,
    alias,
    argument_error,
    field,
    need,
    option,
    shown,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

process = Library("Elixir.Process", group="process")
system = Library("Elixir.System", group="time")
io = Library("Elixir.IO", group="io")

_INFINITY, _PROCESS = Atom("infinity"), Atom("process")
_STDIO, _STDERR, _STANDARD_IO = Atom("stdio"), Atom("stderr"), Atom("standard_io")
_STANDARD_ERROR = Atom("standard_error")

# --- Process --------------------------------------------------------------------------------


@process.function("sleep", 1)
def sleep(milliseconds: Term) -> Steps:
    need(milliseconds is _INFINITY or is_integer(milliseconds, 0))
    yield Remote("timer", "sleep", (milliseconds,))
    return OK


@process.function("get", 0)
def get_all() -> Steps:
    return (yield Remote("erlang", "get", ()))


@process.function("get", 1)
def get(key: Term) -> Steps:
    return (yield from get_or(key, None))


@process.function("get", 2)
def get_or(key: Term, default: Term) -> Steps:
    found = yield Remote("erlang", "get", (key,))
    return default if found is UNDEFINED else found


@process.function("get_keys", 0)
def get_keys() -> Steps:
    return (yield Remote("erlang", "get_keys", ()))


@process.function("put", 2)
def put(key: Term, value: Term) -> Steps:
    return _nillify((yield Remote("erlang", "put", (key, value))))


@process.function("delete", 1)
def delete(key: Term) -> Steps:
    return _nillify((yield Remote("erlang", "erase", (key,))))


def _nillify(value: Term) -> Term:
    return None if value is UNDEFINED else value


@process.function("monitor", 1)
def monitor(item: Term) -> Steps:
    return (yield Remote("erlang", "monitor", (_PROCESS, item)))


@process.function("monitor", 2)
def monitor_with(item: Term, options: Term) -> Steps:
    return (yield Remote("erlang", "monitor", (_PROCESS, item, options)))


@process.function("send_after", 3)
def send_after(to: Term, message: Term, milliseconds: Term) -> Steps:
    return (yield Remote("erlang", "send_after", (milliseconds, to, message)))


@process.function("send_after", 4)
def send_after_with(to: Term, message: Term, milliseconds: Term, options: Term) -> Steps:
    return (yield Remote("erlang", "send_after", (milliseconds, to, message, options)))


@process.function("cancel_timer", 1)
def cancel_timer(timer: Term) -> Steps:
    return (yield Remote("erlang", "cancel_timer", (timer,)))


@process.function("cancel_timer", 2)
def cancel_timer_with(timer: Term, options: Term) -> Steps:
    return (yield Remote("erlang", "cancel_timer", (timer, options)))


@process.function("whereis", 1)
def whereis(name: Term) -> Steps:
    return _nillify((yield Remote("erlang", "whereis", (name,))))


@process.function("register", 2)
def register(pid: Term, name: Term) -> Steps:
    need(isinstance(name, Atom))
    if name in ("nil", "undefined", "false", "true"):
        raise argument_error(
            f"could not register {shown(pid)} with name {shown(name)} because it is reserved"
        )
    try:
        return (yield Remote("erlang", "register", (name, pid)))
    except Exception as error:
        if getattr(error, "reason", None) != "badarg":
            raise
        raise argument_error(
            f"could not register {shown(pid)} with name {shown(name)} because it is not alive, the name "
            "is already taken, or it has already been given another name"
        ) from None


@process.function("unregister", 1)
def unregister(name: Term) -> Steps:
    return (yield Remote("erlang", "unregister", (name,)))


@process.function("info", 1)
def info(pid: Term) -> Steps:
    return _nillify((yield Remote("erlang", "process_info", (pid,))))


@process.function("info", 2)
def info_of(pid: Term, what: Term) -> Steps:
    return _nillify((yield Remote("erlang", "process_info", (pid, what))))


@process.function("set_label", 1)
def set_label(label: Term) -> Steps:
    yield Remote("erlang", "put", (Atom("$process_label"), label))
    return OK


# --- System -----------------------------------------------------------------------------------

_UNITS = {"second": 1, "millisecond": 10**3, "microsecond": 10**6, "nanosecond": 10**9, "native": 10**9}


def _parts(unit: Term) -> int:
    if is_integer(unit, 1):
        return int(unit)
    parts = _UNITS.get(unit) if isinstance(unit, Atom) else None
    if parts is None:
        raise argument_error(
            "unsupported time unit. Expected :second, :millisecond, :microsecond, :nanosecond, or a "
            f"positive integer, got {shown(unit)}"
        )
    return parts


@system.function("system_time", 1)
@system.function("os_time", 1)
def system_time(unit: Term) -> Term:
    return time.time_ns() * _parts(unit) // 10**9


@system.function("monotonic_time", 1)
def monotonic_time(unit: Term) -> Steps:
    parts = _parts(unit)
    return (yield Remote("erlang", "monotonic_time", (parts,)))


@system.function("convert_time_unit", 3)
def convert_time_unit(value: Term, unit: Term, wanted: Term) -> Term:
    need(is_integer(value))
    return value * _parts(wanted) // _parts(unit)


@system.function("version", 0)
def version() -> Term:
    return b"1.18.3"


@system.function("otp_release", 0)
def otp_release() -> Term:
    return b"27"


@system.function("schedulers", 0)
@system.function("schedulers_online", 0)
def schedulers() -> Term:
    return 1


# --- IO -----------------------------------------------------------------------------------------


def _device(device: Term) -> Term:
    return _STANDARD_IO if device is _STDIO else _STANDARD_ERROR if device is _STDERR else device


def _text(item: Term) -> Steps:
    """Text and character data as it is, other terms by `to_string`."""
    if isinstance(item, bytes):
        return item
    if isinstance(item, list):
        return (yield Remote("unicode", "characters_to_binary", (item,)))
    return (yield from text_of(item))


def _written(device: Term, data: bytes) -> Steps:
    device = _device(device)
    if device is _STANDARD_ERROR:
        # Errors go to this node's own, whoever the group leader is.
        sys.stderr.write(data.decode("utf-8", "replace"))
        return OK
    return (yield Remote("io", "put_chars", (device, data)))


@io.function("puts", 1)
def puts(item: Term) -> Steps:
    return (yield from puts_to(_STDIO, item))


@io.function("puts", 2)
def puts_to(device: Term, item: Term) -> Steps:
    text = yield from _text(item)
    return (yield from _written(device, text + b"\n"))


@io.function("write", 1)
def write(item: Term) -> Steps:
    return (yield from write_to(_STDIO, item))


@io.function("write", 2)
def write_to(device: Term, item: Term) -> Steps:
    return (yield from _written(device, (yield from _text(item))))


@io.function("inspect", 1)
def inspect_(item: Term) -> Steps:
    return (yield from inspect_with(item, []))


@io.function("inspect", 2)
def inspect_with(item: Term, options: Term) -> Steps:
    return (yield from inspect_to(_STDIO, item, options))


@io.function("inspect", 3)
def inspect_to(device: Term, item: Term, options: Term) -> Steps:
    label = option(options, "label")
    front = b"" if label is None else (yield from text_of(label)) + b": "
    yield from _written(device, front + inspected_in_lines(item, options).encode() + b"\n")
    return item


@io.function("gets", 1)
def gets(prompt: Term) -> Steps:
    return (yield from gets_from(_STDIO, prompt))


@io.function("gets", 2)
def gets_from(device: Term, prompt: Term) -> Steps:
    text = yield from _text(prompt)
    return (yield Remote("io", "get_line", (_device(device), text)))


@io.function("getn", 1)
def getn(prompt: Term) -> Steps:
    return (yield Remote("io", "get_chars", (_STANDARD_IO, (yield from _text(prompt)), 1)))


@io.function("getn", 2)
def getn_many(prompt: Term, count: Term) -> Steps:
    need(is_integer(count, 1))
    return (yield Remote("io", "get_chars", (_STANDARD_IO, (yield from _text(prompt)), count)))


@io.function("read", 1)
@io.function("read", 2)
def read(device: Term, what: Term = None) -> Steps:
    if what is None:
        device, what = _STDIO, device
    if not (isinstance(what, Atom) and what in ("line", "all", "eof")):
        raise function_clause()
    return (yield Remote("io", "get_line", (_device(device), b"")))


@io.function("warn", 1)
@io.function("warn", 2)
def warn(message: Term, _stack: Term = None) -> Steps:
    text = yield from _text(message)
    return (yield from _written(_STDERR, b"warning: " + text + b"\n"))


@io.function("iodata_to_binary", 1)
def iodata_to_binary(data: Term) -> Steps:
    return (yield Remote("erlang", "iolist_to_binary", (data,)))


@io.function("iodata_length", 1)
def iodata_length(data: Term) -> Steps:
    return (yield Remote("erlang", "iolist_size", (data,)))


@io.function("chardata_to_string", 1)
def chardata_to_string(data: Term) -> Steps:
    return data if isinstance(data, bytes) else (yield Remote("Elixir.List", "to_string", (data,)))


@io.function("stream", 0)
def stream() -> Term:
    return stream_from(_STDIO, Atom("line"))


@io.function("stream", 2)
def stream_from(device: Term, by: Term) -> Term:
    kind = {Atom("device"): _device(device), Atom("raw"): False, Atom("line_or_bytes"): by}
    return {STRUCT: alias("IO.Stream"), **kind}


@opener("IO.Stream")
def open_stream(given: Term, _depth: int) -> Source:
    return Source(_lines(field(given, "device")))


def _lines(device: Term) -> Pulling:
    while isinstance(line := (yield Remote("io", "get_line", (device, b""))), bytes):
        yield Item(line)
