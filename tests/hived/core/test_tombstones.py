"""An agent is destroyed: what of it ends, what waits, and who is told."""

import json
from functools import partial

import pytest

from hived.core import approvals, deployments, messages, purges, questions, reminders, revival, tombstones
from hived.core.agents import set_lifecycle
from hived.core.check import check_books
from hived.core.event_payloads import QuestionOut
from hived.core.tombstones import Remains
from hived.store.agents import select_agent
from hived.store.database import Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import ApprovalAsk
from hived.wire.errors import (
    AgentBuried,
    AgentNotFound,
    AlreadyDecided,
    BeingPurged,
    ProtectedAgent,
    StillAlive,
    TombstoneNotFound,
)
from hived.wire.ids import new_id
from hived.wire.reminders import ReminderDraft
from hived.wire.tombstones import Destroy, Tombstone
from hived.wire.work import WorkState
from tests.support.books import OPERATOR, Books

REMAINS = Remains(
    sizes={"work": 4096, "home": 512},
    last_words="I go \x1b[31mhome\n now",
    last_words_at="2026-11-21T10:00:00.000Z",
    work=WorkState(looked_at="2026-11-21T10:00:00.000Z", commits=2, merged=False),
)


async def destroy(books: Books, name: str, remains: Remains = REMAINS, **wish: object) -> str:
    """Wanted buried, and buried; its id."""
    agent_id = await books.do(lambda tx: tombstones.want_burial(tx, name, Destroy.model_validate(wish), OPERATOR))
    await books.do(lambda tx: tombstones.bury(tx, agent_id, remains))
    return agent_id


async def tombstone_of(books: Books, name: str) -> Tombstone:
    return await books.read(lambda conn: tombstones.to_tombstone(tombstones.find_tombstone(conn, name)))


async def is_whole(books: Books) -> bool:
    report = await books.read(check_books)
    assert report.ok, [finding.words for finding in report.findings if not finding.ok]
    return report.ok


async def ask_tool(books: Books, agent_id: str, command: str = "ls") -> str:
    def change(tx: Tx) -> str:
        row = select_agent(tx.connection, agent_id)
        assert row is not None
        ask = ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input={"command": command})
        return approvals.ask_tool_use(tx, row, 1, ask).id

    return await books.do(change)


async def test_wanted_buried_it_is_wanted_stopped_and_still_there(books: Books) -> None:
    await books.agent("ada")
    await books.do(lambda tx: tombstones.want_burial(tx, "ada", Destroy(note="enough"), OPERATOR))
    assert await books.one("SELECT wanted || bury_wanted FROM agents WHERE name = 'ada'") == "stopped1"
    assert (await books.view("ada")).lifecycle.state == "running"
    assert any(ring.to == "supervisor" for ring in books.rings)


async def test_a_tombstone_says_all_that_is_left(books: Books) -> None:
    ada = await books.agent("ada", parent=None)
    await books.agent("bob", parent="ada")
    await books.send("ada")
    await destroy(books, "ada", note="enough")
    found = await tombstone_of(books, "ada")
    assert (found.id, found.name, found.note, found.bytes) == (ada, "ada", "enough", 4608)
    assert found.sizes == {"work": 4096, "home": 512}
    assert found.last_words == "I go [31mhome now"
    assert found.open.messages == 1
    assert found.open.spawned == ["bob"]
    assert found.work is not None
    assert found.work.commits == 2
    assert found.buried_by.who == "operator"
    assert found.cause == "it was destroyed by operator: enough"
    assert await is_whole(books)


async def test_the_buried_are_in_no_list_and_the_feed_says_so(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    with pytest.raises(AgentBuried):
        await books.view("ada")
    assert await books.read(lambda conn: [one.name for one in tombstones.list_tombstones(conn)]) == ["ada"]
    kinds = [row.kind for row in books.feed if row.kind in ("agent_removed", "tombstone")]
    assert kinds == ["agent_removed", "tombstone"]
    removed = next(row for row in books.feed if row.kind == "agent_removed")
    assert removed.payload == {"id": ada, "name": "ada"}
    after = books.feed[books.feed.index(removed) :]
    assert not any(row.kind == "agent" and row.payload["id"] == ada for row in after)


async def test_buried_twice_nothing_more_happens(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    first = await tombstone_of(books, "ada")
    assert await books.do(lambda tx: tombstones.bury(tx, ada, Remains())) is None
    assert await tombstone_of(books, "ada") == first
    with pytest.raises(AgentBuried):
        await destroy(books, "ada")


async def test_asked_for_twice_before_it_is_done_it_is_one_burial(books: Books) -> None:
    await books.agent("ada")
    for _ in range(2):
        await books.do(lambda tx: tombstones.want_burial(tx, "ada", Destroy(), OPERATOR))
    assert await books.one("SELECT count(*) FROM audit WHERE action = 'agent.destroyed'") == 1


async def test_nobody_is_buried_that_is_not_wanted_buried(books: Books) -> None:
    ada = await books.agent("ada")
    assert await books.do(lambda tx: tombstones.bury(tx, ada, REMAINS)) is None
    assert await books.do(lambda tx: tombstones.bury(tx, "nobody", REMAINS)) is None
    assert (await books.view("ada")).lifecycle.state == "running"


async def test_the_queen_is_protected_and_other_queens_are_not(books: Books) -> None:
    await books.agent("queen", role="queen")
    await books.agent("vice", role="queen")
    await books.agent("worker", parent="vice")
    with pytest.raises(ProtectedAgent):
        await destroy(books, "queen")
    await destroy(books, "vice")
    assert (await books.view("worker")).parent == "vice"


async def test_no_such_agent(books: Books) -> None:
    with pytest.raises(AgentNotFound):
        await destroy(books, "eve")
    with pytest.raises(TombstoneNotFound):
        await tombstone_of(books, "eve")
    await books.agent("ada")
    with pytest.raises(StillAlive):
        await tombstone_of(books, "ada")


async def test_what_it_asked_has_failed_and_waits_no_more(books: Books) -> None:
    ada = await books.agent("ada", role="queen")
    tool = await ask_tool(books, ada)
    spawn = await books.do(
        lambda tx: approvals.ask_spawn(
            tx, SpawnRequest(name="child", engine="scripted", parent="ada"), "ada", ada, new_id()
        )
    )
    assert len(await books.waiting()) == 2
    await destroy(books, "ada")
    assert await books.waiting() == []
    for approval_id in (tool, spawn.id):
        found = await books.read(partial(approvals.find_approval, prefix=approval_id))
        assert (found["status"], found["failure"]) == ("failed", "ada was destroyed by operator")
        decide = partial(
            approvals.decide, approval_id=approval_id, verdict="approved", note=None, updated_input=None, actor=OPERATOR
        )
        with pytest.raises(AlreadyDecided):
            await books.do(decide)
    assert await is_whole(books)


async def test_its_questions_are_closed_and_who_asked_it_is_told(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")

    def ask(tx: Tx, asker: str, to: str) -> str:
        row = select_agent(tx.connection, asker)
        assert row is not None
        out = QuestionOut(question_id=new_id(), to=to, text="which?", options=[])
        questions.take_question(tx, row, out)
        return out.question_id

    of_hers = await books.do(lambda tx: ask(tx, ada, "operator"))
    of_his = await books.do(lambda tx: ask(tx, bob, "ada"))
    await destroy(books, "ada")
    for question_id in (of_hers, of_his):
        assert await books.one("SELECT status || reason FROM questions WHERE id = ?", question_id) == (
            "cancelledada was destroyed by operator"
        )
    told = await books.one("SELECT body FROM messages WHERE recipient = 'bob' AND kind = 'report'")
    assert "is cancelled: ada was destroyed by operator" in told
    assert (await tombstone_of(books, "ada")).open.questions == 2
    assert await is_whole(books)


async def test_its_reminders_stop(books: Books) -> None:
    await books.agent("ada")
    await books.do(lambda tx: reminders.remind_agent(tx, ReminderDraft(agent="ada", when="1h", text="look")))
    await destroy(books, "ada")
    assert await books.one("SELECT status FROM reminders") == "cancelled"
    assert (await tombstone_of(books, "ada")).open.reminders == 1


async def test_its_mail_waits_and_new_mail_is_refused(books: Books) -> None:
    ada = await books.agent("ada")
    await books.agent("bob")
    queued = await books.send("ada", "first")
    leased = await books.send("ada", "second")
    await books.claim(ada, "turn-1")
    await destroy(books, "ada")
    assert [(await books.message(one.id)).status for one in (queued, leased)] == ["queued", "queued"]
    with pytest.raises(AgentBuried):
        await books.send("ada", "third")
    everyone = await books.do(lambda tx: messages.send(tx, sender="operator", to="*", body="all"))
    assert [one.recipient for one in everyone] == ["bob"]
    assert await is_whole(books)


async def test_held_mail_leaves_the_list_until_it_lives_again(books: Books) -> None:
    ada = await books.agent("ada")
    held = await books.send("ada")
    await books.claim(ada, "turn-1")
    await books.end_turn(ada, "turn-1", "failed", held.id, error="no", retryable=False)
    assert [item.kind for item in await books.waiting()] == ["held_message"]
    await destroy(books, "ada")
    assert await books.waiting() == []
    assert (await tombstone_of(books, "ada")).open.held == 1
    assert await is_whole(books)


async def test_hived_has_no_word_for_the_buried(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    await books.do(lambda tx: messages.tell(tx, ada, "something"))
    assert await books.one("SELECT count(*) FROM messages WHERE recipient_id = ?", ada) == 0


async def test_what_waited_about_itself_waits_no_more(books: Books) -> None:
    ada = await books.agent("ada")
    await books.do(lambda tx: set_lifecycle(tx, ada, "parked", "it crashed", pid=None))
    assert [item.kind for item in await books.waiting()] == ["parked"]
    await destroy(books, "ada")
    assert await books.waiting() == []
    assert await is_whole(books)


async def test_the_queen_hears_of_it(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    await books.agent("ada", parent="queen")
    await destroy(books, "ada", note="enough")
    body = await books.one("SELECT body FROM messages WHERE recipient_id = ? AND kind = 'report'", queen)
    assert body.startswith("ada was destroyed.")
    assert "enough" in body


async def test_a_deployment_under_way_has_failed(books: Books) -> None:
    ada = await books.agent("ada")

    def queue(tx: Tx) -> str:
        return deployments.queue_first(tx, ada, actor=OPERATOR).id

    deployment = await books.do(queue)
    await destroy(books, "ada")
    assert await books.one("SELECT status FROM deployments WHERE id = ?", deployment) == "failed"
    assert "destroyed" in await books.one("SELECT reason FROM deployments WHERE id = ?", deployment)


async def test_destroyed_to_be_purged_its_purge_is_in_the_same_change(books: Books) -> None:
    await books.agent("ada")
    await destroy(books, "ada", purge=True, discard_work=True)
    [(tombstone, wish)] = await books.read(purges.under_way)
    assert tombstone.purging
    assert wish.discard_work
    with pytest.raises(BeingPurged):
        await books.do(lambda tx: revival.ask_revival(tx, "ada", [], None))


async def test_a_row_that_is_buried_without_a_tombstone_is_shown_by_its_columns(books: Books) -> None:
    ada = await books.agent("ada")
    await books.do(lambda tx: tx.execute("UPDATE agents SET lifecycle = 'buried' WHERE id = ?", (ada,)))
    found = await tombstone_of(books, "ada")
    assert (found.name, found.bytes) == ("ada", 0)


async def test_work_that_was_looked_at_since_is_shown(books: Books) -> None:
    ada = await books.agent("ada")
    await destroy(books, "ada")
    newer = WorkState(looked_at="2099-01-01T00:00:00.000Z").model_dump_json()
    await books.do(lambda tx: tx.execute("UPDATE agents SET work_json = ? WHERE id = ?", (newer, ada)))
    found = await tombstone_of(books, "ada")
    assert found.work is not None
    assert found.work.merged
    assert json.loads(newer)["looked_at"] == found.work.looked_at
