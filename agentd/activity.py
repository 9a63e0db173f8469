"""When the engine's last byte came: slow is not stuck. Told live, at most once a second, and only where nothing else is."""

import asyncio
import time
from datetime import UTC, datetime

from agentd.journal import Journal
from agentd.status import Status
from hived.wire.times import to_text

TELL_SECONDS = 1.0


class Activity:
    """`heard` is called for every piece of bytes, and costs next to nothing."""

    def __init__(self, journal: Journal, status: Status) -> None:
        self._journal = journal
        self._status = status
        self._last = 0.0
        self._told = 0
        self._timer: asyncio.TimerHandle | None = None

    def heard(self) -> None:
        self._last = time.time()
        if self._timer is None and self._status.turn_id is not None:
            self._told = self._journal.told
            self._timer = asyncio.get_running_loop().call_later(TELL_SECONDS, self._tell)

    def close(self) -> None:
        if self._timer is not None:
            self._timer.cancel()

    def _tell(self) -> None:
        """An event that went out meanwhile has said as much."""
        self._timer = None
        if self._status.turn_id is not None and self._journal.told == self._told:
            self._journal.live("activity", {"last_byte_at": to_text(datetime.fromtimestamp(self._last, UTC))})
