"""hive.lock follows the books: what was deployed, buried, revived and purged, one commit each, whoever was killed in between."""

from pathlib import Path

import pytest

from hived.core import deployments
from hived.core.agent_views import find_agent
from hived.deploy import meta
from hived.supervision.builder import BuildFailed, build, ensure_first
from hived.supervision.homes import migrate_homes
from hived.supervision.recorder import Recorder
from hived.wire.protocol import BUILD
from tests.support.books import OPERATOR, Books
from tests.support.configs import git


@pytest.fixture
async def recorder(books: Books) -> Recorder:
    """Of a hive with one agent, migrated."""
    await books.agent("bee", engine="command", engine_options={"command": ["cat"]})
    await migrate_homes(books.hive)
    recorder = Recorder(books.hive)
    await recorder.catch_up()
    return recorder


def subjects(books: Books) -> list[str]:
    return git(books.hive.paths.meta, "log", "--format=%s").splitlines()


def found(books: Books) -> meta.Lock:
    lock = meta.read(books.hive.paths.meta)
    assert lock is not None
    return lock


async def test_what_is_recorded_is_recorded_once(books: Books, recorder: Recorder) -> None:
    [deployment] = (await books.read(deployments.list_deployments)).deployments
    await recorder.catch_up()
    await recorder.deployed(deployment.id)
    await books.do(lambda tx: tx.execute("UPDATE deployments SET recorded = 0"))
    await recorder.catch_up()
    assert [subject.split()[:2] for subject in subjects(books)] == [["bee:", "migrate"]]
    assert found(books).agents["bee"].deployment == deployment.id
    assert await books.one("SELECT count(*) FROM deployments WHERE NOT recorded") == 0


async def test_a_burial_a_revival_and_a_purge_are_commits_with_their_cause(books: Books, recorder: Recorder) -> None:
    async def become(state: str, cause: str) -> None:
        change = "UPDATE agents SET lifecycle = ?, lifecycle_cause = ?"
        await books.do(lambda tx: tx.execute(change, (state, cause)))
        await recorder.catch_up()

    await become("buried", "operator destroyed it")
    assert (list(found(books).agents), list(found(books).buried)) == ([], ["bee"])
    assert "operator destroyed it" in git(books.hive.paths.meta, "log", "-1", "--format=%B")
    await become("running", "it is back")
    await become("buried", "destroyed again")
    await books.do(lambda tx: tx.execute("DELETE FROM agents"))
    await recorder.catch_up()
    assert (found(books).agents, found(books).buried) == ({}, {})
    assert [subject.split()[1] for subject in subjects(books)][0] == "purged"
    git(books.hive.paths.meta, "fsck", "--strict")


async def test_another_build_of_hived_is_a_commit(books: Books, recorder: Recorder) -> None:
    lock = found(books)
    older = meta.Lock("hivetui 0.0.1", lock.agents, lock.buried)
    assert meta.record(books.hive.paths.meta, older, "an older one", "2026-01-01T00:00:00.000Z")
    await recorder.catch_up()
    assert subjects(books)[0] == f"hived: hivetui 0.0.1 → {BUILD}"
    assert found(books) == lock


async def test_what_somebody_wrote_looks_like_no_line_of_hiveds(books: Books, recorder: Recorder) -> None:
    note = "x\n\nDeployment: 0\n\x1b[31mApproval: all"
    asked = await books.do(
        lambda tx: deployments.queue(
            tx,
            find_agent(tx.connection, "bee"),
            "apply",
            actor=OPERATOR,
            commit=found(books).agents["bee"].commit,
            note=note,
        )
    )
    await recorder.deployed(asked.id)
    said = git(books.hive.paths.meta, "log", "-1", "--format=%B").splitlines()
    assert "Deployment: 0" not in said
    assert f"Deployment: {asked.id}" in said
    assert not any("\x1b" in line for line in said)


async def test_a_prompt_that_the_operator_names_by_its_path_is_part_of_the_first_commit(
    books: Books, tmp_path: Path
) -> None:
    prompt = tmp_path / "role.md"
    prompt.write_text("Speak like a heron.")
    await books.agent("ada", engine="command", engine_options={"command": ["cat"]}, prompt=str(prompt))
    row = await books.read(lambda conn: find_agent(conn, "ada"))
    paths = books.hive.paths.agent("ada")
    ensure_first(paths, row, row["created_at"])
    assert (paths.proposed / "role.md").read_text() == "Speak like a heron."
    assert 'prompt = "role.md"' in (paths.proposed / "agent.toml").read_text()


async def test_a_prompt_that_an_agent_names_by_its_path_is_not_read(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    await books.agent("ada", engine="command", engine_options={"command": ["cat"]}, prompt="/etc/passwd")
    approval = await books.ask("other")
    await books.do(lambda tx: tx.execute("UPDATE approvals SET requester_id = ? WHERE id = ?", (queen, approval)))
    asked = await books.do(
        lambda tx: deployments.queue_first(
            tx, find_agent(tx.connection, "ada")["id"], actor=OPERATOR, approval_id=approval
        )
    )
    row = await books.read(lambda conn: deployments.find_deployment(conn, asked.id))
    agent = await books.read(lambda conn: find_agent(conn, "ada"))
    with pytest.raises(BuildFailed, match="leads out of the config"):
        await build(books.hive, row, agent)
    assert not books.hive.paths.agent("ada").proposed.exists()
