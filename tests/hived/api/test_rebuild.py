"""A rebuild puts an agent on another engine, model or options, in one change, and answers when it is online again."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hived.core import agents
from hived.core.rebuild import thinker
from hived.supervision.pipeline import Pipeline
from hived.wire.agents import SpawnRequest
from tests.hived.api.conftest import Calls
from tests.hived.api.test_lifecycle import become, come_up, looked
from tests.support.books import Books, event


@pytest.fixture(autouse=True)
async def deploying(books: Books) -> AsyncIterator[None]:
    """hived's own pipeline; the tests are the keepers."""
    books.hive.config.healthy_seconds = 0
    running = asyncio.create_task(Pipeline(books.hive).run())
    yield
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


@pytest.fixture
def commands(tmp_path: Path) -> dict[str, Any]:
    return {"command": ["cat"]}


async def rebuilt(host: Calls, books: Books, agent_id: str, body: Any) -> tuple[int, Any]:
    """The answer to a rebuild whose new harness comes up."""
    books.hive.look.clear()
    call = asyncio.create_task(host("POST", "/v1/agents/ada/rebuild", body))
    await looked(books)
    assert not call.done()
    await come_up(books, agent_id)
    return await asyncio.wait_for(call, 20)


async def known_of(books: Books) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(await books.one("SELECT spec_json FROM agents WHERE name = 'ada'"))
    return found


async def test_another_engine_begins_with_nothing_of_the_old_one(
    host: Calls, books: Books, commands: dict[str, Any]
) -> None:
    ada = await books.agent("ada", model="fast", engine_options={"x": 1}, can_message=["bob"])
    await books.events(
        ada,
        event(
            1, "turn_end", turn_id="t1", outcome="ok", ctx={"tokens": 5, "window": 9}, cost={"tokens": 5, "usd": 1.0}
        ),
        event(2, "session_changed", state="refused", id="s1"),
    )
    await host("PUT", "/v1/agents/ada/effort", {"effort": "high"})
    await books.do(lambda tx: tx.execute("""UPDATE agents SET models_json = '[{"name": "fast"}]'"""))
    sent = await books.send("ada")
    status, view = await rebuilt(host, books, ada, {"engine": "command", "engine_options": commands})
    assert (status, view["engine"], view["model"], view["generation"], view["online"]) == (
        200, "command", "default", 2, True,
    )  # fmt: skip
    assert (view["effort"], view["session_id"], view["session"]["state"], view["ctx"]) == (None, None, "none", None)
    assert (view["spend"]["total_usd"], view["unread"], view["id"]) == (1.0, 1, ada)
    assert (await books.message(sent.id)).status == "queued"
    assert await books.waiting() == []
    spec = await known_of(books)
    assert (spec["engine"], spec["engine_options"], spec["model"], spec["can_message"]) == (
        "command", commands, None, ["bob"],
    )  # fmt: skip
    folder = books.hive.paths.agent("ada").harness
    assert ((folder / "model").read_text(), (folder / "effort").exists()) == ("default\n", False)
    assert (await host("GET", "/v1/agents/ada/models"))[1]["models"] == []
    detail = json.loads(await books.one("SELECT detail_json FROM audit WHERE action = 'agent.rebuilt'"))
    assert detail["engine"] == {"before": "scripted", "after": "command"}
    assert detail["model"] == {"before": "fast", "after": "default"}


async def test_the_same_engine_keeps_all_that_is_not_named(host: Calls, books: Books, commands: dict[str, Any]) -> None:
    ada = await books.agent("ada", engine="command", engine_options=commands, model="fast", env={"A": "b"})
    await books.events(ada, event(1, "session_changed", state="kept", id="s1"))
    await host("PUT", "/v1/agents/ada/effort", {"effort": "high"})
    status, view = await rebuilt(host, books, ada, {"env": {"C": "d"}, "env_from": ["KEY"]})
    assert (status, view["engine"], view["model"], view["effort"], view["session_id"]) == (
        200, "command", "fast", "high", "s1",
    )  # fmt: skip
    spec = await known_of(books)
    assert (spec["env"], spec["env_from"], spec["engine_options"]) == ({"C": "d"}, ["KEY"], commands)
    status, view = await rebuilt(host, books, ada, {"model": "faster"})
    assert (view["model"], (await known_of(books))["model"]) == ("faster", "faster")
    status, view = await rebuilt(host, books, ada, None)
    assert (status, view["model"], (await known_of(books))["env"]) == (200, "faster", {"C": "d"})


async def test_an_agent_that_was_stopped_is_started(host: Calls, books: Books, commands: dict[str, Any]) -> None:
    ada = await books.agent("ada", online=False)
    await become(books, ada, "parked", "its program is missing")
    status, view = await rebuilt(host, books, ada, {"engine": "command", "engine_options": commands})
    assert (status, view["lifecycle"]["state"], await books.waiting()) == (200, "running", [])


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"engine": "cheese"}, "unknown_engine"),
        ({"engine": "command"}, "invalid_option"),
        ({"engine": "command", "engine_options": {"command": ["/nowhere/at-all"]}}, "command_missing"),
        ({"engine_options": {"scenario": "/nowhere/at-all.toml"}}, "invalid_scenario"),
        ({"model": "a\nb"}, "invalid_request"),
        ({"model": ""}, "invalid_request"),
        ({"name": "eve"}, "invalid_request"),
    ],
)
async def test_what_could_not_work_is_refused_and_changes_nothing(
    host: Calls, books: Books, body: Any, code: str
) -> None:
    ada = await books.agent("ada")
    before, spec = await books.view("ada"), await known_of(books)
    status, said = await host("POST", "/v1/agents/ada/rebuild", body)
    assert (status, said["code"]) == (400, code)
    assert (await books.view("ada"), await known_of(books)) == (before, spec)
    assert await books.one("SELECT restart_token FROM agents WHERE id = ?", ada) == 0


async def test_one_that_does_not_come_up_says_why(host: Calls, books: Books, commands: dict[str, Any]) -> None:
    ada = await books.agent("ada")
    books.hive.look.clear()
    body = {"engine": "command", "engine_options": commands}
    call = asyncio.create_task(host("POST", "/v1/agents/ada/rebuild", body))
    await looked(books)
    await books.do(lambda tx: agents.next_generation(tx, ada))
    await become(books, ada, "parked", "it is made of cheese")
    status, said = await asyncio.wait_for(call, 20)
    assert (status, said["code"]) == (502, "start_failed")
    assert "it is made of cheese" in said["message"]


async def test_nobody_is_not_rebuilt(host: Calls) -> None:
    assert (await host("POST", "/v1/agents/eve/rebuild", {}))[1]["code"] == "agent_not_found"


async def test_what_was_held_for_the_older_engines_limit_or_login_comes_again(
    host: Calls, books: Books, commands: dict[str, Any]
) -> None:
    ada = await books.agent("ada")
    sent = [await books.send("ada"), await books.send("ada")]
    held = "UPDATE messages SET status = 'held', held_outcome = ? WHERE id = ?"
    await books.do(lambda tx: tx.execute(held, ("needs_login", sent[0].id)))
    await books.do(lambda tx: tx.execute(held, ("rate_limited", sent[1].id)))
    await rebuilt(host, books, ada, {"engine": "command", "engine_options": commands})
    assert [(await books.message(message.id)).status for message in sent] == ["queued", "queued"]


def test_a_model_belongs_to_its_server() -> None:
    here = SpawnRequest(name="ada", engine="api", engine_options={"provider": "ollama", "max_steps": 5})
    there = here.model_copy(update={"engine_options": {"provider": "anthropic"}})
    slower = here.model_copy(update={"engine_options": {"provider": "ollama", "max_steps": 9}})
    assert thinker(here) == thinker(slower) != thinker(there)
