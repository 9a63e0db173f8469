"""A process is known by boot, pid and start time: whoever has its number later is somebody else."""

import json
import os
import subprocess
import sys
from pathlib import Path

from hived.wire.process_identity import ProcessIdentity, boot_id, start_mark


def myself() -> ProcessIdentity:
    identity = ProcessIdentity.of(os.getpid(), 3)
    assert identity is not None
    return identity


def test_what_is_written_is_read_again_with_its_boot(tmp_path: Path) -> None:
    myself().write(tmp_path / "pid")
    assert json.loads((tmp_path / "pid").read_text())["boot"] == boot_id()
    found = ProcessIdentity.read(tmp_path / "pid")
    assert found == myself()
    assert found.alive
    assert (tmp_path / "pid").stat().st_mode & 0o777 == 0o600


def test_a_file_of_an_older_build_has_no_boot_and_is_read(tmp_path: Path) -> None:
    me = myself()
    (tmp_path / "pid").write_text(json.dumps({"pid": me.pid, "started": me.started, "generation": 3}))
    found = ProcessIdentity.read(tmp_path / "pid")
    assert found is not None
    assert (found.boot, found.alive) == ("", True)


def test_the_same_pid_and_start_after_a_reboot_is_somebody_else() -> None:
    me = myself()
    assert me.alive
    assert not ProcessIdentity(me.pid, me.started, 3, "00000000-0000-0000-0000-000000000000").alive


def test_the_same_pid_with_another_start_is_somebody_else() -> None:
    assert not ProcessIdentity(os.getpid(), "1", 3).alive


def test_a_zombie_is_dead() -> None:
    child = subprocess.Popen([sys.executable, "-c", "pass"], stdout=subprocess.PIPE)
    try:
        identity = ProcessIdentity.of(child.pid, 1)
        assert child.stdout is not None
        child.stdout.read()
        os.waitid(os.P_PID, child.pid, os.WEXITED | os.WNOWAIT)
        assert start_mark(child.pid) is None
        assert identity is None or not identity.alive
    finally:
        child.communicate()


def test_what_is_no_such_file_names_nobody(tmp_path: Path) -> None:
    assert ProcessIdentity.read(tmp_path / "none") is None
    for text in ("", "[]", "null", '"x"', '{"pid": "x"}'):
        (tmp_path / "pid").write_text(text)
        assert ProcessIdentity.read(tmp_path / "pid") is None
