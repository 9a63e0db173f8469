"""The inspector: git in a repository of hived's own, which reads an agent's objects and nothing else of the machine."""

import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from hived.workspace.git import GitFailed, Output, run_git
from hived.workspace.inspector import Inspector, inspector, is_sha
from tests.support.repositories import Desk, commit, git, make_desk, make_origin

ENGINE_UID = 212345


def looked(desk: Desk, read: Callable[[Inspector], object]) -> object:
    objects = desk.origin / ".git/objects"
    with inspector([desk.dot_git / "objects"], within=[desk.work], trusted=[objects], worktree=desk.work) as found:
        return read(found)


@pytest.mark.usefixtures("either")
def test_it_reads_the_agents_objects_and_the_origins(desk: Desk) -> None:
    first, newest = desk.git("rev-parse", "HEAD"), desk.commit()
    assert looked(desk, lambda look: look.run(["log", "--format=%H", newest]).text.split()) == [newest, first]
    assert looked(desk, lambda look: (look.commit(newest), look.is_ancestor(first, newest), look.is_ancestor(newest, first))) == (
        newest, True, False,
    )  # fmt: skip


@pytest.mark.usefixtures("either")
def test_tags_lead_to_commits_and_what_is_not_there_is_left_out(desk: Desk) -> None:
    newest = desk.commit()
    desk.git("tag", "-a", "-m", "x", "v1")
    tag, tree = desk.git("rev-parse", "v1"), desk.git("rev-parse", "HEAD^{tree}")
    given = [tag, newest, tree, "0" * 40, "main", "--help"]
    assert looked(desk, lambda look: look.commits(given)) == {tag: newest, newest: newest}
    assert looked(desk, lambda look: look.kinds(given)) == {tag: "tag", newest: "commit", tree: "tree"}
    assert looked(desk, lambda look: look.commit("main")) is None


def test_the_repository_that_it_looks_from_is_gone_afterwards(desk: Desk) -> None:
    folder = looked(desk, lambda look: look.folder)
    assert isinstance(folder, Path)
    assert not folder.exists()


@pytest.mark.usefixtures("walls")
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give files away")
def test_root_reads_what_belongs_to_an_engines_user_alone(desk: Desk) -> None:
    newest = desk.commit()
    for folder, folders, files in os.walk(desk.work):
        for name in (".", *folders, *files):
            os.chown(os.path.join(folder, name), ENGINE_UID, ENGINE_UID, follow_symlinks=False)
        os.chmod(folder, 0o700)
    for file in (desk.dot_git / "objects").rglob("??/*"):
        file.chmod(0o400)
    assert looked(desk, lambda look: look.run(["log", "--format=%H", "-1", newest]).line) == newest


@pytest.fixture
def secret(tmp_path: Path) -> tuple[Path, str]:
    """Another repository on this machine, and a commit of it whose id the agent has found out."""
    repository = make_origin(tmp_path / "secret")
    return repository, commit(repository, "key", "the key\n", "the key")


@pytest.mark.usefixtures("either")
def test_objects_folders_that_the_agents_names_are_refused(desk: Desk, secret: tuple[Path, str]) -> None:
    with open(desk.dot_git / "objects/info/alternates", "a") as file:
        file.write(f"{secret[0]}/.git/objects\n")
    with pytest.raises(GitFailed, match="names another one"):
        looked(desk, lambda look: look.commit(secret[1]))


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("place", ["objects", "objects/pack", "objects/aa", "objects/info"])
def test_a_link_in_the_place_of_an_objects_folder_is_refused(desk: Desk, secret: tuple[Path, str], place: str) -> None:
    linked = desk.dot_git / place
    if linked.exists():
        linked.rename(desk.work / "away")
    linked.symlink_to(secret[0] / ".git/objects")
    with pytest.raises(GitFailed, match=r"a link|cannot be read"):
        looked(desk, lambda look: look.commit(secret[1]))


@pytest.mark.usefixtures("walls")
def test_what_is_swapped_in_after_the_check_leads_nowhere(
    desk: Desk, secret: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race that a check alone would lose: everything that it looked at has become a link since."""
    own = desk.commit()
    objects = secret[0] / ".git/objects"
    with inspector([desk.dot_git / "objects"], within=[desk.work], trusted=[desk.origin / ".git/objects"]) as look:
        assert look.commit(own) == own
        (desk.dot_git / "objects/info/alternates").write_text(f"{objects}\n")
        assert look.commit(secret[1]) is None
        (desk.dot_git / "objects").rename(desk.work / "away")
        (desk.dot_git / "objects").symlink_to(objects)
        assert look.commit(secret[1]) is None
        assert look.run(["cat-file", "-e", secret[1]], codes=(1, 128)).code


@pytest.mark.usefixtures("walls")
def test_behind_the_walls_is_nothing_of_the_machine(desk: Desk) -> None:
    """A shell in git's place, as a hole in git would be one."""
    with inspector(
        [desk.dot_git / "objects"], within=[desk.work], trusted=[desk.origin / ".git/objects"], worktree=desk.work
    ) as look:
        shell = ["-c", "alias.sh=!sh -c", "sh"]
        seen = look.run([*shell, "ls -A / /dev; cat /etc/shadow /proc/1/environ; ls /root /home /tmp; true"]).text
        names = set(re.findall(r"^\S+$", seen, re.MULTILINE))
        assert {"usr", "null"} <= names
        assert not names & {"etc", "root", "home", "proc", "var", "run", "work"}
        refused = f"touch {desk.work}/a.txt || echo no; touch {desk.work}/new || echo no; touch /x || echo no; touch /usr/x || echo no"
        assert look.run([*shell, refused]).text.split() == ["no"] * 4
        assert look.run([*shell, "echo 1 > /dev/tcp/127.0.0.1/22 || echo alone; id -u"]).text.split()[0] == "alone"


@pytest.mark.usefixtures("either")
@pytest.mark.parametrize("path", ["/etc", "../secret/.git/objects"])
def test_only_what_lies_in_the_agents_folder_is_looked_at(desk: Desk, path: str) -> None:
    with (
        pytest.raises(GitFailed, match="does not lie in what may be read"),
        inspector([desk.work / path], within=[desk.work]),
    ):
        pass
    with (
        pytest.raises(GitFailed, match="does not lie in what may be read"),
        inspector([], within=[desk.work], worktree=Path("/etc")),
    ):
        pass


def test_repositories_of_sha256_are_read(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin", "--object-format=sha256")
    desk = make_desk(tmp_path, origin)
    newest = desk.commit()
    with inspector(
        [desk.dot_git / "objects"], within=[desk.work], trusted=[origin / ".git/objects"], object_format="sha256"
    ) as look:
        assert look.commit(newest) == newest


def test_a_pack_has_what_is_asked_for_and_no_more_than_may_be(desk: Desk, tmp_path: Path) -> None:
    first, newest = desk.git("rev-parse", "HEAD"), desk.commit()
    bare = tmp_path / "bare"
    git(tmp_path, "clone", "-q", "--bare", desk.repo, str(bare))
    looked(desk, lambda look: look.pack([newest], [first], tmp_path / "pack", most_bytes=1 << 20, seconds=20))
    run_git(["-C", str(bare), "index-pack", "--stdin", "--strict"], stdin=tmp_path / "pack", seconds=20)
    assert git(bare, "log", "--format=%s", newest).split() == ["two", "one"]
    with pytest.raises(GitFailed, match="to take"):
        looked(desk, lambda look: look.pack([newest], [], tmp_path / "small", most_bytes=20, seconds=20))


@pytest.mark.usefixtures("either")
def test_output_is_cut_and_git_is_ended_there(desk: Desk) -> None:
    blob = desk.git("hash-object", "-w", "--stdin")
    (desk.work / "big").write_bytes(b"x\n" * 2_000_000)
    blob = desk.git("hash-object", "-w", "big")
    out = looked(desk, lambda look: look.run(["cat-file", "blob", blob], most_bytes=1000))
    assert out == Output(b"x\n" * 500, cut=True)


@pytest.mark.usefixtures("either")
def test_what_takes_too_long_is_ended_with_all_that_it_started(desk: Desk) -> None:
    began = time.monotonic()
    with pytest.raises(GitFailed, match="took longer than 0.5 s") as caught:
        looked(desk, lambda look: look.run(["-c", "alias.wait=!sleep 3141", "wait"], seconds=0.5))
    assert caught.value.timed_out
    assert time.monotonic() - began < 200
    commands = [file.read_bytes() for file in Path("/proc").glob("[0-9]*/cmdline") if os.access(file, os.R_OK)]
    assert not [command for command in commands if b"sleep\x003141" in command]


def test_gits_complaint_is_one_line_that_no_terminal_obeys(desk: Desk) -> None:
    with pytest.raises(GitFailed) as caught:
        looked(desk, lambda look: look.run(["cat-file", "-p", "\x1b[31mred\nmore"]))
    assert caught.value.reason.isprintable()
    assert "Not a valid object name" in caught.value.reason


def test_without_git_that_is_the_sentence(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(GitFailed, match="git is not installed"):
        looked(desk, lambda look: look.run(["version"]))


@pytest.mark.parametrize(
    ("text", "whole"), [("a" * 40, True), ("0" * 64, True), ("A" * 40, False), ("a" * 39, False), ("main", False)]
)
def test_only_whole_ids_are_ids(text: str, whole: bool) -> None:
    assert is_sha(text) is whole
