"""`Date`: days of the ISO calendar.

Source: calendar/date.ex of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir.py, interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

import datetime
from typing import TYPE_CHECKING

from pyerlnode.services.evaluator.stdlib.arguments import is_integer
from pyerlnode.services.evaluator.stdlib.elixir.calendar import (
    DATE,
    DAY,
    INVALID_DATE,
    INVALID_FORMAT,
    compared,
    date_of,
    date_term,
    integers_of,
    later,
    made,
    microseconds_of,
)
from pyerlnode.services.evaluator.stdlib.elixir.support import ERROR, OK, need, shown
from pyerlnode.services.evaluator.stdlib.registry import Library

if TYPE_CHECKING:
    from pyerlnode.term import Term

date_module = Library("Elixir.Date", group="time")


@date_module.function("new", 3)
def new_date(year: Term, month: Term, day: Term) -> Term:
    need(is_integer(year), is_integer(month), is_integer(day))
    try:
        return OK, date_term(datetime.date(year, month, day))
    except (ValueError, OverflowError):
        return ERROR, INVALID_DATE


@date_module.function("new!", 3)
def new_date_it(year: Term, month: Term, day: Term) -> Term:
    return made(new_date(year, month, day), "cannot build date")


@date_module.function("from_iso8601", 1)
def date_from_iso(text: Term) -> Term:
    need(isinstance(text, bytes))
    found = DATE.match(text.decode("utf-8", "replace"))
    return new_date(*map(int, found.groups())) if found else (ERROR, INVALID_FORMAT)


@date_module.function("from_iso8601!", 1)
def date_from_iso_it(text: Term) -> Term:
    return made(date_from_iso(text), f"cannot parse {shown(text)} as date")


@date_module.function("to_string", 1)
@date_module.function("to_iso8601", 1)
def date_text(given: Term) -> Term:
    return date_of(given).isoformat().encode()


@date_module.function("utc_today", 0)
def utc_today() -> Term:
    return date_term(datetime.datetime.now(datetime.UTC).date())


@date_module.function("add", 2)
def add_days(given: Term, days: Term) -> Term:
    need(is_integer(days))
    moment = datetime.datetime.combine(date_of(given), datetime.time())
    return date_term(later(moment, microseconds_of(days, DAY)).date())


@date_module.function("diff", 2)
def days_between(left: Term, right: Term) -> Term:
    return (date_of(left) - date_of(right)).days


@date_module.function("compare", 2)
def compare_dates(left: Term, right: Term) -> Term:
    return compared(date_of(left), date_of(right))


@date_module.function("before?", 2)
def is_before(left: Term, right: Term) -> Term:
    return date_of(left) < date_of(right)


@date_module.function("after?", 2)
def is_after(left: Term, right: Term) -> Term:
    return date_of(left) > date_of(right)


@date_module.function("day_of_week", 1)
def day_of_week(given: Term) -> Term:
    return date_of(given).isoweekday()


@date_module.function("day_of_year", 1)
def day_of_year(given: Term) -> Term:
    return date_of(given).timetuple().tm_yday


@date_module.function("quarter_of_year", 1)
def quarter_of_year(given: Term) -> Term:
    return (date_of(given).month + 2) // 3


@date_module.function("days_in_month", 1)
def days_in_month(given: Term) -> Term:
    first = date_of(given).replace(day=1)
    return ((first.replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - first).days


@date_module.function("leap_year?", 1)
def is_leap_year(given: Term) -> Term:
    year = date_of(given).year
    return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)


@date_module.function("beginning_of_month", 1)
def beginning_of_month(given: Term) -> Term:
    return date_term(date_of(given).replace(day=1))


@date_module.function("end_of_month", 1)
def end_of_month(given: Term) -> Term:
    return date_term(date_of(given).replace(day=days_in_month(given)))


@date_module.function("beginning_of_week", 1)
def beginning_of_week(given: Term) -> Term:
    return add_days(given, 1 - day_of_week(given))


@date_module.function("end_of_week", 1)
def end_of_week(given: Term) -> Term:
    return add_days(given, 7 - day_of_week(given))


@date_module.function("to_erl", 1)
def date_to_erl(given: Term) -> Term:
    return tuple(integers_of(given, "year", "month", "day"))
