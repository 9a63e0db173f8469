"""A time limit that stands still in a pause."""

import asyncio
from collections.abc import Iterator

import pytest

from agentd import patience
from agentd.patience import patient


@pytest.fixture(autouse=True)
def _going_on() -> Iterator[None]:
    yield
    patience.go_on()


async def passed(seconds: float) -> None:
    """Returns when that much time has gone by on the loop's clock."""
    gone = asyncio.Event()
    asyncio.get_running_loop().call_later(seconds, gone.set)
    await gone.wait()


async def test_it_runs_out_as_any_other() -> None:
    with pytest.raises(TimeoutError):
        async with patient(0.01):
            await asyncio.Event().wait()


@pytest.mark.parametrize("begun", ["before", "in"])
async def test_the_time_of_a_pause_does_not_count(begun: str) -> None:
    over = asyncio.Event()

    async def wait() -> str:
        try:
            async with patient(0.2):
                await over.wait()
        except TimeoutError:
            return "ran out"
        return "in time"

    if begun == "in":
        patience.stand_still()
    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    patience.stand_still()
    await passed(0.4)
    assert not waiting.done()
    patience.go_on()
    await asyncio.sleep(0)
    assert not waiting.done(), "what was left of it is left"
    over.set()
    assert await waiting == "in time"


async def test_what_was_left_runs_out_after_it() -> None:
    async def wait() -> None:
        async with patient(0.05):
            await asyncio.Event().wait()

    waiting = asyncio.create_task(wait())
    await asyncio.sleep(0)
    patience.stand_still()
    patience.stand_still()
    await passed(0.1)
    patience.go_on()
    with pytest.raises(TimeoutError):
        await waiting


async def test_no_limit_is_no_limit() -> None:
    patience.stand_still()
    async with patient(None):
        patience.go_on()
