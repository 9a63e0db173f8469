"""The doctor on the machine and on hived itself."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived.doctor import machine, running
from hived.wire.agents import EngineFound
from hived.wire.errors import Internal, ProtocolMismatch
from hived.wire.protocol import BUILD
from tests.hived.cli.told import ToldHived
from tests.support.hive import LiveHive, live_hive, short_home


def test_an_old_python_fails() -> None:
    assert machine.python().state == "ok"
    check = machine.python((3, 10, 1))
    assert check.state == "failed"
    assert "3.11" in check.remedy


def test_git_is_run_and_not_only_looked_for(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert machine.git().state == "ok"
    monkeypatch.setenv("PATH", str(tmp_path))
    assert machine.git().state == "warning"
    broken = tmp_path / "git"
    broken.write_text("#!/bin/sh\necho 'no such library' >&2\nexit 127\n")
    broken.chmod(0o755)
    check = machine.git()
    assert check.state == "failed"
    assert "no such library" in check.detail


def limits(folder: Path, watches: int, instances: int) -> Path:
    (folder / "max_user_watches").write_text(f"{watches}\n")
    (folder / "max_user_instances").write_text(f"{instances}\n")
    return folder


def test_file_watching_is_tried(tmp_path: Path) -> None:
    good = machine.file_watching(tmp_path, limits(tmp_path, 100_000, 128))
    assert good is not None
    assert good.state == "ok"
    few = machine.file_watching(tmp_path, limits(tmp_path, 1000, 128))
    assert few is not None
    assert few.state == "warning"
    assert "sysctl" in few.remedy
    gone = machine.file_watching(tmp_path / "not there", tmp_path)
    assert gone is not None
    assert gone.state == "failed"
    assert machine.file_watching(tmp_path, tmp_path / "no inotify here") is None


def test_without_a_terminal_there_is_no_word_about_it() -> None:
    assert machine.terminal() is None


@pytest.mark.parametrize(
    ("environment", "size", "state"),
    [
        ({"TERM": "xterm-256color"}, (80, 24), "ok"),
        ({"TERM": "xterm-256color", "NO_COLOR": "1"}, (200, 50), "ok"),
        ({"TERM": "dumb"}, (80, 24), "warning"),
        ({}, (80, 24), "warning"),
        ({"TERM": "xterm"}, (79, 24), "warning"),
        ({"TERM": "xterm"}, (80, 23), "warning"),
    ],
)
def test_a_terminal_that_cannot_show_the_screen_is_a_warning(
    monkeypatch: pytest.MonkeyPatch, environment: dict[str, str], size: tuple[int, int], state: str
) -> None:
    monkeypatch.setattr("sys.stdout", _Terminal())
    monkeypatch.setattr("shutil.get_terminal_size", lambda fallback=(80, 24): os.terminal_size(size))
    check = machine.terminal(environment)
    assert check is not None
    assert check.state == state
    assert bool(check.remedy) is (state != "ok")


class _Terminal:
    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


# hived


@pytest.fixture
def told() -> Iterator[ToldHived]:
    home = short_home()
    made = ToldHived(home)
    yield made
    made.close()
    (home / "run" / "host.sock").unlink()
    (home / "run").rmdir()
    home.rmdir()


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    with live_hive() as made:
        yield made


def test_a_hived_that_runs_is_named_by_its_pid(hive: LiveHive) -> None:
    check = running.hived(hive.paths.host_socket)
    assert check.state == "ok"
    assert f"pid {hive.pid}" in check.detail


def test_no_hived_is_a_warning_and_says_how_to_start_it(tmp_path: Path) -> None:
    check = running.hived(tmp_path / "host.sock")
    assert (check.state, check.remedy) == ("warning", "hive up --detach")


def test_another_build_is_a_warning_and_another_protocol_fails(told: ToldHived) -> None:
    socket = told.home / "run" / "host.sock"
    told.answers["GET /v1/version"] = {"build": "hivetui 9", "protocol": 2, "version": "9"}
    told.answers["GET /v1/health"] = {"pid": 1, "started_at": "x"}
    check = running.hived(socket)
    assert check.state == "warning"
    assert "hivetui 9" in check.detail
    assert BUILD in check.detail
    told.answers["GET /v1/version"] = ProtocolMismatch(theirs="9", build="hivetui 9", ours=2)
    assert running.hived(socket).state == "failed"


def test_an_engine_that_only_this_shell_finds_is_a_warning(told: ToldHived) -> None:
    socket = told.home / "run" / "host.sock"
    claude, codex = EngineFound(kind="claude", found=True), EngineFound(kind="acp", preset="codex-acp", found=True)
    told.answers["GET /v1/engines"] = {"engines": [claude.model_dump()], "runtimes": []}
    assert running.same_engines(socket, [claude]) is None
    check = running.same_engines(socket, [claude, codex, EngineFound(kind="acp", preset="goose", found=False)])
    assert check is not None
    assert check.state == "warning"
    assert check.detail.startswith("acp codex-acp: ")
    assert running.same_engines(socket.with_name("none.sock"), [claude]) is None


def test_a_hived_that_is_not_well_fails(told: ToldHived) -> None:
    told.otherwise = Internal()
    assert running.hived(told.home / "run" / "host.sock").state == "failed"
