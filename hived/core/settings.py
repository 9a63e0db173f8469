"""Model, effort and permission mode: what is set for an agent, and what its engine takes. The files are the caller's to write."""

import json
from typing import Literal, TypeAlias

from hived.core.agent_views import find_agent, known_abilities, publish
from hived.core.audit import append
from hived.store import agents as store
from hived.store import deployments
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import ENGINES_OWN_MODEL, EngineAbilities, ModelList, ModelOffered
from hived.wire.approvals import Actor
from hived.wire.errors import UnknownModel, Unsupported

Setting: TypeAlias = Literal["effort", "permission_mode"]
MOST_NAMED = 30
"""Models that a refusal lists."""


def list_models(conn: Connection, name: str) -> ModelList:
    """Raises InvalidName, AgentNotFound."""
    row = find_agent(conn, name)
    abilities = known_abilities(row) or EngineAbilities()
    return ModelList(current=row["model_set"], models=_offered(row), closed=abilities.closed_models)


def check_model(conn: Connection, name: str, model: str) -> None:
    """Raises UnknownModel where the engine offers all that it has and that is not among it; InvalidName, AgentNotFound."""
    known = list_models(conn, name)
    names = [offered.name for offered in known.models]
    if known.closed and names and model != ENGINES_OWN_MODEL and model not in names:
        more = ", …" if len(names) > MOST_NAMED else ""
        raise UnknownModel(name=name, model=model, known=", ".join(names[:MOST_NAMED]) + more)


def check_setting(conn: Connection, name: str, setting: Setting, value: str | None) -> None:
    """Raises Unsupported where the engine has said what it takes and that is not among it; InvalidName, AgentNotFound."""
    row = find_agent(conn, name)
    abilities = known_abilities(row)
    if value is None or abilities is None:
        return
    taken = abilities.efforts if setting == "effort" else abilities.permission_modes
    if value in taken:
        return
    words = setting.replace("_", " ")
    what = f"take the {words} {value!r}; it takes {', '.join(taken)}" if taken else f"be given a {words}: it has none"
    raise Unsupported(name=name, engine=row["engine"], what=what)


def set_model(tx: Tx, name: str, model: str, actor: Actor, *, by_hand: bool = False) -> str:
    """The model from its next turn on, or at once where its engine can; the agent's id.

    Raises InvalidName, AgentNotFound.
    """
    row = find_agent(tx.connection, name)
    agent_id = str(row["id"])
    if row["model_set"] != model:
        store.update_model_set(tx, agent_id, model)
        detail = {"model": model, "previous": row["model_set"], **_hand(by_hand)}
        append(tx, "agent.model_set", actor, agent_id, detail)
        publish(tx, agent_id)
    _set_meanwhile(tx, agent_id, {"model_set": model, "model": model})
    tx.ring(agent_id, "model", {"model": model})
    return agent_id


def set_setting(tx: Tx, name: str, setting: Setting, value: str | None, actor: Actor, *, by_hand: bool = False) -> str:
    """None: back to what the engine, or its agent.toml, says. The agent's id. Raises InvalidName, AgentNotFound."""
    row = find_agent(tx.connection, name)
    agent_id = str(row["id"])
    if row[setting] != value:
        (store.update_effort if setting == "effort" else store.update_permission_mode)(tx, agent_id, value)
        detail = {setting: value, "previous": row[setting], **_hand(by_hand)}
        append(tx, f"agent.{setting}_set", actor, agent_id, detail)
        publish(tx, agent_id)
    _set_meanwhile(tx, agent_id, {setting: value})
    tx.ring(agent_id, "setting", {"setting": setting, "value": value})
    return agent_id


def _set_meanwhile(tx: Tx, agent_id: str, values: dict[str, str | None]) -> None:
    """Should a deployment fail that starts or is watched now, the agent goes back with these."""
    for row in deployments.select_open_of(tx.connection, agent_id):
        if row["before_json"] is not None:
            before = json.loads(row["before_json"])
            kept = {**before, "set": {**before.get("set", {}), **values}}
            deployments.update_before(tx, row["id"], json.dumps(kept))


def _hand(by_hand: bool) -> dict[str, str]:
    return {"how": "edited by hand"} if by_hand else {}


def _offered(row: Row) -> list[ModelOffered]:
    return [ModelOffered(**offered) for offered in json.loads(row["models_json"])]
