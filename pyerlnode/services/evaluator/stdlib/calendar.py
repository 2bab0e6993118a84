"""`calendar`: days, dates and seconds of the Gregorian calendar, from the year 0 on.

Source: calendar.erl of OTP 27.
Proof: tests/services/evaluator/test_stdlib_erlang.py, interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import re
from datetime import date as of_python
from typing import Final

from pyerlnode.services.evaluator.stdlib import erlang_time
from pyerlnode.services.evaluator.stdlib.arguments import badarg, function_clause, is_integer
from pyerlnode.services.evaluator.stdlib.registry import Library
from pyerlnode.term import Atom, Term, charlist

calendar = Library("calendar")

_DAY: Final = 86_400
# Python counts days from the first of the year 1, which is day 366 here.
_YEAR_ONE: Final = 365
_EPOCH: Final = 62_167_219_200  # 1970-01-01, in seconds
_MOST_DAYS: Final = of_python.max.toordinal() + _YEAR_ONE


def _date(value: Term) -> tuple[int, int, int]:
    """A date that there is; `function_clause` for anything else, and beyond the year 9999."""
    if not valid_date_of(value) or value[0] > of_python.max.year:
        raise function_clause()
    return value  # type: ignore[no-any-return]


def _time(value: Term) -> tuple[int, int, int]:
    if type(value) is not tuple or len(value) != 3 or not all(is_integer(part, 0) for part in value):
        raise function_clause()
    if value[0] > 23 or value[1] > 59 or value[2] > 59:
        raise function_clause()
    return value


def _pair(value: Term) -> tuple[Term, Term]:
    if type(value) is not tuple or len(value) != 2:
        raise function_clause()
    return value


# --- days -----------------------------------------------------------------------------------


@calendar.function("is_leap_year", 1)
def is_leap_year(year: Term) -> Term:
    if not is_integer(year, 0):
        raise function_clause()
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@calendar.function("last_day_of_the_month", 2)
def last_day_of_the_month(year: Term, month: Term) -> Term:
    if not is_integer(year, 0) or not is_integer(month, 1) or month > 12:
        raise function_clause()
    return (
        29
        if month == 2 and is_leap_year(year)
        else (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)[month - 1]
    )


@calendar.function("valid_date", 1)
def valid_date_of(date: Term) -> Term:
    return type(date) is tuple and len(date) == 3 and valid_date(*date)


@calendar.function("valid_date", 3)
def valid_date(year: Term, month: Term, day: Term) -> Term:
    if not is_integer(year, 0) or not is_integer(month, 1) or not is_integer(day, 1) or month > 12:
        return False
    return day <= last_day_of_the_month(year, month)


@calendar.function("date_to_gregorian_days", 1)
def date_to_gregorian_days(date: Term) -> Term:
    year, month, day = _date(date)
    if year == 0:
        return sum(last_day_of_the_month(0, each) for each in range(1, month)) + day - 1
    return of_python(year, month, day).toordinal() + _YEAR_ONE


@calendar.function("date_to_gregorian_days", 3)
def date_to_gregorian_days_of(year: Term, month: Term, day: Term) -> Term:
    return date_to_gregorian_days((year, month, day))


@calendar.function("gregorian_days_to_date", 1)
def gregorian_days_to_date(days: Term) -> Term:
    if not is_integer(days, 0) or days > _MOST_DAYS:
        raise function_clause()
    if days > _YEAR_ONE:
        found = of_python.fromordinal(days - _YEAR_ONE)
        return (found.year, found.month, found.day)
    month, left = 1, int(days)
    while left >= last_day_of_the_month(0, month):
        left -= last_day_of_the_month(0, month)
        month += 1
    return (0, month, left + 1)


@calendar.function("day_of_the_week", 1)
def day_of_the_week(date: Term) -> Term:
    return (date_to_gregorian_days(date) + 5) % 7 + 1


@calendar.function("day_of_the_week", 3)
def day_of_the_week_of(year: Term, month: Term, day: Term) -> Term:
    return day_of_the_week((year, month, day))


@calendar.function("iso_week_number", 1)
def iso_week_number(date: Term) -> Term:
    found = of_python(*_date(date)).isocalendar()
    return (found.year, found.week)


@calendar.function("iso_week_number", 0)
def iso_week_number_today() -> Term:
    return iso_week_number(erlang_time.date())


# --- seconds ----------------------------------------------------------------------------------


@calendar.function("time_to_seconds", 1)
def time_to_seconds(time: Term) -> Term:
    hour, minute, second = _time(time)
    return (hour * 60 + minute) * 60 + second


@calendar.function("seconds_to_time", 1)
def seconds_to_time(seconds: Term) -> Term:
    if not is_integer(seconds, 0) or seconds >= _DAY:
        raise function_clause()
    return (seconds // 3600, seconds // 60 % 60, seconds % 60)


@calendar.function("seconds_to_daystime", 1)
def seconds_to_daystime(seconds: Term) -> Term:
    if not is_integer(seconds):
        raise function_clause()
    days, left = divmod(seconds, _DAY)
    return (days, seconds_to_time(left))


@calendar.function("datetime_to_gregorian_seconds", 1)
def datetime_to_gregorian_seconds(moment: Term) -> Term:
    date, time = _pair(moment)
    return date_to_gregorian_days(date) * _DAY + time_to_seconds(time)


@calendar.function("gregorian_seconds_to_datetime", 1)
def gregorian_seconds_to_datetime(seconds: Term) -> Term:
    if not is_integer(seconds, 0):
        raise function_clause()
    days, left = divmod(seconds, _DAY)
    return (gregorian_days_to_date(days), seconds_to_time(left))


@calendar.function("time_difference", 2)
def time_difference(first: Term, second: Term) -> Term:
    return seconds_to_daystime(datetime_to_gregorian_seconds(second) - datetime_to_gregorian_seconds(first))


# --- clocks -----------------------------------------------------------------------------------


calendar.function("local_time", 0)(erlang_time.localtime)
calendar.function("universal_time", 0)(erlang_time.universaltime)


@calendar.function("now_to_datetime", 1)
def now_to_datetime(now: Term) -> Term:
    if type(now) is not tuple or len(now) != 3 or not all(is_integer(part) for part in now):
        raise function_clause()
    return gregorian_seconds_to_datetime(_EPOCH + now[0] * 10**6 + now[1])


calendar.function("now_to_universal_time", 1)(now_to_datetime)


@calendar.function("system_time_to_universal_time", 2)
def system_time_to_universal_time(time: Term, unit: Term) -> Term:
    return gregorian_seconds_to_datetime(_EPOCH + erlang_time.convert_time_unit(time, unit, Atom("second")))


@calendar.function("system_time_to_rfc3339", 1)
def system_time_to_rfc3339(seconds: Term) -> Term:
    if not is_integer(seconds):
        raise badarg()
    (year, month, day), (hour, minute, second) = gregorian_seconds_to_datetime(_EPOCH + seconds)
    return charlist(f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}+00:00")


_RFC3339: Final = re.compile(
    r"(\d{4})-(\d\d)-(\d\d)[Tt ](\d\d):(\d\d):(\d\d)(?:\.\d+)?(?:[Zz]|([+-])(\d\d):(\d\d))", re.ASCII
)


@calendar.function("rfc3339_to_system_time", 1)
def rfc3339_to_system_time(text: Term) -> Term:
    if not isinstance(text, list):
        raise badarg()
    found = _RFC3339.fullmatch("".join(chr(code) for code in text if is_integer(code, 0) and code < 128))
    if found is None:
        raise badarg()
    parts = [int(part) for part in found.groups()[:6]]
    seconds: int = datetime_to_gregorian_seconds((tuple(parts[:3]), tuple(parts[3:]))) - _EPOCH
    offset = int(found[8] or 0) * 3600 + int(found[9] or 0) * 60
    return seconds - offset if found[7] == "+" else seconds + offset
