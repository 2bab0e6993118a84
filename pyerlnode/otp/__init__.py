"""OTP's behaviours in Python; each is imported when it is first asked for."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from pyerlnode.otp import proc_lib, sys
    from pyerlnode.otp.agent import Agent
    from pyerlnode.otp.application.behaviour import Application
    from pyerlnode.otp.dispatch import on_call, on_cast, on_info
    from pyerlnode.otp.ets.table import Table
    from pyerlnode.otp.gen import Caller, ServerRef
    from pyerlnode.otp.gen_server import GenServer
    from pyerlnode.otp.registry.client import Registry
    from pyerlnode.otp.results import Continue, Failure, Hibernate, Ignore, NoReply, Reply, Stop
    from pyerlnode.otp.statem.gen_statem import GenStatem
    from pyerlnode.otp.statem.results import (
        ChangeCallbackModule,
        EventTimeout,
        KeepState,
        NextEvent,
        NextState,
        PopCallbackModule,
        Postpone,
        PushCallbackModule,
        RepeatState,
        ReplyTo,
        StateTimeout,
        StopAndReply,
        Timeout,
    )
    from pyerlnode.otp.store import Durable, Store
    from pyerlnode.otp.supervisor.child_spec import ChildSpec, child_spec
    from pyerlnode.otp.supervisor.dynamic_supervisor import DynamicSupervisor
    from pyerlnode.otp.supervisor.partition_supervisor import PartitionSupervisor
    from pyerlnode.otp.supervisor.supervisor import Supervision, Supervisor
    from pyerlnode.otp.task.supervisor import TaskSupervisor
    from pyerlnode.otp.task.task import Task

__all__ = [
    "Agent",
    "Application",
    "Caller",
    "ChangeCallbackModule",
    "ChildSpec",
    "Continue",
    "Durable",
    "DynamicSupervisor",
    "EventTimeout",
    "Failure",
    "GenServer",
    "GenStatem",
    "Hibernate",
    "Ignore",
    "KeepState",
    "NextEvent",
    "NextState",
    "NoReply",
    "PartitionSupervisor",
    "PopCallbackModule",
    "Postpone",
    "PushCallbackModule",
    "Registry",
    "RepeatState",
    "Reply",
    "ReplyTo",
    "ServerRef",
    "StateTimeout",
    "Stop",
    "StopAndReply",
    "Store",
    "Supervision",
    "Supervisor",
    "Table",
    "Task",
    "TaskSupervisor",
    "Timeout",
    "child_spec",
    "on_call",
    "on_cast",
    "on_info",
    "proc_lib",
    "sys",
]

# Name -> the module that it is in.
_HOMES = {
    "Agent": "agent",
    "Application": "application.behaviour",
    "on_call": "dispatch",
    "on_cast": "dispatch",
    "on_info": "dispatch",
    "Table": "ets.table",
    "Caller": "gen",
    "ServerRef": "gen",
    "GenServer": "gen_server",
    "Registry": "registry.client",
    "Continue": "results",
    "Failure": "results",
    "Hibernate": "results",
    "Ignore": "results",
    "NoReply": "results",
    "Reply": "results",
    "Stop": "results",
    "GenStatem": "statem.gen_statem",
    "ChangeCallbackModule": "statem.results",
    "EventTimeout": "statem.results",
    "KeepState": "statem.results",
    "NextEvent": "statem.results",
    "NextState": "statem.results",
    "PopCallbackModule": "statem.results",
    "Postpone": "statem.results",
    "PushCallbackModule": "statem.results",
    "RepeatState": "statem.results",
    "ReplyTo": "statem.results",
    "StateTimeout": "statem.results",
    "StopAndReply": "statem.results",
    "Timeout": "statem.results",
    "Durable": "store",
    "Store": "store",
    "ChildSpec": "supervisor.child_spec",
    "child_spec": "supervisor.child_spec",
    "DynamicSupervisor": "supervisor.dynamic_supervisor",
    "PartitionSupervisor": "supervisor.partition_supervisor",
    "Supervision": "supervisor.supervisor",
    "Supervisor": "supervisor.supervisor",
    "TaskSupervisor": "task.supervisor",
    "Task": "task.task",
}


def __getattr__(name: str) -> Any:
    """Import a public name; it is an ordinary attribute from then on."""
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = globals()[name] = getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
