"""Elixir structs as Python objects.

Elixir                      Python
Date                        datetime.date
Time                        datetime.time, or `Time` where a precision must be kept
NaiveDateTime               datetime.datetime without tzinfo, or `DateTime`
DateTime in Etc/UTC         datetime.datetime with tzinfo=UTC, or `DateTime`
Decimal                     decimal.Decimal
MapSet                      frozenset (set is taken too), or `MapSet` with Elixir 1.14's version
Range                       range
URI                         `URI`
a registered struct         its dataclass
any other struct            dict with the key Atom("__struct__")

Nothing is lost: a struct is converted only where encoding the result gives the very
same term, and stays a dict otherwise: with missing or further keys, another calendar,
another time zone, a year that `datetime` has not, a set whose elements a frozenset
would merge.  A time without microseconds has precision 0 in Elixir and one with them 6;
other precisions (`~T[10:00:00.123]`) are kept by `Time` and `DateTime`, which are
subclasses of Python's.

A dataclass is registered with `@struct("Elixir.User")` or `register_struct`.  Each field
is a key; fields annotated `str` get text for a binary.  As in `copy` and `pickle`,
`__init__` and `__post_init__` do not run when one is decoded.

Source: `Map.from_struct/1` of each in Elixir 1.14, 1.18 and 1.20.
Proof: tests/term/test_structs.py.
"""

from __future__ import annotations

import dataclasses
import datetime
import decimal
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any, TypeAlias, TypeVar

from pyerlnode.errors import TermEncodeError, UsageError
from pyerlnode.term._encode import OPENERS, SHAPES, WRITERS
from pyerlnode.term.types import Atom

__all__ = ["URI", "DateTime", "MapSet", "Time", "register_struct", "struct"]

T = TypeVar("T")
Fields: TypeAlias = dict[Any, Any]
# Gives None where the object would not encode to the same term again.
Builder: TypeAlias = Callable[[Fields], Any]

BUILDERS: dict[str, Builder] = {}

_STRUCT = Atom("__struct__")


def _names(*names: str) -> tuple[Atom, ...]:
    return tuple(map(Atom, names))


def _values(fields: Fields, names: tuple[Atom, ...]) -> list[Any] | None:
    """The values of exactly these fields, all of them atoms, beside `__struct__`."""
    if len(fields) != len(names) + 1 or not all(type(key) is Atom for key in fields):
        return None
    try:
        return [fields[name] for name in names]
    except KeyError:
        return None


def _integers(values: Iterable[Any]) -> bool:
    return all(type(value) is int for value in values)


# --- registration --------------------------------------------------------------------


def struct(module: str) -> Callable[[type[T]], type[T]]:
    """Decorate a dataclass as the Elixir struct `module`, written verbatim: `@struct("Elixir.User")`."""

    def register(cls: type[T]) -> type[T]:
        register_struct(cls, module)
        return cls

    return register


def register_struct(cls: type[Any], module: str) -> None:
    """Let the dataclass `cls` encode as, and be decoded from, the struct `module`.

    Raises UsageError where `cls` is no dataclass, cannot be made by `cls.__new__(cls)`,
    or where it or the module is taken.
    """
    if not (isinstance(cls, type) and dataclasses.is_dataclass(cls)):
        raise UsageError(f"{cls!r} is no dataclass")
    try:
        cls.__new__(cls)
    except TypeError as error:
        raise UsageError(f"{cls.__name__} cannot be made without arguments: {error}") from None
    if cls in SHAPES or cls in OPENERS or cls in WRITERS:
        raise UsageError(f"{cls.__name__} is registered already")
    if module in BUILDERS:
        raise UsageError(f"the struct {module} is registered already")
    name = Atom(module)
    fields = tuple((field.name, _is_text(field.type)) for field in dataclasses.fields(cls))
    names = _names(*(field for field, _ in fields))

    def shape(obj: Any) -> Fields:
        return {_STRUCT: name, **{atom: getattr(obj, atom) for atom in names}}

    def build(given: Fields) -> Any:
        values = _values(given, names)
        if values is None:
            return None
        obj = cls.__new__(cls)
        for (field, text), value in zip(fields, values, strict=True):
            object.__setattr__(obj, field, _text(value) if text else value)
        return obj

    SHAPES[cls] = shape
    BUILDERS[name] = build


def _is_text(annotation: Any) -> bool:
    return annotation in (str, str | None) or (
        isinstance(annotation, str)
        and annotation.replace(" ", "") in ("str", "str|None", "None|str", "Optional[str]")
    )


def _text(value: Any) -> Any:
    if type(value) is not bytes:
        return value
    try:
        return value.decode()
    except UnicodeDecodeError:
        return value


# --- dates and times -----------------------------------------------------------------

_ISO = Atom("Elixir.Calendar.ISO")
_DATE = _names("calendar", "year", "month", "day")
_TIME = _names("calendar", "hour", "minute", "second", "microsecond")
_NAIVE = _DATE + _TIME[1:]
_ZONED = (*_NAIVE, *_names("time_zone", "zone_abbr", "utc_offset", "std_offset"))
_UTC_VALUES = [b"Etc/UTC", b"UTC", 0, 0]
_UTC_NAMES = frozenset({"UTC", "Etc/UTC"})


class Time(datetime.time):
    """A `datetime.time` with Elixir's `precision`: how many digits of the microseconds count (0 to 6)."""

    precision: int = 6

    @classmethod
    def of(cls, time: datetime.time, precision: int) -> Time:
        """The same time, with this precision."""
        made = cls(time.hour, time.minute, time.second, time.microsecond)
        made.precision = precision
        return made

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        plain = datetime.time(self.hour, self.minute, self.second, self.microsecond)
        return (Time.of, (plain, self.precision))


class DateTime(datetime.datetime):
    """A `datetime.datetime` with Elixir's `precision`: how many digits of the microseconds count (0 to 6)."""

    precision: int = 6

    @classmethod
    def of(cls, time: datetime.datetime, precision: int) -> DateTime:
        """The same time, with this precision."""
        made = cls.combine(time.date(), time.timetz())
        made.precision = precision
        return made

    def __reduce_ex__(self, protocol: Any) -> tuple[Any, ...]:
        return (DateTime.of, (datetime.datetime.combine(self.date(), self.timetz()), self.precision))


def _precision(time: datetime.time | datetime.datetime) -> tuple[int, int]:
    default = 6 if time.microsecond else 0
    return time.microsecond, time.precision if isinstance(time, (Time, DateTime)) else default


def _split(values: list[Any]) -> tuple[list[int], int] | None:
    """Check calendar and numbers; give the numbers with the microsecond, and its precision."""
    calendar, *numbers, fraction = values
    if calendar != _ISO or type(calendar) is not Atom or type(fraction) is not tuple or len(fraction) != 2:
        return None
    if not _integers(numbers) or not _integers(fraction) or not 0 <= fraction[1] <= 6:
        return None
    return [*numbers, fraction[0]], fraction[1]


def _make(plain: type[Any], kept: type[Any], values: list[Any] | None, **zone: Any) -> Any:
    split = None if values is None else _split(values)
    if split is None:
        return None
    numbers, precision = split
    try:
        time = plain(*numbers, **zone)
    except (ValueError, OverflowError):
        return None
    return time if precision == (6 if numbers[-1] else 0) else kept.of(time, precision)


def _date_shape(date: datetime.date) -> Fields:
    values = (_ISO, date.year, date.month, date.day)
    return {_STRUCT: Atom("Elixir.Date"), **dict(zip(_DATE, values, strict=True))}


def _build_date(fields: Fields) -> datetime.date | None:
    values = _values(fields, _DATE)
    if values is None or values[0] != _ISO or type(values[0]) is not Atom or not _integers(values[1:]):
        return None
    try:
        return datetime.date(*values[1:])
    except (ValueError, OverflowError):
        return None


def _time_shape(time: datetime.time) -> Fields:
    if time.tzinfo is not None:
        raise TermEncodeError("a time with a time zone is nothing in Elixir")
    values = (_ISO, time.hour, time.minute, time.second, _precision(time))
    return {_STRUCT: Atom("Elixir.Time"), **dict(zip(_TIME, values, strict=True))}


def _build_time(fields: Fields) -> datetime.time | None:
    made: datetime.time | None = _make(datetime.time, Time, _values(fields, _TIME))
    return made


def _datetime_shape(time: datetime.datetime) -> Fields:
    values = (_ISO, time.year, time.month, time.day, time.hour, time.minute, time.second, _precision(time))
    if time.tzinfo is None:
        return {_STRUCT: Atom("Elixir.NaiveDateTime"), **dict(zip(_NAIVE, values, strict=True))}
    if time.tzinfo is not datetime.UTC and str(time.tzinfo) not in _UTC_NAMES:
        raise TermEncodeError(f"a datetime in the time zone {time.tzinfo}: use .astimezone(datetime.UTC)")
    return {_STRUCT: Atom("Elixir.DateTime"), **dict(zip(_ZONED, [*values, *_UTC_VALUES], strict=True))}


def _build_naive(fields: Fields) -> datetime.datetime | None:
    made: datetime.datetime | None = _make(datetime.datetime, DateTime, _values(fields, _NAIVE))
    return made


def _build_zoned(fields: Fields) -> datetime.datetime | None:
    values = _values(fields, _ZONED)
    if values is None:
        return None
    zone = [value.encode() if type(value) is str else value for value in values[-4:]]
    if zone != _UTC_VALUES or not _integers(zone[2:]):
        return None
    made: datetime.datetime | None = _make(datetime.datetime, DateTime, values[:-4], tzinfo=datetime.UTC)
    return made


# --- Decimal, MapSet, Range, URI -----------------------------------------------------

_DECIMAL = _names("sign", "coef", "exp")
# Python turns longer integers into digits only when told so.
_MAX_DIGITS = 4000


def _decimal_shape(number: decimal.Decimal) -> Fields:
    sign, digits, exponent = number.as_tuple()
    coefficient: Any
    if isinstance(exponent, int):
        # Through int() of text it would fail beyond 4,300 digits.
        coefficient = int(decimal.Decimal((0, digits, 0)))
    elif exponent == "F":
        coefficient, exponent = Atom("inf"), 0
    elif exponent == "n" and not digits:
        coefficient, exponent = Atom("NaN"), 0
    else:
        raise TermEncodeError(f"no Elixir Decimal for {number}")
    values = (-1 if sign else 1, coefficient, exponent)
    return {_STRUCT: Atom("Elixir.Decimal"), **dict(zip(_DECIMAL, values, strict=True))}


def _build_decimal(fields: Fields) -> decimal.Decimal | None:
    values = _values(fields, _DECIMAL)
    if values is None or not _integers((values[0], values[2])) or values[0] not in (1, -1):
        return None
    sign, coefficient, exponent = values
    if type(coefficient) is Atom:
        if coefficient not in ("inf", "NaN") or exponent != 0:
            return None
        return decimal.Decimal(f"{'-' if sign < 0 else ''}{coefficient}")
    if type(coefficient) is not int or not 0 <= coefficient < 10**_MAX_DIGITS:
        return None
    if not -(10**9) < exponent < 10**9:
        return None
    return decimal.Decimal((int(sign < 0), tuple(map(int, str(coefficient))), exponent))


class MapSet(frozenset[Any]):
    """A frozenset that keeps the key `version` which Elixir 1.14 gives its sets."""

    version: int = 2

    def __reduce__(self) -> tuple[Any, ...]:
        return (MapSet, (list(self),))


_SET, _OLD_SET = _names("map"), _names("map", "version")
_MAP_SET = Atom("Elixir.MapSet")


def _set_shape(elements: Iterable[Any]) -> Fields:
    return {_STRUCT: _MAP_SET, _SET[0]: {element: [] for element in elements}}


def _old_set_shape(elements: MapSet) -> Fields:
    return {**_set_shape(elements), _OLD_SET[1]: elements.version}


def _build_set(fields: Fields) -> frozenset[Any] | None:
    old = _values(fields, _OLD_SET)
    values = _values(fields, _SET) if old is None else old
    if values is None or type(values[0]) is not dict or any(value != [] for value in values[0].values()):
        return None
    if old is None:
        return frozenset(values[0])
    return MapSet(values[0]) if type(old[1]) is int and old[1] == 2 else None


_RANGE = _names("first", "last", "step")


def _range_shape(numbers: range) -> Fields:
    last = numbers.stop - 1 if numbers.step > 0 else numbers.stop + 1
    values = (numbers.start, last, numbers.step)
    return {_STRUCT: Atom("Elixir.Range"), **dict(zip(_RANGE, values, strict=True))}


def _build_range(fields: Fields) -> range | None:
    values = _values(fields, _RANGE)
    if values is None or not _integers(values) or values[2] == 0:
        return None
    first, last, step = values
    return range(first, last + 1 if step > 0 else last - 1, step)


@dataclass(frozen=True)
class URI:
    """Elixir's `URI`, with its fields; None where Elixir has nil.  `str(uri)` puts it together."""

    scheme: str | None = None
    userinfo: str | None = None
    host: str | None = None
    port: int | None = None
    path: str | None = None
    query: str | None = None
    fragment: str | None = None
    authority: str | None = None

    _PORTS = {"ftp": 21, "http": 80, "https": 443, "ldap": 389, "sftp": 22, "tftp": 69, "ws": 80, "wss": 443}  # noqa: RUF012

    def __str__(self) -> str:
        host = f"[{self.host}]" if self.host and ":" in self.host else self.host
        authority = self.authority
        if host is not None:
            user = f"{self.userinfo}@" if self.userinfo else ""
            default = self.port is None or self.port == self._PORTS.get(self.scheme or "")
            authority = f"{user}{host}{'' if default else f':{self.port}'}"
        parts = (
            f"{self.scheme}:" if self.scheme else "",
            f"//{authority}" if authority is not None else "",
            self.path or "",
            f"?{self.query}" if self.query is not None else "",
            f"#{self.fragment}" if self.fragment is not None else "",
        )
        return "".join(parts)


SHAPES.update(
    {
        datetime.date: _date_shape,
        datetime.time: _time_shape,
        datetime.datetime: _datetime_shape,
        decimal.Decimal: _decimal_shape,
        frozenset: _set_shape,
        set: _set_shape,
        MapSet: _old_set_shape,
        range: _range_shape,
    }
)
BUILDERS.update(
    {
        "Elixir.Date": _build_date,
        "Elixir.Time": _build_time,
        "Elixir.NaiveDateTime": _build_naive,
        "Elixir.DateTime": _build_zoned,
        "Elixir.Decimal": _build_decimal,
        "Elixir.MapSet": _build_set,
        "Elixir.Range": _build_range,
    }
)
register_struct(URI, "Elixir.URI")
