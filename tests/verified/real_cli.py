"""An agent on the real Claude Code CLI does a turn with a tool against the loopback model, seen in events and in a pane."""

import contextlib
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from tests.support.claude import find_claude
from tests.verified.shell import HIVE, ROOT, expect, screen, temporary_hive, wait_until


def run() -> list[str]:
    cli = find_claude()
    expect(
        cli, "Claude Code must be on this machine: npm install @anthropic-ai/claude-code@2.1.197, or HIVE_TEST_CLAUDE"
    )
    assert cli
    version = subprocess.run([cli, "--version"], capture_output=True, text=True, check=True, timeout=60).stdout.strip()
    said = [f"the CLI: {version}"]
    with loopback_model() as url, temporary_hive() as shell:
        shell.hive(
            "spawn", "clara", "--engine", "claude", "--option", f"command={cli}",
            "--option", 'allowed_tools=["Bash", "Read"]',
            "--env", f"ANTHROPIC_BASE_URL={url}", "--env", "ANTHROPIC_API_KEY=dummy", "--yes",
        )  # fmt: skip
        with screen(HIVE, shell.env, cwd=ROOT) as shown:
            wait_until(lambda: "clara" in shown.text(), "the pane of clara")
            shell.hive("send", "clara", "@@tools please")
            wait_until(lambda: "turn_end" in [event["kind"] for event in shell.events("clara")], "the turn's end")
            shell.hive("wait", "clara", "--until", "idle", "--timeout", "60")
            pane = wait_until(
                lambda: text if "$ " in (text := shown.text()) and "ok" in text else "", "the tool in the pane"
            )
        events = shell.events("clara")
        kinds = [event["kind"] for event in events]
        tools = [event["payload"]["tool"] for event in events if event["kind"] == "tool_use"]
        end = next(event["payload"] for event in events if event["kind"] == "turn_end")
        expect(end["outcome"] == "ok", f"the turn must end ok, not {end}")
        expect(tools, "a tool must have been used")
        expect("tool_result" in kinds and "text" in kinds, f"results and text must be there: {kinds}")
        expect(end["ctx"] and end["cost"], "the turn must carry ctx and cost")
        said += [
            f"events: {' '.join(kinds)}",
            f"tools: {', '.join(tools)}; ctx {end['ctx']}; cost {end['cost']}",
            "the pane:",
        ]
        said += ["    " + line.rstrip() for line in pane.splitlines() if line.strip()][:24]
    return said


@contextlib.contextmanager
def loopback_model() -> Iterator[str]:
    """The stand-in for the Messages API, in a process of its own; its address."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        model = subprocess.Popen(
            [sys.executable, "-m", "tests.fakes.messages_api", "--port-file", str(port_file)],
            cwd=ROOT,
            env=os.environ.copy(),
        )
        try:
            wait_until(lambda: port_file.exists() and port_file.read_text().strip(), "the loopback model", 20)
            yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        finally:
            model.terminate()
            model.wait(20)


if __name__ == "__main__":
    print(*run(), sep="\n")
