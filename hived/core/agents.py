"""Agents as the supervision sees them, their generations and their harnesses' presence; the door to what the rest of core
says of an agent."""

from dataclasses import dataclass
from functools import lru_cache

from hived.core import approvals, delivery, logins
from hived.core.agent_views import check_generation, detail, find_agent, list_views, publish, view
from hived.core.creation import create_agent
from hived.core.lifecycle import NOT_AT_WORK, set_lifecycle
from hived.core.reports import apply_status
from hived.core.settings import set_model
from hived.core.wanted import Wanted, want, want_going, want_killed, want_paused, want_restart
from hived.store import agents as store
from hived.store.database import SUPERVISOR, Connection, Row, Tx
from hived.wire.agents import LifecycleState, SpawnRequest
from hived.wire.errors import AgentNotFound

__all__ = [
    "NOT_AT_WORK", "Supervised", "Wanted", "apply_status", "check_generation", "create_agent", "detail", "find_agent",
    "list_views", "mark_unheard", "next_generation", "publish", "set_lifecycle", "set_model", "set_online",
    "set_workspace", "supervised", "supervised_one", "view", "want", "want_going", "want_killed", "want_paused",
    "want_restart",
]  # fmt: skip


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
    unbuilt: bool = False
    """Its first deployment is under way, or has failed: there is nothing that it could be started on."""
    paused: bool = False
    frozen: bool = False
    """Its harness has said that everything of it stands still."""
    pause_cause: str = ""
    """Who paused it last, or let it go on."""
    kill_wanted: bool = False
    bury_wanted: bool = False
    on_trial: bool = False
    """A deployment of it is started, or watched for its health."""
    files_behind: bool = False
    """Its setting files do not say that yet: hived died between the books and the files."""


def next_generation(tx: Tx, agent_id: str, max_deliveries: int = delivery.DEFAULT_MAX_DELIVERIES) -> int:
    """Raise the generation, before its harness is forked; what older ones held goes back. Raises AgentNotFound."""
    store.update_generation(tx, agent_id)
    generation = int(_row(tx, agent_id)["generation"])
    delivery.put_back_leases(tx, agent_id, generation, max_deliveries)
    approvals.orphan_older(tx, agent_id, generation)
    logins.fail_unfinished(tx, _row(tx, agent_id), "The harness ended in the middle of the login.")
    publish(tx, agent_id)
    return generation


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
    """Every agent that is not buried, oldest first."""
    return [_supervised(conn, row) for row in store.select_agents(conn)]


def supervised_one(conn: Connection, agent_id: str) -> Supervised | None:
    """None where it is gone or buried."""
    row = store.select_agent(conn, agent_id)
    return None if row is None or row["lifecycle"] == "buried" else _supervised(conn, row)


def _supervised(conn: Connection, row: Row) -> Supervised:
    return Supervised(
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
        request=_request(row["spec_json"]),
        model=row["model_set"],
        effort=row["effort"],
        permission_mode=row["permission_mode"],
        commit=row["commit_sha"],
        unbuilt=row["commit_sha"] is None and store.was_deployed(conn, row["id"]),
        paused=bool(row["paused"]),
        frozen=bool(row["frozen"]),
        pause_cause=row["pause_cause"] or "",
        kill_wanted=bool(row["kill_wanted"]),
        bury_wanted=bool(row["bury_wanted"]),
        on_trial=store.is_on_trial(conn, row["id"]),
        files_behind=bool(row["files_behind"]),
    )


@lru_cache(1024)
def _request(spec_json: str) -> SpawnRequest:
    """Shared by all that look: nobody changes it."""
    return SpawnRequest.model_validate_json(spec_json)


def _row(tx: Tx, agent_id: str) -> Row:
    row = store.select_agent(tx.connection, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    return row
