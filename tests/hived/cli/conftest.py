"""One real hived for the tests of a module, and the command run against it in this process."""

import json
import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from hived.cli.hive import main
from tests.support.hive import LiveHive, live_hive

HOSTILE = "\x1b[31mred\x1b]0;title\x07 \x9b2J\u202eevil\r"
TALKER = """\
import sys
prompt = sys.stdin.read()
print("first line")
print({hostile!r})
if "die" in prompt:
    sys.exit("it broke")
"""


class Said(NamedTuple):
    code: int
    out: str
    err: str

    def json(self) -> Any:
        assert self.code == 0, self
        return json.loads(self.out)

    def lines(self) -> list[Any]:
        assert self.code == 0, self
        return [json.loads(text) for text in self.out.splitlines()]

    def fails(self, exit_code: int, error: str) -> None:
        assert (self.code, self.out) == (exit_code, ""), self
        assert self.err.startswith(f"error[{error}]: "), self
        assert self.err.count("\n") == 1, self


class Shell:
    """`shell("ls", "--json")` is `hive ls --json` on that home."""

    def __init__(self, hive: LiveHive, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
        self.hive = hive
        self._capsys = capsys
        monkeypatch.setenv("HIVE_HOME", str(hive.home))

    def __call__(self, *words: str) -> Said:
        self._capsys.readouterr()
        code = main(words)
        said = self._capsys.readouterr()
        return Said(code, said.out, said.err)

    def talker(self, name: str) -> dict[str, Any]:
        """An agent on the command engine whose words are hostile, online."""
        script = self.hive.home / "talker.py"
        script.write_text(TALKER.format(hostile=HOSTILE), encoding="utf-8")
        approval: dict[str, Any] = self(
            "spawn", name, "--engine", "command", "--command", f"{sys.executable} {script}", "--yes", "--json"
        ).json()
        return approval


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    with live_hive() as made:
        yield made


@pytest.fixture
def shell(hive: LiveHive, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> Shell:
    return Shell(hive, capsys, monkeypatch)


def hive_environment(home: Path) -> dict[str, str]:
    return {**os.environ, "HIVE_HOME": str(home)}
