"""Revivals: a tombstone comes back, once the operator has approved it as he would a spawn.

The same row lives again: its conversation, model, login, folders, figures and budgets are what they were.
"""

from collections.abc import Sequence

from hived.core import audit, waiting
from hived.core.agent_views import publish, spec_of
from hived.core.approval_rows import feed as feed_approval
from hived.core.approval_rows import to_approval
from hived.core.text import one_line
from hived.core.tombstone_views import feed, find_tombstone
from hived.store import agents as agent_store
from hived.store import approvals as approval_store
from hived.store import lifecycle_log
from hived.store import tombstones as store
from hived.store.database import SUPERVISOR, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor, Approval
from hived.wire.errors import BeingPurged, InvalidRequest, StillAlive, TombstoneNotFound
from hived.wire.ids import new_id
from hived.wire.names import OPERATOR
from hived.wire.times import from_text

MOST_CHANGED = 20
"""Lines of what is different."""


def ask_revival(tx: Tx, name: str, changed: Sequence[str], note: str | None) -> Approval:
    """Ask the operator. While one is undecided, asking again is the same ask.

    Raises InvalidName, TombstoneNotFound, StillAlive, BeingPurged.
    """
    row = find_tombstone(tx.connection, name)
    if row["purge_json"] is not None:
        raise BeingPurged(name=name)
    if row["reviving"] is not None:
        known = approval_store.select_approval(tx.connection, row["reviving"])
        assert known is not None
        return to_approval(known)
    request = spec_of(row).model_copy(
        update={
            "name": row["name"],
            "model": row["model_set"] or row["model"],
            "runtime": row["runtime"],
            "parent": row["parent"],
            "reason": note,
            "revive": row["id"],
            "changed": [one_line(line, 400) for line in changed][:MOST_CHANGED],
        }
    )
    chosen = new_id()
    subject = revival_subject(request, row["lifecycle_since"], tx.now)
    values = {
        "id": chosen,
        "kind": "spawn",
        "requester": OPERATOR,
        "requester_id": None,
        "spawn_name": row["name"],
        "generation": None,
        "turn_id": None,
        "subject": subject,
        "payload_json": request.model_dump_json(),
        "input_hash": None,
    }
    approval_store.insert_approval(tx, values)
    waiting.open_item(tx, chosen, "spawn", agent=None, subject=subject)
    feed(tx, row["id"])
    return feed_approval(tx, chosen)


def revival_subject(request: SpawnRequest, buried_at: str, now: str) -> str:
    """One line: who comes back, after how long, and what is different."""
    days = (from_text(now) - from_text(buried_at)).total_seconds() / 86_400
    ago = f"{days:.0f} days" if days >= 2 else f"{days * 24:.0f} hours" if days >= 1 / 12 else "a short while"
    changed = f": {'; '.join(request.changed)}" if request.changed else ": nothing has changed"
    return one_line(f"revive {request.name} ({request.role}, {request.engine}), destroyed {ago} ago{changed}")


def denied(tx: Tx, request: SpawnRequest) -> None:
    """It stays as it is. The approval's row says so already."""
    if request.revive is not None and agent_store.select_agent(tx.connection, request.revive) is not None:
        feed(tx, request.revive)


def revive(tx: Tx, request: SpawnRequest, approval: Row, actor: Actor) -> str:
    """Let it live again, wanted running; its id. What is open of it waits for the operator again.

    Raises TombstoneNotFound, StillAlive, BeingPurged where it is not as it was when it was asked for.
    """
    row = _buried(tx, request)
    cause = f"its revival was approved by {actor.who}"
    store.update_revived(tx, row["id"])
    agent_store.update_lifecycle(tx, row["id"], "requested", cause, None)
    lifecycle_log.insert_step(
        tx, row["id"], state="requested", cause=cause, generation=row["generation"], pid=None
    )  # fmt: skip
    for message in store.select_held(tx.connection, row["id"]):
        subject = f"{message['sender']}: {message['body'][:120]} ({message['reason']})"
        waiting.open_item(tx, message["id"], "held_message", agent=row["name"], subject=subject)
    if row["session_refused"]:
        subject = f"{row['name']} cannot go on with its conversation: it was refused before it was destroyed"
        waiting.open_item(tx, row["id"], "resume_choice", agent=row["name"], subject=subject)
    audit.append(tx, "agent.revived", actor, row["id"], {"name": row["name"], "approval": approval["id"]})
    tx.feed("tombstone_removed", {"id": row["id"], "name": row["name"]})
    publish(tx, row["id"])
    tx.ring(SUPERVISOR, "look")
    agent_id: str = row["id"]
    return agent_id


def refuse_forged(request: SpawnRequest) -> None:
    """`revive` and `changed` are hived's to say. Raises InvalidRequest."""
    if request.revive is not None or request.changed:
        raise InvalidRequest(reason="revive, changed: a tombstone is brought back with hive revive.")


def _buried(tx: Tx, request: SpawnRequest) -> Row:
    row = store.select_one(tx.connection, request.revive or "")
    if row is None:
        raise TombstoneNotFound(name=request.name)
    if row["lifecycle"] != "buried":
        raise StillAlive(name=request.name, lifecycle=row["lifecycle"])
    if row["purge_json"] is not None:
        raise BeingPurged(name=request.name)
    return row
