"""The daemon as a process: one per home, private, told to stop in stages, and clear about why it does not start."""

import os
import signal
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.hive import LiveHive, SseStream, live_hive, wait_until

IDLE_KILOBYTES = 70 * 1024


def run(hive: LiveHive) -> subprocess.CompletedProcess[str]:
    """A hived in the foreground that is expected not to start."""
    return subprocess.run(
        [sys.executable, "-m", "hived.cli.hived", "run"],
        env=hive.env,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )


def test_a_second_hived_is_refused_and_says_who_runs() -> None:
    with live_hive() as hive:
        second = run(hive)
        assert second.returncode == 5
        assert second.stderr.strip() == f"error[already_running]: hived already runs for this home: pid {hive.pid}."
        assert hive.answers()


def test_everything_is_private() -> None:
    with live_hive() as hive:
        for folder in (hive.paths.data, hive.paths.run, hive.paths.agents, hive.paths.log.parent):
            assert folder.stat().st_mode & 0o777 == 0o700, folder
        for file in (hive.paths.host_socket, hive.paths.database, hive.paths.log, hive.paths.pid_file):
            assert file.stat().st_mode & 0o777 == 0o600, file
        assert hive.paths.pid_file.read_text() == f"{hive.pid}\n"


def test_what_a_killed_hived_left_is_no_hindrance() -> None:
    with live_hive() as hive:
        hive.kill()
        assert hive.paths.host_socket.exists()
        hive.start()
        assert hive.paths.pid_file.read_text() == f"{hive.pid}\n"


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_in_stages_with_open_streams(number: signal.Signals) -> None:
    with live_hive() as hive:
        stream = hive.stream("/v1/feed")
        os.kill(hive.pid, number)
        assert stream.next() is None
        stream.close()
        assert hive.process is not None
        assert hive.process.wait(60) == 0
        assert not hive.paths.host_socket.exists()
        assert not hive.paths.pid_file.exists()
        assert "error" not in hive.output().lower()
        assert "ERROR" not in hive.paths.log.read_text()


def test_shutdown_is_answered_before_it_happens() -> None:
    with live_hive() as hive:
        assert hive.post("/v1/shutdown")[0] == 202
        assert hive.process is not None
        assert hive.process.wait(60) == 0


def test_a_second_signal_forces_the_end() -> None:
    with live_hive() as hive:
        # A reader that does not read holds up the stage of the listeners.
        streams = [SseStream(hive.paths.host_socket, "/v1/feed") for _ in range(3)]
        os.kill(hive.pid, signal.SIGTERM)
        os.kill(hive.pid, signal.SIGTERM)
        assert hive.process is not None
        assert hive.process.wait(60) in (0, 128 + signal.SIGTERM)
        for stream in streams:
            stream.close()
        hive.start()


def test_an_idle_hived_is_small() -> None:
    with live_hive() as hive:
        hive.get("/v1/snapshot")
        status = Path(f"/proc/{hive.pid}/status").read_text()
        resident = int(status.partition("VmRSS:")[2].split()[0])
        assert resident < IDLE_KILOBYTES


def test_an_unknown_setting_is_named() -> None:
    with live_hive(start=False) as hive:
        (hive.home / "hive.toml").write_text("feeed_rows = 3\n")
        refused = run(hive)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error[invalid_config]: ")
        assert "feeed_rows" in refused.stderr
        assert refused.stderr.count("\n") == 1


def test_a_newer_database_is_refused_and_left_as_it_is() -> None:
    with live_hive(start=False) as hive:
        with sqlite3.connect(hive.paths.database) as database:
            database.execute("PRAGMA user_version = 9999")
        database.close()
        before = hive.paths.database.read_bytes()
        refused = run(hive)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error[database_newer]: ")
        assert hive.paths.database.read_bytes() == before


def test_a_broken_database_is_one_sentence_and_the_log_says_more() -> None:
    with live_hive(start=False) as hive:
        hive.paths.database.write_bytes(bytes(8192))
        refused = run(hive)
        assert refused.returncode == 1
        assert refused.stderr == "error[internal]: Something failed inside hived; its log says more.\n"
        assert "not a database" in hive.paths.log.read_text()


def test_a_home_that_cannot_be_made_is_one_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with live_hive({"HIVE_HOME": str(tmp_path / "file" / "home")}, start=False) as hive:
        refused = run(hive)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error[folder_unusable]: ")
        assert refused.stderr.count("\n") == 1


def test_a_home_too_deep_for_a_socket_is_refused(tmp_path: Path) -> None:
    with live_hive({"HIVE_HOME": str(tmp_path / ("x" * 100))}, start=False) as hive:
        refused = run(hive)
        assert refused.returncode == 1
        assert refused.stderr.startswith("error[path_too_long]: ")
        assert "HIVE_HOME" in refused.stderr
        assert not (tmp_path / ("x" * 100)).exists()


def test_a_log_is_read_without_what_a_terminal_would_obey() -> None:
    with live_hive(start=False, module="tests.support.fake_hived") as hive:
        (hive.home / "hive.toml").write_text("start_seconds = 100\n")
        hive.start()
        hive.spawn("ada", "command", engine_options={"command": ["cat"], "fake": "deaf"})
        path = hive.paths.agent("ada").log
        wait_until(path.exists, "the log")
        with open(path, "a") as log:
            log.write("one\n\x1b[31mtwo\x07\x1b[0m\nthree\n")
        status, answer = hive.get("/v1/agents/ada/log?lines=2")
        assert (status, answer) == (200, {"lines": ["two", "three"], "path": str(path)})
        assert hive.get("/v1/agents/nobody/log")[1]["code"] == "agent_not_found"
