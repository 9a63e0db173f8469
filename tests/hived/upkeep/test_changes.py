"""What is different for an agent from when it was buried."""

import os
from pathlib import Path

import pytest

from hived.upkeep.changes import changes_since
from hived.upkeep.remains import remains_of
from hived.wire.agents import SpawnRequest
from hived.wire.tombstones import OpenItems, Tombstone
from tests.hived.upkeep.test_bundles import TOMBSTONE
from tests.support.books import Books, open_books
from tests.support.repositories import Desk, commit, git, make_desk


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    made = make_desk(tmp_path)
    made.paths.harness.mkdir(exist_ok=True)
    return made


def buried(desk: Desk, **fields: object) -> Tombstone:
    remains = remains_of(desk.paths, desk.repo)
    return TOMBSTONE.model_copy(update={"work": remains.work, "origin_head": remains.origin_head, **fields})


async def changed(desk: Desk, tombstone: Tombstone, **spec: object) -> list[str]:
    async with open_books() as books:
        return await _changed(books, desk, tombstone, **spec)


async def _changed(books: Books, desk: Desk, tombstone: Tombstone, **spec: object) -> list[str]:
    request = SpawnRequest.model_validate({"name": "ada", "engine": "command", "repo": desk.repo,
                                           "engine_options": {"command": ["true"]}, **spec})  # fmt: skip
    return [f"{one.what}: {one.words}" for one in await changes_since(books.hive, tombstone, request, desk.paths)]


async def test_nothing_has_changed(desk: Desk) -> None:
    assert await changed(desk, buried(desk)) == []


async def test_how_far_its_origin_has_moved(desk: Desk) -> None:
    tombstone = buried(desk)
    commit(desk.origin, text="2\n", message="two")
    commit(desk.origin, text="3\n", message="three")
    assert await changed(desk, tombstone) == [f"repo: 2 commits on main of {desk.repo}"]


async def test_an_origin_that_was_rewritten(desk: Desk) -> None:
    commit(desk.origin, text="2\n", message="two")
    tombstone = buried(desk)
    git(desk.origin, "reset", "-q", "--hard", "HEAD~1")
    commit(desk.origin, text="other\n", message="other")
    assert await changed(desk, tombstone) == [
        f"repo: 1 commit on main of {desk.repo}, and 1 commit of then gone from it"
    ]


async def test_an_origin_that_is_gone(desk: Desk, tmp_path: Path) -> None:
    tombstone = buried(desk)
    desk.origin.rename(tmp_path / "moved")
    [words] = await changed(desk, tombstone)
    assert words.startswith(f"repo: The repository {desk.repo} is not there")


async def test_mail_that_waits_and_what_ended_with_it(desk: Desk) -> None:
    tombstone = buried(desk, open=OpenItems(messages=2, held=1, questions=1, reminders=3))
    assert await changed(desk, tombstone) == [
        "messages: 3 messages for it wait", "questions: 1 question ended with it", "reminders: 3 reminders ended with it",
    ]  # fmt: skip


async def test_an_engine_that_is_not_there_any_more(desk: Desk) -> None:
    [words] = await changed(desk, buried(desk), engine_options={"command": ["/no/such/program"]})
    assert words.startswith("engine: its engine would not start: ")


async def test_commits_of_its_config_that_were_never_applied(desk: Desk) -> None:
    proposed, applied = desk.paths.proposed, desk.paths.applied
    proposed.mkdir(parents=True)
    git(proposed, "init", "-q", "-b", "main")
    first = commit(proposed, "agent.toml", 'engine = "command"\n')
    git(applied.parent.parent, "clone", "-q", str(proposed), str(applied))
    tombstone = buried(desk, commit=first)
    assert await changed(desk, tombstone) == []
    commit(proposed, "agent.toml", 'engine = "scripted"\n', "another")
    assert await changed(desk, tombstone) == ["config: 1 commit of its config since, not applied"]


async def test_a_folder_that_is_gone(desk: Desk, tmp_path: Path) -> None:
    tombstone = buried(desk)
    desk.paths.root.rename(tmp_path / "moved")
    assert "config: its folder is gone: it begins with nothing" in await changed(desk, tombstone)


async def test_an_engine_of_another_version(desk: Desk, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    claude = tmp_path / "claude"
    claude.write_text("#!/bin/sh\necho '2.0.5 (Claude Code)'\n")
    claude.chmod(0o755)
    before = buried(desk, engine="claude", engine_version="2.0.1")
    assert await changed(desk, before, engine="claude", engine_options={}) == ["engine: claude is 2.0.5, and was 2.0.1"]
    same = buried(desk, engine="claude", engine_version="2.0.5")
    assert await changed(desk, same, engine="claude", engine_options={}) == []
