"""What an agent has changed: its commits, its files and the patch, read with git of hived's own."""

import os
from pathlib import Path

import pytest

from hived.workspace import work, work_files
from hived.workspace.work import WorkRead, look, read_work
from tests.support.repositories import Desk, commit, git, make_origin

HOSTILE = "\x1b[31m\u202egp\n.txt"


def statuses(read: WorkRead) -> dict[str, tuple[str, int | None, int | None]]:
    return {file.path: (file.status, file.added, file.removed) for file in read.files}


def test_a_fresh_clone_has_nothing_of_its_own(desk: Desk) -> None:
    state = look(desk.paths, desk.repo)
    head = git(desk.origin, "rev-parse", "HEAD")
    assert (state.branch, state.head, state.base, state.origin_branch) == ("hive/ada", head, head, "main")
    assert (state.commits, state.changed, state.merged, state.known, state.problem) == (0, 0, True, True, "")
    assert not state.lost_with_it


@pytest.mark.usefixtures("either")
def test_files_are_counted_against_head_and_listed_against_the_base(desk: Desk) -> None:
    desk.commit("a.txt", "one\ntwo\n")
    (desk.work / "a.txt").write_text("one\ntwo\nthree\n")
    (desk.work / "sub/b.txt").rename(desk.work / "sub/moved.txt")
    (desk.work / "new.txt").write_text("new\n")
    (desk.work / "bin").write_bytes(b"\0\1\2")
    (desk.work / ".gitignore").write_text("*.log\n")
    (desk.work / "x.log").write_text("ignored\n")
    read = read_work(desk.paths, desk.repo, patch=True)
    assert read.state.changed == 6  # a.txt, sub/b.txt gone, sub/moved.txt, new.txt, bin, .gitignore
    assert statuses(read) == {
        "a.txt": ("changed", 2, 0),
        "sub/moved.txt": ("renamed", 0, 0),
        "new.txt": ("untracked", 1, 0),
        "bin": ("untracked", None, None),
        ".gitignore": ("untracked", 1, 0),
    }
    assert read.patch is not None
    assert "+two\n+three\n" in read.patch
    assert "rename from sub/b.txt\nrename to sub/moved.txt" in read.patch
    assert "Binary files /dev/null and b/bin differ" in read.patch
    assert "ignored" not in read.patch
    assert not read.cut


def test_the_patch_makes_the_origin_what_the_workspace_is(desk: Desk, tmp_path: Path) -> None:
    desk.commit("a.txt", "one\ntwo\n")
    (desk.work / "a.txt").write_text("no newline at its end")
    (desk.work / "new file.txt").write_text("new\n")
    (desk.work / "sub/b.txt").unlink()
    read = read_work(desk.paths, desk.repo, patch=True)
    git(desk.origin, "apply", stdin=read.patch)
    assert (desk.origin / "a.txt").read_text() == "no newline at its end"
    assert (desk.origin / "new file.txt").read_text() == "new\n"
    assert not (desk.origin / "sub/b.txt").exists()


def test_a_change_back_is_no_change_and_a_touched_file_neither(desk: Desk) -> None:
    (desk.work / "a.txt").write_text("two\n")
    assert look(desk.paths, desk.repo).changed == 1
    (desk.work / "a.txt").write_text("one\n")
    assert look(desk.paths, desk.repo).changed == 0
    os.utime(desk.work / "a.txt", (1, 1))
    assert look(desk.paths, desk.repo).changed == 0


def test_a_change_of_the_same_size_and_time_is_seen(desk: Desk) -> None:
    """The index is kept between looks; it must not be trusted for what was written while it was."""
    for text in ("abc\n", "def\n", "ghi\n", "one\n"):
        before = (desk.work / "a.txt").stat()
        (desk.work / "a.txt").write_text(text)
        os.utime(desk.work / "a.txt", ns=(before.st_atime_ns, before.st_mtime_ns))
        assert look(desk.paths, desk.repo).changed == (text != "one\n")


def test_an_index_that_was_spoiled_is_made_anew(desk: Desk) -> None:
    look(desk.paths, desk.repo)
    (desk.paths.harness / "work.index").write_bytes(b"DIRC nonsense")
    (desk.work / "a.txt").write_text("two\n")
    state = look(desk.paths, desk.repo)
    assert (state.changed, state.known) == (1, True)


def test_commits_of_every_branch_tag_stash_and_of_a_detached_head_count(desk: Desk) -> None:
    desk.commit("a.txt", "on the branch\n", "branch")
    desk.git("switch", "-q", "-c", "other", "main")
    desk.commit("o.txt", "other\n", "other")
    desk.git("checkout", "-q", "--detach", "main")
    desk.commit("t.txt", "tagged\n", "tagged")
    desk.git("tag", "-a", "-m", "t", "v1")
    desk.git("checkout", "-q", "--detach", "main")
    newest = desk.commit("d.txt", "detached\n", "detached")
    (desk.work / "a.txt").write_text("stashed\n")
    desk.git("stash")
    read = read_work(desk.paths, desk.repo, patch=False)
    subjects = {commit.subject for commit in read.commits}
    assert {"branch", "other", "tagged", "detached"} < subjects
    assert read.state.commits == len(read.commits) == 6  # the stash is two
    assert (read.state.branch, read.state.head, read.patch) == (None, newest, None)


def test_commits_are_newest_first_and_at_most_200_of_them(desk: Desk) -> None:
    tree = desk.git("rev-parse", "HEAD^{tree}")
    last = desk.git("rev-parse", "HEAD")
    for number in range(205):
        last = desk.git("commit-tree", tree, "-p", last, "-m", f"number {number}")
    desk.git("update-ref", "refs/heads/hive/ada", last)
    read = read_work(desk.paths, desk.repo, patch=False)
    assert read.state.commits == 205
    assert [commit.subject for commit in read.commits] == [f"number {number}" for number in range(204, 4, -1)]


def test_merged_is_what_the_origin_has_by_whichever_branch(desk: Desk) -> None:
    newest = desk.commit()
    git(desk.origin, "fetch", "-q", str(desk.work), "hive/ada:integration")
    state = look(desk.paths, desk.repo)
    assert (state.commits, state.merged, state.head) == (0, True, newest)
    git(desk.origin, "merge", "-q", "integration")
    assert look(desk.paths, desk.repo).base == newest
    assert read_work(desk.paths, desk.repo, patch=True).files == []


def test_the_base_follows_what_the_agent_has_taken_in(desk: Desk) -> None:
    theirs = commit(desk.origin, "theirs.txt", "t\n", "theirs")
    assert look(desk.paths, desk.repo).base != theirs
    desk.git("fetch", "-q")
    desk.git("merge", "-q", "origin/main")
    assert look(desk.paths, desk.repo).base == theirs


@pytest.mark.parametrize("word", ["merge", "rebase"])
def test_what_is_in_the_middle_of_something_says_so(desk: Desk, word: str) -> None:
    desk.git("switch", "-q", "-c", "other", "main")
    desk.commit("a.txt", "other\n", "other")
    desk.git("switch", "-q", "hive/ada")
    desk.commit("a.txt", "mine\n", "mine")
    with pytest.raises(AssertionError, match=word):
        desk.git(word, "other")
    state = look(desk.paths, desk.repo)
    assert state.problem == f"a {word} is not finished."
    assert (state.known, state.commits, state.changed) == (True, 2, 1)


def test_submodules_and_repositories_inside_are_not_looked_into_but_said(desk: Desk, tmp_path: Path) -> None:
    make_origin(desk.work / "nested")
    module = make_origin(tmp_path / "module")
    desk.git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(module), "module")
    desk.git("commit", "-q", "-m", "a submodule")
    (desk.work / "module/a.txt").write_text("changed\n")
    read = read_work(desk.paths, desk.repo, patch=True)
    assert read.state.problem == "it has submodules, which are not looked into."
    assert read.state.changed == 1  # nested/
    assert set(statuses(read)) == {".gitmodules"}


def test_names_are_what_they_are(desk: Desk) -> None:
    for name in (HOSTILE, "--help", "two  blanks", 'quo"te', "grün", "-", ":(glob)**"):
        (desk.work / name).write_text("x\n")
    read = read_work(desk.paths, desk.repo, patch=True)
    assert set(statuses(read)) == {HOSTILE, "--help", "two  blanks", 'quo"te', "grün", "-", ":(glob)**"}
    assert read.state.changed == 7


def test_a_link_out_is_a_link_and_nothing_of_what_it_points_to(desk: Desk, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    (secret / "deeper").mkdir(parents=True)
    (secret / "b.txt").write_text("the key\n")
    (desk.work / "link").symlink_to(secret / "b.txt")
    (desk.work / "sub/b.txt").unlink()
    (desk.work / "sub").rmdir()
    (desk.work / "sub").symlink_to(secret)
    read = read_work(desk.paths, desk.repo, patch=True)
    assert read.patch is not None
    assert "the key" not in read.patch
    assert statuses(read) == {"link": ("untracked", 1, 0), "sub": ("untracked", 1, 0), "sub/b.txt": ("deleted", 0, 1)}


def test_files_that_are_no_files_hold_nothing_up(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    (desk.work / "a.txt").unlink()
    os.mkfifo(desk.work / "a.txt")
    os.mkfifo(desk.work / "pipe")
    state = look(desk.paths, desk.repo)
    assert (state.changed, state.known) == (1, True)
    monkeypatch.setattr(work_files, "FILES_SECONDS", 5.0)
    os.mkfifo(desk.work / ".gitignore")
    state = look(desk.paths, desk.repo)
    assert not state.known
    assert state.problem == "its files could not be compared: git ls-files took longer than 5 s."
    assert state.lost_with_it


def test_what_is_too_much_is_cut_and_said(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(work_files, "MOST_FILES", 5)
    monkeypatch.setattr(work_files, "MOST_PATCH_BYTES", 300)
    for number in range(9):
        (desk.work / f"f{number}").write_text("x\n" * 50)
    read = read_work(desk.paths, desk.repo, patch=True)
    assert (read.state.changed, len(read.files), read.cut) == (9, 5, True)
    assert read.patch is not None
    assert len(read.patch) <= 300
    assert read.patch.endswith("\n")


def test_objects_that_are_missing_are_said_and_nobody_can_tell(desk: Desk) -> None:
    desk.git("update-ref", "refs/heads/hive/ada", desk.commit())
    (desk.dot_git / "refs/heads/ghost").write_text("1" * 40 + "\n")
    state = look(desk.paths, desk.repo)
    assert (state.known, state.commits) == (False, 1)
    assert state.problem == f"an object that its refs name is not there: {'1' * 40}."


def test_a_workspace_that_is_gone_is_one_sentence(desk: Desk) -> None:
    desk.work.rename(desk.work.with_name("away"))
    state = look(desk.paths, desk.repo)
    assert (state.known, state.problem) == (False, "its repository cannot be read: No such file or directory.")


def test_without_a_repository_its_files_are_what_would_be_lost(desk: Desk) -> None:
    state = look(desk.paths, None)
    assert (state.changed, state.commits, state.merged) == (2, 0, True)
    for file in (desk.work / "a.txt", desk.work / "sub/b.txt"):
        file.unlink()
    assert not look(desk.paths, None).lost_with_it


def test_two_looks_at_once_take_turns(desk: Desk) -> None:
    from concurrent.futures import ThreadPoolExecutor

    (desk.work / "a.txt").write_text("two\n")
    with ThreadPoolExecutor(4) as pool:
        states = list(pool.map(lambda _: look(desk.paths, desk.repo), range(8)))
    assert {(state.changed, state.known) for state in states} == {(1, True)}
    assert not list(desk.paths.harness.glob("inspect-*"))


def test_nothing_of_the_agents_repository_is_written_and_nothing_of_ours_is_left(desk: Desk) -> None:
    desk.commit()
    (desk.work / "new").write_text("n\n")
    (desk.paths.harness / "inspect-left-by-a-kill").mkdir()
    before = {path: path.lstat().st_mtime_ns for path in desk.work.rglob("*")}
    read_work(desk.paths, desk.repo, patch=True)
    assert {path: path.lstat().st_mtime_ns for path in desk.work.rglob("*")} == before
    assert set(os.listdir(desk.paths.harness)) == {work.INDEX_FILE, "origin.json"}
