"""An agent as clients draw it: a pure function of the database, fed whole after every change of what it shows."""

import json

from hived.core.spend import end_of, span_of
from hived.paths import AgentPaths
from hived.store import agents as store
from hived.store import lifecycle_log
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import (
    AgentDetail,
    AgentSession,
    AgentView,
    Condition,
    EngineAbilities,
    Lifecycle,
    LifecycleChange,
    LoginView,
    SpawnRequest,
    Spend,
    TurnState,
)
from hived.wire.errors import AgentBuried, AgentNotConnected, AgentNotFound, StaleGeneration
from hived.wire.names import checked_name
from hived.wire.times import utc_now
from hived.wire.turns import Cost, Ctx
from hived.wire.work import WorkState


def find_agent(conn: Connection, name: str) -> Row:
    """The agent's row. Raises InvalidName, AgentNotFound, AgentBuried."""
    row = store.select_agent_named(conn, checked_name(name))
    if row is None:
        raise AgentNotFound(name=name)
    if row["lifecycle"] == "buried":
        raise AgentBuried(name=name, at=row["lifecycle_since"])
    return row


def find_any_agent(conn: Connection, name: str) -> Row:
    """The row of an agent that lives or is buried: for what can be read of both. Raises InvalidName, AgentNotFound."""
    row = store.select_agent_named(conn, checked_name(name))
    if row is None:
        raise AgentNotFound(name=name)
    return row


def find_connected(conn: Connection, name: str) -> Row:
    """The row of an agent whose harness is connected. Raises InvalidName, AgentNotFound, AgentNotConnected."""
    row = find_agent(conn, name)
    if not row["online"]:
        raise AgentNotConnected(name=name, lifecycle=row["lifecycle"])
    return row


def known_abilities(row: Row) -> EngineAbilities | None:
    """What its engine can do; None where its harness has not said it yet."""
    found = json.loads(row["abilities_json"])
    return EngineAbilities(**found) if found else None


def check_generation(conn: Connection | Tx, agent_id: str, generation: int) -> Row:
    """The agent's row, if `generation` is its current one; else StaleGeneration."""
    row = store.select_agent(conn.connection if isinstance(conn, Tx) else conn, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    if row["generation"] != generation:
        raise StaleGeneration(name=row["name"], given=generation, current=row["generation"])
    return row


def view(conn: Connection, agent_id: str) -> AgentView:
    """Raises AgentNotFound."""
    return _view(_row(conn, agent_id))


def list_views(conn: Connection) -> list[AgentView]:
    """Every agent, oldest first."""
    return [_view(row) for row in store.select_views(conn, _today())]


def detail(conn: Connection, name: str, paths: AgentPaths) -> AgentDetail:
    """The view with what the agent was asked to be and where it lives. Raises InvalidName, AgentNotFound."""
    row = _row(conn, find_agent(conn, name)["id"])
    shown = {
        "root": paths.root,
        "harness": paths.harness,
        "state": paths.state,
        "home": paths.home,
        "workspace": paths.workspace,
        "events_db": paths.events_db,
        "stats_db": paths.stats_db,
        "model_file": paths.model_file,
        "log": paths.log,
        "socket": paths.socket,
    }
    known = _view(row)
    return AgentDetail(
        **dict(known),
        spec=spec_of(row),
        paths={key: str(path) for key, path in shown.items()},
        last_byte_at=known.last_event_at,
        history=[_step(step) for step in lifecycle_log.select_steps(conn, row["id"])],
    )


def _step(row: Row) -> LifecycleChange:
    return LifecycleChange(
        at=row["at"], state=row["state"], cause=row["cause"], generation=row["generation"], pid=row["pid"]
    )


def publish(tx: Tx, agent_id: str) -> None:
    """Feed the whole view, once, at the end of the transaction. Call it after every change of what a view shows."""
    tx.gather(_feed_views, agent_id)


def _feed_views(tx: Tx, agent_ids: list[str]) -> None:
    for agent_id in agent_ids:
        row = store.select_view(tx.connection, agent_id, _today())
        if row is not None and row["lifecycle"] != "buried":
            tx.feed("agent", _view(row).model_dump_json())


def spec_of(row: Row) -> SpawnRequest:
    """What the agent was asked to be."""
    return SpawnRequest.model_validate_json(row["spec_json"])


def _row(conn: Connection, agent_id: str) -> Row:
    row = store.select_view(conn, agent_id, _today())
    if row is None:
        raise AgentNotFound(name=agent_id)
    return row


def _today() -> str:
    return utc_now()[:10]


def _view(row: Row) -> AgentView:
    return AgentView(
        id=row["id"],
        name=row["name"],
        role=row["role"],
        engine=row["engine"],
        model=row["model"],
        runtime=row["runtime"],
        parent=row["parent"],
        created_at=row["created_at"],
        lifecycle=Lifecycle(state=row["lifecycle"], since=row["lifecycle_since"], cause=row["lifecycle_cause"]),
        turn=TurnState(
            state=row["turn_state"],
            since=row["turn_state_since"],
            turn_id=row["turn_id"],
            wake=row["turn_wake"],
            until=row["turn_until"],
        ),
        conditions=_conditions(row),
        online=bool(row["online"]),
        generation=row["generation"],
        pid=row["pid"],
        abilities=EngineAbilities(**json.loads(row["abilities_json"])),
        ctx=None if row["ctx_json"] is None else Ctx(**json.loads(row["ctx_json"])),
        cost=None if row["cost_json"] is None else Cost(**json.loads(row["cost_json"])),
        spend=Spend(
            today_usd=row["today_usd"],
            total_usd=row["total_usd"],
            turns=row["turns"],
            estimated=bool(row["estimated"]),
        ),
        unread=row["unread"],
        held=row["held"],
        waiting=row["waiting"],
        last_outcome=row["last_outcome"],
        last_error=row["last_error"],
        session_id=row["session_id"],
        session=AgentSession(**json.loads(row["session_json"])),
        effort=row["effort"],
        permission_mode=row["permission_mode"],
        login=None if row["login_json"] is None else LoginView(**json.loads(row["login_json"])),
        journal_uuid=row["journal_uuid"],
        cursor=row["cursor"],
        last_event_at=row["last_event_at"],
        repo=json.loads(row["spec_json"]).get("repo"),
        workspace=row["workspace"],
        wanted=_wanted(row),
        paused=bool(row["paused"]),
        commit=row["commit_sha"],
        deploying=row["deploying"],
        work=None if row["work_json"] is None else WorkState(**json.loads(row["work_json"])),
    )


def _wanted(row: Row) -> str:
    if row["bury_wanted"]:
        return "buried"
    if row["wanted"] == "stopped":
        return "killed" if row["kill_wanted"] else "stopped"
    return "paused" if row["paused"] else "running"


def _conditions(row: Row) -> list[Condition]:
    """What its harness says, and whether a budget has stopped it, which is hived's to say."""
    found = [Condition(**condition) for condition in json.loads(row["conditions_json"])]
    if row["over_budget"] is None:
        return found
    window = row["over_budget_window"]
    over = Condition(
        kind="over_budget",
        since=row["over_budget_since"],
        detail=row["over_budget_words"] or "",
        until=None if window is None else end_of(window, span_of(window, utc_now())),
    )
    return [*(condition for condition in found if condition.kind != "over_budget"), over]
