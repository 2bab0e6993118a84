"""The events of `sys` as text, as OTP prints them: what stands behind `*DBG* Name`.

Source: print_event of gen_server.erl and gen_statem.erl.
Proof: tests/otp/test_sys.py, interop/test_sys.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pyerlnode.otp import gen
from pyerlnode.otp.readable import readable
from pyerlnode.term import Pid, Term, to_erlang

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["event_text", "name_text"]

Event = tuple[Any, ...]


def name_text(name: Term) -> str:
    """A server's name, or its own pid as a node writes its own."""
    return f"<0.{name.id}.{name.serial}>" if isinstance(name, Pid) else to_erlang(name)


def event_text(module: str, event: Event, own: Term) -> str:
    """An event of a server of the behaviour `module`; `own` is the name of its node."""
    return _TEXTS.get(module, _gen_server)(event, own)


def _text(term: Any) -> str:
    return to_erlang(readable(term))


def _who(pid: Term, own: Term) -> str:
    return name_text(pid) if isinstance(pid, Pid) and pid.node == own else _text(pid)


def _gen_server(event: Event, own: Term) -> str:
    match event:
        case ("in", (gen.CALL, (pid, _), request)):
            return f"got call {_text(request)} from {_who(pid, own)}"
        case ("in", (gen.CAST, request)):
            return f"got cast {_text(request)}"
        case ("in", message):
            return f"got {_text(message)}"
        case ("out", reply, (pid, _), state):
            return f"sent {_text(reply)} to {_who(pid, own)}, new state {_text(state)}"
        case ("noreply", state):
            return f"new state {_text(state)}"
    return f"dbg  {_text(event)}"


def _gen_statem(event: Event, own: Term) -> str:
    match event:
        case ("in", (_, _) as what, state):
            return f"receive {_statem_event(what, own)} in state {_text(state)}"
        case ("out", reply, (pid, _)):
            return f"send {_text(reply)} to {_who(pid, own)}"
        case (("postpone" | "consume") as tag, (_, _) as what, state, following):
            there, then = _text(state), _text(following)
            states = there if there == then else f"{there} => {then}"
            return f"{tag} {_statem_event(what, own)} in state {states}"
        case (tag, what, state):
            return f"{tag} {_text(what)} in state {_text(state)}"
    return f"dbg {_text(event)}"


def _statem_event(event: tuple[Any, Any], own: Term) -> str:
    kind, content = event
    match kind:
        case ("call", (pid, _)):
            return f"call {_text(content)} from {_who(pid, own)}"
    return f"{_text(kind)} {_text(content)}"


_TEXTS: dict[str, Callable[[Event, Term], str]] = {"gen_statem": _gen_statem}
