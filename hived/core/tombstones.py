"""Tombstones: an agent that is destroyed keeps its row and all its state, and is in no list of agents any more.

Wanted buried → stopped by its keeper → what is left of it is looked at → buried, in one change: what it asked has failed, its
questions and reminders are ended, its mail waits.
"""

from dataclasses import dataclass, field

from hived.core import audit, budgets, delivery, deployment_steps, lifecycle_news, purges, questions, reminders, waiting
from hived.core.agent_views import find_agent, publish
from hived.core.agents import set_lifecycle
from hived.core.approval_rows import feed as feed_approval
from hived.core.messages import tell
from hived.core.text import one_line
from hived.core.tombstone_views import (
    feed,
    find_tombstone,
    fresh_items,
    list_tombstones,
    open_items,
    row_of,
    to_tombstone,
)
from hived.store import deployments as deployment_store
from hived.store import tombstones as store
from hived.store.database import SUPERVISOR, Connection, Row, Tx
from hived.wire.approvals import Actor, WaitingKind
from hived.wire.base import Answer
from hived.wire.deployments import DeploymentStep
from hived.wire.errors import ProtectedAgent
from hived.wire.names import HIVED, QUEEN
from hived.wire.tombstones import Destroy, SizeKind, Tombstone
from hived.wire.work import WorkState

__all__ = [
    "Burial", "Remains", "bury", "feed", "find_tombstone", "fresh_items", "is_wanted", "list_tombstones", "to_tombstone", "want_burial",
]  # fmt: skip

MOST_LAST_WORDS = 500
ABOUT_ITSELF: tuple[WaitingKind, ...] = ("parked", "needs_login", "rate_limited", "resume_choice")
"""Kinds of the one list whose id is an agent's."""


class Burial(Answer):
    """`bury_json`: who wants it buried, and what then."""

    by: Actor
    note: str | None = None
    purge: bool = False
    discard_work: bool = False
    call: purges.KeptCall | None = None


@dataclass(frozen=True, slots=True)
class Remains:
    """What of it only its folders say, as the supervision has just looked at it."""

    sizes: dict[SizeKind, int] = field(default_factory=dict)
    last_words: str = ""
    last_words_at: str | None = None
    work: WorkState | None = None
    origin_head: str | None = None
    engine_version: str | None = None


def want_burial(tx: Tx, name: str, wish: Destroy, actor: Actor, call: purges.KeptCall | None = None) -> str:
    """Say that it is to be stopped and buried; its id. Again: what is wanted now holds.

    Raises InvalidName, AgentNotFound, AgentBuried, ProtectedAgent.
    """
    row = find_agent(tx.connection, name)
    if row["name"] == QUEEN:
        raise ProtectedAgent()
    burial = Burial(by=actor, note=wish.note, purge=wish.purge, discard_work=wish.discard_work, call=call)
    again = bool(row["bury_wanted"])
    store.update_bury_wanted(tx, row["id"], burial.model_dump_json())
    if not again:
        detail = {"name": name, "note": wish.note, "purge": wish.purge}
        audit.append(tx, "agent.destroyed", actor, row["id"], detail, seen=row["lifecycle_cause"])
    publish(tx, row["id"])
    tx.ring(SUPERVISOR, "look")
    agent_id: str = row["id"]
    return agent_id


def is_wanted(conn: Connection, agent_id: str) -> bool:
    """Whether it is to be buried, and is not yet."""
    row = store.select_one(conn, agent_id)
    return row is not None and bool(row["bury_wanted"]) and row["lifecycle"] != "buried"


def bury(tx: Tx, agent_id: str, remains: Remains) -> Burial | None:
    """Make the tombstone. None where it is not wanted buried (any more), or is so already."""
    if not is_wanted(tx.connection, agent_id):
        return None
    row = row_of(tx.connection, agent_id)
    name = row["name"]
    burial = Burial(by=Actor(who=HIVED)) if row["bury_json"] is None else Burial.model_validate_json(row["bury_json"])
    was_open = open_items(tx.connection, row)
    reason = f"{name} was destroyed by {burial.by.who}"
    delivery.put_back_leases(tx, agent_id, row["generation"] + 1, tx.config.max_deliveries)
    failed = _fail_asks(tx, row, reason)
    for deployment in deployment_store.select_open_of(tx.connection, agent_id):
        step: DeploymentStep = "validate" if deployment["status"] in ("queued", "building") else "start"
        deployment_steps.end_badly(tx, deployment["id"], step, f"{reason} meanwhile.")
        row = row_of(tx.connection, agent_id)  # what ran before is what it is
    questions.agent_gone(tx, agent_id, name, reason)
    reminders.agent_gone(tx, agent_id, name, reason)
    _leave_the_list(tx, row)
    cause = f"it was destroyed by {burial.by.who}" + (f": {burial.note}" if burial.note else "")
    tombstone = Tombstone(
        id=agent_id,
        name=name,
        role=row["role"],
        engine=row["engine"],
        model=row["model"],
        runtime=row["runtime"],
        parent=row["parent"],
        created_at=row["created_at"],
        buried_at=tx.now,
        buried_by=burial.by,
        cause=one_line(cause, 400),
        bytes=sum(remains.sizes.values()),
        sizes=remains.sizes,
        last_words=one_line(remains.last_words, MOST_LAST_WORDS),
        last_words_at=remains.last_words_at,
        open=was_open,
        work=remains.work,
        session_id=row["session_id"],
        turns=row["turns"],
        usd=row["total_usd"],
        commit=row["commit_sha"],
        note=burial.note,
        origin_head=remains.origin_head,
        engine_version=remains.engine_version,
    )
    store.update_buried(tx, agent_id, tombstone.model_dump_json())
    set_lifecycle(tx, agent_id, "buried", tombstone.cause, pid=None)
    detail = {"name": name, "bytes": tombstone.bytes, "failed_approvals": failed}
    audit.append(tx, "agent.buried", Actor(who=HIVED), agent_id, detail)
    lifecycle_news.tell(tx, row, "buried", tombstone.cause)
    tx.feed("agent_removed", {"id": agent_id, "name": name})
    if burial.purge:
        purges.begin(tx, agent_id, discard_work=burial.discard_work, actor=burial.by, call=burial.call)
    elif burial.call is not None:
        burial.call.keep(tx, tombstone)
    feed(tx, agent_id)
    tx.ring(SUPERVISOR, "look")
    return burial


def _fail_asks(tx: Tx, row: Row, reason: str) -> int:
    """Nobody is left to use the answer; another agent that proposed something for it is told."""
    asks = store.select_undecided(tx.connection, row["id"])
    for ask in asks:
        store.update_failed(tx, ask["id"], reason)
        waiting.close_item(tx, ask["id"], ask["kind"])
        feed_approval(tx, ask["id"])
        if ask["requester_id"] not in (None, row["id"]):
            tell(tx, ask["requester_id"], f"What you asked has failed, {ask['subject']}: {reason}.", about=ask["id"])
    return len(asks)


def _leave_the_list(tx: Tx, row: Row) -> None:
    """Nothing of it needs the operator; held messages wait with the others."""
    for kind in ABOUT_ITSELF:
        waiting.close_item(tx, row["id"], kind)
    for message in store.select_held(tx.connection, row["id"]):
        waiting.close_item(tx, message["id"], "held_message")
    budgets.not_stopped(tx, row)
