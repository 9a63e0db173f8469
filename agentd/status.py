"""What the harness knows of itself: turn state, conditions, model. Every change is journalled; the whole is the StatusReport."""

import contextlib
import os
from pathlib import Path

from agentd.journal import Journal
from hived.wire.agents import Condition, ConditionKind, EngineAbilities, TurnStateName
from hived.wire.control import StatusReport
from hived.wire.times import utc_now

RATE_LIMIT_SENTINEL = "rate-limited"
"""A file in the harness folder while the condition holds, with its detail: for scripts that look before they spawn."""


class Status:
    """One per harness."""

    def __init__(self, journal: Journal, harness: Path, model: str) -> None:
        self._journal = journal
        self._harness = harness
        self.turn_state: TurnStateName = "idle"
        self._since = utc_now()
        self.turn_id: str | None = None
        self.model = model
        self.session_id: str | None = None
        self.abilities = EngineAbilities()
        self._conditions: dict[ConditionKind, Condition] = {}

    def report(self) -> StatusReport:
        return StatusReport(
            turn_state=self.turn_state,
            turn_state_since=self._since,
            turn_id=self.turn_id,
            model=self.model,
            session_id=self.session_id,
            abilities=self.abilities,
            conditions=list(self._conditions.values()),
            pid=os.getpid(),
        )

    def turn_begins(self, turn_id: str) -> None:
        """Not journalled: the turn_start says it."""
        self.turn_state, self.turn_id, self._since = "thinking", turn_id, utc_now()

    def turn_ends(self) -> None:
        """Not journalled: the turn_end says it."""
        self.turn_state, self.turn_id, self._since = "idle", None, utc_now()

    def set_turn(self, state: TurnStateName, turn_id: str | None) -> None:
        if (state, turn_id) != (self.turn_state, self.turn_id):
            self.turn_state, self.turn_id, self._since = state, turn_id, utc_now()
            self._journal.append("turn_state_changed", {"state": state, "turn_id": turn_id})

    def set_condition(self, kind: ConditionKind, on: bool, detail: str = "") -> None:
        known = self._conditions.get(kind)
        if on == (known is not None) and (known is None or known.detail == detail):
            return
        if on:
            self._conditions[kind] = Condition(kind=kind, since=known.since if known else utc_now(), detail=detail)
        else:
            del self._conditions[kind]
        self._journal.append("status_changed", {"condition": kind, "on": on, "detail": detail})
        if kind == "rate_limited":
            self._mark_rate_limit(detail if on else None)

    def set_model(self, model: str) -> None:
        if model != self.model:
            self._journal.append("model_changed", {"model": model, "previous": self.model})
            self.model = model

    def _mark_rate_limit(self, detail: str | None) -> None:
        sentinel = self._harness / RATE_LIMIT_SENTINEL
        with contextlib.suppress(OSError):
            if detail is None:
                sentinel.unlink(missing_ok=True)
            else:
                sentinel.write_text(detail + "\n", encoding="utf-8")
