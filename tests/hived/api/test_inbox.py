"""What a harness asks and says on its own socket; a stale one is refused whatever it asks."""

from typing import Any

import pytest

from tests.hived.api.conftest import Calls
from tests.support.books import Books

STATUS = {"turn_state": "idle", "turn_state_since": "2026-11-20T12:00:00.000Z", "pid": 7}
CALLS: list[tuple[str, str, Any]] = [
    ("GET", "/v1/inbox", None),
    ("POST", "/v1/inbox/claim", {"turn_id": "t1"}),
    ("POST", "/v1/inbox/release", {"turn_id": "t1"}),
    ("POST", "/v1/status", STATUS),
    ("GET", "/v1/whoami", None),
    ("GET", "/v1/peers", None),
    ("POST", "/v1/approvals", {"id": "x", "kind": "tool_use", "tool": "x", "input": {}}),
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
