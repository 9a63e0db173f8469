"""Reminders over the operator's socket."""

from typing import Any

import pytest

from hived.core import reminders
from hived.wire.reminders import Reminder, ReminderList
from tests.hived.api.conftest import Calls
from tests.support.books import Books


async def remind(host: Calls, when: str = "1h", text: str = "look") -> Reminder:
    status, made = await host("POST", "/v1/reminders", {"agent": "ada", "when": when, "text": text})
    assert status == 201, made
    return Reminder.model_validate(made)


@pytest.fixture(autouse=True)
async def _ada(books: Books) -> None:
    await books.agent("ada")


async def test_the_operator_makes_lists_and_cancels(host: Calls, books: Books) -> None:
    late, soon = await remind(host, "2h"), await remind(host, "2m")
    assert (late.made_by, late.agent, late.status) == ("operator", "ada", "pending")
    listed = ReminderList.model_validate((await host("GET", "/v1/reminders"))[1])
    assert [reminder.id for reminder in listed.reminders] == [soon.id, late.id]
    assert (await host("POST", f"/v1/reminders/{late.id}/cancel"))[1]["status"] == "cancelled"
    status, answer = await host("POST", f"/v1/reminders/{late.id}/cancel")
    assert (status, answer["code"]) == (409, "reminder_closed")
    for query, expected in (
        ("", [soon.id]), ("?all=true", [soon.id, late.id]), ("?agent=ada", [soon.id]), ("?all=true&limit=1", [late.id]),
        (f"?all=true&before={late.id}", [soon.id]),
    ):  # fmt: skip
        _, answer = await host("GET", f"/v1/reminders{query}")
        assert [reminder["id"] for reminder in answer["reminders"]] == expected, query


async def test_retry_makes_a_pending_one_due(host: Calls, books: Books) -> None:
    made = await remind(host, "3d")
    status, again = await host("POST", f"/v1/reminders/{made.id[:34]}/retry")
    assert status == 200
    assert again["due_at"] < made.due_at
    await books.do(reminders.run_due)
    status, answer = await host("POST", f"/v1/reminders/{made.id}/retry")
    assert (status, answer["code"]) == (409, "reminder_closed")


async def test_a_repeated_call_with_its_key_makes_one(host: Calls, books: Books) -> None:
    body = {"agent": "ada", "when": "1h", "text": "look"}
    said = [await host("POST", "/v1/reminders", body, headers={"idempotency-key": "k-1"}) for _ in range(2)]
    assert said[0] == said[1]
    assert len((await host("GET", "/v1/reminders"))[1]["reminders"]) == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"agent": "nobody", "when": "1h", "text": "x"}, 404, "agent_not_found"),
        ({"agent": "..", "when": "1h", "text": "x"}, 400, "invalid_name"),
        ({"agent": "ada", "when": "soon", "text": "x"}, 400, "invalid_moment"),
        ({"agent": "ada", "when": "2020-01-01T00:00Z", "text": "x"}, 400, "invalid_moment"),
        ({"agent": "ada", "when": "400d", "text": "x"}, 400, "invalid_moment"),
        ({"agent": "ada", "when": "1h", "text": ""}, 400, "invalid_request"),
        ({"agent": "ada", "when": "1h", "text": "x" * 16_385}, 400, "invalid_request"),
        ({"agent": "ada", "when": "1h", "text": "x", "made_by": "ada"}, 400, "invalid_request"),
    ],
)
async def test_what_is_wrong_is_said(host: Calls, body: dict[str, Any], status: int, code: str) -> None:
    found, answer = await host("POST", "/v1/reminders", body)
    assert (found, answer["code"]) == (status, code)
    assert (await host("GET", "/v1/reminders"))[1]["reminders"] == []


async def test_what_is_not_there_is_404(host: Calls) -> None:
    for action in ("cancel", "retry"):
        status, answer = await host("POST", f"/v1/reminders/0000/{action}")
        assert (status, answer["code"]) == (404, "reminder_not_found")
