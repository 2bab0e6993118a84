"""Structs of Elixir's standard library whose `inspect/1` form is not `%Module{field: value}`.

A struct is written in such a form only where the form says everything, so that reading
it gives the same struct back; a date of month 13 or a microsecond beyond its precision is
written field by field.  The one exception is a DateTime outside UTC, which nobody can read back.
A struct's module is not loaded here, so fields come in the order of the table below for
modules that everybody meets, of the class for registered dataclasses, by name for others.

Source: the Inspect implementations of Elixir 1.18 as they print.
Proof: tests/term/test_text_golden.py, tests/term/test_text_elixir.py.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from copy import deepcopy
from typing import TypeAlias

from pyerlnode.term.text._render import int_text
from pyerlnode.term.text._scan import parse_int
from pyerlnode.term.types import Atom, Term

__all__ = [
    "Fields",
    "field_order",
    "is_map_set",
    "optional_fields",
    "read_decimal",
    "read_sigil",
    "sigil_text",
    "struct_of",
]

Fields: TypeAlias = Mapping[str, Term]

_STRUCT = Atom("__struct__")
_ISO = Atom("Elixir.Calendar.ISO")
_DATE = ("year", "month", "day")
_TIME = ("hour", "minute", "second")
_OFFSETS = ("utc_offset", "std_offset")
_TIME_LIMITS = {"hour": 23, "minute": 59, "second": 59}

_ORDERS = {
    "URI": "scheme authority userinfo host port path query fragment",
    "Version": "major minor patch pre build",
    "Task": "mfa owner pid ref",
    "File.Stat": "size type access atime mtime ctime mode links major_device minor_device inode uid gid",
    "File.Stream": "path modes line_or_bytes raw node",
    "IO.Stream": "device raw line_or_bytes",
    "Date.Range": "first last first_in_iso_days last_in_iso_days step",
    "Duration": "year month week day hour minute second microsecond",
    "BadArityError": "function args",
    "ErlangError": "original reason",
    "File.CopyError": "reason action source destination on",
    "File.Error": "reason path action",
    "FunctionClauseError": "module function arity kind args clauses",
    "KeyError": "key term message",
    "Protocol.UndefinedError": "protocol value description",
    "UndefinedFunctionError": "module function arity reason message",
}
_FIELD_ORDERS = {f"Elixir.{module}": names.split() for module, names in _ORDERS.items()}

# `%ArgumentError{message: "x"}` is an exception though it does not show `__exception__: true`.
_EXCEPTIONS = (
    "ArgumentError ArithmeticError BadArityError BadBooleanError BadFunctionError BadMapError BadStructError "
    "CaseClauseError Code.LoadError CompileError CondClauseError EEx.SyntaxError Enum.EmptyError "
    "Enum.OutOfBoundsError ErlangError ExUnit.AssertionError ExUnit.TimeoutError File.CopyError File.Error "
    "File.LinkError File.RenameError FunctionClauseError IO.StreamError Inspect.Error JSON.DecodeError "
    "Kernel.TypespecError KeyError MatchError MismatchedDelimiterError Mix.Error OptionParser.ParseError "
    "Protocol.UndefinedError Regex.CompileError RuntimeError SyntaxError System.EnvError SystemLimitError "
    "TokenMissingError TryClauseError URI.Error UndefinedFunctionError UnicodeConversionError "
    "Version.InvalidRequirementError Version.InvalidVersionError WithClauseError"
)
_OPTIONAL: dict[str, dict[str, Term]] = {
    "Elixir.URI": {"authority": None},
    "Elixir.Duration": {**dict.fromkeys(_ORDERS["Duration"].split(), 0), "microsecond": (0, 0)},
    "Elixir.Version": {"pre": [], "build": None},
    **{f"Elixir.{module}": {"__exception__": True} for module in _EXCEPTIONS.split()},
}


def struct_of(term: Mapping[Term, Term]) -> tuple[str, dict[str, Term]] | None:
    """The module and fields of a map that is a struct; None for any other map."""
    module = term.get(_STRUCT)
    if type(module) is not Atom or not module.startswith("Elixir."):
        return None
    if any(type(key) is not Atom or key.startswith("Elixir.") for key in term):
        return None
    return str(module), {key: value for key, value in term.items() if key != "__struct__"}


def field_order(module: str, fields: Fields) -> list[str]:
    """The names of `fields` in the order in which the struct shows them: as given where it is not known."""
    known = _FIELD_ORDERS.get(module, [])
    return [*(name for name in known if name in fields), *(name for name in fields if name not in known)]


def optional_fields(module: str) -> Fields:
    """Fields that `inspect/1` leaves out when they have this value; the caller may keep the values."""
    return deepcopy(_OPTIONAL.get(module, {}))


def is_map_set(module: str, fields: Fields) -> bool:
    """Whether this is a MapSet: a map of its members to `[]`."""
    members = fields.get("map")
    if (
        module != "Elixir.MapSet"
        or not isinstance(members, Mapping)
        or not fields.keys() <= {"map", "version"}
    ):
        return False
    return all(type(value) is list and not value for value in members.values())


def _integers(fields: Fields, names: tuple[str, ...]) -> bool:
    return all(type(fields.get(name)) is int for name in names)


def _valid_date(fields: Fields) -> bool:
    if fields.get("calendar") != _ISO or not _integers(fields, _DATE):
        return False
    year, month, day = (fields[name] for name in _DATE)
    if not -9999 <= year <= 9999 or not 1 <= month <= 12:
        return False
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    days = (29 if leap else 28) if month == 2 else 30 if month in (4, 6, 9, 11) else 31
    return bool(1 <= day <= days)


def _valid_time(fields: Fields) -> bool:
    if fields.get("calendar") != _ISO or not _integers(fields, _TIME):
        return False
    match fields.get("microsecond"):
        case (int(value), int(digits)) if 0 <= value <= 999_999 and 0 <= digits <= 6:
            exact = value % 10 ** (6 - digits) == 0
        case _:
            return False
    return exact and all(0 <= fields[name] <= limit for name, limit in _TIME_LIMITS.items())


def _date(fields: Fields) -> str:
    year, month, day = (fields[name] for name in _DATE)
    return f"{'-' if year < 0 else ''}{abs(year):04}-{month:02}-{day:02}"


def _time(fields: Fields) -> str:
    hour, minute, second = (fields[name] for name in _TIME)
    value, digits = fields["microsecond"]
    fraction = f".{value:06}"[: digits + 1] if digits else ""
    return f"{hour:02}:{minute:02}:{second:02}{fraction}"


def _plain(value: Term) -> str | None:
    """An ASCII binary as text; None for anything else."""
    if isinstance(value, str) and type(value) is not Atom:
        value = value.encode(errors="replace")
    if not isinstance(value, bytes) or not value.isascii():
        return None
    text = value.decode()
    return text if text.isprintable() else None


def _date_text(fields: Fields) -> str | None:
    return f"~D[{_date(fields)}]" if _valid_date(fields) else None


def _time_text(fields: Fields) -> str | None:
    return f"~T[{_time(fields)}]" if _valid_time(fields) else None


def _naive_text(fields: Fields) -> str | None:
    if not (_valid_date(fields) and _valid_time(fields)):
        return None
    return f"~N[{_date(fields)} {_time(fields)}]"


def _datetime_text(fields: Fields) -> str | None:
    zone, name = _plain(fields.get("time_zone")), _plain(fields.get("zone_abbr"))
    if not (_valid_date(fields) and _valid_time(fields) and _integers(fields, _OFFSETS) and zone and name):
        return None
    moment = f"{_date(fields)} {_time(fields)}"
    offset = fields["utc_offset"] + fields["std_offset"]
    if zone == "Etc/UTC":
        exact = name == "UTC" and fields["utc_offset"] == fields["std_offset"] == 0
        return f"~U[{moment}Z]" if exact else None
    hours, minutes = divmod(abs(offset) // 60, 60)
    return f"#DateTime<{moment}{'-' if offset < 0 else '+'}{hours:02}:{minutes:02} {name} {zone}>"


def _range_text(fields: Fields) -> str | None:
    if not _integers(fields, ("first", "last", "step")):
        return None
    first, last, step = fields["first"], fields["last"], fields["step"]
    ends = f"{int_text(first)}..{int_text(last)}"
    return ends if step == 1 and first <= last else f"{ends}//{int_text(step)}"


def _decimal_text(fields: Fields) -> str | None:
    sign, coef, exp = (fields.get(name) for name in ("sign", "coef", "exp"))
    if type(sign) is not int or abs(sign) != 1 or type(exp) is not int:
        return None
    minus = "-" if sign < 0 else ""
    if type(coef) is Atom:
        special = {"inf": "Infinity", "NaN": "NaN"}.get(coef) if exp == 0 else None
        return f'Decimal.new("{minus}{special}")' if special else None
    if type(coef) is not int or coef < 0:
        return None
    return f'Decimal.new("{minus}{_scientific(int_text(coef), exp)}")'


def _scientific(digits: str, exp: int) -> str:
    """IEEE 754-2008's to-scientific-string, which `Decimal.to_string/1` writes."""
    adjusted = exp + len(digits) - 1
    if exp == 0:
        return digits
    if exp < 0 and adjusted >= -6:
        padded = digits.rjust(1 - exp, "0")
        return f"{padded[:exp]}.{padded[exp:]}"
    point = f".{digits[1:]}" if len(digits) > 1 else ""
    return f"{digits[0]}{point}E{adjusted:+}"


# The fields beside __struct__, all of which the form must stand for, and the form.
_FORMS: dict[str, tuple[frozenset[str], Callable[[Fields], str | None]]] = {
    "Elixir.Date": (frozenset(("calendar", *_DATE)), _date_text),
    "Elixir.Time": (frozenset(("calendar", *_TIME, "microsecond")), _time_text),
    "Elixir.NaiveDateTime": (frozenset(("calendar", *_DATE, *_TIME, "microsecond")), _naive_text),
    "Elixir.DateTime": (
        frozenset(("calendar", *_DATE, *_TIME, "microsecond", "time_zone", "zone_abbr", *_OFFSETS)),
        _datetime_text,
    ),
    "Elixir.Range": (frozenset(("first", "last", "step")), _range_text),
    "Elixir.Decimal": (frozenset(("sign", "coef", "exp")), _decimal_text),
}


def sigil_text(module: str, fields: Fields) -> str | None:
    """`~D[2024-01-01]`, `1..3`, `Decimal.new("1.0")`; None where the struct has no such form."""
    names, form = _FORMS.get(module, (frozenset(), None))
    return form(fields) if form is not None and fields.keys() == names else None


_DATE_PATTERN = r"(?P<year>-?\d{4})-(?P<month>\d\d)-(?P<day>\d\d)"
_TIME_PATTERN = r"(?P<hour>\d\d):(?P<minute>\d\d):(?P<second>\d\d)(?:[.,](?P<fraction>\d{1,6})\d*)?"
_SIGILS = {
    "D": ("Elixir.Date", re.compile(_DATE_PATTERN, re.ASCII)),
    "T": ("Elixir.Time", re.compile(_TIME_PATTERN, re.ASCII)),
    "N": ("Elixir.NaiveDateTime", re.compile(f"{_DATE_PATTERN}[ T]{_TIME_PATTERN}", re.ASCII)),
    "U": ("Elixir.DateTime", re.compile(f"{_DATE_PATTERN}[ T]{_TIME_PATTERN}Z", re.ASCII)),
}


def read_sigil(letter: str, body: str) -> tuple[str, dict[str, Term]] | None:
    """The module and fields of `~D[...]`, `~T`, `~N` and `~U`; None for no such date or time."""
    module, pattern = _SIGILS[letter]
    match = pattern.fullmatch(body)
    if match is None:
        return None
    groups = match.groupdict()
    fields: dict[str, Term] = {"calendar": _ISO}
    fields.update((name, int(text)) for name, text in groups.items() if name != "fraction")
    if letter != "D":
        fraction = groups["fraction"] or ""
        fields["microsecond"] = (int(fraction.ljust(6, "0")), len(fraction))
    if (letter != "T" and not _valid_date(fields)) or (letter != "D" and not _valid_time(fields)):
        return None
    if letter == "U":
        fields.update(time_zone=b"Etc/UTC", zone_abbr=b"UTC", utc_offset=0, std_offset=0)
    return module, fields


_DECIMAL = re.compile(r"([+-]?)(\d*)(?:\.(\d*))?(?:[eE]([+-]?\d{1,18}))?", re.ASCII)
_DECIMAL_NAMES = {"infinity": "inf", "inf": "inf", "nan": "NaN"}


def read_decimal(text: str) -> dict[str, Term] | None:
    """The fields of `Decimal.new("...")`; None for what is no decimal number."""
    named = _DECIMAL_NAMES.get(text.lstrip("+-").lower())
    if named is not None and len(text.lstrip("+-")) >= len(text) - 1:
        return {"sign": -1 if text[0] == "-" else 1, "coef": Atom(named), "exp": 0}
    match = _DECIMAL.fullmatch(text)
    if match is None or not (match[2] or match[3]):
        return None
    fraction = match[3] or ""
    coef = parse_int(match[2] + fraction)
    return {"sign": -1 if match[1] == "-" else 1, "coef": coef, "exp": int(match[4] or 0) - len(fraction)}
