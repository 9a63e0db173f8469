"""The harness's log is kept short while it runs, whoever writes to it, and what comes after is in the new one."""

import os
import subprocess
import sys
from pathlib import Path

from tests.support.hive import wait_until

FLOOD = """
import os, sys
from pathlib import Path
from agentd.log_file import keep_short
log = Path(sys.argv[1])
keep_short(log, most_bytes=10_000, look_seconds=0.02)
number = 0
while not (log.parent / "stop").exists():
    number += 1
    os.write(2, b"%08d %s\\n" % (number, b"x" * 90))
    if not number % 50:
        import time; time.sleep(0.01)
print("the last words", file=sys.stderr, flush=True)
print("of stdout too", flush=True)
"""


def run(log: Path, code: str) -> "subprocess.Popen[bytes]":
    descriptor = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o600)
    try:
        return subprocess.Popen([sys.executable, "-c", code, str(log)], stdout=descriptor, stderr=descriptor)
    finally:
        os.close(descriptor)


def test_a_flood_is_cut_to_two_files_and_the_last_words_are_there(tmp_path: Path) -> None:
    log, older = tmp_path / "agentd.log", tmp_path / "agentd.log.1"
    process = run(log, FLOOD)
    try:
        wait_until(older.exists, "the first rotation")
        first = older.stat().st_ino
        wait_until(lambda: older.stat().st_ino != first, "the second rotation")
        (tmp_path / "stop").touch()
        assert process.wait(60) == 0
    finally:
        process.kill()
        process.wait()
    lines = (older.read_text() + log.read_text()).splitlines()
    assert lines[-2:] == ["the last words", "of stdout too"]
    numbers = [int(line.split()[0]) for line in lines[:-2]]
    assert numbers == list(range(numbers[0], numbers[-1] + 1)), "no line is lost or cut where one ends and one begins"
    assert log.stat().st_mode & 0o777 == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["agentd.log", "agentd.log.1", "stop"]


def test_a_stderr_that_is_no_log_is_left_alone(tmp_path: Path) -> None:
    log = tmp_path / "agentd.log"
    log.write_text("x" * 50_000)
    code = "import sys; from pathlib import Path; from agentd.log_file import rotate; rotate(Path(sys.argv[1]), 10)"
    done = subprocess.run([sys.executable, "-c", code, str(log)], capture_output=True, timeout=30, check=False)
    assert done.returncode == 0
    assert log.stat().st_size == 50_000
    assert not (tmp_path / "agentd.log.1").exists()
