"""Elixir's `Process`, as far as it tells about processes of this node.

Source: Process of Elixir.
Proof: tests/services/test_builtins.py.
"""

from __future__ import annotations

from typing import Any

import pyerlnode.process as processes
from pyerlnode.process import this_process
from pyerlnode.services.builtins import erlang
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.services.process_info import process_info
from pyerlnode.term import Atom, Pid, Term

process = BuiltinModule("Process")

_UNDEFINED = Atom("undefined")

process.export("alive?")(erlang.is_process_alive)
process.export("exit")(processes.exit)
process.export("list")(erlang.all_processes)
process.export("registered")(erlang.registered)


@process.export
def whereis(name: Atom) -> Term:
    return processes.whereis(name)


@process.export
def info(pid: Pid, items: Any = None) -> Term:
    found = process_info(this_process().runtime, pid, items)
    if items == "registered_name" and found == []:
        return (Atom("registered_name"), [])
    return None if found == _UNDEFINED else found
