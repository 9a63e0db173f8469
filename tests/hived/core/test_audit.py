"""The audit: chained from its first entry, so that any later change shows."""

import hashlib
import json
from typing import Any

import pytest

from hived.core import agents, approvals, audit
from hived.store.database import Tx
from tests.support.books import OPERATOR, Books


async def fill(books: Books) -> int:
    asked = await books.ask("ada")
    await books.do(lambda tx: approvals.decide(tx, asked, "approved", "fine", None, OPERATOR))
    await books.do(lambda tx: agents.want(tx, "ada", "stopped", OPERATOR))
    await books.do(lambda tx: agents.set_model(tx, "ada", "opus", OPERATOR))
    assert await books.read(audit.verify) is None
    return int(await books.one("SELECT count(*) FROM audit"))


async def test_an_empty_chain_is_whole(books: Books) -> None:
    assert await books.read(audit.verify) is None


async def test_who_decided_is_written_with_the_decision(books: Books) -> None:
    assert await fill(books) == 4
    actor = await books.one("SELECT actor_json FROM audit WHERE action = 'approval.approved'")
    assert '"pid":4242' in actor
    assert '"uid":1000' in actor
    assert await books.one("SELECT previous_hash FROM audit WHERE seq = 1") == audit.FIRST


@pytest.mark.parametrize(
    ("tampering", "first_bad"),
    [
        ("UPDATE audit SET detail_json = '{}' WHERE seq = 1", 1),
        ("UPDATE audit SET subject = 'another' WHERE seq = 2", 2),
        ("UPDATE audit SET actor_json = '{}' WHERE seq = 4", 4),
        ("UPDATE audit SET ts = '2020' WHERE seq = 3", 3),
        ("UPDATE audit SET hash = 'x' WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 2", 2),
        ("DELETE FROM audit WHERE seq = 1", 1),
        ("UPDATE audit SET seq = 9 WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq = 4", 4),
        ("DELETE FROM audit WHERE seq > 2", 3),
        ("DELETE FROM audit", 1),
        ("DELETE FROM audit_head", 5),
        ("UPDATE audit_head SET hash = 'x'", 5),
        ("UPDATE audit_head SET seq = 9", 5),
    ],
)
async def test_any_later_change_shows_where_it_begins(books: Books, tampering: str, first_bad: int) -> None:
    await fill(books)
    await books.do(lambda tx: tx.execute(tampering))
    assert await books.read(audit.verify) == first_bad


async def test_a_refused_change_leaves_no_entry_and_no_hole(books: Books) -> None:
    before = await fill(books)

    def refused(tx: Tx) -> None:
        audit.append(tx, "agent.wanted_running", OPERATOR, "x")
        raise ValueError("refused")

    with pytest.raises(ValueError, match="refused"):
        await books.do(refused)
    await books.do(lambda tx: audit.append(tx, "agent.wanted_running", OPERATOR, "x"))
    assert await books.one("SELECT max(seq) FROM audit") == before + 1
    assert await books.read(audit.verify) is None


async def test_what_is_written_after_a_tail_was_cut_off_does_not_hide_that(books: Books) -> None:
    await fill(books)
    await books.do(lambda tx: tx.execute("DELETE FROM audit WHERE seq > 2"))
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    assert await books.read(audit.verify) == 3


async def test_an_entry_says_what_was_seen_by_its_hash(books: Books) -> None:
    asked = await books.ask("ada", reason="für \U0001f41d")
    shown = (await books.read(lambda conn: approvals.to_approval(approvals.find_approval(conn, asked)))).payload
    await books.do(lambda tx: approvals.decide(tx, asked, "approved", "fine", None, OPERATOR))
    (entry,) = await books.read(lambda conn: audit.list_entries(conn, subject=asked[:30]))
    canonical = json.dumps(shown, sort_keys=True, separators=(",", ":"))
    assert entry.detail["seen"] == hashlib.sha256(canonical.encode()).hexdigest()
    assert (entry.action, entry.actor) == ("approval.approved", OPERATOR)


async def test_entries_are_listed_oldest_first_and_paged_by_number(books: Books) -> None:
    await fill(books)

    async def numbers(**query: Any) -> list[int]:
        return [entry.seq for entry in await books.read(lambda conn: audit.list_entries(conn, **query))]

    assert await numbers() == [1, 2, 3, 4]
    assert await numbers(limit=2) == [3, 4]
    assert await numbers(limit=2, before=3) == [1, 2]
    assert await numbers(subject="nothing") == []
