"""OTP's behaviours in Python."""

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
