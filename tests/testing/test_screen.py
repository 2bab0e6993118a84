"""What a person would read after a program wrote certain bytes to a terminal."""

from __future__ import annotations

import pytest

from pyerlnode.testing.screen import Screen


def shown(*pieces: str) -> str:
    screen = Screen()
    for piece in pieces:
        screen.feed(piece)
    return screen.text


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("one\r\ntwo", "one\ntwo"),
        ("one\ntwo", "one\n   two"),
        ("old text\rnew", "new text"),
        ("abc\b\bX", "aXc"),
        ("\x1b[1;32mgreen\x1b[0m", "green"),
        ("\x1b]0;title\x07text\x1b]2;t\x1b\\!", "text!"),
        ("abcdef\x1b[3D\x1b[K", "abc"),
        ("abcdef\x1b[4D\x1b[1K", "   def"),
        ("abcdef\x1b[2K", ""),
        ("abc\x1b[5Gx", "abc x"),
        ("abc\x1b[2Cx", "abc  x"),
        ("abcd\r\x1b[2P", "cd"),
        ("abcd\r\x1b[2@xy", "xyabcd"),
        ("abcd\r\x1b[2X", "  cd"),
        ("a\r\nb\r\nc\x1b[2A\x1b[J", "a"),
        ("a\r\nb\x1b[Ax", "ax\nb"),
        ("a\x1b[2Bx\x1b[Ey", "a\n\n x\ny"),
        ("a\tb", "a       b"),
        ("\x07bell\x1b(B", "bell"),
        ("blank at the end   ", "blank at the end"),
    ],
)
def test_control_sequences_do_what_a_terminal_does(written, text):
    assert shown(written) == text
    assert shown(*written) == text, "and so they do when they come byte by byte"


def test_a_prompt_that_was_redrawn_below_a_message_stands_once():
    screen = Screen()
    screen.feed("iex(1)> 1 + ")
    screen.feed("\r\x1b[K\x1b[Jhello\r\niex(1)> 1 + ")
    assert screen.lines == ["hello", "iex(1)> 1 +"]
    assert screen.cursor_line == "iex(1)> 1 + "
