"""`NaiveDateTime`, and `DateTime` in UTC: a date and a time of day.

Source: calendar/naive_datetime.ex, calendar/datetime.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import datetime
import math

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.stdlib.arguments import is_integer
from pyerlnode.services.evaluator.stdlib.elixir.calendar import (
    DATE,
    INVALID_DATE,
    INVALID_FORMAT,
    SECOND,
    clock_of,
    clock_text,
    compared,
    cut,
    date_of,
    date_term,
    in_units,
    later,
    made,
    microseconds_of,
    moment_of,
    naive_term,
    precision_of,
    read_clock,
    time_term,
    unit_length,
    zoned_term,
)
from pyerlnode.services.evaluator.stdlib.elixir.date import date_to_erl, new_date
from pyerlnode.services.evaluator.stdlib.elixir.support import ERROR, OK, is_struct, need, plain, shown
from pyerlnode.services.evaluator.stdlib.elixir.time import new_time, time_to_erl
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

naive_module = Library("Elixir.NaiveDateTime", group="time")
datetime_module = Library("Elixir.DateTime", group="time")


def _register(library: Library, name: str, zoned: bool) -> None:
    """The functions that the two have alike."""
    term = zoned_term if zoned else naive_term

    def given_moment(given: Term) -> tuple[datetime.datetime, int]:
        need(is_struct(plain(given), name) or (not zoned and is_struct(plain(given), "DateTime")))
        return moment_of(given)

    def text(given: Term, between: str) -> bytes:
        moment, precision = given_moment(given)
        clock = clock_text(moment.time(), precision)
        return f"{moment.date().isoformat()}{between}{clock}{'Z' if zoned else ''}".encode()

    def add(given: Term, amount: Term, unit: Term = SECOND) -> Term:
        need(is_integer(amount))
        moment, precision = given_moment(given)
        return term(later(moment, microseconds_of(amount, unit)), max(precision, precision_of(unit)))

    def diff(left: Term, right: Term, unit: Term = SECOND) -> Term:
        between = given_moment(left)[0] - given_moment(right)[0]
        return in_units(between // datetime.timedelta(microseconds=1), unit)

    def truncate(given: Term, to: Term) -> Term:
        moment, precision = given_moment(given)
        kept = min(precision, precision_of(to))
        return term(moment.replace(microsecond=cut(moment.microsecond, kept)), kept)

    def now() -> Term:
        return term(datetime.datetime.now(datetime.UTC).replace(tzinfo=None), 6)

    library.function("to_string", 1)(lambda given: text(given, " "))
    library.function("to_iso8601", 1)(lambda given: text(given, "T"))
    library.function("add", 2)(add)
    library.function("add", 3)(lambda given, amount, unit: add(given, amount, unit))
    library.function("diff", 2)(diff)
    library.function("diff", 3)(lambda left, right, unit: diff(left, right, unit))
    library.function("truncate", 2)(truncate)
    library.function("compare", 2)(
        lambda left, right: compared(given_moment(left)[0], given_moment(right)[0])
    )
    library.function("before?", 2)(lambda left, right: given_moment(left)[0] < given_moment(right)[0])
    library.function("after?", 2)(lambda left, right: given_moment(left)[0] > given_moment(right)[0])
    library.function("to_date", 1)(lambda given: date_term(given_moment(given)[0].date()))
    library.function("to_time", 1)(lambda given: time_term(*clock_of(given)))
    library.function("utc_now", 0)(now)


_register(naive_module, "NaiveDateTime", zoned=False)
_register(datetime_module, "DateTime", zoned=True)


def _read_moment(text: Term) -> tuple[datetime.datetime, int, str | None] | Atom:
    need(isinstance(text, bytes))
    given = text.decode("utf-8", "replace")
    found = DATE.match(given[:10])
    clock = read_clock(given[10:]) if given[10:11] in ("T", " ") else INVALID_FORMAT
    if found is None or clock is INVALID_FORMAT:
        return INVALID_FORMAT
    try:
        day = datetime.date(*map(int, found.groups()))
    except ValueError:
        return INVALID_DATE
    if isinstance(clock, Atom):
        return clock
    return datetime.datetime.combine(day, clock[0]), clock[1], clock[2]


@naive_module.function("from_iso8601", 1)
def naive_from_iso(text: Term) -> Term:
    found = _read_moment(text)
    return (ERROR, found) if isinstance(found, Atom) else (OK, naive_term(found[0], found[1]))


@naive_module.function("from_iso8601!", 1)
def naive_from_iso_it(text: Term) -> Term:
    return made(naive_from_iso(text), f"cannot parse {shown(text)} as naive datetime")


@datetime_module.function("from_iso8601", 1)
def datetime_from_iso(text: Term) -> Term:
    found = _read_moment(text)
    if isinstance(found, Atom):
        return ERROR, found
    moment, precision, offset = found
    if offset is None:
        return ERROR, Atom("missing_offset")
    seconds = _offset(offset)
    return OK, zoned_term(later(moment, -seconds * 1_000_000), precision), seconds


def _offset(text: str) -> int:
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    return (-1 if text[0] == "-" else 1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


@datetime_module.function("to_naive", 1)
def to_naive(given: Term) -> Term:
    return naive_term(*moment_of(given))


@datetime_module.function("to_unix", 1)
@datetime_module.function("to_unix", 2)
def to_unix(given: Term, unit: Term = SECOND) -> Term:
    since = moment_of(given)[0] - datetime.datetime(1970, 1, 1)
    return math.floor(since // datetime.timedelta(microseconds=1) / unit_length(unit))


@datetime_module.function("from_unix", 1)
@datetime_module.function("from_unix", 2)
def from_unix(number: Term, unit: Term = SECOND) -> Term:
    need(is_integer(number))
    try:
        moment = later(datetime.datetime(1970, 1, 1), microseconds_of(number, unit))
    except ErlangError:
        return ERROR, Atom("invalid_unix_time")
    return OK, zoned_term(moment, precision_of(unit))


@datetime_module.function("from_unix!", 1)
@datetime_module.function("from_unix!", 2)
def from_unix_it(number: Term, unit: Term = SECOND) -> Term:
    return made(from_unix(number, unit), f"invalid Unix time {shown(number)}")


@naive_module.function("new", 2)
def new_naive(date: Term, clock: Term) -> Term:
    found, precision = clock_of(clock)
    return OK, naive_term(datetime.datetime.combine(date_of(date), found), precision)


@naive_module.function("new!", 2)
def new_naive_it(date: Term, clock: Term) -> Term:
    return new_naive(date, clock)[1]


@naive_module.function("new", 6)
@naive_module.function("new", 7)
def new_naive_of(year: Term, month: Term, day: Term, *clock: Term) -> Term:
    date, of_day = new_date(year, month, day), new_time(*clock)
    if date[0] is ERROR or of_day[0] is ERROR:
        return date if date[0] is ERROR else of_day
    return new_naive(date[1], of_day[1])


@naive_module.function("new!", 6)
@naive_module.function("new!", 7)
def new_naive_of_it(*numbers: Term) -> Term:
    return made(new_naive_of(*numbers), "cannot build naive datetime")


@naive_module.function("to_erl", 1)
def naive_to_erl(given: Term) -> Term:
    return date_to_erl(given), time_to_erl(given)


@naive_module.function("beginning_of_day", 1)
def beginning_of_day(given: Term) -> Term:
    return naive_term(datetime.datetime.combine(date_of(given), datetime.time()), clock_of(given)[1])


@naive_module.function("end_of_day", 1)
def end_of_day(given: Term) -> Term:
    precision = clock_of(given)[1]
    last = datetime.time(23, 59, 59, cut(999_999, precision))
    return naive_term(datetime.datetime.combine(date_of(given), last), precision)


@datetime_module.function("new", 2)
@datetime_module.function("from_naive", 2)
def zoned(given: Term, other: Term) -> Term:
    """Of a date and a time, or of a `NaiveDateTime` and the only time zone that is known."""
    if other == b"Etc/UTC":
        return OK, zoned_term(*moment_of(given))
    found, precision = clock_of(other)
    return OK, zoned_term(datetime.datetime.combine(date_of(given), found), precision)


@datetime_module.function("new!", 2)
@datetime_module.function("from_naive!", 2)
def zoned_it(given: Term, other: Term) -> Term:
    return zoned(given, other)[1]
