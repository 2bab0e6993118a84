"""What a terminal shows: the characters and control sequences of a shell made into lines of text.

`Screen.feed(text)` takes what the program wrote; `lines` is what a person would read,
scrolled-off lines included.  It knows what the shells of Erlang and Elixir use to redraw
their input line: carriage return, backspace, cursor movement, erasing, inserting and
deleting.  Colours are dropped.  A line longer than the terminal is kept in one piece.

Source: ECMA-48 (control functions), terminfo entry `xterm`.  Proof: tests/testing/test_screen.py.
"""

from __future__ import annotations

import re

_SEQUENCE = re.compile(
    r"\x1b\[([0-9;?]*)([@-~])"  # control sequence: parameters, final byte
    r"|\x1b\][^\x07\x1b]*(?:\x07|\x1b\\)"  # operating system command, such as a title
    r"|\x1b[()][0-9A-B]"  # character set
    r"|\x1b[=>78cDEHMNOZ]"
    r"|[\x00-\x1f\x7f]"
    r"|[^\x00-\x1f\x7f]+"
)
_UNFINISHED = re.compile(r"\x1b(?:\[[0-9;?]*|\][^\x07\x1b]*\x1b?|[()])?\Z")
_TAB = 8


class Screen:
    """A screen with as many rows as were ever written; `row` and `column` are the cursor's, from 0."""

    def __init__(self) -> None:
        self.row = 0
        self.column = 0
        self._rows: list[list[str]] = [[]]
        self._rest = ""

    @property
    def lines(self) -> list[str]:
        """Every line without the blanks at its end."""
        return ["".join(row).rstrip() for row in self._rows]

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    @property
    def cursor_line(self) -> str:
        """The line that the cursor is in, up to the cursor."""
        return "".join(self._rows[self.row][: self.column])

    def feed(self, text: str) -> None:
        """Take text as the program wrote it; a control sequence may be cut anywhere."""
        text = self._rest + text
        cut = _UNFINISHED.search(text)
        self._rest = cut.group() if cut else ""
        for piece in _SEQUENCE.finditer(text[: cut.start()] if cut else text):
            if piece[2]:
                self._control_sequence(piece[1], piece[2])
            elif len(piece[0]) == 1 and (piece[0] < " " or piece[0] == "\x7f"):
                self._control(piece[0])
            elif piece[0][0] != "\x1b":
                self._write(piece[0])

    def _write(self, text: str) -> None:
        row = self._rows[self.row]
        self._pad(self.column)
        row[self.column : self.column + len(text)] = text
        self.column += len(text)

    def _pad(self, width: int) -> None:
        row = self._rows[self.row]
        row.extend(" " * (width - len(row)))

    def _control(self, character: str) -> None:
        if character == "\r":
            self.column = 0
        elif character == "\n":
            self._down(1)
        elif character == "\b":
            self.column = max(0, self.column - 1)
        elif character == "\t":
            self.column += _TAB - self.column % _TAB

    def _down(self, count: int) -> None:
        self.row += count
        while len(self._rows) <= self.row:
            self._rows.append([])

    def _control_sequence(self, parameters: str, final: str) -> None:
        first = parameters.split(";")[0]
        number = int(first) if first.isdigit() else None
        count = number or 1
        match final:
            case "A":
                self.row = max(0, self.row - count)
            case "B":
                self._down(count)
            case "C":
                self.column += count
            case "D":
                self.column = max(0, self.column - count)
            case "E":
                self._down(count)
                self.column = 0
            case "G":
                self.column = count - 1
            case "J" | "K":
                self._erase(final, number or 0)
            case "P":
                del self._rows[self.row][self.column : self.column + count]
            case "X":
                self._blank(self.column, self.column + count)
            case "@":
                self._pad(self.column)
                self._rows[self.row][self.column : self.column] = " " * count

    def _erase(self, final: str, which: int) -> None:
        row = self._rows[self.row]
        if which == 0:
            del row[self.column :]
            if final == "J":
                del self._rows[self.row + 1 :]
        elif which == 1:
            self._blank(0, self.column + 1)
        elif final == "K":
            row.clear()

    def _blank(self, start: int, end: int) -> None:
        row = self._rows[self.row]
        for column in range(start, min(end, len(row))):
            row[column] = " "
