"""What was decided and by whom, each entry chained to the one before it by SHA-256 from the first on."""

import hashlib
import json
from typing import Any

from hived.store import audit as store
from hived.store.database import Connection, Tx
from hived.wire.approvals import Actor

FIRST = "0" * 64
"""What the first entry has for a previous hash."""


def append(tx: Tx, action: str, actor: Actor, subject: str, detail: dict[str, Any] | None = None) -> None:
    """Write one entry. `action` is a past verb with its noun (`approval.approved`), `subject` an id."""
    last = store.select_last(tx.connection)
    seq, previous = (1, FIRST) if last is None else (last["seq"] + 1, last["hash"])
    actor_json, detail_json = _canonical(actor.model_dump()), _canonical(detail or {})
    store.insert_entry(
        tx,
        seq=seq,
        action=action,
        actor_json=actor_json,
        subject=subject,
        detail_json=detail_json,
        previous_hash=previous,
        digest=_digest(seq, tx.now, action, actor_json, subject, detail_json, previous),
    )


def verify(conn: Connection) -> int | None:
    """The number of the first entry that does not follow from the ones before it; None where all do."""
    expected, previous = 1, FIRST
    for row in store.select_all(conn):
        digest = _digest(
            row["seq"], row["ts"], row["action"], row["actor_json"], row["subject"], row["detail_json"], previous
        )
        if row["seq"] != expected or row["previous_hash"] != previous or row["hash"] != digest:
            return expected
        expected, previous = expected + 1, digest
    return None


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


def _canonical(value: dict[str, Any]) -> str:
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=True)
