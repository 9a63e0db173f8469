"""Agents: what is wanted of them, their lifecycle and generations, and what their harnesses report."""

from dataclasses import dataclass
from typing import Literal

from hived.core import approvals, audit, budgets, delivery, lifecycle_news, logins, questions, waiting
from hived.core.agent_views import check_generation, detail, find_agent, list_views, publish, spec_of, view
from hived.core.creation import create_agent
from hived.core.reports import apply_status
from hived.core.settings import set_model
from hived.store import agents as store
from hived.store import lifecycle_log
from hived.store.database import SUPERVISOR, Connection, Row, Tx
from hived.wire.agents import LifecycleState, SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.errors import AgentNotFound

__all__ = [
    "Supervised", "Wanted", "apply_status", "check_generation", "create_agent", "detail", "find_agent", "list_views",
    "mark_unheard", "next_generation", "publish", "set_lifecycle", "set_model", "set_online",
    "set_workspace", "supervised", "view", "want", "want_restart",
]  # fmt: skip

Wanted = Literal["running", "stopped"]
NOT_AT_WORK = ("stopped", "crashed", "parked", "buried")


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
    """What its model file is to say."""
    effort: str | None = None
    permission_mode: str | None = None
    commit: str | None = None
    """The config that its generations run, in builds/<name>/<commit>; None: its first deployment has not built it yet."""
    paused: bool = False
    kill_wanted: bool = False
    bury_wanted: bool = False
    files_behind: bool = False
    """Its setting files do not say that yet: hived died between the books and the files."""


def want(tx: Tx, name: str, wanted: Wanted, actor: Actor) -> None:
    """Say what is wanted; the supervision makes it so. Wanting a parked or crashed agent running clears that.

    Raises InvalidName, AgentNotFound.
    """
    row = find_agent(tx.connection, name)
    store.update_wanted(tx, row["id"], wanted)
    if wanted == "running" and row["lifecycle"] in ("stopped", "crashed", "parked"):
        set_lifecycle(tx, row["id"], "requested", f"{actor.who} asked for its start", pid=None)
    audit.append(tx, f"agent.wanted_{wanted}", actor, row["id"], {"name": row["name"]}, seen=row["lifecycle_cause"])
    tx.ring(SUPERVISOR, "look")


def want_restart(tx: Tx, name: str, actor: Actor) -> int:
    """Ask for a new generation; the one that is to be outlived. Asked again before it has begun, it is the same restart.

    Raises InvalidName, AgentNotFound.
    """
    row = find_agent(tx.connection, name)
    store.update_restart_wanted(tx, row["id"])
    if row["lifecycle"] in ("stopped", "crashed", "parked"):
        set_lifecycle(tx, row["id"], "requested", f"{actor.who} asked for its restart", pid=None)
    audit.append(tx, "agent.wanted_restart", actor, row["id"], {"name": row["name"]}, seen=row["lifecycle_cause"])
    tx.ring(SUPERVISOR, "look")
    return int(row["generation"])


def next_generation(tx: Tx, agent_id: str, max_deliveries: int = delivery.DEFAULT_MAX_DELIVERIES) -> int:
    """Raise the generation, before its harness is forked; what older ones held goes back. Raises AgentNotFound."""
    store.update_generation(tx, agent_id)
    generation = int(_row(tx, agent_id)["generation"])
    delivery.put_back_leases(tx, agent_id, generation, max_deliveries)
    approvals.orphan_older(tx, agent_id, generation)
    logins.fail_unfinished(tx, _row(tx, agent_id), "The harness ended in the middle of the login.")
    publish(tx, agent_id)
    return generation


def set_lifecycle(tx: Tx, agent_id: str, state: LifecycleState, cause: str, *, pid: int | None) -> None:
    """Move the agent to `state`, with one sentence why. `parked` waits for the operator until it is left again.

    Raises AgentNotFound.
    """
    row = _row(tx, agent_id)
    store.update_lifecycle(tx, agent_id, state, cause, pid)
    lifecycle_log.insert_step(tx, agent_id, state=state, cause=cause, generation=row["generation"], pid=pid)
    lifecycle_news.tell_step(tx, row, state, cause)
    if state in NOT_AT_WORK:
        logins.fail_unfinished(tx, row, "The harness ended in the middle of the login.")
    if state == "parked":
        waiting.open_item(tx, agent_id, "parked", agent=row["name"], subject=f"{row['name']} is parked: {cause}")
        if not row["ever_online"]:
            approvals.fail_spawn_of(tx, agent_id, cause)
    else:
        waiting.close_item(tx, agent_id, "parked")
    if state in NOT_AT_WORK:
        budgets.look_again(tx)  # a turn of it that was under way counts no more until it is known how it ended
    if state in ("parked", "buried") or (state == "stopped" and row["wanted"] == "stopped"):
        questions.recipient_away(tx, agent_id, row["name"], state)
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


def set_workspace(tx: Tx, agent_id: str, workspace: str) -> None:
    """The folder it works in. The caller publishes the agent."""
    store.update_workspace(tx, agent_id, workspace)


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
            model=row["model_set"],
            effort=row["effort"],
            permission_mode=row["permission_mode"],
            commit=row["commit_sha"],
            paused=bool(row["paused"]),
            kill_wanted=bool(row["kill_wanted"]),
            bury_wanted=bool(row["bury_wanted"]),
            files_behind=bool(row["files_behind"]),
        )
        for row in store.select_agents(conn)
    ]


def _row(tx: Tx, agent_id: str) -> Row:
    row = store.select_agent(tx.connection, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    return row
