"""One harness as a process: its end is noticed, its exit said, its log kept short, and only itself is ever signalled."""

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest

from hived.paths import AgentPaths
from hived.supervision import process
from hived.supervision.process import Exit, Harness, allowed_environment, end_tree, send, start_harness
from hived.wire.process_identity import ProcessIdentity


def start(folder: Path, code: str, ended: asyncio.Event) -> Harness:
    return start_harness(
        [sys.executable, "-c", code],
        cwd=folder,
        log_file=folder / "log",
        env={"PATH": os.defpath},
        generation=1,
        on_exit=ended.set,
    )


@pytest.mark.parametrize("notice", ["pidfd", "polling"])
async def test_an_end_is_noticed_with_its_code(notice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    if notice == "polling":
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.setattr(process, "POLL_SECONDS", 0.01)
    ended = asyncio.Event()
    harness = start(tmp_path, "print('last words'); raise SystemExit(7)", ended)
    async with asyncio.timeout(20):
        await ended.wait()
    assert harness.exit == Exit(7)
    assert (tmp_path / "log").read_text() == "last words\n"
    assert (tmp_path / "log").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("notice", ["pidfd", "polling"])
async def test_an_adopted_process_is_noticed_too_and_its_code_is_nobodys(
    notice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if notice == "polling":
        monkeypatch.delattr(os, "pidfd_open")
        monkeypatch.setattr(process, "POLL_SECONDS", 0.01)
    started, ended = asyncio.Event(), asyncio.Event()
    own = start(tmp_path, "import time; time.sleep(100)", started)
    adopted = process.adopted_harness(own.identity, ended.set)
    async with asyncio.timeout(20):
        await end_tree(adopted, AgentPaths("ada", tmp_path, tmp_path))
        await ended.wait()
        await started.wait()
    assert adopted.exit == Exit(None)
    assert own.exit == Exit(-signal.SIGTERM)


async def test_a_process_of_another_start_time_is_never_signalled(tmp_path: Path) -> None:
    ended = asyncio.Event()
    harness = start(tmp_path, "import time; time.sleep(100)", ended)
    send(ProcessIdentity(harness.pid, "another", 1), signal.SIGKILL)
    assert harness.identity.alive
    async with asyncio.timeout(20):
        await end_tree(harness, AgentPaths("ada", tmp_path, tmp_path))


async def test_a_mark_that_could_be_anybodys_ends_nobody(tmp_path: Path) -> None:
    ended = asyncio.Event()
    harness = start(tmp_path, "import time; time.sleep(100)", ended)
    (tmp_path / "harness").mkdir()
    for mark in ("", "1.", "PATH", "1.x"):
        (tmp_path / "harness" / "engine.mark").write_text(mark)
        assert process.tree_of(harness, AgentPaths("ada", tmp_path, tmp_path)) == frozenset()
    async with asyncio.timeout(20):
        await end_tree(harness, AgentPaths("ada", tmp_path, tmp_path))


async def test_a_long_log_is_put_aside_at_the_next_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "MAX_LOG_BYTES", 10)
    (tmp_path / "log").write_text("x" * 11)
    ended = asyncio.Event()
    start(tmp_path, "print('new')", ended)
    async with asyncio.timeout(20):
        await ended.wait()
    assert (tmp_path / "log").read_text() == "new\n"
    assert (tmp_path / "log.1").read_text() == "x" * 11


def test_the_environment_is_an_allow_list() -> None:
    given = {
        "PATH": "p",
        "LC_ALL": "c",
        "HIVE_HOME": "h",
        "AWS_SECRET": "s",
        "LD_PRELOAD": "l",
        "PYTHONPATH": "x",
        "KEY": "k",
    }
    assert allowed_environment(given) == {"PATH": "p", "LC_ALL": "c", "HIVE_HOME": "h"}
    assert allowed_environment(given, ["KEY", "MISSING"])["KEY"] == "k"


@pytest.mark.parametrize(
    ("code", "sentence"),
    [
        (0, "it exited with code 0"),
        (-9, "it was ended by SIGKILL"),
        (-250, "it was ended by signal 250"),
        (None, "it ended"),
    ],
)
def test_an_exit_is_said_in_words(code: int | None, sentence: str) -> None:
    assert Exit(code).sentence == sentence
