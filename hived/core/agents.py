"""Agents: what is wanted of them, their lifecycle and generations, and what their harnesses report."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from hived.core import approvals, audit, messages, waiting
from hived.core.agent_views import check_generation, detail, find_agent, list_views, publish, spec_of, view
from hived.core.creation import create_agent
from hived.store import agents as store
from hived.store.database import SUPERVISOR, Connection, Row, Tx
from hived.wire.agents import Condition, LifecycleState, SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.control import StatusReport
from hived.wire.errors import AgentNotFound

__all__ = [
    "Supervised", "Wanted", "apply_status", "check_generation", "create_agent", "detail", "find_agent", "list_views",
    "mark_unheard", "next_generation", "publish", "set_conditions", "set_lifecycle", "set_model", "set_online",
    "set_workspace", "supervised", "view", "want", "want_restart",
]  # fmt: skip

Wanted = Literal["running", "stopped"]


@dataclass(frozen=True, slots=True)
class Supervised:
    """What the supervision must know of one agent."""

    id: str
    name: str
    wanted: Wanted
    lifecycle: LifecycleState
    generation: int
    restart_token: int
    started_token: int
    """The restart_token that the current generation answers; a higher restart_token asks for a new generation."""
    pid: int | None
    online: bool
    ever_online: bool
    engine: str
    runtime: str
    request: SpawnRequest
    model: str


def want(tx: Tx, name: str, wanted: Wanted, actor: Actor) -> None:
    """Say what is wanted; the supervision makes it so. Wanting a parked or crashed agent running clears that.

    Raises InvalidName, AgentNotFound.
    """
    row = find_agent(tx.connection, name)
    store.update_wanted(tx, row["id"], wanted)
    if wanted == "running" and row["lifecycle"] in ("stopped", "crashed", "parked"):
        set_lifecycle(tx, row["id"], "requested", f"{actor.who} asked for its start", pid=None)
    audit.append(tx, f"agent.wanted_{wanted}", actor, row["id"], {"name": row["name"]})
    tx.ring(SUPERVISOR, "look")


def want_restart(tx: Tx, name: str, actor: Actor) -> int:
    """Ask for a new generation; the one that is to be outlived. Asked again before it has begun, it is the same restart.

    Raises InvalidName, AgentNotFound.
    """
    row = find_agent(tx.connection, name)
    store.update_restart_wanted(tx, row["id"])
    if row["lifecycle"] in ("stopped", "crashed", "parked"):
        set_lifecycle(tx, row["id"], "requested", f"{actor.who} asked for its restart", pid=None)
    audit.append(tx, "agent.wanted_restart", actor, row["id"], {"name": row["name"]})
    tx.ring(SUPERVISOR, "look")
    return int(row["generation"])


def next_generation(tx: Tx, agent_id: str, max_deliveries: int = messages.DEFAULT_MAX_DELIVERIES) -> int:
    """Raise the generation, before its harness is forked; what older ones held goes back. Raises AgentNotFound."""
    store.update_generation(tx, agent_id)
    generation = int(_row(tx, agent_id)["generation"])
    messages.put_back_leases(tx, agent_id, generation, max_deliveries)
    approvals.orphan_older(tx, agent_id, generation)
    publish(tx, agent_id)
    return generation


def set_lifecycle(tx: Tx, agent_id: str, state: LifecycleState, cause: str, *, pid: int | None) -> None:
    """Move the agent to `state`, with one sentence why. `parked` waits for the operator until it is left again.

    Raises AgentNotFound.
    """
    row = _row(tx, agent_id)
    store.update_lifecycle(tx, agent_id, state, cause, pid)
    if state == "parked":
        waiting.open_item(tx, agent_id, "parked", agent=row["name"], subject=f"{row['name']} is parked: {cause}")
        if not row["ever_online"]:
            approvals.fail_spawn_of(tx, agent_id, cause)
    else:
        waiting.close_item(tx, agent_id, "parked")
    publish(tx, agent_id)


def set_online(tx: Tx, agent_id: str, generation: int, online: bool) -> None:
    """Its harness has connected, or its control stream has ended; an older harness's end says nothing.

    Raises StaleGeneration for an older harness that comes online, AgentNotFound.
    """
    row = check_generation(tx, agent_id, generation) if online else _row(tx, agent_id)
    if row["generation"] != generation or bool(row["online"]) == online:
        return
    store.update_online(tx, agent_id, online)
    publish(tx, agent_id)
    tx.ring(SUPERVISOR, "look")


def mark_unheard(tx: Tx) -> None:
    """At hived's start: nobody is connected, and nothing that was true of a turn is known to be so still."""
    store.update_all_unheard(tx)
    for row in store.select_agents(tx.connection):
        publish(tx, row["id"])


def apply_status(tx: Tx, agent_id: str, generation: int, report: StatusReport) -> None:
    """Take what the harness says of itself. The model is not taken from it: hived writes that.

    Raises StaleGeneration, AgentNotFound.
    """
    row = check_generation(tx, agent_id, generation)
    same_turn = report.turn_id is not None and report.turn_id == row["turn_id"]
    store.update_turn(
        tx,
        agent_id,
        state=report.turn_state,
        since=report.turn_state_since,
        turn_id=report.turn_id,
        wake=row["turn_wake"] if same_turn else None,
    )
    store.update_report(tx, agent_id, abilities_json=report.abilities.model_dump_json(), session_id=report.session_id)
    set_conditions(tx, row, report.conditions)
    publish(tx, agent_id)


def set_workspace(tx: Tx, agent_id: str, workspace: str) -> None:
    """The folder it works in. The caller publishes the agent."""
    store.update_workspace(tx, agent_id, workspace)


def set_conditions(tx: Tx, agent: Row, conditions: Sequence[Condition]) -> None:
    """Replace them all; a login that is needed waits for the operator. The caller publishes the agent."""
    store.update_conditions(tx, agent["id"], json.dumps([condition.model_dump() for condition in conditions]))
    login = next((condition for condition in conditions if condition.kind == "needs_login"), None)
    if login is None:
        waiting.close_item(tx, agent["id"], "needs_login")
    else:
        subject = f"{agent['name']} needs a login: {login.detail}"
        waiting.open_item(tx, agent["id"], "needs_login", agent=agent["name"], subject=subject, since=login.since)


def set_model(tx: Tx, name: str, model: str, actor: Actor) -> str:
    """The model from its next turn on; the agent's id. The model file is the caller's to write.

    Raises InvalidName, AgentNotFound.
    """
    row = find_agent(tx.connection, name)
    agent_id = str(row["id"])
    if row["model"] != model:
        store.update_model(tx, agent_id, model)
        audit.append(tx, "agent.model_set", actor, agent_id, {"model": model, "previous": row["model"]})
        publish(tx, agent_id)
    tx.ring(agent_id, "model", {"model": model})
    return agent_id


def supervised(conn: Connection) -> list[Supervised]:
    """Every agent, oldest first."""
    return [
        Supervised(
            id=row["id"],
            name=row["name"],
            wanted=row["wanted"],
            lifecycle=row["lifecycle"],
            generation=row["generation"],
            restart_token=row["restart_token"],
            started_token=row["started_token"],
            pid=row["pid"],
            online=bool(row["online"]),
            ever_online=bool(row["ever_online"]),
            engine=row["engine"],
            runtime=row["runtime"],
            request=spec_of(row),
            model=row["model"],
        )
        for row in store.select_agents(conn)
    ]


def _row(tx: Tx, agent_id: str) -> Row:
    row = store.select_agent(tx.connection, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    return row
