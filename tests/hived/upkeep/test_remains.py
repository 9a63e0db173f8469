"""What is left of an agent, and what would be lost with it."""

import sqlite3
from pathlib import Path

import pytest

from hived.core.purges import lost_words
from hived.upkeep.remains import lost, remains_of, work_of
from hived.wire.work import WorkState
from tests.support.repositories import Desk, git, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = make_desk(tmp_path)
    made.paths.harness.mkdir(exist_ok=True)
    return made


def journal(desk: Desk, *texts: str) -> None:
    with sqlite3.connect(desk.paths.events_db) as made:
        made.execute("CREATE TABLE events(id INTEGER PRIMARY KEY, ts TEXT, kind TEXT, payload_json TEXT)")
        for text in texts:
            made.execute(
                "INSERT INTO events(ts, kind, payload_json) VALUES ('2026', 'text', json_object('text', ?))", [text]
            )
        made.execute("INSERT INTO events(ts, kind, payload_json) VALUES ('2027', 'turn_end', '{}')")
    made.close()


def test_its_last_text_are_its_last_words(desk: Desk) -> None:
    journal(desk, "first", "I go home")
    remains = remains_of(desk.paths, desk.repo)
    assert (remains.last_words, remains.last_words_at) == ("I go home", "2026")
    assert remains.sizes["work"] > 0
    assert remains.origin_head == git(desk.origin, "rev-parse", "main")


def test_a_journal_that_is_none_has_no_words(desk: Desk) -> None:
    desk.paths.events_db.write_text("no database")
    assert remains_of(desk.paths, desk.repo).last_words == ""
    desk.paths.events_db.unlink()
    assert remains_of(desk.paths, desk.repo).last_words_at is None


def test_merged_and_clean_nothing_is_lost(desk: Desk) -> None:
    assert lost(desk.paths, desk.repo)[1] == ""


def test_commits_and_changes_are_lost_until_the_origin_has_them(desk: Desk) -> None:
    sha = desk.commit()
    assert lost(desk.paths, desk.repo)[1] == "1 commit"
    (desk.work / "more.txt").write_text("x")
    assert lost(desk.paths, desk.repo)[1] == "1 commit and 1 changed file"
    git(desk.origin, "fetch", "-q", str(desk.work), f"{sha}:refs/heads/home")
    (desk.work / "more.txt").unlink()
    assert lost(desk.paths, desk.repo)[1] == ""


@pytest.mark.parametrize("broken", ["no head", "no origin", "no .git", "a link"])
def test_where_nobody_can_tell_there_is_work(desk: Desk, broken: str, tmp_path: Path) -> None:
    match broken:
        case "no head":
            (desk.dot_git / "HEAD").unlink()
        case "no origin":
            desk.origin.rename(tmp_path / "moved")
        case "no .git":
            desk.dot_git.rename(tmp_path / "stolen")
        case "a link":
            desk.work.rename(tmp_path / "elsewhere")
            desk.work.symlink_to(tmp_path / "elsewhere")
    assert "nobody can tell" in lost(desk.paths, desk.repo)[1]


def test_a_workspace_that_was_never_made_holds_nothing(tmp_path: Path, desk: Desk) -> None:
    desk.work.rename(tmp_path / "moved")
    assert lost(desk.paths, desk.repo)[1] == ""
    assert work_of(desk.paths, desk.repo).known


def test_files_in_a_workspace_without_a_repository_are_work(desk: Desk, tmp_path: Path) -> None:
    desk.work.rename(tmp_path / "moved")
    desk.work.mkdir()
    assert lost(desk.paths, None)[1] == ""
    (desk.work / ".git").mkdir()
    (desk.work / ".git" / "object").write_text("x")
    assert lost(desk.paths, None)[1] == "1 file in a workspace without a repository"
    (desk.work / "plan.md").write_text("x")
    assert "1 changed file" in lost(desk.paths, None)[1]


def test_nobody_has_looked_is_work() -> None:
    assert lost_words(None, None) == "nobody could look at its workspace"
    assert lost_words(WorkState(looked_at="now", known=False, problem="a merge"), None) == "nobody can tell (a merge)"
    assert lost_words(WorkState(looked_at="now"), 0) == ""
