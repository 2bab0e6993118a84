"""Topics, filters, and which matches which."""

from __future__ import annotations

import random

import pytest

from pyerlnode.bridge.mqtt.filters import FilterTree, check_filter, check_topic, is_shared, plain, text_of

GOOD = [
    "a",
    "/",
    "a/",
    "/a",
    "+",
    "#",
    "a/+/b",
    "a/#",
    "+/+/#",
    "$SYS/#",
    "$share/g/a/+",
    "$share/g/#",
    "é/ü",
]
BAD = [
    "",
    "a+",
    "a/b#",
    "#/a",
    "a/#/b",
    "++",
    "$share/g",
    "$share//a",
    "$share/g/",
    "$share/+/a",
    "a\0",
    "\ud800",
]


@pytest.mark.parametrize("filter", GOOD)
def test_filters(filter: str) -> None:
    assert check_filter(filter) is None


@pytest.mark.parametrize("filter", [*BAD, "x" * 65536])
def test_what_is_no_filter(filter: str) -> None:
    assert check_filter(filter)


def test_topics() -> None:
    assert check_topic("a/b") is None
    for topic in ("", "a/+", "#", "a\0"):
        assert check_topic(topic)
    assert (text_of(b"a"), text_of("a"), text_of(b"\xff"), text_of(1)) == ("a", "a", None, None)
    assert is_shared("$share/g/a") and plain("$share/g/a/b") == "a/b" and plain("a/b") == "a/b"


@pytest.mark.parametrize(
    ("filter", "matching", "others"),
    [
        ("a/b", ["a/b"], ["a", "a/b/c", "A/b", "/a/b"]),
        ("a/+", ["a/b", "a/"], ["a", "a/b/c"]),
        ("a/#", ["a", "a/", "a/b", "a/b/c"], ["ab", "b/a"]),
        ("+", ["a", ""], ["a/b", "/", "$SYS"]),
        ("#", ["a", "a/b", "/"], ["$SYS/a"]),
        ("+/#", ["a", "a/b"], ["$SYS/a"]),
        ("$SYS/#", ["$SYS/a", "$SYS"], ["a"]),
        ("$SYS/+", ["$SYS/a"], ["$SYS/a/b"]),
        ("$share/g/a/+", ["a/b"], ["a", "$share/g/a/b"]),
        ("/+", ["/a"], ["a", "a/b"]),
    ],
)
def test_what_matches(filter: str, matching: list[str], others: list[str]) -> None:
    tree: FilterTree[str] = FilterTree()
    tree.add(filter, filter)
    assert [topic for topic in matching + others if tree.matches(topic)] == matching


def matches(filter: list[str], topic: list[str]) -> bool:
    """What the standard says, level by level."""
    while filter and filter[0] != "#":
        if not topic or filter[0] not in ("+", topic[0]):
            return False
        filter, topic = filter[1:], topic[1:]
    return bool(filter) or not topic


def test_many_filters_that_come_and_go() -> None:
    chance = random.Random(1)
    tree: FilterTree[str] = FilterTree()
    there: set[str] = set()
    for _ in range(2000):
        levels = [chance.choice(["a", "b", "", "+"]) for _ in range(chance.randint(1, 4))]
        filter = "/".join([*levels, "#"] if chance.random() < 0.3 else levels)
        if chance.random() < 0.4:
            tree.remove(filter)
            there.discard(filter)
        elif check_filter(filter) is None:
            tree.add(filter, filter)
            there.add(filter)
        topic = "/".join(chance.choice(["a", "b", ""]) for _ in range(chance.randint(1, 5)))
        wanted = {each for each in there if matches(each.split("/"), topic.split("/"))}
        assert sorted(tree.matches(topic)) == sorted(wanted)
    for filter in there:
        tree.remove(filter)
    assert not tree._root.below


def test_a_topic_of_very_many_levels() -> None:
    tree: FilterTree[int] = FilterTree()
    deep = "/".join("a" * 30_000)
    tree.add(deep, 1)
    tree.add("#", 2)
    tree.add("a/#", 3)
    assert sorted(tree.matches(deep)) == [1, 2, 3]
    tree.remove(deep)
    assert sorted(tree.matches(deep)) == [2, 3]
