"""Every exception of pyerlnode.

    PyerlnodeError
    +-- TermError                 a term could not be made, encoded, decoded or parsed
    |   +-- TermEncodeError       also TypeError's cases: no Erlang term for this object
    |   +-- TermDecodeError       .offset in bytes
    |   |   +-- TermLimitError    well formed, but beyond a limit; .limit names it
    |   +-- TermSyntaxError       term text; .offset in characters
    +-- PeerError                 the peer broke the protocol; the connection is closed
    |   +-- FrameTooLarge         .size and .limit in bytes
    |   +-- CutOff                closed in the middle of a frame
    |   +-- TickTimeout           silent for longer than net_ticktime allows
    |   +-- HandshakeError        refused or failed before the connection was up
    |       +-- Refused           .status is its answer: nok or not_allowed
    |       +-- WrongCookie       the two ends do not have the same cookie
    |       +-- SetupTimeout      silent for the seven seconds of a step
    |       +-- TlsError          no TLS with that peer: a certificate, a version, or it speaks without
    +-- EpmdError                 no EPMD, or an answer that is none
    |   +-- NoEpmd                nobody listens there
    |   +-- NameTaken             the name is registered there already
    +-- StoreError                a store cannot be opened, or does not do what it was asked
    +-- UsageError                the program asked for something that cannot be
    |   +-- ConfigError           a bad name, cookie file, option or target
    +-- ErlangError               class error of Erlang; .reason is the term
    |   +-- BadArg                reason badarg
    |   +-- SystemLimit           reason system_limit
    +-- Throw                     class throw; .value is the term
    +-- Exit                      class exit; .reason is the term
        +-- NoProc                {noproc, _}: nobody has that name or pid
        +-- NodeDown              {{nodedown, Node}, _}: not reachable, or lost while waiting
        +-- CallTimeout           {timeout, _}: no answer in time; a late one never arrives
        +-- WorkerDied            {worker_died, _}: the worker process of an @in_process function

`Abandoned` is no `Exception`: it ends the thread of a @blocking function whose result
nobody waits for any more, and is not to be caught.

`ErlangError`, `Exit` and `Throw` are the three classes that Erlang's `try` tells
apart.  Terms that they carry are unaltered, so a caller can compare them with what
an Elixir caller would see.
"""

from __future__ import annotations

from typing import Any

__all__ = [
    "Abandoned",
    "BadArg",
    "CallTimeout",
    "ConfigError",
    "CutOff",
    "EpmdError",
    "ErlangError",
    "Exit",
    "FrameTooLarge",
    "HandshakeError",
    "NameTaken",
    "NoEpmd",
    "NoProc",
    "NodeDown",
    "PeerError",
    "PyerlnodeError",
    "Refused",
    "SetupTimeout",
    "StoreError",
    "SystemLimit",
    "TermDecodeError",
    "TermEncodeError",
    "TermError",
    "TermLimitError",
    "TermSyntaxError",
    "Throw",
    "TickTimeout",
    "TlsError",
    "UsageError",
    "WorkerDied",
    "WrongCookie",
]


class PyerlnodeError(Exception):
    """Base of every exception that pyerlnode raises on purpose."""


class TermError(PyerlnodeError):
    """A term could not be made, encoded, decoded or parsed."""


class TermEncodeError(TermError):
    """No external term format for this object; the message names the object's type."""


class TermDecodeError(TermError):
    """The bytes are no term.

    `offset` is the position, in bytes from the start of the data given, of what
    could not be read.
    """

    def __init__(self, message: str, *, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class TermLimitError(TermDecodeError):
    """The bytes may be a term, but a larger one than `Limits` allows; `limit` names which."""

    def __init__(self, message: str, *, offset: int, limit: str) -> None:
        super().__init__(message, offset=offset)
        self.limit = limit


class TermSyntaxError(TermError):
    """Text that is no term in the notation asked for; `offset` counts characters."""

    def __init__(self, message: str, *, offset: int) -> None:
        super().__init__(message)
        self.offset = offset


class PeerError(PyerlnodeError):
    """The peer broke the protocol; the connection to it is closed, the node goes on."""


class FrameTooLarge(PeerError):
    """A length prefix announced `size` bytes where at most `limit` are taken."""

    def __init__(self, size: int, limit: int) -> None:
        super().__init__(f"frame of {size} bytes announced, at most {limit} are taken")
        self.size = size
        self.limit = limit


class CutOff(PeerError):
    """The peer closed the connection in the middle of a frame."""


class TickTimeout(PeerError):
    """`net_tick_timeout`: the peer was silent for too long."""


class HandshakeError(PeerError):
    """The connection was refused, or what came was no handshake."""


class Refused(HandshakeError):
    """The other end answered with a status that ends the attempt: `status` is `nok` or `not_allowed`.

    After `nok` the other end keeps its own attempt to reach us: wait for that one.
    """

    def __init__(self, message: str, status: str) -> None:
        super().__init__(message)
        self.status = status


class WrongCookie(HandshakeError):
    """The two ends do not have the same cookie for each other."""


class SetupTimeout(HandshakeError):
    """The other end said nothing for the time of the setup timer."""


class TlsError(HandshakeError):
    """There is no TLS with that peer: the message names what was wrong, and on which side."""


class EpmdError(PyerlnodeError):
    """EPMD does not answer, or answers something that is not its protocol."""


class NoEpmd(EpmdError):
    """Nobody answers on EPMD's port."""


class NameTaken(EpmdError):
    """EPMD refused the registration: a living node has this name."""


class StoreError(PyerlnodeError):
    """A store cannot be opened, or does not do what it was asked; the message says which and why."""


class UsageError(PyerlnodeError):
    """The calling program asked for something that cannot be done."""


class ConfigError(UsageError):
    """A setting cannot be used: a node name, a cookie file, an option, a target."""


class ErlangError(PyerlnodeError):
    """Erlang's class `error`: ends the process with `{reason, stacktrace}`.

    `stack` is the stacktrace as a term where it is known already (a function that
    does not exist, an error that another node reported); without it the Python
    traceback is shown.
    """

    def __init__(self, reason: Any, stack: list[Any] | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.stack = stack


class BadArg(ErlangError):
    """`badarg`, with the sentence that says what was wrong with the argument."""

    def __init__(self, message: str, reason: Any = "badarg") -> None:
        super().__init__(reason)
        self.message = message

    def __str__(self) -> str:
        return self.message


class SystemLimit(ErlangError):
    """`system_limit`, with the sentence that says what was too much."""

    def __init__(self, message: str) -> None:
        super().__init__("system_limit")
        self.message = message

    def __str__(self) -> str:
        return self.message


class Throw(PyerlnodeError):
    """Erlang's class `throw`."""

    def __init__(self, value: Any) -> None:
        super().__init__(value)
        self.value = value


class Exit(PyerlnodeError):
    """Erlang's class `exit`: ends the process with `reason` itself."""

    def __init__(self, reason: Any) -> None:
        super().__init__(reason)
        self.reason = reason


class NoProc(Exit):
    """The exit `{noproc, _}` of a call: nobody has that name or pid."""


class NodeDown(Exit):
    """The exit `{{nodedown, Node}, _}` of a call: not reachable, or lost while waiting."""


class CallTimeout(Exit):
    """The exit `{timeout, _}` of a call."""


class WorkerDied(Exit):
    """`{worker_died, {exit_status, N}}` or `{worker_died, {signal, N}}`: it ended before it had answered."""


class Abandoned(BaseException):
    """Raised in a thread that wants something of its process, which has ended or waits no longer."""
