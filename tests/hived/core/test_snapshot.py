"""Snapshot, then feed: together they say the same as a later snapshot."""

from collections.abc import Callable
from typing import Any

from hived.core import agents, approvals, snapshot
from hived.store import feed
from hived.store.database import Connection, Fed
from hived.wire.snapshot import Snapshot
from tests.support.books import OPERATOR, Books, event


async def take(books: Books) -> Snapshot:
    return await books.read(lambda conn: snapshot.take(conn, books.hive.info))


def state_of(taken: Snapshot) -> dict[str, dict[str, Any]]:
    return {
        "agent": {agent.id: agent.model_dump() for agent in taken.agents},
        "approval": {approval.id: approval.model_dump() for approval in taken.approvals},
        "waiting": {item.id: item.model_dump() for item in taken.waiting},
        "message": {message.id: message.model_dump() for message in taken.messages},
    }


async def test_of_an_empty_hive(books: Books) -> None:
    taken = await take(books)
    assert (taken.seq, taken.agents, taken.waiting, taken.messages) == (0, [], [], [])


def merge(message: dict[str, Any], receipt: dict[str, Any]) -> None:
    """What a client does with a receipt."""
    message.update({key: value for key, value in receipt.items() if key in message})


async def test_a_snapshot_and_the_feed_after_it_are_a_later_snapshot(books: Books) -> None:
    ada = await books.agent("ada")
    denied, approved = await books.ask("no"), await books.ask("yes")
    early = await books.send("ada", "early")
    before = await take(books)

    await books.claim(ada, "t1")
    await books.events(ada, event(1, "turn_start", turn_id="t1"))
    await books.end_turn(ada, "t1", "failed", early.id, retryable=False)
    await books.do(lambda tx: approvals.decide(tx, denied, "denied", None, None, OPERATOR))
    await books.do(lambda tx: approvals.decide(tx, approved, "approved", None, None, OPERATOR))
    await books.send("yes", "welcome")
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, "parked", "it broke", pid=None))
    await books.ask("more")

    state = state_of(before)
    for row in await books.read(lambda conn: feed.select_after(conn, before.seq, 1000)):
        if row.kind == "waiting_removed":
            state["waiting"].pop(row.payload["id"])
        elif row.kind == "receipts":
            for receipt in row.payload["receipts"]:
                merge(state["message"][receipt["message_id"]], receipt)
        else:
            state[row.kind][row.payload["id"]] = row.payload
    decided = {key for key, approval in state["approval"].items() if approval["status"] not in ("pending", "orphaned")}
    for key in decided:
        del state["approval"][key]
    after = await take(books)
    assert state == state_of(after)
    assert [item.kind for item in after.waiting] == ["held_message", "parked", "spawn"]


async def test_the_number_stays_when_its_rows_are_pruned(books: Books) -> None:
    await books.agent("ada")
    taken = await take(books)
    await books.do(lambda tx: tx.execute("DELETE FROM feed"))
    assert (await take(books)).seq == taken.seq
    assert await books.read(feed.select_bounds) == (taken.seq + 1, taken.seq)


async def test_only_the_newest_messages_are_in_it(books: Books) -> None:
    await books.agent("ada")
    for number in range(snapshot.NEWEST_MESSAGES + 5):
        await books.send("ada", str(number))
    bodies = [message.body for message in (await take(books)).messages]
    assert (len(bodies), bodies[0], bodies[-1]) == (200, "5", "204")


async def test_of_very_long_messages_only_the_newest_are_in_it_and_a_page_of_the_feed_ends_early(books: Books) -> None:
    await books.agent("ada")
    sent = [(await books.send("ada", "x" * 250_000)).id for _ in range(25)]
    taken = await take(books)
    assert [message.id for message in taken.messages] == sent[-8:]

    def page_after(seq: int) -> Callable[[Connection], list[Fed]]:
        return lambda conn: feed.select_after(conn, seq, 500)

    seen = [0]
    pages = 0
    while page := await books.read(page_after(seen[-1])):
        assert sum(len(row.payload.get("body", "")) for row in page) <= feed.MAX_PAGE_CHARACTERS
        seen += [row.seq for row in page]
        pages += 1
    assert seen[1:] == [row.seq for row in books.feed]
    assert pages == 2
