"""Who gets which message, without a broker."""

from __future__ import annotations

from pyerlnode.bridge.mqtt.requests import Wish
from pyerlnode.bridge.mqtt.subscriptions import Subscription, Subscriptions, Waiting


def subscribe(table: Subscriptions, subscriber: str, filter: str, qos: int = 0) -> int:
    """As the connection does it; the identifier that the broker was given."""
    subscription = table.wait(filter, Waiting(subscriber, Wish(qos), lambda result: None))
    subscription.waiting.clear()
    table.add(subscription, subscriber, Wish(qos))
    id = table.new_id(subscription, [subscriber])
    subscription.active = True
    for place in subscription.subscribers.values():
        place.confirmed = True
    return id


def who(table: Subscriptions, topic: str, *ids: int, retained: bool = False) -> list[str]:
    return sorted(subscriber for subscriber, _ in table.recipients(topic, ids, retained=retained))


def test_each_copy_goes_to_those_of_its_filter() -> None:
    table = Subscriptions()
    one, two = subscribe(table, "kate", "a/+"), subscribe(table, "alex", "a/b")
    assert who(table, "a/b", one) == ["kate"]
    assert who(table, "a/b", two) == ["alex"]
    assert who(table, "a/b", one, two) == ["alex", "kate"]


def test_of_overlapping_filters_one_copy_counts() -> None:
    table = Subscriptions()
    ids = [subscribe(table, "kate", filter, qos) for filter, qos in (("#", 0), ("a/+", 2), ("a/b", 1))]
    assert [who(table, "a/b", id) for id in ids] == [[], ["kate"], []]
    assert who(table, "a/b", *ids) == ["kate"]
    assert who(table, "c", ids[0]) == ["kate"]
    table.connection_lost()  # now it is not sure which copies come
    assert [who(table, "a/b", id) for id in ids] == [["kate"]] * 3


def test_retained_messages_are_for_who_has_asked() -> None:
    table = Subscriptions()
    first = subscribe(table, "kate", "a")
    second = subscribe(table, "alex", "a")
    assert who(table, "a", second, retained=True) == ["alex"]
    assert who(table, "a", first, retained=True) == ["kate"]
    assert who(table, "a", first) == who(table, "a", second) == ["alex", "kate"]


def test_those_who_share_take_turns() -> None:
    table = Subscriptions()
    subscribe(table, "kate", "$share/g/a")
    id = subscribe(table, "alex", "$share/g/a")
    other = subscribe(table, "kate", "a")
    assert sorted(who(table, "a", id) + who(table, "a", id)) == ["alex", "kate"]
    assert who(table, "a", other) == ["kate"]


def test_without_identifiers_everybody_who_matches() -> None:
    table = Subscriptions()
    for name, filter in (("kate", "a/+"), ("kate", "#"), ("alex", "b")):
        subscribe(table, name, filter)
    assert who(table, "a/b") == ["kate"]
    assert who(table, "b") == ["alex", "kate"]
    # Such as a session of an earlier life has kept.
    assert who(table, "b", 2**28 - 1) == ["alex", "kate"]


def test_what_the_broker_has_kept_for_longer_than_its_identifier_is_known() -> None:
    table = Subscriptions()
    old = subscribe(table, "kate", "a/+")
    subscribe(table, "alex", "b")
    for _ in range(10):  # as often as a connection was lost while it was subscribed to again
        subscribe(table, "kate", "a/+")
    assert who(table, "a/b", old) == ["kate"]
    assert who(table, "b", old) == ["alex"]


def test_who_ends_is_out_of_everything() -> None:
    table = Subscriptions()
    ids = [subscribe(table, "kate", filter) for filter in ("a", "b")]
    subscribe(table, "alex", "b")
    gone = table.remove_all("kate")
    assert sorted(subscription.filter for subscription in gone) == ["a", "b"]
    assert [subscription.to_do for subscription in sorted(gone, key=lambda each: each.filter)] == [
        True,
        False,
    ]
    assert who(table, "a", ids[0]) == [] and who(table, "b", ids[1]) == ["alex"]
    assert not table.knows("kate") and table.subscribers() == ["alex"]
    table.forget(gone[0])
    assert sorted(table.by_filter) == ["b"]


def test_a_filter_that_is_asked_for_again_and_again_keeps_little() -> None:
    table = Subscriptions()
    ids = [subscribe(table, f"p{number}", "a") for number in range(1000)]
    subscription: Subscription = table.by_filter["a"]
    assert len(subscription.ids) == 4 and len(table._by_id) == 4
    assert len(who(table, "a", ids[-1])) == 1000
