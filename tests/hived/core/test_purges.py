"""A tombstone goes for good, and whoever has its name next inherits nothing."""

import pytest

from hived.core import approvals, budgets, purges, reminders, revival, rules, tombstones
from hived.core.check import check_books
from hived.store.agents import select_agent
from hived.store.approvals import insert_approval
from hived.store.database import Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import ApprovalAsk
from hived.wire.budgets import BudgetDraft
from hived.wire.errors import AlreadyDecided, StillAlive, TombstoneNotFound
from hived.wire.ids import new_id
from hived.wire.reminders import ReminderDraft
from hived.wire.rules import RuleDraft
from tests.hived.core.test_tombstones import ask_tool, destroy, is_whole
from tests.support.books import OPERATOR, Books


async def purge(books: Books, name: str = "ada") -> str:
    """Wanted gone, looked at and its folders removed: its row goes; its id."""
    agent_id = await books.do(lambda tx: purges.want_purge(tx, name, False, OPERATOR))
    await books.do(lambda tx: purges.make_sure(tx, agent_id, size=100, bundle=None, bundle_until=None))
    await books.do(lambda tx: purges.finish(tx, agent_id))
    return agent_id


async def test_only_a_tombstone_can_be_purged(books: Books) -> None:
    await books.agent("ada")
    with pytest.raises(StillAlive):
        await purge(books)
    with pytest.raises(TombstoneNotFound):
        await purge(books, "eve")


async def test_its_row_and_all_that_hangs_on_it_goes(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    await purge(books)
    for table, column in (
        ("agents", "id"),
        ("lifecycle_log", "agent_id"),
        ("journals", "agent_id"),
        ("spend", "agent_id"),
    ):
        assert await books.one(f"SELECT count(*) FROM {table} WHERE {column} = ?", ada) == 0  # noqa: S608 (fixed)
    assert [row.payload for row in books.feed if row.kind == "tombstone_removed"] == [{"id": ada, "name": "ada"}]
    assert await books.one("SELECT count(*) FROM audit WHERE action = 'agent.purged' AND subject = ?", ada) == 1
    assert await is_whole(books)


async def test_nothing_goes_before_it_is_sure(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    await books.do(lambda tx: purges.want_purge(tx, "ada", False, OPERATOR))
    await books.do(lambda tx: purges.finish(tx, ada))
    assert await books.one("SELECT count(*) FROM agents") == 1


async def test_refused_it_stays_a_tombstone_and_can_be_asked_for_again(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    await books.do(lambda tx: purges.want_purge(tx, "ada", False, OPERATOR))
    await books.do(lambda tx: purges.refuse(tx, ada, "2 commits"))
    assert await books.read(purges.under_way) == []
    await purge(books)
    assert await books.one("SELECT count(*) FROM agents") == 0


async def test_sure_it_is_refused_no_more(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    await books.do(lambda tx: purges.want_purge(tx, "ada", False, OPERATOR))
    await books.do(lambda tx: purges.make_sure(tx, ada, size=1, bundle=None, bundle_until=None))
    await books.do(lambda tx: purges.refuse(tx, ada, "2 commits"))
    assert len(await books.read(purges.under_way)) == 1


async def test_stuck_it_says_why_and_asked_again_it_is_tried_again(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    await books.do(lambda tx: purges.want_purge(tx, "ada", False, OPERATOR))
    await books.do(lambda tx: purges.stick(tx, ada, "a file is fixed"))
    [tombstone] = await books.read(tombstones.list_tombstones)
    assert (tombstone.purging, tombstone.problem) == (True, "a file is fixed")
    await books.do(lambda tx: purges.want_purge(tx, "ada", True, OPERATOR))
    [(tombstone, wish)] = await books.read(purges.under_way)
    assert (tombstone.problem, wish.discard_work) == ("", True)


async def test_each_sender_of_its_mail_is_told_once(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    sent = [await books.send("ada", f"{n}", sender="bob", sender_id=bob) for n in range(3)]
    single = await books.agent("eve")
    one = await books.send("ada", "one", sender="eve", sender_id=single)
    await destroy(books, "ada")
    await purge(books)
    assert {(await books.message(message.id)).status for message in (*sent, one)} == {"undeliverable"}
    bodies = {
        name: await books.one("SELECT group_concat(body) FROM messages WHERE recipient = ? AND kind = 'report'", name)
        for name in ("bob", "eve")
    }
    assert bodies["bob"] == "Your 3 messages to ada cannot be delivered: there is no agent ada any more."
    assert bodies["eve"] == f"Your message {one.id} to ada cannot be delivered: there is no agent ada any more."
    assert await books.one("SELECT count(*) FROM messages WHERE recipient_id = ? AND status = 'queued'", ada) == 0


async def test_its_decisions_keep_their_rows_without_what_was_asked(books: Books) -> None:
    ada = await books.agent("ada")
    asked = await ask_tool(books, ada)
    await books.do(lambda tx: approvals.decide(tx, asked, "approved", "fine", None, OPERATOR))
    await destroy(books, "ada")
    await purge(books)
    found = await books.read(lambda conn: approvals.to_approval(approvals.find_approval(conn, asked)))
    assert (found.status, found.payload, found.note) == ("approved", {}, "fine")
    assert await is_whole(books)


async def test_what_a_purged_queen_proposed_for_others_stays_their_history(books: Books) -> None:
    vice, ada = await books.agent("vice", role="queen"), await books.agent("ada")

    def propose(tx: Tx, agent_id: str, requester: str) -> str:
        values = {
            "id": new_id(), "kind": "apply_commit", "requester": "vice", "requester_id": requester, "spawn_name": None,
            "generation": None, "turn_id": None, "subject": "a commit", "payload_json": '{"agent": "x"}', "input_hash": None,
        }  # fmt: skip
        insert_approval(tx, values)
        tx.execute("UPDATE approvals SET agent_id = ?, status = 'denied' WHERE id = ?", (agent_id, values["id"]))
        return str(values["id"])

    of_others = await books.do(lambda tx: propose(tx, ada, vice))
    of_hers = await books.do(lambda tx: propose(tx, vice, vice))
    await destroy(books, "vice")
    await purge(books, "vice")
    kept = {
        one: await books.one("SELECT payload_json FROM approvals WHERE id = ?", one) for one in (of_others, of_hers)
    }
    assert kept == {of_others: '{"agent": "x"}', of_hers: "{}"}


async def test_whoever_has_its_name_next_inherits_nothing(books: Books) -> None:
    ada = await books.agent(
        "ada", limits={"usd_per_day": 1.0}, rules=[{"tool": "Bash", "pattern": "ls", "verdict": "allow"}]
    )
    await books.agent("child", parent="ada")
    await books.do(
        lambda tx: rules.add(tx, RuleDraft(scope="agent", agent="ada", tool="Read", verdict="allow"), OPERATOR)
    )
    await books.do(
        lambda tx: budgets.set_budget(tx, BudgetDraft(scope="tree", agent="ada", window="total", usd=5.0), OPERATOR)
    )
    await books.do(lambda tx: reminders.remind_agent(tx, ReminderDraft(agent="ada", when="1h", text="look")))
    await books.send("ada", "for the first one")
    orphan = await ask_tool(books, ada, "make")
    await books.do(lambda tx: approvals.orphan_older(tx, ada, 2))
    await books.do(lambda tx: approvals.decide(tx, orphan, "approved", None, None, OPERATOR))
    end = {"message_ids": [], "cost": {"usd": 3.0, "tokens": 10, "estimated": False}, "session_id": "old"}
    await books.events(ada, {"id": 1, "ts": "2026-11-21T10:00:00.000Z", "kind": "turn_end",
                             "payload": {"turn_id": "t", "outcome": "ok", **end}})  # fmt: skip
    assert (await books.view("ada")).spend.total_usd == 3.0
    await destroy(books, "ada")
    await purge(books)

    new = await books.agent("ada")
    view = await books.view("ada")
    assert new != ada
    assert (view.spend.total_usd, view.spend.turns, view.unread, view.waiting) == (None, 0, 0, 0)
    assert (view.session_id, view.session.state, view.generation, view.commit) == (None, "none", 1, None)
    assert (await books.claim(new, "turn-1")).messages == []
    assert await books.read(budgets.list_budgets) == []
    assert await books.one("SELECT count(*) FROM rules WHERE revoked_at IS NULL") == 0
    assert await books.one("SELECT count(*) FROM grants WHERE used_at IS NULL") == 0
    assert await books.one("SELECT count(*) FROM reminders WHERE status = 'pending'") == 0
    child = await books.view("child")
    assert child.parent is None
    assert await books.one("SELECT json_extract(spec_json, '$.parent') FROM agents WHERE name = 'child'") is None

    def ask(tx: Tx) -> str:
        row = select_agent(tx.connection, new)
        assert row is not None
        wanted = ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input={"command": "ls"})
        return approvals.ask_tool_use(tx, row, 1, wanted).status

    assert await books.do(ask) == "pending"
    report = await books.read(check_books)
    assert report.ok, report.findings


async def test_finished_twice_nothing_more_happens(books: Books) -> None:
    await books.agent("ada")
    await destroy(books, "ada")
    ada = await purge(books)
    await books.do(lambda tx: purges.finish(tx, ada))
    assert await books.one("SELECT count(*) FROM audit WHERE action = 'agent.purged'") == 1


async def test_a_spawn_that_waits_fails_with_its_parent_and_a_newcomer_of_that_name_is_nobodys(books: Books) -> None:
    await books.agent("ada", role="queen")
    request = SpawnRequest(name="kid", engine="scripted", parent="ada")
    asked = await books.do(lambda tx: approvals.ask_spawn(tx, request, "operator"))
    await destroy(books, "ada")
    await purge(books)
    await books.agent("ada", role="queen")
    failed = await books.read(lambda conn: approvals.to_approval(approvals.find_approval(conn, asked.id)))
    assert (failed.status, "ada, which was to be its parent, was purged" in (failed.failure or "")) == ("failed", True)
    assert await books.one("SELECT count(*) FROM waiting WHERE id = ?", asked.id) == 0
    assert [row.payload["status"] for row in books.feed if row.kind == "approval"] == ["pending", "failed"]
    with pytest.raises(AlreadyDecided):
        await books.do(lambda tx: approvals.decide(tx, asked.id, "approved", None, None, OPERATOR))
    await books.do(lambda tx: approvals.ask_spawn(tx, request, "operator"))
    assert await is_whole(books)


async def test_a_spawn_that_waited_through_a_purge_of_an_older_hive_is_not_the_newcomers(books: Books) -> None:
    await books.agent("ada", role="queen")
    request = SpawnRequest(name="kid", engine="scripted", parent="ada")
    asked = await books.do(lambda tx: approvals.ask_spawn(tx, request, "operator"))
    await books.do(
        lambda tx: tx.execute("UPDATE agents SET created_at = '2999-01-01T00:00:00.000Z' WHERE name = 'ada'")
    )
    done = await books.do(lambda tx: approvals.decide(tx, asked.id, "approved", None, None, OPERATOR))
    assert (done.status, "ada is another agent by now" in (done.failure or "")) == ("failed", True)
    assert await books.one("SELECT count(*) FROM agents WHERE name = 'kid'") == 0


async def test_a_revival_that_waits_goes_on_without_a_parent_that_is_purged(books: Books) -> None:
    await books.agent("ada", role="queen")
    await books.agent("kid", parent="ada")
    await destroy(books, "kid")
    asked = await books.do(lambda tx: revival.ask_revival(tx, "kid", [], None))
    assert asked.payload["parent"] == "ada"
    await destroy(books, "ada")
    await purge(books)
    await books.agent("ada", role="queen")
    done = await books.do(lambda tx: approvals.decide(tx, asked.id, "approved", None, None, OPERATOR))
    assert (done.status, done.payload.get("parent"), (await books.view("kid")).parent) == ("approved", None, None)
