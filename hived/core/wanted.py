"""What is wanted of an agent: running, stopped, another generation, killed, paused. The supervision makes it so.

What each verb means in each state is the table in docs/LIFECYCLE.md.
"""

from typing import Literal

from hived.core import audit
from hived.core.agent_views import find_agent, publish
from hived.core.lifecycle import set_lifecycle
from hived.store import agents as store
from hived.store.database import SUPERVISOR, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import AgentBuried
from hived.wire.lifecycle_errors import AgentPaused, NothingToPause

Wanted = Literal["running", "stopped"]
AT_REST = ("stopped", "crashed", "parked")
"""It has no process: what is asked of it shows at once."""


def want(tx: Tx, name: str, wanted: Wanted, actor: Actor) -> None:
    """Say what is wanted. Wanting a parked or crashed agent running clears that; stopped ends a pause.

    Raises InvalidName, AgentNotFound, AgentBuried; for `running` AgentPaused.
    """
    row = _living(tx, name)
    if wanted == "running" and row["paused"]:
        raise AgentPaused(name=name)
    store.update_wanted(tx, row["id"], wanted)
    if wanted == "running" and row["lifecycle"] in AT_REST:
        set_lifecycle(tx, row["id"], "requested", f"{actor.who} asked for its start", pid=None)
    _asked(tx, row, f"wanted_{wanted}", actor)


def want_restart(tx: Tx, name: str, actor: Actor) -> int:
    """Ask for a new generation; the one that is to be outlived. Asked again before it has begun, it is the same restart.

    A paused agent stays so. Raises InvalidName, AgentNotFound, AgentBuried.
    """
    row = _living(tx, name)
    store.update_restart_wanted(tx, row["id"])
    if row["lifecycle"] in AT_REST:
        set_lifecycle(tx, row["id"], "requested", f"{actor.who} asked for its restart", pid=None)
    _asked(tx, row, "wanted_restart", actor)
    return int(row["generation"])


def want_killed(tx: Tx, name: str, actor: Actor) -> None:
    """Wanted stopped, by KILL and at once, whatever else is under way. Raises InvalidName, AgentNotFound, AgentBuried."""
    row = _living(tx, name)
    store.update_wanted(tx, row["id"], "stopped")
    if row["lifecycle"] != "stopped":
        store.update_kill_wanted(tx, row["id"], True)
    _asked(tx, row, "wanted_killed", actor)


def want_paused(tx: Tx, name: str, actor: Actor) -> None:
    """Everything of it is to stand still. One that is starting, or is to be started again, comes up so.

    Raises InvalidName, AgentNotFound, AgentBuried; NothingToPause where nothing of it runs, or will soon.
    """
    row = _living(tx, name)
    if row["wanted"] == "stopped" or row["lifecycle"] in ("stopped", "parked"):
        raise NothingToPause(name=name, lifecycle=row["lifecycle"])
    if not row["paused"]:
        store.update_paused(tx, row["id"], True, f"{actor.who} paused it")
        if row["lifecycle"] == "running":
            asked = f"{actor.who} asked for its pause; its engine is told to stand still"
            set_lifecycle(tx, row["id"], "running", asked, pid=row["pid"])
    _asked(tx, row, "paused", actor)
    tx.ring(row["id"], "pause", {"paused": True, "reason": f"{actor.who} paused it"})


def want_going(tx: Tx, row: Row, actor: Actor) -> None:
    """A pause is to end; nothing where there is none."""
    if not row["paused"] and not row["frozen"]:
        return
    store.update_paused(tx, row["id"], False, f"{actor.who} let it go on")
    if row["lifecycle"] == "paused":
        set_lifecycle(tx, row["id"], "paused", f"{actor.who} asked it to go on", pid=row["pid"])
    publish(tx, row["id"])
    tx.ring(SUPERVISOR, "look")
    tx.ring(row["id"], "pause", {"paused": False, "reason": f"{actor.who} let it go on"})


def _living(tx: Tx, name: str) -> Row:
    row = find_agent(tx.connection, name)
    if row["bury_wanted"]:
        raise AgentBuried(name=name, at=tx.now)
    return row


def _asked(tx: Tx, row: Row, what: str, actor: Actor) -> None:
    audit.append(tx, f"agent.{what}", actor, row["id"], {"name": row["name"]}, seen=row["lifecycle_cause"])
    publish(tx, row["id"])
    tx.ring(SUPERVISOR, "look")
