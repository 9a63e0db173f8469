"""An agent put on another engine, model or options: its name, its messages and its journal stay."""

from hived.core import budgets, grants, held_messages, rules, waiting
from hived.core.agent_views import find_agent, spec_of
from hived.core.agents import want_restart
from hived.core.audit import append
from hived.store import agents as store
from hived.store.database import Row, Tx
from hived.wire.agents import Rebuild, SpawnRequest, default_model
from hived.wire.approvals import Actor

_BEHIND = {"acp": ("agent",), "api": ("provider", "base_url")}


def thinker(spec: SpawnRequest) -> tuple[object, ...]:
    """What a model and a setting belong to: the engine, with acp the agent behind it, with api the server."""
    return spec.engine, *(spec.engine_options.get(option) for option in _BEHIND.get(spec.engine, ()))


def merged(row: Row, change: Rebuild) -> SpawnRequest:
    """What the agent is asked to be from then on; what is left out stays, but for what only the older engine understands."""
    spec = spec_of(row)
    update = {key: value for key, value in change.model_dump().items() if value is not None}
    if change.engine is not None and change.engine != spec.engine:
        update.setdefault("engine_options", {})
    new = spec.model_copy(update=update)
    if thinker(new) != thinker(spec) and change.model is None:
        new = new.model_copy(update={"model": None})
    return new


def put_on(tx: Tx, row: Row, new: SpawnRequest, model: str | None, actor: Actor) -> str:
    """The agent is asked to be `new` from then on; its model from then on.

    `model` is the one that was asked for; None keeps the one that is set, unless the engine has changed. Its setting files are
    behind until the caller has written them and called `files_written`. Raises InvalidRequest, InvalidRule: then nothing is done.
    """
    agent_id, before = str(row["id"]), spec_of(row)
    another = thinker(new) != thinker(before)
    chosen = model or (default_model(new.engine) if another else str(row["model_set"]))
    store.update_files_behind(tx, agent_id, True)
    store.update_spec(tx, agent_id, engine=new.engine, spec_json=new.model_dump_json())
    if new.limits != before.limits:
        budgets.take_from_spec(tx, agent_id, new)
    if new.rules != before.rules:
        rules.take_from_spec(tx, agent_id, new)
    if chosen != row["model_set"] or another:
        store.update_model_set(tx, agent_id, chosen)
    if another:
        store.update_engine_forgotten(tx, agent_id)
        grants.forget(tx, agent_id)
        waiting.close_item(tx, agent_id, "resume_choice")
        for outcome in ("needs_login", "rate_limited"):  # the older engine's
            held_messages.requeue_held(tx, agent_id, outcome)
    detail = {
        "name": row["name"],
        "engine": {"before": before.engine, "after": new.engine},
        "model": {"before": row["model_set"], "after": chosen},
        "options_changed": new.engine_options != before.engine_options,
    }
    append(tx, "agent.rebuilt", actor, agent_id, detail)
    return chosen


def rebuild(tx: Tx, name: str, new: SpawnRequest, model: str | None, actor: Actor) -> tuple[int, str]:
    """Write it down and ask for a restart: the generation that is to be outlived, and the model from then on.

    Raises InvalidName, AgentNotFound, and what `put_on` raises.
    """
    chosen = put_on(tx, find_agent(tx.connection, name), new, model, actor)
    return want_restart(tx, name, actor), chosen


def files_written(tx: Tx, agent_id: str) -> None:
    """The agent's model, effort and permission-mode files say what the books do."""
    store.update_files_behind(tx, agent_id, False)
