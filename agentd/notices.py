"""Words that the engine must be told and could not be told where they arose: kept in the journal's file until a prompt that
held them was answered, so that neither a kill nor a failed turn loses them.
"""

import json

from agentd.engines.base import Facts

FACT = "notices"
MOST = 64
MOST_CHARACTERS = 8192


class Notices:
    """One per harness. `hand_out` with each prompt, `settle` when its turn has come to a good end."""

    def __init__(self, facts: Facts) -> None:
        self._facts = facts
        self._waiting = _read(facts.get(FACT))
        self._handed_out = 0

    @property
    def untold(self) -> bool:
        """There are some that no prompt has held yet."""
        return len(self._waiting) > self._handed_out

    def add(self, text: str) -> None:
        self._waiting.append(text[:MOST_CHARACTERS])
        if len(self._waiting) > MOST:
            del self._waiting[0]
            self._handed_out = max(0, self._handed_out - 1)
        self._keep()

    def hand_out(self) -> list[str]:
        self._handed_out = len(self._waiting)
        return list(self._waiting)

    def settle(self, *, told: bool) -> None:
        """The turn is over. `told`: the engine had what was handed out; else it is handed out again."""
        if told and self._handed_out:
            del self._waiting[: self._handed_out]
            self._keep()
        self._handed_out = 0

    def _keep(self) -> None:
        self._facts.set(FACT, json.dumps(self._waiting, ensure_ascii=True) if self._waiting else None)


def _read(kept: str | None) -> list[str]:
    try:
        found = json.loads(kept or "[]")
    except ValueError:
        return []
    return [text for text in found if isinstance(text, str)] if isinstance(found, list) else []
