"""A harness's StatusReport: all that it knows of itself, made fit to keep. Its lists are bounded, its text is one line."""

import json
from collections.abc import Sequence

from hived.core.agent_views import check_generation, publish
from hived.core.conditions import set_conditions
from hived.core.sessions import set_session
from hived.core.spend import MOST_TOKENS
from hived.core.text import checked_time, is_line, one_line
from hived.store import agents as store
from hived.store.database import SUPERVISOR, Tx
from hived.wire.agents import EngineAbilities, ModelOffered
from hived.wire.control import StatusReport

MOST_MODELS = 1000
MOST_MODEL_CHARACTERS = 200
MOST_CHOICES = 100
"""Efforts, or permission modes."""
MOST_CHOICE_CHARACTERS = 64


def apply_status(
    tx: Tx, agent_id: str, generation: int, report: StatusReport, *, rate_limit_resume: bool = False
) -> None:
    """Take what the harness says of itself; `rate_limit_resume` is what hive.toml says.

    The model is not taken from it: hived writes that. Figures are, where hived has none; but not those of a conversation
    that the next turn does not go on with. Raises StaleGeneration, AgentNotFound.
    """
    row = check_generation(tx, agent_id, generation)
    same_turn = report.turn_id is not None and report.turn_id == row["turn_id"]
    store.update_turn(
        tx,
        agent_id,
        state=report.turn_state,
        since=checked_time(report.turn_state_since) or tx.now,
        turn_id=report.turn_id,
        wake=row["turn_wake"] if same_turn else None,
        until=checked_time(report.turn_until),
    )
    if store.update_frozen(tx, agent_id, report.paused):
        tx.ring(SUPERVISOR, "look")
    session = report.session
    if session.id is None and report.session_id is not None:
        session = session.model_copy(update={"id": report.session_id})
    if session.state == "none" and session.id is not None:
        session = session.model_copy(update={"state": "kept"})
    set_session(tx, row, session)
    set_conditions(tx, row, report.conditions, rate_limit_resume=rate_limit_resume)
    ctx = report.ctx if session.state != "armed" else None
    models = fit_models(report.models)
    store.update_report(
        tx,
        agent_id,
        abilities_json=_fit_abilities(report.abilities).model_dump_json(),
        models_json=json.dumps([model.model_dump() for model in models]) if models else None,
        ctx_json=None if ctx is None else ctx.model_dump_json(),
        cost_json=None if report.cost is None else report.cost.model_dump_json(),
    )
    publish(tx, agent_id)


def fit_models(models: Sequence[ModelOffered]) -> list[ModelOffered]:
    """At most 1000, each name once and of 1 to 200 printable characters; the rest is left out."""
    fit: dict[str, ModelOffered] = {}
    for model in models:
        if len(fit) == MOST_MODELS:
            break
        if model.name in fit or not is_line(model.name, MOST_MODEL_CHARACTERS):
            continue
        window = model.window if model.window is not None and 0 < model.window <= MOST_TOKENS else None
        fit[model.name] = ModelOffered(
            name=model.name, title=one_line(model.title), description=one_line(model.description), window=window
        )
    return list(fit.values())


def _fit_abilities(abilities: EngineAbilities) -> EngineAbilities:
    return abilities.model_copy(
        update={
            "efforts": _fit_choices(abilities.efforts),
            "permission_modes": _fit_choices(abilities.permission_modes),
        }
    )


def _fit_choices(choices: Sequence[str]) -> list[str]:
    fit = dict.fromkeys(choice for choice in choices if is_line(choice, MOST_CHOICE_CHARACTERS))
    return list(fit)[:MOST_CHOICES]
