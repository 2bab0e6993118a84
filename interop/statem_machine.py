"""The machine of statem_machine.erl, in Python: it does what it is told, and remembers every event."""

from __future__ import annotations

from typing import Any

import pyerlnode as erl
from pyerlnode import (
    Application,
    Atom,
    ChangeCallbackModule,
    ErlangError,
    EventTimeout,
    Exit,
    GenStatem,
    Hibernate,
    KeepState,
    Module,
    NextEvent,
    NextState,
    Pid,
    PopCallbackModule,
    Postpone,
    PushCallbackModule,
    RepeatState,
    ReplyTo,
    StateTimeout,
    Stop,
    StopAndReply,
    Throw,
    Timeout,
)
from pyerlnode.otp.statem.gen_statem import start_machine


def action(caller: Any, term: Any) -> Any:
    """The action that Erlang writes so."""
    match term:
        case "postpone":
            return Postpone()
        case "hibernate":
            return Hibernate()
        case "pop_callback_module":
            return PopCallbackModule()
        case ("reply", value):
            return ReplyTo(caller, value)
        case ("next_event", event, content):
            return NextEvent(event, content)
        case ("change_callback_module", "statem_other"):
            return ChangeCallbackModule(Other)
        case ("push_callback_module", "statem_other"):
            return PushCallbackModule(Other)
        case (event, "cancel"):
            return timeout(event, None, None)
        case (event, "update", content):
            return update(event, content)
        case (event, milliseconds, content):
            return timeout(event, milliseconds / 1000, content)
    raise ValueError(f"no such action: {term!r}")


def timeout(event: Any, seconds: float | None, content: Any) -> Any:
    if event == "state_timeout":
        return StateTimeout(seconds, content)
    if event == "timeout":
        return EventTimeout(seconds, content)
    return Timeout(event[1], seconds, content)


def update(event: Any, content: Any) -> Any:
    if event == "state_timeout":
        return StateTimeout.update(content)
    if event == "timeout":
        return EventTimeout.update(content)
    return Timeout.update(event[1], content)


def result(kind: Any, argument: Any, actions: list[Any], data: Machine) -> Any:
    match kind:
        case "next_state":
            return NextState(argument, *actions)
        case "keep_state":
            return KeepState(*actions)
        case "repeat_state":
            return RepeatState(*actions)
        case "stop":
            return Stop(argument)
        case "stop_and_reply":
            return StopAndReply(argument, *actions)
        case "entering":
            data.entering = argument
            return KeepState(*actions)
        case "fail":
            raise ErlangError(argument)
        case "exit":
            raise Exit(argument)
        case "throw":
            raise Throw(NextState(argument, *actions))
    raise ValueError(f"no such result: {kind!r}")


class Machine(GenStatem, module="statem_machine"):
    callback_mode = ("state_functions", "state_enter")

    def init(self, options: Any) -> Any:
        for name, value in options.items():
            setattr(self, name, value)
        self.events: list[Any] = []
        return NextState("a", *(action(None, term) for term in options.get(Atom("first"), [])))

    def a(self, event: Any, content: Any) -> Any:
        return self.event(event, content, Atom("a"))

    async def b(self, event: Any, content: Any) -> Any:
        match event, content:
            case ((("call", _) | "cast"), ("later", _)):
                return KeepState(Postpone())
        return self.event(event, content, Atom("b"))

    def event(self, event: Any, content: Any, state: Any) -> Any:
        match event, content:
            case ("call", caller), ("run", kind, argument, actions):
                self.events.append((Atom("call"), Atom("run"), state))
                return result(kind, argument, [action(caller, term) for term in actions], self)
            case "cast", ("run", kind, argument, actions):
                self.events.append((Atom("cast"), Atom("run"), state))
                return result(kind, argument, [action(None, term) for term in actions], self)
            case ("call", caller), request:
                self.events.append((Atom("call"), request, state))
                return KeepState(ReplyTo(caller, (state, request)))
        self.events.append((event, content, state))
        if event == "enter" and hasattr(self, "entering"):
            return KeepState(*(action(None, term) for term in self.entering))
        return None

    def terminate(self, reason: Any, state: Any) -> None:
        if hasattr(self, "report"):
            erl.send(self.report, (Atom("terminate"), reason, state))

    def code_change(self, old_version: Any, state: Any, extra: Any) -> Any:
        match extra:
            case ("go", following):
                self.events.append((Atom("code_change"), old_version, state))
                return NextState(following)
            case ("refuse", reason):
                return reason


class Other(Machine, module="statem_other"):
    callback_mode = "handle_event_function"

    def init(self, options: Any) -> Any:
        super().init(options)
        return NextState((Atom("at"), 1))

    def handle_event(self, event: Any, content: Any, state: Any) -> Any:
        return self.event(event, content, (Atom("other"), state))


starter = Module(":statem_starter")


@starter.export
async def start(module: Atom, options: Any) -> Any:
    return await start_machine({"statem_machine": Machine, "statem_other": Other}[module], (options,))


@starter.export
async def start_named(name: Atom, options: Any) -> Any:
    return await start_machine(Machine, (options,), name=name)


class Machines(Application):
    async def start(self, type: Atom, args: Any) -> Pid | None:
        return None


app = Machines
