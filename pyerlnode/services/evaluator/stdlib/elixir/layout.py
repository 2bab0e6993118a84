"""How `inspect/2` breaks a long text into lines: documents, as Elixir's algebra has them.

A document is a text, a `Break` (a space, or nothing, that may become a new line), several one after
the other, one whose new lines are indented further (`Nest`), or a `Group`: all breaks of a group are
new lines if it does not fit on the line, but those that are `flex` each decide for themselves.

Source: "A prettier printer", Wadler, and "Strictly pretty", Lindig; Inspect.Algebra of Elixir 1.18.
Proof: tests/services/evaluator/test_stdlib_elixir_layout.py.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeAlias, Union

from pyerlnode.term.text._render import DONE

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pyerlnode.term import Term
    from pyerlnode.term.text._render import Pieces, Shown

Document: TypeAlias = Union[str, "Break", "Nest", "Group", list["Document"]]


class Break(NamedTuple):
    """`text` where it is no new line."""

    text: str
    flex: bool


class Nest(NamedTuple):
    """`document` with `by` more spaces after each new line."""

    document: Document
    by: int


class Group(NamedTuple):
    """What is one line, if that fits, or if no part of it `breaks`."""

    document: Document
    breaks: bool


# A document with its indentation and whether its breaks are new lines.
Placed: TypeAlias = tuple[int, bool, Any]


def laid_out(term: Term, show: Callable[[Term], Shown], width: int) -> str:
    """The text of a term, of lines not wider than `width` as far as there are breaks."""
    return "".join(_lines(document(term, show), width))


def _lines(whole: Document, width: int) -> Iterator[str]:
    column = 0
    todo: list[Placed] = [(0, False, whole)]
    while todo:
        indent, breaks, each = todo.pop()
        if type(each) is str:
            yield each
            column += _width(each)
        elif type(each) is Break:
            if _stays(each, breaks, column, width, todo):
                yield each.text
                column += len(each.text)
            else:
                yield "\n" + " " * indent
                column = indent
        elif type(each) is Group:
            fits = not each.breaks or _fits(width, column, [(indent, False, each.document)], [])
            todo.append((indent, not fits, each.document))
        else:
            _push(todo, indent, breaks, each)


def _stays(each: Break, breaks: bool, column: int, width: int, rest: list[Placed]) -> bool:
    """Whether a break is its text and no new line."""
    return not breaks or (each.flex and _fits(width, column + len(each.text), [], rest))


def _push(todo: list[Placed], indent: int, breaks: bool, each: Document) -> None:
    if type(each) is Nest:
        todo.append((indent + each.by, breaks, each.document))
    elif type(each) is list:
        todo.extend((indent, breaks, part) for part in reversed(each))


def _fits(width: int, column: int, todo: list[Placed], rest: Sequence[Placed]) -> bool:
    """Whether what comes up to the next new line is on the line."""
    at = len(rest)
    while column <= width:
        if not todo:
            if not at:
                return True
            at -= 1
            todo.append(rest[at])
        indent, breaks, each = todo.pop()
        if type(each) is str:
            column += _width(each)
        elif type(each) is Break:
            if breaks:
                return True
            column += len(each.text)
        elif type(each) is Group:
            todo.append((indent, False, each.document))
        else:
            _push(todo, indent, breaks, each)
    return False


def _width(text: str) -> int:
    return len(text.encode("utf-8", "surrogatepass"))


# --- the documents of terms -----------------------------------------------------------------------

OPENING: Final = re.compile(r"(MapSet\.new\()?(\[|\{|%[^{\"]*\{)")
SEPARATOR, ARROW, TAIL, _MORE = ", ", " => ", " | ", ", ..."


class _Container:
    """A term with others inside, while these are laid out one after the other."""

    __slots__ = (
        "_before",
        "_breaks",
        "_closing",
        "_elements",
        "_has_tail",
        "_is_keyed",
        "_is_simple",
        "_opening",
        "inside",
    )

    def __init__(self, inside: Pieces) -> None:
        self.inside = inside
        self._before = self._opening = self._closing = ""
        self._elements: list[list[Document]] = []
        self._has_tail = self._is_keyed = False
        self._is_simple = True
        self._breaks = False

    def separate(self, text: str, is_end: bool) -> None:
        """Take the text before a term, or the last one."""
        if not self._opening:
            text = self._open(text)
            if not is_end:
                self._begin(text)
                return
        if is_end:
            if text.startswith(_MORE):
                self._elements.append(["..."])
                text = text.removeprefix(_MORE)
            self._closing = text
        elif text == ARROW:
            self._elements[-1].append(text)
        else:
            self._has_tail = text == TAIL
            self._begin("" if self._has_tail else text.removeprefix(SEPARATOR))

    def _open(self, text: str) -> str:
        found = OPENING.match(text)
        self._before, self._opening = (found[1] or "", found[2]) if found else ("", text)
        return text[found.end() :] if found else ""

    def _begin(self, key: str) -> None:
        self._is_keyed = self._is_keyed or bool(key)
        self._elements.append([key] if key else [])

    def add(self, inner: Document) -> None:
        """Take the document of a term inside."""
        self._elements[-1].append(inner)
        self._is_simple = self._is_simple and type(inner) is str
        group = inner[1] if type(inner) is list else inner  # a set's is inside `MapSet.new(...)`
        self._breaks = self._breaks or (type(group) is Group and group.breaks)

    def document(self) -> Document:
        if not self._elements:
            return f"{self._before}{self._opening}{self._closing}"
        if self._opening == "{" or (self._opening == "[" and self._is_simple and not self._is_keyed):
            inside = Nest(self._joined(flex=True), 1)
            breaks = self._breaks or len(self._elements) > 1
            return self._around(Group([self._opening, inside, self._end()], breaks))
        inside = Nest([self._opening, Break("", False), self._joined(flex=False)], 2)
        return self._around(Group([inside, Break("", False), self._end()], True))

    def _end(self) -> str:
        return self._closing.removesuffix(")") if self._before else self._closing

    def _around(self, inner: Document) -> Document:
        return [self._before, inner, ")"] if self._before else inner

    def _joined(self, *, flex: bool) -> list[Document]:
        joined: list[Document] = []
        for number, element in enumerate(self._elements):
            if number:
                is_tail = self._has_tail and number == len(self._elements) - 1
                joined += [" |" if is_tail else ",", Break(" ", flex)]
            joined += element
        return joined


def document(term: Term, show: Callable[[Term], Shown]) -> Document:
    """The document of a term that `show` gives the pieces of."""
    shown = show(term)
    if isinstance(shown, str):
        return _of_text(shown)
    stack = [(_Container(shown[0]), shown[1])]
    while True:
        container, show = stack[-1]
        for text, inner in container.inside:
            container.separate(text, inner is DONE)
            if inner is DONE:
                continue
            shown = show(inner)
            if not isinstance(shown, str):
                stack.append((_Container(shown[0]), shown[1]))
                break
            container.add(_of_text(shown))
        else:
            stack.pop()
            if not stack:
                return container.document()
            stack[-1][0].add(container.document())


def _of_text(text: str) -> Document:
    """The document of a term without others inside: of bytes, which may go on on the next line, too."""
    if not text.startswith("<<") or SEPARATOR not in text:
        return text
    first, *others = text[2:-2].split(SEPARATOR)
    inside: list[Document] = [first]
    for each in others:
        inside += [",", Break(" ", True), each]
    return Group(["<<", Nest(inside, 2), ">>"], True)
