"""Who gets which message: subscribers by filter, and what the broker has to be told.

A filter is subscribed to once, for all of its subscribers.  Each SUBSCRIBE has a subscription
identifier of its own, which the broker puts on what it sends for it.  So it is known for which
of several overlapping filters a copy has come, and a retained message goes to those who have
just subscribed, and not again to the others:

    a live message      to the subscribers of the filter; who has several filters that match gets
                        one copy: of those wanted with QoS 1 or 2 the first that it subscribed to
    a retained one      to whoever that SUBSCRIBE was for
    a shared filter     to one of its subscribers, in turn

A broker of MQTT 3.1.1 says nothing of filters: there everybody whose filters match gets each
copy that comes.

Proof: tests/bridge/mqtt/test_subscriptions.py.
"""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING, Any

from pyerlnode.bridge.mqtt.filters import FilterTree, is_shared

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pyerlnode.bridge.mqtt.requests import Wish

__all__ = ["Subscription", "Subscriptions"]

# A pid, or an object of the bridge's own that takes messages.
Subscriber = Any


class Waiting:
    """A subscribe that the broker has not acknowledged yet."""

    __slots__ = ("subscriber", "tell", "wish")

    def __init__(self, subscriber: Subscriber, wish: Wish, tell: Callable[[Any], None]) -> None:
        self.subscriber, self.wish, self.tell = subscriber, wish, tell


class Place:
    """A subscriber of a filter; `confirmed`: the broker knew of it when this connection was younger."""

    __slots__ = ("confirmed", "order", "wish")

    def __init__(self, wish: Wish, order: int) -> None:
        self.wish, self.order = wish, order
        self.confirmed = False

    def comes_before(self, other: Place) -> bool:
        """Whether, of two filters of a subscriber, this is the one that it gets its copy for.

        Nothing may be lost when that changes.  So it goes by what was first, and not by what is
        new; a copy without acknowledgement gives way, but only to one that is sure to come.
        """
        return self.confirmed and (self.wish.qos == 0, self.order) < (other.wish.qos == 0, other.order)


class Subscription:
    """One filter; `active`: the broker knows it in this session."""

    __slots__ = (
        "active",
        "filter",
        "ids",
        "lock",
        "released",
        "renew",
        "shared",
        "subscribers",
        "turn",
        "waiting",
    )

    def __init__(self, filter: str) -> None:
        self.filter = filter
        self.shared = is_shared(filter)
        self.active = False
        # Held by who tells the broker about it.
        self.lock = asyncio.Lock()
        self.subscribers: dict[Subscriber, Place] = {}
        self.waiting: list[Waiting] = []
        # Told when the broker has been told that nobody is left.
        self.released: list[Callable[[Any], None]] = []
        self.ids: list[int] = []
        # Whether retained messages are wanted with each new connection.
        self.renew = False
        self.turn = 0

    @property
    def qos(self) -> int:
        """The highest that anybody wants."""
        return max((place.wish.qos for place in self.subscribers.values()), default=0)

    @property
    def to_do(self) -> bool:
        """Whether the broker has to be told something."""
        return bool(self.waiting) or self.active != bool(self.subscribers)

    def next_in_turn(self) -> Subscriber:
        """Whose turn it is among those who share the filter on this node."""
        self.turn = (self.turn + 1) % len(self.subscribers)
        return list(self.subscribers)[self.turn]


class Subscriptions:
    """All filters of one connection."""

    def __init__(self) -> None:
        self.by_filter: dict[str, Subscription] = {}
        self._tree: FilterTree[Subscription] = FilterTree()
        self._by_id: dict[int, tuple[Subscription, frozenset[Subscriber]]] = {}
        self._of: dict[Subscriber, dict[str, Subscription]] = {}
        # Of an earlier life of the program the broker may know other filters by low numbers.
        self._last_id = random.randrange(1, 2**27)
        self._last_order = 0

    # --- changing -----------------------------------------------------------------------

    def wait(self, filter: str, waiting: Waiting) -> Subscription:
        """A subscriber wants a filter; it has it when the broker has been asked."""
        found = self.by_filter.get(filter)
        if found is None:
            found = self.by_filter[filter] = Subscription(filter)
            self._tree.add(filter, found)
        found.waiting.append(waiting)
        return found

    def add(self, subscription: Subscription, subscriber: Subscriber, wish: Wish) -> None:
        """The subscriber gets from now on what the filter matches."""
        place = subscription.subscribers.get(subscriber)
        if place is None:
            self._last_order += 1
            subscription.subscribers[subscriber] = Place(wish, self._last_order)
        else:
            place.wish = wish
        self._of.setdefault(subscriber, {})[subscription.filter] = subscription

    def remove(self, subscription: Subscription, subscriber: Subscriber) -> bool:
        """It gets nothing more of the filter; whether it had it."""
        mine = self._of.get(subscriber, {})
        mine.pop(subscription.filter, None)
        if not mine:
            self._of.pop(subscriber, None)
        return subscription.subscribers.pop(subscriber, None) is not None

    def remove_all(self, subscriber: Subscriber) -> list[Subscription]:
        """Take a subscriber out that has ended; what it had."""
        found = list(self._of.get(subscriber, {}).values())
        for subscription in found:
            self.remove(subscription, subscriber)
        return found

    def knows(self, subscriber: Subscriber) -> bool:
        """Whether it has any filter."""
        return subscriber in self._of

    def subscribers(self) -> list[Subscriber]:
        """Everybody who has any."""
        return list(self._of)

    def new_id(self, subscription: Subscription, asked_by: Iterable[Subscriber]) -> int:
        """The identifier of a SUBSCRIBE; `asked_by` get the retained messages that it brings."""
        self._last_id += 1
        self._by_id[self._last_id] = (subscription, frozenset(asked_by))
        # What was sent for the one before may still be on its way.
        subscription.ids.append(self._last_id)
        for old in subscription.ids[:-4]:
            del self._by_id[old]
        del subscription.ids[:-4]
        return self._last_id

    def forget(self, subscription: Subscription) -> None:
        """Nobody has the filter any more, and the broker knows."""
        self.by_filter.pop(subscription.filter, None)
        self._tree.remove(subscription.filter)
        for id in subscription.ids:
            del self._by_id[id]
        subscription.ids.clear()

    def connection_lost(self) -> None:
        """The broker may have forgotten everything."""
        for subscription in self.by_filter.values():
            subscription.active = False
            for place in subscription.subscribers.values():
                place.confirmed = False

    # --- asking -------------------------------------------------------------------------

    def recipients(self, topic: str, ids: Sequence[int], *, retained: bool) -> list[tuple[Subscriber, Wish]]:
        """Who gets a message that has come for these subscription identifiers.

        None of them is known with MQTT 3.1.1, and for what the broker has kept for long: then it goes by
        the topic, for a second copy is better than none.
        """
        if not any(id in self._by_id for id in ids):
            return self._all_matching(topic)
        found: dict[Subscriber, Wish] = {}
        for id in ids:
            subscription, asked_by = self._by_id.get(id, (None, frozenset()))
            if subscription is None or not subscription.subscribers:
                continue
            for subscriber in self._chosen(subscription, asked_by, topic, retained):
                found[subscriber] = subscription.subscribers[subscriber].wish
        return list(found.items())

    def _chosen(
        self, subscription: Subscription, asked_by: frozenset[Subscriber], topic: str, retained: bool
    ) -> list[Subscriber]:
        if subscription.shared:
            return [subscription.next_in_turn()]
        if retained:
            return [subscriber for subscriber in subscription.subscribers if subscriber in asked_by]
        return [
            subscriber
            for subscriber, place in subscription.subscribers.items()
            if len(self._of[subscriber]) == 1 or not self._comes_otherwise(subscriber, place, topic)
        ]

    def _comes_otherwise(self, subscriber: Subscriber, place: Place, topic: str) -> bool:
        """Whether the subscriber gets another copy, for another filter that matches."""
        for other in self._tree.matches(topic):
            there = None if other.shared else other.subscribers.get(subscriber)
            if there is not None and there is not place and there.comes_before(place):
                return True
        return False

    def _all_matching(self, topic: str) -> list[tuple[Subscriber, Wish]]:
        found: dict[Subscriber, Wish] = {}
        for subscription in self._tree.matches(topic):
            if subscription.shared and subscription.subscribers:
                subscriber = subscription.next_in_turn()
                found[subscriber] = subscription.subscribers[subscriber].wish
            elif not subscription.shared:
                found |= {each: place.wish for each, place in subscription.subscribers.items()}
        return list(found.items())
