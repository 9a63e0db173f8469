"""What a commit changes, from a repository of hived's own whose commits somebody else wrote."""

from pathlib import Path

import pytest

from hived.deploy import diffs
from hived.deploy.diffs import contains, difference, quoted
from hived.wire.errors import CommitNotFound
from tests.support.configs import git

NOWHERE = "0" * 40


@pytest.fixture
def work(tmp_path: Path) -> Path:
    folder = tmp_path / "scout"
    folder.mkdir()
    git(folder, "init", "-q", "-b", "main")
    (folder / "agent.toml").write_text("".join(f"key{number} = 1\n" for number in range(10)))
    commit(folder, "one")
    return folder


def commit(folder: Path, words: str) -> str:
    git(folder, "add", "--all")
    git(folder, "commit", "-q", "-m", words)
    return git(folder, "rev-parse", "HEAD")


def head(folder: Path) -> str:
    return git(folder, "rev-parse", "HEAD")


def test_files_come_with_their_lines_and_a_renamed_one_with_its_old_name(work: Path) -> None:
    before = head(work)
    git(work, "mv", "agent.toml", "moved.toml")
    with (work / "moved.toml").open("a") as file:
        file.write("more = 1\n")
    (work / "new.md").write_text("a\nb\n")
    (work / "picture").write_bytes(b"\0\1\2")
    after = commit(work, "two words\n\nand a body")
    found = difference(work / ".git", before, after)
    assert [(file.status, file.old_path, file.path, file.added, file.removed) for file in found.files] == [
        ("renamed", "agent.toml", "moved.toml", 1, 0),
        ("added", None, "new.md", 2, 0),
        ("added", None, "picture", None, None),
    ]
    assert (found.added, found.removed, found.summary, found.cut) == (3, 0, "two words", False)
    assert "rename from agent.toml" in found.text
    assert "\n+more = 1\n" in found.text
    assert "Binary files /dev/null and b/picture differ" in found.text


def test_without_a_base_everything_is_new(work: Path) -> None:
    found = difference(work / ".git", None, head(work))
    assert [(file.status, file.path, file.added) for file in found.files] == [("added", "agent.toml", 10)]


def test_a_commit_that_is_not_there_is_said(work: Path) -> None:
    with pytest.raises(CommitNotFound, match="applied/scout has no commit 000"):
        difference(work / ".git", head(work), NOWHERE)


def test_names_that_do_not_print_are_quoted_and_nothing_of_the_commit_hides_its_lines(work: Path) -> None:
    before = head(work)
    (work / "we\nird\x1b").write_text("x\n")
    (work / "ümlaut").write_text("x\n")
    (work / ".gitattributes").write_text("* -diff\n*.toml diff=evil binary\n")
    (work / "agent.toml").write_text("hidden = 1\n")
    found = difference(work / ".git", before, commit(work, "attributes"))
    assert [file.path for file in found.files] == [".gitattributes", "agent.toml", '"we\\nird\\033"', "ümlaut"]
    assert "+hidden = 1" in found.text
    assert '+++ "b/we\\nird\\033"' in found.text


def test_no_driver_of_the_repository_is_run(work: Path, tmp_path: Path) -> None:
    before = head(work)
    (work / ".gitattributes").write_text("* diff=evil\n")
    (work / "agent.toml").write_text("x = 1\n")
    after, ran = commit(work, "evil"), tmp_path / "ran"
    (work / ".git/info/attributes").write_text("* diff=evil\n")
    for name in ("diff.external", "diff.evil.command", "diff.evil.textconv", "core.fsmonitor"):
        git(work, "config", name, f"touch {ran}; cat")
    found = difference(work / ".git", before, after)
    assert "+x = 1" in found.text
    assert not ran.exists()


def test_a_long_one_is_cut_at_a_lines_end(work: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    before = head(work)
    (work / "long").write_text("line\n" * 10_000)
    after = commit(work, "long")
    monkeypatch.setattr(diffs, "MOST_TEXT", 1003)
    found = difference(work / ".git", before, after)
    assert found.cut
    assert len(found.text) <= 1003
    assert found.text.endswith("+line\n")
    assert found.files[0].added == 10_000
    assert difference(work / ".git", before, after, text=False).text == ""


def test_what_came_after_a_commit_contains_it(work: Path) -> None:
    first = head(work)
    (work / "a").write_text("a")
    second = commit(work, "two")
    assert contains(work / ".git", second, first)
    assert contains(work / ".git", first, first)
    assert not contains(work / ".git", first, second)
    assert not contains(work / ".git", first, NOWHERE)


def test_a_name_that_is_no_text_is_quoted_byte_by_byte() -> None:
    assert quoted(b'\xff"\\\t') == '"\\377\\"\\\\\\t"'
    assert quoted("é".encode()) == "é"
    assert quoted("\u202e".encode()) == '"\\342\\200\\256"'
