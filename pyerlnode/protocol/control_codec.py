"""Control messages as tuples: which operation number means what, read and written.

All forms of all releases are read.  What is written depends on the flags in force;
`ControlWriter` is made once per connection for them.

Source: ERTS manual, "Distribution Protocol", Protocol between Connected Nodes; number 37
as observed between nodes of OTP 28 and 29.
Proof: tests/protocol/test_control_codec.py, tests/protocol/test_dist_vectors.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, TypeAlias

from pyerlnode.errors import PeerError, UsageError
from pyerlnode.protocol.control import (
    AliasSend,
    Control,
    Demonitor,
    Exit,
    Exit2,
    GroupLeader,
    Link,
    Monitor,
    MonitorExit,
    RegSend,
    Send,
    SpawnReply,
    SpawnRequest,
    Unlink,
    UnlinkAck,
)
from pyerlnode.protocol.flags import DistFlag
from pyerlnode.term import Atom, Pid, Reference, Term

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

__all__ = ["NO_PAYLOAD", "ControlWriter", "build", "sender_of", "takes_payload"]


class _NoPayload:
    """The type of NO_PAYLOAD."""


# Stands for "nothing follows the control tuple"; None is a term.
NO_PAYLOAD: Final = _NoPayload()
_EMPTY = Atom("")
_MAX_UNLINK_ID = (1 << 64) - 1

# Flags of ALTACT_SIG_SEND (37).
_PRIORITY = 1
_TOKEN = 2
_ALIAS = 4
_NAME = 8
_EXIT = 16

ControlTuple: TypeAlias = tuple[Any, ...]


def _is(kind: type | tuple[type, ...], *values: object) -> None:
    for value in values:
        if not isinstance(value, kind):
            wanted = kind.__name__ if isinstance(kind, type) else " or ".join(one.__name__ for one in kind)
            raise PeerError(f"{type(value).__name__} where a {wanted} belongs")


def _token(token: Term) -> Term:
    return None if token == [] else token


def _link(t: ControlTuple, payload: Term) -> Control:
    _, sender, to = t
    _is(Pid, sender, to)
    return Link(sender, to)


def _unlink(t: ControlTuple, payload: Term) -> Control:
    op, number, sender, to = t
    _is(Pid, sender, to)
    if type(number) is not int or not 1 <= number <= _MAX_UNLINK_ID:
        raise PeerError("no unlink id")
    return Unlink(number, sender, to) if op == 35 else UnlinkAck(number, sender, to)


def _exit(t: ControlTuple, payload: Term) -> Control:
    sender, to = t[1:3]
    _is(Pid, sender, to)
    match t[0]:
        case 3:
            return Exit(sender, to, t[3])
        case 13:
            return Exit(sender, to, t[4], _token(t[3]))
        case 24:
            return Exit(sender, to, payload)
    return Exit(sender, to, payload, _token(t[3]))


def _exit2(t: ControlTuple, payload: Term) -> Control:
    sender, to = t[1:3]
    _is(Pid, sender)
    _is((Pid, Reference, Atom), to)
    match t[0]:
        case 8:
            return Exit2(sender, to, t[3])
        case 18:
            return Exit2(sender, to, t[4], _token(t[3]))
        case 26:
            return Exit2(sender, to, payload)
    return Exit2(sender, to, payload, _token(t[3]))


def _send(t: ControlTuple, message: Term) -> Control:
    to = t[2]
    _is(Pid, to)
    return Send(None, to, message, _token(t[3]) if len(t) == 4 else None)


def _send_sender(t: ControlTuple, message: Term) -> Control:
    # The most frequent one: no call for the checks that succeed.
    sender, to = t[1], t[2]
    if not (type(sender) is Pid and type(to) is Pid):
        _is(Pid, sender, to)
    return Send(sender, to, message, _token(t[3]) if len(t) == 4 else None)


def _reg_send(t: ControlTuple, message: Term) -> Control:
    sender, to = t[1], t[3]
    if not (type(sender) is Pid and type(to) is Atom):
        _is(Pid, sender)
        _is(Atom, _name(to))
    return RegSend(sender, _name(to), message, _token(t[4]) if len(t) == 5 else None)


def _alias_send(t: ControlTuple, message: Term) -> Control:
    sender, to = t[1], t[2]
    _is(Pid, sender)
    _is(Reference, to)
    return AliasSend(sender, to, message, _token(t[3]) if len(t) == 4 else None)


def _name(value: Term) -> Term:
    """Names like `true` and `nil` arrive as Python's constants."""
    return _CONSTANTS[value] if value is None or type(value) is bool else value


_CONSTANTS = {True: Atom("true"), False: Atom("false"), None: Atom("nil")}


def _group_leader(t: ControlTuple, payload: Term) -> Control:
    _, leader, to = t
    _is(Pid, leader, to)
    return GroupLeader(leader, to)


def _monitor(t: ControlTuple, payload: Term) -> Control:
    op, sender, to, ref = t
    to = _name(to)
    _is(Pid, sender)
    _is((Pid, Atom), to)
    _is(Reference, ref)
    return Monitor(sender, to, ref) if op == 19 else Demonitor(sender, to, ref)


def _monitor_exit(t: ControlTuple, payload: Term) -> Control:
    sender, to, ref = t[1:4]
    sender = _name(sender)
    _is((Pid, Atom), sender)
    _is(Pid, to)
    _is(Reference, ref)
    return MonitorExit(sender, to, ref, t[4] if t[0] == 21 else payload)


def _spawn_request(t: ControlTuple, args: Term) -> Control:
    ref, sender, leader, mfa, options = t[1:6]
    _is(Reference, ref)
    _is(Pid, sender, leader)
    if not (type(mfa) is tuple and len(mfa) == 3 and type(mfa[2]) is int):
        raise PeerError("no {Module, Function, Arity}")
    module, function, arity = _name(mfa[0]), _name(mfa[1]), mfa[2]
    _is(Atom, module, function)
    token = _token(t[6]) if t[0] == 30 else None
    return SpawnRequest(ref, sender, leader, module, function, arity, options, args, token)


def _spawn_reply(t: ControlTuple, payload: Term) -> Control:
    ref, to, flags, result = t[1:5]
    result = _name(result)
    _is(Reference, ref)
    _is(Pid, to)
    _is((Pid, Atom), result)
    if type(flags) is not int:
        raise PeerError("no flags of a spawn reply")
    return SpawnReply(ref, to, flags, result, _token(t[5]) if t[0] == 32 else None)


def _altact(t: ControlTuple, payload: Term) -> Control:
    flags, sender, to = t[1:4]
    to = _name(to)
    if type(flags) is not int or not 0 <= flags < 2 * _EXIT or bool(flags & _TOKEN) is not (len(t) == 5):
        raise PeerError(f"flags {flags!r} with {len(t)} elements")
    _is(Pid, sender)
    _is(Reference if flags & _ALIAS else Atom if flags & _NAME else Pid, to)
    token = _token(t[4]) if flags & _TOKEN else None
    priority = bool(flags & _PRIORITY)
    if flags & _EXIT:
        return Exit2(sender, to, payload, token, priority)
    if flags & _ALIAS:
        return AliasSend(sender, to, payload, token, priority)
    if flags & _NAME:
        return RegSend(sender, to, payload, token, priority)
    return Send(sender, to, payload, token, priority)


# (number, size of the tuple) -> builder, whether a payload follows.
_FORMS: dict[tuple[int, int], tuple[Callable[[ControlTuple, Term], Control], bool]] = {
    (1, 3): (_link, False),
    (2, 3): (_send, True),
    (3, 4): (_exit, False),
    (6, 4): (_reg_send, True),
    (7, 3): (_group_leader, False),
    (8, 4): (_exit2, False),
    (12, 4): (_send, True),
    (13, 5): (_exit, False),
    (16, 5): (_reg_send, True),
    (18, 5): (_exit2, False),
    (19, 4): (_monitor, False),
    (20, 4): (_monitor, False),
    (21, 5): (_monitor_exit, False),
    (22, 3): (_send_sender, True),
    (23, 4): (_send_sender, True),
    (24, 3): (_exit, True),
    (25, 4): (_exit, True),
    (26, 3): (_exit2, True),
    (27, 4): (_exit2, True),
    (28, 4): (_monitor_exit, True),
    (29, 6): (_spawn_request, True),
    (30, 7): (_spawn_request, True),
    (31, 5): (_spawn_reply, False),
    (32, 6): (_spawn_reply, False),
    (33, 3): (_alias_send, True),
    (34, 4): (_alias_send, True),
    (35, 4): (_unlink, False),
    (36, 4): (_unlink, False),
    (37, 4): (_altact, True),
    (37, 5): (_altact, True),
}
_NUMBERS = frozenset(number for number, _ in _FORMS)


def takes_payload(control: Term) -> bool:
    """Whether a payload follows the control tuple; PeerError if it is no control message."""
    if type(control) is tuple and control and type(control[0]) is int:
        form = _FORMS.get((control[0], len(control)))
        if form is not None:
            return form[1]
        if control[0] in _NUMBERS:
            raise PeerError(f"control message {control[0]} of {len(control)} elements")
        raise PeerError(f"unknown control message {control[0]}")
    raise PeerError("no control message: " + (_kind(control) or "an empty tuple"))


def _kind(control: Term) -> str:
    if type(control) is not tuple:
        return f"{type(control).__name__} instead of a tuple"
    return f"a tuple that begins with {type(control[0]).__name__}" if control else ""


def build(control: ControlTuple, payload: Term) -> Control:
    """The object for a tuple that `takes_payload` knows; PeerError for wrong elements."""
    try:
        return _FORMS[control[0], len(control)][0](control, payload)
    except PeerError as error:
        raise PeerError(f"control message {control[0]}: {error}") from None


def sender_of(control: Control) -> Hashable:
    """The process whose signals stay in order with this one; None if it is not known."""
    match control:
        case SpawnReply():
            # The reply comes before any other signal of the new process.
            return control.result if type(control.result) is Pid else None
        case GroupLeader():
            return None
        case MonitorExit():
            return control.sender if type(control.sender) is Pid else None
    return control.sender


class ControlWriter:
    """Control messages -> tuples, in the forms that the peer understands."""

    def __init__(self, flags: DistFlag, local_name: str) -> None:
        self._local_name = local_name
        self._send_sender = bool(flags & DistFlag.SEND_SENDER)
        self._exit_payload = bool(flags & DistFlag.EXIT_PAYLOAD)
        self._spawn = bool(flags & DistFlag.SPAWN)
        self._alias = bool(flags & DistFlag.ALIAS)
        self._altact = bool(flags & DistFlag.ALTACT_SIG)
        self._monitors = bool(flags & DistFlag.DIST_MONITOR)
        self._monitor_names = bool(flags & DistFlag.DIST_MONITOR_NAME)
        self._writers: dict[type, Callable[[Any], tuple[ControlTuple, Term]]] = {
            RegSend: self._write_reg_send,
            Link: self._write_link,
            Unlink: lambda c: ((35, c.id, c.sender, c.to), NO_PAYLOAD),
            UnlinkAck: lambda c: ((36, c.id, c.sender, c.to), NO_PAYLOAD),
            Exit: self._write_exit,
            Exit2: self._write_exit2,
            GroupLeader: lambda c: ((7, c.leader, c.to), NO_PAYLOAD),
            Monitor: self._write_monitor,
            Demonitor: self._write_demonitor,
            MonitorExit: self._write_monitor_exit,
            SpawnRequest: self._write_spawn_request,
            SpawnReply: self._write_spawn_reply,
        }

    def write(self, control: Control) -> tuple[ControlTuple, Term]:
        """The control tuple, and the payload or NO_PAYLOAD.  UsageError if the peer cannot be sent this."""
        if type(control) is AliasSend:  # nearly all: requests and answers
            return self._write_alias_send(control)
        if type(control) is Send:
            return self._write_send(control)
        writer = self._writers.get(type(control))
        if writer is None:
            raise UsageError(f"{type(control).__name__} is no control message")
        return writer(control)

    def _write_send(self, c: Send) -> tuple[ControlTuple, Term]:
        _must_be(Pid, c.to)
        if c.sender is None or not self._send_sender:
            if c.token is None:
                return (2, _EMPTY, c.to), c.message
            return (12, _EMPTY, c.to, c.token), c.message
        if c.priority and self._altact:
            return self._altact_tuple(0, c), c.message
        if c.token is None:
            return (22, c.sender, c.to), c.message
        return (23, c.sender, c.to, c.token), c.message

    def _write_reg_send(self, c: RegSend) -> tuple[ControlTuple, Term]:
        _must_be(Atom, c.to)
        if c.priority and self._altact:
            return self._altact_tuple(_NAME, c), c.message
        if c.token is None:
            return (6, c.sender, _EMPTY, c.to), c.message
        return (16, c.sender, _EMPTY, c.to, c.token), c.message

    def _write_alias_send(self, c: AliasSend) -> tuple[ControlTuple, Term]:
        if type(c.to) is not Reference:  # the most frequent one: no call for the check that succeeds
            _must_be(Reference, c.to)
        if self._altact:
            if c.token is None and not c.priority:
                return (37, _ALIAS, c.sender, c.to), c.message
            return self._altact_tuple(_ALIAS, c), c.message
        if not self._alias:
            raise UsageError("the peer does not know aliases")
        if c.token is None:
            return (33, c.sender, c.to), c.message
        return (34, c.sender, c.to, c.token), c.message

    def _altact_tuple(self, flags: int, c: Send | RegSend | AliasSend | Exit2) -> ControlTuple:
        flags |= _PRIORITY if c.priority else 0
        if c.token is None:
            return (37, flags, c.sender, c.to)
        return (37, flags | _TOKEN, c.sender, c.to, c.token)

    def _write_link(self, c: Link) -> tuple[ControlTuple, Term]:
        if c.sender.node != self._local_name:
            # A BEAM closes the connection on it.
            raise UsageError(f"a link of {c.sender} cannot be made by {self._local_name}")
        return (1, c.sender, c.to), NO_PAYLOAD

    def _write_exit(self, c: Exit) -> tuple[ControlTuple, Term]:
        if self._exit_payload:
            if c.token is None:
                return (24, c.sender, c.to), c.reason
            return (25, c.sender, c.to, c.token), c.reason
        if c.token is None:
            return (3, c.sender, c.to, c.reason), NO_PAYLOAD
        return (13, c.sender, c.to, c.token, c.reason), NO_PAYLOAD

    def _write_exit2(self, c: Exit2) -> tuple[ControlTuple, Term]:
        kind = 0 if isinstance(c.to, Pid) else _ALIAS if isinstance(c.to, Reference) else _NAME
        if self._altact and (kind or c.priority):
            return self._altact_tuple(_EXIT | kind, c), c.reason
        if kind:
            raise UsageError("the peer takes exit signals to pids only")
        if self._exit_payload:
            if c.token is None:
                return (26, c.sender, c.to), c.reason
            return (27, c.sender, c.to, c.token), c.reason
        if c.token is None:
            return (8, c.sender, c.to, c.reason), NO_PAYLOAD
        return (18, c.sender, c.to, c.token, c.reason), NO_PAYLOAD

    def _write_monitor(self, c: Monitor) -> tuple[ControlTuple, Term]:
        return (19, c.sender, self._watched(c.to), c.ref), NO_PAYLOAD

    def _write_demonitor(self, c: Demonitor) -> tuple[ControlTuple, Term]:
        return (20, c.sender, self._watched(c.to), c.ref), NO_PAYLOAD

    def _watched(self, to: Pid | Atom) -> Pid | Atom:
        if not self._monitors:
            raise UsageError("the peer does not know monitors")
        if not (self._monitor_names or isinstance(to, Pid)):
            raise UsageError("the peer does not know monitors by name")
        return to

    def _write_monitor_exit(self, c: MonitorExit) -> tuple[ControlTuple, Term]:
        if self._exit_payload:
            return (28, c.sender, c.to, c.ref), c.reason
        return (21, c.sender, c.to, c.ref, c.reason), NO_PAYLOAD

    def _write_spawn_request(self, c: SpawnRequest) -> tuple[ControlTuple, Term]:
        self._must_spawn()
        mfa = (c.module, c.function, c.arity)
        if c.token is None:
            return (29, c.ref, c.sender, c.group_leader, mfa, c.options), c.args
        return (30, c.ref, c.sender, c.group_leader, mfa, c.options, c.token), c.args

    def _write_spawn_reply(self, c: SpawnReply) -> tuple[ControlTuple, Term]:
        self._must_spawn()
        if c.token is None:
            return (31, c.ref, c.to, c.flags, c.result), NO_PAYLOAD
        return (32, c.ref, c.to, c.flags, c.result, c.token), NO_PAYLOAD

    def _must_spawn(self) -> None:
        if not self._spawn:
            raise UsageError("the peer does not know spawn requests")


def _must_be(kind: type, to: object) -> None:
    if type(to) is not kind:
        raise UsageError(f"{type(to).__name__} where a {kind.__name__} belongs")
