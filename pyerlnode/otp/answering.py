"""Answers to requests: to the alias in the tag, where there is one.

Source: gen.erl of OTP's stdlib (reply).
Proof: tests/otp/test_gen_server_calls.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pyerlnode.errors import BadArg
from pyerlnode.process.alias_tag import alias_in
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from pyerlnode.otp.gen import Caller
    from pyerlnode.process.process import Process

__all__ = ["answer", "reply"]


def reply(process: Process, caller: Caller, value: Term) -> None:
    """Send the reply of a call; nothing happens if nobody waits for it any more.

    BadArg for what is no caller.
    """
    if not answer(process, caller, value):
        raise BadArg(f"a reply goes to what the call came with, (pid, tag), not to {caller!r}")


def answer(process: Process, caller: Caller, value: Term) -> bool:
    """As `reply`; False, and nothing is sent, for what is no caller.

    The reply goes to the alias in the tag, where there is one, else to the pid, or to
    the name that somebody without gen.erl has put in its place.
    """
    if type(caller) is not tuple or len(caller) != 2:
        return False
    receiver = alias_in(caller[1]) or _receiver(caller[0])
    if receiver is None:
        return False
    runtime = process.runtime
    if (
        type(receiver) is Reference
        or not isinstance(receiver, Atom)
        or runtime.names.get(receiver) is not None
    ):
        runtime.send(receiver, (caller[1], value), process)
    return True


def _receiver(to: Term) -> Pid | Reference | Atom | tuple[Atom, Atom] | None:
    if type(to) is Pid or type(to) is Reference or isinstance(to, Atom):
        return to
    if type(to) is tuple and len(to) == 2 and isinstance(to[0], Atom) and isinstance(to[1], Atom):
        return to
    return None
