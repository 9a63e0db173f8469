"""Agents: what is wanted, lifecycle, generations, presence, and what a harness reports; each change feeds the whole view."""

import json
from typing import Any

import pytest

from hived.core import agents, approvals
from hived.store.database import SUPERVISOR, Tx
from hived.wire.agents import Condition, EngineAbilities, SpawnRequest
from hived.wire.approvals import ApprovalAsk
from hived.wire.control import StatusReport
from hived.wire.errors import AgentNotFound, InvalidName, NameTaken, StaleGeneration
from hived.wire.ids import new_id
from tests.support.books import OPERATOR, Books, event

SINCE = "2026-11-20T12:00:00.000Z"


def report(**fields: Any) -> StatusReport:
    return StatusReport.model_validate({"turn_state": "idle", "turn_state_since": SINCE, "pid": 7, **fields})


async def lifecycle(books: Books, agent_id: str, state: Any, cause: str = "a test", pid: int | None = None) -> None:
    await books.do(lambda tx: agents.set_lifecycle(tx, agent_id, state, cause, pid=pid))


async def supervised(books: Books, name: str) -> agents.Supervised:
    return next(agent for agent in await books.read(agents.supervised) if agent.name == name)


async def test_a_new_agent_is_requested_wanted_running_and_the_supervision_is_rung(books: Books) -> None:
    request = SpawnRequest(name="ada", engine="claude", repo="/src/x")
    agent_id = await books.do(lambda tx: agents.create_agent(tx, request, runtime="process", cause="it was asked for"))
    view = await books.view("ada")
    assert (view.id, view.lifecycle.state, view.lifecycle.cause) == (agent_id, "requested", "it was asked for")
    assert (view.model, view.repo, view.turn.state, view.online) == ("haiku", "/src/x", "unknown", False)
    assert (view.ctx, view.cost, view.spend.total_usd) == (None, None, None)
    assert [row.payload["name"] for row in books.feed] == ["ada"]
    assert [(ring.to, ring.event) for ring in books.rings] == [(SUPERVISOR, "look")]
    known = await supervised(books, "ada")
    assert (known.wanted, known.generation, known.request, known.model) == ("running", 0, request, "haiku")
    with pytest.raises(NameTaken):
        await books.do(lambda tx: agents.create_agent(tx, request, runtime="process", cause="again"))


@pytest.mark.parametrize("name", ["", "..", "a/b", "A", "1a", "ä", "a" * 33, "operator", "hived", "a\n"])
async def test_a_name_that_is_none_is_refused_everywhere(books: Books, name: str) -> None:
    request = SpawnRequest(name=name, engine="claude")
    with pytest.raises(InvalidName):
        await books.do(lambda tx: agents.create_agent(tx, request, runtime="process", cause="x"))
    with pytest.raises(InvalidName):
        await books.read(lambda conn: agents.find_agent(conn, name))


async def test_an_unknown_agent_is_not_found(books: Books) -> None:
    for change in (
        lambda tx: agents.want(tx, "nobody", "running", OPERATOR),
        lambda tx: agents.want_restart(tx, "nobody", OPERATOR),
        lambda tx: agents.set_model(tx, "nobody", "opus", OPERATOR),
        lambda tx: agents.next_generation(tx, new_id()),
        lambda tx: agents.set_lifecycle(tx, new_id(), "running", "x", pid=None),
        lambda tx: agents.set_online(tx, new_id(), 1, True),
    ):
        with pytest.raises(AgentNotFound):
            await books.do(change)


async def test_since_moves_with_the_state_and_not_with_the_cause(books: Books) -> None:
    ada = await books.agent("ada")
    since = (await books.view("ada")).lifecycle.since
    await books.do(lambda tx: tx.execute("UPDATE agents SET lifecycle_since = ?", (SINCE,)))
    await lifecycle(books, ada, "running", "adopted again", pid=9)
    view = await books.view("ada")
    assert (view.lifecycle.since, view.lifecycle.cause, view.pid) == (SINCE, "adopted again", 9)
    await lifecycle(books, ada, "stopping")
    assert (await books.view("ada")).lifecycle.since >= since


async def test_a_parked_agent_waits_for_the_operator_until_it_is_left(books: Books) -> None:
    ada = await books.agent("ada")
    await lifecycle(books, ada, "parked", "it crashed 3 times in 60 s")
    (item,) = await books.waiting()
    assert (item.id, item.kind, item.agent) == (ada, "parked", "ada")
    assert "it crashed 3 times" in item.subject
    assert (await books.view("ada")).waiting == 1
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    assert await books.waiting() == []
    view = await books.view("ada")
    assert (view.lifecycle.state, view.lifecycle.cause, view.waiting) == (
        "requested", "operator asked for its start", 0,
    )  # fmt: skip
    assert books.rings[-1].to == SUPERVISOR


@pytest.mark.parametrize("state", ["crashed", "stopped", "parked"])
async def test_wanting_it_running_or_restarted_clears_what_was(books: Books, state: str) -> None:
    ada = await books.agent("ada")
    await lifecycle(books, ada, state)
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    assert (await books.view("ada")).lifecycle.state == "requested"
    await lifecycle(books, ada, state)
    assert await books.do(lambda tx: agents.want_restart(tx, "ada", OPERATOR)) == 1
    assert (await books.view("ada")).lifecycle.state == "requested"


async def test_wanting_a_running_agent_running_changes_nothing(books: Books) -> None:
    await books.agent("ada")
    before = await books.view("ada")
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    assert await books.view("ada") == before


async def test_wanting_one_stopped_is_the_supervisions_to_do(books: Books) -> None:
    ada = await books.agent("ada")
    await lifecycle(books, ada, "parked")
    await books.do(lambda tx: agents.want(tx, "ada", "stopped", OPERATOR))
    assert (await books.view("ada")).lifecycle.state == "parked"
    assert (await supervised(books, "ada")).wanted == "stopped"
    assert books.rings[-1].to == SUPERVISOR


async def test_a_restart_is_due_until_a_generation_answers_it(books: Books) -> None:
    ada = await books.agent("ada")
    for _ in range(2):
        await books.do(lambda tx: agents.want_restart(tx, "ada", OPERATOR))
    known = await supervised(books, "ada")
    assert (known.restart_token, known.started_token, known.wanted) == (1, 0, "running")
    await books.do(lambda tx: agents.next_generation(tx, ada))
    known = await supervised(books, "ada")
    assert (known.restart_token, known.started_token, known.generation) == (1, 1, 2)


async def test_a_new_generation_knows_nothing_of_the_old_ones_turn(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1", wake={"kind": "message", "from": "operator"}))
    assert (await books.view("ada")).turn.wake == "message from operator"
    await books.do(lambda tx: agents.next_generation(tx, ada))
    view = await books.view("ada")
    assert (view.turn.state, view.turn.turn_id, view.turn.wake, view.online, view.pid) == (
        "unknown", None, None, False, None,
    )  # fmt: skip


async def test_an_agent_parked_before_it_was_ever_online_fails_its_spawn_and_tells_who_asked(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    request = SpawnRequest(name="ada", engine="scripted", parent="queen")

    def change(tx: Tx) -> str:
        asked = approvals.ask_spawn(tx, request, "queen", queen)
        return approvals.decide(tx, asked.id, "approved", None, None, OPERATOR).id

    approval_id = await books.do(change)
    ada = (await books.view("ada")).id
    await lifecycle(books, ada, "parked", "its program is missing")
    approval = await books.read(lambda conn: approvals.to_approval(approvals.find_approval(conn, approval_id)))
    assert (approval.status, approval.failure) == ("failed", "its program is missing")
    told = [message.body for message in (await books.claim(queen, "t1")).messages]
    assert "was approved by operator" in told[0]
    assert "its program is missing" in told[1]


async def test_an_agent_parked_later_leaves_its_spawn_approved(books: Books) -> None:
    approval_id = await books.ask("ada")
    await books.do(lambda tx: approvals.decide(tx, approval_id, "approved", None, None, OPERATOR))
    ada = (await books.view("ada")).id
    await books.do(lambda tx: agents.set_online(tx, ada, agents.next_generation(tx, ada), True))
    await lifecycle(books, ada, "parked")
    assert await books.one("SELECT status FROM approvals WHERE id = ?", approval_id) == "approved"


async def test_presence_is_of_the_current_generation_alone(books: Books) -> None:
    ada = await books.agent("ada", online=False)
    with pytest.raises(StaleGeneration) as refusal:
        await books.do(lambda tx: agents.set_online(tx, ada, 0, True))
    assert refusal.value.detail == {"name": "ada", "given": 0, "current": 1}
    await books.do(lambda tx: agents.set_online(tx, ada, 1, True))
    assert (await books.view("ada")).online
    rows = len(books.feed)
    await books.do(lambda tx: agents.set_online(tx, ada, 0, False))
    await books.do(lambda tx: agents.set_online(tx, ada, 1, True))
    assert (await books.view("ada")).online
    assert len(books.feed) == rows
    await books.do(lambda tx: agents.set_online(tx, ada, 1, False))
    assert not (await books.view("ada")).online
    assert (await supervised(books, "ada")).ever_online


async def test_at_hiveds_start_nothing_is_known_to_be_true_still(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1"))
    await books.do(agents.mark_unheard)
    view = await books.view("ada")
    assert (view.online, view.turn.state, view.lifecycle.state) == (False, "unknown", "running")
    assert books.feed[-1].payload == json.loads(view.model_dump_json())


async def test_a_status_report_says_what_is_true(books: Books) -> None:
    ada = await books.agent("ada")
    await books.do(agents.mark_unheard)
    await books.do(
        lambda tx: agents.apply_status(
            tx, ada, 1,
            report(turn_state="thinking", turn_id="t9", session_id="s1", model="opus", abilities=EngineAbilities(steer=True)),
        )
    )  # fmt: skip
    view = await books.view("ada")
    assert (view.turn.state, view.turn.since, view.turn.turn_id) == ("thinking", SINCE, "t9")
    assert (view.session_id, view.session.state, view.abilities.steer, view.model) == ("s1", "kept", True, "default")
    await books.do(lambda tx: agents.apply_status(tx, ada, 1, report()))
    view = await books.view("ada")
    assert (view.session_id, view.session.state) == (None, "none")
    with pytest.raises(StaleGeneration):
        await books.do(lambda tx: agents.apply_status(tx, ada, 0, report()))


async def test_what_woke_a_turn_is_kept_over_a_reconnect(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1", wake={"kind": "message", "from": "bob"}))
    await books.do(agents.mark_unheard)
    await books.do(lambda tx: agents.apply_status(tx, ada, 1, report(turn_state="thinking", turn_id="t1")))
    assert (await books.view("ada")).turn.wake == "message from bob"
    await books.do(lambda tx: agents.apply_status(tx, ada, 1, report(turn_state="thinking", turn_id="t2")))
    assert (await books.view("ada")).turn.wake is None


async def test_a_login_that_is_needed_waits_for_the_operator(books: Books) -> None:
    ada = await books.agent("ada")
    needs = Condition(kind="needs_login", since=SINCE, detail="401 from the model host")
    await books.do(lambda tx: agents.apply_status(tx, ada, 1, report(conditions=[needs])))
    (item,) = await books.waiting()
    assert (item.id, item.kind, item.since) == (ada, "needs_login", SINCE)
    assert books.feed[-1].payload["waiting"] == 1
    await books.do(lambda tx: agents.apply_status(tx, ada, 1, report()))
    assert await books.waiting() == []
    assert (await books.view("ada")).conditions == []


async def test_a_new_model_is_written_audited_and_rung(books: Books) -> None:
    ada = await books.agent("ada")
    books.rings.clear()
    assert await books.do(lambda tx: agents.set_model(tx, "ada", "opus", OPERATOR)) == ada
    assert (await books.view("ada")).model == "opus"
    assert [(ring.to, ring.event, ring.payload) for ring in books.rings] == [(ada, "model", {"model": "opus"})]
    rows = len(books.feed)
    await books.do(lambda tx: agents.set_model(tx, "ada", "opus", OPERATOR))
    assert len(books.feed) == rows
    assert await books.one("SELECT count(*) FROM audit WHERE action = 'agent.model_set'") == 1


async def test_the_detail_has_the_spec_and_the_paths(books: Books) -> None:
    ada = await books.agent("ada", can_message=["bob"], env={"A": "b"})
    paths = books.hive.paths.agent("ada")
    assert (await books.view("ada")).workspace is None
    await books.do(lambda tx: agents.set_workspace(tx, ada, str(paths.workspace)))
    detail = await books.read(lambda conn: agents.detail(conn, "ada", paths))
    assert (detail.spec.can_message, detail.spec.env, detail.workspace) == (["bob"], {"A": "b"}, str(paths.workspace))
    assert detail.paths["log"] == str(paths.log)


async def test_a_generation_that_asked_to_use_a_tool_leaves_an_orphan(books: Books) -> None:
    ada = await books.agent("ada")
    ask = ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input={"command": "make"}, turn_id="t1")
    row = await books.read(lambda conn: agents.find_agent(conn, "ada"))
    await books.do(lambda tx: approvals.ask_tool_use(tx, row, 1, ask))
    assert (await books.waiting())[0].blocks
    await books.do(lambda tx: agents.next_generation(tx, ada))
    assert await books.one("SELECT status FROM approvals") == "orphaned"
    assert not (await books.waiting())[0].blocks
