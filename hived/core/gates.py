"""Many write, or one sweeps: whoever removes what nothing leads to must not meet what is written and not named yet."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator


class Gate:
    """Of one repository of hived's own."""

    def __init__(self) -> None:
        self._writers = 0
        self._swept: asyncio.Event | None = None

    @contextlib.asynccontextmanager
    async def writing(self) -> AsyncIterator[None]:
        """Held from the first object that is written to the ref, or the row, that names it. Waits for a sweep."""
        while self._swept is not None:
            await self._swept.wait()
        self._writers += 1
        try:
            yield
        finally:
            self._writers -= 1

    @contextlib.contextmanager
    def sweeping(self) -> Iterator[bool]:
        """False where somebody writes or sweeps: nothing is swept then."""
        if self._writers or self._swept is not None:
            yield False
            return
        self._swept = asyncio.Event()
        try:
            yield True
        finally:
            self._swept.set()
            self._swept = None
