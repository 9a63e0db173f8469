"""Naps, maintenance turns and the conversation, as events and reports tell of them."""

from typing import Any

import pytest

from hived.core import agents
from hived.wire.agents import AgentSession
from hived.wire.control import StatusReport
from tests.support.books import Books, event

SINCE = "2026-11-20T12:00:00.000Z"
UNTIL = "2099-01-01T00:00:00.000Z"
CTX = {"tokens": 160_000, "window": 200_000}


async def report(books: Books, agent_id: str, **fields: Any) -> None:
    said = StatusReport.model_validate({"turn_state": "idle", "turn_state_since": SINCE, "pid": 7, **fields})
    await books.do(lambda tx: agents.apply_status(tx, agent_id, 1, said))


# Naps ------------------------------------------------------------------------------------------------------


async def test_a_nap_has_its_end_and_one_in_a_turn_begins_after_it(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1", wake={"kind": "operator", "from": "operator"}))
    await books.events(ada, event(2, "turn_state_changed", state="thinking", turn_id="t1", until=UNTIL))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.turn_id, turn.wake, turn.until) == ("thinking", "t1", "operator", UNTIL)
    await books.events(ada, event(3, "turn_end", turn_id="t1", outcome="ok"))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.turn_id, turn.until) == ("napping", None, UNTIL)
    await books.events(ada, event(4, "turn_state_changed", state="idle", turn_id=None, until=None))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.until) == ("idle", None)


async def test_a_report_tells_of_a_nap_and_a_new_generation_knows_none(books: Books) -> None:
    ada = await books.agent("ada")
    await report(books, ada, turn_state="napping", turn_until=UNTIL)
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.since, turn.until) == ("napping", SINCE, UNTIL)
    await report(books, ada, turn_until="whenever")
    assert (await books.view("ada")).turn.until is None
    await report(books, ada, turn_state="napping", turn_until=UNTIL)
    await books.do(lambda tx: agents.next_generation(tx, ada))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.until) == ("unknown", None)


# Maintenance turns -----------------------------------------------------------------------------------------


async def test_a_compaction_is_a_turn_that_says_so(books: Books) -> None:
    ada = await books.agent("ada")
    await books.end_turn(ada, "t1", "ok", ctx=CTX)
    await books.events(ada, event(2, "turn_start", turn_id="t2", wake={"kind": "compact", "from": "operator"}))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.turn_id, turn.wake) == ("compacting", "t2", "compact from operator")
    await books.end_turn(ada, "t2", "ok", ctx={"tokens": 9, "window": 200_000})
    view = await books.view("ada")
    assert (view.turn.state, view.ctx and view.ctx.tokens) == ("idle", 9)
    assert await books.one("SELECT last_turn_id FROM agents") == "t2"


async def test_what_the_context_was_before_a_compaction_is_not_shown_after_it(books: Books) -> None:
    ada = await books.agent("ada")
    await books.end_turn(ada, "t1", "ok", ctx=CTX)
    for outcome, known in (("failed", True), ("ok", False)):
        cursor = (await books.view("ada")).cursor
        await books.events(ada, event(cursor + 1, "turn_start", turn_id="c", wake={"kind": "compact"}))
        await books.end_turn(ada, "c", outcome, ctx=None)
        assert ((await books.view("ada")).ctx is not None) == known


async def test_a_checkpoint_is_a_turn_that_says_what_woke_it(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1", wake={"kind": "checkpoint", "from": "hived"}))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.wake) == ("thinking", "checkpoint from hived")
    await books.end_turn(ada, "t1", "ok")
    assert (await books.view("ada")).spend.turns == 1


# The conversation ------------------------------------------------------------------------------------------


async def test_a_conversation_is_armed_and_used(books: Books) -> None:
    ada = await books.agent("ada")
    await books.end_turn(ada, "t1", "ok", ctx=CTX, session_id="old")
    armed = event(2, "session_changed", state="armed", id="old", primer=True, detail="the operator asked")
    await books.events(ada, armed)
    view = await books.view("ada")
    assert view.session == AgentSession(
        state="armed", id="old", primer=True, since=armed["ts"], detail="the operator asked"
    )
    assert view.ctx is not None
    await books.events(ada, event(3, "session_changed", state="kept", id="new", primer=None, detail=""))
    view = await books.view("ada")
    assert (view.session.state, view.session_id, view.ctx) == ("kept", "new", None), "the figure was of the old one"


async def test_a_refused_conversation_waits_for_the_operator_until_he_has_chosen(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "session_changed", state="refused", id="s1", detail="no conversation\nfound"))
    (item,) = await books.waiting()
    assert (item.id, item.kind, item.agent) == (ada, "resume_choice", "ada")
    assert item.subject == "ada cannot go on with its conversation: no conversation found"
    assert (await books.view("ada")).waiting == 1
    await report(books, ada, session={"state": "refused", "id": "s1"})
    assert [item.kind for item in await books.waiting()] == ["resume_choice"]
    await books.events(ada, event(2, "session_changed", state="armed", id="s1", primer=False, detail=""))
    assert await books.waiting() == []
    await report(books, ada, session={"state": "refused"})
    assert len(await books.waiting()) == 1
    await report(books, ada)
    assert await books.waiting() == []


async def test_hostile_words_of_a_session_are_one_line(books: Books) -> None:
    ada = await books.agent("ada")
    words = "[red]\x1b[31m" + "x" * 9000
    await books.events(
        ada, event(1, "session_changed", state="refused", id=words, primer=["x"], detail=words + "\ud800")
    )
    session = (await books.view("ada")).session
    assert session.primer is None
    assert len(session.id or "") == len(session.detail) == 500
    assert (session.id or "").isprintable()
    assert session.detail.isprintable()
    assert (await books.waiting())[0].subject.isprintable()


# What a report adds ----------------------------------------------------------------------------------------


async def test_figures_of_a_report_are_taken_only_where_hived_has_none(books: Books) -> None:
    ada = await books.agent("ada")
    await report(books, ada, ctx=CTX, cost={"tokens": 5, "usd": 0.5})
    view = await books.view("ada")
    assert (view.ctx and view.ctx.tokens, view.cost and view.cost.usd) == (160_000, 0.5)
    await report(books, ada, ctx={"tokens": 1, "window": 2}, cost={"tokens": 1})
    view = await books.view("ada")
    assert (view.ctx and view.ctx.tokens, view.cost and view.cost.usd) == (160_000, 0.5)


async def test_the_figure_of_a_conversation_that_is_not_gone_on_with_is_not_taken(books: Books) -> None:
    ada = await books.agent("ada")
    await report(books, ada, ctx=CTX, session={"state": "armed", "id": "s0", "primer": True})
    assert (await books.view("ada")).ctx is None


async def test_models_are_bounded_and_none_said_keeps_those_known(books: Books) -> None:
    ada = await books.agent("ada")
    good = [{"name": "opus", "title": "Opus\x1b[31m", "description": "d" * 900, "window": 200_000}, {"name": "opus"}]
    bad = [{"name": ""}, {"name": "x" * 201}, {"name": "a\nb"}, {"name": "\u202e"}, {"name": "w", "window": -5}]
    await report(books, ada, models=good + bad)
    known = await books.read(lambda conn: agents_models(conn))
    assert [model.name for model in known] == ["opus", "w"]
    assert (known[0].title, known[0].window, known[1].window) == ("Opus[31m", 200_000, None)
    assert len(known[0].description) == 200
    await report(books, ada, models=[])
    assert len(await books.read(agents_models)) == 2
    await report(books, ada, models=[{"name": f"m{number}"} for number in range(1500)])
    assert len(await books.read(agents_models)) == 1000


def agents_models(conn: Any) -> Any:
    from hived.core.settings import list_models

    return list_models(conn, "ada").models


async def test_choices_that_could_not_be_shown_are_left_out(books: Books) -> None:
    ada = await books.agent("ada")
    efforts = ["low", "low", "", "x" * 65, "a\x07", *(f"e{number}" for number in range(300))]
    await report(books, ada, abilities={"efforts": efforts, "permission_modes": ["plan", "\ud7ff\x00"]})
    abilities = (await books.view("ada")).abilities
    assert abilities.efforts[:2] == ["low", "e0"]
    assert len(abilities.efforts) == 100
    assert abilities.permission_modes == ["plan"]


@pytest.mark.parametrize("state", ["none", "kept", "armed", "refused"])
async def test_each_state_of_a_session_survives_hiveds_restart(books: Books, state: str) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "session_changed", state=state, id="s1"))
    await books.do(agents.mark_unheard)
    assert (await books.view("ada")).session.state == state


async def test_a_turns_end_names_the_conversation_too_unless_another_is_to_come(books: Books) -> None:
    ada = await books.agent("ada")
    await books.end_turn(ada, "t1", "ok", session_id="s1")
    view = await books.view("ada")
    assert (view.session.state, view.session.id, view.session_id) == ("kept", "s1", "s1")
    await books.events(ada, event(2, "session_changed", state="armed", id="s1", primer=True))
    await books.end_turn(ada, "t2", "ok", session_id="s2")
    assert (await books.view("ada")).session.state == "armed"
