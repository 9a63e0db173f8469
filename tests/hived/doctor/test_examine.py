"""`hive doctor`, with hived and without, and `GET /v1/doctor`: every check once, in one document."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived.doctor import examine as examining
from hived.doctor import machine
from hived.wire.doctor import Check, DoctorReport
from hived.wire.errors import Internal
from tests.support.hive import LiveHive, live_hive, paths_of, short_home

NAMES = {
    "python", "hived", "folder data", "folder run", "folder agents", "socket paths", "disk", "database", "hive.toml",
    "secrets.toml", "git", "runtimes", "engines", "engine command", "engine scripted",
}  # fmt: skip


@pytest.fixture(scope="module")
def hive() -> Iterator[LiveHive]:
    with live_hive() as made:
        yield made


def doctor(home: Path, *words: str) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [sys.executable, "-m", "hived.cli.hive", "doctor", *words],
        env={**os.environ, "HIVE_HOME": str(home)},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )


def report_of(done: "subprocess.CompletedProcess[str]") -> DoctorReport:
    return DoctorReport.model_validate_json(done.stdout)


def test_without_hived_every_check_is_made_and_nothing_is_left_behind() -> None:
    home = short_home()
    done = doctor(home, "--json")
    report = report_of(done)
    assert (done.returncode, report.state) == (0, "warning"), done
    assert {check.name for check in report.checks} >= NAMES
    assert {check.name: check.state for check in report.checks}["hived"] == "warning"
    assert {engine.kind for engine in report.engines} >= {"claude", "acp", "api", "command", "scripted"}
    home.rmdir()  # fails where something was left in it


def test_with_hived_both_sides_say_the_same(hive: LiveHive) -> None:
    here, there = report_of(doctor(hive.home, "--json")), report_of(doctor(hive.home, "--hived", "--json"))
    assert [check.name for check in here.checks] == [check.name for check in there.checks]
    assert {check.name: check.state for check in here.checks}["hived"] == "ok"
    assert {check.name: check.state for check in there.checks}["hived"] == "ok"
    status, answer = hive.get("/v1/doctor")
    assert status == 200
    assert DoctorReport.model_validate(answer).build == here.build


def test_people_read_each_check_with_its_remedy(hive: LiveHive) -> None:
    said = doctor(hive.home).stdout
    for name in NAMES:
        assert name in said
    assert "→ " in said
    assert "\x1b" not in said


def test_what_failed_is_the_exit_code() -> None:
    home = short_home()
    (home / "hive.toml").write_text("colour = 'red'\n")
    done = doctor(home)
    assert done.returncode == 1
    assert "colour" in done.stdout
    assert "1 failed" in done.stdout
    as_json = doctor(home, "--json")
    assert as_json.returncode == 1
    assert json.loads(as_json.stdout)["state"] == "failed"
    (home / "hive.toml").unlink()
    home.rmdir()


async def test_a_check_that_breaks_is_a_failed_check_and_hides_no_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Check:
        raise RuntimeError("oh\nno")

    async def no_agentd(*words: str) -> object:
        raise Internal(f"agentd {words[0]} exited with code 1: \nboom")

    monkeypatch.setattr(machine, "git", broken)
    monkeypatch.setattr(examining, "ask_agentd", no_agentd)
    report = await examining.examine(paths_of(tmp_path), from_shell=True)
    states = {check.name: (check.state, check.detail) for check in report.checks}
    assert states["git"] == ("failed", "the check itself broke: RuntimeError: oh no")
    assert states["engines"] == ("failed", "agentd engines exited with code 1: boom")
    assert states["runtimes"][0] == "failed"
    assert states["python"][0] == "ok"
    assert report.state == "failed"
