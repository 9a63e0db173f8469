"""A whole hive whose agents live behind walls and have no network: from the secret's file to the transcript."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.end_to_end.test_claude import SECONDS, beside, turn_ends
from tests.fakes.claude_accounts import CODE, ClaudeAccounts
from tests.fakes.messages_api import MessagesApi
from tests.support.boxes import require_bwrap
from tests.support.claude import require_claude
from tests.support.hive import LiveHive, live_hive, wait_until
from tests.support.kept import kept

SECRET = "sk-ant-a-real-secret"


def events(hive: LiveHive, name: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = hive.get(f"/v1/agents/{name}/transcript")[1]["events"]
    return found


def test_a_scenario_that_tries_the_network_fails_and_the_transcript_says_at_which_host() -> None:
    require_bwrap()
    with live_hive({"HIVE_RUNTIME": "bwrap"}) as hive:
        scenario = hive.home / "tries.toml"
        tries = "curl -sS -m 5 https://example.com/ || curl -sS -m 5 --noproxy '*' http://1.1.1.1/"
        scenario.write_text(f'[[turn]]\nsteps = [{{ shell = "{tries}" }}, {{ say = "I tried." }}]\n')
        hive.spawn("ann", "scripted", engine_options={"scenario": str(scenario)})
        hive.until_online("ann")
        hive.post("/v1/messages", {"to": "ann", "body": "go"})
        wait_until(lambda: any(event["kind"] == "turn_end" for event in events(hive, "ann")), "its turn", SECONDS)
        said = json.dumps(events(hive, "ann"))
        assert "No network: a connection to example.com:443 was refused: allow_hosts does not name it." in said
        assert "Could not connect to server" in said or "Network is unreachable" in said or "Failed to connect" in said


@pytest.mark.claude
def test_a_key_of_the_secrets_file_is_used_and_lies_nowhere_that_the_agent_can_read() -> None:
    require_bwrap()
    program = require_claude("newest")
    with beside(MessagesApi()) as api, live_hive({"HIVE_RUNTIME": "bwrap"}) as hive:
        (hive.home / "secrets.toml").write_text(f'ANTHROPIC_API_KEY = "{SECRET}"\n')
        (hive.home / "secrets.toml").chmod(0o600)
        env = {"ANTHROPIC_BASE_URL": api.url}
        hive.spawn("bee", "claude", engine_options={"command": [program]}, env=env, env_from=["ANTHROPIC_API_KEY"])
        hive.until_online("bee")
        hive.post("/v1/messages", {"to": "bee", "body": "@@text"})
        wait_until(lambda: [end["outcome"] for end in turn_ends(hive)] == ["ok"], "its turn", SECONDS)
        assert {asked.headers["x-api-key"] for asked in api.turns} == {SECRET}
        # The engine lives on between turns, and we see more of it than the agent does.
        for variables in Path("/proc").glob("[0-9]*/environ"):
            try:
                held = variables.read_bytes()
            except OSError:
                continue
            assert SECRET.encode() not in held or b"HIVE_ENGINE_RUN" not in held
        assert [path for path, found in kept(hive.home / "agents/bee").items() if SECRET.encode() in found] == []


@pytest.mark.claude
def test_a_login_is_carried_into_the_walls(tmp_path: Path) -> None:
    require_bwrap()
    program = require_claude("pinned")
    walled = live_hive({"HIVE_RUNTIME": "bwrap"})
    with beside(MessagesApi()) as api, beside(ClaudeAccounts(tmp_path)) as accounts, walled as hive:
        env = {"ANTHROPIC_BASE_URL": api.url, "CLAUDE_CODE_MAX_RETRIES": "1", **accounts.environment}
        hive.spawn("bee", "claude", engine_options={"command": [program]}, env=env)
        hive.until_online("bee")
        status, view = hive.post("/v1/agents/bee/login")
        assert (status, view["login"]["state"]) == (200, "open"), view
        status, view = hive.post("/v1/agents/bee/login/code", {"code": CODE})
        assert (status, view["login"]["state"]) == (200, "done"), view
        hive.post("/v1/messages", {"to": "bee", "body": "@@text"})
        wait_until(lambda: "ok" in [end["outcome"] for end in turn_ends(hive)], "its turn", SECONDS)
        assert api.turns[-1].headers["authorization"] == "Bearer sk-ant-oat01-not-real"


def test_an_engine_that_needs_a_network_is_refused_before_anybody_is_asked() -> None:
    require_bwrap()
    with live_hive({"HIVE_RUNTIME": "bwrap"}) as hive:
        wanted = {"name": "own", "engine": "acp", "engine_options": {"command": "sh"}}
        status, answer = hive.post("/v1/agents", wanted)
        assert (status, answer["code"]) == (400, "network_needed")
        assert "Say network = true" in answer["message"]
        assert hive.get("/v1/approvals")[1]["approvals"] == []
