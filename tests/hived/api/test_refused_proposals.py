"""What was refused does not stay for ever, and what anybody can still need does, whatever was killed."""

import asyncio
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hived.core.proposals import KEPT_REFUSED
from hived.deploy import applied
from hived.supervision.denials import Denials
from hived.wire.ids import new_id
from tests.hived.api.conftest import Calls
from tests.hived.api.test_proposals import COMMAND, deployed, propose, refused
from tests.support.books import Books
from tests.support.configs import Config, git


@pytest.fixture
async def bee(books: Books) -> AsyncIterator[Config]:
    """When the test is over nothing that a ref leads to is missing."""
    await books.agent("bee", engine="command", engine_options=COMMAND)
    config = await deployed(books, "bee")
    yield config
    git(config.paths.applied, "fsck", "--connectivity-only", "--no-dangling")


def commit_of(bee: Config, words: str) -> str:
    """A commit of its own upon what runs, with a file that nothing else has."""
    git(bee.folder, "checkout", "-q", git(bee.paths.applied, "rev-parse", "main"))
    return bee.commit({f"{words}.md": f"the file of {words}\n" * 50}, words)


async def proposed(host: Calls, bee: Config, words: str) -> dict[str, Any]:
    return await propose(host, commit_of(bee, words))


async def denied(host: Calls, bee: Config, words: str) -> dict[str, Any]:
    asked = await proposed(host, bee, words)
    assert (await host("POST", f"/v1/approvals/{asked['id']}/deny", {"note": "no"}))[0] == 200
    return asked


def has(bee: Config, what: str) -> bool:
    """Whether hived's repository has that object."""
    words = ["git", "-C", str(bee.paths.applied), "cat-file", "-e", what]
    return subprocess.run(words, capture_output=True, check=False).returncode == 0


def blob(bee: Config, commit: str, words: str) -> str:
    return git(bee.folder, "rev-parse", f"{commit}:{words}.md")


async def test_of_those_that_were_denied_the_newest_are_kept(host: Calls, bee: Config) -> None:
    asked = [await denied(host, bee, f"n{number}") for number in range(KEPT_REFUSED + 2)]
    commits = [one["payload"]["commit"] for one in asked]
    blobs = [blob(bee, commit, f"n{number}") for number, commit in enumerate(commits)]
    kept = [False] * 2 + [True] * KEPT_REFUSED
    assert [has(bee, commit) for commit in commits] == kept
    assert [has(bee, one) for one in blobs] == kept
    assert [f"denied/{one['id']}" in bee.applied_tags() for one in asked] == kept
    assert [f"proposal/{one['id']}" in bee.applied_tags() for one in asked] == kept
    status, gone = await host("GET", f"/v1/approvals/{asked[0]['id']}/diff")
    assert (status, gone["code"]) == (404, "commit_not_found")
    assert gone["message"].endswith(
        f"It was removed: of proposals that were refused the newest {KEPT_REFUSED} are kept."
    )
    assert (await host("GET", f"/v1/approvals/{asked[-1]['id']}/diff"))[0] == 200


async def test_its_decision_names_the_commit_after_it_is_gone(host: Calls, bee: Config) -> None:
    asked = [await denied(host, bee, f"n{number}") for number in range(KEPT_REFUSED + 1)]
    [entry] = (await host("GET", f"/v1/audit?subject={asked[0]['id']}"))[1]["entries"]
    assert (entry["action"], entry["detail"]["commit"]) == ("approval.denied", asked[0]["payload"]["commit"])


async def test_what_is_gone_may_be_proposed_anew(host: Calls, bee: Config) -> None:
    first = await denied(host, bee, "first")
    for number in range(KEPT_REFUSED):
        await denied(host, bee, f"n{number}")
    commit = first["payload"]["commit"]
    assert not has(bee, commit)
    again = await propose(host, commit)
    assert (again["id"] != first["id"], has(bee, blob(bee, commit, "first"))) == (True, True)


async def test_what_an_undecided_one_is_compared_with_is_kept_and_so_is_itself(host: Calls, bee: Config) -> None:
    base = await denied(host, bee, "base")
    waits = await proposed(host, bee, "waits")
    approved = await proposed(host, bee, "approved")
    assert (await host("POST", f"/v1/approvals/{approved['id']}/approve"))[1]["status"] == "approved"
    for number in range(KEPT_REFUSED + 2):
        await denied(host, bee, f"n{number}")
    newest = await proposed(host, bee, "newest")
    for one in (base, waits, approved):
        assert has(bee, one["payload"]["commit"])
    for one in (waits, newest):
        for against in ("running", "approved", "queued"):
            status, diff = await host("GET", f"/v1/approvals/{one['id']}/diff?base={against}")
            assert (status, f"{one['payload']['summary']}.md" in diff.get("text", "")) == (200, True), diff


async def test_what_is_refused_at_once_leaves_nothing(host: Calls, bee: Config) -> None:
    before = git(bee.paths.applied, "count-objects")
    commit = bee.commit({"agent.toml": "engine = 1\n", "large.md": "x" * 100_000})
    assert (await refused(host, {"agent": "bee", "commit": commit}))[1] == "invalid_proposal"
    assert (git(bee.paths.applied, "count-objects"), has(bee, commit)) == (before, False)


async def test_what_a_kill_left_behind_goes_at_the_next_start(host: Calls, bee: Config, books: Books) -> None:
    waits = await proposed(host, bee, "waits")
    before = git(bee.paths.applied, "count-objects")
    unasked, named = commit_of(bee, "unasked"), new_id()
    await asyncio.to_thread(applied.fetch_proposal, bee.paths, unasked, named)  # and killed before it was asked
    loose = await asyncio.to_thread(applied.fetch_proposal, bee.paths, commit_of(bee, "loose"), "p")
    applied.repository(bee.paths).delete_ref("refs/tags/proposal/p")  # killed between a tag and its objects
    (bee.paths.applied / ".git/incoming-x.pack").write_bytes(b"half")
    await Denials(books.hive).run()
    assert (has(bee, unasked), has(bee, loose.commit), has(bee, waits["payload"]["commit"])) == (False, False, True)
    assert bee.applied_tags() == {f"proposal/{waits['id']}"}
    assert git(bee.paths.applied, "count-objects") == before
    assert not list((bee.paths.applied / ".git").glob("incoming-*"))


@pytest.mark.parametrize("lost", ["blob", "tree"])
async def test_one_that_was_half_removed_is_taken_whole_again(host: Calls, bee: Config, lost: str) -> None:
    commit = commit_of(bee, "half")
    await asyncio.to_thread(applied.fetch_proposal, bee.paths, commit, "p")
    applied.repository(bee.paths).delete_ref("refs/tags/proposal/p")
    sha = blob(bee, commit, "half") if lost == "blob" else git(bee.folder, "rev-parse", f"{commit}^{{tree}}")
    (bee.paths.applied / ".git/objects" / sha[:2] / sha[2:]).unlink()
    await propose(host, commit)
    assert has(bee, sha)


async def test_nothing_is_removed_while_somebody_writes_and_who_writes_waits(
    host: Calls, bee: Config, books: Books
) -> None:
    agent_id = (await host("GET", "/v1/agents/bee"))[1]["id"]
    gate = books.hive.gate(agent_id)
    async with gate.writing():
        asked = [await denied(host, bee, f"n{number}") for number in range(KEPT_REFUSED + 1)]
        assert has(bee, asked[0]["payload"]["commit"])
    with gate.sweeping() as alone:
        assert alone
        waiting = asyncio.ensure_future(
            host("POST", "/v1/proposals", {"agent": "bee", "commit": commit_of(bee, "late")})
        )
        with gate.sweeping() as twice:
            assert not twice
        await host("GET", "/v1/agents/bee")
        assert not waiting.done()
    assert (await waiting)[0] == 202
    await Denials(books.hive).run()
    assert not has(bee, asked[0]["payload"]["commit"])


def test_a_repository_that_is_not_there_yet_is_left_alone(books: Books, tmp_path: Path) -> None:
    applied.sweep(books.hive.paths.agent("nobody"), set(), set())
    assert not books.hive.paths.agent("nobody").applied.exists()
