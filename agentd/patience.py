"""`patient`: a time limit that stands still while the agent is paused. Standard library only."""

import asyncio
from types import TracebackType

_running: "set[patient]" = set()
_paused = False


class patient:  # noqa: N801 - it stands where asyncio.timeout would
    """As asyncio.timeout, for what waits on an engine: the time in which that is stopped does not count."""

    def __init__(self, seconds: float | None) -> None:
        self._seconds = seconds
        self._left: float | None = None

    async def __aenter__(self) -> "patient":
        self._limit = asyncio.timeout(self._seconds)
        await self._limit.__aenter__()
        _running.add(self)
        if _paused:
            self.hold()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        _running.discard(self)
        await self._limit.__aexit__(kind, error, trace)

    def hold(self) -> None:
        when = self._limit.when()
        if when is not None and not self._limit.expired():
            self._left = when - asyncio.get_running_loop().time()
            self._limit.reschedule(None)

    def let_go(self) -> None:
        if self._left is not None and not self._limit.expired():
            self._limit.reschedule(asyncio.get_running_loop().time() + self._left)
        self._left = None


def stand_still() -> None:
    """No limit runs out from now on."""
    global _paused
    if not _paused:
        _paused = True
        for limit in tuple(_running):
            limit.hold()


def go_on() -> None:
    global _paused
    if _paused:
        _paused = False
        for limit in tuple(_running):
            limit.let_go()
