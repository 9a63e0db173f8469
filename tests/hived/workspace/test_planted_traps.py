"""The test that matters: a clone in which everything that git would run is a trap. Every operation of ours goes by them all."""

import contextlib
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hived.workspace.fetching import fetch_home
from hived.workspace.work import look, read_work
from tests.support.repositories import Desk, git, plant


@pytest.fixture
def marks(desk: Desk, tmp_path: Path) -> Path:
    """The folder in which a trap that was sprung would leave its mark."""
    desk.commit("c.txt", "c\n", "committed")
    folder = tmp_path / "marks"
    plant(desk.work, folder)
    (desk.work / "a.txt").write_text("changed\n")
    (desk.work / "new.txt").write_text("new\n")
    (desk.work / "x.other").write_text("other\n")
    for mark in folder.iterdir():
        mark.unlink()
    return folder


def sprung(marks: Path) -> list[str]:
    return sorted(os.listdir(marks))


def test_the_traps_are_live(desk: Desk, marks: Path) -> None:
    """git in the clone itself springs them, so the tests below prove something."""
    spring = [
        ["status"], ["diff"], ["diff", "--no-ext-diff"], ["add", "a.txt", "x.other"], ["commit", "-qm", "x"],
        ["update-ref", "refs/heads/y", "HEAD"],
    ]  # fmt: skip
    for words in spring:
        with contextlib.suppress(AssertionError):
            desk.git(*words)
    expected = {
        "core.fsmonitor", "diff.trap.command", "diff.trap.textconv", "filter.trap.process", "include.path", "pre-commit",
        "post-index-change", "reference-transaction",
    }  # fmt: skip
    assert expected <= set(sprung(marks))


def looked(desk: Desk) -> None:
    state = look(desk.paths, desk.repo)
    assert (state.known, state.commits, state.merged) == (True, 1, False)
    assert state.changed == 6  # a.txt, new.txt, x.other, .gitattributes, nested/, module/


def listed(desk: Desk) -> None:
    read = read_work(desk.paths, desk.repo, patch=True)
    assert {file.path for file in read.files} == {"a.txt", "c.txt", "new.txt", "x.other", ".gitattributes"}
    assert read.patch is not None
    assert "-one\n+changed\n" in read.patch
    assert "+other\n" in read.patch
    assert [commit.subject for commit in read.commits] == ["committed"]


def brought_home(desk: Desk) -> None:
    fetched = fetch_home(desk.paths, desk.repo)
    assert fetched.commits == 1
    assert git(desk.origin, "show", "hive/ada:c.txt") == "c"


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("deed", [looked, listed, brought_home], ids=lambda deed: deed.__name__)
def test_none_is_sprung_and_the_answer_is_right(desk: Desk, marks: Path, deed: Callable[[Desk], None]) -> None:
    deed(desk)
    deed(desk) if deed is not brought_home else None
    assert sprung(marks) == []
