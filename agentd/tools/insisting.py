"""Asks that hived keeps under an id of ours: made again while hived is away for a moment, since a repeat is the same ask."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import TypeVar

from hived.wire.errors import NotRunning

T = TypeVar("T")
AWAY_SECONDS = 10.0
"""hived may be restarting; after this long the ask is given up."""
RETRY_SECONDS = 0.25


async def insist(ask: Callable[[], Awaitable[T]]) -> T:
    """What it answers. Raises the HiveError that hived answers, NotRunning where nobody does within AWAY_SECONDS."""
    deadline = asyncio.get_running_loop().time() + AWAY_SECONDS
    while True:
        try:
            return await ask()
        except NotRunning:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(RETRY_SECONDS)
