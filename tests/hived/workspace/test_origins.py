"""Origins of every kind: each is cloned and read, or refused in one sentence; nothing of the operator's is touched."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hived.wire.errors import InvalidRepo
from hived.workspace.clones import CloneOrigin, check_repo, make_workspace, read_clone_origin
from hived.workspace.fetching import fetch_home
from hived.workspace.origins import origin_objects, read_origin
from hived.workspace.work import look
from tests.support.repositories import HOOKS, Desk, commit, git, make_desk, make_origin


def plain(folder: Path) -> Path:
    return make_origin(folder)


def bare(folder: Path) -> Path:
    git(folder.parent, "clone", "-q", "--bare", str(make_origin(folder.with_name("source"))), str(folder))
    return folder


def dirty(folder: Path) -> Path:
    make_origin(folder)
    (folder / "a.txt").write_text("not committed\n")
    (folder / "new.txt").write_text("not added\n")
    return folder


def in_mid_merge(folder: Path) -> Path:
    make_origin(folder)
    git(folder, "switch", "-q", "-c", "other")
    commit(folder, "a.txt", "theirs\n", "theirs")
    git(folder, "switch", "-q", "main")
    commit(folder, "a.txt", "ours\n", "ours")
    git(folder, "merge-tree", "main", "main")
    with pytest.raises(AssertionError, match="merge"):
        git(folder, "merge", "other")
    return folder


def detached(folder: Path) -> Path:
    make_origin(folder)
    git(folder, "checkout", "-q", "--detach")
    return folder


def of_sha256(folder: Path) -> Path:
    return make_origin(folder, "--object-format=sha256")


def a_worktree(folder: Path) -> Path:
    git(make_origin(folder.with_name("source")), "worktree", "add", "-q", "-b", "side", str(folder))
    return folder


def with_submodules(folder: Path) -> Path:
    module = make_origin(folder.with_name("module"))
    make_origin(folder)
    git(folder, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(module), "sub module")
    git(folder, "commit", "-q", "-m", "a submodule")
    return folder


def sharing_its_own(folder: Path) -> Path:
    git(folder.parent, "clone", "-q", "--shared", str(make_origin(folder.with_name("source"))), str(folder))
    return folder


@pytest.mark.parametrize(
    "make",
    [plain, bare, dirty, in_mid_merge, detached, of_sha256, a_worktree, with_submodules, sharing_its_own],
    ids=lambda make: make.__name__,
)
def test_it_is_cloned_looked_at_and_its_work_brought_home(make: Callable[[Path], Path], tmp_path: Path) -> None:
    origin = make(tmp_path / "origin")
    status = "" if make is bare else git(origin, "status", "--short")
    desk = make_desk(tmp_path, origin)
    state = look(desk.paths, desk.repo)
    assert (state.known, state.commits, state.changed, state.merged) == (True, 0, 0, True), state
    assert state.base == state.head == git(origin, "rev-parse", "HEAD")
    assert state.origin_branch == (None if make is detached else "side" if make is a_worktree else "main")
    assert ("submodules, which are not looked into" in state.problem) is (make is with_submodules)
    newest = desk.commit("c.txt", "c\n")
    (desk.work / "d.txt").write_text("d\n")
    state = look(desk.paths, desk.repo)
    assert (state.known, state.commits, state.changed, state.merged) == (True, 1, 1, False), state
    fetched = fetch_home(desk.paths, desk.repo)
    assert (fetched.branch, fetched.commit, fetched.before, fetched.commits) == ("hive/ada", newest, None, 1)
    assert git(origin, "rev-parse", "refs/heads/hive/ada") == newest
    assert git(origin, "show", "hive/ada:c.txt") == "c"
    assert fetched.state.merged
    if make is not bare:
        assert git(origin, "status", "--short") == status
    git(origin, "fsck", "--strict")


def shallow(folder: Path) -> Path:
    source = make_origin(folder.with_name("source"))
    commit(source, "a.txt", "more\n")
    git(folder.parent, "clone", "-q", "--depth=1", f"file://{source}", str(folder))
    return folder


def partial(folder: Path) -> Path:
    source = make_origin(folder.with_name("source"))
    git(source, "config", "uploadpack.allowFilter", "true")
    git(folder.parent, "clone", "-q", "--filter=blob:none", f"file://{source}", str(folder))
    return folder


def empty(folder: Path) -> Path:
    folder.mkdir()
    git(folder, "init", "-q")
    return folder


def spoiled(folder: Path) -> Path:
    make_origin(folder)
    (folder / ".git/HEAD").write_text("nonsense\n")
    return folder


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (shallow, "it is a shallow clone"),
        (partial, "it is a partial clone"),
        (empty, "no commit yet"),
        (spoiled, "not a git repository"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_it_is_refused_in_one_sentence(make: Callable[[Path], Path], reason: str, tmp_path: Path) -> None:
    origin = make(tmp_path / "origin")
    with pytest.raises(InvalidRepo, match=reason) as caught:
        check_repo(str(origin))
    assert "\n" not in caught.value.message
    with pytest.raises(InvalidRepo, match=reason):
        make_workspace("ada", str(origin), tmp_path / "work")
    assert not (tmp_path / "work").exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
def test_somebody_elses_is_refused_for_its_config_would_be_their_code(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    for folder, _, files in os.walk(origin):
        for name in (".", *files):
            os.chown(os.path.join(folder, name), 12345, 12345)
    with pytest.raises(InvalidRepo, match="dubious ownership"):
        check_repo(str(origin))


def test_what_it_went_out_from_is_written_where_the_agent_cannot_write(desk: Desk) -> None:
    head = git(desk.origin, "rev-parse", "HEAD")
    assert read_clone_origin(desk.paths.harness) == CloneOrigin(desk.repo, "main", head)


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"repo": "/x", "branch": "--all", "commit": "main"}', "\x00"])
def test_a_note_that_is_not_sound_is_none(desk: Desk, note: str) -> None:
    (desk.paths.harness / "origin.json").write_text(note)
    assert read_clone_origin(desk.paths.harness) is None
    assert look(desk.paths, desk.repo).base == git(desk.origin, "rev-parse", "HEAD")


def test_the_objects_folders_of_a_chain_are_all_named(tmp_path: Path) -> None:
    origin = sharing_its_own(tmp_path / "origin")
    assert origin_objects(str(origin)) == (origin / ".git/objects", tmp_path / "source/.git/objects")
    assert read_origin(str(origin)).objects == origin_objects(str(origin))


def test_an_origin_that_was_moved_is_one_sentence(desk: Desk) -> None:
    desk.commit()
    desk.origin.rename(desk.origin.with_name("elsewhere"))
    with pytest.raises(InvalidRepo, match="is not there: it was moved, or is gone") as caught:
        origin_objects(desk.repo)
    assert desk.repo in caught.value.message
    state = look(desk.paths, desk.repo)
    assert not state.known
    assert state.lost_with_it
    assert state.problem == caught.value.message


def test_commits_that_the_origin_has_thrown_away_are_said_to_be_missing(desk: Desk) -> None:
    newest = desk.commit()
    for name in ("main", "other"):
        git(desk.origin, "checkout", "-q", "--orphan", f"{name}-anew")
        commit(desk.origin, "a.txt", f"{name}\n", "another beginning")
    git(desk.origin, "branch", "-D", "main")
    git(desk.origin, "reflog", "expire", "--expire=now", "--all")
    git(desk.origin, "gc", "-q", "--prune=now")
    state = look(desk.paths, desk.repo)
    assert (state.known, state.lost_with_it, state.head) == (False, True, newest)
    assert state.problem


def test_the_operators_hooks_and_fsmonitor_do_not_run(desk: Desk, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    hooks = desk.origin / ".git/hooks"
    hooks.mkdir(exist_ok=True)
    for name in (*HOOKS, "monitor"):
        (hooks / name).write_text(f"#!/bin/sh\necho {name} >> {mark}\n")
        (hooks / name).chmod(0o755)
    git(desk.origin, "config", "core.fsmonitor", str(hooks / "monitor"))
    git(desk.origin, "config", "core.hooksPath", str(hooks))
    desk.commit()
    fetch_home(desk.paths, desk.repo)
    look(desk.paths, desk.repo)
    make_workspace("bob", desk.repo, tmp_path / "bob/work")
    assert not mark.exists()
