"""What was decided and by whom, each entry chained to the one before it by SHA-256 from the first on.

The head (its last number and hash) is kept beside the chain, so that a tail that is cut off shows too.
"""

import hashlib
import json
from typing import Any

from hived.store import audit as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.audit import AuditEntry

FIRST = "0" * 64
"""What the first entry has for a previous hash."""


def append(
    tx: Tx, action: str, actor: Actor, subject: str, detail: dict[str, Any] | None = None, *, seen: Any = None
) -> None:
    """Write one entry. `action` is a past verb with its noun (`approval.approved`), `subject` an id.

    `seen`: what was decided on, as clients get it (an approval's payload, a message's body); its hash is kept (`seen_hash`).
    """
    last = store.select_head(tx.connection) or store.select_last(tx.connection)
    seq, previous = (1, FIRST) if last is None else (last["seq"] + 1, last["hash"])
    kept = {**(detail or {}), **({} if seen is None else {"seen": seen_hash(seen)})}
    actor_json, detail_json = _canonical(actor.model_dump()), _canonical(kept)
    digest = _digest(seq, tx.now, action, actor_json, subject, detail_json, previous)
    store.insert_entry(
        tx,
        seq=seq,
        action=action,
        actor_json=actor_json,
        subject=subject,
        detail_json=detail_json,
        previous_hash=previous,
        digest=digest,
    )
    store.upsert_head(tx, seq, digest)


def seen_hash(shown: Any) -> str:
    """SHA-256, in hex, of a text, or of the JSON of anything else with sorted keys, no blanks, and all but ASCII escaped."""
    return hashlib.sha256((shown if isinstance(shown, str) else _canonical(shown)).encode()).hexdigest()


def list_entries(
    conn: Connection, *, limit: int = 200, before: int | None = None, subject: str | None = None
) -> list[AuditEntry]:
    """The newest `limit` with a number below `before`, oldest first; only those on one `subject` (an id or its beginning)."""
    return [_entry(row) for row in store.select_entries(conn, limit=limit, before=before, subject=subject)]


def verify(conn: Connection) -> int | None:
    """The number of the first entry that is missing or does not follow from the ones before it; None where all is whole."""
    expected, previous = 1, FIRST
    for row in store.select_all(conn):
        digest = _digest(
            row["seq"], row["ts"], row["action"], row["actor_json"], row["subject"], row["detail_json"], previous
        )
        if row["seq"] != expected or row["previous_hash"] != previous or row["hash"] != digest:
            return expected
        expected, previous = expected + 1, digest
    head = store.select_head(conn)
    ends = (0, FIRST) if head is None else (head["seq"], head["hash"])
    return None if ends == (expected - 1, previous) else expected


def _entry(row: Row) -> AuditEntry:
    return AuditEntry(
        seq=row["seq"],
        ts=row["ts"],
        action=row["action"],
        actor=Actor.model_validate_json(row["actor_json"]),
        subject=row["subject"],
        detail=json.loads(row["detail_json"]),
        hash=row["hash"],
    )


def _digest(seq: int, ts: str, action: str, actor_json: str, subject: str, detail_json: str, previous_hash: str) -> str:
    entry = {
        "seq": seq,
        "ts": ts,
        "action": action,
        "actor": actor_json,
        "subject": subject,
        "detail": detail_json,
        "previous_hash": previous_hash,
    }
    return hashlib.sha256(_canonical(entry).encode()).hexdigest()


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
