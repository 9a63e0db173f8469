"""Grants: a one-shot yes to exactly one tool and input, left where an agent could not be given the answer that it waited for.

It answers the next identical ask of that agent, once. Deny rules beat it. After LAPSE_DAYS, or once the agent has another
engine, it answers nothing any more.
"""

from datetime import UTC, datetime, timedelta

from hived.store import grants as store
from hived.store.database import Row, Tx
from hived.wire.approvals import GrantState
from hived.wire.times import to_text

LAPSE_DAYS = 7


def give(tx: Tx, approval: Row, input_hash: str, tool: str) -> None:
    """Leave one for the agent that asked. `approval`: what was approved."""
    store.insert_grant(tx, approval["id"], agent_id=approval["requester_id"], tool=tool, input_hash=input_hash)


def give_used(tx: Tx, approval: Row, input_hash: str, tool: str, used_by: str) -> None:
    """The same ask is made again already: it is answered with it at once."""
    give(tx, approval, input_hash, tool)
    store.update_used(tx, approval["id"], used_by)


def take(tx: Tx, agent_id: str, input_hash: str, used_by: str) -> str | None:
    """Use the oldest that fits, for that ask: the approval that left it. None where there is none."""
    found = store.select_unused(tx.connection, agent_id, input_hash, after=tx.in_seconds(-LAPSE_DAYS * 86_400))
    if found is None:
        return None
    store.update_used(tx, found["id"], used_by)
    return str(found["id"])


def forget(tx: Tx, agent_id: str) -> None:
    """What was granted was granted to the engine that it had."""
    store.delete_unused(tx, agent_id)


def state(approval: Row) -> GrantState | None:
    """What has become of the grant that an approval left; None where it left none."""
    if approval["granted_at"] is None:
        return None
    if approval["grant_used_by"] is not None:
        return "used"
    return "unused" if approval["granted_at"] > _oldest() else "lapsed"


def _oldest() -> str:
    return to_text(datetime.now(UTC) - timedelta(days=LAPSE_DAYS))
