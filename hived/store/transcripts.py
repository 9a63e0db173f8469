"""Paging an agent's journal (`events.sqlite`), read-only: agentd writes it, hived never holds a lock on it.

Each page opens the file, reads in one short transaction and closes it. Events come out as lines of JSON, their payloads
as agentd wrote them, not parsed again.
"""

import json
import sqlite3
from collections.abc import Iterable
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

from hived.wire.errors import JournalUnavailable

BUSY_SECONDS = 2.0
"""A reader in WAL waits for nobody, but for the moment in which a journal is opened or recovered."""
MAX_PAGE_CHARACTERS = 4 * 1024 * 1024
"""A page of longest payloads stops here, so that no reader makes hived hold a journal's worth of them."""

_Columns = tuple[int, str, str, str]


@dataclass(frozen=True, slots=True)
class JournalEvent:
    """One event as it goes out: `line` is `{"id", "ts", "kind", "payload"}` without line breaks."""

    id: int
    kind: str
    line: bytes


@dataclass(frozen=True, slots=True)
class JournalPage:
    """Events, oldest first. `first_id` and `last_id` are of the whole journal; `last_id` counts what was pruned too."""

    journal_uuid: str | None
    first_id: int | None
    last_id: int | None
    events: tuple[JournalEvent, ...]

    def to_json(self) -> bytes:
        """A TranscriptPage."""
        head = json.dumps({"journal_uuid": self.journal_uuid, "first_id": self.first_id, "last_id": self.last_id})
        return b'%s, "events": [%s]}' % (head[:-1].encode(), b",".join([event.line for event in self.events]))


EMPTY = JournalPage(None, None, None, ())


def select_events(
    name: str, path: Path, *, after: int | None = None, before: int | None = None, limit: int = 200
) -> JournalPage:
    """Up to `limit` events of that agent's journal: the oldest after `after`, else the newest before `before`, else the
    newest; fewer where they are very long. EMPTY where there is no journal yet. Blocking: call on a thread. Raises JournalUnavailable.
    """
    if not path.exists():
        return EMPTY
    try:
        with closing(_open(path)) as journal:
            journal.execute("BEGIN")
            return _page(journal, after, before, limit)
    except sqlite3.Error as error:
        raise JournalUnavailable(name=name, reason=str(error)) from error


def _page(journal: sqlite3.Connection, after: int | None, before: int | None, limit: int) -> JournalPage:
    if not journal.execute("SELECT 1 FROM sqlite_master WHERE name = 'events'").fetchone():
        return EMPTY
    found = journal.execute("SELECT value FROM journal WHERE key = 'uuid'").fetchone()
    first, last = journal.execute("SELECT (SELECT min(id) FROM events), (SELECT max(id) FROM events)").fetchone()
    if last is None:
        made = journal.execute("SELECT seq FROM sqlite_sequence WHERE name = 'events'").fetchone()
        last = made[0] if made and made[0] else None
    rows = _rows(journal, after, before, limit)
    return JournalPage(str(found[0]) if found else None, first, last, tuple(_event(*row) for row in rows))


def _rows(journal: sqlite3.Connection, after: int | None, before: int | None, limit: int) -> list[_Columns]:
    columns = "SELECT id, ts, kind, payload_json FROM events "
    given = {"after": after, "before": before, "limit": limit}
    if after is not None:
        upper = "AND id < :before " if before is not None else ""
        return _bounded(journal.execute(columns + "WHERE id > :after " + upper + "ORDER BY id LIMIT :limit", given))
    where = "WHERE id < :before " if before is not None else ""
    return _bounded(journal.execute(columns + where + "ORDER BY id DESC LIMIT :limit", given))[::-1]


def _bounded(rows: Iterable[_Columns]) -> list[_Columns]:
    """As many as fit into MAX_PAGE_CHARACTERS, at least one."""
    found: list[_Columns] = []
    size = 0
    for row in rows:
        size += len(row[3])
        if found and size > MAX_PAGE_CHARACTERS:
            break
        found.append(row)
    return found


def _event(id: int, ts: str, kind: str, payload_json: str) -> JournalEvent:
    text = f'{{"id":{id},"ts":{json.dumps(ts)},"kind":{json.dumps(kind)},"payload":{payload_json}}}'
    if "\n" in text or "\r" in text:
        text = text.replace("\r", " ").replace("\n", " ")
    return JournalEvent(id, kind, text.encode("utf-8", "replace"))


def _open(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path))}?mode=ro"
    return sqlite3.connect(address, uri=True, isolation_level=None, timeout=BUSY_SECONDS)
