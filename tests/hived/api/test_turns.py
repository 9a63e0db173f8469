"""compact, new-session, nap and resume answer when the harness has said that it is so; here the test is the harness."""

import asyncio
from typing import Any

import pytest

from hived.core import agents
from hived.wire.control import StatusReport
from tests.hived.api.conftest import Calls
from tests.support.books import Books, event

ACTIONS: dict[str, Any] = {"compact": None, "new-session": {"primer": True}, "nap": {"seconds": 60}, "resume": None}


class Told:
    """What ada's harness is told on its control stream."""

    def __init__(self, books: Books, agent_id: str) -> None:
        self._bells = books.hive.bells(agent_id).subscribe()
        self._rings: list[Any] = []

    async def next(self) -> tuple[str, dict[str, Any]]:
        while not self._rings:
            rings = await asyncio.wait_for(self._bells.take(), 60)
            assert rings is not None
            self._rings += rings
        ring = self._rings.pop(0)
        return ring.event, ring.payload


def calling(host: Calls, action: str, body: Any = None, **more: Any) -> "asyncio.Task[tuple[int, Any]]":
    return asyncio.create_task(host("POST", f"/v1/agents/ada/{action}", body, **more))


async def answer(call: "asyncio.Task[tuple[int, Any]]") -> tuple[int, Any]:
    return await asyncio.wait_for(call, 10)


async def say(books: Books, agent_id: str, *said: dict[str, Any]) -> None:
    """The next events of ada's journal, in one batch."""
    cursor = (await books.view("ada")).cursor
    batch = [event(cursor + number, one.pop("kind"), **one) for number, one in enumerate(said, 1)]
    await books.events(agent_id, *batch)


async def audited(books: Books) -> str:
    return str(await books.one("SELECT action FROM audit ORDER BY seq DESC"))


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_harness_that_is_away_cannot_be_told(host: Calls, books: Books, action: str) -> None:
    await books.agent("ada", online=False)
    status, said = await host("POST", f"/v1/agents/ada/{action}", ACTIONS[action])
    assert (status, said["code"]) == (409, "agent_not_connected")
    assert (await host("POST", f"/v1/agents/eve/{action}", ACTIONS[action]))[1]["code"] == "agent_not_found"


@pytest.mark.parametrize("action", ACTIONS)
async def test_a_harness_that_dies_meanwhile_ends_the_wait(host: Calls, books: Books, action: str) -> None:
    ada = await books.agent("ada")
    await say(books, ada, {"kind": "turn_state_changed", "state": "napping", "until": "2099-01-01T00:00:00.000Z"})
    told = Told(books, ada)
    call = calling(host, action, ACTIONS[action])
    await told.next()
    await books.do(lambda tx: agents.set_online(tx, ada, 1, False))
    assert not call.done(), "it may come back"
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, "crashed", "a test", pid=None))
    assert (await answer(call))[1]["code"] == "agent_not_connected"


@pytest.mark.parametrize("action", ACTIONS)
async def test_what_the_harness_does_not_say_in_time_is_told(
    host: Calls, books: Books, action: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hived.api.answers.MARGIN_SECONDS", 0.05)
    monkeypatch.setattr("hived.api.turns.COMPACT_SECONDS", 0.0)
    monkeypatch.setattr("hived.api.turns.TOLD_SECONDS", 0.0)
    ada = await books.agent("ada")
    await say(books, ada, {"kind": "status_changed", "condition": "rate_limited", "on": True})
    assert (await host("POST", f"/v1/agents/ada/{action}", ACTIONS[action]))[1]["code"] == "took_too_long"


# compact ---------------------------------------------------------------------------------------------------


async def test_a_compaction_is_answered_by_its_own_turn_even_where_another_ends_with_it(
    host: Calls, books: Books
) -> None:
    ada = await books.agent("ada")
    told = Told(books, ada)
    call = calling(host, "compact")
    what, payload = await told.next()
    assert what == "compact"
    assert await audited(books) == "agent.compact_asked"
    await say(books, ada, {"kind": "turn_end", "turn_id": "another", "outcome": "failed"})
    assert not call.done()
    turn_id = payload["turn_id"]
    await say(
        books,
        ada,
        {"kind": "turn_start", "turn_id": turn_id, "wake": {"kind": "compact", "from": "operator"}},
        {"kind": "turn_end", "turn_id": turn_id, "outcome": "ok", "ctx": {"tokens": 9, "window": 100}},
        {"kind": "turn_start", "turn_id": "later"},
        {"kind": "turn_end", "turn_id": "later", "outcome": "failed", "error": "not ours"},
    )
    status, view = await answer(call)
    assert (status, view["ctx"]["tokens"]) == (200, 9)


@pytest.mark.parametrize(("error", "sentence"), [("nothing to compact", "nothing to compact"), (None, "ended failed")])
async def test_a_compaction_that_fails_says_why(host: Calls, books: Books, error: str | None, sentence: str) -> None:
    ada = await books.agent("ada")
    told = Told(books, ada)
    call = calling(host, "compact")
    _, payload = await told.next()
    await say(books, ada, {"kind": "turn_end", "turn_id": payload["turn_id"], "outcome": "failed", "error": error})
    status, said = await answer(call)
    assert (status, said["code"]) == (503, "turn_failed")
    assert sentence in said["message"]


async def test_an_engine_that_cannot_compact_is_not_asked_to(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    await books.do(lambda tx: tx.execute("""UPDATE agents SET abilities_json = '{"compact": false}'"""))
    books.rings.clear()
    status, said = await host("POST", "/v1/agents/ada/compact")
    assert (status, said["code"]) == (400, "unsupported")
    assert "scripted" in said["message"]
    assert [ring for ring in books.rings if ring.to == ada] == []


# new-session -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("body", "primer"), [(None, False), ({"primer": True}, True), ({"primer": False}, False)])
async def test_a_new_session_is_answered_when_it_is_armed(host: Calls, books: Books, body: Any, primer: bool) -> None:
    ada = await books.agent("ada")
    await say(books, ada, {"kind": "session_changed", "state": "armed", "primer": primer})
    told = Told(books, ada)
    call = calling(host, "new-session", body)
    assert await told.next() == ("new_session", {"primer": primer})
    await say(books, ada, {"kind": "note", "text": "an older word does not count"})
    assert not call.done()
    await say(
        books,
        ada,
        {"kind": "session_changed", "state": "armed", "id": "s1", "primer": primer},
        {"kind": "session_changed", "state": "kept", "id": "s2"},
    )
    status, view = await answer(call)
    assert (status, view["session"]["state"]) == (200, "kept"), "it was armed, and used already"
    assert await audited(books) == "agent.session_asked"


async def test_the_same_key_asks_once(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    told = Told(books, ada)
    key = {"idempotency-key": "k1"}
    call = calling(host, "new-session", {"primer": True}, headers=key)
    await told.next()
    await say(books, ada, {"kind": "session_changed", "state": "armed", "primer": True})
    first = await answer(call)
    assert await answer(calling(host, "new-session", {"primer": True}, headers=key)) == first
    assert await books.one("SELECT count(*) FROM audit WHERE action = 'agent.session_asked'") == 1


# nap and resume --------------------------------------------------------------------------------------------


async def test_a_nap_is_answered_when_the_harness_has_said_its_end(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    told = Told(books, ada)
    call = calling(host, "nap", {"seconds": 60})
    what, payload = await told.next()
    assert what == "nap"
    await say(books, ada, {"kind": "turn_state_changed", "state": "napping", "until": payload["until"]})
    status, view = await answer(call)
    assert (status, view["turn"]["state"], view["turn"]["until"]) == (200, "napping", payload["until"])
    wake = calling(host, "nap", {"seconds": 0})
    assert await told.next() == ("nap", {"until": None})
    await say(books, ada, {"kind": "turn_state_changed", "state": "idle", "until": None})
    assert (await answer(wake))[1]["turn"]["until"] is None


@pytest.mark.parametrize("seconds", [-1, 7 * 24 * 3600 + 1, "long", None])
async def test_a_nap_has_its_bounds(host: Calls, books: Books, seconds: Any) -> None:
    await books.agent("ada")
    status, said = await host("POST", "/v1/agents/ada/nap", {"seconds": seconds})
    assert (status, said["code"]) == (400, "invalid_request")


async def test_a_resumption_ends_nap_and_limit_and_brings_back_what_was_held(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    sent = await books.send("ada")
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "rate_limited", sent.id, retryable=False)
    await say(
        books,
        ada,
        {"kind": "status_changed", "condition": "rate_limited", "on": True},
        {"kind": "turn_state_changed", "state": "napping", "until": "2099-01-01T00:00:00.000Z"},
    )
    told = Told(books, ada)
    call = calling(host, "resume")
    assert (await told.next())[0] == "resume"
    assert (await books.message(sent.id)).status == "queued"
    await say(books, ada, {"kind": "turn_state_changed", "state": "idle", "until": None})
    assert not call.done()
    await say(books, ada, {"kind": "status_changed", "condition": "rate_limited", "on": False})
    status, view = await answer(call)
    assert (status, view["conditions"], view["unread"], view["held"], view["waiting"]) == (200, [], 1, 0, 0)


async def test_one_that_does_not_rest_is_resumed_at_once(host: Calls, books: Books) -> None:
    await books.agent("ada")
    assert (await answer(calling(host, "resume")))[0] == 200
    assert await audited(books) == "agent.resumed"


@pytest.mark.parametrize("action", [*ACTIONS, "login", "rebuild"])
async def test_no_agent_reaches_them(harness: Calls, action: str) -> None:
    status, said = await harness("POST", f"/v1/agents/ada/{action}", ACTIONS.get(action))
    assert (status, said["code"]) == (403, "forbidden_role")


async def test_what_an_engine_can_do_is_waited_for_where_its_harness_has_only_just_connected(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hived.api.answers.REPORT_SECONDS", 10.0)
    ada = await books.agent("ada")
    call = calling(host, "compact")
    for _ in range(20):
        await asyncio.sleep(0)
    said = StatusReport(turn_state="idle", turn_state_since="2026-11-20T12:00:00.000Z", pid=7)
    await books.do(lambda tx: agents.apply_status(tx, ada, 1, said))
    assert (await answer(call))[1]["code"] == "unsupported"
