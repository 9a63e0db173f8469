"""A temporary hive driven as its user would: by the `hive` command alone, and by tmux where a screen is looked at."""

import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

HIVE = str(Path(sys.executable).with_name("hive"))
ROOT = Path(__file__).resolve().parents[2]
LOOK_SECONDS = 0.1


class Failed(AssertionError):
    """A promise that did not hold, in one sentence."""


def expect(condition: object, sentence: str) -> None:
    if not condition:
        raise Failed(sentence)


def wait_until(condition: Callable[[], Any], what: str, seconds: float = 60) -> Any:
    """What `condition` gives as soon as it is true; Failed when that takes too long."""
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        found = condition()
        if found:
            return found
        time.sleep(LOOK_SECONDS)
    raise Failed(f"{what} did not happen within {seconds:g} s")


class Shell:
    """One HIVE_HOME and the `hive` command in it."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.env = {**os.environ, "HIVE_HOME": str(home), "NO_COLOR": "1"}
        self.commands: list[str] = []

    def hive(self, *words: str, check: bool = True, timeout: float = 120) -> subprocess.CompletedProcess[str]:
        self.commands.append("hive " + " ".join(words))
        done = subprocess.run(
            [HIVE, *words], env=self.env, capture_output=True, text=True, timeout=timeout, check=False
        )
        if check and done.returncode:
            raise Failed(f"hive {' '.join(words)} exited {done.returncode}: {done.stderr.strip()}")
        return done

    def json(self, *words: str) -> Any:
        return json.loads(self.hive(*words, "--json").stdout)

    def events(self, name: str) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.hive("events", name, "--json").stdout.splitlines()]

    def pid(self) -> int:
        return int(self.json("status")["pid"])


@contextlib.contextmanager
def temporary_hive(config: dict[str, Any] | None = None) -> Iterator[Shell]:
    """A hive of its own in a short temporary folder, with hived up; all of it ended and removed afterwards.

    `config`: the keys of its hive.toml, each a value that reads the same in JSON.
    """
    home = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
    lines = [f"{key} = {json.dumps(value)}\n" for key, value in (config or {}).items()]
    (home / "hive.toml").write_text("".join(lines))
    shell = Shell(home)
    try:
        shell.hive("up", "--detach")
        yield shell
    finally:
        with contextlib.suppress(Failed, subprocess.TimeoutExpired):
            shell.hive("down", "--agents", check=False)
        shutil.rmtree(home, ignore_errors=True)


class Screen:
    """A terminal program in tmux: what it shows is what a person would see."""

    def __init__(self, command: str, env: dict[str, str], *, cwd: Path, columns: int = 176, lines: int = 46) -> None:
        self.socket = f"hv{os.getpid()}"
        self.env = env
        size = ["-x", str(columns), "-y", str(lines)]
        subprocess.run(
            ["tmux", "-L", self.socket, "-f", "/dev/null", "new-session", "-d", *size, command],
            env={**env, "TERM": "xterm-256color"}, cwd=cwd, check=True, timeout=20,
        )  # fmt: skip

    def text(self) -> str:
        shown = subprocess.run(
            ["tmux", "-L", self.socket, "capture-pane", "-p"], capture_output=True, text=True, check=False, timeout=20
        )
        return shown.stdout

    def keys(self, *keys: str) -> None:
        subprocess.run(["tmux", "-L", self.socket, "send-keys", *keys], check=True, timeout=20)

    def close(self) -> None:
        subprocess.run(["tmux", "-L", self.socket, "kill-server"], check=False, timeout=20, capture_output=True)


@contextlib.contextmanager
def screen(
    command: str, env: dict[str, str], *, cwd: Path = ROOT, columns: int = 176, lines: int = 46
) -> Iterator[Screen]:
    shown = Screen(command, env, cwd=cwd, columns=columns, lines=lines)
    try:
        yield shown
    finally:
        shown.close()


def kill_hard(pid: int) -> None:
    """SIGKILL, and wait until it is gone. For a pid that this script's own hive reported."""
    os.kill(pid, signal.SIGKILL)
    wait_until(
        lambda: not Path(f"/proc/{pid}").exists() or "\nState:\tZ" in Path(f"/proc/{pid}/status").read_text(),
        "its end",
        10,
    )
