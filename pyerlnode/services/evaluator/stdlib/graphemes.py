"""Text as grapheme clusters: what a reader takes for one character.

The rules of Unicode's UAX #29 as far as `unicodedata` tells the properties: marks and joiners
stay with what is before them, a zero width joiner binds what comes after it to pictographs,
two regional indicators are a flag, Hangul syllables stay together, and so do CR and LF.  What
is a pictograph, or stands before its base, is known by its block.

Proof: tests/services/evaluator/test_stdlib_erlang.py; interop/test_evaluator_stdlib.py.
"""

from __future__ import annotations

import unicodedata
from typing import Final

__all__ = ["clusters"]

_JOINER, _NON_JOINER = "\u200d", "\u200c"
_CONTROL: Final = frozenset({"Cc", "Zl", "Zp", "Cs"})
_MARKS: Final = frozenset({"Mn", "Me", "Mc"})
# Signs that go with what is before them though they are letters, of Thai, Lao and Katakana.
_SPACING: Final = frozenset("\u0e33\u0eb3\uff9e\uff9f")
# Marks that take their own place: vowel signs which UAX #29 leaves out of SpacingMark.
_APART: Final = frozenset(
    "\u102b\u102c\u1038\u1062\u1063\u1064\u1067\u1068\u1069\u106a\u106b\u106c\u106d\u1083"
)


def clusters(text: str) -> list[str]:
    """The clusters of `text`, in order; joined they are it."""
    if text.isascii() and "\r" not in text:
        return list(text)
    starts = [0]
    base = text[:1]  # the last character of the cluster that did not extend it
    for at in range(1, len(text)):
        if not _stays(text[at - 1], base, text[at], alone=at - starts[-1] == 1):
            starts.append(at)
            base = text[at]
        elif not _extends(text[at]):
            base = text[at]
    return [text[start:end] for start, end in zip(starts, [*starts[1:], len(text)], strict=True)]


def _stays(last: str, base: str, character: str, *, alone: bool) -> bool:
    """Whether there is no boundary before the next character; `alone`: one is in the cluster yet."""
    if last == "\r":
        return character == "\n"
    if _is_control(last) or _is_control(character):
        return False
    if _extends(character) or ord(last) in _PREPENDED:
        return True
    if last == _JOINER and _is_pictograph(character):
        return _is_pictograph(base)
    if _is_indicator(character):
        return alone and _is_indicator(last)
    return _is_hangul(last, character)


def _is_control(character: str) -> bool:
    if character in (_JOINER, _NON_JOINER):
        return False
    kind = unicodedata.category(character)
    return kind in _CONTROL or (
        kind == "Cf" and not 0xE0020 <= ord(character) <= 0xE007F and ord(character) not in _PREPENDED
    )


_PREPENDED: Final = frozenset({*range(0x600, 0x606), 0x6DD, 0x70F, 0x890, 0x891, 0x8E2, 0x110BD, 0x110CD})


def _extends(character: str) -> bool:
    if character in (_JOINER, _NON_JOINER) or 0xE0020 <= ord(character) <= 0xE007F:
        return True
    if 0x1F3FB <= ord(character) <= 0x1F3FF or character in _SPACING:
        return True
    return unicodedata.category(character) in _MARKS and character not in _APART


def _is_pictograph(character: str) -> bool:
    if not character:
        return False
    code = ord(character)
    if 0x1F000 <= code <= 0x1FAFF:
        return not 0x1F1E6 <= code <= 0x1F1FF and not 0x1F3FB <= code <= 0x1F3FF
    return code in (0xA9, 0xAE, 0x203C, 0x2049, 0x2122, 0x2139, 0x3030, 0x303D) or (
        0x2190 <= code <= 0x2BFF and unicodedata.category(character) in ("So", "Sm")
    )


def _is_indicator(character: str) -> bool:
    return 0x1F1E6 <= ord(character) <= 0x1F1FF


def _is_hangul(left: str, right: str) -> bool:
    kind, after = _jamo(ord(left)), _jamo(ord(right))
    if kind == "L":
        return after in ("L", "V", "LV", "LVT")
    if kind in ("LV", "V"):
        return after in ("V", "T")
    return kind in ("LVT", "T") and after == "T"


def _jamo(code: int) -> str:
    """The part of a Hangul syllable that a code point is, "" for anything else."""
    if 0xAC00 <= code <= 0xD7A3:
        return "LV" if (code - 0xAC00) % 28 == 0 else "LVT"
    if 0x1100 <= code <= 0x115F or 0xA960 <= code <= 0xA97C:
        return "L"
    if 0x1160 <= code <= 0x11A7 or 0xD7B0 <= code <= 0xD7C6:
        return "V"
    return "T" if 0x11A8 <= code <= 0x11FF or 0xD7CB <= code <= 0xD7FB else ""
