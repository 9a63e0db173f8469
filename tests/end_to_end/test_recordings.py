"""Record and replay: whatever an agent's engine was, its run is played again with the same events."""

import sys
from pathlib import Path
from typing import Any

import pytest

from tests.support.claude import require_claude
from tests.support.hive import LiveHive, live_hive
from tests.support.living import claude, command, done, events, loopback_model, scripted, texts, waiting

ENGINES_OWN = (
    "turn_start", "turn_end", "text", "thinking", "note", "tool_use", "tool_result", "token_usage_changed", "model_changed",
)  # fmt: skip
TIMES_AND_IDS = {
    "turn_start": ("turn_id", "message_ids", "model", "unread"),
    "turn_end": ("turn_id", "message_ids", "duration_ms", "session_id"),
    "model_changed": ("previous",),
}
CONDITIONS = ("needs_login", "rate_limited")
FIXTURE = Path(__file__).parents[1] / "fixtures" / "scenarios" / "claude.toml"
"""Recorded from the real Claude Code by `test_a_run_of_the_real_claude_code_is_played_again`'s words."""

SCENARIO = """
[engine]
models = ["small", "large"]
efforts = ["low"]

[[turn]]
steps = [
  { think = "Where is it?" },
  { think = "hidden", hidden = true },
  { say = "It said \\"{n}\\", and \\u001b[31m[red]\\u202e\\u0000 too.\\nTwo lines 🐝" },
  { write = { path = "a.txt", text = "one" } },
  { edit = { path = "a.txt", find = "two", replace = "three" } },
  { shell = "echo once >> counted; exit 3" },
  { note = "careful", level = "warning" },
  { model = "large" },
  { usage = { ctx = 1000, window = 4000 } },
  { usage = { ctx = 1200, tokens = 3000, cost_usd = 0.25 } },
  { send = { to = "operator", body = "a report" } },
]
[[turn]]
steps = [ { say = "begun" }, { fail = { outcome = "failed", error = "it broke", retryable = false } } ]
[[turn]]
steps = [ { say = "last" } ]
"""

PROGRAM = """
import json, sys
words = sys.stdin.read()
for event in (
    {"kind": "thinking", "text": "hm"},
    {"kind": "tool_use", "tool_use_id": "1", "tool": "Grep", "input": {"deep": {"none": None, "many": list(range(50))}}},
    {"kind": "tool_result", "tool_use_id": "1", "tool": "Grep", "is_error": False, "text": "x" * 300_000 + "é"},
    {"kind": "usage", "ctx": 10, "window": 100, "tokens": 12},
):
    print(json.dumps(event), flush=True)
print("plain words")
sys.exit(3 if "fail" in words else 0)
"""


def heard(hive: LiveHive, name: str) -> list[tuple[str, dict[str, Any]]]:
    """What the engine said, without ids and times."""
    found = []
    for event in events(hive, name):
        kind, payload = event["kind"], dict(event["payload"])
        if kind not in ENGINES_OWN and payload.get("condition") not in CONDITIONS:
            continue
        for key in TIMES_AND_IDS.get(kind, ()):
            payload.pop(key, None)
        for cut in payload.get("cut", {}).values():
            cut.pop("file")
        found.append((kind, payload))
    return found


def recorded(hive: LiveHive, name: str) -> str:
    status, answer = hive.get(f"/v1/agents/{name}/recording")
    assert status == 200, answer
    assert (answer["cut"], answer["turns"]) == (0, len([1 for kind, _ in heard(hive, name) if kind == "turn_end"]))
    scenario: str = answer["scenario"]
    return scenario


def test_a_scripted_run_is_played_again_and_does_nothing_again() -> None:
    with live_hive() as hive:
        scripted(hive, SCENARIO, "first", model="small")
        for body in ("one", "two", "three"):
            done(hive, body, "first")
        scripted(hive, recorded(hive, "first"), "again", model="small")
        for body in ("other", "words", "now"):
            done(hive, body, "again")
        assert heard(hive, "again") == heard(hive, "first")
        assert hive.agent("again")["abilities"] == hive.agent("first")["abilities"]
        assert not Path(hive.agent("again")["workspace"], "counted").exists(), "no command runs again"
        sent = [message["sender"] for message in hive.get("/v1/messages?agent=operator")[1]["messages"]]
        assert sent.count("first") == 1
        assert sent.count("again") == 0, "no message goes out again"


CARED_FOR = """
[engine]
window = 1000

[[turn]]
steps = [ { usage = { ctx = 800, tokens = 900 } }, { say = "first" } ]

[[turn]]
wake = "checkpoint"
steps = [ { say = "noted" } ]

[[turn]]
match = "big"
steps = [
  { say = "reading" },
  { fail = { outcome = "prompt_too_long", until_compacted = true, retryable = false } },
  { usage = { ctx = 300, tokens = 400 } },
]
%s
"""


@pytest.mark.parametrize(
    "more", ["", "[[turn]]\nwake = 'compact'\nrepeat = true\nsteps = [{ fail = { outcome = 'failed', error = 'no' } }]"]
)
def test_what_the_harness_does_for_a_conversation_it_does_again(more: str) -> None:
    with live_hive() as hive:
        scripted(hive, CARED_FOR % more, "first")
        done(hive, "one", "first")
        ends = [done(hive, "a big one", "first")["outcome"]]
        scripted(hive, recorded(hive, "first"), "again")
        done(hive, "one", "again")
        ends.append(done(hive, "a big one", "again")["outcome"])
        assert ends == [ends[0]] * 2
        assert [kind for kind, _ in heard(hive, "first")].count("turn_start") == 4
        assert heard(hive, "again") == heard(hive, "first")
        states = [
            [event["payload"]["state"] for event in events(hive, name) if event["kind"] == "turn_state_changed"]
            for name in ("first", "again")
        ]
        assert states[0] == states[1]


def test_with_deeds_its_messages_are_sent_again() -> None:
    with live_hive() as hive:
        scripted(hive, SCENARIO, "first")
        done(hive, "one", "first")
        scripted(hive, hive.get("/v1/agents/first/recording?deeds=true")[1]["scenario"], "again")
        done(hive, "one", "again")
        assert [event["kind"] for event in events(hive, "again")] == [event["kind"] for event in events(hive, "first")]
        sent = hive.get("/v1/messages?agent=operator")[1]["messages"]
        assert [message["body"] for message in sent if message["sender"] == "again"] == ["a report"]


def test_a_program_is_played_again_with_texts_that_the_journal_had_cut() -> None:
    with live_hive() as hive:
        hive.spawn("first", "command", engine_options={"command": [sys.executable, "-c", PROGRAM]})
        hive.until_online("first")
        done(hive, "go", "first")
        (hive.home / "again.toml").write_text("")
        scripted(hive, recorded(hive, "first"), "again")
        done(hive, "go", "again")
        assert heard(hive, "again") == heard(hive, "first")
        assert any(payload.get("cut") for _, payload in heard(hive, "again"))


def test_a_recording_of_a_replay_is_the_same_recording() -> None:
    with live_hive() as hive:
        scripted(hive, SCENARIO, "first", model="small")
        done(hive, "one", "first")
        once = recorded(hive, "first")
        scripted(hive, once, "again", model="small")
        done(hive, "one", "again")
        assert _without_words_of_when(recorded(hive, "again")) == _without_words_of_when(once)


def _without_words_of_when(scenario: str) -> list[str]:
    return [line for line in scenario.splitlines() if not line.startswith(("#", "description"))]


CLAUDE_RUN = ("@@text", "@@tools", "@@thinking", "@@send", "@@403")
CLAUDE_OPTIONS = {"allowed_tools": ["Bash", "Read"]}


@pytest.mark.claude
def test_a_run_of_the_real_claude_code_is_played_again() -> None:
    cli = require_claude()
    with loopback_model() as url, live_hive() as hive:
        claude(hive, cli, url, "first", model="claude-haiku-4-5", engine_options=CLAUDE_OPTIONS)
        for body in CLAUDE_RUN:
            done(hive, body, "first")
        assert {payload["tool"] for kind, payload in heard(hive, "first") if kind == "tool_use"} >= {"Bash", "Read"}
        scripted(hive, recorded(hive, "first"), "again", model="claude-haiku-4-5")
        for body in CLAUDE_RUN:
            done(hive, body, "again")
        assert heard(hive, "again") == heard(hive, "first")
        assert not waiting(hive, "approval")


def test_a_recorded_run_of_claude_code_stands_in_for_it() -> None:
    """The fixture is what the real CLI once did: no CLI and no model are needed to see the hive deal with it."""
    with live_hive() as hive:
        scripted(hive, FIXTURE.read_text(encoding="utf-8"), "clara")
        for body in CLAUDE_RUN:
            done(hive, body, "clara")
        kinds = [kind for kind, _ in heard(hive, "clara")]
        assert kinds.count("turn_end") == len(CLAUDE_RUN)
        agent = hive.agent("clara")
        assert agent["last_outcome"] == "failed"
        assert agent["ctx"]
        assert agent["cost"]
        assert "Hello from the fake model. This is a plain text turn." in texts(hive, "clara")


def test_the_command_writes_one_and_it_is_a_scenario() -> None:
    with live_hive() as hive:
        scripted(hive, SCENARIO, "first")
        done(hive, "one", "first")
        file = hive.home / "recorded.toml"
        assert command(hive, "record", "first", str(file)).returncode == 0
        scripted(hive, file.read_text(), "again")
        done(hive, "one", "again")
        assert texts(hive, "again") == texts(hive, "first")
