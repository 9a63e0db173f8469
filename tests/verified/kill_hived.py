"""kill -9 of hived in mid-turn, again and again: no event and no message is lost or doubled."""

import sys
import tempfile
from functools import partial
from pathlib import Path

from tests.verified.shell import Shell, expect, kill_hard, temporary_hive, wait_until

LINES = 400
KILLS = 3
MESSAGES = 5
TALKER = """import sys, time
prompt = sys.stdin.read()
for number in range(int(sys.argv[1])):
    print(f"line {number}", flush=True)
    time.sleep(0.01)
"""


def run() -> list[str]:
    said: list[str] = []
    with tempfile.TemporaryDirectory(prefix="talker") as outside, temporary_hive() as shell:
        script = Path(outside, "talker.py")  # nothing in the hive's own folders is there for an agent
        script.write_text(TALKER)
        shell.hive("spawn", "talker", "--engine", "command", "--command", f"{sys.executable} {script} {LINES}", "--yes")
        for number in range(MESSAGES):
            shell.hive("send", "talker", f"go {number}")
        for number in range(KILLS):
            already = len(texts(shell))
            wait_until(partial(grown, shell, already + 20), "the turn going on")
            pid = shell.pid()
            kill_hard(pid)
            expect(shell.hive("ls", check=False).returncode == 3, "with hived dead, `hive ls` must exit 3")
            shell.hive("send", "talker", "lost?", check=False)
            shell.hive("up", "--detach")
            said.append(
                f"kill {number + 1}: hived {pid} killed in mid-turn at {already} lines; hived {shell.pid()} took over"
            )
            wait_until(lambda: shell.json("show", "talker")["online"], "talker being online again", 5)
        shell.hive("wait", "talker", "--until", "idle", "--timeout", "120")
        wait_until(lambda: all_acked(shell), "every message being acked")
        events = shell.events("talker")
        ids = [event["id"] for event in events]
        expect(ids == list(range(1, len(ids) + 1)), "event ids must run from 1 without a gap or a double")
        ends = [event["payload"] for event in events if event["kind"] == "turn_end"]
        expect(all(end["outcome"] == "ok" for end in ends), "every turn must end ok")
        settled = [message for end in ends for message in end["message_ids"]]
        expect(
            len(settled) == len(set(settled)) == MESSAGES, f"{MESSAGES} messages must be acked once each, not {settled}"
        )
        lines = texts(shell)
        expect(
            lines == [f"line {n}" for n in range(LINES)] * len(ends),
            "every line of every turn must be there once, in order",
        )
        harnesses = {shell.json("show", "talker")["generation"]}
        expect(harnesses == {1}, "the harness must have worked on, not been started again")
        said.append(
            f"{len(ends)} turns, {len(lines)} lines, {len(events)} events with ids 1..{len(ids)}, {MESSAGES} messages acked once each"
        )
    return said


def grown(shell: Shell, beyond: int) -> bool:
    return len(texts(shell)) > beyond


def texts(shell: Shell) -> list[str]:
    return [event["payload"]["text"] for event in shell.events("talker") if event["kind"] == "text"]


def all_acked(shell: Shell) -> bool:
    listing = shell.hive("messages", "--agent", "talker", "--json").stdout
    return listing.count('"acked"') >= MESSAGES


if __name__ == "__main__":
    print(*run(), sep="\n")
