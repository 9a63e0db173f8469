"""Refs of a repository that an agent can write: plain data, bounded, and no link followed."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from hived.workspace.refs import MOST_REFS, RefsUnreadable, is_ref_name, read_head, read_refs
from tests.support.cost import costs_at_most
from tests.support.repositories import Desk, git, make_origin

SHA = "0123456789abcdef0123456789abcdef01234567"
SECONDS = 5.0
"""That reading anything hostile may take; it takes milliseconds."""


def test_it_says_what_git_says(desk: Desk) -> None:
    desk.commit()
    desk.git("tag", "-a", "-m", "x", "v1")
    desk.git("branch", "deep/er/one")
    desk.git("pack-refs", "--all")
    newest = desk.commit("c.txt", "c\n", "three")
    refs = read_refs(desk.work)
    listed = dict(
        line.split(" ")[::-1] for line in desk.git("for-each-ref", "--format=%(objectname) %(refname)").splitlines()
    )
    listed.pop("refs/remotes/origin/HEAD", None)
    assert refs.refs == listed
    assert (refs.branch, refs.head, refs.object_format, refs.under_way) == ("hive/ada", newest, "sha1", "")
    assert read_head(desk.work) == newest


def test_a_detached_head_has_no_branch(desk: Desk) -> None:
    before = desk.git("rev-parse", "HEAD")
    desk.git("checkout", "-q", "--detach")
    assert (read_refs(desk.work).branch, read_refs(desk.work).head) == (None, before)


def test_a_branch_without_a_commit_has_no_head(tmp_path: Path) -> None:
    git(tmp_path, "init", "-q", "-b", "main")
    assert (read_refs(tmp_path).branch, read_refs(tmp_path).head, read_refs(tmp_path).own()) == ("main", None, set())


def test_every_stash_is_its_own_and_what_is_a_remotes_is_not(desk: Desk) -> None:
    for text in ("x\n", "y\n"):
        (desk.work / "a.txt").write_text(text)
        desk.git("stash")
    refs = read_refs(desk.work)
    assert set(refs.stashed) == {desk.git("rev-parse", f"stash@{{{number}}}") for number in (0, 1)}
    assert refs.own() == {*refs.stashed, refs.head}


@pytest.mark.parametrize(
    ("mark", "word"),
    [("MERGE_HEAD", "merge"), ("CHERRY_PICK_HEAD", "cherry-pick"), ("REVERT_HEAD", "revert"), ("BISECT_LOG", "bisect")],
)
def test_what_is_under_way_is_said(desk: Desk, mark: str, word: str) -> None:
    (desk.dot_git / mark).write_text(SHA)
    assert read_refs(desk.work).under_way == word


def test_sha256_is_known_by_its_length(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin", "--object-format=sha256")
    assert read_refs(origin).object_format == "sha256"
    assert len(read_head(origin) or "") == 64


def linked_dot_git(desk: Desk) -> None:
    desk.dot_git.rename(desk.work / "real")
    desk.dot_git.symlink_to("real")


def dot_git_file(desk: Desk) -> None:
    desk.dot_git.rename(desk.work / "real")
    desk.dot_git.write_text("gitdir: real\n")


def head_fifo(desk: Desk) -> None:
    (desk.dot_git / "HEAD").unlink()
    os.mkfifo(desk.dot_git / "HEAD")


def head_link(desk: Desk) -> None:
    (desk.dot_git / "HEAD").unlink()
    (desk.dot_git / "HEAD").symlink_to("/etc/hostname")


def head_huge(desk: Desk) -> None:
    os.truncate(desk.dot_git / "HEAD", 1 << 40)


def head_elsewhere(desk: Desk) -> None:
    (desk.dot_git / "HEAD").write_text("ref: refs/heads/../../../../etc/hostname\n")


def head_nonsense(desk: Desk) -> None:
    (desk.dot_git / "HEAD").write_bytes(b"\xff\x00\n" * 9)


def packed_huge(desk: Desk) -> None:
    (desk.dot_git / "packed-refs").touch()
    os.truncate(desk.dot_git / "packed-refs", 1 << 30)


def packed_fifo(desk: Desk) -> None:
    (desk.dot_git / "packed-refs").unlink(missing_ok=True)
    os.mkfifo(desk.dot_git / "packed-refs")


def packed_many(desk: Desk) -> None:
    lines = "".join(f"{SHA} refs/heads/b{number}\n" for number in range(MOST_REFS + 1))
    (desk.dot_git / "packed-refs").write_text(lines)


def loose_many(desk: Desk) -> None:
    for number in range(MOST_REFS + 1):
        (desk.dot_git / "refs/heads" / f"b{number}").touch()


def refs_linked(desk: Desk) -> None:
    (desk.dot_git / "refs").rename(desk.work / "refs")
    (desk.dot_git / "refs").symlink_to(desk.work / "refs")


def too_deep(desk: Desk) -> None:
    (desk.dot_git / "refs/heads" / "/".join("d" * 40)).mkdir(parents=True)


def commondir(desk: Desk) -> None:
    (desk.dot_git / "commondir").write_text("/root/secret/.git\n")


def reftable(desk: Desk) -> None:
    (desk.dot_git / "reftable").mkdir()


def nothing(desk: Desk) -> None:
    desk.dot_git.rename(desk.work / "away")


def no_head(desk: Desk) -> None:
    (desk.dot_git / "HEAD").unlink()


@pytest.mark.parametrize(
    ("spoil", "reason"),
    [
        (linked_dot_git, "a link or a file where a folder belongs"),
        (dot_git_file, "its .git is a file"),
        (head_fifo, "no regular file"),
        (head_link, "a link"),
        (head_huge, "more than 4096 bytes"),
        (head_elsewhere, "names no branch"),
        (head_nonsense, "neither a branch nor a commit"),
        (packed_huge, "more than 8388608 bytes"),
        (packed_fifo, "no regular file"),
        (packed_many, f"more than {MOST_REFS} refs"),
        (loose_many, f"more than {MOST_REFS} refs"),
        (refs_linked, "a link or a file where a folder belongs"),
        (too_deep, "too deep"),
        (commondir, "a worktree of another repository"),
        (reftable, "reftable"),
        (nothing, "there is no repository in it"),
        (no_head, "has no HEAD"),
    ],
    ids=lambda value: value.__name__ if callable(value) else "",
)
def test_what_is_hostile_is_one_sentence_and_soon(desk: Desk, spoil: Callable[[Desk], None], reason: str) -> None:
    spoil(desk)
    with costs_at_most(SECONDS), pytest.raises(RefsUnreadable) as caught:
        read_refs(desk.work)
    assert reason in caught.value.reason
    assert caught.value.reason.endswith(".")


def test_refs_that_git_would_not_take_and_refs_that_are_no_files_are_passed_over(desk: Desk) -> None:
    heads = desk.dot_git / "refs/heads"
    (desk.dot_git / "packed-refs").write_text(
        f"# pack-refs with: peeled\n{SHA} refs/heads/../../up\n{SHA} refs/heads/a..b\n{SHA} HEAD\n{SHA} refs/heads/x y\n"
        f"{SHA} refs/heads/.hidden\n{SHA} refs/heads/-n\nshort refs/heads/s\n{SHA} refs/heads/good\n^{SHA}\n"
    )
    (heads / "linked").symlink_to("/etc/hostname")
    os.mkfifo(heads / "fifo")
    (heads / "new\nline").write_text(SHA)
    (heads / "words").write_text("ref: refs/heads/good\n")
    refs = read_refs(desk.work)
    assert set(refs.refs) == {"refs/heads/good", "refs/heads/-n", "refs/heads/main", "refs/heads/hive/ada"}


@pytest.mark.parametrize(
    "name",
    ["refs/heads/a", "refs/heads/-a", "refs/heads/a./b", "refs/heads/a/b-c_d", "refs/tags/v1.0", "refs/heads/grün"],
)
def test_names_that_git_takes(name: str, tmp_path: Path) -> None:
    assert is_ref_name(name)
    git(tmp_path, "check-ref-format", name)


@pytest.mark.parametrize(
    "name",
    [
        "heads/a", "refs/", "refs/heads/", "refs/heads//a", "refs/heads/a.lock", "refs/heads/.a", "refs/heads/a..b", "refs/heads/a b",
        "refs/heads/a~1", "refs/heads/a^", "refs/heads/a:b", "refs/heads/a?", "refs/heads/[a", "refs/heads/a\\b", "refs/heads/@{a",
        "refs/heads/a\x7f", "refs/heads/" + "a" * 5000, "refs/heads/a.",
    ],
)  # fmt: skip
def test_names_that_are_none(name: str) -> None:
    assert not is_ref_name(name)
