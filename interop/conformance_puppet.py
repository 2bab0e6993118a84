"""Puppets: processes that do what they are told and forward everything else to their owner."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import conformance_registry
from conformance_terms import ERROR, OK, UNDEFINED, from_dictionary, is_timeout, seconds

import pyerlnode as erl
from pyerlnode import (
    Atom,
    ErlangError,
    Exit,
    GenServer,
    Pid,
    Supervisor,
    Task,
    TaskSupervisor,
    Throw,
    erpc,
    io,
    rpc,
)
from pyerlnode.errors import BadArg
from pyerlnode.process import error_reason
from pyerlnode.services import global_, net_kernel, pg
from pyerlnode.services.local import local_node


async def sink(owner: Pid, n: int) -> None:
    for i in range(1, n + 1):
        message = await erl.receive()
        if message != (Atom("n"), i):
            erl.send(owner, (Atom("sink_bad"), erl.self(), i, message))
            return
    erl.send(owner, (Atom("sink_ok"), erl.self(), n))


async def puppet(owner: Pid) -> None:
    """Does what it is told, forwards everything else."""
    while True:
        match await erl.receive():
            case ("cmd", _, _, ("die", reason)):
                raise Exit(reason)
            case ("cmd", _, _, ("error", reason)):
                raise ErlangError(reason)
            case ("cmd", _, _, ("throw", value)):
                raise Throw(value)
            case ("cmd", _, _, "return"):
                return
            case ("cmd", sender, ref, command):
                erl.send(sender, (ref, await obeyed(command)))
            case message:
                erl.send(owner, (Atom("fwd"), erl.self(), message))


async def obeyed(command: Any) -> Any:
    try:
        name, *args = command if isinstance(command, tuple) else (command,)
        if name not in COMMANDS:
            raise ErlangError("function_clause")
        result = COMMANDS[name](*args)
        return await result if asyncio.iscoroutine(result) or isinstance(result, Awaitable) else result
    except Exit as exited:
        return (Atom("caught"), Atom("exit"), exited.reason)
    except Throw as thrown:
        return (Atom("caught"), Atom("throw"), thrown.value)
    except Exception as failed:
        return (Atom("caught"), ERROR, error_reason(failed))


def monitor(item: Any, options: Any = ()) -> Any:
    given = dict(options)
    if not given.keys() <= {"alias", "tag"}:
        raise BadArg(f"monitor has the options alias and tag. Got: {options!r}")
    return erl.monitor(item, **given)


def check_options(options: Any, known: set[str]) -> None:
    if not isinstance(options, list) or any(option not in known for option in options):
        raise BadArg(f"expected a list of {known}. Got: {options!r}")


def demonitor(ref: Any, options: list[Any]) -> bool:
    check_options(options, {"flush", "info"})
    found = erl.demonitor(ref, flush="flush" in options)
    return found if "info" in options else True


def alias(options: Any) -> Any:
    check_options(options, {"explicit_unalias", "reply"})
    return erl.alias(reply="reply" in options)


def sends(to: Any, messages: list[Any]) -> Atom:
    for message in messages:
        erl.send(to, message)
    return OK


async def call(to: Any, request: Any, timeout: Any) -> Any:
    return await GenServer.call(to, request, seconds(timeout))


async def multi_call(nodes: list[Any], name: Any, request: Any, timeout: Any) -> Any:
    return await GenServer.multi_call(name, request, nodes, seconds(timeout))


async def stop(to: Any, reason: Any, timeout: Any) -> Any:
    return await GenServer.stop(to, reason, seconds(timeout))


async def task_async(supervisor: Any, module: Any, function: Any, args: list[Any]) -> Any:
    return await Task.await_(await TaskSupervisor.async_nolink(supervisor, module, function, args))


async def remote(node: Any, module: Any, function: Any, args: list[Any], timeout: Any) -> Any:
    if not isinstance(node, Atom) or not isinstance(args, list) or not is_timeout(timeout):
        raise ErlangError((Atom("erpc"), Atom("badarg")))
    return await erpc.call(node, module, function, args, seconds(timeout))


async def remote_rpc(node: Any, module: Any, function: Any, args: list[Any], timeout: Any) -> Any:
    if not isinstance(node, Atom) or not isinstance(args, list) or not is_timeout(timeout):
        raise BadArg("rpc:call(Node, M, F, Args, Timeout)")
    return await rpc.result(node, module, function, args, seconds(timeout))


async def global_register(name: Any) -> Atom:
    return Atom("yes" if await global_.register_name(name, erl.self()) else "no")


async def global_unregister(name: Any) -> Atom:
    await global_.unregister_name(name)
    return OK


def send_after(to: Any, message: Any, ms: int) -> Any:
    return erl.send_after(ms / 1000, to, message)


def start_timer(ms: int, to: Any, message: Any) -> Any:
    return erl.start_timer(ms / 1000, to, message)


def left(read: Callable[[Any], float | None]) -> Callable[[Any], Any]:
    def milliseconds(ref: Any) -> Any:
        time = read(ref)
        return False if time is None else round(time * 1000)

    return milliseconds


def put_in_dictionary(key: Any, value: Any) -> Any:
    old = erl.put(key, value)
    return None if old == UNDEFINED else old


def queue_len() -> Any:
    mailbox = erl.this_process().mailbox
    return (Atom("message_queue_len"), 0 if mailbox is None else len(mailbox))


async def take(tag: Any, ms: int) -> Any:
    def tagged(message: Any) -> bool:
        return isinstance(message, tuple) and len(message) == 2 and bool(message[0] == tag)

    try:
        message: Any = await erl.receive(tagged, timeout=ms / 1000)
    except TimeoutError:
        return Atom("timeout")
    return (Atom("taken"), message[1])


async def sleep_send(ms: int, to: Any, message: Any) -> Any:
    await asyncio.sleep(ms / 1000)
    return erl.send(to, message)


async def pile_demonitor(ms: int, ref: Any, options: list[Any]) -> bool:
    await asyncio.sleep(ms / 1000)
    return demonitor(ref, options)


async def pile(ms: int) -> Atom:
    await asyncio.sleep(ms / 1000)
    return Atom("piled")


COMMANDS: dict[str, Callable[..., Any]] = {
    "abcast": lambda nodes, name, request: GenServer.abcast(name, request, nodes),
    "alias": alias,
    "bag_register": conformance_registry.bag_register,
    "call": call,
    "cancel_timer": left(erl.cancel_timer),
    "cast": GenServer.cast,
    "connect": lambda node: local_node().connect(node),
    "demonitor": demonitor,
    "disconnect": net_kernel.disconnect,
    "erpc": remote,
    "exit": erl.exit,
    "get": from_dictionary,
    "global_register": global_register,
    "global_send": global_.send,
    "global_unregister": global_unregister,
    "global_whereis": lambda name: global_.whereis_name(name) or UNDEFINED,
    "group_leader": erl.group_leader,
    "io_puts": io.puts,
    "link": erl.link,
    "monitor": monitor,
    "monitor_node": erl.monitor_node,
    "monitor_nodes": net_kernel.monitor_nodes,
    "multi_call": multi_call,
    "nodes": erl.nodes,
    "pg_join": lambda group: pg.join(group, erl.self()),
    "pg_leave": lambda group: pg.leave(group, erl.self()),
    "pg_local_members": pg.get_local_members,
    "pg_members": pg.get_members,
    "pile": pile,
    "pile_demonitor": pile_demonitor,
    "put": put_in_dictionary,
    "queue_len": queue_len,
    "read_timer": left(erl.read_timer),
    "register": lambda name: erl.register(name, erl.self()),
    "rpc": remote_rpc,
    "self": erl.self,
    "send": erl.send,
    "send_after": send_after,
    "sends": sends,
    "sleep_send": sleep_send,
    "spawn": erl.spawn,
    "spawn_link": erl.spawn_link,
    "spawn_monitor": erl.spawn_monitor,
    "start_timer": start_timer,
    "stop": stop,
    "take": take,
    "task_async": task_async,
    "trap_exit": lambda flag: erl.process_flag("trap_exit", flag),
    "unalias": erl.unalias,
    "unlink": erl.unlink,
    "unregister": erl.unregister,
    "whereis": erl.whereis,
    "which_children": Supervisor.which_children,
}
