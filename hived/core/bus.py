"""In-process news, after the commit: feed rows, and doorbells for agents. Subscribers are bounded; a slow one is cut off."""

import asyncio
from collections import deque
from collections.abc import Callable, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")


class Subscription(Generic[T]):
    """What one reader has still to read. `take` waits for news and gives all of it at once; None means cut off or closed."""

    def __init__(self, limit: int, on_close: Callable[["Subscription[T]"], None]) -> None:
        self._items: deque[T] = deque()
        self._limit = limit
        self._weight = 0
        self._news = asyncio.Event()
        self._on_close = on_close
        self.cut_off = False
        self.closed = False

    def put(self, item: T, weight: int = 1) -> None:
        """Queue an item; over the limit the subscription is cut off and what it held is dropped."""
        if self.closed or self.cut_off:
            return
        self._weight += weight
        if self._weight > self._limit:
            self.cut_off = True
            self._items.clear()
        else:
            self._items.append(item)
        self._news.set()

    async def take(self) -> list[T] | None:
        await self._news.wait()
        if self.cut_off or (self.closed and not self._items):
            return None
        items = list(self._items)
        self._items.clear()
        self._weight = 0
        if not self.closed:
            self._news.clear()
        return items

    def close(self) -> None:
        if not self.closed:
            self.closed = True
            self._news.set()
            self._on_close(self)


class Topic(Generic[T]):
    """A set of subscriptions to one kind of news. `limit` is in the units that `publish` is given as weights."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._subscriptions: set[Subscription[T]] = set()

    def subscribe(self) -> Subscription[T]:
        subscription: Subscription[T] = Subscription(self._limit, self._subscriptions.discard)
        self._subscriptions.add(subscription)
        return subscription

    def publish(self, items: Sequence[T], weight: int = 1) -> None:
        for subscription in tuple(self._subscriptions):
            for item in items:
                subscription.put(item, weight)

    def close(self) -> None:
        for subscription in tuple(self._subscriptions):
            subscription.close()

    def __len__(self) -> int:
        return len(self._subscriptions)
