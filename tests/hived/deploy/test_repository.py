"""hived's own git repositories, held against git itself."""

import os
import resource
import subprocess
import time
from pathlib import Path

import pytest

from hived.deploy import worktree
from hived.deploy.repository import MAIN, File, Repository

AT = "2026-01-02T03:04:05.000Z"
FILES = {
    "agent.toml": File(b'engine = "scripted"\n'),
    "a-b": File(b"sorts before a/"),
    "a/b": File(b"below"),
    "a/c/d": File(b"\x00\xff"),
    "a0": File(b""),
    "bin/run": File(b"#!/bin/sh\n", program=True),
    "grün": File("größe\n".encode()),
}


def git(folder: Path, *words: str) -> str:
    done = subprocess.run(
        ["git", *words], cwd=folder, capture_output=True, text=True, check=False, timeout=30,
        env={"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_GLOBAL": "/dev/null", "LC_ALL": "C.UTF-8"},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def repo(tmp_path: Path) -> Repository:
    made = Repository(tmp_path / ".git")
    made.make()
    return made


def test_git_finds_nothing_wrong_with_what_hived_writes(repo: Repository) -> None:
    first = repo.write_commit(FILES, [], "The first one", AT)
    second = repo.write_commit({**FILES, "new": File(b"x")}, [first], "The second one\n\nWith words: ö\n", AT)
    repo.set_ref(MAIN, second)
    repo.tag("plain", first)
    repo.tag("deployed/1", second, "It ran.\nAnd more.", AT)
    assert "error" not in git(repo.folder.parent, "fsck", "--strict", "--full", "--no-dangling")
    assert git(repo.folder.parent, "log", "--format=%H %s|%an|%cI", "main").splitlines() == [
        f"{second} The second one|hived|2026-01-02T03:04:05+00:00",
        f"{first} The first one|hived|2026-01-02T03:04:05+00:00",
    ]
    assert git(repo.folder.parent, "rev-parse", "deployed/1^{commit}").strip() == second
    assert git(repo.folder.parent, "tag", "-n9", "-l", "deployed/1").split() == [
        "deployed/1",
        "It",
        "ran.",
        "And",
        "more.",
    ]


def test_the_ids_are_those_that_git_gives(repo: Repository, tmp_path: Path) -> None:
    commit = repo.write_commit(FILES, [], "words", AT)
    repo.set_ref(MAIN, commit)
    worktree.show(tmp_path, repo.folder, FILES)
    assert git(tmp_path, "status", "--porcelain") == ""
    assert git(tmp_path, "write-tree").strip() == repo.commit(commit).tree
    assert (tmp_path / "bin/run").stat().st_mode & 0o111


def test_what_git_has_packed_is_read_as_before(repo: Repository, tmp_path: Path) -> None:
    commit = repo.write_commit(FILES, [], "words", AT)
    repo.set_ref(MAIN, commit)
    repo.tag("deployed/1", commit, "why", AT)
    git(tmp_path, "gc", "--quiet", "--prune=now")
    assert not repo._loose(commit).exists()
    assert repo.commit(commit).message == "words\n"
    assert repo.ref(MAIN) == commit
    assert (repo.tagged("deployed/1"), repo.words_of("deployed/1")) == (commit, "why\n")
    assert set(repo.tags()) == {"deployed/1"}
    repo.delete_ref("refs/tags/deployed/1")
    assert repo.tags() == {}
    assert git(tmp_path, "tag") == ""


def test_what_is_not_there_or_of_another_kind_is_not_read(repo: Repository) -> None:
    blob = repo.write("blob", b"tree")
    with pytest.raises(KeyError):
        repo.read(blob, "commit")
    with pytest.raises(KeyError):
        repo.read("a" * 40, "blob")
    with pytest.raises(KeyError):
        repo.read("../../../etc/passwd", "blob")


def test_the_folder_shows_those_files_and_no_others(repo: Repository, tmp_path: Path) -> None:
    worktree.show(tmp_path, repo.folder, FILES)
    (tmp_path / "link").symlink_to("/etc")
    worktree.show(tmp_path, repo.folder, {"agent.toml": File(b"other")})
    assert sorted(found.name for found in tmp_path.iterdir()) == [".git", "agent.toml"]
    assert Path("/etc/hostname").exists() or Path("/etc/passwd").exists()


def test_a_build_is_whole_read_only_and_made_once(tmp_path: Path) -> None:
    builds = tmp_path / "builds"
    broken = builds / ".x.new"
    (broken / "a").mkdir(parents=True)
    made = worktree.build(builds, "a" * 40, FILES)
    assert worktree.built_files(builds, "a" * 40) == FILES
    assert not broken.exists()
    assert {file.stat().st_mode & 0o222 for file in (made, *made.rglob("*"))} == {0}
    assert worktree.build(builds, "a" * 40, {"other": File(b"")}) == made
    worktree.build(builds, "b" * 40, FILES)
    assert worktree.prune(builds, {"b" * 40}) == ["a" * 40]
    assert [found.name for found in builds.iterdir()] == ["b" * 40]


def test_a_full_disk_is_not_made_fuller_by_each_try(repo: Repository) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, hard))
    try:
        with pytest.raises(OSError, match="File too large"):
            repo.write("blob", os.urandom(100_000))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert list((repo.folder / "objects").rglob("*.new")) == []


def test_a_folder_of_very_many_files_is_read_in_one_pass(repo: Repository) -> None:
    line = b"100644 f%06d\0" + b"x" * 20
    tree = repo.write("tree", b"".join(line % number for number in range(200_000)))
    began = time.process_time()
    entries = repo.entries(tree)
    assert time.process_time() - began < 5
    assert (len(entries), entries[-1].name, entries[-1].sha) == (200_000, b"f199999", (b"x" * 20).hex())


@pytest.mark.parametrize("body", [b"100644 cut", b"100644 cut\0" + b"x" * 19, b"100644\0" + b"x" * 20])
def test_a_folder_that_is_none_is_not_read(repo: Repository, body: bytes) -> None:
    with pytest.raises(KeyError):
        repo.entries(repo.write("tree", body))
