"""Sees to what comes due: questions expire or go up, reminders are sent, windows of budgets end.

It sleeps until the earliest moment that the books name, and is rung by every commit that feeds a thing with a moment of its
own, so nothing is polled and with nothing to come it sleeps for good. A moment is one of the wall clock, and a sleep is not:
so it looks at the clock again after MOST_SECONDS at the latest, which is how late it can be where the clock was set or the
machine was suspended. What came due while hived was away is seen to at its start.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Sequence

from hived.core import budgets, questions, reminders
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.store.database import Connection, Fed, Tx
from hived.wire.times import from_text

MOST_SECONDS = 60.0
"""Of one sleep that has an end."""
LEAST_SECONDS = 0.02
"""Between two rounds, however much is due: others write too."""
RETRY_SECONDS = 5.0
"""After a failure."""
TIMED = frozenset({"question", "reminder", "budget"})
"""Kinds of the feed: each has a row whenever its moment is made or changes."""
RUN: dict[str, Callable[[Tx], None]] = {
    "questions": questions.run_due, "reminders": reminders.run_due, "budgets": budgets.run_due,
}  # fmt: skip

log = logging.getLogger(__name__)


class Timekeeper:
    """`run` until cancelled."""

    def __init__(self, hive: Hive) -> None:
        self._database = hive.database
        self._rung = asyncio.Event()
        self._database.on_feed(self._hear)

    def _hear(self, rows: Sequence[Fed]) -> None:
        if any(row.kind in TIMED for row in rows):
            self._rung.set()

    async def run(self) -> None:
        """A failure is logged, tried again, and keeps nothing else from being seen to."""
        while True:
            self._rung.clear()
            try:
                due = await self._database.read(next_due)
                left = None if due is None else self._seconds_until(due)
            except Exception:
                log.exception("what comes due next cannot be looked up")
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if left is None or left > 0:
                await self.sleep(None if left is None else min(left, MOST_SECONDS))
            else:
                await asyncio.sleep(LEAST_SECONDS if await self._run_due() else RETRY_SECONDS)

    async def sleep(self, seconds: float | None) -> None:
        """Until it is rung, or for that long at most."""
        with contextlib.suppress(TimeoutError):
            # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the ring.
            async with asyncio.timeout(seconds):
                await self._rung.wait()

    async def _run_due(self) -> bool:
        """Each noun in a change of its own; whether all went well."""
        well = True
        reach("hived_due")
        for noun, run in RUN.items():
            try:
                await self._database.write(run)
            except Exception:
                log.exception("%s that are due cannot be seen to", noun)
                well = False
        reach("hived_due_done")
        return well

    def _seconds_until(self, moment: str) -> float:
        return (from_text(moment) - from_text(self._database.clock())).total_seconds()


def next_due(conn: Connection) -> str | None:
    """The earliest moment that anything has."""
    found = (questions.next_due(conn), reminders.next_due(conn), budgets.next_due(conn))
    return min((moment for moment in found if moment is not None), default=None)
