"""An agent's workspace: made once, on its own branch, by a git that runs nothing of the repository's."""

import os
import shutil
import subprocess
from pathlib import Path

import pytest

from hived.wire.errors import InvalidName, InvalidRepo
from hived.workspace.clones import check_repo, make_workspace


def git(folder: Path, *words: str) -> str:
    env = {
        "PATH": os.environ["PATH"], "HOME": str(folder), "GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_AUTHOR_NAME": "t", "GIT_AUTHOR_EMAIL": "t@t", "GIT_COMMITTER_NAME": "t", "GIT_COMMITTER_EMAIL": "t@t",
    }  # fmt: skip
    done = subprocess.run(["git", *words], cwd=folder, env=env, capture_output=True, text=True, check=True, timeout=60)
    return done.stdout.strip()


@pytest.fixture
def repo(tmp_path: Path) -> Path:
    folder = tmp_path / "origin"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-q", "-m", "one")
    return folder


def test_a_clone_is_on_the_agents_own_branch_and_shares_objects(repo: Path, tmp_path: Path) -> None:
    work = tmp_path / "agents" / "ada" / "work"
    assert make_workspace("ada", str(repo), work)
    assert (work / "a.txt").read_text() == "one\n"
    assert git(work, "branch", "--show-current") == "hive/ada"
    assert git(work, "config", "user.email") == "ada@hive"
    assert (work / ".git/objects/info/alternates").read_text().startswith(str(repo))
    assert work.stat().st_mode & 0o777 == 0o700
    assert sorted(path.name for path in work.parent.iterdir()) == ["harness", "work"]


@pytest.mark.parametrize("named", ["link", "beside/../origin"])
def test_objects_are_read_where_they_lie_however_the_repository_was_named(
    named: str, repo: Path, tmp_path: Path
) -> None:
    """Behind walls is the folder itself, no link to it and nothing beside it."""
    (tmp_path / "link").symlink_to(repo)
    (tmp_path / "beside").mkdir()
    work = tmp_path / "agents" / "ada" / "work"
    make_workspace("ada", f"{tmp_path}/{named}", work)
    (tmp_path / "link").unlink()
    (tmp_path / "beside").rmdir()
    assert (work / ".git/objects/info/alternates").read_text() == f"{repo.resolve()}/.git/objects\n"
    assert git(work, "log", "--format=%s") == "one"


def test_what_is_there_is_never_touched_again(repo: Path, tmp_path: Path) -> None:
    work = tmp_path / "work"
    make_workspace("ada", str(repo), work)
    (work / "a.txt").write_text("mine\n")
    assert not make_workspace("ada", str(repo), work)
    assert (work / "a.txt").read_text() == "mine\n"


def test_without_a_repository_the_folder_is_empty(tmp_path: Path) -> None:
    work = tmp_path / "agents" / "ada" / "work"
    assert make_workspace("ada", None, work)
    assert list(work.iterdir()) == []
    assert work.parent.stat().st_mode & 0o777 == 0o700


def test_a_clone_that_was_broken_off_is_begun_anew(repo: Path, tmp_path: Path) -> None:
    (tmp_path / "work.1.part").mkdir()
    (tmp_path / "work.1.part" / "half").write_text("")
    assert make_workspace("ada", str(repo), tmp_path / "work")
    assert not (tmp_path / "work" / "half").exists()
    assert not (tmp_path / "work.1.part").exists()


def test_hooks_and_fsmonitor_of_the_repository_do_not_run(repo: Path, tmp_path: Path) -> None:
    mark = tmp_path / "ran"
    script = repo / ".git/hooks/post-checkout"
    script.parent.mkdir(exist_ok=True)
    script.write_text(f"#!/bin/sh\ntouch {mark}\n")
    script.chmod(0o755)
    git(repo, "config", "core.fsmonitor", str(script))
    git(repo, "config", "uploadpack.packObjectsHook", str(script))
    make_workspace("ada", str(repo), tmp_path / "work")
    assert not mark.exists()


@pytest.mark.parametrize(
    ("make", "reason"),
    [
        (lambda folder: "relative/path", "not absolute"),
        (lambda folder: str(folder / "missing"), "no such folder"),
        (lambda folder: str(folder), "not the top folder of a git repository"),
    ],
)
def test_what_cannot_be_cloned_is_refused_in_one_sentence(make: object, reason: str, tmp_path: Path) -> None:
    assert callable(make)
    with pytest.raises(InvalidRepo) as caught:
        check_repo(make(tmp_path))
    assert caught.value.code == "invalid_repo"
    assert reason in caught.value.message
    assert "\n" not in caught.value.message


def test_a_repository_without_a_commit_is_refused(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q")
    with pytest.raises(InvalidRepo, match="no commit yet"):
        make_workspace("ada", str(tmp_path), tmp_path.parent / f"{tmp_path.name}-work")


def test_what_lies_where_agents_write_is_no_origin_however_it_is_named(repo: Path, tmp_path: Path) -> None:
    data = tmp_path / "data"
    (data / "config").mkdir(parents=True)
    proposed = data / "config" / "ann"
    shutil.copytree(repo, proposed)
    (tmp_path / "link").symlink_to(proposed)
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / ".git").write_text(f"gitdir: {proposed}/.git\n")
    (tmp_path / "linked").mkdir()
    (tmp_path / "linked" / ".git").symlink_to(proposed / ".git")
    for named in (proposed, tmp_path / "link", tmp_path / "tree", tmp_path / "linked"):
        with pytest.raises(InvalidRepo, match="where agents write"):
            check_repo(str(named), data=data)
    check_repo(str(repo), data=data)


def test_a_name_that_is_none_makes_no_folder(repo: Path, tmp_path: Path) -> None:
    with pytest.raises(InvalidName):
        make_workspace("../x", str(repo), tmp_path / "work")
    assert not (tmp_path / "work").exists()
