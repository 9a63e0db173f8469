"""The doctor on clones: an origin that moved, and one that is about to throw away what a clone still needs."""

from pathlib import Path

from hived.doctor.clones import clones
from tests.support.hive import paths_of
from tests.support.repositories import commit, git, make_desk


def test_without_a_clone_there_is_nothing_to_say(tmp_path: Path) -> None:
    assert clones(paths_of(tmp_path)) == []


def test_those_that_are_well_are_counted(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    make_desk(tmp_path, desk.origin, "bob")
    checks = clones(paths_of(tmp_path / "data"))
    assert [(check.state, check.detail) for check in checks] == [("ok", "2 read the objects of 1 repository in place")]


def test_an_origin_that_moved_is_named(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    desk.origin.rename(tmp_path / "elsewhere")
    (check,) = clones(paths_of(tmp_path / "data"))
    assert check.state == "failed"
    assert f"its clone reads {desk.repo}, which cannot be read" in check.detail


def test_commits_that_no_branch_has_any_more_are_kept_by_the_remedy(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    git(desk.origin, "checkout", "-q", "--orphan", "anew")
    commit(desk.origin, "a.txt", "another\n", "another beginning")
    git(desk.origin, "branch", "-D", "main")
    (check,) = clones(paths_of(tmp_path / "data"))
    assert check.state == "warning"
    assert "git gc will throw it away" in check.detail
    assert check.remedy is not None
    git(desk.origin, *check.remedy.split()[3:])
    assert [found.state for found in clones(paths_of(tmp_path / "data"))] == ["ok"]


def test_commits_that_are_gone_are_said_to_be(tmp_path: Path) -> None:
    desk = make_desk(tmp_path)
    git(desk.origin, "checkout", "-q", "--orphan", "anew")
    commit(desk.origin, "a.txt", "another\n", "another beginning")
    git(desk.origin, "branch", "-D", "main")
    git(desk.origin, "reflog", "expire", "--expire=now", "--all")
    git(desk.origin, "gc", "-q", "--prune=now")
    (check,) = clones(paths_of(tmp_path / "data"))
    assert check.state == "failed"
    assert "has thrown away the commit" in check.detail
