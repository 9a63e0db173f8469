"""The operator's command: run once for each thing that waits, with the text as one argument, and not while somebody looks."""

import json
import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hived.supervision import notifier
from hived.supervision.notifier import run_command
from hived.wire.process_identity import start_mark
from tests.support.hive import LiveHive, SseStream, live_hive, wait_until

TELLER = """
import json, os, sys, time
with open({out!r}, "a") as out:
    said = {{key: value for key, value in os.environ.items() if key.startswith("HIVE_NOTICE_")}}
    out.write(json.dumps({{"argv": sys.argv[1:], "env": said, "stdin": sys.stdin.read(), "alone": os.getpgrp() == os.getpid()}}) + "\\n")
sys.stdout.write("x" * 1_000_000)
while os.path.exists({hold!r}):
    time.sleep(0.02)
sys.exit({code})
"""


class Told:
    """A hive whose notify command writes down how it was run."""

    def __init__(self, hive: LiveHive) -> None:
        self.hive = hive
        self.out = hive.home / "told.jsonl"
        self.hold = hive.home / "hold"
        self.script = hive.home / "teller.py"
        self.tell_with([sys.executable, str(self.script), "--first"])

    def tell_with(self, command: list[str], code: int = 0) -> None:
        self.script.write_text(TELLER.format(out=str(self.out), hold=str(self.hold), code=code))
        (self.hive.home / "hive.toml").write_text(f"notify = {json.dumps(command)}\n")

    @property
    def runs(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.out.read_text().splitlines()] if self.out.exists() else []

    @property
    def texts(self) -> list[str]:
        return [run["argv"][-1] for run in self.runs]

    def ask(self, name: str) -> str:
        status, asked = self.hive.post(
            "/v1/agents", {"name": name, "engine": "command", "engine_options": {"command": "cat"}}
        )
        assert status == 202, asked
        return str(asked["id"])

    def until_told(self, count: int) -> None:
        wait_until(lambda: len(self.runs) >= count, f"{count} runs of the command")

    @property
    def log(self) -> str:
        return self.hive.paths.log.read_text()


@pytest.fixture
def told() -> Iterator[Told]:
    with live_hive(start=False) as hive:
        yield Told(hive)


def focused_feed(hive: LiveHive, client: str = "screen-1") -> SseStream:
    stream = hive.stream(f"/v1/feed?client_id={client}&focused=true")
    wait_until(lambda: hive.post("/v1/presence", {"client_id": client, "focused": True})[1]["attached"], "the feed")
    return stream


def test_a_thing_that_waits_is_told_once_as_one_argument_whatever_restarts(told: Told) -> None:
    told.hive.start()
    approval = told.ask("ada")
    told.until_told(1)
    told.hive.kill()
    told.hive.start()
    told.ask("bob")
    told.until_told(2)
    first, second = told.runs
    assert first["argv"][0] == "--first"
    assert first["argv"][1].startswith("hive: you asked for it, and it waits on your word: spawn ada")
    assert len(first["argv"]) == 2
    assert first["env"] == {
        "HIVE_NOTICE_KIND": "spawn", "HIVE_NOTICE_COUNT": "1", "HIVE_NOTICE_AGENT": "", "HIVE_NOTICE_ID": approval,
    }  # fmt: skip
    assert (first["stdin"], first["alone"]) == ("", True)
    assert "spawn bob" in second["argv"][1]


def test_what_comes_together_is_told_together_and_what_is_decided_by_then_is_not(told: Told) -> None:
    told.hold.touch()
    told.hive.start()
    told.ask("first")
    told.until_told(1)  # and that command runs on, so what comes now is told after it
    for name in ("ada", "bob", "eve"):
        told.ask(name)
    gone = told.ask("gone")
    assert told.hive.post(f"/v1/approvals/{gone}/deny", {})[0] == 200
    told.hold.unlink()
    told.until_told(2)
    assert told.texts[1:] == ["hive: 3 things wait: 3 spawns"]


def test_nothing_is_run_while_a_screen_has_the_focus_and_what_came_then_counts_as_seen(told: Told) -> None:
    told.hive.start()
    screen = focused_feed(told.hive)
    told.ask("seen")
    answer = told.hive.post("/v1/presence", {"client_id": "screen-1", "focused": False})[1]
    assert answer == {"client_id": "screen-1", "attached": True, "focused": False, "somebody": False}
    told.ask("after")
    told.until_told(1)
    screen.close()
    assert [text.split("spawn ")[1].split()[0] for text in told.texts] == ["after"]


def test_presence_ends_with_the_feed_and_counts_for_nothing_without_one(told: Told) -> None:
    told.hive.start()
    said = {"client_id": "screen-1", "focused": True}
    assert told.hive.post("/v1/presence", said)[1]["attached"] is False
    screen = focused_feed(told.hive)
    assert told.hive.post("/v1/presence", said)[1]["somebody"] is True
    screen.close()
    wait_until(lambda: not told.hive.post("/v1/presence", said)[1]["attached"], "the end of its presence")
    told.ask("ada")
    told.until_told(1)
    assert "spawn ada" in told.texts[0]


@pytest.mark.parametrize(
    "said",
    [{"client_id": "a b", "focused": True}, {"client_id": "", "focused": True}, {"focused": True}, {"client_id": "a"}],
)
def test_a_presence_that_makes_no_sense_is_refused(told: Told, said: dict[str, Any]) -> None:
    told.hive.start()
    status, answer = told.hive.post("/v1/presence", said)
    assert (status, answer["code"]) == (400, "invalid_request")


def test_a_command_that_fails_or_is_not_there_is_one_line_in_the_log(told: Told) -> None:
    told.tell_with([sys.executable, str(told.script)], code=3)
    told.hive.start()
    for count, name in enumerate(("ada", "bob"), 1):
        told.ask(name)
        told.until_told(count)
    told.hive.stop()
    assert told.log.count("it ended with code 3") == 1
    told.tell_with(["/nowhere/notify-send"])
    told.hive.start()
    told.ask("eve")
    wait_until(lambda: "No such file or directory" in told.log, "the line in the log")
    assert told.hive.get("/v1/health")[0] == 200


async def test_a_command_that_does_not_end_is_ended_with_its_group(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(notifier, "RUN_SECONDS", 3.0)
    pids = tmp_path / "pids"
    script = f"trap '' TERM; sleep 60 & echo $! > {pids}.new; mv {pids}.new {pids}; wait"
    trouble = await run_command(["sh", "-c", script, "hive: x"], dict(os.environ))
    assert trouble == "it took longer than 3 s and was ended"
    wait_until(lambda: start_mark(int(pids.read_text())) is None, "its end")


async def test_what_a_command_leaves_behind_holds_nobody_up(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    assert await run_command(["sh", "-c", f"sleep 600 & echo $! > {pid}", "hive: x"], dict(os.environ)) == ""
    os.kill(int(pid.read_text()), signal.SIGKILL)  # it runs on: nobody waited for it


async def test_what_a_failing_command_says_is_kept_short_and_clean() -> None:
    trouble = await run_command(["sh", "-c", r"printf 'no \033[31mdisplay\n\nhere'; exit 4"], dict(os.environ))
    assert trouble == "it ended with code 4: no [31mdisplay here"
