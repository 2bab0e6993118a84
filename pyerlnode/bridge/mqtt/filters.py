"""Topic names and topic filters: what is one, and which filters a topic matches.

Source: MQTT 5.0, sections 4.7 (topic names and filters) and 4.8.2 (shared subscriptions).
Proof: tests/bridge/mqtt/test_filters.py.
"""

from __future__ import annotations

from typing import Generic, TypeVar

__all__ = ["FilterTree", "check_filter", "check_topic", "is_shared", "plain", "text_of"]

T = TypeVar("T")

MAX_BYTES = 65535
SHARE = "$share/"


def text_of(value: object) -> str | None:
    """A topic or a filter as text, from a binary or text; None for what is neither."""
    if isinstance(value, bytes):
        try:
            return value.decode()
        except UnicodeDecodeError:
            return None
    return str(value) if type(value) is str else None


def check_topic(topic: str) -> str | None:
    """What is wrong with the name of a topic to publish on; None if nothing is."""
    if "+" in topic or "#" in topic:
        return "a topic to publish on has no wildcards"
    return _check_text(topic)


def check_filter(filter: str) -> str | None:
    """What is wrong with a filter; None if nothing is."""
    wrong = _check_text(filter)
    if wrong is not None:
        return wrong
    if filter.startswith(SHARE):
        group, slash, filter = filter.removeprefix(SHARE).partition("/")
        if not group or not slash or not filter or "+" in group or "#" in group:
            return "a shared subscription is $share/GROUP/FILTER"
    levels = filter.split("/")
    if any(len(level) > 1 and ("+" in level or "#" in level) for level in levels):
        return "+ and # stand for a whole level"
    return "# stands at the end only" if "#" in levels[:-1] else None


def _check_text(text: str) -> str | None:
    if not text:
        return "it is empty"
    if "\0" in text:
        return "it has the character 0"
    try:
        size = len(text.encode())
    except UnicodeEncodeError:
        return "it is no UTF-8"
    return f"it has more than {MAX_BYTES} bytes" if size > MAX_BYTES else None


def is_shared(filter: str) -> bool:
    """Whether a filter is a shared subscription: each message goes to one of those who share it."""
    return filter.startswith(SHARE)


def plain(filter: str) -> str:
    """The filter of a shared subscription; any other as it is."""
    return filter.split("/", 2)[2] if is_shared(filter) else filter


class _Branch(Generic[T]):
    __slots__ = ("below", "values")

    def __init__(self) -> None:
        self.below: dict[str, _Branch[T]] = {}
        self.values: dict[str, T] = {}


class FilterTree(Generic[T]):
    """Values by filter; `matches(topic)` costs the same however many filters there are."""

    def __init__(self) -> None:
        self._root: _Branch[T] = _Branch()

    def add(self, filter: str, value: T) -> None:
        """Enter a value, in the place of one that the filter has already."""
        branch = self._root
        for level in plain(filter).split("/"):
            branch = branch.below.setdefault(level, _Branch())
        branch.values[filter] = value

    def remove(self, filter: str) -> None:
        """Take a filter out, if it is there."""
        path = [self._root]
        levels = plain(filter).split("/")
        for level in levels:
            below = path[-1].below.get(level)
            if below is None:
                return
            path.append(below)
        path[-1].values.pop(filter, None)
        while levels and not path[-1].values and not path[-1].below:
            path.pop()
            del path[-1].below[levels.pop()]

    def matches(self, topic: str) -> list[T]:
        """The values of the filters that match, in no particular order."""
        levels = topic.split("/")
        # A wildcard at the start matches no topic of the broker's own.
        hidden = topic.startswith("$")
        found: list[T] = []
        branches = [self._root]
        for depth, level in enumerate(levels):
            wild = not (hidden and depth == 0)
            for branch in branches:
                if wild and "#" in branch.below:
                    found += branch.below["#"].values.values()
            names = (level, "+") if wild else (level,)
            branches = [below for branch in branches for name in names if (below := branch.below.get(name))]
        for branch in branches:
            found += branch.values.values()
            if "#" in branch.below:  # "a/#" matches "a"
                found += branch.below["#"].values.values()
        return found
