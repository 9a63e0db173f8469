"""How many harnesses start at once: a hundred interpreters at a boot would each wait for all the others.

Harnesses that still run are looked for first, all of them, since they only need to be known again.
"""

import os
from collections.abc import Callable, Iterable

AT_ONCE = max(4, 2 * (os.cpu_count() or 1))
TURN_SECONDS = 3.0
"""One that takes longer than that to connect is waited for by nobody else."""


class Starts:
    """One for all keepers. A turn is taken before a start, and given back when its harness is connected, or gone."""

    def __init__(self, to_look: Iterable[str] = (), at_once: int = AT_ONCE) -> None:
        """Nobody's turn comes before each of `to_look` has `looked`."""
        self._unlooked = set(to_look)
        self._at_once = at_once
        self._going: set[str] = set()
        self._waiting: dict[str, Callable[[], None]] = {}

    def looked(self, who: str) -> None:
        self._unlooked.discard(who)
        self._ring()

    def take(self, who: str, ring: Callable[[], None]) -> bool:
        """Whether `who` may start now; else `ring` is called when it may: then it asks again."""
        if who in self._going:
            return True
        self._waiting.setdefault(who, ring)
        if who not in self._next():
            return False
        del self._waiting[who]
        self._going.add(who)
        return True

    def give(self, who: str) -> None:
        """Its turn is over; harmless for who has none."""
        if who in self._going:
            self._going.discard(who)
            self._ring()

    def forget(self, who: str) -> None:
        """Neither starts nor waits for it."""
        self._waiting.pop(who, None)
        self.give(who)
        self._ring()

    def _next(self) -> list[str]:
        room = 0 if self._unlooked else self._at_once - len(self._going)
        return list(self._waiting)[: max(0, room)]

    def _ring(self) -> None:
        for who in self._next():
            self._waiting[who]()
