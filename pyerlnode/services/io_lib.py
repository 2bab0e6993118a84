"""Erlang's format strings: what `io:format` asks a group leader to print.

An I/O server that is sent `{put_chars, unicode, io_lib, format, [Format, Args]}` has to
write the text itself; without this, what Erlang programs print would be lost.

    format("~p is ~.2f~n", [Atom("pi"), 3.14159])     'pi is 3.14\n'

Differences from a BEAM: `~p` and `~P` never break lines, take any printable character of a
list for text, and show binaries of text as UTF-8 and whole.

Source: stdlib reference manual, io:fwrite/1, "Control Sequences".
Proof: tests/services/test_io_lib.py; interop/test_io.py compares with real nodes.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

from pyerlnode.errors import BadArg
from pyerlnode.term import Atom, ImproperList, Map, Term, to_erlang

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["chardata", "format"]

_SEQUENCE = re.compile(r"~(-?(?:\d+|\*))?(?:\.(\d+|\*)?)?(?:\.(\*|.))?([tlkK]*)(.)", re.DOTALL)
_DIGITS: Final = "0123456789abcdefghijklmnopqrstuvwxyz"
_MAX_WIDTH: Final = 1_000_000
_DOTS: Final = Atom("...")


def chardata(data: Term) -> str:
    """The text of Erlang's chardata: nested lists of code points, binaries of UTF-8, and their tails.

    BadArg for anything else, and for binaries that are not UTF-8.
    """
    if type(data) is int:
        raise BadArg(f"not text: {data}")
    parts: list[str] = []
    stack = [data]
    while stack:
        item = stack.pop()
        if isinstance(item, bytes):
            parts.append(_utf8(item))
        elif isinstance(item, str) and not isinstance(item, Atom):
            parts.append(item)
        elif type(item) is int:
            parts.append(_character(item))
        elif isinstance(item, list):
            stack.extend(reversed(item))
        elif isinstance(item, ImproperList):
            stack.append(item.tail)
            stack.extend(reversed(item.elements))
        else:
            raise BadArg(f"not text: {to_erlang(item)[:100]}")
    return "".join(parts)


def latin1(data: Term) -> str:
    """As `chardata`, for bytes that stand for characters: binaries are Latin-1 then."""
    if isinstance(data, bytes):
        return data.decode("latin-1")
    if isinstance(data, list):
        return "".join(map(_latin1_element, data))
    if isinstance(data, ImproperList):
        return "".join(map(_latin1_element, data.elements)) + latin1(data.tail)
    return chardata(data)


def _latin1_element(data: Term) -> str:
    if type(data) is not int:
        return latin1(data)
    if data > 255:
        raise BadArg(f"{data} is no character of Latin-1")
    return _character(data)


def _utf8(data: bytes) -> str:
    try:
        return data.decode()
    except UnicodeDecodeError:
        raise BadArg("a binary that is not UTF-8 is no text") from None


def _character(code: int) -> str:
    if not 0 <= code <= 0x10FFFF or 0xD800 <= code <= 0xDFFF:
        raise BadArg(f"{code} is no character")
    return chr(code)


class _Control(NamedTuple):
    """One control sequence, its numbers settled."""

    width: int | None  # negative: pad on the right
    precision: int | None
    pad: str
    modifiers: str
    letter: str

    @property
    def unicode(self) -> bool:
        """Whether texts are Unicode; else Latin-1."""
        return "t" in self.modifiers


def format(text: Term, args: Term) -> str:
    """The text that `io_lib:format(Text, Args)` gives.

    BadArg where the format is none, or does not fit its arguments.
    """
    return "".join(part for part, _ in parts(text, args))


def parts(text: Term, args: Term) -> list[tuple[str, bool]]:
    """As `format`, piece by piece, and of each whether a control sequence made it."""
    template = str(text) if isinstance(text, Atom) else _template(text)
    if not isinstance(args, list):
        raise BadArg("the arguments of a format are a list")
    left = iter(args)
    pieces: list[tuple[str, bool]] = []
    at = 0
    while (tilde := template.find("~", at)) >= 0:
        pieces.append((template[at:tilde], False))
        found = _SEQUENCE.match(template, tilde)
        if found is None:
            raise BadArg(f"format {template!r}: nothing follows the ~ at {tilde}")
        pieces.append((_expand(_control(found, left), left), found[5] != "~"))
        at = found.end()
    pieces.append((template[at:], False))
    if next(left, _DOTS) is not _DOTS:
        raise BadArg(f"format {template!r}: more arguments than it takes")
    return pieces


def _template(text: Term) -> str:
    if isinstance(text, bytes):
        return text.decode("latin-1")
    if not isinstance(text, list) or any(type(code) is not int for code in text):
        raise BadArg("a format is a string, a binary or an atom")
    return chardata(text)


def _control(found: re.Match[str], args: Iterator[Term]) -> _Control:
    width, precision, pad, modifiers, letter = found.groups()
    return _Control(
        _number(width, args),
        _number(precision, args),
        _character(_take(args)) if pad == "*" else pad or " ",
        modifiers,
        letter,
    )


def _number(text: str | None, args: Iterator[Term]) -> int | None:
    if text is None:
        return None
    value = _take(args) if text.endswith("*") else int(text)
    if type(value) is not int or abs(value) > _MAX_WIDTH:
        raise BadArg(f"a field of {value!r} characters")
    return -value if text == "-*" else value


def _take(args: Iterator[Term]) -> Term:
    try:
        return next(args)
    except StopIteration:
        raise BadArg("a format takes more arguments than there are") from None


def _expand(control: _Control, args: Iterator[Term]) -> str:
    letter = control.letter
    if letter == "~":
        return "~"
    if letter == "n":
        return "\n" * (control.width or 1)
    if letter == "i":
        _take(args)
        return ""
    if letter not in _CONVERSIONS and letter not in "WPxX":
        raise BadArg(f"~{letter} is no control sequence")
    if "K" in control.modifiers:
        _take(args)  # an order of keys; maps keep their own
    value = _take(args)
    if letter in "WP":
        return _limited(control, value, _take(args))
    if letter in "xX":
        return _adjust(control, _base(value, control, _take(args), letter == "X"))
    return _CONVERSIONS[letter](control, value)


def _adjust(control: _Control, text: str) -> str:
    """Pad a field, or fill it with stars where the text is too long for it."""
    if control.width is None:
        return text
    width = abs(control.width)
    if len(text) > width:
        return "*" * width
    return text.ljust(width, control.pad) if control.width < 0 else text.rjust(width, control.pad)


def _string(control: _Control, value: Term) -> str:
    text = _text(control, value)
    width, precision = control.width, control.precision
    if width is None and precision is None:
        return text
    size = abs(width) if width is not None else precision or 0
    if precision is not None:
        if precision > size:
            raise BadArg("the precision of ~s is at most its width")
        text = text[:precision]
        if len(text) < precision:
            text = _padded(text, precision, control, left=width is None or width < 0)
    return _padded(text[:size], size, control, left=width is None or width < 0)


def _text(control: _Control, value: Term) -> str:
    if isinstance(value, Atom):
        return str(value)
    if value is None or isinstance(value, bool):
        return to_erlang(value)
    if not control.unicode:
        return latin1(value)
    try:
        return chardata(value)
    except BadArg:
        if isinstance(value, bytes):
            return value.decode("latin-1")
        raise


def _padded(text: str, size: int, control: _Control, *, left: bool) -> str:
    return text.ljust(size, control.pad) if left else text.rjust(size, control.pad)


def _write(control: _Control, value: Term) -> str:
    return _adjust(control, _escaped(control, to_erlang(value, strings=False)))


def _print(control: _Control, value: Term) -> str:
    # Its width is the line length and its precision the column: for lines that are not broken here.
    if control.width is not None and control.width < 0:
        raise BadArg("~p has no negative width")
    return _escaped(control, to_erlang(value, strings="l" not in control.modifiers))


def _escaped(control: _Control, text: str) -> str:
    """Without `t` what is not Latin-1 is shown by its number."""
    if control.unicode or text.isascii():
        return text
    return "".join(c if ord(c) < 256 else f"\\x{{{ord(c):X}}}" for c in text)


def _limited(control: _Control, value: Term, depth: Term) -> str:
    if type(depth) is not int:
        raise BadArg("the depth of ~P and ~W is an integer")
    strings = control.letter == "P" and "l" not in control.modifiers
    text = _escaped(control, _deep(value, depth, strings))
    return text if control.letter == "P" else _adjust(control, text)


def _deep(value: Term, depth: int, strings: bool) -> str:
    """A term as `io_lib:write/2` shows it: what lies deeper than `depth`, or further on, is `...`."""
    if depth == 0:
        return "..."
    if isinstance(value, bytes) and not strings and depth > 0 and len(value) >= depth:
        return f"<<{''.join(f'{byte},' for byte in value[: depth - 1])}...>>"
    if strings and isinstance(value, list) and to_erlang(value).startswith('"'):
        return to_erlang(value)
    if isinstance(value, (list, ImproperList)) and value:
        return f"[{_elements(value, depth, strings)}]"
    if isinstance(value, tuple):
        return f"{{{_joined([_shower(item, strings) for item in value], depth)}}}"
    if isinstance(value, (dict, Map)):
        return f"#{{{_joined([_association(pair, strings) for pair in value.items()], depth)}}}"
    return to_erlang(value, strings=strings)


def _shower(item: Term, strings: bool) -> Callable[[int], str]:
    return lambda depth: _deep(item, depth, strings)


def _association(pair: tuple[Term, Term], strings: bool) -> Callable[[int], str]:
    return lambda depth: f"{_deep(pair[0], depth, strings)} => {_deep(pair[1], depth, strings)}"


def _joined(parts: list[Callable[[int], str]], depth: int) -> str:
    shown: list[str] = []
    for index, part in enumerate(parts):
        if depth - index == 1:
            return ",".join([*shown, "..."])
        shown.append(part(depth - index - 1))
    return ",".join(shown)


def _elements(value: list[Term] | ImproperList, depth: int, strings: bool) -> str:
    if depth == 1:
        return "..."
    items = value if isinstance(value, list) else list(value.elements)
    shown = ""
    for index, item in enumerate(items):
        # Each element is as deep as all before it, and one level more.
        if index and depth - index == 1:
            return f"{shown}|..."
        shown += f"{',' if index else ''}{_deep(item, depth - index - 1, strings)}"
    if isinstance(value, ImproperList):
        left = depth - len(items)
        shown += "|..." if left == 1 else f"|{_deep(value.tail, left - 1, strings)}"
    return shown


def _integer(value: Term) -> int:
    if type(value) is not int:
        raise BadArg(f"a format wants an integer, not {to_erlang(value)[:100]}")
    return value


def _float(value: Term) -> float:
    if type(value) is not float:
        raise BadArg(f"a format wants a float, not {to_erlang(value)[:100]}")
    return value


def _char(control: _Control, value: Term) -> str:
    code = _integer(value)
    character = _character(code if control.unicode else code & 0xFF)
    count = control.precision if control.precision is not None else abs(control.width or 1)
    return _adjust(control, character * count)


def _digits_of(control: _Control, least: int) -> int:
    digits = 6 if control.precision is None else control.precision
    if digits < least:
        raise BadArg(f"~{control.letter} needs a precision of at least {least}")
    return digits


def _fixed(control: _Control, value: Term) -> str:
    return _adjust(control, f"{_float(value):.{_digits_of(control, 1)}f}")


def _exponent(control: _Control, value: Term) -> str:
    return _adjust(control, _with_exponent(_float(value), _digits_of(control, 2)))


def _with_exponent(value: float, digits: int) -> str:
    mantissa, exponent = f"{value:.{digits - 1}e}".split("e")
    return f"{mantissa}e{exponent[0]}{exponent[1:].lstrip('0') or '0'}"


def _general(control: _Control, value: Term) -> str:
    """So many significant digits, with an exponent where the number is small or large."""
    digits, size = _digits_of(control, 1), abs(_float(value))
    magnitude = next((e for e, limit in enumerate((0.1, 1.0, 10.0, 100.0, 1e3, 1e4), -2) if size < limit), 4)
    if -1 <= magnitude < 4 and (digits - 1 > magnitude or (digits == 1 and magnitude == -1)):
        return _adjust(control, f"{_float(value):.{digits - 1 - magnitude}f}")
    return _adjust(control, _with_exponent(_float(value), max(digits, 2)))


def _base(value: Term, control: _Control, prefix: Term, upper: bool) -> str:
    digits = _digits(abs(_integer(value)), control.precision or 10, upper=True)
    if not isinstance(prefix, (Atom, list)):
        raise BadArg("the prefix of ~x is a string or an atom")
    mark = str(prefix) if isinstance(prefix, Atom) else chardata(prefix)
    return f"{'-' if _integer(value) < 0 else ''}{mark}{digits if upper else digits.lower()}"


def _digits(value: int, base: int, *, upper: bool) -> str:
    if not 2 <= base <= 36:
        raise BadArg(f"{base} is no base: 2 to 36")
    if base == 10:
        return str(value)
    digits = ""
    while value or not digits:
        value, digit = divmod(value, base)
        digits = _DIGITS[digit] + digits
    return digits.upper() if upper else digits


def _in_base(upper: bool, marked: bool) -> Callable[[_Control, Term], str]:
    def convert(control: _Control, value: Term) -> str:
        number, base = _integer(value), control.precision or 10
        mark = f"{base}#" if marked else ""
        return _adjust(control, f"{'-' if number < 0 else ''}{mark}{_digits(abs(number), base, upper=upper)}")

    return convert


_CONVERSIONS: dict[str, Callable[[_Control, Term], str]] = {
    "s": _string,
    "w": _write,
    "p": _print,
    "c": _char,
    "f": _fixed,
    "e": _exponent,
    "g": _general,
    "b": _in_base(upper=False, marked=False),
    "B": _in_base(upper=True, marked=False),
    "+": _in_base(upper=False, marked=True),
    "#": _in_base(upper=True, marked=True),
}
