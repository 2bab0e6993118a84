"""`Time`: times of day.

Source: calendar/time.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import datetime

from pyerlnode.services.evaluator.stdlib.arguments import is_integer
from pyerlnode.services.evaluator.stdlib.elixir.calendar import (
    DAY,
    INVALID_TIME,
    SECOND,
    clock_of,
    clock_text,
    compared,
    cut,
    in_units,
    integers_of,
    later,
    made,
    microseconds_of,
    precision_of,
    read_clock,
    time_term,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import ERROR, OK, need, shown
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

time_module = Library("Elixir.Time", group="time")


@time_module.function("new", 3)
@time_module.function("new", 4)
def new_time(hour: Term, minute: Term, second: Term, microsecond: Term = (0, 0)) -> Term:
    need(is_integer(hour), is_integer(minute), is_integer(second))
    given = (microsecond, 6) if is_integer(microsecond) else microsecond
    try:
        return OK, time_term(datetime.time(hour, minute, second, given[0]), given[1])
    except (ValueError, OverflowError):
        return ERROR, INVALID_TIME


@time_module.function("new!", 3)
@time_module.function("new!", 4)
def new_time_it(*given: Term) -> Term:
    return made(new_time(*given), "cannot build time")


@time_module.function("from_iso8601", 1)
def time_from_iso(text: Term) -> Term:
    need(isinstance(text, bytes))
    found = read_clock(text.decode("utf-8", "replace"))
    return (ERROR, found) if isinstance(found, Atom) else (OK, time_term(found[0], found[1]))


@time_module.function("from_iso8601!", 1)
def time_from_iso_it(text: Term) -> Term:
    return made(time_from_iso(text), f"cannot parse {shown(text)} as time")


@time_module.function("to_string", 1)
@time_module.function("to_iso8601", 1)
def time_text(given: Term) -> Term:
    return clock_text(*clock_of(given)).encode()


@time_module.function("compare", 2)
def compare_times(left: Term, right: Term) -> Term:
    return compared(clock_of(left)[0], clock_of(right)[0])


@time_module.function("utc_now", 0)
def time_now() -> Term:
    return time_term(datetime.datetime.now(datetime.UTC).time(), 6)


@time_module.function("add", 2)
@time_module.function("add", 3)
def add_to_time(given: Term, amount: Term, unit: Term = SECOND) -> Term:
    need(is_integer(amount))
    clock, precision = clock_of(given)
    moment = datetime.datetime.combine(datetime.date(2000, 1, 1), clock)
    moved = later(moment, microseconds_of(amount, unit) % microseconds_of(1, DAY))
    return time_term(moved.time(), max(precision, precision_of(unit)))


@time_module.function("diff", 2)
@time_module.function("diff", 3)
def time_between(left: Term, right: Term, unit: Term = SECOND) -> Term:
    day = datetime.date(2000, 1, 1)
    ends = (datetime.datetime.combine(day, clock_of(each)[0]) for each in (left, right))
    return in_units((next(ends) - next(ends)) // datetime.timedelta(microseconds=1), unit)


@time_module.function("truncate", 2)
def truncate_time(given: Term, to: Term) -> Term:
    clock, precision = clock_of(given)
    kept = min(precision, precision_of(to))
    return time_term(clock.replace(microsecond=cut(clock.microsecond, kept)), kept)


@time_module.function("to_erl", 1)
def time_to_erl(given: Term) -> Term:
    return tuple(integers_of(given, "hour", "minute", "second"))
