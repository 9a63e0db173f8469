"""An agent's work on the operator's socket: looked at, listed, brought home; of the living and of the buried."""

from pathlib import Path
from typing import Any

import pytest

from hived.paths import AgentPaths
from hived.workspace.clones import make_workspace
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.repositories import Desk, commit, git, make_origin


@pytest.fixture
async def desk(books: Books, tmp_path: Path) -> Desk:
    """`ada`, with her clone of a repository."""
    return await worker(books, tmp_path)


async def worker(books: Books, folder: Path, name: str = "ada") -> Desk:
    origin = make_origin(folder / "origin")
    await books.agent(name, repo=str(origin))
    paths: AgentPaths = books.hive.paths.agent(name)
    make_workspace(name, str(origin), paths.workspace)
    return Desk(origin, paths)


async def test_it_shows_commits_files_and_on_request_the_patch(books: Books, host: Calls, desk: Desk) -> None:
    newest = desk.commit("a.txt", "two\n", "a \x1b[31msubject")
    (desk.work / "new.txt").write_text("n\n")
    status, work = await host("GET", "/v1/agents/ada/work")
    assert status == 200
    assert (work["agent"], work["repo"], work["workspace"]) == ("ada", desk.repo, str(desk.work))
    state = work["state"]
    assert (state["commits"], state["changed"], state["merged"], state["known"], state["head"]) == (
        1,
        1,
        False,
        True,
        newest,
    )
    assert [(item["sha"], item["subject"]) for item in work["commits"]] == [(newest, "a [31msubject")]
    assert {item["path"]: item["status"] for item in work["files"]} == {"a.txt": "changed", "new.txt": "untracked"}
    assert (work["patch"], work["cut"]) == (None, False)
    status, work = await host("GET", "/v1/agents/ada/work?patch=true")
    assert "+two" in work["patch"]
    assert (await books.view("ada")).work is not None


async def test_what_was_seen_is_fed_once(books: Books, host: Calls, desk: Desk) -> None:
    for _ in range(3):
        await host("GET", "/v1/agents/ada/work")
    seen = [row.payload["work"] for row in books.feed if row.kind == "agent" and row.payload["work"] is not None]
    assert [work["commits"] for work in seen] == [0]
    desk.commit()
    await host("GET", "/v1/agents/ada/work")
    assert (await books.view("ada")).work.commits == 1  # type: ignore[union-attr]


async def test_it_is_brought_home_and_that_is_in_the_audit(books: Books, host: Calls, desk: Desk) -> None:
    newest = desk.commit()
    (desk.work / "new.txt").write_text("n\n")
    status, fetched = await host("POST", "/v1/agents/ada/work/fetch")
    assert (status, fetched["branch"], fetched["commit"], fetched["before"], fetched["commits"]) == (
        200,
        "hive/ada",
        newest,
        None,
        1,
    )
    assert (fetched["state"]["commits"], fetched["state"]["changed"]) == (0, 1)
    assert git(desk.origin, "rev-parse", "hive/ada") == newest
    status, audit = await host("GET", "/v1/audit")
    last = audit["entries"][-1]
    assert (last["action"], last["detail"]["branch"], last["detail"]["commit"]) == ("work.fetched", "hive/ada", newest)


async def test_another_branch_of_hers_comes_home_under_another_name(host: Calls, desk: Desk) -> None:
    desk.git("switch", "-q", "-c", "other")
    other = desk.commit()
    desk.git("switch", "-q", "hive/ada")
    status, fetched = await host("POST", "/v1/agents/ada/work/fetch", {"branch": "side/two", "of": "other"})
    assert (status, fetched["branch"], fetched["commit"]) == (200, "side/two", other)


async def test_the_same_key_brings_the_same_answer(host: Calls, desk: Desk) -> None:
    desk.commit()
    first = await host("POST", "/v1/agents/ada/work/fetch", headers={"Idempotency-Key": "once"})
    desk.commit("c.txt", "c\n")
    assert await host("POST", "/v1/agents/ada/work/fetch", headers={"Idempotency-Key": "once"}) == first
    assert (await host("POST", "/v1/agents/ada/work/fetch"))[1]["commits"] == 1


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({"branch": "main"}, 409, "fetch_refused"),
        ({"branch": "../x"}, 409, "fetch_refused"),
        ({"of": "nowhere"}, 409, "fetch_refused"),
        ({"branch": "x" * 300}, 400, "invalid_request"),
        ({"branches": "x"}, 400, "invalid_request"),
    ],
)
async def test_what_cannot_be_is_one_sentence(host: Calls, desk: Desk, body: Any, status: int, code: str) -> None:
    desk.commit()
    found, answer = await host("POST", "/v1/agents/ada/work/fetch", body)
    assert (found, answer["code"]) == (status, code)
    assert "\n" not in answer["message"]


async def test_nobody_and_no_name(host: Calls) -> None:
    assert (await host("GET", "/v1/agents/bob/work"))[1]["code"] == "agent_not_found"
    assert (await host("GET", "/v1/agents/..%2Fbob/work"))[0] in (400, 404)
    assert (await host("GET", "/v1/agents/Bob/work"))[1]["code"] == "invalid_name"


async def test_without_a_repository_there_is_nothing_to_bring_home(books: Books, host: Calls) -> None:
    await books.agent("bob")
    status, work = await host("GET", "/v1/agents/bob/work")
    assert (status, work["repo"], work["state"]["commits"], work["files"]) == (200, None, 0, [])
    status, refused = await host("POST", "/v1/agents/bob/work/fetch")
    assert (status, refused["code"]) == (409, "fetch_refused")
    assert (await books.view("bob")).work is None


async def test_an_origin_that_is_gone_is_said_and_the_view_says_it_too(books: Books, host: Calls, desk: Desk) -> None:
    desk.commit()
    desk.origin.rename(desk.origin.with_name("elsewhere"))
    state = (await host("GET", "/v1/agents/ada/work"))[1]["state"]
    assert not state["known"]
    assert "is not there: it was moved, or is gone" in state["problem"]
    assert "is not there" in (await host("POST", "/v1/agents/ada/work/fetch"))[1]["message"]
    work = (await books.view("ada")).work
    assert work is not None
    assert work.lost_with_it


async def test_the_buried_ones_comes_home_as_well(books: Books, host: Calls, desk: Desk) -> None:
    newest = desk.commit()
    ada = (await books.view("ada")).id
    await books.do(
        lambda tx: tx.execute("UPDATE agents SET lifecycle = 'buried', wanted = 'stopped' WHERE id = ?", (ada,))
    )
    status, work = await host("GET", "/v1/agents/ada/work")
    assert (status, work["state"]["commits"]) == (200, 1)
    assert (await host("POST", "/v1/agents/ada/work/fetch"))[1]["commit"] == newest
    tombstones = [row.payload for row in books.feed if row.kind == "tombstone"]
    assert tombstones, "its tombstone is fed"
    assert commit(desk.origin, "later.txt")
