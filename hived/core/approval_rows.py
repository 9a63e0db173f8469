"""An approval's row: read as clients get it, and decided once, with its entry in the audit and its place in the one list."""

import json
from typing import Any, Literal

from hived.core import audit, grants, waiting
from hived.core.finding import only_one
from hived.store import approvals as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor, Approval, ApprovalList
from hived.wire.errors import AlreadyDecided, ApprovalNotFound, QueueFull
from hived.wire.names import OPERATOR

Decided = Literal["approved", "denied"]
MOST_PAGE_CHARACTERS = 4 * 1024 * 1024
"""Of all payloads of a page: it is shorter where they are very long."""


def find_approval(conn: Connection, prefix: str) -> Row:
    """The approval with that id, or the only one whose id begins so. Raises ApprovalNotFound, AmbiguousId."""
    return only_one(store.select_approvals_starting(conn, prefix), prefix, ApprovalNotFound, "approval")


def page_approvals(
    conn: Connection,
    *,
    kind: str | None = None,
    status: str | None = None,
    undecided: bool = True,
    limit: int = 200,
    before: str | None = None,
) -> ApprovalList:
    """The newest `limit`, fewer where they are very long, oldest first; `undecided`: only those that can still be decided."""
    older = None if before is None else find_approval(conn, before)["id"]
    ids = store.select_approval_ids(
        conn, kind=kind, status=status, undecided=undecided, limit=limit + 1, before=older
    )  # fmt: skip
    newest_first: list[Approval] = []
    size = 0
    for approval_id in ids[:limit]:
        row = store.select_approval(conn, approval_id)
        if row is None:
            continue
        size += len(row["payload_json"]) + len(row["updated_input_json"] or "")
        if newest_first and size > MOST_PAGE_CHARACTERS:
            break
        newest_first.append(to_approval(row))
    return ApprovalList(approvals=newest_first[::-1], more=len(ids) > len(newest_first))


def list_approvals(conn: Connection, **query: Any) -> list[Approval]:
    """Those of `page_approvals`."""
    return page_approvals(conn, **query).approvals


def to_approval(row: Row) -> Approval:
    decided_by, updated = row["decided_by_json"], row["updated_input_json"]
    return Approval(
        id=row["id"],
        kind=row["kind"],
        status=row["status"],
        requester=row["requester"],
        subject=row["subject"],
        payload=json.loads(row["payload_json"]),
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        decided_by=None if decided_by is None else Actor.model_validate_json(decided_by),
        note=row["note"],
        updated_input=None if updated is None else json.loads(updated),
        rule=row["answered_by_rule"],
        grant=row["answered_by_grant"],
        grant_state=grants.state(row),
        failure=row["failure"],
    )


def settle(
    tx: Tx,
    row: Row,
    verdict: Decided,
    actor: Actor,
    *,
    note: str | None = None,
    updated_input: dict[str, Any] | None = None,
    rule: str | None = None,
    grant: str | None = None,
    twin: str | None = None,
) -> None:
    """Decide it, if nobody has: the row, the audit and the one list. What follows from it is the caller's.

    `rule` and `grant`: what answered it. `twin`: the approval that it was decided with. Raises AlreadyDecided.
    """
    won = store.update_decided(
        tx,
        row["id"],
        verdict,
        actor_json=actor.model_dump_json(),
        note=note,
        updated_input_json=None if updated_input is None else json.dumps(updated_input),
        rule=rule,
        grant=grant,
    )
    if not won:
        raise _already_decided(row)
    commit = row["input_hash"] if row["kind"] == "apply_commit" else None
    named = {"commit": commit, "rule": rule, "grant": grant, "twin": twin, "updated_input": updated_input}
    detail = {
        "subject": row["subject"],
        "note": note,
        **{key: value for key, value in named.items() if value is not None},
    }
    audit.append(tx, f"approval.{verdict}", actor, row["id"], detail, seen=json.loads(row["payload_json"]))
    waiting.close_item(tx, row["id"], row["kind"])


def check_room(tx: Tx, agent_id: str, name: str) -> None:
    """Raises QueueFull where as many of the agent's asks are undecided as it may have messages queued (`max_queued`)."""
    most = tx.config.max_queued
    if store.count_undecided(tx.connection, agent_id, most=most + 1) > most:
        words = f"{name} has {most} asks that nobody has decided; none is added until some are."
        raise QueueFull(words, recipient=OPERATOR, count=most, sender=name)


def feed(tx: Tx, approval_id: str) -> Approval:
    """Feed it as it is now."""
    row = store.select_approval(tx.connection, approval_id)
    if row is None:
        raise ApprovalNotFound(id=approval_id)
    approval = to_approval(row)
    tx.feed("approval", approval.model_dump())
    return approval


def _already_decided(row: Row) -> AlreadyDecided:
    by: dict[str, Any] = json.loads(row["decided_by_json"] or "{}")
    who = by.get("who", "hived")
    named = f"{who} ({by['client']})" if by.get("client") else who
    return AlreadyDecided(
        id=row["id"], status=row["status"], by=named, at=row["decided_at"] or "?", pid=by.get("pid"), uid=by.get("uid")
    )
