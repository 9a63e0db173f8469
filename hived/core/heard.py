"""What a route waits to hear of an agent: said inside the change that took it in, and kept nowhere.

A state that is read from the books may have passed by already: a turn that ended may have another one after it.
"""

from typing import Any

from hived.store.database import Tx

HEARD = "heard"
"""The event of these doorbells; no harness gets them."""


def say(tx: Tx, key: str, **payload: Any) -> None:
    """Tell whoever listens to one of the keys below, once this change is durable."""
    tx.ring(key, HEARD, payload)


def turn_over(turn_id: str) -> str:
    """{outcome, error}"""
    return f"turn {turn_id}"


def session_armed(agent_id: str) -> str:
    """{primer}"""
    return f"armed {agent_id}"


def nap_told(agent_id: str) -> str:
    """{until}"""
    return f"nap {agent_id}"


def purge_over(agent_id: str) -> str:
    """{refused}, {stuck} or {purged: wire.tombstones.Purged}"""
    return f"purge {agent_id}"
