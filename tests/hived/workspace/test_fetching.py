"""Commits brought home: by SHA, checked whole, one ref; nothing that the operator works on is touched, nothing is lost."""

import os
from pathlib import Path

import pytest

from hived.wire.errors import FetchRefused
from hived.workspace import fetching
from hived.workspace.fetching import fetch_home
from hived.workspace.work import look
from tests.support.repositories import Desk, commit, git


def refusal(desk: Desk, branch: str | None = None, of: str | None = None) -> str:
    with pytest.raises(FetchRefused) as caught:
        fetch_home(desk.paths, desk.repo, branch, of)
    assert caught.value.message.startswith("The work of ada cannot be brought home: ")
    assert "\n" not in caught.value.message
    return str(caught.value.detail["reason"])


@pytest.mark.usefixtures("either")
def test_the_branch_names_the_commit_and_what_is_not_committed_stays(desk: Desk) -> None:
    index = (desk.origin / ".git/index").stat().st_mtime_ns
    desk.commit("a.txt", "two\n")
    newest = desk.commit("b.txt", "b\n")
    (desk.work / "new.txt").write_text("not committed\n")
    fetched = fetch_home(desk.paths, desk.repo)
    assert (fetched.branch, fetched.commit, fetched.before, fetched.commits) == ("hive/ada", newest, None, 2)
    assert (fetched.state.commits, fetched.state.merged, fetched.state.changed) == (0, True, 1)
    assert git(desk.origin, "rev-parse", "hive/ada") == newest
    assert (desk.origin / ".git/index").stat().st_mtime_ns == index
    assert git(desk.origin, "status", "--short") == ""
    assert (desk.origin / "a.txt").read_text() == "one\n"
    assert not list(desk.paths.harness.glob("*.pack"))


def test_again_it_does_nothing_and_later_it_goes_on(desk: Desk) -> None:
    first = desk.commit()
    fetch_home(desk.paths, desk.repo)
    packs = sorted(os.listdir(desk.origin / ".git/objects/pack"))
    again = fetch_home(desk.paths, desk.repo)
    assert (again.commit, again.before, again.commits) == (first, first, 0)
    assert sorted(os.listdir(desk.origin / ".git/objects/pack")) == packs
    second = desk.commit("c.txt", "c\n")
    later = fetch_home(desk.paths, desk.repo)
    assert (later.commit, later.before, later.commits) == (second, first, 1)


def test_what_it_has_rewritten_does_not_take_the_place_of_what_came_home(desk: Desk) -> None:
    desk.commit()
    kept = fetch_home(desk.paths, desk.repo).commit
    desk.git("commit", "-q", "--amend", "-m", "another")
    assert refusal(desk) == f"hive/ada of {desk.repo} has commits that this would lose; name another with --branch."
    assert git(desk.origin, "rev-parse", "hive/ada") == kept
    assert fetch_home(desk.paths, desk.repo, "hive/ada-2").commits == 1


def test_a_branch_that_somebody_works_on_is_left_alone(desk: Desk, tmp_path: Path) -> None:
    desk.commit()
    git(desk.origin, "worktree", "add", "-q", "-b", "side", str(tmp_path / "side"))
    for branch in ("main", "side"):
        before = git(desk.origin, "rev-parse", branch)
        assert refusal(desk, branch) == f"{branch} is checked out in {desk.repo}; name another with --branch."
        assert git(desk.origin, "rev-parse", branch) == before


def test_another_branch_or_commit_of_the_agents_comes_home_too(desk: Desk) -> None:
    first = desk.git("rev-parse", "HEAD")
    desk.git("switch", "-q", "-c", "other")
    other = desk.commit("o.txt", "o\n")
    desk.git("switch", "-q", "hive/ada")
    (desk.work / "a.txt").write_text("stashed\n")
    desk.git("stash")
    stash = desk.git("rev-parse", "stash")
    assert fetch_home(desk.paths, desk.repo).commit == first
    assert fetch_home(desk.paths, desk.repo, "their/other", "other").commit == other
    assert fetch_home(desk.paths, desk.repo, "their/stash", stash).state.merged


def test_a_detached_head_comes_home(desk: Desk) -> None:
    desk.git("checkout", "-q", "--detach")
    newest = desk.commit()
    assert fetch_home(desk.paths, desk.repo).commit == newest


def test_what_is_no_name_and_what_is_not_there_is_refused(desk: Desk) -> None:
    newest = desk.commit()
    for branch in ("a..b", "../main", "-x", "a b", "HEAD", "x.lock", "a\x1b[31m", "refs/heads/", ""):
        if branch:
            assert "is no name of a branch" in refusal(desk, branch), branch
    assert refusal(desk, None, "nowhere") == "it has no branch or commit 'nowhere'."
    assert refusal(desk, None, "2" * 40) == f"it has no branch or commit '{'2' * 40}'."
    git(desk.origin, "branch", "taken")
    assert refusal(desk, "taken/below")
    with pytest.raises(FetchRefused, match="it has no repository"):
        fetch_home(desk.paths, None)
    assert newest not in git(desk.origin, "for-each-ref")


def test_work_that_cannot_be_read_is_not_brought_home(desk: Desk) -> None:
    (desk.dot_git / "HEAD").write_text("nonsense\n")
    assert refusal(desk) == "its HEAD is neither a branch nor a commit."


@pytest.mark.usefixtures("either")
def test_another_repository_is_not_read_through_the_agents(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.mkdir()
    git(secret, "init", "-q")
    key = commit(secret, "key", "the key\n", "the key")
    (desk.dot_git / "objects/info/alternates").write_text(f"{desk.origin}/.git/objects\n{secret}/.git/objects\n")
    (desk.dot_git / "refs/heads/hive/ada").write_text(f"{key}\n")
    assert "names another one" in refusal(desk)
    (desk.dot_git / "objects/info/alternates").write_text(f"{desk.origin}/.git/objects\n")
    assert refusal(desk) == "it has no commit yet."
    assert "hive/ada" not in git(desk.origin, "for-each-ref")


def test_objects_that_are_not_sound_do_not_come_in(desk: Desk) -> None:
    """A tree with `.git` in it, as a hostile repository has one: git's own check refuses it, and nothing is left."""
    blob = desk.git("hash-object", "-w", "a.txt")
    tree = git(desk.work, "mktree", stdin=f"100644 blob {blob}\t.git\n")
    desk.git("update-ref", "HEAD", desk.git("commit-tree", tree, "-m", "bad"))
    before = sorted(os.listdir(desk.origin / ".git/objects/pack"))
    assert refusal(desk)
    assert sorted(os.listdir(desk.origin / ".git/objects/pack")) == before
    assert "hive/ada" not in git(desk.origin, "for-each-ref")


def test_more_than_may_be_is_refused(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fetching, "MOST_PACK_BYTES", 1024 * 1024)
    (desk.work / "big").write_bytes(os.urandom(2 * 1024 * 1024))
    desk.git("add", "big")
    desk.git("commit", "-q", "-m", "big")
    assert refusal(desk) == "there is more than 1 MiB to take."
    assert look(desk.paths, desk.repo).commits == 1


def test_a_clone_that_its_agent_made_shallow_comes_home(desk: Desk) -> None:
    newest = desk.commit()
    desk.git("repack", "-adq")
    (desk.dot_git / "shallow").write_text(desk.git("rev-parse", "HEAD~1") + "\n")
    assert fetch_home(desk.paths, desk.repo).commit == newest
    assert git(desk.origin, "log", "--format=%s", "hive/ada").split() == ["two", "one"]
