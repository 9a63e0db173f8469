"""Event batches: once and in order; what follows for the agent's state; and nonsense that must not wedge it."""

import sqlite3
from typing import Any

import pytest

from hived.core import events
from hived.store.database import Tx
from hived.wire.errors import AgentNotFound, EventGap, InvalidRequest, StaleGeneration
from hived.wire.events import STATE_KINDS
from hived.wire.ids import new_id
from tests.support.books import Books, event

CTX = {"tokens": 50_000, "window": 200_000}
COST = {"tokens": 900, "usd": 0.25, "estimated": False}


def text(number: int) -> dict[str, Any]:
    return event(number, "text", text="hello")


async def cursor(books: Books, agent_id: str, journal: str = "journal-1") -> int:
    return await books.read(lambda conn: events.cursor(conn, agent_id, journal))


# The cursor ------------------------------------------------------------------------------------------------


async def test_a_batch_is_taken_once_however_often_it_comes(books: Books) -> None:
    ada = await books.agent("ada")
    assert await cursor(books, ada) == 0
    batch = [text(1), text(2), event(3, "turn_end", turn_id="t", outcome="ok", cost=COST)]
    for _ in range(3):
        assert (await books.events(ada, *batch)).cursor == 3
    assert (await books.view("ada")).spend.turns == 1
    assert (await books.events(ada, *batch, text(4))).cursor == 4
    assert (await books.view("ada")).spend.turns == 1
    assert (await books.events(ada)).cursor == 4


async def test_a_gap_is_refused_whole_and_says_what_is_expected(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, text(1))
    for batch, first in (([text(3)], 3), ([text(2), text(4)], 4), ([text(2), text(2)], 2)):
        with pytest.raises(EventGap) as refusal:
            await books.events(ada, *batch)
        assert refusal.value.detail["first"] == first
    assert await cursor(books, ada) == 1
    with pytest.raises(InvalidRequest):
        await books.events(ada, {"kind": "text"})


async def test_a_journal_that_was_pruned_at_its_start_is_no_gap(books: Books) -> None:
    ada = await books.agent("ada")
    assert (await books.events(ada, text(40), text(41), oldest=40)).cursor == 41
    with pytest.raises(EventGap):
        await books.events(ada, text(50), oldest=45)
    with pytest.raises(EventGap):
        await books.events(ada, text(50), oldest=None)


async def test_each_journal_has_a_cursor_of_its_own(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, text(1), text(2))
    await books.events(ada, text(1), journal="journal-2")
    view = await books.view("ada")
    assert (view.journal_uuid, view.cursor) == ("journal-2", 1)
    assert (await cursor(books, ada), await cursor(books, ada, "journal-2"), await cursor(books, ada, "none")) == (
        2,
        1,
        0,
    )


async def test_a_stale_generation_moves_nothing(books: Books) -> None:
    ada = await books.agent("ada")
    for generation in (0, 2):
        with pytest.raises(StaleGeneration):
            await books.events(ada, text(1), generation=generation)
    with pytest.raises(AgentNotFound):
        await books.events(new_id(), text(1))
    assert await cursor(books, ada) == 0


async def test_a_batch_without_a_change_of_state_is_one_update_and_feeds_nothing(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, text(1))
    rows = len(books.feed)
    statements: list[str] = []

    def change(tx: Tx) -> None:
        connection = tx.connection
        assert isinstance(connection, sqlite3.Connection)
        connection.set_trace_callback(statements.append)
        events.take_batch(tx, ada, 1, "journal-1", 1, [text(number) for number in range(2, 200)], books.config)
        connection.set_trace_callback(None)

    await books.do(change)
    assert [statement.split()[0] for statement in statements] == ["SELECT", "UPDATE"]
    assert len(books.feed) == rows
    view = await books.view("ada")
    assert view.cursor == 199
    assert view.last_event_at is not None


async def test_a_batch_feeds_the_agent_once(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, text(1))
    books.feed.clear()
    await books.events(
        ada,
        event(2, "turn_start", turn_id="t"),
        event(3, "token_usage_changed", ctx=CTX),
        event(4, "model_changed", model="opus"),
    )
    assert [row.kind for row in books.feed] == ["agent"]
    assert books.feed[0].payload["cursor"] == 4


# State -----------------------------------------------------------------------------------------------------


async def test_a_turn_begins_and_ends(books: Books) -> None:
    ada = await books.agent("ada")
    start = event(1, "turn_start", turn_id="t1", wake={"kind": "message", "from": "queen"}, unread=1)
    await books.events(ada, start)
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.turn_id, turn.wake, turn.since) == ("thinking", "t1", "message from queen", start["ts"])
    end = event(
        2,
        "turn_end",
        turn_id="t1",
        outcome="failed",
        error="it broke",
        ctx=CTX,
        cost=COST,
        session_id="s1",
        retryable=True,
    )
    await books.events(ada, end)
    view = await books.view("ada")
    assert (view.turn.state, view.turn.turn_id, view.turn.wake, view.turn.since) == ("idle", None, None, end["ts"])
    assert (view.last_outcome, view.last_error, view.session_id) == ("failed", "it broke", "s1")
    assert view.ctx is not None
    assert (view.ctx.percent, view.cost and view.cost.usd) == (25, 0.25)
    await books.events(ada, event(3, "turn_end", turn_id="t2", outcome="ok"))
    assert (await books.view("ada")).last_error is None


async def test_a_figure_that_was_not_given_keeps_the_older_one(books: Books) -> None:
    ada = await books.agent("ada")
    await books.end_turn(ada, "t1", "ok", ctx=CTX, cost=COST, session_id="s1")
    await books.end_turn(ada, "t2", "ok", ctx=None, cost=None, session_id=None)
    view = await books.view("ada")
    assert (view.ctx and view.ctx.tokens, view.cost and view.cost.usd, view.session_id) == (50_000, 0.25, "s1")


async def test_spend_is_summed_and_none_until_a_turn_gives_a_figure(books: Books) -> None:
    ada = await books.agent("ada")
    await books.end_turn(ada, "t1", "ok", cost={"tokens": 5, "usd": None})
    spend = (await books.view("ada")).spend
    assert (spend.turns, spend.total_usd, spend.today_usd, spend.estimated) == (1, None, None, False)
    await books.end_turn(ada, "t2", "ok", cost=COST)
    await books.end_turn(ada, "t3", "ok", cost={"tokens": 1, "usd": 0.5, "estimated": True})
    past = event(4, "turn_end", turn_id="t4", outcome="ok", cost={"tokens": 9, "usd": 1.0, "estimated": False})
    await books.events(ada, {**past, "ts": "2020-01-01T00:00:00.000Z"})
    spend = (await books.view("ada")).spend
    assert (spend.turns, spend.today_usd, spend.total_usd, spend.estimated) == (4, 0.75, 1.75, True)


async def test_conditions_come_and_go(books: Books) -> None:
    ada = await books.agent("ada")
    first = event(1, "status_changed", condition="needs_login", on=True, detail="401")
    await books.events(ada, first, event(2, "status_changed", condition="rate_limited", on=True, detail="until noon"))
    await books.events(ada, event(3, "status_changed", condition="needs_login", on=True, detail="still 401"))
    login = next(c for c in (await books.view("ada")).conditions if c.kind == "needs_login")
    assert (login.since, login.detail) == (first["ts"], "still 401")
    assert {item.kind for item in await books.waiting()} == {"needs_login", "rate_limited"}
    await books.events(ada, event(4, "status_changed", condition="needs_login", on=False))
    assert [c.kind for c in (await books.view("ada")).conditions] == ["rate_limited"]
    assert [item.kind for item in await books.waiting()] == ["rate_limited"]
    await books.events(ada, event(5, "status_changed", condition="rate_limited", on=False))
    assert await books.waiting() == []


async def test_the_turn_state_may_change_within_a_turn(books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1", wake={"kind": "operator", "from": "operator"}))
    await books.events(ada, event(2, "turn_state_changed", state="compacting"))
    turn = (await books.view("ada")).turn
    assert (turn.state, turn.turn_id, turn.wake) == ("compacting", "t1", "operator")
    await books.events(ada, event(3, "turn_state_changed", state="idle"))
    assert (await books.view("ada")).turn.turn_id is None


# The outbox ------------------------------------------------------------------------------------------------


async def test_a_journalled_message_is_sent_once(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    sent = new_id()
    out = event(1, "message_out", message_id=sent, to="bob", body="hello")
    assert (await books.events(ada, out)).refused == []
    again = event(1, "message_out", message_id=sent, to="bob", body="hello")
    assert (await books.events(ada, again, journal="journal-2")).refused == []
    (message,) = (await books.claim(bob, "t1")).messages
    assert (message.id, message.sender, message.body) == (sent, "ada", "hello")


async def test_to_everyone_is_sent_once_too(books: Books) -> None:
    ada = await books.agent("ada")
    await books.agent("bob")
    out = event(1, "message_out", message_id=new_id(), to="*", body="hello")
    await books.events(ada, out)
    await books.events(ada, out, journal="journal-2")
    assert await books.one("SELECT count(*) FROM messages") == 2


async def test_a_refused_message_comes_back_in_the_answer_and_its_neighbours_go_through(books: Books) -> None:
    ada, bob = await books.agent("ada", can_message=["bob"]), await books.agent("bob")
    await books.agent("eve")
    ids = [new_id() for _ in range(5)]
    taken = await books.events(
        ada,
        event(1, "message_out", message_id=ids[0], to="nobody", body="x"),
        event(2, "message_out", message_id=ids[1], to="bob", body="fine"),
        event(3, "message_out", message_id=ids[2], to="eve", body="x"),
        event(4, "message_out", message_id=ids[3], to="bob", body="x" * 300_000),
        event(5, "message_out", message_id=ids[4], to="bob", body=["no text"]),
    )
    assert taken.cursor == 5
    assert [(refusal.message_id, refusal.code) for refusal in taken.refused] == [
        (ids[0], "agent_not_found"),
        (ids[2], "recipient_refused"),
        (ids[3], "too_large"),
        (ids[4], "invalid_request"),
    ]
    assert [m.body for m in (await books.claim(bob, "t1")).messages] == ["fine"]


async def test_whatever_was_refused_is_told_again_until_the_harness_goes_on(books: Books) -> None:
    ada = await books.agent("ada")
    batch = (
        event(1, "question_out", question_id="q", to="nobody", text="Well?"),
        event(2, "answer_out", answer_id="a", question_id="ffff", text="yes"),
        event(3, "reminder_out", reminder_id="r", due_at="soon", text="x"),
        event(4, "reminder_cancelled", cancel_id="c", reminder_id="ffff"),
        event(5, "message_out", message_id="m", to="nobody", body="x"),
        event(6, "message_out", message_id="n", to="nobody", body=1),
    )

    async def last() -> list[str]:
        told = await books.read(lambda conn: events.last_refused(conn, ada, "journal-1"))
        return [refused.message_id for refused in told]

    refused = (await books.events(ada, *batch[:4])).refused
    assert [one.message_id for one in refused] == ["q", "a", "r", "c"]
    assert await last() == ["q", "a", "r", "c"]
    again = (await books.events(ada, *batch)).refused
    assert again[:4] == refused
    assert await last() == ["q", "a", "r", "c", "m", "n"]
    assert (await books.events(ada, *batch)).refused == again
    await books.events(ada, event(7, "text", text="on"))
    assert await last() == []
    assert (await books.events(ada, *batch)).refused == []


async def test_the_pieces_of_one_request_are_one_answer(books: Books) -> None:
    ada = await books.agent("ada")
    pieces = [event(number, "message_out", message_id=f"m{number}", to="nobody", body="x") for number in (1, 2)]
    for piece in pieces:
        await books.do(
            lambda tx, piece=piece: events.take_batch(  # type: ignore[misc]
                tx, ada, 1, "journal-1", 1, [piece], books.config, begins=1
            )
        )
    told = await books.read(lambda conn: events.last_refused(conn, ada, "journal-1"))
    assert [refused.message_id for refused in told] == ["m1", "m2"]


# Nonsense --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("kind", "payload"),
    [
        ("turn_start", {}),
        ("turn_start", {"turn_id": 7}),
        ("turn_end", {}),
        ("turn_end", None),
        ("turn_end", ["x"]),
        ("message_out", {"to": "ada"}),
        ("message_out", {"message_id": "../x", "to": "ada", "body": "x"}),
        ("status_changed", {"condition": "on fire", "on": True}),
        ("model_changed", {"model": ""}),
        ("token_usage_changed", {"ctx": {"tokens": "many"}}),
        ("turn_state_changed", {"state": "dancing"}),
        ("model_changed", {"model": "\u0007\u202e"}),
        ("session_changed", {"state": "lost"}),
        ("session_changed", {}),
        ("login_changed", {"login_id": "l1", "state": "hacked"}),
        ("login_changed", {"login_id": "../x", "state": "open"}),
        ("login_changed", {"state": "open", "url": "https://x"}),
        ("a kind of a newer harness", {}),
    ],
)
async def test_a_payload_that_makes_no_sense_is_taken_and_changes_nothing(
    books: Books, kind: str, payload: Any, caplog: pytest.LogCaptureFixture
) -> None:
    ada = await books.agent("ada")
    await books.events(ada, text(1))
    before = await books.view("ada")
    taken = await books.events(ada, {"id": 2, "ts": "x", "kind": kind, "payload": payload}, text(3))
    assert taken.cursor == 3
    after = await books.view("ada")
    assert after.model_copy(update={"cursor": before.cursor, "last_event_at": before.last_event_at}) == before
    assert ("makes no sense" in caplog.text) == (kind in STATE_KINDS)


async def test_a_payload_nested_beyond_reason_is_taken_too(books: Books) -> None:
    ada = await books.agent("ada")
    deep: dict[str, Any] = {}
    for _ in range(900):
        deep = {"x": [deep]}
    assert (await books.events(ada, event(1, "turn_start", turn_id="t1", wake=deep), text(2))).cursor == 2


async def test_a_turn_ends_even_where_its_figures_make_no_sense(books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(
        ada, "t1", "exploded", sent.id, ctx={"tokens": "x"}, cost=7, session_id=4, error=["x"], retryable="perhaps"
    )
    view = await books.view("ada")
    assert (view.turn.state, view.last_outcome, view.ctx, view.cost, view.last_error) == (
        "idle",
        "failed",
        None,
        None,
        None,
    )
    assert (await books.message(sent.id)).status == "queued"


async def test_hostile_text_is_kept_as_what_it_can_be(books: Books) -> None:
    ada, bob = await books.agent("ada"), await books.agent("bob")
    await books.events(
        ada,
        event(1, "turn_start", turn_id="t1", wake={"kind": "message", "from": "x\x1b]0;\ud800\n"}),
        event(2, "message_out", message_id=new_id(), to="bob", body="\ud800[red]\x00"),
        event(3, "turn_end", turn_id="t1", outcome="failed", error="\udfff", cost={"tokens": 2**90, "usd": 1e308}),
    )
    view = await books.view("ada")
    assert view.last_error == "?"
    assert view.model_dump_json()
    assert (await books.claim(bob, "t1")).messages[0].body == "?[red]\x00"
