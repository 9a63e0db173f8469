"""What a setup does on a thread is done before anybody goes on as if it were not."""

import asyncio
import threading

import pytest

from hived.supervision.setup_run import to_its_end


async def test_a_cancellation_waits_for_the_thread() -> None:
    begun, may_end, did = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        assert may_end.wait(60)
        did.append("written")

    task = asyncio.ensure_future(to_its_end(work))
    await asyncio.to_thread(begun.wait, 20)
    task.cancel()
    asyncio.get_running_loop().call_soon(may_end.set)
    with pytest.raises(asyncio.CancelledError):
        await task
    assert did == ["written"]


async def test_what_it_raises_is_raised() -> None:
    with pytest.raises(ZeroDivisionError):
        await to_its_end(lambda: 1 // 0)
