"""`Conf.Server`: one request for each thing that a GenServer can do.  And `Conf.Counter`."""

from __future__ import annotations

import asyncio
from typing import Any

from conformance_terms import ERROR, OK, from_dictionary, seconds, started

import pyerlnode as erl
from pyerlnode import (
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
    Reply,
    Stop,
    Throw,
)
from pyerlnode.errors import BadArg
from pyerlnode.process import error_reason


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
                raise Throw(returned(value))
            case ("throw_ok", value):
                self.new(value)
                raise Throw(None)
            case ("bad", value):
                return returned(value)
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
                raise ErlangError("function_clause", [(Atom("Elixir.Conf.Server"), Atom("init"), [arg], [])])
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
            # Here, so that handle_call is the first frame of the stack.
            case "crash":
                raise RuntimeError("conf crash")
            case ("crash_error", reason):
                raise ErlangError(reason)
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


def returned(value: Any) -> Any:
    """What `init` returns in Python for what it has returned, or thrown, in Erlang."""
    match value:
        case "ignore":
            return Ignore()
        case ("stop", reason):
            return Stop(reason)
        case ("error", reason):
            return Failure(reason)
        case None:
            raise Exit((Atom("bad_return_value"), None))
    return value


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
