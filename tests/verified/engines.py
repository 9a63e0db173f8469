"""Four engines in one hive: claude, acp, api and scripted write to each other; a model switch, a rate limit, an overflow and a kill -9 are seen for what they are."""

import json
import re
import shutil
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from tests.support.acp import find_agent
from tests.support.claude import find_claude
from tests.verified.real_cli import loopback_model
from tests.verified.shell import HIVE, ROOT, Screen, Shell, expect, kill_hard, screen, temporary_hive, wait_until

LIMIT_SECONDS = 12
WINDOW = 40_000
SEND = "mcp__hive__send"
NAMES = ("clara", "acorn", "appie", "skip")


def script(*steps: dict[str, Any]) -> str:
    """Words that make the loopback model say and do these steps."""
    return f"@@script {json.dumps(steps)}"


def scenario() -> str:
    """skip begins the round (to clara, who writes to acorn, who writes to appie, who writes to skip) and closes it."""
    last = script({"tool": "send", "input": {"to": "skip", "body": "it is your turn"}}, {"text": "Passed on."})
    third = script({"tool": SEND, "input": {"to": "appie", "body": last}}, {"text": "Passed on."})
    second = script({"tool": SEND, "input": {"to": "acorn", "body": third}}, {"text": "Passed on."})
    return f"""
[engine]
models = [{{name = "small"}}, {{name = "large"}}]
closed_models = true

[[turn]]
match = "begin the round"
steps = [{{send = {{to = "clara", body = {json.dumps(second)}}}}}, {{say = "Begun."}}]

[[turn]]
from = "appie"
steps = [{{say = "It came round."}}, {{send = {{to = "operator", body = "the round is closed"}}}}]

[[turn]]
repeat = true
steps = [{{say_settings = true}}]
"""


def run() -> list[str]:
    cli, path = find_claude(), find_agent("claude-agent-acp")
    expect(cli, "Claude Code must be on this machine (HIVE_TEST_CLAUDE)")
    expect(path, "claude-agent-acp must be on this machine (HIVE_TEST_ACP)")
    assert cli
    assert path
    with loopback_model() as url, temporary_hive({"rate_limit_resume": True}) as shell:
        said = _made(shell, url, cli, path)
        with screen(HIVE, shell.env, cwd=ROOT) as shown:
            wait_until(lambda: all(name in shown.text() for name in NAMES), "the four agents on the screen")
            said += _round(shell, shown)
            said += _model(shell, shown)
            said += _limit(shell, shown)
            said += _overflow(shell, shown)
            said += _kill(shell, shown)
            said += ["", "the screen at the end:"]
            said += ["    " + line.rstrip() for line in shown.text().splitlines() if line.strip()]
    return said


def _made(shell: Shell, url: str, cli: str, path: str) -> list[str]:
    file = shell.home / "skip.toml"
    file.write_text(scenario())
    model = ["--env", f"ANTHROPIC_BASE_URL={url}"]
    quiet = ["--env", "CLAUDE_CODE_MAX_RETRIES=1", "--env", "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC=1"]
    # Limits with a reset time are told to an account alone, so clara has a token, and it is nobody's.
    token = ["--env", "CLAUDE_CODE_OAUTH_TOKEN=sk-ant-oat01-dummy"]
    key = ["--env", "ANTHROPIC_API_KEY=dummy"]
    shell.hive("spawn", "clara", "--engine", "claude", "--option", f"command={cli}", *model, *token, *quiet, "--yes")
    adapter = shutil.which("claude-agent-acp", path=path)
    assert adapter
    shell.hive(
        "spawn",
        "acorn",
        "--engine",
        "acp",
        "--option",
        "agent=claude-agent-acp",
        "--command",
        adapter,
        *model,
        *key,
        *quiet,
        "--env",
        f"PATH={path}",
        "--yes",
    )
    shell.hive(
        "spawn", "appie", "--engine", "api", "--model", "claude-haiku-4-5", "--option", "provider=anthropic",
        "--option", f"base_url={url}", "--option", f"context_window={WINDOW}", *key, "--yes",
    )  # fmt: skip
    shell.hive("spawn", "skip", "--engine", "scripted", "--scenario", str(file), "--yes")
    engines = {agent["name"]: agent["engine"] for agent in shell.json("ls")["agents"]}
    return [f"made: {', '.join(f'{name} ({engine})' for name, engine in engines.items())}"]


def _round(shell: Shell, shown: Screen) -> list[str]:
    """They write to each other, each by its own engine's way to the hive's tools."""
    began = time.monotonic()
    shell.hive("send", "skip", "begin the round")
    wait_until(lambda: "the round is closed" in str(shell.json("inbox")), "the round's end", 120)
    took = time.monotonic() - began
    letters = [json.loads(line) for line in shell.hive("messages", "--json").stdout.splitlines()]
    hops = [f"{letter['sender']} → {letter['recipient']}" for letter in letters]
    for hop in ("skip → clara", "clara → acorn", "acorn → appie", "appie → skip", "skip → operator"):
        expect(hop in hops, f"a message {hop} must be there: {hops}")
    idle(shell, *NAMES)
    for name in ("clara", "acorn", "appie"):
        agent = shell.json("show", name)
        expect(agent["ctx"], f"{name} must show how full its window is")
        expect(agent["cost"] and agent["cost"]["tokens"] > 0, f"{name} must show what its turn took")
        wait_until(lambda: "ctx " in shown.text(), "the badges on the screen")
    return ["", f"a message went round in {took:.1f} s: {', '.join(hops)}", *_badges(shell)]


def _badges(shell: Shell) -> list[str]:
    agents = {agent["name"]: agent for agent in shell.json("ls")["agents"]}
    return [
        f"  {name}: model {agents[name]['model']}, ctx {agents[name]['ctx']}, cost {agents[name]['cost']}"
        for name in NAMES
    ]


def _model(shell: Shell, shown: Screen) -> list[str]:
    """One is switched to another model, and one that is not offered is refused."""
    shell.hive("model", "skip", "large")
    refused = shell.hive("model", "skip", "enormous", check=False)
    expect(refused.returncode == 1 and "unknown_model" in refused.stderr, f"it must be refused: {refused.stderr}")
    shell.hive("send", "skip", "what are you?")
    idle(shell, "skip")
    told = [event["payload"]["text"] for event in shell.events("skip") if event["kind"] == "text"][-1]
    expect("large" in told, f"skip must be on its new model: {told}")
    Path(shell.home, "agents/clara/harness/model").write_text("sonnet\n")
    wait_until(lambda: shell.json("show", "clara")["model"] == "sonnet", "the edit by hand in the books")
    shell.hive("send", "clara", "@@text")
    idle(shell, "clara")
    model = shell.json("show", "clara")["model"]
    expect("sonnet" in model, f"clara must run on sonnet, not {model}")
    wait_until(lambda: "sonnet" in shown.text() and "large" in shown.text(), "both models on the screen")
    return [
        "",
        f"models: skip says {told!r} after `hive model skip large`; `enormous` was refused: {refused.stderr.strip()}",
        f"  clara's model file was edited by hand to sonnet: her next turn ran on {model}",
    ]


def _limit(shell: Shell, shown: Screen) -> list[str]:
    """One is rate-limited, is shown so with its reset time, and comes back by itself because hive.toml says so."""
    ends = datetime.now(UTC) + timedelta(seconds=LIMIT_SECONDS)
    reset = str(int(ends.timestamp()))
    unified = "anthropic-ratelimit-unified"
    headers = {
        f"{unified}-status": "rejected", f"{unified}-reset": reset, f"{unified}-representative-claim": "five_hour",
        f"{unified}-5h-status": "rejected", f"{unified}-5h-reset": reset, f"{unified}-5h-utilization": "1",
        f"{unified}-overage-status": "rejected", f"{unified}-overage-disabled-reason": "org_level_disabled",
        "retry-after": "3600",
    }  # fmt: skip
    shell.hive("send", "clara", script({"status": 429, "headers": headers, "times": 1}, {"text": "Back again."}))
    limit = wait_until(lambda: _condition(shell, "clara", "rate_limited"), "the rate limit")
    expect(limit["until"], f"it must say when it ends: {limit}")
    seen = wait_until(lambda: _line(shown, "rate limited"), "the limit on the screen")
    sentinel = Path(shell.home, "agents/clara/harness/rate-limited").read_text().strip()
    kill_hard(shell.json("show", "clara")["pid"])
    wait_until(lambda: shell.json("show", "clara")["online"], "clara's next harness")
    expect(_condition(shell, "clara", "rate_limited"), "a kill -9 must not lift the limit")
    wait_until(lambda: not _condition(shell, "clara", "rate_limited"), "the limit's end", LIMIT_SECONDS + 30)
    wait_until(lambda: "Back again." in _texts(shell, "clara"), "the turn that was put off", 60)
    idle(shell, "clara")
    return [
        "",
        f"rate limit: clara until {limit['until']}; the screen says: {seen}",
        f"  the sentinel file: {sentinel}",
        "  kill -9 of her harness: the next one keeps the limit; at its end she goes on by herself and says 'Back again.'",
    ]


def _overflow(shell: Shell, shown: Screen) -> list[str]:
    """One is at 75 % of its window: notes are written, the conversation is compacted, then the work goes on."""
    shell.hive("send", "appie", script({"text": "A long read.", "input_tokens": round(WINDOW * 0.8)}))
    idle(shell, "appie")
    full = shell.json("show", "appie")["ctx"]
    shell.hive("send", "appie", "@@text go on")
    seen = wait_until(lambda: _line(shown, "compacted"), "the compaction on the screen", 60)
    wait_until(lambda: shell.json("show", "appie")["unread"] == 0, "the message taken up", 60)
    idle(shell, "appie")
    after = shell.json("show", "appie")["ctx"]
    wakes = [event["payload"]["wake"]["kind"] for event in shell.events("appie") if event["kind"] == "turn_start"]
    expect(wakes[-3:] == ["checkpoint", "compact", "operator"], f"first notes, then compaction, then the work: {wakes}")
    expect(after["tokens"] < full["tokens"], f"the window must be emptier: {full} then {after}")
    return [
        "",
        f"overflow: appie at {full}, then turns {' → '.join(wakes[-3:])}, then at {after}; the screen says: {seen}",
    ]


def _kill(shell: Shell, shown: Screen) -> list[str]:
    """One is killed in mid-turn, harness and engine: it resumes its own conversation, and the message comes again."""
    before = shell.json("show", "acorn")
    shell.hive("send", "acorn", script({"text": " ".join(f"word{n}" for n in range(200)), "delay": 0.1}))
    wait_until(lambda: shell.json("show", "acorn")["turn"]["state"] == "thinking", "acorn's turn")
    wait_until(lambda: _line(shown, "acorn"), "acorn on the screen")
    kill_hard(before["pid"])
    seen = wait_until(lambda: _line(shown, "cut off"), "the cut-off turn on the screen")
    after = wait_until(
        lambda: (
            agent
            if (agent := shell.json("show", "acorn"))["generation"] > before["generation"] and agent["online"]
            else None
        ),
        "acorn's next harness",
    )
    shell.hive("send", "acorn", "@@text still there?")
    idle(shell, "acorn", seconds=180)
    expect(after["session_id"] == before["session_id"], "it must be the same conversation")
    again = shell.json("show", "acorn")
    expect(
        again["session_id"] == before["session_id"], f"it must still be {before['session_id']}: {again['session_id']}"
    )
    redelivered = [
        event for event in shell.events("acorn") if event["kind"] == "message_in" and event["payload"]["redelivered"]
    ]
    expect(redelivered, "the message of the cut-off turn must come again, marked")
    return [
        "",
        f"kill -9: acorn, pid {before['pid']} → {after['pid']}, resumed its conversation {before['session_id']};"
        f" {len(redelivered)} message came again, marked; the screen says: {seen}",
    ]


def idle(shell: Shell, *names: str, seconds: int = 90) -> None:
    shell.hive("wait", *names, "--until", "idle", "--timeout", str(seconds), timeout=seconds + 30)


def _condition(shell: Shell, name: str, kind: str) -> dict[str, Any] | None:
    return next((found for found in shell.json("show", name)["conditions"] if found["kind"] == kind), None)


def _texts(shell: Shell, name: str) -> str:
    return "\n".join(event["payload"]["text"] for event in shell.events(name) if event["kind"] == "text")


def _line(shown: Screen, word: str) -> str:
    """The first part of the screen that holds that word, without its frame; or nothing."""
    parts = (part for line in shown.text().splitlines() for part in re.split(r"[│╭╮╰╯]+", line))
    return next((part.strip(" ─") for part in parts if word in part), "")


if __name__ == "__main__":
    print(*run(), sep="\n")
