"""The conditions that Claude Code's turns tell of, each told once, over restarts too. What is on is kept as a fact."""

import json

from agentd.engines.base import ConditionChanged, EngineEvent, Facts
from agentd.engines.claude_outcome import Verdict
from hived.wire.agents import ConditionKind

_FACT = "claude_conditions"


class Conditions:
    """One per engine."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts

    def is_news(self, event: EngineEvent) -> bool:
        """Whether it says something new; it counts as told then."""
        return not isinstance(event, ConditionChanged) or bool(
            self._changed(event.condition, event.on, event.detail, event.until)
        )

    def after(self, verdict: Verdict) -> list[EngineEvent]:
        """What a turn's end says of logins and limits: a turn that worked ends both."""
        if verdict.outcome in ("needs_login", "rate_limited"):
            return self._changed(verdict.outcome, True, verdict.error or "", verdict.until)
        if verdict.outcome == "ok":
            return self._changed("needs_login", False) + self._changed("rate_limited", False)
        return []

    def _changed(self, kind: ConditionKind, on: bool, detail: str = "", until: str | None = None) -> list[EngineEvent]:
        told = self._told()
        if on and kind in told and until in (None, told[kind]):
            return []
        if not on and kind not in told:
            return []
        if on:
            told[kind] = until
        else:
            del told[kind]
        self._facts.set(_FACT, json.dumps(told) if told else None)
        return [ConditionChanged(kind, on, detail, until)]

    def _told(self) -> dict[str, str | None]:
        """Each with its end, where that was known."""
        try:
            found = json.loads(self._facts.get(_FACT) or "{}")
            return dict(found)
        except (ValueError, TypeError):
            return {}
