"""hived's log: one line a record, private, bounded."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived import logs


@pytest.fixture
def log_file(tmp_path: Path) -> Iterator[Path]:
    level = logging.getLogger().level
    logs.start_logging(tmp_path / "hived.log")
    yield tmp_path / "hived.log"
    logs.stop_logging()
    logging.getLogger().setLevel(level)


def test_a_record_is_one_line_whatever_is_in_it(log_file: Path) -> None:
    try:
        raise ValueError("a\nb\x1b[2J\ud800")
    except ValueError:
        logging.getLogger("hived.test").exception("it failed:\n%s", "x\n2026-01-01 INFO forged")
    lines = log_file.read_text().splitlines()
    assert len(lines) == 1
    assert "ValueError" in lines[0]
    assert "\x1b" not in lines[0]


def test_the_file_is_private_and_rotates(log_file: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for _ in range(2500):
        logging.getLogger("hived.test").info("x" * 1000)
    assert log_file.stat().st_mode & 0o777 == 0o600
    assert log_file.stat().st_size <= logs.MAX_BYTES
    assert log_file.with_name("hived.log.1").stat().st_mode & 0o777 == 0o600


def test_the_last_lines_of_a_log_come_without_empty_ones(tmp_path: Path) -> None:
    path = tmp_path / "log"
    assert logs.last_lines(path, 3) == []
    path.write_bytes(b"one\n\ntwo \xff\n\x1b[1mthree\x1b[0m\n\n")
    assert logs.last_lines(path, 2) == ["two \N{REPLACEMENT CHARACTER}", "three"]
