"""`List.myers_difference` and `String.myers_difference`: the shortest way from one list to another.

Source: Eugene W. Myers, "An O(ND) Difference Algorithm"; steps in the order of Elixir 1.18.
Proof: interop/test_evaluator_elixir.py.
"""

from __future__ import annotations

from typing import NamedTuple

from pyerlnode.services.evaluator.limits import check_length
from pyerlnode.services.evaluator.requests import Call, Remote
from pyerlnode.services.evaluator.stdlib.arguments import Steps, is_function
from pyerlnode.services.evaluator.stdlib.elixir.list import list_module
from pyerlnode.services.evaluator.stdlib.elixir.support import need, truthy
from pyerlnode.services.evaluator.stdlib.elixir.text import graphemes, string
from pyerlnode.term import Atom, Term, equal

_EQ, _INS, _DEL, _DIFF = Atom("eq"), Atom("ins"), Atom("del"), Atom("diff")


class _Edit(NamedTuple):
    """The last step of a way, and the way before it."""

    kind: Atom
    value: Term
    before: _Edit | None


class _Path(NamedTuple):
    """How far a way has come: `y`, what is left from `left` of the one and `right` of the other."""

    y: int
    left: int
    right: int
    edits: _Edit | None


class _Search:
    """The search for the shortest way between two lists."""

    def __init__(self, one: list[Term], other: list[Term], script: Term) -> None:
        self.one, self.other, self.script = one, other, script

    def run(self) -> Steps:
        paths = [_Path(0, 0, 0, None)]
        work = 0
        for envelope in range(len(self.one) + len(self.other) + 1):
            work += envelope
            check_length(work)
            yield Remote("Elixir.Function", "identity", (None,))
            following: list[_Path] = []
            for number in range(envelope + 1):
                path = self._along((yield from self._stepped(paths, number, envelope)))
                if path.left == len(self.one) and path.right == len(self.other):
                    return path.edits
                following.append(path)
            paths = following
        return None

    def _stepped(self, paths: list[_Path], number: int, envelope: int) -> Steps:
        if envelope == 0:
            return paths[0]
        if number == 0:
            return (yield from self._down(paths[0]))
        if number == envelope:
            return (yield from self._right(paths[number - 1]))
        first, second = paths[number - 1], paths[number]
        return (yield from (self._right(first) if first.y > second.y else self._down(second)))

    def _right(self, path: _Path) -> Steps:
        if path.right == len(self.other):
            return path
        value = self.other[path.right]
        found = yield from self._scripted(path)
        if found is not None:
            return _Path(path.y + 1, path.left + 1, path.right + 1, _Edit(_DIFF, found, path.edits))
        return _Path(path.y, path.left, path.right + 1, _Edit(_INS, value, path.edits))

    def _down(self, path: _Path) -> Steps:
        if path.left == len(self.one):
            return path._replace(y=path.y + 1)
        found = yield from self._scripted(path)
        if found is not None:
            return _Path(path.y + 1, path.left + 1, path.right + 1, _Edit(_DIFF, found, path.edits))
        value = self.one[path.left]
        return _Path(path.y + 1, path.left + 1, path.right, _Edit(_DEL, value, path.edits))

    def _scripted(self, path: _Path) -> Steps:
        """What the fun says to the two elements that differ; None if nothing, or there is no fun."""
        if self.script is None or path.left == len(self.one) or path.right == len(self.other):
            return None
        found = yield Call(self.script, (self.one[path.left], self.other[path.right]))
        return found if truthy(found) else None

    def _along(self, path: _Path) -> _Path:
        """As far as the two lists are the same."""
        y, left, right, edits = path
        while left < len(self.one) and right < len(self.other) and equal(self.one[left], self.other[right]):
            edits = _Edit(_EQ, self.one[left], edits)
            y, left, right = y + 1, left + 1, right + 1
        return _Path(y, left, right, edits)


def _compacted(edit: _Edit | None) -> list[tuple[Atom, Term]]:
    """The steps from first to last, those of one kind together."""
    out: list[tuple[Atom, Term]] = []
    while edit is not None:
        if edit.kind is _DIFF:
            out.insert(0, (_DIFF, edit.value))
        elif out and out[0][0] is edit.kind:
            out[0][1].insert(0, edit.value)
        elif _moves_on(out):
            # What is inserted and then equal is, turned round, one longer run of equal elements.
            inserted, same = out[1][1], out[2][1]
            out[:3] = [(_INS, list(out[0][1])), (_EQ, inserted + same)]
            continue
        else:
            out.insert(0, (edit.kind, [edit.value]))
        edit = edit.before
    return out


def _moves_on(out: list[tuple[Atom, Term]]) -> bool:
    if len(out) < 3 or [kind for kind, _ in out[:3]] != [_EQ, _INS, _EQ]:
        return False
    return equal(out[0][1], out[1][1])


@list_module.function("myers_difference", 2)
def list_difference(one: Term, other: Term) -> Steps:
    return (yield from _difference(one, other, None))


@list_module.function("myers_difference", 3)
def list_difference_by(one: Term, other: Term, script: Term) -> Steps:
    need(is_function(script, 2))
    return (yield from _difference(one, other, script))


def _difference(one: Term, other: Term, script: Term) -> Steps:
    need(isinstance(one, list), isinstance(other, list))
    return _compacted((yield from _Search(one, other, script).run()))


@string.function("myers_difference", 2)
def string_difference(one: Term, other: Term) -> Steps:
    edits = yield from _difference(graphemes(one), graphemes(other), None)
    return [(kind, b"".join(parts)) for kind, parts in edits]
