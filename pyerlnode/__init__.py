"""Full Erlang/Elixir cluster nodes in Python.

    async with Node("kate@localhost", cookie="secret"):
        count = await GenServer.call(("Elixir.Counter", "alex@localhost"), Atom("get"))

What programs use is here; the rest is in the packages `term`, `protocol`, `process`,
`node`, `otp` and `services` (docs/design.md).

A name is imported when it is first asked for: `import pyerlnode` costs next to nothing, and a
program that has no Agent does not wait for it.
"""

from __future__ import annotations

import os
from importlib import import_module
from typing import TYPE_CHECKING, Any

if os.environ.get("PYERLNODE_PURE") == "1":
    from pyerlnode._pure import import_sources

    import_sources()

if TYPE_CHECKING:
    from pyerlnode import errors, term
    from pyerlnode.errors import (
        CallTimeout,
        ConfigError,
        ErlangError,
        Exit,
        NodeDown,
        NoProc,
        PyerlnodeError,
        StoreError,
        TermDecodeError,
        TermEncodeError,
        Throw,
        UsageError,
        WorkerDied,
    )
    from pyerlnode.otp import (
        Agent,
        Application,
        ChangeCallbackModule,
        ChildSpec,
        Continue,
        Durable,
        DynamicSupervisor,
        EventTimeout,
        Failure,
        GenServer,
        GenStatem,
        Hibernate,
        Ignore,
        KeepState,
        NextEvent,
        NextState,
        NoReply,
        PartitionSupervisor,
        PopCallbackModule,
        Postpone,
        PushCallbackModule,
        Registry,
        RepeatState,
        Reply,
        ReplyTo,
        StateTimeout,
        Stop,
        StopAndReply,
        Store,
        Supervision,
        Supervisor,
        Table,
        Task,
        TaskSupervisor,
        Timeout,
        child_spec,
        on_call,
        on_cast,
        on_info,
        sys,
    )
    from pyerlnode.process import (
        Runtime,
        alias,
        blocking,
        cancel_timer,
        demonitor,
        erase,
        exit,
        get,
        group_leader,
        in_process,
        is_alive,
        link,
        make_ref,
        monitor,
        monitor_node,
        nodes,
        process_flag,
        put,
        read_timer,
        receive,
        register,
        registered,
        self,
        send,
        send_after,
        spawn,
        spawn_link,
        spawn_monitor,
        spawn_opt,
        spawn_request,
        start_timer,
        this_process,
        unalias,
        unlink,
        unregister,
        wait,
        whereis,
    )
    from pyerlnode.process import node as this_node
    from pyerlnode.services import erpc, io, rpc
    from pyerlnode.services.client import connect
    from pyerlnode.services.flush import flush
    from pyerlnode.services.modules import Module
    from pyerlnode.services.node import Node
    from pyerlnode.services.remote_child import remote_child
    from pyerlnode.term import (
        Atom,
        BitString,
        Export,
        Fun,
        ImproperList,
        Map,
        Pid,
        Port,
        Record,
        Reference,
        charlist,
    )

__all__ = [
    "Agent",
    "Application",
    "Atom",
    "BitString",
    "CallTimeout",
    "ChangeCallbackModule",
    "ChildSpec",
    "ConfigError",
    "Continue",
    "Durable",
    "DynamicSupervisor",
    "ErlangError",
    "EventTimeout",
    "Exit",
    "Export",
    "Failure",
    "Fun",
    "GenServer",
    "GenStatem",
    "Hibernate",
    "Ignore",
    "ImproperList",
    "KeepState",
    "Map",
    "Module",
    "NextEvent",
    "NextState",
    "NoProc",
    "NoReply",
    "Node",
    "NodeDown",
    "PartitionSupervisor",
    "Pid",
    "PopCallbackModule",
    "Port",
    "Postpone",
    "PushCallbackModule",
    "PyerlnodeError",
    "Record",
    "Reference",
    "Registry",
    "RepeatState",
    "Reply",
    "ReplyTo",
    "Runtime",
    "StateTimeout",
    "Stop",
    "StopAndReply",
    "Store",
    "StoreError",
    "Supervision",
    "Supervisor",
    "Table",
    "Task",
    "TaskSupervisor",
    "TermDecodeError",
    "TermEncodeError",
    "Throw",
    "Timeout",
    "UsageError",
    "WorkerDied",
    "alias",
    "blocking",
    "cancel_timer",
    "charlist",
    "child_spec",
    "connect",
    "demonitor",
    "erase",
    "erpc",
    "errors",
    "exit",
    "flush",
    "get",
    "group_leader",
    "in_process",
    "io",
    "is_alive",
    "link",
    "make_ref",
    "monitor",
    "monitor_node",
    "nodes",
    "on_call",
    "on_cast",
    "on_info",
    "process_flag",
    "put",
    "read_timer",
    "receive",
    "register",
    "registered",
    "remote_child",
    "rpc",
    "self",
    "send",
    "send_after",
    "spawn",
    "spawn_link",
    "spawn_monitor",
    "spawn_opt",
    "spawn_request",
    "start_timer",
    "sys",
    "term",
    "this_node",
    "this_process",
    "unalias",
    "unlink",
    "unregister",
    "wait",
    "whereis",
]

# Where a name is that is in none of the packages below, which list theirs in `__all__`.
_ELSEWHERE = {
    "Module": "services.modules:Module",
    "Node": "services.node:Node",
    "connect": "services.client:connect",
    "erpc": "services.erpc",
    "errors": "errors",
    "flush": "services.flush:flush",
    "io": "services.io",
    "remote_child": "services.remote_child:remote_child",
    "rpc": "services.rpc",
    "term": "term",
    "this_node": "process:node",
}
_PACKAGES = ("errors", "term", "process", "otp")


def __getattr__(name: str) -> Any:
    """Import a public name; it is an ordinary attribute from then on."""
    if name not in __all__:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = _imported(name)
    return value


def _imported(name: str) -> Any:
    if name in _ELSEWHERE:
        module, _, attribute = _ELSEWHERE[name].partition(":")
        found = import_module(f"{__name__}.{module}")
        return getattr(found, attribute) if attribute else found
    packages = (import_module(f"{__name__}.{package}") for package in _PACKAGES)
    return next(getattr(package, name) for package in packages if name in package.__all__)


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
