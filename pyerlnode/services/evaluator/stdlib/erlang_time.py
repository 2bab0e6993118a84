"""`erlang` and `os`: clocks, unique integers and timers; `timer` on top of them.

Times of timers are milliseconds here, as on a BEAM; a node has `limits.timers` of them at most.

Source: module `erlang` of the ERTS reference manual, timer.erl (OTP 27).
Proof: tests/services/evaluator/test_stdlib_erlang_processes.py.
"""

from __future__ import annotations

import asyncio
import itertools
import time
from datetime import UTC, datetime
from typing import Any, Final

import pyerlnode.process as processes
from pyerlnode.errors import BadArg, ErlangError
from pyerlnode.process import this_process
from pyerlnode.services.evaluator import limits
from pyerlnode.services.evaluator.stdlib.arguments import (
    ERROR,
    OK,
    Steps,
    a_function,
    badarg,
    function_clause,
    is_atom,
    is_integer,
    listed,
)
from pyerlnode.services.evaluator.stdlib.registry import Await, Call, Library, Remote
from pyerlnode.term import Atom, Pid, Reference, Term

erlang = Library("erlang", group="time")
of_os = Library("os", group="time")
timer = Library("timer", group="time")

_INFINITY = Atom("infinity")
_POSITIVE, _MONOTONIC = Atom("positive"), Atom("monotonic")
_ASYNC, _INFO = Atom("async"), Atom("info")
_NATIVE: Final = 10**9
# What a unit is called now, and what it was called before OTP 19.
_UNITS: Final = {
    "second": 1,
    "seconds": 1,
    "millisecond": 10**3,
    "milli_seconds": 10**3,
    "microsecond": 10**6,
    "micro_seconds": 10**6,
    "nanosecond": 10**9,
    "nano_seconds": 10**9,
    "native": _NATIVE,
    "perf_counter": _NATIVE,
}
_MOST_MILLISECONDS: Final = 2**32 - 1

# --- clocks -----------------------------------------------------------------------------------


def _parts(unit: Term) -> int:
    """How many of a unit a second has; `badarg` for what is no unit."""
    if is_integer(unit, 1):
        return int(unit)
    if not isinstance(unit, Atom) or unit not in _UNITS:
        raise badarg()
    return _UNITS[str(unit)]


@erlang.function("monotonic_time", 0)
def monotonic_time() -> Term:
    return time.monotonic_ns()


@erlang.function("monotonic_time", 1)
def monotonic_time_in(unit: Term) -> Term:
    return time.monotonic_ns() * _parts(unit) // _NATIVE


@erlang.function("system_time", 0)
def system_time() -> Term:
    return time.time_ns()


@erlang.function("system_time", 1)
def system_time_in(unit: Term) -> Term:
    return time.time_ns() * _parts(unit) // _NATIVE


of_os.function("system_time", 0)(system_time)
of_os.function("system_time", 1)(system_time_in)


@of_os.function("perf_counter", 0)
def perf_counter() -> Term:
    return time.perf_counter_ns()


@erlang.function("time_offset", 0)
def time_offset() -> Term:
    return time.time_ns() - time.monotonic_ns()


@erlang.function("convert_time_unit", 3)
def convert_time_unit(value: Term, unit: Term, wanted: Term) -> Term:
    if not is_integer(value):
        raise badarg()
    return value * _parts(wanted) // _parts(unit)


@erlang.function("timestamp", 0)
def timestamp() -> Term:
    microseconds = time.time_ns() // 1000
    return (microseconds // 10**12, microseconds // 10**6 % 10**6, microseconds % 10**6)


erlang.function("now", 0)(timestamp)
of_os.function("timestamp", 0)(timestamp)


def _date_and_time(moment: datetime) -> tuple[Term, Term]:
    return (moment.year, moment.month, moment.day), (moment.hour, moment.minute, moment.second)


@erlang.function("localtime", 0)
def localtime() -> Term:
    return _date_and_time(datetime.now().astimezone())


@erlang.function("universaltime", 0)
def universaltime() -> Term:
    return _date_and_time(datetime.now(UTC))


@erlang.function("date", 0)
def date() -> Term:
    return localtime()[0]


@erlang.function("time", 0)
def time_of_day() -> Term:
    return localtime()[1]


# --- unique integers ----------------------------------------------------------------------------

_next_integer = itertools.count(1)


@erlang.function("unique_integer", 0)
def unique_integer() -> Term:
    return next(_next_integer) - 2**59


@erlang.function("unique_integer", 1)
def unique_integer_of(modifiers: Term) -> Term:
    given = listed(modifiers)
    if any(each not in (_POSITIVE, _MONOTONIC) for each in given):
        raise badarg()
    return next(_next_integer) if _POSITIVE in given else unique_integer()


# --- timers -------------------------------------------------------------------------------------


def _started(start: Any, delay: Term, to: Term, message: Term) -> Reference:
    if not is_integer(delay, 0) or delay > _MOST_MILLISECONDS or not isinstance(to, (Pid, Atom)):
        raise badarg()
    if len(this_process().runtime.timers) >= limits.current().timers:
        raise ErlangError(limits.SYSTEM_LIMIT)
    try:
        ref: Reference = start(delay / 1000, to, message)
    except BadArg:
        raise badarg() from None
    return ref


@erlang.function("send_after", 3)
def send_after(delay: Term, to: Term, message: Term) -> Term:
    return _started(processes.send_after, delay, to, message)


@erlang.function("start_timer", 3)
def start_timer(delay: Term, to: Term, message: Term) -> Term:
    return _started(processes.start_timer, delay, to, message)


def _no_options(options: Term) -> None:
    # `{abs, true}` asks for a moment of the monotonic clock.
    if listed(options) not in ([], [(Atom("abs"), False)]):
        raise badarg()


@erlang.function("send_after", 4)
def send_after_by(delay: Term, to: Term, message: Term, options: Term) -> Term:
    _no_options(options)
    return send_after(delay, to, message)


@erlang.function("start_timer", 4)
def start_timer_by(delay: Term, to: Term, message: Term, options: Term) -> Term:
    _no_options(options)
    return start_timer(delay, to, message)


def _milliseconds(left: float | None) -> Term:
    return False if left is None else round(left * 1000)


@erlang.function("cancel_timer", 1)
def cancel_timer(ref: Term) -> Term:
    if not isinstance(ref, Reference):
        raise badarg()
    return _milliseconds(processes.cancel_timer(ref))


@erlang.function("cancel_timer", 2)
def cancel_timer_by(ref: Term, options: Term) -> Term:
    given = listed(options)
    if any(
        option not in ((_INFO, False), (_INFO, True), (_ASYNC, False), (_ASYNC, True)) for option in given
    ):
        raise badarg()
    left = cancel_timer(ref)
    wanted = (_INFO, False) not in given
    if (_ASYNC, True) not in given:
        return left if wanted else OK
    if wanted:
        process = this_process()
        process.runtime.send(process.pid, (Atom("cancel_timer"), ref, left), process)
    return OK


@erlang.function("read_timer", 1)
def read_timer(ref: Term) -> Term:
    if not isinstance(ref, Reference):
        raise badarg()
    return _milliseconds(processes.read_timer(ref))


# --- timer --------------------------------------------------------------------------------------


@timer.function("sleep", 1)
def sleep(duration: Term) -> Steps:
    if duration is _INFINITY:
        yield Await(processes.receive(lambda _message: False))
    elif not is_integer(duration, 0):
        raise ErlangError(Atom("timeout_value"))
    else:
        yield Await(asyncio.sleep(duration / 1000))
    return OK


def _timed(call: Term) -> Steps:
    start = time.perf_counter_ns()
    value = yield call
    return ((time.perf_counter_ns() - start) // 1000, value)


@timer.function("tc", 1)
def tc(fun: Term) -> Steps:
    return (yield from _timed(Call(a_function(fun, 0), ())))


@timer.function("tc", 2)
def tc_with(fun: Term, args: Term) -> Steps:
    return (yield from _timed(Call(fun, tuple(listed(args)))))


@timer.function("tc", 3)
def tc_of(module: Term, name: Term, args: Term) -> Steps:
    if not is_atom(module) or not is_atom(name):
        raise function_clause()
    return (yield from _timed(Remote(str(module), str(name), tuple(listed(args)))))


_SEND_LOCAL = Atom("send_local")


@timer.function("send_after", 2)
def timer_send_after(delay: Term, message: Term) -> Term:
    return timer_send_after_to(delay, processes.self(), message)


@timer.function("send_after", 3)
def timer_send_after_to(delay: Term, to: Term, message: Term) -> Term:
    try:
        return (OK, (_SEND_LOCAL, send_after(delay, to, message)))
    except ErlangError as error:
        return (ERROR, error.reason)


@timer.function("cancel", 1)
def cancel(timer_ref: Term) -> Term:
    match timer_ref:
        case (Atom() as kind, Reference() as ref) if kind is _SEND_LOCAL:
            cancel_timer(ref)
            return (OK, Atom("cancel"))
    return (ERROR, Atom("badarg"))


def _times(factor: int) -> Any:
    def convert(value: Term) -> Term:
        if type(value) is not int and type(value) is not float:
            raise ErlangError(Atom("badarith"))
        return value * factor

    return convert


for _name, _factor in (("seconds", 1000), ("minutes", 60_000), ("hours", 3_600_000)):
    timer.function(_name, 1)(_times(_factor))


@timer.function("hms", 3)
def hms(hours: Term, minutes: Term, seconds: Term) -> Term:
    return _times(3_600_000)(hours) + _times(60_000)(minutes) + _times(1000)(seconds)


@timer.function("now_diff", 2)
def now_diff(later: Term, earlier: Term) -> Term:
    if type(later) is not tuple or type(earlier) is not tuple or len(later) != 3 or len(earlier) != 3:
        raise function_clause()
    differences = [a - b for a, b in zip(later, earlier, strict=True)]
    return (differences[0] * 10**6 + differences[1]) * 10**6 + differences[2]
