"""Looking behind links: for a bounded time, whatever file system they are on."""

import os
import threading
import time
from pathlib import Path

import pytest

from hived.core import links
from hived.core.rule_matching import Ask, Pattern, judge
from tests.support.hive import wait_until


def test_a_path_is_followed_to_where_it_leads(tmp_path: Path) -> None:
    (tmp_path / "a").symlink_to("/etc")
    assert links.real_path(f"{tmp_path}/a/../etc/passwd") == os.path.realpath("/etc/passwd")
    assert links.real_path(f"{tmp_path}/a/new") == os.path.realpath("/etc") + "/new"
    assert links.real_path("/a\0b") is None


def test_a_file_system_that_hangs_holds_nobody_up(monkeypatch: pytest.MonkeyPatch) -> None:
    """Which a FUSE mount of the agent's own can do at will."""
    goes_on = threading.Event()

    def hang(path: str) -> str:
        goes_on.wait(60)
        return path

    monkeypatch.setattr("os.path.realpath", hang)
    monkeypatch.setattr(links, "MOST_SECONDS", 0.02)
    allow, anything = Pattern("1", "Write", "/ws/**", "allow"), Pattern("2", "Write", "*", "allow")
    deny = Pattern("3", "Write", "/etc/**", "deny")
    ask = Ask("Write", {"file_path": "/ws/a", "content": "x"}, "/ws")
    try:
        assert judge([allow], ask) is None
        assert judge([anything, deny], ask) is None
        began = time.perf_counter()
        for _ in range(1000):
            assert links.real_path("/ws/a") is None
        assert time.perf_counter() - began < 10, "one look at each would be 20 s"
        assert threading.active_count() < 20
    finally:
        goes_on.set()
    wait_until(lambda: links._hanging == 0, "the look-ups' end")
    monkeypatch.undo()
    assert links.real_path("/") == "/"
