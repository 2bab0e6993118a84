"""A peer for black-box tests: modules, servers and processes that a suite on a BEAM drives.

    pyerlnode run --name peer@127.0.0.1 --cookie secret interop/conformance.py:app

`Conf.Fun` is called by rpc, erpc and spawn; a puppet is a process that does what it is
told and forwards everything else to its owner; `Conf.Server` has one request for each
thing that a GenServer can do.
"""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import conformance_registry
import conformance_supervisors
from conformance_app import ConfApp

import pyerlnode as erl
from pyerlnode import (
    Application,
    Atom,
    Continue,
    ErlangError,
    Exit,
    Failure,
    GenServer,
    Hibernate,
    Ignore,
    Module,
    NoReply,
    Pid,
    Registry,
    Reply,
    Stop,
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

OK, ERROR = Atom("ok"), Atom("error")
UNDEFINED = Atom("undefined")

fun = Module("Conf.Fun")


def seconds(ms: int | Atom) -> float | None:
    return None if isinstance(ms, str) else ms / 1000


def number(value: Any) -> Any:
    if type(value) not in (int, float):
        raise ErlangError("badarith")
    return value


def from_dictionary(key: Any) -> Any:
    value = erl.get(key)
    return None if value == UNDEFINED else value


# --- plain functions ----------------------------------------------------------------------


@fun.export
def add(a: Any, b: Any) -> Any:
    return number(a) + number(b)


@fun.export
def identity(x: Any) -> Any:
    return x


@fun.export
def pair(x: Any) -> Any:
    return (x, x)


@fun.export
def incr_get(x: Any) -> Any:
    return (x, number(x) + 1)


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


@fun.export("group_leader")
def leader() -> Pid:
    return erl.group_leader()


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
def size(data: bytes) -> Any:
    return (Atom("size"), len(data))


@fun.export
def blob(n: int) -> bytes:
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


async def started(start: Awaitable[Pid | None]) -> Any:
    """The result as OTP has it."""
    try:
        pid = await start
    except Exit as exited:
        return (ERROR, exited.reason)
    return Atom("ignore") if pid is None else (OK, pid)


@fun.export("start_server")
async def start_server(arg: Any, *name: Any) -> Any:
    return await started(Server.start(arg, **({"name": name[0]} if name else {})))


@fun.export
async def registry_start(arg: Any, key: Any) -> Any:
    return await started(Server.start(arg, name=Registry.via(conformance_registry.UNIQUE, key)))


@fun.export
async def start_link_server(arg: Any, options: list[Any]) -> Any:
    erl.process_flag("trap_exit", True)
    given = dict(options)
    if "timeout" in given:
        given["timeout"] = seconds(given["timeout"])
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


# --- puppets ------------------------------------------------------------------------------------


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
        result = COMMANDS[name](*args)
        return await result if asyncio.iscoroutine(result) or isinstance(result, Awaitable) else result
    except Exit as exited:
        return (Atom("caught"), Atom("exit"), exited.reason)
    except Throw as thrown:
        return (Atom("caught"), Atom("throw"), thrown.value)
    except Exception as failed:
        return (Atom("caught"), ERROR, error_reason(failed))


def monitor(item: Any, options: Any = ()) -> Any:
    return erl.monitor(item, **{str(key): value for key, value in options})


def demonitor(ref: Any, options: list[Any]) -> bool:
    found = erl.demonitor(ref, flush="flush" in options)
    return found if "info" in options else True


def alias(options: list[Any]) -> Any:
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
    return await erpc.call(node, module, function, args, seconds(timeout))


async def remote_rpc(node: Any, module: Any, function: Any, args: list[Any], timeout: Any) -> Any:
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
    "group_leader": leader,
    "io_puts": io_puts,
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


# --- Conf.Server ----------------------------------------------------------------------------------


class Server(GenServer, module="Elixir.Conf.Server"):
    """OTP's style: patterns in, results out."""

    value: Any
    events: list[Any]
    on_terminate: Any

    def __state__(self) -> dict[Any, Any]:
        return {
            Atom("value"): self.value,
            Atom("events"): self.events,
            Atom("on_terminate"): self.on_terminate,
        }

    def new(self, value: Any, on_terminate: Any = None) -> None:
        self.value, self.events, self.on_terminate = value, [], on_terminate

    async def init(self, arg: Any) -> Any:
        match arg:
            case ("state", value):
                self.new(value)
            case "ignore":
                return Ignore()
            case ("stop", reason):
                return Stop(reason)
            case ("raise", message):
                raise RuntimeError(message.decode())
            case ("exit", reason):
                raise Exit(reason)
            case ("throw", value):
                raise Throw(value)
            case ("throw_ok", value):
                self.new(value)
                raise Throw(None)
            case ("bad", value):
                return value
            case ("hibernate", value):
                self.new(value)
                return Hibernate()
            case ("timeout", ms, pid):
                self.new((Atom("timeout_to"), pid))
                return NoReply(timeout=ms / 1000)
            case ("continue", x, pid):
                self.new((Atom("continue_to"), pid))
                return Continue(x)
            case ("sleep", ms):
                await asyncio.sleep(ms / 1000)
                self.new(Atom("slept"))
            case _:
                return await self.init_observed(arg)

    async def init_observed(self, arg: Any) -> Any:
        match arg:
            case ("announce" | "announce_notrap" as kind, pid, id):
                self.new(id, (pid, id))
            case ("stubborn" as kind, pid, id, ms):
                self.new((Atom("stubborn"), ms), (pid, id))
            case ("flaky", key, n, pid):
                starts = await GenServer.call("conf_counter", (Atom("incr"), key))
                if 1 < starts <= n + 1:
                    erl.send(pid, (Atom("flaked"), key, starts))
                    return Stop("flaky")
                erl.send(pid, (Atom("started"), key, erl.self()))
                return self.new(key)
            case _:
                raise ErlangError("function_clause", [(self.__module_name__, Atom("init"), [arg], [])])
        if kind != "announce_notrap":
            erl.process_flag("trap_exit", True)
        erl.send(pid, (Atom("started"), id, erl.self()))

    async def handle_call(self, request: Any, caller: Any) -> Any:
        match request:
            case ("sleep", ms):
                await asyncio.sleep(ms / 1000)
                return Reply(Atom("slept"))
            case ("call", to, inner, timeout):
                return Reply(await self.call_caught(to, inner, timeout))
            case ("noreply_later", ms, x):
                erl.send_after(ms / 1000, erl.self(), (Atom("reply_now"), caller, x))
                return NoReply()
            case ("reply_from_other", x):
                erl.spawn(reply_to, caller, x)
                return NoReply()
            case ("double_reply", x, y):
                GenServer.reply(caller, x)
                erl.send_after(0.2, erl.self(), (Atom("reply_now"), caller, y))
                return NoReply()
            case ("noreply_continue", x):
                return NoReply(Continue((Atom("reply"), caller, x)))
            case ("noreply_timeout", ms):
                GenServer.reply(caller, OK)
                return NoReply(timeout=ms / 1000)
            case "from":
                return Reply(caller)
        result = self.answered(request)
        if result is None:
            args = [request, caller, self.__state__()]
            raise ErlangError(
                "function_clause", [(Atom("Elixir.Conf.Server"), Atom("handle_call"), args, [])]
            )
        return result

    def answered(self, request: Any) -> Any:
        """The requests that are answered at once; None for one that is none of them."""
        match request:
            case "ping":
                return Reply(Atom("pong"))
            case ("echo", x):
                return Reply(x)
            case "self":
                return Reply(erl.self())
            case "node":
                return Reply(erl.this_node())
            case "group_leader":
                return Reply(erl.group_leader())
            case "state":
                return Reply(self.value)
            case ("put_state", value):
                self.value = value
                return Reply(OK)
            case "events":
                return Reply(self.events)
            case "reset_events":
                self.events = []
                return Reply(OK)
            case ("pdict", key):
                return Reply(from_dictionary(key))
            case ("trap_exit", flag):
                return Reply(erl.process_flag("trap_exit", flag))
            case ("link", pid):
                return Reply(erl.link(pid))
            case ("monitor", item):
                return Reply(erl.monitor(item))
            case ("on_terminate", pid):
                self.on_terminate = pid
                return Reply(OK)
            case ("send", to, message):
                erl.send(to, message)
                return Reply(OK)
            case "never":
                return NoReply()
        return self.ended(request)

    def ended(self, request: Any) -> Any:
        """The requests about results and ends; None for one that is none of them."""
        match request:
            case ("reply_continue", x):
                return Reply(Atom("continuing"), Continue(x))
            case ("reply_timeout", ms):
                return Reply(OK, timeout=ms / 1000)
            case "reply_hibernate":
                return Reply(OK, Hibernate)
            case ("throw_reply", x):
                raise Throw(Reply(x))
            case ("stop", reason, reply):
                return Stop(reason, reply)
            case ("stop_noreply", reason):
                return Stop(reason)
            case "crash":
                raise RuntimeError("conf crash")
            case ("crash_error", reason):
                raise ErlangError(reason)
            case ("crash_exit", reason):
                raise Exit(reason)
            case ("crash_throw", value):
                raise Throw(value)
            case "bad_return":
                return Atom("oops_bad")
        return None

    async def call_caught(self, to: Any, request: Any, timeout: Any) -> Any:
        try:
            return (OK, await GenServer.call(to, request, seconds(timeout)))
        except Exit as exited:
            return (Atom("caught"), Atom("exit"), exited.reason)
        except BadArg as failed:
            return (Atom("caught"), ERROR, error_reason(failed))

    def handle_cast(self, request: Any) -> Any:
        match request:
            case ("event", x):
                return self.event((Atom("cast"), x))
            case ("notify", pid, x):
                erl.send(pid, (Atom("cast_got"), erl.self(), x))
                return NoReply()
            case ("put_state", value):
                self.value = value
                return NoReply()
            case ("stop", reason):
                return Stop(reason)
            case "crash":
                raise RuntimeError("conf crash")
            case "bad_return":
                return Atom("oops_bad")
            case ("continue", x):
                return Continue(x)
            case ("throw_noreply", x):
                raise Throw(self.event((Atom("thrown"), x)))
            case ("timeout", ms):
                return NoReply(timeout=ms / 1000)
        args = [request, self.__state__()]
        raise ErlangError("function_clause", [(Atom("Elixir.Conf.Server"), Atom("handle_cast"), args, [])])

    def handle_continue(self, arg: Any) -> Any:
        match arg, self.value:
            case ("reply", caller, x), _:
                GenServer.reply(caller, x)
                return NoReply()
            case x, ("continue_to", pid):
                erl.send(pid, (Atom("continued"), erl.self(), x))
                return NoReply()
        return self.event((Atom("continue"), arg))

    def handle_info(self, message: Any) -> Any:
        match message, self.value:
            case "timeout", ("timeout_to", pid):
                erl.send(pid, (Atom("init_timeout"), erl.self()))
                return NoReply()
            case ("reply_now", caller, x), _:
                GenServer.reply(caller, x)
                return NoReply()
            case ("notify", pid, x), _:
                erl.send(pid, (Atom("info_got"), erl.self(), x))
                return NoReply()
            case "info_stop", _:
                return Stop("info_stopped")
            case "info_crash", _:
                raise RuntimeError("conf crash")
            case "info_bad", _:
                return Atom("oops_bad")
        return self.event((Atom("info"), message))

    def event(self, event: Any) -> NoReply:
        self.events = [*self.events, event]
        return NoReply()

    async def terminate(self, reason: Any) -> None:
        match self.on_terminate:
            case (pid, id):
                erl.send(pid, (Atom("terminated"), id, erl.self(), reason))
            case Pid() as pid:
                erl.send(pid, (Atom("terminated"), erl.self(), reason))
        match self.value:
            case ("stubborn", ms):
                await asyncio.sleep(ms / 1000)

    def format_status(self, status: dict[str, Any]) -> dict[str, Any]:
        return {**status, "state": (Atom("formatted"), self.value)}

    def code_change(self, old_version: Any, extra: Any) -> Failure | None:
        self.value = (Atom("changed"), old_version, extra)
        return None


async def reply_to(caller: Any, value: Any) -> None:
    GenServer.reply(caller, value)


server = Module("Conf.Server")


@server.export("start_link")
async def start_link(arg: Any, *name: Any) -> Any:
    return await started(Server.start_link(arg, **({"name": name[0]} if name else {})))


class Counter(GenServer, module="Elixir.Conf.Counter"):
    """A count per key."""

    def init(self) -> None:
        self.counts: dict[Any, int] = {}

    @erl.on_call
    def incr(self, key: Any) -> int:
        count = self.counts[key] = self.counts.get(key, 0) + 1
        return count

    @erl.on_call("get")
    def count(self, key: Any) -> int:
        return self.counts.get(key, 0)


class Conformance(Application):
    """Everything that the suite expects to be there."""

    async def start(self, type: Atom, args: Any) -> Pid | None:
        pg.start()
        root = await Supervisor.start_link(
            [
                {"id": "counter", "start": (Counter.start_link, [], {"name": "conf_counter"})},
                (Server, (Atom("state"), Atom("initial")), {"name": "conf_server"}),
                *conformance_supervisors.CHILDREN,
                *conformance_registry.CHILDREN,
            ],
            strategy="one_for_one",
            max_restarts=conformance_supervisors.INTENSITY,
            name="conf_root",
        )
        await Application.start(ConfApp)
        return root


app = Conformance
