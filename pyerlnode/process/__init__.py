"""Processes: mailboxes, links, monitors, exit signals, aliases, names, timers.

`Runtime` holds the processes of one node; the functions of `pyerlnode.process.api`
are what runs in a process and are re-exported here under their OTP names.
"""

from pyerlnode.process.api import *  # noqa: F403  # the API is listed once, in api.__all__
from pyerlnode.process.api import __all__ as _api
from pyerlnode.process.blocking import blocking, in_process, wait
from pyerlnode.process.names import NameRegistry
from pyerlnode.process.process import Behaviour, Process, current_process, current_runtime
from pyerlnode.process.reasons import error_reason, exit_reason, stacktrace
from pyerlnode.process.request import Request
from pyerlnode.process.runtime import (
    ApplyHook,
    Destination,
    Distribution,
    Runtime,
    this_process,
)
from pyerlnode.process.suspension import Suspension
from pyerlnode.process.task import ProcessTask

__all__ = [
    *_api,
    "ApplyHook",
    "Behaviour",
    "Destination",
    "Distribution",
    "NameRegistry",
    "Process",
    "ProcessTask",
    "Request",
    "Runtime",
    "Suspension",
    "blocking",
    "current_process",
    "current_runtime",
    "error_reason",
    "exit_reason",
    "in_process",
    "stacktrace",
    "this_process",
    "wait",
]
