"""Approvals over the sockets: asked by agents, decided by the operator, once."""

import asyncio
from typing import Any

import pytest

from hived.wire.ids import new_id
from tests.hived.api.conftest import Calls
from tests.support.books import Books


def spawn(**fields: Any) -> dict[str, Any]:
    return {"id": new_id(), "kind": "spawn", "spawn": {"name": "bob", "engine": "scripted"}, **fields}


async def test_of_many_who_decide_at_once_one_wins(host: Calls, books: Books) -> None:
    asked = await books.ask("ada")
    answers = await asyncio.gather(
        *(host("POST", f"/v1/approvals/{asked}/{('approve', 'deny')[number % 2]}", {}) for number in range(100))
    )
    assert sorted(status for status, _ in answers) == [200] + [409] * 99
    assert {answer["code"] for status, answer in answers if status == 409} == {"already_decided"}


async def test_who_decided_is_recorded_from_the_socket(host: Calls, books: Books) -> None:
    asked = await books.ask("ada")
    _, answer = await host(
        "POST",
        f"/v1/approvals/{asked[:34]}/approve",
        {"note": "fine"},
        headers={"hive-client": "hive\x07tui" + "x" * 99},
    )
    assert answer["note"] == "fine"
    by = answer["decided_by"]
    assert (by["who"], by["uid"], by["pid"], by["socket"]) == ("operator", 1000, 4242, "host")
    assert by["client"].startswith("hivetui")
    assert len(by["client"]) == 64


async def test_a_verdict_may_be_left_out(host: Calls, books: Books) -> None:
    assert (await host("POST", f"/v1/approvals/{await books.ask('ada')}/approve"))[0] == 200
    assert (await host("POST", f"/v1/approvals/{await books.ask('bob')}/deny"))[1]["status"] == "denied"


async def test_lists_filter(host: Calls, books: Books) -> None:
    first, second = await books.ask("ada"), await books.ask("bob")
    await host("POST", f"/v1/approvals/{first}/deny")
    for query, expected in (
        ("", [first, second]), ("?all=false", [second]), ("?status=denied", [first]), ("?status=pending", [second]),
        ("?kind=tool_use", []), ("?limit=1", [second]), (f"?before={second}", [first]),
    ):  # fmt: skip
        _, answer = await host("GET", f"/v1/approvals{query}")
        assert [approval["id"] for approval in answer["approvals"]] == expected, query
    assert (await host("GET", f"/v1/approvals/{second[:35]}"))[1]["id"] == second


async def test_a_worker_may_not_ask_for_a_spawn(harness: Calls, books: Books) -> None:
    status, answer = await harness("POST", "/v1/approvals", spawn())
    assert (status, answer["code"]) == (403, "forbidden_role")
    assert await books.waiting() == []


async def test_a_queen_asks_in_her_own_name_and_a_repeat_is_the_same_ask(harness: Calls, books: Books) -> None:
    await books.do(lambda tx: tx.execute("UPDATE agents SET role = 'queen'"))
    ask = spawn(spawn={"name": "bob", "engine": "scripted", "parent": "somebody-else"})
    status, answer = await harness("POST", "/v1/approvals", ask)
    assert (status, answer["requester"], answer["payload"]["parent"]) == (202, "ada", "ada")
    assert await harness("POST", "/v1/approvals", ask) == (202, answer)
    (item,) = await books.waiting()
    assert (item.id, item.agent) == (ask["id"], "ada")


@pytest.mark.parametrize(
    ("ask", "status", "code"),
    [
        (spawn(spawn=None), 400, "invalid_request"),
        (spawn(spawn={"name": "bob"}), 400, "invalid_request"),
        (spawn(spawn={"name": "..", "engine": "scripted"}), 400, "invalid_name"),
        (spawn(spawn={"name": "bob", "engine": "gpt"}), 400, "unknown_engine"),
        (spawn(spawn={"name": "bob", "engine": "scripted", "x": 1}), 400, "invalid_request"),
        (spawn(spawn={"name": "bob", "engine": "scripted", "repo": "/nowhere"}), 400, "invalid_repo"),
        (spawn(kind="apply_commit"), 400, "invalid_request"),
        ({"id": new_id(), "kind": "tool_use"}, 400, "invalid_request"),
        ({"kind": "tool_use", "tool": "x", "input": {}}, 400, "invalid_request"),
    ],
)
async def test_an_ask_that_makes_no_sense_is_refused(
    harness: Calls, books: Books, ask: dict[str, Any], status: int, code: str
) -> None:
    await books.do(lambda tx: tx.execute("UPDATE agents SET role = 'queen'"))
    found, answer = await harness("POST", "/v1/approvals", ask)
    assert (found, answer["code"]) == (status, code), answer
    assert await books.waiting() == []


async def test_anyone_may_ask_to_use_a_tool(harness: Calls, host: Calls, books: Books) -> None:
    ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make"}, "turn_id": "t1"}
    status, answer = await harness("POST", "/v1/approvals", ask)
    assert (status, answer["subject"]) == (202, "Bash make")
    _, decided = await host("POST", f"/v1/approvals/{ask['id']}/approve", {"updated_input": {"command": "true"}})
    assert decided["status"] == "approved"
    assert books.rings[-1].payload["updated_input"] == {"command": "true"}
