"""Deployments: one commit of an agent's config, built and started. Here: what is asked for, and what is shown of them.

queued → building → starting → checking → deployed or failed; a queued one may be superseded. The steps are
core/deployment_steps.py's, taken by supervision/pipeline.py.
"""

import json
from typing import Any

from hived.core import audit
from hived.core.agent_views import find_agent, publish
from hived.core.finding import only_one
from hived.core.messages import tell
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import approvals as approval_store
from hived.store import deployments as store
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import Rebuild
from hived.wire.approvals import Actor
from hived.wire.deployments import Deployment, DeploymentDetail, DeploymentKind, DeploymentList
from hived.wire.errors import AgentBuried, DeploymentNotFound, DeploymentUnderWay, InvalidRequest, NothingToRollBack
from hived.wire.ids import new_id

NEWEST_SHOWN = 50
"""Of those that have ended, in a snapshot."""
SHORT_SHA = 12
"""Digits of a commit where it stands among words."""


def queue(
    tx: Tx,
    agent: Row,
    kind: DeploymentKind,
    *,
    actor: Actor,
    commit: str | None = None,
    approval_id: str | None = None,
    note: str | None = None,
    change: Rebuild | None = None,
) -> Deployment:
    """Ask for it; the pipeline takes an agent's one after the other. Older ones that have not begun are superseded by an
    `apply` or a `rollback`. `commit` of None: the first one of a spawn, or the one that a rebuild's `change` makes."""
    if kind in ("apply", "rollback"):
        _supersede(tx, agent, actor)
    deployment_id = new_id()
    store.insert_deployment(
        tx,
        {
            "id": deployment_id,
            "agent_id": agent["id"],
            "agent": agent["name"],
            "kind": kind,
            "status": "queued",
            "commit": commit,
            "base": agent["commit_sha"],
            "approval_id": approval_id,
            "actor_json": actor.model_dump_json(),
            "note": note,
            "engine": agent["engine"],
            "model": agent["model_set"],
            "runtime": agent["runtime"],
            "change_json": None if change is None else change.model_dump_json(exclude_none=True),
        },
    )
    if kind not in ("spawn", "revive"):  # their approval says it
        detail = {"agent": agent["name"], "kind": kind, "commit": commit, "note": note}
        audit.append(tx, "deployment.asked", actor, deployment_id, detail)
    publish(tx, agent["id"])
    return feed(tx, deployment_id)


def queue_first(
    tx: Tx, agent_id: str, *, actor: Actor, approval_id: str | None = None, note: str | None = None
) -> Deployment:
    """Of an agent that is to run and has nothing that it could run yet: made new, revived, or never come up. It is not started
    before its config is built; a revived one goes on with the config that it had."""
    agent = agent_store.select_agent(tx.connection, agent_id)
    assert agent is not None
    commit = agent["commit_sha"]
    kind: DeploymentKind = "spawn" if commit is None else "revive"
    store.update_agent_commit(tx, agent_id, None)
    return queue(tx, agent, kind, actor=actor, commit=commit, approval_id=approval_id, note=note)


def ask_rebuild(tx: Tx, name: str, change: Rebuild, actor: Actor) -> Deployment:
    """Its setup again and a new start, on what runs or, with a `change`, on a commit that hived makes on top of it.

    Raises InvalidName, AgentNotFound, AgentBuried.
    """
    agent = find_agent(tx.connection, name)
    if agent["bury_wanted"]:
        raise AgentBuried(name=name, at=tx.now)
    named = change.model_dump(exclude_none=True)
    return queue(tx, agent, "rebuild", actor=actor, note=_named_change(named), change=change if named else None)


def ask_rollback(tx: Tx, name: str, to: str | None, note: str | None, actor: Actor) -> Deployment:
    """Back to what was deployed before what runs, or to the deployment `to` (a unique beginning of its id).

    A rollback takes what it left off the line: another one goes further back. Raises InvalidName, AgentNotFound, AgentBuried,
    DeploymentNotFound, AmbiguousId, InvalidRequest, NothingToRollBack, DeploymentUnderWay.
    """
    agent, target = rollback_target(tx.connection, name, to)
    return queue(tx, agent, "rollback", actor=actor, commit=target["commit_sha"], note=note)


def rollback_target(conn: Connection, name: str, to: str | None) -> tuple[Row, Row]:
    """The agent, and the deployment that it would go back to. Raises as `ask_rollback`."""
    agent = find_agent(conn, name)
    for row in store.select_open_of(conn, agent["id"]):
        if row["status"] != "queued" or row["commit_sha"] is None:
            raise DeploymentUnderWay(id=row["id"], name=name, status=row["status"])
    if to is None:
        line = line_of(conn, agent["id"])
        if len(line) < 2:
            reason = "nothing else was deployed before what runs." if line else "nothing of it was deployed yet."
            raise NothingToRollBack(name=name, reason=reason)
        deployed = store.select_deployed_of(conn, agent["id"])
        return agent, next(row for row in reversed(deployed) if row["commit_sha"] == line[-2])
    target = find_deployment(conn, to)
    if target["agent_id"] != agent["id"]:
        raise InvalidRequest(reason=f"Deployment {target['id']} is not {name}'s but {target['agent']}'s.")
    if target["status"] != "deployed":
        reason = f"deployment {target['id']} was never deployed ({target['status']})."
        raise NothingToRollBack(name=name, reason=reason)
    if target["commit_sha"] == (agent["good_sha"] or agent["commit_sha"]):
        raise NothingToRollBack(name=name, reason="that is what runs now.")
    return agent, target


def line_of(conn: Connection, agent_id: str) -> list[str]:
    """The commits that lead to what runs, the first one first: what a rollback has left is not among them."""
    line: list[str] = []
    for row in store.select_deployed_of(conn, agent_id):
        commit = row["commit_sha"]
        if row["kind"] == "rollback" and commit in line:
            del line[line.index(commit) + 1 :]
        elif not line or line[-1] != commit:
            line.append(commit)
    return line


def find_deployment(conn: Connection, prefix: str) -> Row:
    """With its log. Raises DeploymentNotFound, AmbiguousId."""
    return only_one(store.select_deployments_starting(conn, prefix), prefix, DeploymentNotFound, "deployment")


def detail(conn: Connection, prefix: str) -> DeploymentDetail:
    """Raises DeploymentNotFound, AmbiguousId."""
    row = find_deployment(conn, prefix)
    return DeploymentDetail(**dict(to_deployment(row)), log=row["log"])


def list_deployments(
    conn: Connection, *, agent: str | None = None, limit: int = 100, before: str | None = None
) -> DeploymentList:
    """Newest first; `agent` is a name or an id, and may be one that is gone. Raises DeploymentNotFound, AmbiguousId (`before`)."""
    older = None if before is None else find_deployment(conn, before)["id"]
    rows = store.select_page(conn, agent=agent, before=older, limit=limit + 1)
    return DeploymentList(deployments=[to_deployment(row) for row in rows[:limit]], more=len(rows) > limit)


def list_shown(conn: Connection) -> list[Deployment]:
    """Of a snapshot: those under way, and the newest of the others; newest first."""
    return [to_deployment(row) for row in store.select_shown(conn, NEWEST_SHOWN)]


def to_deployment(row: Row) -> Deployment:
    return Deployment(
        id=row["id"],
        agent=row["agent"],
        agent_id=row["agent_id"],
        kind=row["kind"],
        status=row["status"],
        step=row["step"],
        commit=row["commit_sha"],
        base=row["base_sha"],
        approval=row["approval_id"],
        by=Actor(**json.loads(row["actor_json"])),
        note=row["note"],
        reason=row["reason"],
        engine=row["engine"],
        model=row["model"],
        runtime=row["runtime"],
        created_at=row["created_at"],
        started_at=row["started_at"],
        ended_at=row["ended_at"],
    )


def feed(tx: Tx, deployment_id: str) -> Deployment:
    """Feed it as it is now. Raises DeploymentNotFound."""
    row = store.select_deployment(tx.connection, deployment_id)
    if row is None:
        raise DeploymentNotFound(id=deployment_id)
    deployment = to_deployment(row)
    tx.feed("deployment", deployment.model_dump_json())
    return deployment


def _named_change(named: dict[str, Any]) -> str | None:
    """In words, without values: they may be long."""
    said = [f"{key} {named[key]}" if key in ("engine", "model") else f"other {key.replace('_', ' ')}" for key in named]
    return one_line(", ".join(said), 200) if said else None


def _supersede(tx: Tx, agent: Row, actor: Actor) -> None:
    for row in store.select_open_of(tx.connection, agent["id"]):
        if row["status"] != "queued" or row["kind"] not in ("apply", "rollback"):
            continue
        reason = f"a newer one was asked for by {actor.who} before it began."
        store.update_ended(tx, row["id"], "superseded", reason=reason)
        feed(tx, row["id"])
        approval = (
            None if row["approval_id"] is None else approval_store.select_approval(tx.connection, row["approval_id"])
        )
        if approval is not None:
            words = f"The config {(row['commit_sha'] or '')[:SHORT_SHA]} of {agent['name']} was not deployed: {reason}"
            tell(tx, approval["requester_id"], words, about=approval["id"])
