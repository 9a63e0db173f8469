"""What a scripted agent does for real: files below its workspace or its state, and shell commands. Standard library only."""

import os
import signal
import subprocess
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

MOST_BYTES = 256 * 1024
"""Of a command's output or a file: what is shown."""
LOOK_SECONDS = 0.02
STATE = "state:"
"""A path that begins so lies in the agent's state folder."""


class Refused(Exception):
    """A path that leads out of the agent's own folders, or an edit that does not fit."""


@dataclass(frozen=True, slots=True)
class Result:
    text: str
    is_error: bool = False


class Deeds:
    """Every path is followed to its end before it is used, so that no link leads out."""

    def __init__(self, workspace: Path, state: Path) -> None:
        self._workspace = workspace.resolve()
        self._state = state.resolve()

    def is_there(self, path: str) -> bool:
        try:
            return self._inside(path).exists()
        except Refused:
            return False

    def read(self, path: str) -> Result:
        with self._inside(path).open("rb") as file:
            return Result(file.read(MOST_BYTES).decode("utf-8", "replace"))

    def write(self, path: str, text: str) -> Result:
        target = self._inside(path)
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")
        return Result(f"wrote {len(text.encode())} bytes to {path}")

    def edit(self, path: str, find: str, replace: str) -> Result:
        target = self._inside(path)
        text = target.read_text(encoding="utf-8")
        count = text.count(find)
        if count != 1:
            raise Refused(f"{find!r} is in {path} {count} times, not once")
        target.write_text(text.replace(find, replace), encoding="utf-8")
        return Result(f"edited {path}")

    def shell(self, command: str, seconds: float, check: Callable[[], None]) -> Result:
        """Run it in the workspace. `check` is called meanwhile; what it raises ends the command, and is raised here."""
        with tempfile.TemporaryFile() as output:
            child = subprocess.Popen(
                ["/bin/sh", "-c", command],
                cwd=self._workspace,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )
            try:
                late = self._wait(child, seconds, check)
            finally:
                if child.poll() is None:
                    os.killpg(child.pid, signal.SIGKILL)
                    child.wait()
            output.seek(0)
            text = output.read(MOST_BYTES).decode("utf-8", "replace")
        if late:
            return Result(f"{text}\n(ended after {seconds:g} s)", is_error=True)
        if child.returncode:
            return Result(f"{text}\n(exit code {child.returncode})", is_error=True)
        return Result(text)

    def _wait(self, child: "subprocess.Popen[bytes]", seconds: float, check: Callable[[], None]) -> bool:
        """True where it ran out of time."""
        deadline = time.monotonic() + seconds
        while True:
            check()
            try:
                child.wait(LOOK_SECONDS)
            except subprocess.TimeoutExpired:
                if time.monotonic() > deadline:
                    return True
            else:
                return False

    def _inside(self, path: str) -> Path:
        in_state = path.startswith(STATE)
        found = (self._state / path.removeprefix(STATE) if in_state else self._workspace / path).resolve()
        if not any(found.is_relative_to(folder) for folder in (self._workspace, self._state)):
            raise Refused(f"{path} leads out of the agent's workspace and state")
        return found
