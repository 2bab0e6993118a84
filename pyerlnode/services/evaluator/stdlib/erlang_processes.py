"""`erlang`: what is about processes and identifiers, beyond what any node answers.

The functions that other nodes may call by rpc too (`register/2`, `link/1`, `process_info/2`, ...)
are in `services/builtins/erlang.py`, where the evaluator finds them.

Source: module `erlang` of the ERTS reference manual (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang_processes.py.
"""

from __future__ import annotations

import re
from typing import Any, Final

import pyerlnode.process as processes
from pyerlnode.errors import BadArg
from pyerlnode.process import this_process
from pyerlnode.services.evaluator.stdlib.arguments import badarg, listed
from pyerlnode.services.evaluator.stdlib.erlang_conversions import text_of_list
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Export, Fun, Pid, Port, Reference, Term, charlist, to_erlang

erlang = Library("erlang", group="process")

_PROCESS, _TAG, _ALIAS = Atom("process"), Atom("tag"), Atom("alias")
_EXTERNAL, _LOCAL, _UNDEFINED = Atom("external"), Atom("local"), Atom("undefined")
_PID: Final = re.compile(r"<0\.(\d{1,10})\.(\d{1,10})>")


# --- monitors and aliases -----------------------------------------------------------------------


@erlang.function("monitor", 3)
def monitor(kind: Term, item: Term, options: Term) -> Term:
    if kind is not _PROCESS:
        raise badarg()
    tag: Term = Atom("DOWN")
    mode: str | None = None
    for option in listed(options):
        match option:
            case (Atom() as name, value) if name is _TAG:
                tag = value
            case (Atom() as name, Atom() as value) if name is _ALIAS:
                mode = str(value)
            case _:
                raise badarg()
    try:
        return processes.monitor(item, alias=mode, tag=tag)
    except BadArg:
        raise badarg() from None


@erlang.function("alias", 0)
def alias() -> Term:
    return processes.alias()


@erlang.function("alias", 1)
def alias_by(options: Term) -> Term:
    given = listed(options)
    if any(option not in ("reply", "explicit_unalias") for option in given):
        raise badarg()
    return processes.alias(reply="reply" in given)


@erlang.function("unalias", 1)
def unalias(ref: Term) -> Term:
    if not isinstance(ref, Reference):
        raise badarg()
    return processes.unalias(ref)


@erlang.function("yield", 0)
def give_way() -> Term:
    return True


@erlang.function("garbage_collect", 0)
def garbage_collect() -> Term:
    return True


# --- identifiers as text --------------------------------------------------------------------------


def _shown(value: Any, kind: type) -> Term:
    if not isinstance(value, (Pid, Reference, Port)) or type(value) is not kind:
        raise badarg()
    here = processes.node()
    # A BEAM numbers the other nodes; 0 is the node itself.
    local = value.node == here
    return charlist(to_erlang(value, node_number=(lambda *_: 0) if local else None))


@erlang.function("pid_to_list", 1)
def pid_to_list(pid: Term) -> Term:
    return _shown(pid, Pid)


@erlang.function("ref_to_list", 1)
def ref_to_list(ref: Term) -> Term:
    return _shown(ref, Reference)


@erlang.function("port_to_list", 1)
def port_to_list(port: Term) -> Term:
    return _shown(port, Port)


@erlang.function("fun_to_list", 1)
def fun_to_list(fun: Term) -> Term:
    if not isinstance(fun, (Fun, Export)):
        raise badarg()
    return charlist(to_erlang(fun))


@erlang.function("list_to_pid", 1)
def list_to_pid(text: Term) -> Term:
    found = _PID.fullmatch(text_of_list(text))
    if found is None or max(map(int, found.groups())) >= 2**32:
        raise badarg()
    runtime = this_process().runtime
    return Pid(runtime.name, int(found[1]), int(found[2]), runtime.creation)


# --- funs -----------------------------------------------------------------------------------------


def _facts(fun: Term) -> dict[str, Term]:
    if isinstance(fun, Export):
        return {
            "module": fun.module,
            "name": fun.function,
            "arity": fun.arity,
            "env": [],
            "type": _EXTERNAL,
        }
    if not isinstance(fun, Fun):
        raise badarg()
    return {
        "pid": fun.pid,
        "module": fun.module,
        "new_index": fun.index,
        "new_uniq": fun.uniq,
        "index": fun.old_index,
        "uniq": fun.old_uniq,
        "name": Atom(f"-expr/5-fun-{fun.index}-"),
        "arity": fun.arity,
        "env": list(fun.free),
        "type": _LOCAL,
    }


@erlang.function("fun_info", 1)
def fun_info(fun: Term) -> Term:
    return [(Atom(name), value) for name, value in _facts(fun).items()]


@erlang.function("fun_info", 2)
def fun_info_of(fun: Term, item: Term) -> Term:
    known = ("pid", "module", "new_index", "new_uniq", "index", "uniq", "name", "arity", "env", "type")
    if not isinstance(item, Atom) or item not in known:
        raise badarg()
    return (item, _facts(fun).get(str(item), _UNDEFINED))
