"""The conditions that hold of an agent, and what follows where one comes or goes: in the one list, and for held messages."""

import json
from collections.abc import Sequence

from hived.core import held_messages, waiting
from hived.core.text import checked_time, one_line
from hived.store import agents as store
from hived.store.database import Row, Tx
from hived.wire.agents import AgentSpec, Condition
from hived.wire.approvals import WaitingKind

MOST_DETAIL_CHARACTERS = 500
WAITING: tuple[WaitingKind, ...] = ("needs_login", "rate_limited", "resume_choice")
"""What an agent that runs may wait on the operator for."""


def resumes_by_itself(spec: AgentSpec, hive_says: bool) -> bool:
    """Whether the agent goes on by itself when a rate limit ends: `limits.rate_limit_resume`, else what hive.toml says."""
    return bool(spec.limits.get("rate_limit_resume", hive_says))


def set_conditions(tx: Tx, agent: Row, conditions: Sequence[Condition], *, rate_limit_resume: bool = False) -> None:
    """Replace them all. The caller publishes the agent; `rate_limit_resume` is what hive.toml says.

    A login that is needed waits for the operator, and so does a rate limit that the agent does not end by itself. Once the
    login is there, what was held for want of it is queued again.
    """
    found = {condition.kind: _fit(tx, condition) for condition in conditions}
    store.update_conditions(tx, agent["id"], json.dumps([condition.model_dump() for condition in found.values()]))
    login = found.get("needs_login")
    if login is not None:
        _list(tx, agent, login, f"{agent['name']} needs a login: {login.detail}")
    elif waiting.close_item(tx, agent["id"], "needs_login") or _lacked_login(agent):
        held_messages.requeue_held(tx, agent["id"], "needs_login")
    limit = found.get("rate_limited")
    spec = AgentSpec.model_validate_json(agent["spec_json"], extra="ignore")
    if limit is None or resumes_by_itself(spec, rate_limit_resume):
        waiting.close_item(tx, agent["id"], "rate_limited")
    else:
        until = f" until {limit.until[:16].replace('T', ' ')} UTC" if limit.until else ""
        _list(tx, agent, limit, f"{agent['name']} is rate limited{until}: {limit.detail}")


def at_rest(tx: Tx, agent_id: str) -> None:
    """It is stopped: nothing of it stands still for want of these. Its harness says them again when it is started."""
    for kind in WAITING:
        waiting.close_item(tx, agent_id, kind)


def _lacked_login(agent: Row) -> bool:
    """It needed a login when it was last heard of, though it may have been taken off the list since."""
    return any(condition["kind"] == "needs_login" for condition in json.loads(agent["conditions_json"]))


def _fit(tx: Tx, condition: Condition) -> Condition:
    return Condition(
        kind=condition.kind,
        since=checked_time(condition.since) or tx.now,
        detail=one_line(condition.detail, MOST_DETAIL_CHARACTERS),
        until=checked_time(condition.until),
    )


def _list(tx: Tx, agent: Row, condition: Condition, subject: str) -> None:
    assert condition.kind in ("needs_login", "rate_limited")
    waiting.open_item(
        tx, agent["id"], condition.kind, agent=agent["name"], subject=subject.removesuffix(": "), since=condition.since
    )
