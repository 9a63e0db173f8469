"""The real Claude Codes in a real hive: a message that waited for a login is handled after it, and a killed CLI goes on in its own
conversation, each turn with its own cost."""

import asyncio
import contextlib
import json
import os
import signal
import threading
from collections.abc import Iterator
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Any, TypeVar

import pytest

from hived.wire.agents import LoginState
from tests.fakes.claude_accounts import CODE, ClaudeAccounts
from tests.fakes.messages_api import MessagesApi
from tests.support.claude import GENERATIONS, require_claude
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.kept import kept

pytestmark = pytest.mark.claude

Part = TypeVar("Part")
SECONDS = 60.0


@contextlib.contextmanager
def beside(part: AbstractAsyncContextManager[Part]) -> Iterator[Part]:
    """A loopback server, served by a thread of its own."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield asyncio.run_coroutine_threadsafe(part.__aenter__(), loop).result(SECONDS)
    finally:
        asyncio.run_coroutine_threadsafe(part.__aexit__(None, None, None), loop).result(SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


def conditions(hive: LiveHive) -> set[str]:
    return {condition["kind"] for condition in hive.agent("bee")["conditions"]}


def turn_ends(hive: LiveHive) -> list[dict[str, Any]]:
    events = hive.get("/v1/agents/bee/transcript")[1]["events"]
    return [event["payload"] for event in events if event["kind"] == "turn_end"]


def all_that_is_kept(home: Path) -> bytes:
    """Every byte of the hive but the CLI's own folder, which holds what it logged in with."""
    return b"\n".join(kept(home, without="home").values())


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_message_that_waited_for_a_login_is_handled_once_there_is_one(generation: str, tmp_path: Path) -> None:
    program = require_claude(generation)
    with beside(MessagesApi()) as api, beside(ClaudeAccounts(tmp_path)) as accounts, live_hive() as hive:
        env = {"ANTHROPIC_BASE_URL": api.url, "CLAUDE_CODE_MAX_RETRIES": "1", **accounts.environment}
        hive.spawn("bee", "claude", engine_options={"command": [program]}, env=env)
        hive.until_online("bee")
        wait_until(lambda: "needs_login" in conditions(hive), "needs_login, before any turn", SECONDS)
        hive.post("/v1/messages", {"to": "bee", "body": "@@text"})
        wait_until(lambda: [end["outcome"] for end in turn_ends(hive)] == ["needs_login"], "the held message", SECONDS)
        wait_until(lambda: hive.agent("bee")["held"] == 1, "hived's word for it", SECONDS)
        assert api.requests == []
        status, view = hive.post("/v1/agents/bee/login")
        wanted: LoginState = "open"
        assert (status, view["login"]["state"]) == (200, wanted)
        assert view["login"]["url"].startswith("https://claude.")
        status, view = hive.post("/v1/agents/bee/login/code", {"code": CODE})
        assert (status, view["login"]["state"]) == (200, "done")
        wait_until(lambda: [end["outcome"] for end in turn_ends(hive)][1:] == ["ok"], "the message's turn", SECONDS)
        wait_until(lambda: "needs_login" not in conditions(hive), "the condition's end", SECONDS)
        wait_until(lambda: hive.agent("bee")["held"] == 0, "an empty hold", SECONDS)
        found = all_that_is_kept(hive.home)
        assert not any(part.encode() in found for part in CODE.split("#"))


@pytest.mark.parametrize("generation", GENERATIONS)
def test_a_killed_cli_goes_on_in_its_own_conversation_and_each_turn_has_its_own_cost(generation: str) -> None:
    program = require_claude(generation)
    with beside(MessagesApi()) as api, live_hive() as hive:
        env = {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "dummy"}
        hive.spawn("bee", "claude", model="claude-haiku-4-5", engine_options={"command": [program]}, env=env)
        hive.until_online("bee")
        hive.post("/v1/messages", {"to": "bee", "body": "@@text remember the heron"})
        wait_until(lambda: len(turn_ends(hive)) == 1, "the first turn", SECONDS)
        hive.post("/v1/messages", {"to": "bee", "body": "@@hold"})
        wait_until(lambda: len(api.requests) == 2, "the second turn", SECONDS)
        wait_until(lambda: kinds(hive)[-1] == "token_usage_changed", "its figures", SECONDS)
        pid = json.loads((hive.home / "agents/bee/harness/engine.pid").read_text())["pid"]
        os.kill(int(pid), signal.SIGKILL)
        wait_until(lambda: len(turn_ends(hive)) == 2, "the killed turn's end", SECONDS)
        api.release()
        hive.post("/v1/messages", {"to": "bee", "body": "@@text and on", "now": True})
        wait_until(
            lambda: turn_ends(hive)[-1]["outcome"] == "ok" and len(turn_ends(hive)) > 2, "a turn after it", SECONDS
        )
        first, killed, *after = turn_ends(hive)
        assert [end["outcome"] for end in (first, killed, *after)] == ["ok", "failed", *["ok"] * len(after)]
        assert {end["session_id"] for end in (first, *after)} == {hive.agent("bee")["session"]["id"]}
        assert "heron" in api.requests[-1].user_text
        assert [end["cost"]["estimated"] for end in (first, killed, *after)] == [False, True, *[False] * len(after)]
        assert killed["cost"]["usd"] == pytest.approx(billed(api.billed[1:2]), rel=0.05)
        assert sum(end["cost"]["usd"] for end in after) == pytest.approx(billed(api.billed[2:]), rel=0.001)


def billed(messages: list[tuple[int, int]]) -> float:
    """What those messages cost by claude-haiku-4-5's prices."""
    return sum(given * 1e-6 + got * 5e-6 for given, got in messages)


def kinds(hive: LiveHive) -> list[str]:
    return [event["kind"] for event in hive.get("/v1/agents/bee/transcript")[1]["events"]]
