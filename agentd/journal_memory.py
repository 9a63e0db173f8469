"""In place of a journal that cannot be opened: the newest events in memory, under a new uuid each start."""

from collections import deque
from collections.abc import Mapping, Sequence

from agentd.journal_file import Row
from hived.wire.ids import new_id

KEPT_BYTES = 8 * 1024 * 1024
"""While hived is away for longer than this lasts, the oldest events are lost: that is what `no_journal` means."""


class JournalMemory:
    """Answers as JournalFile does."""

    def __init__(self) -> None:
        self.facts: dict[str, str] = {"uuid": new_id()}
        self.last_id = 0
        self._rows: deque[Row] = deque()
        self._bytes = 0

    @property
    def uuid(self) -> str:
        return self.facts["uuid"]

    async def write(self, rows: Sequence[Row], facts: Mapping[str, str | None]) -> None:
        for row in rows:
            self._rows.append(row)
            self._bytes += len(row[3])
        while self._bytes > KEPT_BYTES and len(self._rows) > 1:
            self._bytes -= len(self._rows.popleft()[3])

    async def page(self, after_id: int, *, most_events: int, most_bytes: int) -> list[Row]:
        found: list[Row] = []
        size = 0
        for row in self._rows:
            if row[0] > after_id:
                size += len(row[3].encode()) + 100
                if found and (size > most_bytes or len(found) == most_events):
                    break
                found.append(row)
        return found

    async def oldest_id(self) -> int | None:
        return self._rows[0][0] if self._rows else None

    async def newest(self, kinds: Sequence[str], count: int) -> list[Row]:
        return [row for row in self._rows if row[2] in kinds][-count:]

    async def close(self) -> None:
        self._rows.clear()
