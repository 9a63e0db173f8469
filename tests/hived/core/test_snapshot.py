"""Snapshot, then feed: together they say the same as a later snapshot."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from hived.core import agents, approvals, messages, questions, snapshot
from hived.store import feed
from hived.store.database import Connection, Fed
from hived.wire.snapshot import Snapshot
from tests.support.books import OPERATOR, Books, event
from tests.support.open_items import fill


async def take(books: Books) -> Snapshot:
    return await books.read(lambda conn: snapshot.take(conn, books.hive.info))


def state_of(taken: Snapshot) -> dict[str, dict[str, Any]]:
    return {
        "agent": {agent.id: agent.model_dump() for agent in taken.agents},
        "approval": {approval.id: approval.model_dump() for approval in taken.approvals},
        "waiting": {item.id: item.model_dump() for item in taken.waiting},
        "message": {message.id: message.model_dump() for message in taken.messages},
        "deployment": {deployment.id: deployment.model_dump() for deployment in taken.deployments},
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


# What is open ----------------------------------------------------------------------------------------------


async def raw(books: Books) -> dict[str, Any]:
    """As it goes out."""
    found: dict[str, Any] = json.loads(await books.read(lambda conn: snapshot.encoded(conn, books.hive.info)))
    return found


async def test_what_sqlite_writes_is_what_the_models_say(books: Books) -> None:
    await fill(books.database, 24)
    asker = await books.one("SELECT id FROM agents WHERE name = 'asker-1'")
    await books.do(lambda tx: agents.next_generation(tx, asker))  # its asks are orphans
    await books.do(
        lambda tx: tx.execute("UPDATE questions SET reason = 'line\none \"two\" \u2028 é', deadline = ?", (tx.now,))
    )
    await books.do(
        lambda tx: tx.execute("UPDATE messages SET edited_by = 'operator', pair_id = 'p' WHERE status = 'held'")
    )
    for number in range(snapshot.NEWEST_MESSAGES):
        await books.send("asker-0", f"so that the held ones are not among the newest {number}")
    shown = await raw(books)
    undecided = await books.read(lambda conn: approvals.list_approvals(conn, undecided=True))
    assert {approval.status for approval in undecided} == {"pending", "orphaned"}
    assert shown["approvals"] == [approval.model_dump() for approval in undecided]
    assert shown["waiting"] == [item.model_dump() for item in await books.waiting()]
    pending = await books.read(lambda conn: questions.list_questions(conn, status="pending"))
    assert shown["questions"] == [question.model_dump() for question in pending]
    held = await books.read(lambda conn: messages.list_messages(conn, held=True))
    assert shown["messages"][: len(held)] == [message.model_dump() for message in held]
    assert len(shown["messages"]) == len(held) + snapshot.NEWEST_MESSAGES
    assert (len(undecided), len(pending), len(held)) == (8, 8, 8)


async def test_a_held_message_among_the_newest_is_there_once(books: Books) -> None:
    ada = await books.agent("ada")
    first, second = await books.send("ada", "one"), await books.send("ada", "two")
    await books.claim(ada, "t1", max=1)
    await books.end_turn(ada, "t1", "failed", first.id, retryable=False)
    assert [(message["id"], message["status"]) for message in (await raw(books))["messages"]] == [
        (first.id, "held"), (second.id, "queued"),
    ]  # fmt: skip


async def test_what_is_very_long_is_cut_and_says_so(books: Books) -> None:
    await fill(books.database, 3, characters=snapshot.MOST_EACH)
    for _ in range(snapshot.NEWEST_MESSAGES):
        await books.send("asker-0", "newer")
    shown = await raw(books)
    [approval], [question], held = shown["approvals"], shown["questions"], shown["messages"][0]
    assert (approval["cut"], approval["payload"], approval["subject"][:8]) == (True, {}, "Bash git")
    assert (question["cut"], question["options"], len(question["text"])) == (True, [], snapshot.CUT_CHARACTERS)
    assert (held["cut"], held["status"], len(held["body"])) == (True, "held", snapshot.CUT_CHARACTERS)
    assert [found["cut"] for found in shown["messages"][1:]] == [False] * snapshot.NEWEST_MESSAGES


async def test_many_long_ones_share_the_room(books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(snapshot, "MOST_TOGETHER", 300_000)
    monkeypatch.setattr(snapshot, "NEWEST_MESSAGES", 0)
    await fill(books.database, 300, characters=9_000)
    encoded = await books.read(lambda conn: snapshot.encoded(conn, books.hive.info))
    shown = Snapshot.model_validate_json(encoded)
    assert len(encoded) < 300_000
    for things in (shown.approvals, shown.questions, shown.messages):
        assert [thing.cut for thing in things] == [True] * 100


async def test_a_payload_that_is_no_json_for_everyone_is_cut_and_harms_nothing_else(books: Books) -> None:
    await fill(books.database, 9)
    await books.do(
        lambda tx: tx.execute(
            """UPDATE approvals SET payload_json = '{"tool": "x", "input": {"n": NaN}}'
               WHERE id = (SELECT min(id) FROM approvals)"""
        )
    )
    await books.do(
        lambda tx: tx.execute(
            "UPDATE approvals SET payload_json = ? WHERE id = (SELECT max(id) FROM approvals)",
            ("[" * 5000 + "]" * 5000,),
        )
    )
    assert [approval.cut for approval in (await take(books)).approvals] == [True, False, True]


async def test_every_kind_is_in_it(books: Books) -> None:
    ada = await books.agent("ada", limits={"usd_per_day": 1})
    await books.agent("bob")
    await fill(books.database, 3)
    shown = await raw(books)
    assert set(shown) == set(Snapshot.model_fields)
    assert [budget["agent"] for budget in shown["budgets"]] == ["ada"]
    assert [agent["id"] for agent in shown["agents"]][0] == ada
