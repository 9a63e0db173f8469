"""Cut payloads made whole again, from plain files of one folder and from nothing else."""

import os
from pathlib import Path
from typing import Any

import pytest

from agentd.event_lines import cut
from hived.core.overflow import made_whole

LONG = "long " * 100_000


class Folder:
    def __init__(self, path: Path) -> None:
        self.path = path
        self.kept = 0

    def keep(self, text: str) -> str:
        self.kept += 1
        (self.path / f"{self.kept}.txt").write_text(text, encoding="utf-8")
        return f"{self.kept}.txt"


@pytest.fixture
def folder(tmp_path: Path) -> Folder:
    return Folder(tmp_path)


@pytest.mark.parametrize(
    "payload",
    [
        {"text": LONG},
        {"tool": "Write", "input": {"file.path": "a", "content": LONG}},
        {"input": {"a.b": {"c": LONG}, "a": {"b.c": "other"}}},
        {"input": {"edits": [{"old": "x"}, {"new": LONG}]}},
        {"a": LONG, "b": LONG + "b"},
        {"many": [f"{number} " * 30 for number in range(20_000)]},
    ],
)
def test_what_the_journal_cut_comes_back_whole(folder: Folder, payload: dict[str, Any]) -> None:
    short = cut(payload, folder.keep)
    assert short != payload
    assert made_whole(short, folder.path) == (payload, 0)


def test_a_payload_that_was_not_cut_is_as_it_is(folder: Folder) -> None:
    assert made_whole({"text": "a"}, folder.path) == ({"text": "a"}, 0)


@pytest.mark.parametrize("name", ["gone.txt", "", "../secret", "/etc/passwd", "link", "fifo", "..", "a\0b", None, 5])
def test_no_name_leads_out_and_what_is_no_file_is_still_cut(tmp_path: Path, name: Any) -> None:
    (tmp_path / "secret").write_text("secret")
    folder = tmp_path / "overflow"
    folder.mkdir()
    (folder / "link").symlink_to(tmp_path / "secret")
    os.mkfifo(folder / "fifo")
    payload = {"text": "begun", "cut": {"text": {"bytes": 9, "file": name}}}
    assert made_whole(payload, folder) == ({"text": "begun"}, 1)


@pytest.mark.parametrize(
    "cuts", [{"no.such": {"file": "1.txt"}}, {"text.deep": {"file": "1.txt"}}, {"list.9": {"file": "1.txt"}}]
)
def test_a_cut_of_what_is_not_there_changes_nothing(folder: Folder, cuts: dict[str, Any]) -> None:
    folder.keep("words")
    payload: dict[str, Any] = {"text": "a", "list": ["b"]}
    assert made_whole({**payload, "cut": cuts}, folder.path)[0] == payload
