"""Every recording of a real agent, played to the engine by a fake one: what each turn in it came to, in words."""

import asyncio
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from agentd.engines import acp_launch, acp_presets
from agentd.engines.acp import AcpEngine
from agentd.engines.base import (
    EngineEvent,
    EngineFailed,
    ModelChanged,
    Permission,
    Prompt,
    Text,
    Thinking,
    ToolResult,
    ToolUse,
    TurnDone,
    TurnUsage,
    Usage,
)
from tests.support.acp import AcpSetting, checked, of_kind
from tests.support.claude import until

RECORDINGS = Path(__file__).resolve().parents[2] / "fixtures/recordings"
PRESETS = {"claude-agent-acp": "claude-agent-acp", "codex-acp": "codex-acp", "gemini": "gemini", "opencode": "opencode"}

STORIES: dict[str, tuple[list[str], list[str]]] = {
    "acp-claude-agent-acp-0.100.0": (
        [
            "says 'is is a plain text turn.'; ok",
            "thinks; says 'The answer is 4.'; ok",
            "Read(file_path); works; Bash(command, description); works; Write(file_path, content); works; says 'all done'; ok",
            "Bash(command, description); fails; says 'was refused'; ok",
            "mcp__control__send_message(to, body); works; says 'message sent'; ok",
            "Bash(command, description); fails; cancelled",
            "says 'd66 word67 word68 word69'; cancelled",
            "model opus: True",
            "model claude-haiku-4-5: False",
            "says 'is is a plain text turn.'; ok",
            "says ' the specified resource.'; needs_login, no repeat",
            "session True",
        ],
        ["Bash", "Write", "Bash", "mcp__control__send_message", "Bash"],
    ),
    "acp-claude-agent-acp-0.100.0-load": (
        [
            "says 'is is a plain text turn.'; ok",
            "session True",
        ],
        [],
    ),
    "acp-claude-agent-acp-0.49.0": (
        [
            "says 'is is a plain text turn.'; ok",
            "thinks; says 'The answer is 4.'; ok",
            "Read(file_path); works; Bash(command, description); works; Write(file_path, content); works; says 'all done'; ok",
            "Bash(command, description); fails; says 'was refused'; ok",
            "mcp__control__send_message(to, body); works; says 'message sent'; ok",
            "Bash(command, description); fails; cancelled",
            "says 'd66 word67 word68 word69'; cancelled",
            "model opus[1m]: True",
            "model claude-haiku-4-5: False",
            "says 'is is a plain text turn.'; ok",
            "says ' the specified resource.'; failed, no repeat",
            "says '.. Compacting completed.'; ok",
            "session True",
        ],
        ["Bash", "Write", "Bash", "mcp__control__send_message", "Bash"],
    ),
    "acp-claude-agent-acp-0.49.0-load": (
        [
            "says 'is is a plain text turn.'; ok",
            "session True",
        ],
        [],
    ),
    "acp-claude-code-acp-0.16.2": (
        [
            "says 'is is a plain text turn.'; ok",
            "thinks; says 'The answer is 4.'; ok",
            "mcp__acp__Read(file_path); works; mcp__acp__Bash(command, description, timeout); works; mcp__acp__Write(file_path, content); works; says 'all done'; ok",
            "mcp__acp__Bash(command, description, timeout); fails; ok",
            "mcp__control__send_message(to, body); works; says 'message sent'; ok",
            "mcp__acp__Bash(command, description, timeout); fails; cancelled",
            "says 'd66 word67 word68 word69'; cancelled",
            "model claude-haiku-4-5: True",
            "says 'is is a plain text turn.'; ok",
            "failed, no repeat",
            "ok",
            "session True",
        ],
        ["mcp__acp__Bash", "mcp__acp__Write", "mcp__acp__Bash", "mcp__control__send_message", "mcp__acp__Bash"],
    ),
    "acp-claude-code-acp-0.16.2-load": (
        [
            "says 'is is a plain text turn.'; ok",
            "session True",
        ],
        [],
    ),
    "acp-codex-acp-0.16.0": (
        [
            "says 'is is a plain text turn.'; ok",
            "says 'rmance and cause issues.'; thinks; says 'The answer is 4.'; ok",
            "says 'rmance and cause issues.'; read(command, cwd, shell); works; shell(command, cwd, shell); works; shell(command, cwd, shell); works; says 'all done'; ok",
            "says 'rmance and cause issues.'; shell(command, cwd, shell); fails; cancelled",
            "says 'rmance and cause issues.'; mcp__control__send_message(to, body); works; says 'message sent'; ok",
            "says 'rmance and cause issues.'; shell(command, cwd, shell); fails; cancelled",
            "says 'ord63 word64 word65 word'; cancelled",
            "model gpt-5.5: True",
            "model claude-haiku-4-5: False",
            "says 'is is a plain text turn.'; ok",
            "failed, no repeat",
            "failed, no repeat",
            "session True",
        ],
        ["shell", "shell", "shell", "mcp__control__send_message", "shell"],
    ),
    "acp-codex-acp-0.16.0-load": (
        [
            "says 'is is a plain text turn.'; ok",
            "session True",
        ],
        [],
    ),
    "acp-gemini-0.61.0": (
        [
            "says 'is is a plain text turn.'; ok",
            "thinks; says 'The answer is 4.'; ok",
            "read(title); works; shell(title, content); works; edit(title); fails; says 'all done'; ok",
            "shell(title, content); says 'was refused'; fails; ok",
            "says 'message sent'; ok",
            "shell(title, content); works; cancelled",
            "says ' word197 word198 word199'; ok",
            "model claude-haiku-4-5: True",
            "says 'is is a plain text turn.'; ok",
            "failed, no repeat",
            "failed, no repeat",
            "session True",
        ],
        ["shell", "shell", "shell"],
    ),
    "acp-gemini-0.61.0-load": (
        [
            "says 'is is a plain text turn.'; ok",
            "session True",
        ],
        [],
    ),
    "acp-gemini-0.61.0-nofs": (
        [
            "says 'is is a plain text turn.'; ok",
            "thinks; says 'The answer is 4.'; ok",
            "read(title); works; shell(title, content); works; edit(title, content); works; says 'all done'; ok",
            "shell(title, content); says 'was refused'; fails; ok",
            "says 'message sent'; ok",
            "shell(title, content); works; cancelled",
            "says ' word197 word198 word199'; ok",
            "model claude-haiku-4-5: True",
            "says 'is is a plain text turn.'; ok",
            "failed, no repeat",
            "failed, no repeat",
            "session True",
        ],
        ["shell", "edit", "shell", "shell"],
    ),
    "acp-gemini-0.61.0-nofs-load": (
        [
            "failed: resume_refused",
            "session True",
        ],
        [],
    ),
    "acp-opencode-1.18.33": (
        [
            "says 'is is a plain text turn.'; ok",
            "thinks; says 'The answer is 4.'; ok",
            "read(filePath); works; bash(command, description, cwd); works; write(filePath, content); works; says 'all done'; ok",
            "bash(command); fails; ok",
            "control_send_message(to, body); works; says 'message sent'; ok",
            "bash(command); works; cancelled",
            "says 'd66 word67 word68 word69'; cancelled",
            "model fake/fake-small: True",
            "model claude-haiku-4-5: False",
            "says 'is is a plain text turn.'; ok",
            "failed",
            "failed, no repeat",
            "session True",
        ],
        ["bash", "write", "bash", "bash"],
    ),
    "acp-opencode-1.18.33-load": (
        [
            "says 'is is a plain text turn.'; ok",
            "session True",
        ],
        [],
    ),
}
"""For each file: its turns in order, then the tools that permission was asked for."""


@pytest.fixture
def setting(tmp_path: Path) -> AcpSetting:
    found = AcpSetting(tmp_path)
    found.decide = lambda tool, input: Permission("rejected" not in json.dumps(input))
    return found


def lines_of(name: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (RECORDINGS / f"{name}.jsonl").read_text().splitlines()]


def story(events: list[EngineEvent]) -> str:
    """One turn in a line: what was thought, said and done, and how it ended."""
    words = []
    for event in events:
        match event:
            case Thinking():
                words.append("thinks")
            case Text(text):
                words.append(f"says {' '.join(text.split())[-24:]!r}")
            case ToolUse(_, tool, input):
                words.append(f"{tool}({', '.join(input)})")
            case ToolResult(_, _, is_error):
                words.append("fails" if is_error else "works")
            case TurnDone(outcome, _, retryable):
                words.append(outcome + ("" if retryable or outcome == "ok" else ", no repeat"))
    return "; ".join(words)


async def play(setting: AcpSetting, name: str, leave_out: tuple[str, ...] = ()) -> list[str]:
    """All that the client did in that recording, done again: prompts, cancels, model switches, the compaction."""
    lines = lines_of(name)
    calls = [line["m"] for line in lines if line["dir"] == "c2a" and "method" in line["m"]]
    loaded = next((call["params"]["sessionId"] for call in calls if call["method"] == "session/load"), None)
    told: list[str] = []
    async with setting.engine(loaded) as engine:
        for number, call in enumerate(calls):
            match call["method"]:
                case "session/prompt":
                    cancelled = number + 1 < len(calls) and calls[number + 1]["method"] == "session/cancel"
                    text = call["params"]["prompt"][0]["text"]
                    if text not in leave_out:
                        told.append(await turn(setting, engine, text, cancelled))
                    if told[-1].endswith("needs_login, no repeat"):
                        break  # its process is ended then, and this recording is of one process
                case "session/set_config_option" | "session/set_model":
                    model = call["params"].get("value") or call["params"]["modelId"]
                    told.append(f"model {model}: {await engine.set_model(model)}")
                case _:
                    pass
        told.append(f"session {engine.session_id is not None and engine.session_id == session_of(lines)}")
    return told


def session_of(lines: list[dict[str, Any]]) -> str:
    return next(str(line["m"]["params"]["sessionId"]) for line in lines if "sessionId" in line["m"].get("params", {}))


async def turn(setting: AcpSetting, engine: AcpEngine, text: str, cancelled: bool) -> str:
    events: list[EngineEvent] = []
    before = setting.waits_for_cancel

    async def follow() -> None:
        stream = engine.compact() if text == "/compact" else engine.turn(Prompt(text, "turn"))
        events.extend([event async for event in stream])

    following = asyncio.create_task(follow())
    if cancelled:
        await until(lambda: setting.waits_for_cancel > before or following.done())
        await engine.interrupt()
    try:
        await following
    except EngineFailed as failure:
        return f"{failure.outcome}: {failure.code}"
    for use in of_kind(events, ToolUse):
        assert len([event for event in of_kind(events, ToolUse) if event.tool_use_id == use.tool_use_id]) == 1
        (result,) = [event for event in of_kind(events, ToolResult) if event.tool_use_id == use.tool_use_id]
        assert events.index(use) < events.index(result)
        assert result.tool == use.tool
    return story(checked(events))


@pytest.mark.parametrize("path", sorted(RECORDINGS.glob("acp-*.jsonl")), ids=lambda path: path.stem)
async def test_a_recording_is_told_as_it_was(setting: AcpSetting, path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    name = path.stem
    lasting = {name: replace(preset, lost_after_error=False) for name, preset in acp_presets.PRESETS.items()}
    monkeypatch.setattr(acp_launch, "PRESETS", lasting)  # one process was recorded, its errors and all
    preset = next((preset for preset in PRESETS if name.startswith(f"acp-{preset}")), None)
    setting.plays(path)
    if preset is not None:
        setting.options["agent"] = PRESETS[preset]
    told = await play(setting, name)
    turns, asked = STORIES[name]
    assert told == turns
    assert [tool for tool, _, _ in setting.asked] == asked


def test_every_recording_that_is_kept_has_its_story() -> None:
    assert {path.stem for path in RECORDINGS.glob("acp-*.jsonl")} == set(STORIES)


async def test_costs_are_of_the_turn_though_the_agent_counts_the_session(setting: AcpSetting) -> None:
    usages = await usages_of(setting, "acp-claude-agent-acp-0.100.0", 3)
    assert [usage.cost_usd for usage in usages] == pytest.approx([0.046744, 0.052092, 0.198464])
    assert [usage.input_tokens for usage in usages] == [11586, 11624, 47639]
    assert [usage.last_input_tokens for usage in usages] == [11606, 11663, 12066]
    assert {usage.window for usage in usages} == {1_000_000}


async def test_a_resumed_session_goes_on_from_its_old_costs(setting: AcpSetting) -> None:
    setting.facts.set("acp_cost", "7da87077-0e80-4800-af9a-d46840b25735 0.61218 0")
    (usage,) = await usages_of(setting, "acp-claude-agent-acp-0.100.0-load", 1)
    assert usage.cost_usd == pytest.approx(0.112752)


async def test_what_an_agent_does_not_count_stays_unknown(setting: AcpSetting) -> None:
    (codex, *_) = await usages_of(setting, "acp-codex-acp-0.16.0", 1)
    assert (codex.input_tokens, codex.output_tokens, codex.cost_usd) == (None, None, None)
    assert (codex.last_input_tokens, codex.window) == (11577, 258400)


async def test_a_cost_of_nothing_is_no_cost_and_a_context_of_nothing_no_context(setting: AcpSetting) -> None:
    events = await events_of(setting, "acp-opencode-1.18.33", 1)
    assert all(usage.cost_usd is None for usage in of_kind(events, Usage))
    assert of_kind(events, Usage) == [Usage(ctx_tokens=8233, window=128000)]
    assert of_kind(events, TurnDone)[0].usage.cost_usd is None


async def test_gemini_counts_in_the_small_print_of_its_answer(setting: AcpSetting) -> None:
    (usage,) = await usages_of(setting, "acp-gemini-0.61.0", 1)
    assert (usage.input_tokens, usage.output_tokens, usage.last_input_tokens) == (11920, 10, None)


async def test_a_history_that_is_replayed_is_told_to_nobody(setting: AcpSetting) -> None:
    for name in sorted(name for name in STORIES if name.endswith("-load")):
        setting.plays(RECORDINGS / f"{name}.jsonl")
        await play(setting, name)
    assert [event for event in setting.reported if not isinstance(event, ModelChanged)] == []


async def test_a_compaction_that_made_it_shorter_is_ok(setting: AcpSetting) -> None:
    setting.options["agent"] = "claude-agent-acp"
    name = "acp-claude-agent-acp-0.100.0"
    told = await play(setting.plays(RECORDINGS / f"{name}.jsonl"), name, leave_out=("@@403",))
    assert told[-2] == "compact(title); works; ok"


async def test_the_command_and_its_folder_are_what_the_operator_decides_on(setting: AcpSetting) -> None:
    await events_of(setting, "acp-codex-acp-0.16.0", 3)
    tool, given, _ = setting.asked[0]
    assert tool == "shell"
    assert given == {"command": "touch acp-made.txt && echo shell-ok", "cwd": "/workspace", "shell": "/bin/bash -lc"}


async def test_a_change_to_a_file_is_shown_as_a_diff(setting: AcpSetting) -> None:
    events = await events_of(setting, "acp-gemini-0.61.0-nofs", 3)
    (edit,) = [use for use in of_kind(events, ToolUse) if use.tool == "edit"]
    assert edit.input["title"] == "Writing to acp-new.txt"
    assert edit.input["content"].endswith("+hello")


async def events_of(setting: AcpSetting, name: str, turns: int) -> list[EngineEvent]:
    """The first turns of a recording."""
    lines = lines_of(name)
    texts = [line["m"]["params"]["prompt"][0]["text"] for line in lines if line["m"].get("method") == "session/prompt"]
    loaded = [line["m"]["params"]["sessionId"] for line in lines if line["m"].get("method") == "session/load"]
    setting.plays(RECORDINGS / f"{name}.jsonl")
    events: list[EngineEvent] = []
    async with setting.engine(loaded[0] if loaded else None) as engine:
        for text in texts[:turns]:
            events += [event async for event in engine.turn(Prompt(text, "turn"))]
    return events


async def usages_of(setting: AcpSetting, name: str, turns: int) -> list[TurnUsage]:
    return [done.usage for done in of_kind(await events_of(setting, name, turns), TurnDone)]
