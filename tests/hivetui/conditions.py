"""Waiting for what should become true, bounded."""

import asyncio
from collections.abc import Callable

from textual.pilot import Pilot

SECONDS = 60.0


async def until(condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """Return once it holds; AssertionError where it does not within that time."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - what is waited for has no event of its own
                await asyncio.sleep(0)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen within {seconds:g} s") from None


async def settled(pilot: Pilot[None], condition: Callable[[], object], what: str, seconds: float = SECONDS) -> None:
    """The same for a screen, with everything drawn afterwards."""
    await until(condition, what, seconds)
    await pilot.pause()
