"""The damper: a pair that only answers each other is held once, both are told once, and the operator decides once."""

from typing import Any

import pytest

from hived.core import audit, delivery, pairs
from hived.wire.errors import AmbiguousId, PairDecided, PairNotFound
from hived.wire.messages import Message
from hived.wire.pairs import Pair
from tests.support.books import OPERATOR, Books


class Talk:
    """Agents who write to each other through their journals."""

    def __init__(self, books: Books) -> None:
        self.books = books
        self.ids: dict[str, str] = {}
        self.sent = 0

    async def write(self, sender: str, recipient: str) -> Message:
        for name in (sender, recipient):
            if name not in self.ids:
                self.ids[name] = await self.books.agent(name)
        self.sent += 1
        return await self.books.send(recipient, f"thanks {self.sent}", sender=sender, sender_id=self.ids[sender])

    async def exchange(self, count: int, first: str = "ada", second: str = "bob") -> list[Message]:
        """That many, in turns."""
        names = (first, second)
        return [await self.write(names[number % 2], names[1 - number % 2]) for number in range(count)]

    async def told(self, name: str) -> list[str]:
        claimed = await self.books.claim(self.ids[name], f"told-{self.sent}-{name}")
        return [message.body for message in claimed.messages if message.sender == "hived"]


@pytest.fixture
async def talk(books: Books) -> Talk:
    return Talk(books)


async def held_pair(books: Books) -> Pair:
    (pair,) = await books.read(pairs.list_pairs)
    return pair


async def test_the_twentieth_message_of_a_pair_holds_it_and_what_follows(books: Books, talk: Talk) -> None:
    sent = await talk.exchange(22)
    assert [message.status for message in sent] == ["queued"] * 19 + ["held"] * 3
    pair = await held_pair(books)
    assert (sorted(pair.agents), pair.status, pair.exchanged, pair.held) == (["ada", "bob"], "held", 20, 3)
    assert {message.pair_id for message in sent[19:]} == {pair.id}
    (item,) = await books.waiting()
    assert (item.id, item.kind) == (pair.id, "pair")
    assert "ada and bob" in item.subject or "bob and ada" in item.subject
    assert "20 messages in 60 s" in item.subject
    for name in ("ada", "bob"):
        assert ["held from now on" in body for body in await talk.told(name)] == [True]
    assert [row.payload["held"] for row in books.feed if row.kind == "pair"] == [1, 2, 3]


async def test_a_held_pair_still_talks_to_everyone_else(books: Books, talk: Talk) -> None:
    await talk.exchange(20)
    assert (await talk.write("ada", "eve")).status == "queued"
    assert (await books.send("ada", "from the operator")).status == "queued"
    to_operator = await books.send("operator", sender="ada", sender_id=talk.ids["ada"])
    assert to_operator.status == "queued"


async def test_who_only_reports_is_no_pair(books: Books, talk: Talk) -> None:
    """Fewer than a quarter of them go the other way."""
    for _ in range(8):
        for _ in range(4):
            assert (await talk.write("ada", "queen")).status == "queued"
        assert (await talk.write("queen", "ada")).status == "queued"
    assert await books.waiting() == []


async def test_what_is_older_than_the_window_does_not_count(books: Books, talk: Talk) -> None:
    await talk.exchange(18)
    await books.do(lambda tx: tx.execute("UPDATE messages SET sent_at = '2026-01-01T00:00:00.000Z'"))
    assert [message.status for message in await talk.exchange(19)] == ["queued"] * 19
    assert [message.status for message in await talk.exchange(2)] == ["held"] * 2


@pytest.mark.parametrize("config", [{"damper_seconds": 0.0}, {"damper_messages": 1000}])
async def test_the_damper_is_the_operators_to_set(books: Books, talk: Talk, config: dict[str, Any]) -> None:
    for key, value in config.items():
        setattr(books.config, key, value)
    assert {message.status for message in await talk.exchange(60)} == {"queued"}


async def test_a_released_pair_gets_all_of_it_in_order_unmarked_and_is_counted_afresh(books: Books, talk: Talk) -> None:
    await talk.exchange(23)
    pair = await held_pair(books)
    books.rings.clear()
    released = await books.do(lambda tx: pairs.release(tx, pair.id[:34], OPERATOR))
    assert (released.status, released.held, released.decided_by) == ("released", 0, OPERATOR)
    assert {ring.to for ring in books.rings} == {talk.ids["ada"], talk.ids["bob"]}
    assert await books.waiting() == []
    claimed = await books.claim(talk.ids["bob"], "t1")
    said = [message for message in claimed.messages if message.sender == "ada"]
    assert [message.body for message in said] == [f"thanks {number}" for number in range(1, 24, 2)]
    assert not any(message.redelivered for message in said)
    assert [message.status for message in await talk.exchange(20)] == ["queued"] * 19 + ["held"]
    assert [entry.status for entry in await books.read(lambda conn: pairs.list_pairs(conn, held=False))] == [
        "released",
        "held",
    ]


async def test_a_dropped_pair_gets_none_of_it_and_both_are_told_once(books: Books, talk: Talk) -> None:
    sent = await talk.exchange(23)
    pair = await held_pair(books)
    for name in ("ada", "bob"):
        await talk.told(name)
    dropped = await books.do(lambda tx: pairs.drop(tx, pair.id, OPERATOR))
    assert (dropped.status, dropped.held) == ("dropped", 0)
    for message in sent[19:]:
        gone = await books.message(message.id)
        assert gone.status == "undeliverable"
        assert str(gone.reason).startswith("dropped by operator")
    for name in ("ada", "bob"):
        claimed = await books.claim(talk.ids[name], f"after-{name}")
        assert [m.body for m in claimed.messages if "(4 messages) was dropped by operator" in m.body] != []
    assert (await talk.write("ada", "bob")).status == "queued"


async def test_a_pair_is_decided_once_and_the_second_is_told_who_won(books: Books, talk: Talk) -> None:
    await talk.exchange(20)
    pair = await held_pair(books)
    await books.do(lambda tx: pairs.release(tx, pair.id, OPERATOR))
    for decide in (pairs.release, pairs.drop):
        with pytest.raises(PairDecided) as refusal:
            await books.do(lambda tx, decide=decide: decide(tx, pair.id, OPERATOR))  # type: ignore[misc]
        assert "already released by operator" in refusal.value.message
    actions = [entry.action for entry in await books.read(audit.list_entries)]
    assert [action for action in actions if action.startswith("pair.")] == ["pair.held", "pair.released"]
    assert await books.read(audit.verify) is None


async def test_a_pair_that_is_none_is_not_found(books: Books, talk: Talk) -> None:
    await talk.exchange(20)
    await talk.exchange(20, "eve", "joe")
    for prefix, kind in (("", PairNotFound), ("zzz", PairNotFound), ("0", AmbiguousId)):
        with pytest.raises(kind):
            await books.do(lambda tx, prefix=prefix: pairs.drop(tx, prefix, OPERATOR))  # type: ignore[misc]


async def test_what_a_released_pair_wrote_to_an_agent_that_is_no_more_is_undeliverable(
    books: Books, talk: Talk
) -> None:
    await talk.exchange(21)
    pair = await held_pair(books)
    await books.do(lambda tx: delivery.give_up_mail(tx, talk.ids["bob"], "bob"))
    assert (await held_pair(books)).held == 1
    await books.do(lambda tx: tx.execute("DELETE FROM agents WHERE name = 'ada'"))
    released = await books.do(lambda tx: pairs.release(tx, pair.id, OPERATOR))
    assert released.held == 0
    assert await books.one("SELECT count(*) FROM messages WHERE status IN ('held', 'queued') AND recipient = 'ada'") > 0
