"""Deployments in the books: what is queued, superseded and gone back to; each step is one change, and is taken once."""

import json
from typing import Any

import pytest

from hived.core import agents, approvals, deployment_steps, deployments, settings, tombstones
from hived.core.agent_views import find_agent, find_any_agent, spec_of
from hived.store import deployments as store
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.deployments import Deployment, DeploymentKind
from hived.wire.errors import DeploymentNotFound, DeploymentUnderWay, InvalidRequest, NothingToRollBack
from hived.wire.tombstones import Destroy
from tests.support.books import OPERATOR, Books


def sha(letter: str) -> str:
    return letter * 40


async def row_of(books: Books, name: str = "bee") -> Row:
    return await books.read(lambda conn: find_agent(conn, name))


async def queue(books: Books, kind: DeploymentKind, commit: str | None, name: str = "bee") -> Deployment:
    return await books.do(
        lambda tx: deployments.queue(tx, find_agent(tx.connection, name), kind, actor=OPERATOR, commit=commit)
    )


async def start(books: Books, deployment: Deployment, **changed: Any) -> bool:
    """Put the agent on it, with these keys of its spec changed."""
    request = spec_of(await row_of(books, deployment.agent)).model_copy(update=changed)
    commit = deployment.commit or sha("e")
    return await books.do(
        lambda tx: deployment_steps.begin_start(tx, deployment.id, request, commit, changed.get("model"))
    )


async def come_up(books: Books, name: str = "bee") -> None:
    agent_id = (await row_of(books, name))["id"]

    def change(tx: Tx) -> None:
        generation = agents.next_generation(tx, agent_id)
        agents.set_online(tx, agent_id, generation, True)
        agents.set_lifecycle(tx, agent_id, "running", "its harness is connected", pid=99)

    await books.do(change)


async def look(books: Books, deployment: Deployment) -> float | None:
    return await books.do(lambda tx: deployment_steps.look(tx, deployment.id))


async def now(books: Books, deployment: Deployment) -> Deployment:
    return await books.read(lambda conn: deployments.to_deployment(deployments.find_deployment(conn, deployment.id)))


async def run(books: Books, kind: DeploymentKind, commit: str) -> Deployment:
    """Queue it and see it through."""
    asked = await queue(books, kind, commit)
    await start(books, asked)
    await come_up(books)
    await look(books, asked)
    await books.do(lambda tx: deployment_steps.end_well(tx, asked.id))
    return await now(books, asked)


@pytest.fixture
async def bee(books: Books) -> str:
    """An agent that runs commit a…"""
    books.config.healthy_seconds = 0
    agent_id = await books.agent("bee")
    await run(books, "migrate", sha("a"))
    return agent_id


async def test_of_those_that_have_not_begun_the_newest_is_taken(books: Books, bee: str) -> None:
    begun = await queue(books, "apply", sha("b"))
    await books.do(lambda tx: deployment_steps.begin_build(tx, deployments.find_deployment(tx.connection, begun.id)))
    older, newer = await queue(books, "apply", sha("c")), await queue(books, "apply", sha("d"))
    states = [(await now(books, one)).status for one in (begun, older, newer)]
    assert states == ["building", "superseded", "queued"]
    assert "a newer one" in ((await now(books, older)).reason or "")
    assert (await books.view("bee")).deploying == begun.id


async def test_the_line_of_a_rollback_leads_back_and_not_to_and_fro(books: Books, bee: str) -> None:
    for letter in "bc":
        await run(books, "apply", sha(letter))
    back = await books.do(lambda tx: deployments.ask_rollback(tx, "bee", None, "it was better", OPERATOR))
    assert (back.commit, back.kind, back.note) == (sha("b"), "rollback", "it was better")
    await start(books, back)
    with pytest.raises(DeploymentUnderWay):
        await books.do(lambda tx: deployments.ask_rollback(tx, "bee", None, None, OPERATOR))
    await books.do(lambda tx: deployment_steps.end_well(tx, back.id))
    assert await books.read(lambda conn: deployments.line_of(conn, bee)) == [sha("a"), sha("b")]
    await run(books, "rollback", sha("a"))
    with pytest.raises(NothingToRollBack):
        await books.do(lambda tx: deployments.ask_rollback(tx, "bee", None, None, OPERATOR))
    await run(books, "apply", sha("d"))
    assert await books.read(lambda conn: deployments.line_of(conn, bee)) == [sha("a"), sha("d")]


async def test_a_rollback_names_a_deployment_of_that_agent_that_ran(books: Books, bee: str) -> None:
    running = await run(books, "apply", sha("b"))
    failed = await queue(books, "apply", sha("c"))
    await books.do(lambda tx: deployment_steps.end_badly(tx, failed.id, "setup", "no"))
    await books.agent("eve")
    other = await queue(books, "apply", sha("c"), name="eve")
    for to, error in (
        (running.id, NothingToRollBack), (failed.id, NothingToRollBack), (other.id, InvalidRequest), ("zz", DeploymentNotFound),
    ):  # fmt: skip
        with pytest.raises(error):
            await books.do(lambda tx, to=to: deployments.ask_rollback(tx, "bee", to, None, OPERATOR))  # type: ignore[misc]


async def test_a_failure_goes_back_to_all_that_was(books: Books, bee: str) -> None:
    await books.do(lambda tx: tx.execute("UPDATE agents SET session_id = 's1', effort = 'high'"))
    before = dict(await row_of(books))
    asked = await queue(books, "apply", sha("b"))
    rules = [{"tool": "Bash", "pattern": "ls", "verdict": "allow"}]
    await start(
        books, asked, engine="command", engine_options={"command": ["cat"]}, model="fast", role="queen", rules=rules,
        limits={"usd_per_day": 1.0},
    )  # fmt: skip
    changed = await row_of(books)
    assert (changed["engine"], changed["role"], changed["model_set"], changed["commit_sha"], changed["session_id"]) == (
        "command", "queen", "fast", sha("b"), None,
    )  # fmt: skip
    assert await books.one("SELECT count(*) FROM rules WHERE revoked_at IS NULL") == 1
    await books.do(lambda tx: agents.next_generation(tx, bee))
    await books.do(lambda tx: agents.set_lifecycle(tx, bee, "crashed", "it fell over", pid=None))
    assert await look(books, asked) is None
    ended = await now(books, asked)
    assert (ended.status, ended.step, ended.reason) == ("failed", "start", "it fell over")
    after = dict(await row_of(books))
    kept = ("engine", "role", "model_set", "effort", "session_id", "commit_sha", "good_sha", "spec_json")
    assert {key: after[key] for key in kept} == {key: before[key] for key in kept}
    assert after["restart_token"] > after["started_token"], "its next generation is asked for"
    assert (after["lifecycle"], bool(after["files_behind"])) == ("requested", True)
    assert await books.one("SELECT count(*) FROM rules WHERE revoked_at IS NULL") == 0
    assert await books.one("SELECT count(*) FROM budgets") == 0
    assert await look(books, asked) is None, "once"


async def set_all(books: Books, model: str = "deep", effort: str | None = "low", mode: str | None = "plan") -> None:
    """As the operator."""
    await books.do(lambda tx: settings.set_model(tx, "bee", model, OPERATOR))
    await books.do(lambda tx: settings.set_setting(tx, "bee", "effort", effort, OPERATOR))
    await books.do(lambda tx: settings.set_setting(tx, "bee", "permission_mode", mode, OPERATOR))


async def settings_of(books: Books) -> tuple[str, str, str | None, str | None]:
    row = await row_of(books)
    return row["model_set"], row["model"], row["effort"], row["permission_mode"]


@pytest.mark.parametrize("status", ["starting", "checking"])
async def test_what_is_set_while_it_starts_stays_when_it_goes_back(books: Books, bee: str, status: str) -> None:
    await set_all(books, "plain", "high", None)
    asked = await queue(books, "apply", sha("b"))
    await start(books, asked, model="fast", network=True)
    if status == "checking":
        await come_up(books)
        await look(books, asked)
    assert (await now(books, asked)).status == status
    await set_all(books)
    await books.do(lambda tx: tx.execute("UPDATE agents SET session_id = 's2'"))
    await books.do(lambda tx: deployment_steps.end_badly(tx, asked.id, "health", "no"))
    assert await settings_of(books) == ("deep", "deep", "low", "plan")
    row = await row_of(books)
    assert (row["commit_sha"], row["session_id"], bool(row["files_behind"])) == (sha("a"), "s2", True)


async def test_a_model_that_the_failed_config_names_stays_where_the_operator_set_the_same(
    books: Books, bee: str
) -> None:
    await set_all(books, "plain", None, "plan")
    asked = await queue(books, "apply", sha("b"))
    await start(books, asked, model="fast")
    await set_all(books, "fast", None, None)
    await books.do(lambda tx: deployment_steps.end_badly(tx, asked.id, "start", "no"))
    assert await settings_of(books) == ("fast", "fast", None, None)


async def test_what_was_set_for_another_engine_goes_with_it(books: Books, bee: str) -> None:
    await set_all(books, "plain", "high", "plan")
    asked = await queue(books, "apply", sha("b"))
    await start(books, asked, engine="command", engine_options={"command": ["cat"]}, model="fast")
    await set_all(books, "deep", "low", None)
    await books.do(lambda tx: deployment_steps.end_badly(tx, asked.id, "start", "no"))
    assert await settings_of(books) == ("plain", "plain", "high", "plan")


@pytest.mark.parametrize("status", ["starting", "checking"])
async def test_what_is_destroyed_before_it_was_deployed_is_what_it_was(books: Books, bee: str, status: str) -> None:
    before = dict(await row_of(books))
    asked = await queue(books, "apply", sha("b"))
    await start(books, asked, network=True, limits={"usd_per_day": 1.0})
    if status == "checking":
        await come_up(books)
        await look(books, asked)
    await books.do(lambda tx: tombstones.want_burial(tx, "bee", Destroy(), OPERATOR))
    assert await look(books, asked) is None
    assert await books.do(lambda tx: tombstones.bury(tx, bee, tombstones.Remains())) is not None
    assert (await now(books, asked)).status == "failed"
    row = await books.read(lambda conn: find_any_agent(conn, "bee"))
    assert (row["commit_sha"], row["spec_json"], row["lifecycle"], row["wanted"]) == (
        sha("a"), before["spec_json"], "buried", "stopped",
    )  # fmt: skip
    assert await books.one("SELECT count(*) FROM budgets") == 0


async def test_what_crashed_before_its_start_is_not_its_fault(books: Books, bee: str) -> None:
    await books.do(lambda tx: agents.set_lifecycle(tx, bee, "crashed", "the older one", pid=None))
    asked = await queue(books, "apply", sha("b"))
    await start(books, asked)
    assert await look(books, asked) is None
    assert (await now(books, asked)).status == "starting"
    await come_up(books)
    assert await look(books, asked) == 0
    assert (await now(books, asked)).status == "checking"


async def test_a_restart_by_the_operator_while_it_is_watched_begins_the_watch_anew(books: Books, bee: str) -> None:
    books.config.healthy_seconds = 60
    asked = await queue(books, "apply", sha("b"))
    await start(books, asked)
    await come_up(books)
    assert await look(books, asked) == 60
    await books.do(lambda tx: agents.next_generation(tx, bee))
    await look(books, asked)
    assert (await now(books, asked)).status == "starting"
    await come_up(books)
    assert await look(books, asked) == 60
    assert (await now(books, asked)).status == "checking"


async def test_a_rebuild_of_one_that_was_stopped_starts_it_and_a_failure_stops_it_again(books: Books, bee: str) -> None:
    await books.do(lambda tx: agents.want(tx, "bee", "stopped", OPERATOR))
    await books.do(lambda tx: agents.set_lifecycle(tx, bee, "stopped", "it was asked to", pid=None))
    asked = await queue(books, "rebuild", sha("b"))
    assert await start(books, asked)
    assert (await row_of(books))["wanted"] == "running"
    await books.do(lambda tx: deployment_steps.end_badly(tx, asked.id, "start", "no"))
    assert ((await row_of(books))["wanted"], (await row_of(books))["commit_sha"]) == ("stopped", sha("a"))


async def test_an_approved_spawn_has_a_deployment_in_the_same_change_and_its_failure_fails_the_approval(
    books: Books,
) -> None:
    queen = await books.agent("queen", role="queen")
    request = SpawnRequest(name="new", engine="scripted", reason="to help")
    asked = await books.do(lambda tx: approvals.ask_spawn(tx, request, "queen", queen))
    await books.do(lambda tx: approvals.decide(tx, asked.id, "approved", None, None, OPERATOR))
    [deployment] = (await books.read(lambda conn: deployments.list_deployments(conn, agent="new"))).deployments
    assert (deployment.kind, deployment.status, deployment.approval, deployment.note) == (
        "spawn", "queued", asked.id, "to help",
    )  # fmt: skip
    await books.do(lambda tx: deployment_steps.end_badly(tx, deployment.id, "setup", "make: no rule"))
    approval = await books.read(lambda conn: approvals.to_approval(approvals.find_approval(conn, asked.id)))
    assert (approval.status, "make: no rule" in (approval.failure or "")) == ("failed", True)
    row = await row_of(books, "new")
    assert (row["lifecycle"], row["commit_sha"], "make: no rule" in row["lifecycle_cause"]) == ("parked", None, True)
    told = await books.one("SELECT body FROM messages WHERE recipient_id = ? ORDER BY seq DESC LIMIT 1", queen)
    assert "make: no rule" in told
    await books.do(lambda tx: agents.want(tx, "new", "running", OPERATOR))
    waiting = await books.read(lambda conn: [row["name"] for row in store.select_agents_waiting(conn)])
    assert waiting == ["new"], "its config is built anew before it is started"


async def test_every_step_is_fed_and_in_the_snapshot_and_what_was_decided_in_the_audit(books: Books, bee: str) -> None:
    done = await run(books, "apply", sha("b"))
    fed = [json.loads(row.payload_json) for row in books.feed if row.kind == "deployment"]
    assert [one["status"] for one in fed if one["id"] == done.id] == ["queued", "starting", "checking", "deployed"]
    shown = await books.read(deployments.list_shown)
    assert [one.id for one in shown][0] == done.id

    def actions(conn: Connection) -> list[str]:
        query = "SELECT action FROM audit WHERE subject = ? ORDER BY seq"
        return [action for (action,) in conn.execute(query, (done.id,))]

    assert await books.read(actions) == ["deployment.asked", "deployment.deployed"]
