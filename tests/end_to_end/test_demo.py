"""`hive demo`: a play on real parts, in a home of its own that is gone afterwards, however it ends."""

import json
import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from hived.cli.demo import summary
from hived.cli.demo_hive import demo_hive
from hived.cli.hive import main
from tests.support.hive import short_home, wait_until
from tests.verified.shell import Screen, screen

DEMO = [sys.executable, "-m", "hived.cli.hive", "demo"]
SECONDS = 200


def processes_of(home: str) -> list[int]:
    """Every process whose environment names that home."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("HIVE_HOME") == home:
                found.append(process.pid)
        except psutil.Error:
            continue
    return found


def test_headless_plays_to_the_end_and_leaves_nothing() -> None:
    other = short_home()
    try:
        done = subprocess.run(
            [*DEMO, "--headless", "--json"],
            env={**os.environ, "HIVE_HOME": str(other)}, capture_output=True, text=True, timeout=SECONDS, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stderr
        found = json.loads(done.stdout)
        assert sorted(found["agents"]) == ["builder", "queen", "scout"]
        assert found["spawn"] == {"name": "scout", "asked_by": "queen", "status": "approved"}
        assert found["work"]["builder"]["files"] == ["till/receipt.py", "till/test_receipt.py"]
        assert found["work"]["scout"]["files"] == ["README.md"]
        assert found["tests"] == "pass"
        assert list(other.iterdir()) == [], "the demo must not touch the home that HIVE_HOME names"
    finally:
        other.rmdir()
    assert not Path(found["home"]).exists()
    assert processes_of(found["home"]) == []


def test_a_terminated_demo_cleans_up_after_itself() -> None:
    demo = subprocess.Popen(
        [*DEMO, "--headless", "--pace", "1"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with demo:
        assert demo.stderr is not None
        home = demo.stderr.readline().split(" in ")[1].split(" ")[0]
        wait_until(lambda: list(Path(home).glob("agents/*/harness/agentd.pid")), "an agent at work", 60)
        demo.send_signal(signal.SIGTERM)
        assert demo.wait(60) == 128 + signal.SIGTERM
        assert "Traceback" not in demo.stderr.read()
    assert not Path(home).exists()
    assert processes_of(home) == []


def test_without_git_it_says_so_in_one_sentence(tmp_path: Path) -> None:
    done = subprocess.run(
        [*DEMO, "--headless"],
        env={**os.environ, "PATH": str(tmp_path)}, capture_output=True, text=True, timeout=SECONDS, check=False,
    )  # fmt: skip
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.endswith("git is not installed.\n")


@pytest.mark.skipif(
    shutil.which("tmux") is None and os.environ.get("HIVE_REQUIRE_TOOLS") != "1", reason="tmux is not installed"
)
def test_in_the_screen_the_operator_decides_and_leaving_ends_it() -> None:
    env = {name: value for name, value in os.environ.items() if name not in ("HIVE_HOME", "COLUMNS", "LINES")}
    with screen(f"{' '.join(DEMO)} --pace 0; echo exit $?; exec cat", env) as shown:
        until_shown(shown, "waiting on you", "scout")
        shown.keys("w")
        until_shown(shown, "approve")
        shown.keys("a")
        until_shown(shown, "▸ operator All done")
        shown.keys("q")
        until_shown(shown, "exit 0")


def until_shown(shown: Screen, *words: str) -> None:
    """Return once all of it is on the screen; the failure shows what is there instead."""
    try:
        wait_until(lambda: all(word in shown.text() for word in words), " and ".join(words), 90)
    except AssertionError as error:
        raise AssertionError(f"{error}:\n{shown.text()}") from None


def test_it_can_be_played_to_a_point_for_a_picture(capsys: pytest.CaptureFixture[str]) -> None:
    before = os.environ.get("HIVE_HOME")
    with demo_hive(pace=0) as hive:
        hive.play_to("asked")
        assert not hive.workspace("scout").exists()
        hive.play_to("done")
        assert summary(hive)["tests"] == "pass"
        capsys.readouterr()
        for inbox in (1, 0):
            assert main(["inbox", "--json"]) == 0
            unread = json.loads(capsys.readouterr().out)["messages"]
            assert [message["sender"] for message in unread] == ["queen"] * inbox, "what was shown is read"
    assert os.environ.get("HIVE_HOME") == before
