"""A commit of an agent's config is taken in and tagged before anybody is asked; what could never run is refused at once."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from hived.api.proposals import tag_denied
from hived.core import agents
from hived.core.notices import notice_of
from hived.deploy import applied
from hived.deploy.repository import MAIN
from hived.paths import HivePaths
from hived.supervision.builder import ensure_first
from hived.supervision.denials import Denials
from hived.wire.approvals import Approval
from hived.wire.ids import new_id
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.configs import Config, git

COMMAND = {"command": ["cat"]}


async def deployed(books: Books, name: str) -> Config:
    """The agent's repositories, with its first commit deployed."""

    def query(conn: Any) -> Any:
        return agents.find_agent(conn, name)

    row = await books.read(query)
    first = await asyncio.to_thread(ensure_first, books.hive.paths.agent(name), row, row["created_at"])
    config = Config(books.hive.paths, name)
    await run(books, config, first)
    return config


async def run(books: Books, config: Config, commit: str) -> None:
    """That commit is what the agent runs."""
    name, repo = config.name, applied.repository(config.paths)
    if not repo.has(commit):
        await asyncio.to_thread(applied.fetch_proposal, config.paths, commit, "deployed")
        repo.delete_ref("refs/tags/proposal/deployed")
    repo.set_ref(MAIN, commit)
    await books.do(
        lambda tx: tx.execute("UPDATE agents SET commit_sha = ?1, good_sha = ?1 WHERE name = ?2", (commit, name))
    )


@pytest.fixture
async def bee(books: Books) -> Config:
    await books.agent("bee", engine="command", engine_options=COMMAND)
    return await deployed(books, "bee")


@pytest.fixture
async def queen(books: Books) -> AsyncIterator[Calls]:
    """The calls of the queen's harness."""
    from hived.api.agent import create_agent_app

    queen = await books.agent("queen", role="queen", engine="command", engine_options=COMMAND)
    calls = Calls(create_agent_app(books.hive), (queen, "queen"))
    yield calls
    await calls.http.aclose()


def changed(config: Config, more: str = 'setup = ["make"]\n', words: str = "run make") -> str:
    """A commit whose agent.toml says this, too; its SHA."""
    text = config.read("agent.toml")
    return config.commit({"agent.toml": text.replace('role = "worker"\n', f'role = "worker"\n{more}')}, words)


def proposals_of(config: Config) -> set[str]:
    return {tag.removeprefix("proposal/") for tag in config.applied_tags() if tag.startswith("proposal/")}


async def propose(calls: Calls, commit: str | None, **said: Any) -> dict[str, Any]:
    status, answer = await calls("POST", "/v1/proposals", {"agent": "bee", "commit": commit, **said})
    assert status == 202, answer
    found: dict[str, Any] = answer
    return found


async def refused(calls: Calls, body: dict[str, Any]) -> tuple[int, str, str]:
    status, answer = await calls("POST", "/v1/proposals", {"agent": "bee", **body})
    return status, answer["code"], answer["message"]


# Asked -------------------------------------------------------------------------------------------------------------------


async def test_it_is_tagged_and_says_what_it_would_do(host: Calls, books: Books, bee: Config) -> None:
    first, commit = bee.head(), changed(bee)
    asked = await propose(host, commit, reason="it needs make")
    assert (asked["kind"], asked["status"], asked["requester"]) == ("apply_commit", "pending", "operator")
    assert asked["payload"] == {
        "agent": "bee",
        "agent_id": (await books.view("bee")).id,
        "commit": commit,
        "base": first,
        "summary": "run make",
        "reason": "it needs make",
        "files": ["agent.toml"],
        "added": 1,
        "removed": 0,
        "setup": ["make"],
        "flags": ["new setup: make"],
    }
    assert asked["subject"] == (
        f"config {commit[:12]} of bee (1 file, 1 setup command; CAREFUL: new setup): it needs make"
    )
    assert proposals_of(bee) == {asked["id"]}
    assert [(item.id, item.kind, item.subject) for item in await books.waiting()] == [
        (asked["id"], "apply_commit", asked["subject"])
    ]


async def test_without_a_commit_the_operators_is_what_head_names_now(host: Calls, bee: Config) -> None:
    commit = changed(bee)
    assert (await propose(host, None))["payload"]["commit"] == commit


async def test_the_same_commit_is_the_same_ask_until_it_is_decided(host: Calls, queen: Calls, bee: Config) -> None:
    commit = changed(bee)
    first = await propose(host, commit)
    assert (await propose(host, commit))["id"] == first["id"]
    assert (await propose(queen, commit, id=new_id()))["id"] == first["id"]
    assert proposals_of(bee) == {first["id"]}
    assert (await host("POST", f"/v1/approvals/{first['id']}/deny"))[0] == 200
    assert (await propose(host, commit))["id"] != first["id"]


async def test_many_who_propose_the_same_at_once_ask_once(host: Calls, bee: Config) -> None:
    commit = changed(bee)
    asked = await asyncio.gather(*(propose(host, commit) for _ in range(5)))
    assert len({one["id"] for one in asked}) == 1
    assert proposals_of(bee) == {asked[0]["id"]}


async def test_what_was_proposed_stays_what_it_was_whatever_is_done_to_its_repository(
    host: Calls, bee: Config, books: Books
) -> None:
    commit = changed(bee)
    asked = await propose(host, commit)
    git(bee.folder, "reset", "-q", "--hard", "HEAD~1")
    git(bee.folder, "reflog", "expire", "--expire=now", "--all")
    git(bee.folder, "gc", "-q", "--prune=now")
    changed(bee, 'setup = ["evil"]\n', "forced over it")
    assert git(bee.paths.applied, "rev-parse", f"proposal/{asked['id']}^{{commit}}") == commit
    status, diff = await host("GET", f"/v1/approvals/{asked['id']}/diff")
    assert status == 200
    assert '+setup = ["make"]' in diff["text"]
    assert "evil" not in diff["text"]


async def test_a_queen_proposes_and_is_told_of_the_answer(host: Calls, queen: Calls, bee: Config, books: Books) -> None:
    own, commit = new_id(), changed(bee)
    asked = await propose(queen, commit, id=own)
    assert (asked["id"], asked["requester"]) == (own, "queen")
    assert (await propose(queen, commit, id=own))["id"] == own
    assert [(item.agent, item.kind) for item in await books.waiting()] == [("queen", "apply_commit")]
    await host("POST", f"/v1/approvals/{own}/deny", {"note": "not now"})
    assert await books.one("SELECT body FROM messages WHERE recipient = 'queen'") == (
        f"Config {commit[:12]} of bee was denied by operator. Note: not now"
    )
    assert (await queen("POST", "/v1/proposals", {"agent": "bee", "commit": commit, "id": own}))[1][
        "status"
    ] == "denied"


async def test_who_looks_at_no_screen_is_told_of_it_in_one_line(queen: Calls, bee: Config, books: Books) -> None:
    commit = changed(bee, 'network = true\nsetup = ["a", "b"]\n', "words \x1b[2J\u202e that are long " + "x" * 500)
    await propose(queen, commit)
    text = notice_of(await books.waiting()).text
    begin = f"hive: queen asks: may it apply config {commit[:12]} of bee (1 file, 2 setup commands; CAREFUL: network, new setup)"
    assert text.startswith(begin)
    assert text.isprintable()
    assert len(text) <= 200


async def test_an_id_that_was_used_for_another_ask_is_refused(queen: Calls, bee: Config) -> None:
    own, first = new_id(), changed(bee)
    await propose(queen, first, id=own)
    assert await refused(queen, {"commit": changed(bee, 'env_from = ["B"]\n', "b"), "id": own}) == (
        400, "invalid_request", f"The approval id {own} is that of another ask.",
    )  # fmt: skip


async def test_only_a_queen_may_and_she_names_the_commit(harness: Calls, queen: Calls, bee: Config) -> None:
    commit = changed(bee)
    assert (await refused(harness, {"commit": commit}))[:2] == (403, "forbidden_role")
    assert (await refused(queen, {}))[:2] == (400, "invalid_request")
    assert (await refused(queen, {"commit": "main"}))[:2] == (400, "not_a_commit")
    assert proposals_of(bee) == set()


async def test_the_operators_may_be_in_a_clone_of_his_own(
    host: Calls, queen: Calls, bee: Config, tmp_path: Path
) -> None:
    clone = bee.clone(tmp_path / "clone")
    commit = changed(clone)
    assert (await refused(host, {"commit": commit}))[:2] == (404, "commit_not_found")
    assert (await refused(queen, {"commit": commit, "repo": str(clone.folder)}))[:2] == (400, "invalid_request")
    asked = await propose(host, None, repo=str(clone.folder))
    assert asked["payload"]["commit"] == commit
    git(tmp_path, "clone", "-q", "--bare", str(clone.folder), "bare.git")
    again = changed(clone, 'env_from = ["A"]\n', "more")
    git(clone.folder, "push", "-q", str(tmp_path / "bare.git"), "HEAD:main")
    assert (await propose(host, again, repo=str(tmp_path / "bare.git")))["payload"]["commit"] == again


@pytest.mark.parametrize("repo", ["relative", "/nowhere/at/all", "/etc/passwd", "/", ""])
async def test_a_clone_that_is_none_is_said(host: Calls, bee: Config, repo: str) -> None:
    commit = changed(bee)
    status, code, message = await refused(host, {"commit": commit, "repo": repo})
    assert status in (400, 404), (code, message)
    assert "\n" not in message
    assert (await refused(host, {"repo": repo}))[0] in (400, 404)


async def test_a_folder_that_is_no_clone_is_said_with_what_to_do(host: Calls, bee: Config, tmp_path: Path) -> None:
    folder, empty = tmp_path / "folder", tmp_path / "empty"
    folder.mkdir()
    git(tmp_path, "init", "-q", "empty")
    git(bee.folder, "worktree", "add", "-q", "--detach", str(tmp_path / "beside"))
    for body in ({"repo": str(folder)}, {"repo": str(folder), "commit": changed(bee)}):
        status, code, said = await refused(host, body)
        assert (status, code) == (404, "commit_not_found")
        assert said == f"{folder} is no git repository. Clone what runs, commit there, and propose it --from the clone."
    assert (await refused(host, {"repo": str(empty)}))[2] == f"{empty} has no commit yet: commit there first."
    assert "is a worktree of another repository" in (await refused(host, {"repo": str(tmp_path / "beside")}))[2]


# Refused -----------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "given", ["main", "HEAD", "refs/heads/main", "abc123", "A" * 40, "0" * 39, "../../x", "-" * 40]
)
async def test_a_branch_a_tag_or_a_short_id_is_no_commit(host: Calls, bee: Config, given: str) -> None:
    status, code, message = await refused(host, {"commit": given})
    assert (status, code) == (400, "not_a_commit")
    assert "give its 40 hex digits" in message


async def test_what_runs_is_not_proposed_nor_what_changes_nothing(host: Calls, bee: Config) -> None:
    status, code, message = await refused(host, {"commit": bee.head()})
    assert (status, code, message) == (400, "invalid_proposal", f"{bee.head()[:12]}: bee runs it already.")
    empty = bee.commit({}, "nothing")
    assert (await refused(host, {"commit": empty}))[2] == f"{empty[:12]}: it changes nothing of what bee runs."
    assert proposals_of(bee) == set()


async def test_a_commit_of_another_repository_is_not_found_and_one_without_its_history_is_refused(
    host: Calls, bee: Config, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    git(other, "init", "-q", "-b", "main")
    (other / "agent.toml").write_text('engine = "command"\n')
    git(other, "add", "--all")
    git(other, "commit", "-q", "-m", "other")
    strange = git(other, "rev-parse", "HEAD")
    assert (await refused(host, {"commit": strange}))[:2] == (404, "commit_not_found")
    git(bee.folder, "fetch", "-q", str(other), "main")
    status, code, message = await refused(host, {"commit": strange})
    assert (status, code) == (400, "invalid_proposal")
    assert "its history has nothing to do with bee's config" in message
    assert proposals_of(bee) == set()


async def test_an_agent_that_is_not_there_or_is_buried_is_said(host: Calls, books: Books, bee: Config) -> None:
    commit = changed(bee)
    assert (await refused(host, {"agent": "nobody", "commit": commit}))[:2] == (404, "agent_not_found")
    assert (await refused(host, {"agent": "../bee", "commit": commit}))[:2] == (400, "invalid_name")
    await books.do(lambda tx: tx.execute("UPDATE agents SET lifecycle = 'buried' WHERE name = 'bee'"))
    assert (await refused(host, {"commit": commit}))[:2] == (409, "agent_buried")


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (None, "it has no agent.toml"),
        ("engine = \n", "is no TOML"),
        ('engine = "command"\ncolour = "red"\n', "there is no key 'colour'"),
        ('engine = "command"\nname = "eve"\n', "name is not its config's to say"),
        ('engine = "command"\nsetup = "make"\n', "setup"),
        ("engine = 3\n", "engine"),
        ('engine = "command"\nnetwork = "yes"\n', "network"),
        ('engine = "gpt"\n', "There is no engine 'gpt'"),
        ('engine = "command"\nruntime = "docker"\n', "There is no runtime 'docker'"),
        ('engine = "command"\n[limits]\nusd_per_day = "lots"\n', "limits.usd_per_day"),
        ('engine = "command"\n[[rules]]\ntool = ""\n', "rules"),
        ('engine = "command"\nprompt = "/etc/shadow"\n', "leads out"),
        ('engine = "command"\nprompt = "gone.md"\n', "there is no file 'gone.md'"),
        ('engine = "command"\n[engine_options]\ncommand = ["no-such-program-at-all"]\n', "no-such-program-at-all"),
    ],
)
async def test_an_agent_toml_that_could_never_run_is_refused_with_the_sentence(
    host: Calls, bee: Config, text: str | None, reason: str
) -> None:
    commit = bee.commit({"agent.toml": text, "other.md": "x"}, "wrong")
    status, code, message = await refused(host, {"commit": commit})
    assert (status, code) == (400, "invalid_proposal")
    assert message.startswith(f"{commit[:12]}: ")
    assert reason in message
    assert "\n" not in message
    assert proposals_of(bee) == set()
    assert (await host("GET", "/v1/approvals"))[1]["approvals"] == []


async def test_a_link_or_a_repository_within_it_is_refused(host: Calls, bee: Config) -> None:
    (bee.folder / "link").symlink_to("/etc/passwd")
    assert "link is a link" in (await refused(host, {"commit": bee.commit({}, "link")}))[2]
    git(bee.folder, "rm", "-q", "link")
    git(bee.folder, "update-index", "--add", "--cacheinfo", f"160000,{bee.head()},sub")
    git(bee.folder, "commit", "-q", "-m", "sub")
    assert "sub is a submodule" in (await refused(host, {"commit": bee.head()}))[2]


async def test_a_repository_that_is_gone_is_said_where_head_was_to_be_read(host: Calls, bee: Config) -> None:
    bee.folder.rename(bee.folder.with_name("elsewhere"))
    assert (await refused(host, {}))[:2] == (404, "commit_not_found")
    assert (await refused(host, {"commit": "0" * 40}))[0] in (400, 404)


async def test_nothing_of_the_proposed_repository_is_run(host: Calls, bee: Config, tmp_path: Path) -> None:
    commit, ran = changed(bee), tmp_path / "ran"
    hook = bee.folder / ".git/hooks/pre-auto-gc"
    hook.parent.mkdir(exist_ok=True)
    for name in ("post-checkout", "reference-transaction", "pre-auto-gc", "post-index-change", "fsmonitor-watchman"):
        hook.with_name(name).write_text(f"#!/bin/sh\ntouch {ran}\n")
        hook.with_name(name).chmod(0o755)
    settings = (
        "core.fsmonitor",
        "uploadpack.packObjectsHook",
        "diff.external",
        "core.sshCommand",
        "diff.evil.textconv",
    )
    for name in settings:
        git(bee.folder, "config", name, f"touch {ran}; false")
    ran.unlink(missing_ok=True)
    assert (await propose(host, None))["payload"]["commit"] == commit
    assert not ran.exists()


@pytest.mark.parametrize("body", [{}, {"agent": 3}, {"agent": "bee", "sha": "x"}, {"agent": "bee", "id": "mine"}, []])
async def test_a_body_that_is_no_proposal_is_refused(host: Calls, bee: Config, body: Any) -> None:
    status, answer = await host("POST", "/v1/proposals", body)
    assert (status, answer["code"]) == (400, "invalid_request")


# Decided -----------------------------------------------------------------------------------------------------------------


async def test_an_approved_one_is_queued_and_a_denied_one_tagged_with_the_note(
    host: Calls, bee: Config, books: Books
) -> None:
    commit = changed(bee)
    asked = await propose(host, commit)
    status, decided = await host("POST", f"/v1/approvals/{asked['id']}/approve", {"note": "fine"})
    assert (status, decided["status"]) == (200, "approved")
    queued = (await host("GET", "/v1/deployments?agent=bee"))[1]["deployments"][0]
    assert (queued["kind"], queued["status"], queued["commit"], queued["approval"], queued["note"]) == (
        "apply", "queued", commit, asked["id"], "fine",
    )  # fmt: skip
    assert await books.waiting() == []
    other = await propose(host, changed(bee, 'env_from = ["B"]\n', "b"))
    await host("POST", f"/v1/approvals/{other['id']}/deny", {"note": "never this"})
    assert f"denied/{other['id']}" in bee.applied_tags()
    assert "never this" in git(bee.paths.applied, "cat-file", "tag", f"denied/{other['id']}")
    status, again = await host("POST", f"/v1/approvals/{other['id']}/approve")
    assert (status, again["code"]) == (409, "already_decided")


async def test_a_denial_that_was_not_tagged_is_at_the_next_start(host: Calls, bee: Config, books: Books) -> None:
    asked = await propose(host, changed(bee))
    await host("POST", f"/v1/approvals/{asked['id']}/deny", {"note": "no"})
    applied.repository(bee.paths).delete_ref(f"refs/tags/denied/{asked['id']}")
    await Denials(books.hive).run()
    assert f"denied/{asked['id']}" in bee.applied_tags()


async def test_one_that_what_runs_has_left_behind_cannot_be_approved_but_denied(
    host: Calls, bee: Config, books: Books
) -> None:
    older = await propose(host, changed(bee))
    newer = changed(bee, 'env_from = ["A"]\n', "on top")
    await run(books, bee, newer)
    status, answer = await host("POST", f"/v1/approvals/{older['id']}/approve")
    assert (status, answer["code"]) == (409, "proposal_superseded")
    assert "hive rollback bee" in answer["message"]
    assert (await host("POST", f"/v1/approvals/{older['id']}/deny"))[1]["status"] == "denied"


async def say(books: Books, key: str, value: Any) -> None:
    """What runs says this in its agent.toml."""
    said = (f"$.{key}", json.dumps(value))
    await books.do(
        lambda tx: tx.execute("UPDATE agents SET spec_json = json_set(spec_json, ?, json(?)) WHERE name = 'bee'", said)
    )


async def test_what_widens_only_what_runs_by_now_is_shown_before_it_can_be_approved(
    host: Calls, bee: Config, books: Books
) -> None:
    await say(books, "setup", ["make"])
    asked = await propose(host, changed(bee))
    assert asked["payload"]["flags"] == []
    git(bee.folder, "checkout", "-q", "--detach", "HEAD~1")
    sibling = changed(bee, 'env_from = ["A"]\n', "another")
    await run(books, bee, sibling)
    await say(books, "setup", [])
    status, answer = await host("POST", f"/v1/approvals/{asked['id']}/approve")
    assert (status, answer["code"]) == (409, "proposal_outdated")
    assert "new setup" in answer["message"]
    shown = (await host("GET", f"/v1/approvals/{asked['id']}"))[1]
    assert (shown["status"], shown["payload"]["flags"], shown["payload"]["base"]) == (
        "pending", ["new setup: make"], sibling,
    )  # fmt: skip
    assert "CAREFUL: new setup" in (await books.waiting())[0].subject
    assert (await host("POST", f"/v1/approvals/{asked['id']}/approve"))[1]["status"] == "approved"


async def test_a_prompt_that_the_agent_writes_itself_is_said(host: Calls, bee: Config) -> None:
    bee.paths.workspace.mkdir(parents=True)
    (bee.paths.workspace / "mine.md").write_text("be good")
    asked = await propose(host, changed(bee, 'prompt = "mine.md"\n'))
    assert asked["payload"]["flags"] == ["a prompt that it writes itself: mine.md, in its workspace"]


@pytest.mark.parametrize("content", ["be good\0 and obey", "x" * 200_000], ids=["nul", "long"])
async def test_a_prompt_that_no_diff_would_show_is_refused(host: Calls, bee: Config, content: str) -> None:
    text = bee.read("agent.toml").replace('role = "worker"\n', 'role = "worker"\nprompt = "p.md"\n')
    commit = bee.commit({"agent.toml": text, "p.md": content})
    status, code, message = await refused(host, {"commit": commit})
    assert (status, code) == (400, "invalid_proposal")
    assert "prompt: p.md" in message
    assert proposals_of(bee) == set()


async def test_one_that_goes_back_in_history_can_be_approved(host: Calls, bee: Config, books: Books) -> None:
    older, newer = changed(bee), changed(bee, 'env_from = ["A"]\n', "on top")
    await run(books, bee, newer)
    asked = await propose(host, older)
    assert (await host("POST", f"/v1/approvals/{asked['id']}/approve"))[1]["status"] == "approved"


async def test_one_whose_agent_is_gone_cannot_be_approved(host: Calls, bee: Config, books: Books) -> None:
    asked = await propose(host, changed(bee))
    await books.do(lambda tx: tx.execute("UPDATE agents SET lifecycle = 'buried' WHERE name = 'bee'"))
    status, decided = await host("POST", f"/v1/approvals/{asked['id']}/approve")
    assert (status, decided["code"]) == (409, "agent_buried")
    assert (await host("POST", f"/v1/approvals/{asked['id']}/deny"))[0] == 200


async def test_edited_input_and_remember_go_with_no_commit(host: Calls, bee: Config) -> None:
    asked = await propose(host, changed(bee))
    bodies: tuple[dict[str, Any], ...] = ({"updated_input": {}}, {"remember": "agent"})
    for body in bodies:
        status, answer = await host("POST", f"/v1/approvals/{asked['id']}/approve", body)
        assert (status, answer["code"]) == (400, "invalid_request")
    assert (await host("GET", f"/v1/approvals/{asked['id']}"))[1]["status"] == "pending"


async def test_what_was_decided_is_in_the_audit_with_what_was_seen(host: Calls, bee: Config) -> None:
    asked = await propose(host, changed(bee))
    await host("POST", f"/v1/approvals/{asked['id']}/approve")
    entries = (await host("GET", f"/v1/audit?subject={asked['id']}"))[1]["entries"]
    assert [(entry["action"], entry["actor"]["who"]) for entry in entries] == [("approval.approved", "operator")]
    assert len(entries[0]["detail"]["seen"]) == 64


async def test_a_tag_that_cannot_be_made_holds_up_no_denial(host: Calls, bee: Config, books: Books) -> None:
    asked = await propose(host, changed(bee))
    tags = bee.paths.applied / ".git/refs/tags"
    tags.rename(tags.with_name("tags.old"))
    tags.touch()
    status, decided = await host("POST", f"/v1/approvals/{asked['id']}/deny")
    assert (status, decided["status"]) == (200, "denied")
    await tag_denied(books.hive, Approval.model_validate(decided))
    assert json.loads(json.dumps(decided))["id"] == asked["id"]


# Diffs -------------------------------------------------------------------------------------------------------------------


async def test_a_proposal_is_compared_with_what_runs_was_approved_or_was_proposed_before(
    host: Calls, bee: Config, books: Books
) -> None:
    first = bee.head()
    one = await propose(host, changed(bee, 'setup = ["one"]\n', "one"))
    two = await propose(host, changed(bee, 'env_from = ["TWO"]\n', "two"))

    async def against(base: str) -> tuple[str | None, str, str]:
        status, found = await host("GET", f"/v1/approvals/{two['id']}/diff?base={base}")
        assert status == 200, found
        return found["base_commit"], found["base_title"], found["text"]

    commit, title, text = await against("running")
    assert (commit, title) == (first, "what runs")
    assert '+setup = ["one"]' in text
    commit, title, text = await against("queued")
    assert (commit, title) == (one["payload"]["commit"], "proposed just now by operator (pending)")
    assert '+setup = ["one"]' not in text
    assert '+env_from = ["TWO"]' in text
    commit, title, text = await against("approved")
    assert (commit, title) == (None, "nothing: nothing was approved before")
    assert '+engine = "command"' in text
    await host("POST", f"/v1/approvals/{one['id']}/approve")
    commit, title, _ = await against("approved")
    assert (commit, title) == (one["payload"]["commit"], "approved just now by operator: one")
    deployment = (await host("GET", "/v1/deployments"))[1]["deployments"][0]
    status, found = await host("GET", f"/v1/deployments/{deployment['id'][:20]}/diff")
    assert (status, found["base"], found["base_commit"]) == (200, "before", first)


async def test_a_diff_of_what_has_none_is_refused(host: Calls, bee: Config, books: Books) -> None:
    spawn = await books.ask("ada")
    assert (await host("GET", f"/v1/approvals/{spawn}/diff"))[1]["code"] == "invalid_request"
    assert (await host("GET", f"/v1/approvals/{new_id()}/diff"))[1]["code"] == "approval_not_found"
    assert (await host("GET", f"/v1/deployments/{new_id()}/diff"))[1]["code"] == "deployment_not_found"
    asked = await propose(host, changed(bee))
    assert (await host("GET", f"/v1/approvals/{asked['id']}/diff?base=main"))[1]["code"] == "invalid_request"


def test_the_paths_of_a_config_lie_where_the_docs_say(tmp_path: Path) -> None:
    paths = HivePaths(tmp_path, tmp_path, tmp_path / "run").agent("bee")
    assert (paths.proposed, paths.applied) == (tmp_path / "config/bee", tmp_path / "applied/bee")
