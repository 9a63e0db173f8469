"""What routers and supervision share: waiting for a state of the books, and doorbells."""

import asyncio

import pytest

from hived.core import agents
from hived.store.database import Connection
from hived.wire.errors import TookTooLong
from tests.support.books import Books


async def test_until_looks_again_after_each_change(books: Books) -> None:
    looks = 0

    def two_agents(conn: Connection) -> bool:
        nonlocal looks
        looks += 1
        return len(agents.list_views(conn)) == 2

    waiting = asyncio.create_task(books.hive.until(two_agents, seconds=60, what="two agents"))
    await books.agent("ada")
    assert not waiting.done()
    await books.agent("bob")
    await waiting
    assert looks <= 6


async def test_until_gives_up_in_time_and_raises_what_the_condition_raises(books: Books) -> None:
    with pytest.raises(TookTooLong) as refusal:
        await books.hive.until(lambda conn: False, seconds=0.01, what="a wonder")
    assert "a wonder" in refusal.value.message

    def fail(conn: Connection) -> bool:
        raise LookupError("it will never be")

    with pytest.raises(LookupError):
        await books.hive.until(fail, seconds=60, what="x")


async def test_a_message_rings_its_agent_alone_and_a_change_of_what_is_wanted_the_supervision(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    for_ada, for_bob = books.hive.bells(ada).subscribe(), books.hive.bells(bob).subscribe()
    books.hive.look.clear()
    await books.send("ada")
    rings = await asyncio.wait_for(for_ada.take(), 60)
    assert rings is not None
    assert [ring.event for ring in rings] == ["wake"]
    assert not books.hive.look.is_set()
    books.hive.close_streams()
    assert await for_bob.take() is None
    assert books.hive.stopping.is_set()


async def test_feed_rows_are_encoded_once_as_events_with_their_number(books: Books) -> None:
    reader = books.hive.feed.subscribe()
    await books.agent("ada")
    frames = await asyncio.wait_for(reader.take(), 60)
    assert frames is not None
    first = frames[0]
    assert first.data.startswith(b"id: %d\n" % first.seq) or b"\nid: %d\n" % first.seq in first.data
    assert first.data.endswith(b"\n\n")
    assert first.data.count(b"\n\n") == 1
