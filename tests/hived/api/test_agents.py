"""Agents over the operator's socket: asked for, listed, shown; their model and their turns."""

import asyncio
import sqlite3
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from tests.hived.api.conftest import Calls
from tests.support.books import Books


async def test_asking_for_an_agent_answers_with_the_approval_that_is_pending(host: Calls, books: Books) -> None:
    status, answer = await host(
        "POST",
        "/v1/agents",
        {"name": "ada", "engine": "command", "engine_options": {"command": ["cat"]}, "reason": "to help"},
    )
    assert (status, answer["kind"], answer["status"], answer["requester"]) == (202, "spawn", "pending", "operator")
    assert answer["payload"]["name"] == "ada"
    assert (await host("GET", "/v1/waiting"))[1]["waiting"][0]["id"] == answer["id"]
    again, refusal = await host(
        "POST", "/v1/agents", {"name": "ada", "engine": "command", "engine_options": {"command": ["cat"]}}
    )
    assert (again, refusal["code"]) == (409, "name_taken")
    await host("POST", f"/v1/approvals/{answer['id']}/approve", {})
    again, refusal = await host(
        "POST", "/v1/agents", {"name": "ada", "engine": "command", "engine_options": {"command": ["cat"]}}
    )
    assert (again, refusal["code"]) == (409, "name_taken")


@pytest.mark.parametrize(
    ("engine", "options", "code"),
    [
        ("command", {}, "invalid_option"),
        ("command", {"command": "/nonexistent --flag"}, "command_missing"),
        ("scripted", {}, "invalid_option"),
        ("scripted", {"scenario": "/nonexistent.toml"}, "invalid_scenario"),
        ("claude", {"command": "/nonexistent"}, "command_missing"),
        ("claude", {"command": "cat", "colour": "red"}, "invalid_option"),
    ],
)
async def test_an_engine_that_could_not_work_is_refused_before_anyone_is_asked(
    host: Calls, engine: str, options: dict[str, Any], code: str
) -> None:
    status, answer = await host("POST", "/v1/agents", {"name": "ada", "engine": engine, "engine_options": options})
    assert (status, answer["code"]) == (400, code)
    assert (await host("GET", "/v1/waiting"))[1]["waiting"] == []


async def test_a_repository_is_looked_at_before_anyone_is_asked(host: Calls, tmp_path: Path) -> None:
    status, answer = await host("POST", "/v1/agents", {"name": "ada", "engine": "scripted", "repo": str(tmp_path)})
    assert (status, answer["code"]) == (400, "invalid_repo")
    assert (await host("GET", "/v1/waiting"))[1]["waiting"] == []


async def test_they_are_listed_oldest_first_and_shown_one_by_one(host: Calls, books: Books) -> None:
    for name in ("zoe", "ada"):
        await books.agent(name, env={"A": "1"})
    assert [agent["name"] for agent in (await host("GET", "/v1/agents"))[1]["agents"]] == ["zoe", "ada"]
    status, shown = await host("GET", "/v1/agents/ada")
    assert (status, shown["name"], shown["spec"]["env"]) == (200, "ada", {"A": "1"})
    assert shown["paths"]["socket"].endswith("run/agents/ada/agent.sock")


async def test_a_model_is_in_the_file_and_the_books_when_it_is_answered(host: Calls, books: Books) -> None:
    await books.agent("ada")
    status, view = await host("PUT", "/v1/agents/ada/model", {"model": " opus "})
    file = books.hive.paths.agent("ada").model_file
    assert (status, view["model"], file.read_text()) == (200, "opus", "opus\n")
    assert file.stat().st_mode & 0o777 == 0o600
    assert [ring.payload for ring in books.rings if ring.event == "model"] == [{"model": "opus"}]


async def test_models_set_at_once_leave_file_and_books_agreeing(host: Calls, books: Books) -> None:
    await books.agent("ada")
    await asyncio.gather(*(host("PUT", "/v1/agents/ada/model", {"model": f"model-{number}"}) for number in range(20)))
    assert books.hive.paths.agent("ada").model_file.read_text().strip() == (await books.view("ada")).model


async def test_turns_come_from_the_harnesss_own_file(host: Calls, books: Books) -> None:
    await books.agent("ada")
    assert await host("GET", "/v1/agents/ada/turns") == (200, {"turns": []})
    stats = books.hive.paths.agent("ada").stats_db
    stats.parent.mkdir(parents=True)
    with closing(sqlite3.connect(stats)) as connection:
        connection.execute("CREATE TABLE turns(turn_id TEXT PRIMARY KEY, cost_usd REAL)")
        connection.executemany("INSERT INTO turns VALUES (?, ?)", [("t1", None), ("t2", 0.5), ("t3", 0.0)])
        connection.commit()
    _, answer = await host("GET", "/v1/agents/ada/turns?limit=2")
    assert [(turn["turn_id"], turn["cost_usd"]) for turn in answer["turns"]] == [("t2", 0.5), ("t3", 0.0)]
    assert answer["turns"][0]["input_tokens"] is None
    _, answer = await host("GET", "/v1/agents/ada/turns?before=t2")
    assert [(turn["turn_id"], turn["cost_usd"]) for turn in answer["turns"]] == [("t1", None)]


@pytest.mark.parametrize("content", [b"no database at all " * 300])
async def test_a_broken_statistics_file_is_told_by_code(host: Calls, books: Books, content: bytes) -> None:
    await books.agent("ada")
    stats = books.hive.paths.agent("ada").stats_db
    stats.parent.mkdir(parents=True)
    stats.write_bytes(content)
    status, answer = await host("GET", "/v1/agents/ada/turns")
    assert (status, answer["code"]) == (503, "journal_unavailable")
