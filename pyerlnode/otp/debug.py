"""What `sys` records of a server when it is asked to: statistics, log, trace, functions.

A server without any of it has no `Debug`, so an ordinary message costs one comparison.

Events have OTP's shapes: `{in, Message}`, `{out, Reply, To, State}`, `{noreply, State}`,
`{continue, Arg}`; of a gen_statem `{in, Event, State}`, `{consume, Event, State, NextState}`
and others.

What is printed goes where OTP prints it too: to the group leader of the server.

Source: sys(3), the type system_event; sys.erl, handle_debug and debug_cmd.
Proof: tests/otp/test_sys.py, interop/test_sys.py.
"""

from __future__ import annotations

import inspect
import sys
import time
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from pyerlnode.errors import BadArg, TermEncodeError, Throw
from pyerlnode.otp.debug_text import event_text, name_text
from pyerlnode.otp.readable import readable
from pyerlnode.term import Atom, Export, Fun, Term, encode

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import TextIO

    from pyerlnode.process import Process

__all__ = [
    "CONSUME",
    "CONTINUE",
    "ENTER",
    "IN",
    "MODULE",
    "NOREPLY",
    "OUT",
    "POSTPONE",
    "START_TIMER",
    "TERMINATE",
    "Debug",
    "apply",
]

IN: Final = Atom("in")
OUT: Final = Atom("out")
NOREPLY: Final = Atom("noreply")
CONTINUE: Final = Atom("continue")
# Of a gen_statem alone:
ENTER: Final = Atom("enter")
MODULE: Final = Atom("module")
CONSUME: Final = Atom("consume")
POSTPONE: Final = Atom("postpone")
START_TIMER: Final = Atom("start_timer")
TERMINATE: Final = Atom("terminate")

_LOG_SIZE = 10
_OK, _DONE, _UNKNOWN = Atom("ok"), Atom("done"), Atom("unknown_debug")
_NO_STATISTICS = Atom("no_statistics")
_NO_FILE = (Atom("error"), Atom("open_file"))


class Debug:
    """What is recorded of one process."""

    __slots__ = (
        "_file",
        "_functions",
        "_log",
        "_module",
        "_process",
        "_received",
        "_sent",
        "_started",
        "_trace",
    )

    def __init__(self, process: Process, module: Atom) -> None:
        self._process = process
        self._module = module
        self._file: TextIO | None = None
        self._trace = False
        self._log: deque[Term] | None = None
        self._started: tuple[Term, Term] | None = None
        self._received = self._sent = 0
        self._functions: dict[Term, tuple[Any, Term]] = {}

    @classmethod
    def of(cls, process: Process, module: Atom, options: Iterable[Any]) -> Debug | None:
        """What the start option `debug` asks for: `trace`, `log`, `("log", n)`, `statistics`, ...

        BadArg for an option that there is not.
        """
        debug = cls(process, module)
        for option in options:
            if isinstance(option, str):
                option = (option, True)
            elif type(option) is tuple and len(option) == 2 and option[0] == "log":
                option = ("log", (True, option[1]))
            if debug.request((Atom(option[0]), option[1])) != _OK:
                raise BadArg(f"debug: {option!r} is no option of a start")
        return None if debug.idle else debug

    @property
    def idle(self) -> bool:
        """Whether nothing is recorded any more."""
        watched = self._trace or self._functions or self._file is not None
        return not watched and self._log is None and self._started is None

    def options(self) -> list[Term]:
        """What is switched on, as `get_status` shows it."""
        shown: list[Term] = []
        if self._trace:
            shown.append((Atom("trace"), True))
        if self._log is not None:
            shown.append((Atom("log"), (self._log.maxlen, list(self._log))))
        if self._started is not None:
            shown.append((Atom("statistics"), (self._started, self._received, self._sent)))
        return shown

    def events(self) -> list[Term]:
        """The logged events, oldest first."""
        return list(self._log or ())

    # --- events -----------------------------------------------------------------------

    def record(self, event: tuple[Term, ...]) -> None:
        """Something happened in the server."""
        kind = event[0]
        if kind is IN:
            self._received += 1
        elif kind is OUT:
            self._sent += 1
        if self._log is not None:
            self._log.append(readable(event))
        if self._trace:
            sys.stdout.write(self._line(event))
        if self._file is not None:
            self._file.write(self._line(event))
        for key in list(self._functions):
            self._run(key, event)

    def _run(self, key: Term, event: Term) -> None:
        function, state = self._functions[key]
        name = self._process.name or self._process.pid
        try:
            state = apply(self._process, function, [state, event, name])
        except Throw as thrown:
            state = thrown.value
        except Exception:
            state = _DONE  # as in OTP: a debug function that fails is removed, silently
        if inspect.isawaitable(state):
            _close(state)
            state = _DONE
        if state == _DONE:
            self._functions.pop(key, None)
        elif key in self._functions:
            self._functions[key] = (function, state)

    # --- requests -----------------------------------------------------------------------

    def request(self, option: Term) -> Term:
        """Answer one `{debug, Option}`."""
        if option == "no_debug":
            self._trace, self._log, self._started, self._functions = False, None, None, {}
            self._close_file()
            return _OK
        if type(option) is not tuple or len(option) != 2 or type(option[0]) is not Atom:
            return _UNKNOWN
        handler = _OPTIONS.get(option[0])
        return _UNKNOWN if handler is None else handler(self, option[1])

    def _set_trace(self, flag: Term) -> Term:
        if type(flag) is not bool:
            return _UNKNOWN
        self._trace = flag
        return _OK

    def _set_log(self, flag: Term) -> Term:
        if flag == "get":
            return (_OK, self.events())
        if flag == "print":
            for event in self._log or ():
                sys.stdout.write(self._line(event))
            return _OK
        if flag is False:
            self._log = None
            return _OK
        size = flag[1] if type(flag) is tuple and len(flag) == 2 and flag[0] is True else flag
        size = _LOG_SIZE if size is True else size
        if type(size) is not int or size < 1:
            return _UNKNOWN
        if self._log is None:  # as in OTP: what is on already stays as it is
            self._log = deque(maxlen=min(size, sys.maxsize))
        return _OK

    def _set_statistics(self, flag: Term) -> Term:
        if flag == "get":
            return (_OK, _NO_STATISTICS if self._started is None else self._statistics(self._started))
        if type(flag) is not bool:
            return _UNKNOWN
        if not flag:
            self._started = None
        elif self._started is None:
            self._started = _now()
            self._received = self._sent = 0
        return _OK

    def _statistics(self, started: Term) -> list[Term]:
        return [
            (Atom("start_time"), started),
            (Atom("current_time"), _now()),
            (Atom("reductions"), self._received),
            (Atom("messages_in"), self._received),
            (Atom("messages_out"), self._sent),
        ]

    def _log_to_file(self, name: Term) -> Term:
        self._close_file()
        if name is False:
            return _OK
        # Only of this program: another node, which sends terms, must not make this one write files.
        if not isinstance(name, Path):
            return _NO_FILE
        try:
            self._file = name.open("w", encoding="utf-8", buffering=1)
        except OSError:
            return _NO_FILE
        return _OK

    def _close_file(self) -> None:
        if self._file is not None:
            self._file.close()
            self._file = None

    def _line(self, event: tuple[Term, ...]) -> str:
        process = self._process
        text = event_text(self._module, event, process.runtime.name)
        return f"*DBG* {name_text(process.name or process.pid)} {text}\n"

    def _install(self, what: Term) -> Term:
        if type(what) is not tuple or len(what) not in (2, 3):
            return _UNKNOWN
        key, function, state = (what[0], *what) if len(what) == 2 else what
        self._functions.setdefault(_key(key), (function, state))
        return _OK

    def _remove(self, what: Term) -> Term:
        self._functions.pop(_key(what), None)
        return _OK


_OPTIONS: dict[Term, Callable[[Debug, Term], Term]] = {
    "trace": Debug._set_trace,
    "log": Debug._set_log,
    "statistics": Debug._set_statistics,
    "log_to_file": Debug._log_to_file,
    "install": Debug._install,
    "remove": Debug._remove,
}


def apply(process: Process, function: Any, args: list[Term]) -> Any:
    """Call a fun that came in a request: a Python function of this program, or through the apply hook."""
    if isinstance(function, (Export, Fun)):
        return process.runtime.apply_hook(function, args)
    return function(*args)


def _key(key: Term) -> Term:
    """Something hashable for an id, or for the function in the place of one.

    A term's bytes: Python hashes tuples recursively, and one that is nested deeply ends it.
    """
    try:
        return encode(key)
    except TermEncodeError:
        return id(key)  # a function of this program, or something that holds one


def _close(awaitable: Any) -> None:
    if inspect.iscoroutine(awaitable):
        awaitable.close()


def _now() -> tuple[Term, Term]:
    now = time.localtime()
    return ((now.tm_year, now.tm_mon, now.tm_mday), (now.tm_hour, now.tm_min, now.tm_sec))
