"""Applications for test_applications.py: `conf_app`, and callbacks that do as they are told.

The callbacks are those of `Apps.Callback` in that file, in Python.
"""

from __future__ import annotations

from typing import Any

from conformance_app import ConfApp

import pyerlnode as erl
from pyerlnode import Application, Atom, ErlangError, Exit, Module, Supervisor, Throw

OK, ERROR = Atom("ok"), Atom("error")

callback = Module("Apps.Callback")


@callback.export
async def start(type: Any, args: Any) -> Any:
    match args:
        case ("error", reason):
            return (ERROR, reason)
        case ("exit", reason):
            raise Exit(reason)
        case ("throw", value):
            raise Throw(value)
        case ("give", value):
            return value
        case ("raise", reason):
            raise ErlangError(reason)
        case ("tell", to, how):
            return await tell(type, to, how)
    raise ErlangError("function_clause")


async def tell(type: Any, to: Any, how: Any) -> Any:
    supervisor = await Supervisor.start_link([], strategy="one_for_one", name="told_sup")
    erl.register("left_behind", erl.spawn(idle))
    own = Application.get_application(supervisor)
    key = Application.get_env("told", "key")
    erl.send(to, (Atom("started"), type, key, Atom("undefined") if own is None else (OK, own)))
    return (OK, supervisor) if how == "plain" else (OK, supervisor, (to, []))


async def idle() -> None:
    await erl.receive(lambda message: False)


@callback.export
def start_phase(phase: Any, type: Any, args: Any) -> Any:
    match args:
        case ("tell", to):
            erl.send(to, (Atom("phase"), phase, type))
            return OK
    return (ERROR, args[1])


@callback.export
def prep_stop(state: Any) -> Any:
    match state:
        case (to, seen):
            erl.send(to, (Atom("prep_stop"), erl.whereis("left_behind") is not None))
            return (to, [Atom("prepared"), *seen])
    return state


@callback.export
def stop(state: Any) -> Any:
    match state:
        case (to, seen):
            erl.send(to, (Atom("stop"), seen))


app = ConfApp
