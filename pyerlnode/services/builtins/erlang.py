"""`erlang`: the functions about this node and its processes.

Source: the module `erlang` of the ERTS reference manual.
Proof: tests/services/test_builtins.py, interop/test_rpc.py.
"""

from __future__ import annotations

import os
import platform
import sys
import threading
import time
from typing import TYPE_CHECKING, Any, Final

import pyerlnode.process as processes
from pyerlnode.errors import BadArg, ErlangError, Exit, Throw
from pyerlnode.process import this_process
from pyerlnode.process.scheduler import schedulers_online
from pyerlnode.process.spawning import apply_export
from pyerlnode.services import evaluator, modules
from pyerlnode.services.local import local_node
from pyerlnode.services.modules import BuiltinModule
from pyerlnode.services.process_info import process_info as info
from pyerlnode.term import Atom, Export, Pid, Port, Reference, Term, charlist

if TYPE_CHECKING:
    from collections.abc import Callable

erlang = BuiltinModule(":erlang")

OTP_RELEASE: Final = "27"
_ERTS_VERSION: Final = "15.0"
_UNDEFINED, _TRUE, _OK = Atom("undefined"), True, Atom("ok")
_FLAGS = ("trap_exit", "async_dist")
_SEND = ("nosuspend", "noconnect")
_FUNCTION_CLAUSE, _NO_COOKIE = Atom("function_clause"), Atom("nocookie")

# --- the node ---------------------------------------------------------------------------


@erlang.export
def node(item: Pid | Port | Reference | None = None) -> Atom:
    return processes.node() if item is None else item.node


@erlang.export
def nodes(kind: Term = None) -> list[Atom]:
    wanted = kind if isinstance(kind, list) else ["visible" if kind is None else kind]
    found: dict[Atom, None] = {}
    here = local_node()
    for each in wanted:
        if each == "this":
            found[processes.node()] = None
        elif each in ("visible", "hidden", "connected", "known"):
            found.update(dict.fromkeys(here.nodes(str(each))))
        else:
            raise BadArg(f"nodes knows no kind {each!r}")
    return list(found)


@erlang.export
def is_alive() -> bool:
    return local_node().is_alive


@erlang.export
def get_cookie() -> Atom:
    """The node's own cookie as long as whoever can ask has it; where single peers have others, `nocookie`."""
    here = local_node()
    return Atom(here.get_cookie()) if here.has_common_cookie else _NO_COOKIE


@erlang.export
def monitor_node(node: Atom, flag: bool) -> bool:
    return processes.monitor_node(node, flag)


@erlang.export
def disconnect_node(node: Atom) -> bool:
    return local_node().disconnect(node)


@erlang.export
def system_info(item: Atom) -> Term:
    found = _SYSTEM.get(item)
    if found is None:
        raise BadArg(f"system_info knows no item {item}")
    return found()


def _version() -> str:
    python = platform.python_version()
    return f"Erlang/OTP {OTP_RELEASE} [pyerlnode on Python {python}]\n"


_SYSTEM: dict[str, Callable[[], Term]] = {
    "async_dist": lambda: False,
    "atom_limit": lambda: Atom.TABLE_LIMIT,
    "creation": lambda: this_process().runtime.creation,
    "dist_buf_busy_limit": lambda: local_node().config.dist_buf_busy_limit,
    "endian": lambda: Atom(sys.byteorder),
    "logical_processors": lambda: os.cpu_count() or Atom("unknown"),
    "logical_processors_online": lambda: os.cpu_count() or Atom("unknown"),
    "machine": lambda: charlist("PYTHON"),
    "otp_release": lambda: charlist(OTP_RELEASE),
    "process_count": lambda: len(this_process().runtime.processes()),
    "process_limit": lambda: 1 << 28,
    "schedulers": schedulers_online,
    "schedulers_online": schedulers_online,
    "smp_support": lambda: True,
    "system_architecture": lambda: charlist(f"{platform.machine()}-{platform.system().lower()}"),
    "system_version": lambda: charlist(_version()),
    "thread_pool_size": threading.active_count,
    "threads": lambda: True,
    "version": lambda: charlist(_ERTS_VERSION),
    "wordsize": lambda: 8,
}


# --- processes ----------------------------------------------------------------------------


@erlang.export("self")
def own_pid() -> Pid:
    return processes.self()


@erlang.export
def whereis(name: Atom) -> Term:
    return processes.whereis(name) or _UNDEFINED


@erlang.export
def registered() -> list[Atom]:
    return processes.registered()


@erlang.export
def register(name: Atom, pid: Pid) -> bool:
    return processes.register(name, pid)


@erlang.export
def unregister(name: Atom) -> bool:
    return processes.unregister(name)


@erlang.export("processes")
def all_processes() -> list[Pid]:
    return [process.pid for process in this_process().runtime.processes()]


@erlang.export
def is_process_alive(pid: Pid) -> bool:
    if not this_process().runtime.is_local(pid):
        raise BadArg("is_process_alive wants a pid of this node")
    return processes.is_alive(pid)


@erlang.export
def process_info(pid: Pid, *items: Term) -> Term:
    if len(items) > 1:
        raise ErlangError(Atom("undef"), [(Atom("erlang"), Atom("process_info"), [pid, *items], [])])
    return info(this_process().runtime, pid, *items)


@erlang.export
def process_flag(flag: Atom, value: Term) -> Term:
    if flag not in _FLAGS or not isinstance(value, bool):
        raise BadArg(f"process_flag knows {' and '.join(_FLAGS)}, not {flag}")
    return processes.process_flag(flag, value)


@erlang.export
def group_leader(leader: Pid | None = None, pid: Pid | None = None) -> Term:
    if leader is None:
        return processes.group_leader()
    if pid is None:
        raise ErlangError(Atom("undef"), [(Atom("erlang"), Atom("group_leader"), [leader], [])])
    processes.group_leader(leader, pid)
    return _TRUE


@erlang.export
def make_ref() -> Reference:
    return processes.make_ref()


@erlang.export
def link(pid: Pid) -> bool:
    return processes.link(pid)


@erlang.export
def unlink(pid: Pid) -> bool:
    return processes.unlink(pid)


@erlang.export
def monitor(kind: Atom, item: Any) -> Reference:
    if kind != "process":
        raise BadArg(f"monitor knows process, not {kind}")
    return processes.monitor(item)


@erlang.export
def demonitor(ref: Reference, options: list[Any] | None = None) -> bool:
    wanted = options or []
    found = processes.demonitor(ref, flush="flush" in wanted)
    return found if "info" in wanted else _TRUE


@erlang.export
def send(to: Any, message: Any, options: Any = None) -> Term:
    return processes.send(to, message) if options is None else send_with(to, message, options)


def send_with(to: Any, message: Any, options: Any) -> Term:
    """`erlang:send/3`: `ok`, or the option that kept it from being sent; BadArg for an unknown one."""
    if not isinstance(options, list) or not all(type(each) is Atom and each in _SEND for each in options):
        raise BadArg(f"send knows the options {' and '.join(_SEND)}, not {options!r}")
    nosuspend, noconnect = (word in options for word in _SEND)
    if not nosuspend and not noconnect:
        processes.send(to, message)
        return _OK
    return processes.send(to, message, nosuspend=nosuspend, noconnect=noconnect)


@erlang.export
def send_nosuspend(to: Any, message: Any, options: list[Any] | None = None) -> bool:
    return send_with(to, message, [Atom("nosuspend"), *(options or [])]) is _OK


@erlang.export("!")
def send_operator(to: Any, message: Any) -> Term:
    return processes.send(to, message)


# --- ends ---------------------------------------------------------------------------------


@erlang.export
def exit(*args: Any) -> bool:
    if len(args) == 1:
        raise Exit(args[0])
    if len(args) != 2:
        raise ErlangError(Atom("undef"), [(Atom("erlang"), Atom("exit"), list(args), [])])
    return processes.exit(*args)


@erlang.export
def error(reason: Any) -> None:
    raise ErlangError(reason)


@erlang.export
def throw(value: Any) -> None:
    raise Throw(value)


# --- functions ----------------------------------------------------------------------------


@erlang.export
async def apply(*given: Any) -> Term:
    match given:
        case (Export() as function, list() as args):
            return await evaluator.call(function, *args)
        case (Atom() as module, Atom() as name, list() as args):
            function = Export(module, name, len(args))
        case (_, list() as args) | (_, _, list() as args):
            function = given[0]
        case _:
            raise BadArg("apply wants a function and a list of arguments")
    return await apply_export(this_process().runtime, function, args)


@erlang.export
def function_exported(module: Atom, function: Atom, arity: int) -> bool:
    return modules.function_exported(module, function, arity)


@erlang.export
def module_loaded(module: Atom) -> bool:
    return modules.is_loaded(module)


# --- time ---------------------------------------------------------------------------------

_NATIVE = Atom("native")
_UNITS = {"second": 1, "millisecond": 10**3, "microsecond": 10**6, "nanosecond": 10**9, "native": 10**9}


def _in_units(nanoseconds: int, unit: Term) -> int:
    parts = unit if type(unit) is int and unit > 0 else _UNITS.get(unit) if isinstance(unit, Atom) else None
    if parts is None:
        raise BadArg(f"{unit!r} is no unit of time")
    return nanoseconds * parts // 10**9


@erlang.export
def system_time(unit: Any = _NATIVE) -> int:
    return _in_units(time.time_ns(), unit)


@erlang.export
def monotonic_time(unit: Any = _NATIVE) -> int:
    return _in_units(time.monotonic_ns(), unit)
