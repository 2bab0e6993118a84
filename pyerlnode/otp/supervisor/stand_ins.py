"""Children of other nodes whose parent there stands in for their supervisor.

A process that was started by another node's `start_link` has for its parent whoever called that,
there.  The supervisor tells that process what it would tell the child, and learns from
it of the child's end.

Proof: interop/test_border.py.
"""

from __future__ import annotations

from typing import TYPE_CHECKING
from weakref import WeakKeyDictionary

if TYPE_CHECKING:
    from pyerlnode.process import Process
    from pyerlnode.term import Pid

__all__ = ["forget", "of_child", "remember"]

# Supervisor -> child -> who stands in for the supervisor; and back.
_of_child: WeakKeyDictionary[Process, dict[Pid, Pid]] = WeakKeyDictionary()
_children: WeakKeyDictionary[Process, dict[Pid, Pid]] = WeakKeyDictionary()


def remember(supervisor: Process, child: Pid, stand_in: Pid) -> None:
    """From now on `stand_in` is what the supervisor is linked to, and orders to end."""
    _of_child.setdefault(supervisor, {})[child] = stand_in
    _children.setdefault(supervisor, {})[stand_in] = child


def of_child(supervisor: Process, child: Pid) -> Pid:
    """Who is told to end the child: its stand-in, if it has one, else it itself."""
    return _of_child.get(supervisor, {}).get(child, child)


def forget(supervisor: Process, ended: Pid) -> Pid:
    """The child that has ended when this process has: itself, but for a stand-in."""
    child = _children.get(supervisor, {}).pop(ended, None)
    if child is None:
        return ended
    _of_child[supervisor].pop(child, None)
    return child
