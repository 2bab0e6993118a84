"""Where children run: the same on all nodes, evenly, and only those of a lost node move."""

from __future__ import annotations

from collections import Counter

from pyerlnode.services.distributed.placement import ranked
from pyerlnode.term import Atom, Pid, encode

MEMBERS = [Pid(Atom(f"n{number}@localhost"), 100 + number, 0, 1) for number in range(4)]
KEYS = [encode(number) for number in range(400)]


def test_the_order_of_the_members_does_not_matter() -> None:
    assert all(ranked(MEMBERS, key) == ranked(MEMBERS[::-1], key) for key in KEYS)


def test_each_member_gets_its_share() -> None:
    shares = Counter(ranked(MEMBERS, key)[0] for key in KEYS)
    assert set(shares) == set(MEMBERS)
    assert all(60 <= share <= 140 for share in shares.values())


def test_only_the_children_of_a_lost_member_move() -> None:
    left = MEMBERS[1:]
    for key in KEYS:
        before, after = ranked(MEMBERS, key)[0], ranked(left, key)[0]
        assert after == before or before == MEMBERS[0]


def test_at_random_every_member_is_asked_once() -> None:
    orders = {tuple(ranked(MEMBERS, b"key", "random")) for _ in range(100)}
    assert len(orders) > 1
    assert all(len(order) == 4 and set(order) == set(MEMBERS) for order in orders)
