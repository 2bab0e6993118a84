"""Control messages between connected nodes, as typed objects.

One class for each *meaning*; the several operation numbers that a meaning has on
the wire (with a trace token, with the payload behind the control tuple, through an
alias) are chosen from the negotiated flags when it is written, and all are accepted
when it is read.

Source: ERTS manual, "Distribution Protocol", Protocol between Connected Nodes.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeAlias

if TYPE_CHECKING:
    from pyerlnode.term import Atom, Pid, Reference, Term

# Not frozen: a frozen dataclass costs three times as much to make, and one of these
# is made for every message.  Nothing in the package assigns to their fields.
# Without slots: Cython, to which the fields are those of a struct, knows no such argument.


@dataclass
class Link:
    """`sender` links itself to `to` (1)."""

    sender: Pid
    to: Pid


@dataclass
class Unlink:
    """`sender` takes its link to `to` away (35); `id` is unique among those not yet acknowledged."""

    id: int
    sender: Pid
    to: Pid


@dataclass
class UnlinkAck:
    """`sender` has seen the Unlink with this `id` of `to` (36)."""

    id: int
    sender: Pid
    to: Pid


@dataclass
class Exit:
    """`sender` ended with `reason` and was linked to `to` (3, 13, 24, 25)."""

    sender: Pid
    to: Pid
    reason: Term
    token: Term = None


@dataclass
class Exit2:
    """`exit(to, reason)` called by `sender` (8, 18, 26, 27; 37 to an alias or a name, or with priority)."""

    sender: Pid
    to: Pid | Reference | Atom
    reason: Term
    token: Term = None
    priority: bool = False


@dataclass
class Send:
    """A message to a pid (2, 12, 22, 23, 37)."""

    sender: Pid | None
    to: Pid
    message: Term
    token: Term = None
    priority: bool = False


@dataclass
class RegSend:
    """A message to a registered name (6, 16, 37)."""

    sender: Pid
    to: Atom
    message: Term
    token: Term = None
    priority: bool = False


@dataclass
class AliasSend:
    """A message to an alias (33, 34, 37)."""

    sender: Pid
    to: Reference
    message: Term
    token: Term = None
    priority: bool = False


@dataclass
class GroupLeader:
    """`leader` becomes the group leader of `to` (7)."""

    leader: Pid
    to: Pid


@dataclass
class Monitor:
    """`sender` monitors a process by pid or registered name (19)."""

    sender: Pid
    to: Pid | Atom
    ref: Reference


@dataclass
class Demonitor:
    """`sender` ends the monitor `ref` (20)."""

    sender: Pid
    to: Pid | Atom
    ref: Reference


@dataclass
class MonitorExit:
    """What `to` monitored under `ref` ended with `reason` (21, 28).

    `sender` is a name if it was monitored by name.
    """

    sender: Pid | Atom
    to: Pid
    ref: Reference
    reason: Term


@dataclass
class SpawnRequest:
    """`sender` wants a process that applies module:function to `args` (29, 30)."""

    ref: Reference
    sender: Pid
    group_leader: Pid
    module: Atom
    function: Atom
    arity: int
    options: Term
    args: Term
    token: Term = None


@dataclass
class SpawnReply:
    """Answer to a SpawnRequest (31, 32): the pid, or an atom that says why there is none.

    `flags`: 1 the link is set up, 2 the monitor is, with `ref` as its reference.
    """

    ref: Reference
    to: Pid
    flags: int
    result: Pid | Atom
    token: Term = None


Control: TypeAlias = (
    Link
    | Unlink
    | UnlinkAck
    | Exit
    | Exit2
    | Send
    | RegSend
    | AliasSend
    | GroupLeader
    | Monitor
    | Demonitor
    | MonitorExit
    | SpawnRequest
    | SpawnReply
)
