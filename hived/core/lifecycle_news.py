"""What hived tells a queen of her workers' lives, as messages of kind `report`."""

from typing import Literal

from hived.core import messages
from hived.store import agents as store
from hived.store import lifecycle_log
from hived.store.database import Row, Tx
from hived.wire.agents import LifecycleState
from hived.wire.names import QUEEN

News = Literal["started", "crashed", "killed", "parked", "rebuilt", "deployed", "buried"]

WORDS: dict[News, str] = {
    "started": "has started",
    "crashed": "has crashed, and will be started again",
    "killed": "was killed",
    "parked": "is parked: it is not started again until the operator says so",
    "rebuilt": "was rebuilt",
    "deployed": "runs a new config",
    "buried": "was destroyed",
}
CRASHES_TOLD = 3
QUIET_SECONDS = 600.0
"""After so many crashes within this time no further ones are told of, nor the starts between them."""


def tell(tx: Tx, agent: Row, what: News, cause: str) -> None:
    """Tell the agent's parent, if that is a queen, else the queen; nobody where there is none but the agent itself."""
    queen = _queen_of(tx, agent)
    if queen is not None:
        end = "" if cause.endswith((".", "!", "?", "…")) else "."
        messages.tell(tx, queen["id"], f"{agent['name']} {WORDS[what]}. Why: {cause}{end}")


def tell_step(tx: Tx, before: Row, state: LifecycleState, cause: str) -> None:
    """Tell of a step of its lifecycle, from the row as it was before, where it is one to be told of.

    What comes of a deployment is told by that.
    """
    match state:
        case "running" if before["lifecycle"] == "starting":
            if not store.is_deploying(tx.connection, before["id"]) and not _is_flapping(tx, before["id"]):
                tell(tx, before, "started", cause)
        case "crashed" if not _is_flapping(tx, before["id"]):
            tell(tx, before, "crashed", cause)
        case "parked" if before["ever_online"] and before["lifecycle"] != "parked":
            tell(tx, before, "parked", cause)  # of one that never came up its failed spawn is told
        case "stopped" if before["kill_wanted"]:
            tell(tx, before, "killed", cause)


def _queen_of(tx: Tx, agent: Row) -> Row | None:
    for name in (agent["parent"], QUEEN):
        row = None if name is None else store.select_agent_named(tx.connection, name)
        if row is not None and row["role"] == "queen" and row["lifecycle"] != "buried" and row["id"] != agent["id"]:
            return row
    return None


def _is_flapping(tx: Tx, agent_id: str) -> bool:
    since = tx.in_seconds(-QUIET_SECONDS)
    return lifecycle_log.count_steps_since(tx.connection, agent_id, "crashed", since) > CRASHES_TOLD
