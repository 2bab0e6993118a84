"""Dates and times as terms and as Python has them; units of time, and the text of ISO 8601.

What `Date`, `Time`, `NaiveDateTime` and `DateTime` have in common.  All are of the ISO calendar, with
years from 1 to 9999, as Python's own dates have them; beyond these, and for time zones,
functions fail with `system_limit` or are not there.

Source: calendar/iso.ex of Elixir 1.18.
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
    OK,
    STRUCT,
    alias,
    argument_error,
    field,
    need,
    plain,
    shown,
    system_limit,
)
from pyerlnode.term import Atom, Term

_ISO = Atom("Elixir.Calendar.ISO")
_LT, _EQ, _GT = Atom("lt"), Atom("eq"), Atom("gt")
INVALID_FORMAT, INVALID_DATE, INVALID_TIME = (
    Atom("invalid_format"),
    Atom("invalid_date"),
    Atom("invalid_time"),
)
DAY, SECOND = Atom("day"), Atom("second")
_SECONDS: Final = {"second": 1, "minute": 60, "hour": 3600, "day": 86_400, "week": 604_800}
_FRACTIONS: Final = {"millisecond": 1000, "microsecond": 1}
DATE: Final = re.compile(r"(\d{4})-(\d\d)-(\d\d)\Z")
_TIME: Final = re.compile(
    r"[T ]?(\d\d):(\d\d):(\d\d)(?:[.,](\d{1,6})\d*)?(Z|(?!-00:?00)[+-][0-2]\d:?[0-5]\d)?\Z"
)


# --- terms ----------------------------------------------------------------------------------


def _date_fields(given: datetime.date) -> dict[Term, Term]:
    return {Atom("calendar"): _ISO, **{Atom(name): getattr(given, name) for name in ("year", "month", "day")}}


def date_term(given: datetime.date) -> Term:
    """A `Date`."""
    return {STRUCT: alias("Date"), **_date_fields(given)}


def _clock_fields(given: datetime.time | datetime.datetime, precision: int) -> dict[Term, Term]:
    numbers = {Atom(name): getattr(given, name) for name in ("hour", "minute", "second")}
    return {**numbers, Atom("microsecond"): (given.microsecond, precision)}


def time_term(given: datetime.time, precision: int) -> Term:
    """A `Time` whose fraction of a second has so many digits."""
    return {STRUCT: alias("Time"), Atom("calendar"): _ISO, **_clock_fields(given, precision)}


def naive_term(given: datetime.datetime, precision: int) -> Term:
    """A `NaiveDateTime`."""
    return {STRUCT: alias("NaiveDateTime"), **_date_fields(given), **_clock_fields(given, precision)}


_UTC: Final = {
    Atom("time_zone"): b"Etc/UTC",
    Atom("zone_abbr"): b"UTC",
    Atom("utc_offset"): 0,
    Atom("std_offset"): 0,
}


def zoned_term(given: datetime.datetime, precision: int) -> Term:
    """A `DateTime` in UTC."""
    return {**naive_term(given, precision), STRUCT: alias("DateTime"), **_UTC}


def date_of(term: Term) -> datetime.date:
    """The date of a `Date`, or of what has one; `function_clause` for anything else."""
    return datetime.date(*integers_of(term, "year", "month", "day"))


def clock_of(term: Term) -> tuple[datetime.time, int]:
    """The time of day of a `Time`, or of what has one, and the digits of its fraction."""
    microsecond = field(plain(term), "microsecond")
    need(isinstance(microsecond, tuple) and len(microsecond) == 2)
    hour, minute, second = integers_of(term, "hour", "minute", "second")
    return datetime.time(hour, minute, second, microsecond[0]), microsecond[1]


def moment_of(term: Term) -> tuple[datetime.datetime, int]:
    """Both together; of time zones there is only UTC."""
    zone = field(plain(term), "time_zone")
    if zone not in (None, b"Etc/UTC"):
        # There is no data base of time zones here, and a wrong answer would be worse than none.
        raise ErlangError(Atom("undef"))
    clock, precision = clock_of(term)
    return datetime.datetime.combine(date_of(term), clock), precision


def integers_of(term: Term, *names: str) -> list[int]:
    """Fields that must be integers; `function_clause` if they are not."""
    given = plain(term)
    need(isinstance(given, dict))
    values = [field(given, name) for name in names]
    need(all(map(is_integer, values)))
    return values


def later(given: datetime.datetime, microseconds: int) -> datetime.datetime:
    """So much later; `system_limit` outside of the years that there are here."""
    try:
        return given + datetime.timedelta(microseconds=microseconds)
    except OverflowError:
        raise system_limit() from None


def unit_length(unit: Term) -> Fraction:
    """Microseconds of a unit; of an integer, which is parts of a second, as well."""
    if is_integer(unit, 1):
        return Fraction(1_000_000, int(unit))
    name = str(unit)
    found = _SECONDS.get(name, 0) * 1_000_000 or _FRACTIONS.get(name, 0)
    if not found:
        raise argument_error(f"unsupported time unit. Expected :day, :hour, :minute, ..., got {shown(unit)}")
    return Fraction(found)


def microseconds_of(amount: int, unit: Term) -> int:
    """So many units in whole microseconds."""
    return math.floor(amount * unit_length(unit))


def in_units(microseconds: int, unit: Term) -> int:
    """Whole units, towards zero."""
    return math.trunc(microseconds / unit_length(unit))


def compared(left: object, right: object) -> Term:
    """What `compare/2` says of two of one kind."""
    return _LT if left < right else _GT if left > right else _EQ  # type: ignore[operator]  # of one kind


def cut(microsecond: int, digits: int) -> int:
    """Without the digits behind so many."""
    return int(microsecond - microsecond % 10 ** (6 - digits))


def precision_of(unit: Term) -> int:
    """How many digits of a fraction a unit takes to write."""
    if is_integer(unit, 1):
        return {1: 0, 1000: 3}.get(unit, 6)
    return 3 if unit == "millisecond" else 6 if unit == "microsecond" else 0


# --- text -----------------------------------------------------------------------------------


def made(result: Term, text: str) -> Term:
    """The value of `{ok, Value}`; ArgumentError for `{error, Reason}`."""
    if result[0] is OK:
        return result[1]
    raise argument_error(f"{text}, reason: {shown(result[1])}")


def clock_text(clock: datetime.time, precision: int) -> str:
    """A time of day in ISO 8601."""
    fraction = f".{clock.microsecond:06}"[: precision + 1] if precision else ""
    return f"{clock.hour:02}:{clock.minute:02}:{clock.second:02}{fraction}"


def read_clock(text: str) -> tuple[datetime.time, int, str | None] | Atom:
    """The time, its precision and its offset; or why it is none."""
    found = _TIME.match(text)
    if found is None:
        return INVALID_FORMAT
    hour, minute, second, fraction, offset = found.groups()
    try:
        clock = datetime.time(int(hour), int(minute), int(second), int((fraction or "").ljust(6, "0")))
    except ValueError:
        return INVALID_TIME
    return clock, len(fraction or ""), offset
