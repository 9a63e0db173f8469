"""What one turn cost, out of totals that run on: Claude Code counts per session, and not every version over a resume.

2.1.329 goes on counting in a resumed session, 2.1.197 begins at 0 in each process, and its first total may be larger or
smaller than the one before. Its token totals tell which: they fit the turn's own tokens either alone or on top of the old.
"""

import json
from dataclasses import asdict, dataclass


@dataclass(frozen=True, slots=True)
class Totals:
    """What the CLI had counted in a session after a turn."""

    session: str
    usd: float
    tokens: int

    def to_fact(self) -> str:
        return json.dumps(asdict(self))

    @classmethod
    def from_fact(cls, fact: str | None) -> "Totals | None":
        """None where there is none, or one that is not ours."""
        try:
            found = json.loads(fact or "")
            return cls(str(found["session"]), float(found["usd"]), int(found["tokens"]))
        except (ValueError, KeyError, TypeError):
            return None


def cost_of_turn(before: Totals | None, after: Totals, turn_tokens: int) -> float:
    """The turn's part of `after.usd`, given the tokens that the turn itself used."""
    if before is None or before.session != after.session or after.usd < before.usd:
        return after.usd
    counted_anew = abs(after.tokens - turn_tokens)
    counted_on = abs(after.tokens - before.tokens - turn_tokens)
    return after.usd if counted_anew < counted_on else after.usd - before.usd
