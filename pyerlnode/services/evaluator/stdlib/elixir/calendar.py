"""`Date`, `Time`, `NaiveDateTime` and `DateTime` in UTC: the basics, in the ISO calendar.

Years from 1 to 9999, as Python's own dates have them; beyond these, and for time zones,
functions fail with `system_limit` or are not there.

Source: calendar/*.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import datetime
import math
import re
from fractions import Fraction
from typing import Final

from pyerlnode.errors import ErlangError
from pyerlnode.services.evaluator.stdlib.arguments import is_integer
from pyerlnode.services.evaluator.stdlib.elixir.support import (
    ERROR,
    OK,
    STRUCT,
    alias,
    argument_error,
    field,
    is_struct,
    need,
    plain,
    shown,
    system_limit,
)
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term

date_module = Library("Elixir.Date", group="time")
time_module = Library("Elixir.Time", group="time")
naive_module = Library("Elixir.NaiveDateTime", group="time")
datetime_module = Library("Elixir.DateTime", group="time")

_ISO = Atom("Elixir.Calendar.ISO")
_LT, _EQ, _GT = Atom("lt"), Atom("eq"), Atom("gt")
_INVALID_FORMAT, _INVALID_DATE, _INVALID_TIME = (
    Atom("invalid_format"),
    Atom("invalid_date"),
    Atom("invalid_time"),
)
_DAY, _SECOND = Atom("day"), Atom("second")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_FRACTIONS: Final = {"millisecond": 1000, "microsecond": 1}
_DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)\Z")
_TIME: Final = re.compile(
    r"[T ]?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6})\d*)?(Z|(?!-00:?00)[+-][0-2]\d:?[0-5]\d)?\Z"
)

# --- terms ----------------------------------------------------------------------------------


def _date_fields(given: datetime.date) -> dict[Term, Term]:
    return {Atom("calendar"): _ISO, **{Atom(name): getattr(given, name) for name in ("year", "month", "day")}}


def date_term(given: datetime.date) -> Term:
    return {STRUCT: alias("Date"), **_date_fields(given)}


def _clock_fields(given: datetime.time | datetime.datetime, precision: int) -> dict[Term, Term]:
    numbers = {Atom(name): getattr(given, name) for name in ("hour", "minute", "second")}
    return {**numbers, Atom("microsecond"): (given.microsecond, precision)}


def time_term(given: datetime.time, precision: int) -> Term:
    return {STRUCT: alias("Time"), Atom("calendar"): _ISO, **_clock_fields(given, precision)}


def naive_term(given: datetime.datetime, precision: int) -> Term:
    return {STRUCT: alias("NaiveDateTime"), **_date_fields(given), **_clock_fields(given, precision)}


_UTC: Final = {
    Atom("time_zone"): b"Etc/UTC",
    Atom("zone_abbr"): b"UTC",
    Atom("utc_offset"): 0,
    Atom("std_offset"): 0,
}


def zoned_term(given: datetime.datetime, precision: int) -> Term:
    return {**naive_term(given, precision), STRUCT: alias("DateTime"), **_UTC}


def _date(term: Term) -> datetime.date:
    """The date of a `Date`, or of what has one; `function_clause` for anything else."""
    return datetime.date(*_numbers(term, "year", "month", "day"))


def _clock(term: Term) -> tuple[datetime.time, int]:
    microsecond = field(plain(term), "microsecond")
    need(isinstance(microsecond, tuple) and len(microsecond) == 2)
    hour, minute, second = _numbers(term, "hour", "minute", "second")
    return datetime.time(hour, minute, second, microsecond[0]), microsecond[1]


def _moment(term: Term) -> tuple[datetime.datetime, int]:
    zone = field(plain(term), "time_zone")
    if zone not in (None, b"Etc/UTC"):
        # There is no data base of time zones here, and a wrong answer would be worse than none.
        raise ErlangError(Atom("undef"))
    clock, precision = _clock(term)
    return datetime.datetime.combine(_date(term), clock), precision


def _numbers(term: Term, *names: str) -> list[int]:
    given = plain(term)
    need(isinstance(given, dict))
    values = [field(given, name) for name in names]
    need(all(map(is_integer, values)))
    return values


def _moved(given: datetime.datetime, microseconds: int) -> datetime.datetime:
    try:
        return given + datetime.timedelta(microseconds=microseconds)
    except OverflowError:
        raise system_limit() from None


def _unit(unit: Term) -> Fraction:
    """Microseconds of a unit; of an integer, which is parts of a second, as well."""
    if is_integer(unit, 1):
        return Fraction(1_000_000, int(unit))
    name = str(unit)
    found = _SECONDS.get(name, 0) * 1_000_000 or _FRACTIONS.get(name, 0)
    if not found:
        raise argument_error(f"unsupported time unit. Expected :day, :hour, :minute, ..., got {shown(unit)}")
    return Fraction(found)


def _microseconds(amount: int, unit: Term) -> int:
    return math.floor(amount * _unit(unit))


def _in_units(microseconds: int, unit: Term) -> int:
    """Whole units, towards zero."""
    return math.trunc(microseconds / _unit(unit))


def _order(left: object, right: object) -> Term:
    return _LT if left < right else _GT if left > right else _EQ  # type: ignore[operator]  # of one kind


# --- Date -----------------------------------------------------------------------------------


def _made(result: Term, text: str) -> Term:
    """The value of `{ok, Value}`; ArgumentError for `{error, Reason}`."""
    if result[0] is OK:
        return result[1]
    raise argument_error(f"{text}, reason: {shown(result[1])}")


@date_module.function("new", 3)
def new_date(year: Term, month: Term, day: Term) -> Term:
    need(is_integer(year), is_integer(month), is_integer(day))
    try:
        return OK, date_term(datetime.date(year, month, day))
    except (ValueError, OverflowError):
        return ERROR, _INVALID_DATE


@date_module.function("new!", 3)
def new_date_it(year: Term, month: Term, day: Term) -> Term:
    return _made(new_date(year, month, day), "cannot build date")


@date_module.function("from_iso8601", 1)
def date_from_iso(text: Term) -> Term:
    need(isinstance(text, bytes))
    found = _DATE.match(text.decode("utf-8", "replace"))
    return new_date(*map(int, found.groups())) if found else (ERROR, _INVALID_FORMAT)


@date_module.function("from_iso8601!", 1)
def date_from_iso_it(text: Term) -> Term:
    return _made(date_from_iso(text), f"cannot parse {shown(text)} as date")


@date_module.function("to_string", 1)
@date_module.function("to_iso8601", 1)
def date_text(given: Term) -> Term:
    return _date(given).isoformat().encode()


@date_module.function("utc_today", 0)
def utc_today() -> Term:
    return date_term(datetime.datetime.now(datetime.UTC).date())


@date_module.function("add", 2)
def add_days(given: Term, days: Term) -> Term:
    need(is_integer(days))
    moment = datetime.datetime.combine(_date(given), datetime.time())
    return date_term(_moved(moment, _microseconds(days, _DAY)).date())


@date_module.function("diff", 2)
def days_between(left: Term, right: Term) -> Term:
    return (_date(left) - _date(right)).days


@date_module.function("compare", 2)
def compare_dates(left: Term, right: Term) -> Term:
    return _order(_date(left), _date(right))


@date_module.function("before?", 2)
def is_before(left: Term, right: Term) -> Term:
    return _date(left) < _date(right)


@date_module.function("after?", 2)
def is_after(left: Term, right: Term) -> Term:
    return _date(left) > _date(right)


@date_module.function("day_of_week", 1)
def day_of_week(given: Term) -> Term:
    return _date(given).isoweekday()


@date_module.function("day_of_year", 1)
def day_of_year(given: Term) -> Term:
    return _date(given).timetuple().tm_yday


@date_module.function("quarter_of_year", 1)
def quarter_of_year(given: Term) -> Term:
    return (_date(given).month + 2) // 3


@date_module.function("days_in_month", 1)
def days_in_month(given: Term) -> Term:
    first = _date(given).replace(day=1)
    return ((first.replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - first).days


@date_module.function("leap_year?", 1)
def is_leap_year(given: Term) -> Term:
    year = _date(given).year
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@date_module.function("beginning_of_month", 1)
def beginning_of_month(given: Term) -> Term:
    return date_term(_date(given).replace(day=1))


@date_module.function("end_of_month", 1)
def end_of_month(given: Term) -> Term:
    return date_term(_date(given).replace(day=days_in_month(given)))


@date_module.function("beginning_of_week", 1)
def beginning_of_week(given: Term) -> Term:
    return add_days(given, 1 - day_of_week(given))


@date_module.function("end_of_week", 1)
def end_of_week(given: Term) -> Term:
    return add_days(given, 7 - day_of_week(given))


@date_module.function("to_erl", 1)
def date_to_erl(given: Term) -> Term:
    return tuple(_numbers(given, "year", "month", "day"))


# --- Time -----------------------------------------------------------------------------------


def _clock_text(clock: datetime.time, precision: int) -> str:
    fraction = f".{clock.microsecond:06}"[: precision + 1] if precision else ""
    return f"{clock.hour:02}:{clock.minute:02}:{clock.second:02}{fraction}"


def _read_clock(text: str) -> tuple[datetime.time, int, str | None] | Atom:
    """The time, its precision and its offset; or why it is none."""
    found = _TIME.match(text)
    if found is None:
        return _INVALID_FORMAT
    hour, minute, second, fraction, offset = found.groups()
    try:
        clock = datetime.time(int(hour), int(minute), int(second), int((fraction or "").ljust(6, "0")))
    except ValueError:
        return _INVALID_TIME
    return clock, len(fraction or ""), offset


@time_module.function("new", 3)
@time_module.function("new", 4)
def new_time(hour: Term, minute: Term, second: Term, microsecond: Term = (0, 0)) -> Term:
    need(is_integer(hour), is_integer(minute), is_integer(second))
    given = (microsecond, 6) if is_integer(microsecond) else microsecond
    try:
        return OK, time_term(datetime.time(hour, minute, second, given[0]), given[1])
    except (ValueError, OverflowError):
        return ERROR, _INVALID_TIME


@time_module.function("new!", 3)
@time_module.function("new!", 4)
def new_time_it(*given: Term) -> Term:
    return _made(new_time(*given), "cannot build time")


@time_module.function("from_iso8601", 1)
def time_from_iso(text: Term) -> Term:
    need(isinstance(text, bytes))
    found = _read_clock(text.decode("utf-8", "replace"))
    return (ERROR, found) if isinstance(found, Atom) else (OK, time_term(found[0], found[1]))


@time_module.function("from_iso8601!", 1)
def time_from_iso_it(text: Term) -> Term:
    return _made(time_from_iso(text), f"cannot parse {shown(text)} as time")


@time_module.function("to_string", 1)
@time_module.function("to_iso8601", 1)
def time_text(given: Term) -> Term:
    return _clock_text(*_clock(given)).encode()


@time_module.function("compare", 2)
def compare_times(left: Term, right: Term) -> Term:
    return _order(_clock(left)[0], _clock(right)[0])


@time_module.function("utc_now", 0)
def time_now() -> Term:
    return time_term(datetime.datetime.now(datetime.UTC).time(), 6)


@time_module.function("add", 2)
@time_module.function("add", 3)
def add_to_time(given: Term, amount: Term, unit: Term = _SECOND) -> Term:
    need(is_integer(amount))
    clock, precision = _clock(given)
    moment = datetime.datetime.combine(datetime.date(2000, 1, 1), clock)
    moved = _moved(moment, _microseconds(amount, unit) % _microseconds(1, _DAY))
    return time_term(moved.time(), max(precision, _precision_of(unit)))


@time_module.function("diff", 2)
@time_module.function("diff", 3)
def time_between(left: Term, right: Term, unit: Term = _SECOND) -> Term:
    day = datetime.date(2000, 1, 1)
    ends = (datetime.datetime.combine(day, _clock(each)[0]) for each in (left, right))
    return _in_units((next(ends) - next(ends)) // datetime.timedelta(microseconds=1), unit)


@time_module.function("truncate", 2)
def truncate_time(given: Term, to: Term) -> Term:
    clock, precision = _clock(given)
    kept = min(precision, _precision_of(to))
    return time_term(clock.replace(microsecond=_cut(clock.microsecond, kept)), kept)


@time_module.function("to_erl", 1)
def time_to_erl(given: Term) -> Term:
    return tuple(_numbers(given, "hour", "minute", "second"))


def _cut(microsecond: int, digits: int) -> int:
    return int(microsecond - microsecond % 10 ** (6 - digits))


def _precision_of(unit: Term) -> int:
    if is_integer(unit, 1):
        return {1: 0, 1000: 3}.get(unit, 6)
    return 3 if unit == "millisecond" else 6 if unit == "microsecond" else 0


# --- NaiveDateTime, DateTime --------------------------------------------------------------------


def _register(library: Library, name: str, zoned: bool) -> None:
    """The functions that the two have alike."""
    term = zoned_term if zoned else naive_term

    def given_moment(given: Term) -> tuple[datetime.datetime, int]:
        need(is_struct(plain(given), name) or (not zoned and is_struct(plain(given), "DateTime")))
        return _moment(given)

    def text(given: Term, between: str) -> bytes:
        moment, precision = given_moment(given)
        clock = _clock_text(moment.time(), precision)
        return f"{moment.date().isoformat()}{between}{clock}{'Z' if zoned else ''}".encode()

    def add(given: Term, amount: Term, unit: Term = _SECOND) -> Term:
        need(is_integer(amount))
        moment, precision = given_moment(given)
        return term(_moved(moment, _microseconds(amount, unit)), max(precision, _precision_of(unit)))

    def diff(left: Term, right: Term, unit: Term = _SECOND) -> Term:
        between = given_moment(left)[0] - given_moment(right)[0]
        return _in_units(between // datetime.timedelta(microseconds=1), unit)

    def truncate(given: Term, to: Term) -> Term:
        moment, precision = given_moment(given)
        kept = min(precision, _precision_of(to))
        return term(moment.replace(microsecond=_cut(moment.microsecond, kept)), kept)

    def now() -> Term:
        return term(datetime.datetime.now(datetime.UTC).replace(tzinfo=None), 6)

    library.function("to_string", 1)(lambda given: text(given, " "))
    library.function("to_iso8601", 1)(lambda given: text(given, "T"))
    library.function("add", 2)(add)
    library.function("add", 3)(lambda given, amount, unit: add(given, amount, unit))
    library.function("diff", 2)(diff)
    library.function("diff", 3)(lambda left, right, unit: diff(left, right, unit))
    library.function("truncate", 2)(truncate)
    library.function("compare", 2)(lambda left, right: _order(given_moment(left)[0], given_moment(right)[0]))
    library.function("before?", 2)(lambda left, right: given_moment(left)[0] < given_moment(right)[0])
    library.function("after?", 2)(lambda left, right: given_moment(left)[0] > given_moment(right)[0])
    library.function("to_date", 1)(lambda given: date_term(given_moment(given)[0].date()))
    library.function("to_time", 1)(lambda given: time_term(*_clock(given)))
    library.function("utc_now", 0)(now)


_register(naive_module, "NaiveDateTime", zoned=False)
_register(datetime_module, "DateTime", zoned=True)


def _read_moment(text: Term) -> tuple[datetime.datetime, int, str | None] | Atom:
    need(isinstance(text, bytes))
    given = text.decode("utf-8", "replace")
    found = _DATE.match(given[:10])
    clock = _read_clock(given[10:]) if given[10:11] in ("T", " ") else _INVALID_FORMAT
    if found is None or clock is _INVALID_FORMAT:
        return _INVALID_FORMAT
    try:
        day = datetime.date(*map(int, found.groups()))
    except ValueError:
        return _INVALID_DATE
    if isinstance(clock, Atom):
        return clock
    return datetime.datetime.combine(day, clock[0]), clock[1], clock[2]


@naive_module.function("from_iso8601", 1)
def naive_from_iso(text: Term) -> Term:
    found = _read_moment(text)
    return (ERROR, found) if isinstance(found, Atom) else (OK, naive_term(found[0], found[1]))


@naive_module.function("from_iso8601!", 1)
def naive_from_iso_it(text: Term) -> Term:
    return _made(naive_from_iso(text), f"cannot parse {shown(text)} as naive datetime")


@datetime_module.function("from_iso8601", 1)
def datetime_from_iso(text: Term) -> Term:
    found = _read_moment(text)
    if isinstance(found, Atom):
        return ERROR, found
    moment, precision, offset = found
    if offset is None:
        return ERROR, Atom("missing_offset")
    seconds = _offset(offset)
    return OK, zoned_term(_moved(moment, -seconds * 1_000_000), precision), seconds


def _offset(text: str) -> int:
    if text == "Z":
        return 0
    digits = text[1:].replace(":", "")
    return (-1 if text[0] == "-" else 1) * (int(digits[:2]) * 3600 + int(digits[2:]) * 60)


@datetime_module.function("to_naive", 1)
def to_naive(given: Term) -> Term:
    return naive_term(*_moment(given))


@datetime_module.function("to_unix", 1)
@datetime_module.function("to_unix", 2)
def to_unix(given: Term, unit: Term = _SECOND) -> Term:
    since = _moment(given)[0] - datetime.datetime(1970, 1, 1)
    return math.floor(since // datetime.timedelta(microseconds=1) / _unit(unit))


@datetime_module.function("from_unix", 1)
@datetime_module.function("from_unix", 2)
def from_unix(number: Term, unit: Term = _SECOND) -> Term:
    need(is_integer(number))
    try:
        moment = _moved(datetime.datetime(1970, 1, 1), _microseconds(number, unit))
    except ErlangError:
        return ERROR, Atom("invalid_unix_time")
    return OK, zoned_term(moment, _precision_of(unit))


@datetime_module.function("from_unix!", 1)
@datetime_module.function("from_unix!", 2)
def from_unix_it(number: Term, unit: Term = _SECOND) -> Term:
    return _made(from_unix(number, unit), f"invalid Unix time {shown(number)}")


@naive_module.function("new", 2)
def new_naive(date: Term, clock: Term) -> Term:
    found, precision = _clock(clock)
    return OK, naive_term(datetime.datetime.combine(_date(date), found), precision)


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
    return _made(new_naive_of(*numbers), "cannot build naive datetime")


@naive_module.function("to_erl", 1)
def naive_to_erl(given: Term) -> Term:
    return date_to_erl(given), time_to_erl(given)


@naive_module.function("beginning_of_day", 1)
def beginning_of_day(given: Term) -> Term:
    return naive_term(datetime.datetime.combine(_date(given), datetime.time()), _clock(given)[1])


@naive_module.function("end_of_day", 1)
def end_of_day(given: Term) -> Term:
    precision = _clock(given)[1]
    last = datetime.time(23, 59, 59, _cut(999_999, precision))
    return naive_term(datetime.datetime.combine(_date(given), last), precision)


@datetime_module.function("new", 2)
@datetime_module.function("from_naive", 2)
def zoned(given: Term, other: Term) -> Term:
    """Of a date and a time, or of a `NaiveDateTime` and the only time zone that is known."""
    if other == b"Etc/UTC":
        return OK, zoned_term(*_moment(given))
    found, precision = _clock(other)
    return OK, zoned_term(datetime.datetime.combine(_date(given), found), precision)


@datetime_module.function("new!", 2)
@datetime_module.function("from_naive!", 2)
def zoned_it(given: Term, other: Term) -> Term:
    return zoned(given, other)[1]
