"""What a harness asks and says on its own socket; a stale one is refused whatever it asks."""

import asyncio
import json
import socket
from typing import Any

import pytest

from hived.core import agents
from hived.wire.ids import new_id
from hived.wire.times import in_seconds
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.own_agent import OwnAgent

STATUS = {"turn_state": "idle", "turn_state_since": "2026-11-20T12:00:00.000Z", "pid": 7}
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/inbox", None),
    ("POST", "/v1/inbox/claim", {"turn_id": "t1"}),
    ("POST", "/v1/inbox/release", {"turn_id": "t1"}),
    ("POST", "/v1/status", STATUS),
    ("GET", "/v1/whoami", None),
    ("GET", "/v1/peers", None),
    ("POST", "/v1/approvals", {"id": new_id(), "kind": "tool_use", "tool": "x", "input": {}}),
]


@pytest.mark.parametrize(("method", "path", "body"), CALLS)
async def test_a_stale_generation_is_refused_everywhere(harness: Calls, method: str, path: str, body: Any) -> None:
    for generation in ("0", "2"):
        status, answer = await harness(method, path, body, headers={"hive-generation": generation})
        assert (status, answer["code"]) == (409, "stale_generation")
    for generation in ("", "one", "-1", "1" * 30):
        status, answer = await harness(method, path, body, headers={"hive-generation": generation})
        assert (status, answer["code"]) == (400, "invalid_request")
    assert (await harness(method, path, body))[0] < 300


async def test_messages_are_seen_claimed_and_given_back(harness: Calls, books: Books) -> None:
    sent = await books.send("ada", "work")
    assert [m["status"] for m in (await harness("GET", "/v1/inbox"))[1]["messages"]] == ["queued"]
    status, claimed = await harness("POST", "/v1/inbox/claim", {"turn_id": "t1"})
    assert (status, [m["id"] for m in claimed["messages"]], claimed["unread"]) == (200, [sent.id], 0)
    assert await harness("POST", "/v1/inbox/claim", {"turn_id": "t1"}) == (200, claimed)
    assert (await harness("GET", "/v1/inbox"))[1]["messages"] == []
    assert (await harness("POST", "/v1/inbox/release", {"turn_id": "t1"}))[1]["unread"] == 1


@pytest.mark.parametrize(
    "claim", [{}, {"turn_id": "t", "max": 0}, {"turn_id": "t", "max": 33}, {"turn_id": "t", "all": 1}]
)
async def test_a_claim_that_makes_no_sense_is_refused(harness: Calls, claim: dict[str, Any]) -> None:
    status, answer = await harness("POST", "/v1/inbox/claim", claim)
    assert (status, answer["code"]) == (400, "invalid_request")


async def test_a_status_report_is_on_the_view_when_it_is_answered(harness: Calls, books: Books) -> None:
    assert (await harness("POST", "/v1/status", {**STATUS, "turn_state": "napping", "session_id": "s1"}))[0] == 204
    view = await books.view("ada")
    assert (view.turn.state, view.session_id) == ("napping", "s1")
    assert (await harness("POST", "/v1/status", {**STATUS, "turn_state": "dancing"}))[0] == 400


async def test_it_is_told_who_it_is_and_who_else_there_is(harness: Calls, books: Books) -> None:
    _, me = await harness("GET", "/v1/whoami")
    assert (me["name"], me["role"], me["model"], me["engine"]) == ("ada", "worker", "default", "scripted")
    await books.agent("queen", role="queen")
    await books.do(
        lambda tx: tx.execute("""UPDATE agents SET spec_json = json_set(spec_json, '$.can_message', json('[]'))""")
    )
    await books.agent("bob", online=False)
    _, peers = await harness("GET", "/v1/peers")
    assert [(p["name"], p["online"], p["can_message"]) for p in peers["peers"]] == [
        ("queen", True, True),
        ("bob", False, False),
    ]


# A claim that waits ----------------------------------------------------------------------------------------


async def waits(books: Books, agent_id: str) -> None:
    """Return once a claim stands there and listens."""
    while not len(books.hive.bells(agent_id)):  # noqa: ASYNC110 (handing over is all it does)
        await asyncio.sleep(0)


def more(harness: Calls, **claim: Any) -> asyncio.Task[tuple[int, Any]]:
    return asyncio.create_task(
        harness("POST", "/v1/inbox/claim", {"turn_id": "t1", "more": True, "wait": 60, **claim}, timeout=60)
    )


async def agent_id(books: Books) -> str:
    return (await books.view("ada")).id


async def test_a_claim_that_waits_is_answered_when_something_comes(harness: Calls, books: Books) -> None:
    ada = await agent_id(books)
    waiting = more(harness)
    await waits(books, ada)
    assert not waiting.done()
    sent = await books.send("ada", "at last")
    status, claimed = await asyncio.wait_for(waiting, 20)
    assert (status, [m["id"] for m in claimed["messages"]]) == (200, [sent.id])
    assert not len(books.hive.bells(ada))


async def test_what_is_there_already_is_answered_at_once_and_what_a_lost_answer_gave_too(
    harness: Calls, books: Books
) -> None:
    await books.send("ada", "first")
    _, began = await harness("POST", "/v1/inbox/claim", {"turn_id": "t1"})
    second = await books.send("ada", "second")
    _, claimed = await asyncio.wait_for(more(harness, known=1), 60)
    assert [m["body"] for m in claimed["messages"]] == ["first", "second"]
    assert await asyncio.wait_for(more(harness, known=1), 60) == (200, claimed)
    waiting = more(harness, known=2)
    await waits(books, await agent_id(books))
    third = await books.send("ada", "third")
    _, last = await asyncio.wait_for(waiting, 20)
    assert [m["id"] for m in last["messages"]] == [began["messages"][0]["id"], second.id, third.id]


async def test_it_is_answered_with_nothing_new_when_its_time_is_over(harness: Calls, books: Books) -> None:
    await books.send("ada", "first")
    await harness("POST", "/v1/inbox/claim", {"turn_id": "t1"})
    status, claimed = await asyncio.wait_for(more(harness, wait=0.05, known=1), 60)
    assert (status, [m["body"] for m in claimed["messages"]]) == (200, ["first"])


async def test_it_is_answered_when_a_message_that_backs_off_comes_due(harness: Calls, books: Books) -> None:
    ada = await agent_id(books)
    sent = await books.send("ada")
    await books.do(lambda tx: tx.execute("UPDATE messages SET not_before = ? WHERE id = ?", (in_seconds(0.2), sent.id)))
    waiting = more(harness)
    await waits(books, ada)
    _, claimed = await asyncio.wait_for(waiting, 20)
    assert [m["id"] for m in claimed["messages"]] == [sent.id]


async def test_hived_stopping_or_a_newer_generation_ends_the_wait(harness: Calls, books: Books) -> None:
    ada = await agent_id(books)
    waiting = more(harness)
    await waits(books, ada)
    await books.do(lambda tx: agents.next_generation(tx, ada))
    status, answer = await asyncio.wait_for(waiting, 20)
    assert (status, answer["code"]) == (409, "stale_generation")
    claim, newer = {"turn_id": "t2", "more": True, "wait": 60}, {"hive-generation": "2"}
    waiting = asyncio.create_task(harness("POST", "/v1/inbox/claim", claim, headers=newer, timeout=60))
    await waits(books, ada)
    books.hive.close_streams()
    status, claimed = await asyncio.wait_for(waiting, 20)
    assert (status, claimed["messages"]) == (200, [])


@pytest.mark.parametrize(
    "claim", [{"wait": 5}, {"more": True, "wait": 181}, {"more": True, "wait": -1}, {"more": True, "known": -1}]
)
async def test_a_wait_that_makes_no_sense_is_refused(harness: Calls, claim: dict[str, Any]) -> None:
    status, answer = await harness("POST", "/v1/inbox/claim", {"turn_id": "t1", **claim})
    assert (status, answer["code"]) == (400, "invalid_request")


async def test_an_agent_sees_what_became_of_what_it_sent_and_of_nothing_else(harness: Calls, books: Books) -> None:
    ada = await agent_id(books)
    sent = await books.send("operator", "report", sender="ada", sender_id=ada)
    theirs = await books.send("ada", "from the operator")
    _, answer = await harness("GET", "/v1/receipts")
    (receipt,) = answer["receipts"]
    assert (receipt["message_id"], receipt["to"], receipt["status"]) == (sent.id, "operator", "queued")
    assert "body" not in receipt
    assert (await harness("GET", f"/v1/receipts?message_id={sent.id[:35]}"))[1]["receipts"] == [receipt]
    status, refusal = await harness("GET", f"/v1/receipts?message_id={theirs.id}")
    assert (status, refusal["code"]) == (404, "message_not_found")


def test_a_caller_that_goes_away_takes_nothing_with_it(ada: OwnAgent) -> None:
    """Another turn gets what came meanwhile, and hived does not wait for it at its end."""
    gone = socket.socket(socket.AF_UNIX)
    gone.connect(str(ada.paths.socket))
    body = json.dumps({"turn_id": "t1", "more": True, "wait": 170}).encode()
    head = f"POST /v1/inbox/claim HTTP/1.1\r\nhost: hive\r\nhive-generation: 1\r\ncontent-length: {len(body)}\r\n\r\n"
    gone.sendall(head.encode() + body)
    gone.close()
    ada.hive.post("/v1/messages", {"to": "ada", "body": "for the next"})
    status, claimed = ada.post("/v1/inbox/claim", {"turn_id": "t2"})
    assert (status, [m["body"] for m in claimed["messages"]]) == (200, ["for the next"])
    assert ada.hive.stop() == 0
