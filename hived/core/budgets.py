"""Budgets: what may be spent, checked where a turn starts and where an agent is spawned."""

from hived.store.database import Connection, Row, Tx
from hived.wire.agents import SpawnRequest


def check_turn(tx: Tx, agent: Row) -> str | None:
    """None: the turn may start. Else which budget is spent, in one sentence: the agent is marked, the operator has it in his
    list, and the harness is woken when there is a way on. The caller publishes the agent.
    """
    return None


def check_spawn(conn: Connection, parent: str | None) -> None:
    """Raises OverBudget where the spawn tree of `parent` (None: the hive) has nothing left."""


def take_from_spec(tx: Tx, agent_id: str, request: SpawnRequest) -> None:
    """Set the budgets that the agent.toml's `limits` name (usd_per_day, turns_per_hour), instead of those from there before."""


def check_spec(request: SpawnRequest) -> None:
    """Raises InvalidRequest for limits that say nothing."""


def run_due(tx: Tx) -> None:
    """A window has ended: wake whom a budget stopped that is not over any more."""


def next_due(conn: Connection) -> str | None:
    """When `run_due` must be called again at the latest; None: never."""
    return None
