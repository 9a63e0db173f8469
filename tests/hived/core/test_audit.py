"""The audit: chained from its first entry, so that any later change shows."""

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
