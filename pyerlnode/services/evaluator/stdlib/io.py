"""`io`: what a closure writes and asks for goes to its group leader, or to another device.

As on a BEAM, `io:format` sends the format and its arguments: the receiver makes text of them.

Source: io.erl of OTP 27; stdlib user's guide, "The Erlang I/O Protocol".
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_closures.py.
"""

from __future__ import annotations

from typing import Final

from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.services import io as devices
from pyerlnode.services.evaluator.stdlib.arguments import OK, Steps, badarg, is_integer
from pyerlnode.services.evaluator.stdlib.registry import Await, Library
from pyerlnode.services.io_lib import chardata
from pyerlnode.term import Atom, Pid, Term, to_erlang

io = Library("io", group="io")

_STANDARD_IO, _TERMINATED = Atom("standard_io"), Atom("terminated")
_IO_LIB, _FORMAT = Atom("io_lib"), Atom("format")
_GET_LINE, _GET_UNTIL, _GET_CHARS = Atom("get_line"), Atom("get_until"), Atom("get_chars")
_GET_GEOMETRY, _COLUMNS, _ROWS = Atom("get_geometry"), Atom("columns"), Atom("rows")
_ENOTSUP, _ERROR = Atom("enotsup"), Atom("error")
_NEWLINE: Final = b"\n"


def device_of(device: Term) -> Pid | str | None:
    """What `services.io` takes for a device: None is the group leader; `badarg` for what is none."""
    if device is _STANDARD_IO:
        return None
    if not isinstance(device, (Pid, Atom)):
        raise badarg()
    return device


def _asked(device: Term, request: Term) -> Steps:
    """Ask, and give the answer; what the device refuses is `badarg`, as `io` makes it."""
    try:
        return (yield Await(devices.request(request, device_of(device))))
    except ErlangError as error:
        raise error if error.reason is _TERMINATED else badarg() from None


def _written(device: Term, text: Term) -> Steps:
    try:
        data = chardata(text).encode()
    except BadArg:
        raise badarg() from None
    return (yield from _asked(device, (devices.PUT_CHARS, devices.UNICODE, data)))


# --- writing --------------------------------------------------------------------------------


@io.function("put_chars", 1)
def put_chars(text: Term) -> Steps:
    return (yield from _written(_STANDARD_IO, text))


@io.function("put_chars", 2)
def put_chars_to(device: Term, text: Term) -> Steps:
    return (yield from _written(device, text))


@io.function("nl", 0)
def newline() -> Steps:
    return (yield from _written(_STANDARD_IO, _NEWLINE))


@io.function("nl", 1)
def newline_to(device: Term) -> Steps:
    return (yield from _written(device, _NEWLINE))


@io.function("write", 1)
def write(value: Term) -> Steps:
    return (yield from write_to(_STANDARD_IO, value))


@io.function("write", 2)
def write_to(device: Term, value: Term) -> Steps:
    return (yield from _written(device, to_erlang(value, strings=False).encode()))


def _formatted(device: Term, text: Term, args: Term) -> Steps:
    request = (devices.PUT_CHARS, devices.UNICODE, _IO_LIB, _FORMAT, [text, args])
    return (yield from _asked(device, request))


def _format(text: Term) -> Steps:
    return (yield from _formatted(_STANDARD_IO, text, []))


def _format_args(text: Term, args: Term) -> Steps:
    return (yield from _formatted(_STANDARD_IO, text, args))


def _format_to(device: Term, text: Term, args: Term) -> Steps:
    return (yield from _formatted(device, text, args))


for _name in ("format", "fwrite"):
    io.function(_name, 1)(_format)
    io.function(_name, 2)(_format_args)
    io.function(_name, 3)(_format_to)


# --- reading --------------------------------------------------------------------------------


def _read(device: Term, request: Term) -> Steps:
    try:
        return (yield Await(devices.request(request, device_of(device))))
    except ErlangError as error:
        return (_ERROR, error.reason)


def _prompt(prompt: Term) -> Term:
    return str(prompt).encode() if isinstance(prompt, Atom) else prompt


@io.function("get_line", 1)
def get_line(prompt: Term) -> Steps:
    return (yield from get_line_from(_STANDARD_IO, prompt))


@io.function("get_line", 2)
def get_line_from(device: Term, prompt: Term) -> Steps:
    return (yield from _read(device, (_GET_LINE, devices.UNICODE, _prompt(prompt))))


@io.function("get_chars", 2)
def get_chars(prompt: Term, count: Term) -> Steps:
    return (yield from get_chars_from(_STANDARD_IO, prompt, count))


@io.function("get_chars", 3)
def get_chars_from(device: Term, prompt: Term, count: Term) -> Steps:
    if not is_integer(count, 0):
        raise badarg()
    return (yield from _read(device, (_GET_CHARS, devices.UNICODE, _prompt(prompt), count)))


# --- the terminal ---------------------------------------------------------------------------


def _geometry(device: Term, what: Atom) -> Steps:
    try:
        found = yield Await(devices.request((_GET_GEOMETRY, what), device_of(device)))
    except ErlangError:
        return (_ERROR, _ENOTSUP)
    return (OK, found) if is_integer(found, 1) else (_ERROR, _ENOTSUP)


@io.function("columns", 0)
def columns() -> Steps:
    return (yield from _geometry(_STANDARD_IO, _COLUMNS))


@io.function("columns", 1)
def columns_of(device: Term) -> Steps:
    return (yield from _geometry(device, _COLUMNS))


@io.function("rows", 0)
def rows() -> Steps:
    return (yield from _geometry(_STANDARD_IO, _ROWS))


@io.function("printable_range", 0)
def printable_range() -> Term:
    return devices.UNICODE
