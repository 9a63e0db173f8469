"""Refused connections as events: each host once in a turn, and not more of them than somebody reads."""

import re
from collections.abc import Callable

from agentd.engines.base import EngineEvent, Note

MOST_IN_A_TURN = 10
MOST_HOST_CHARACTERS = 120
_HARMFUL = re.compile(r"[^\x21-\x7e]")


class Refusals:
    """`turn_id`: of the turn that runs; None between two."""

    def __init__(self, report: Callable[[EngineEvent], None], turn_id: Callable[[], str | None]) -> None:
        self._report = report
        self._turn_id = turn_id
        self._turn: str | None = None
        self._said: set[str] = set()

    def add(self, host: str, port: int, why: str) -> None:
        turn = self._turn_id()
        if turn != self._turn:
            self._turn, self._said = turn, set()
        if host in self._said or len(self._said) > MOST_IN_A_TURN:
            return
        self._said.add(host)
        if len(self._said) > MOST_IN_A_TURN:
            self._report(Note("More hosts were refused; this turn they are not listed.", "warning"))
            return
        shown = _HARMFUL.sub("?", host[:MOST_HOST_CHARACTERS])
        place = f"{shown}:{port}" if port else shown
        self._report(Note(f"No network: a connection to {place} was refused: {why}.", "warning"))
