"""News inside hived: all of it at once, in order; a reader that falls behind is cut off and holds no memory."""

import asyncio

import pytest

from hived.core.bus import Topic


async def test_all_that_came_is_taken_at_once_in_order() -> None:
    topic: Topic[int] = Topic(limit=100)
    subscription = topic.subscribe()
    topic.publish([1, 2])
    topic.publish([3])
    assert await subscription.take() == [1, 2, 3]
    waiting = asyncio.create_task(subscription.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    topic.publish([4])
    assert await waiting == [4]


async def test_each_reader_gets_everything_since_it_came() -> None:
    topic: Topic[int] = Topic(limit=100)
    early = topic.subscribe()
    topic.publish([1])
    late = topic.subscribe()
    topic.publish([2])
    assert (await early.take(), await late.take()) == ([1, 2], [2])


async def test_a_reader_that_falls_behind_is_cut_off_and_the_others_are_not() -> None:
    topic: Topic[bytes] = Topic(limit=100)
    slow, quick = topic.subscribe(), topic.subscribe()
    for _ in range(3):
        topic.publish([b"x" * 40], weight=40)
        assert await quick.take() == [b"x" * 40]
    assert slow.cut_off
    assert await slow.take() is None
    assert len(slow._items) == 0
    slow.close()
    assert len(topic) == 1


async def test_a_topic_that_closes_gives_what_is_left_and_then_the_end() -> None:
    topic: Topic[int] = Topic(limit=100)
    subscription = topic.subscribe()
    topic.publish([1])
    topic.close()
    assert await subscription.take() == [1]
    assert await subscription.take() is None
    assert len(topic) == 0


async def test_a_take_that_is_given_up_loses_nothing() -> None:
    topic: Topic[int] = Topic(limit=100)
    subscription = topic.subscribe()
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(subscription.take(), 0.01)
    topic.publish([1])
    assert await subscription.take() == [1]
