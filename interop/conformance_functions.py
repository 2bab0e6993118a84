"""`Conf.Fun`: what a suite calls by rpc, erpc and spawn, and gives as functions."""

from __future__ import annotations

import asyncio
import sys
from contextlib import suppress
from typing import Any

import conformance_registry
from conformance_puppet import puppet, sink
from conformance_server import Server
from conformance_terms import OK, from_dictionary, seconds, started

import pyerlnode as erl
from pyerlnode import Atom, BitString, ErlangError, Exit, Module, Pid, Registry, Throw, io

fun = Module("Conf.Fun")


def failed(reason: str, function: str, *args: Any, module: str = "erlang") -> ErlangError:
    """The error of a function of Erlang's that a function of this module calls with the wrong arguments."""
    caller = sys._getframe(1).f_code
    here = (Atom("Elixir.Conf.Fun"), Atom(caller.co_name), caller.co_argcount, [])
    return ErlangError(Atom(reason), [(Atom(module), Atom(function), list(args), []), here])


@fun.export
def add(a: Any, b: Any) -> Any:
    if type(a) in (int, float) and type(b) in (int, float):
        with suppress(OverflowError):
            return a + b
    raise failed("badarith", "+", a, b)


@fun.export
def identity(x: Any) -> Any:
    return x


@fun.export
def pair(x: Any) -> Any:
    return (x, x)


@fun.export
def incr_get(x: Any) -> Any:
    return (x, add(x, 1))


@fun.export
def put(_old: Any, new: Any) -> Any:
    return new


@fun.export
def wrap_ok(_: Any) -> Atom:
    return Atom("wrapped_ok")


@fun.export
def wrap(state: dict[Any, Any]) -> Any:
    return {**state, Atom("value"): (Atom("wrapped"), state[Atom("value")])}


@fun.export
def ping() -> Atom:
    return Atom("pong")


fun.export("node")(erl.this_node)
fun.export("self")(erl.self)


fun.export("group_leader")(erl.group_leader)


@fun.export
def callers() -> Any:
    return from_dictionary(Atom("$callers"))


@fun.export
def ancestors() -> Any:
    return from_dictionary(Atom("$ancestors"))


@fun.export
def initial_call() -> Any:
    return from_dictionary(Atom("$initial_call"))


# --- the three classes ----------------------------------------------------------------------


@fun.export("raise")
def raise_(message: str) -> None:
    raise RuntimeError(message)


@fun.export
def error(reason: Any) -> None:
    raise ErlangError(reason)


@fun.export("exit")
def exit_(reason: Any) -> None:
    raise Exit(reason)


@fun.export
def throw(value: Any) -> None:
    raise Throw(value)


# --- time -----------------------------------------------------------------------------------


@fun.export
async def sleep(ms: int) -> Atom:
    await asyncio.sleep(ms / 1000)
    return Atom("slept")


@fun.export
async def sleep_then(ms: int, value: Any) -> Any:
    await asyncio.sleep(ms / 1000)
    return value


@fun.export
async def hang() -> None:
    await erl.receive(lambda message: False)


# --- messages ---------------------------------------------------------------------------------


@fun.export
def notify(pid: Any, message: Any) -> Any:
    return erl.send(pid, message)


@fun.export
def notify_self(pid: Any, tag: Any) -> Atom:
    erl.send(pid, (tag, erl.self()))
    return OK


@fun.export
async def notify_hang(pid: Any, tag: Any) -> None:
    erl.send(pid, (tag, erl.self()))
    await hang()


@fun.export
def size(data: Any) -> Any:
    if isinstance(data, BitString):
        return (Atom("size"), len(data.data))
    if not isinstance(data, bytes):
        raise failed("badarg", "byte_size", data)
    return (Atom("size"), len(data))


@fun.export
def blob(n: Any) -> bytes:
    if type(n) is not int or n < 0:
        raise failed("badarg", "copy", b"\x07", n, module="binary")
    return b"\x07" * n


@fun.export
async def flood(to: Any, n: int) -> Atom:
    for i in range(1, n + 1):
        erl.send(to, (Atom("n"), i))
    return OK


# --- io ---------------------------------------------------------------------------------------


@fun.export
async def io_puts(text: str) -> Atom:
    return await io.puts(text)


@fun.export
async def io_write(term: Any) -> Any:
    return await io.inspect(term)


@fun.export
async def io_gets(prompt: str) -> Any:
    line = await io.gets(prompt)
    return Atom("eof") if line is None else line


# --- starting things, never linked to the caller ------------------------------------------------


@fun.export("start_server")
async def start_server(arg: Any, *name: Any) -> Any:
    return await started(Server.start(arg, **({"name": name[0]} if name else {})))


@fun.export
async def registry_start(arg: Any, key: Any) -> Any:
    return await started(Server.start(arg, name=Registry.via(conformance_registry.UNIQUE, key)))


@fun.export
async def start_link_server(arg: Any, options: list[Any]) -> Any:
    erl.process_flag("trap_exit", True)
    given = {key: value for key, value in options if key in ("name", "timeout", "debug", "hibernate_after")}
    for time in given.keys() & {"timeout", "hibernate_after"}:
        given[time] = seconds(given[time])
    result = await started(Server.start_link(arg, **given))
    try:
        message: Any = await erl.receive(lambda m: isinstance(m, tuple) and m[0] == "EXIT", timeout=0.3)
        exits = [message[2]]
    except TimeoutError:
        exits = []
    if result[0] == OK:
        erl.unlink(result[1])
    return (result, exits)


@fun.export
async def start_timeout(arg: Any, ms: int) -> Any:
    return await started(Server.start(arg, timeout=ms / 1000))


@fun.export("puppet")
def start_puppet(owner: Pid) -> Pid:
    return erl.spawn(puppet, owner)


@fun.export("sink")
def start_sink(owner: Pid, n: int) -> Pid:
    return erl.spawn(sink, owner, n)
