"""A tombstone comes back: asked for as a spawn is, and the same agent as before."""

from typing import Any

import pytest

from hived.core import agents, approvals, deployments, purges, revival, tombstones
from hived.core.check import check_books
from hived.store.agents import select_agent
from hived.store.database import Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Approval
from hived.wire.errors import AlreadyDecided, BeingPurged, InvalidRequest, StillAlive, TombstoneNotFound
from hived.wire.lifecycle_errors import BeingRevived
from tests.hived.core.test_tombstones import destroy
from tests.support.books import OPERATOR, Books


async def ask(books: Books, name: str, *changed: str, note: str | None = None) -> Approval:
    return await books.do(lambda tx: revival.ask_revival(tx, name, changed, note))


async def decide(books: Books, approval: Approval, verdict: approvals.Decided = "approved") -> Approval:
    return await books.do(lambda tx: approvals.decide(tx, approval.id, verdict, None, None, OPERATOR))


async def buried(books: Books, name: str = "ada", **spec: Any) -> str:
    agent_id = await books.agent(name, **spec)
    await destroy(books, name)
    return agent_id


async def test_it_is_a_spawn_that_says_what_has_changed(books: Books) -> None:
    ada = await buried(books)
    asked = await ask(books, "ada", "repo: 2 commits on main", "messages: 1 message waits", note="we need her")
    assert (asked.kind, asked.status, asked.requester) == ("spawn", "pending", "operator")
    assert asked.payload["revive"] == ada
    assert asked.payload["changed"] == ["repo: 2 commits on main", "messages: 1 message waits"]
    assert asked.payload["reason"] == "we need her"
    assert asked.subject.startswith("revive ada (worker, scripted), destroyed a short while ago: repo: 2 commits")
    assert [item.id for item in await books.waiting()] == [asked.id]
    [tombstone] = await books.read(tombstones.list_tombstones)
    assert tombstone.reviving == asked.id


async def test_asked_twice_it_is_the_same_ask(books: Books) -> None:
    await buried(books)
    assert (await ask(books, "ada")).id == (await ask(books, "ada", "something")).id
    assert len(await books.waiting()) == 1


async def test_who_lives_cannot_be_revived(books: Books) -> None:
    await books.agent("ada")
    with pytest.raises(StillAlive):
        await ask(books, "ada")
    with pytest.raises(TombstoneNotFound):
        await ask(books, "eve")


async def test_approved_the_same_agent_lives_with_its_conversation(books: Books) -> None:
    ada = await books.agent("ada", model="large")
    session = 'UPDATE agents SET session_id = \'s-1\', session_json = \'{"state": "kept", "id": "s-1"}\''
    await books.do(lambda tx: tx.execute(session))
    waiting = await books.send("ada")
    await destroy(books, "ada")
    decided = await decide(books, await ask(books, "ada"))
    assert decided.status == "approved"
    view = await books.view("ada")
    assert (view.id, view.model, view.session_id, view.session.state) == (ada, "large", "s-1", "kept")
    assert view.lifecycle.state == "requested"
    assert view.lifecycle.cause == "its revival was approved by operator"
    assert (await books.message(waiting.id)).status == "queued"
    assert await books.read(tombstones.list_tombstones) == []
    assert [row.kind for row in books.feed if row.kind.startswith("tombstone")][-1] == "tombstone_removed"
    [supervised] = await books.read(agents.supervised)
    assert (supervised.wanted, supervised.bury_wanted, supervised.ever_online) == ("running", False, False)
    [deployment] = await books.read(lambda conn: deployments.list_deployments(conn).deployments)
    assert deployment.agent_id == ada
    report = await books.read(check_books)
    assert report.ok, report.findings


async def test_its_conditions_are_reset_and_its_held_mail_waits_for_the_operator_again(books: Books) -> None:
    ada = await books.agent("ada")
    held = await books.send("ada")
    await books.claim(ada, "turn-1")
    await books.end_turn(ada, "turn-1", "failed", held.id, error="no", retryable=False)
    refused = (
        'UPDATE agents SET session_json = \'{"state": "refused"}\', paused = 1,'
        ' conditions_json = \'[{"kind": "needs_login", "since": "2026"}]\''
    )
    await books.do(lambda tx: tx.execute(refused))
    await destroy(books, "ada")
    await decide(books, await ask(books, "ada"))
    view = await books.view("ada")
    assert (view.conditions, view.paused, view.online) == ([], False, False)
    assert sorted(item.kind for item in await books.waiting()) == ["held_message", "resume_choice"]
    report = await books.read(check_books)
    assert report.ok, report.findings


async def test_denied_it_stays_a_tombstone(books: Books) -> None:
    await buried(books)
    await decide(books, await ask(books, "ada"), "denied")
    [tombstone] = await books.read(tombstones.list_tombstones)
    assert tombstone.reviving is None
    assert await books.waiting() == []
    assert (await ask(books, "ada")).status == "pending"


async def test_decided_once(books: Books) -> None:
    await buried(books)
    asked = await ask(books, "ada")
    await decide(books, asked)
    with pytest.raises(AlreadyDecided):
        await decide(books, asked, "denied")


async def test_while_it_is_asked_for_it_cannot_be_purged_nor_the_other_way_round(books: Books) -> None:
    await buried(books)
    asked = await ask(books, "ada")
    with pytest.raises(BeingRevived) as refused:
        await books.do(lambda tx: purges.want_purge(tx, "ada", True, OPERATOR))
    assert asked.id in refused.value.message
    await decide(books, asked, "denied")
    await books.do(lambda tx: purges.want_purge(tx, "ada", True, OPERATOR))
    with pytest.raises(BeingPurged):
        await ask(books, "ada")


async def test_an_approval_whose_tombstone_is_gone_has_failed(books: Books) -> None:
    ada = await buried(books)
    asked = await ask(books, "ada")
    await books.do(lambda tx: tx.execute("DELETE FROM agents WHERE id = ?", (ada,)))
    decided = await decide(books, asked)
    assert decided.status == "failed"
    assert "no tombstone" in (decided.failure or "")


async def test_nobody_forges_a_revival(books: Books) -> None:
    ada = await buried(books)
    for forged in ({"revive": ada}, {"changed": ["nothing, really"]}):
        request = SpawnRequest.model_validate({"name": "eve", "engine": "scripted", **forged})
        with pytest.raises(InvalidRequest):
            await books.do(lambda tx, found=request: approvals.ask_spawn(tx, found, "operator"))  # type: ignore[misc]


async def test_its_name_is_not_free_while_it_is_buried(books: Books) -> None:
    await buried(books)
    with pytest.raises(Exception, match="ada"):
        await books.ask("ada")


async def test_destroyed_revived_and_destroyed_again(books: Books) -> None:
    ada = await buried(books)
    await decide(books, await ask(books, "ada"))

    def come_up(tx: Tx) -> None:
        generation = agents.next_generation(tx, ada)
        agents.set_online(tx, ada, generation, True)
        agents.set_lifecycle(tx, ada, "running", "its harness is connected", pid=78)

    await books.do(come_up)
    await destroy(books, "ada", note="again")
    [tombstone] = await books.read(tombstones.list_tombstones)
    assert tombstone.note == "again"
    assert await books.read(lambda conn: select_agent(conn, ada)["generation"]) == 2  # type: ignore[index]
