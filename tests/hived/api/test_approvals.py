"""Approvals over the sockets: asked by agents, decided by the operator, once."""

import asyncio
from typing import Any

import pytest

from hived.api.agent import create_agent_app
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
        ({"id": "1", "kind": "tool_use", "tool": "x", "input": {}}, 400, "invalid_request"),
        ({"id": "../../etc/passwd", "kind": "tool_use", "tool": "x", "input": {}}, 400, "invalid_request"),
        ({"id": new_id().upper(), "kind": "tool_use", "tool": "x", "input": {}}, 400, "invalid_request"),
        ({"id": new_id() + "\n", "kind": "tool_use", "tool": "x", "input": {}}, 400, "invalid_request"),
        ({"id": new_id(), "kind": "tool_use", "tool": "x", "input": ["make"]}, 400, "invalid_request"),
        ({"id": new_id(), "kind": "tool_use", "tool": "x", "input": {"a": "b" * 2**20}}, 413, "too_large"),
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


async def test_an_agent_decides_nothing_least_of_all_its_own(harness: Calls, books: Books) -> None:
    ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make"}}
    await harness("POST", "/v1/approvals", ask)
    for path in (f"/v1/approvals/{ask['id']}/approve", f"/v1/approvals/{ask['id']}/deny", "/v1/rules", "/v1/audit"):
        status, answer = await harness("POST", path, {})
        assert (status, answer["code"]) == (403, "forbidden_role")
    assert [item.id for item in await books.waiting()] == [ask["id"]]


async def test_an_id_that_is_somebody_elses_is_refused(harness: Calls, books: Books) -> None:
    bob = await books.agent("bob")
    his = Calls(create_agent_app(books.hive), (bob, "bob"))
    ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make"}}
    assert (await his("POST", "/v1/approvals", ask))[0] == 202
    for id in (ask["id"], await books.ask("eve")):
        status, answer = await harness("POST", "/v1/approvals", {**ask, "id": id})
        assert (status, answer["code"]) == (400, "invalid_request")
        assert "somebody else's" in answer["message"]
    await his.http.aclose()


async def test_the_answer_to_an_ask_carries_what_a_rule_decided(harness: Calls, host: Calls, books: Books) -> None:
    status, rule = await host(
        "POST", "/v1/rules", {"tool": "Bash", "pattern": "make *", "verdict": "deny", "scope": "hive"}
    )
    assert status in (200, 201), rule
    ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make all"}, "turn_id": "t1"}
    status, answer = await harness("POST", "/v1/approvals", ask)
    assert (status, answer["status"], answer["rule"], answer["decided_by"]["who"]) == (
        202,
        "denied",
        rule["id"],
        "hived",
    )
    assert "make *" in answer["note"]
    assert await harness("POST", "/v1/approvals", ask) == (202, answer)
    assert await books.waiting() == []
    _, audit = await host("GET", f"/v1/audit?subject={ask['id']}")
    assert [(entry["action"], entry["detail"]["rule"]) for entry in audit["entries"]] == [
        ("approval.denied", rule["id"])
    ]


async def test_what_is_remembered_answers_the_next_one(harness: Calls, host: Calls, books: Books) -> None:
    def ask() -> dict[str, Any]:
        return {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make all"}, "turn_id": "t1"}

    first = ask()
    await harness("POST", "/v1/approvals", first)
    status, proposal = await host("GET", f"/v1/approvals/{first['id']}/rule?scope=agent")
    assert (status, proposal["rule"]["agent"]) == (200, "ada")
    status, decided = await host("POST", f"/v1/approvals/{first['id']}/approve", {"remember": "agent"})
    assert (status, decided["status"]) == (200, "approved")
    _, answer = await harness("POST", "/v1/approvals", ask())
    assert (answer["status"], answer["rule"]) == ("approved", decided["remembered"])


@pytest.mark.parametrize(
    ("verb", "body", "code"),
    [
        ("deny", {"remember": "agent"}, "invalid_request"),
        ("approve", {"remember": "world"}, "invalid_request"),
        ("approve", {"updated_input": ["make"]}, "invalid_request"),
        ("approve", {"updated_input": "make"}, "invalid_request"),
        ("approve", {"note": "x" * 4097}, "invalid_request"),
        ("approve", {"remember": "colony"}, "invalid_rule"),
    ],
)
async def test_a_verdict_that_makes_no_sense_decides_nothing(
    harness: Calls, host: Calls, books: Books, verb: str, body: dict[str, Any], code: str
) -> None:
    ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make"}}
    await harness("POST", "/v1/approvals", ask)
    status, answer = await host("POST", f"/v1/approvals/{ask['id']}/{verb}", body)
    assert (status, answer["code"]) == (400, code), answer
    assert (await host("GET", f"/v1/approvals/{ask['id']}"))[1]["status"] == "pending"


@pytest.mark.parametrize(
    "value", ["[" * 200 + "]" * 200, '{"a":' * 200 + "1" + "}" * 200, "NaN", "-Infinity", "1e999"], ids=lambda v: v[:5]
)
async def test_an_input_that_could_not_be_written_again_is_refused_and_the_list_can_be_read(
    harness: Calls, host: Calls, value: str
) -> None:
    ask = f'{{"id": "{new_id()}", "kind": "tool_use", "tool": "Bash", "input": {{"command": {value}}}}}'
    status, answer = await harness("POST", "/v1/approvals", content=ask)
    assert (status, answer["code"]) == (400, "invalid_request")
    assert (await host("GET", "/v1/approvals")) == (200, {"approvals": [], "more": False})
