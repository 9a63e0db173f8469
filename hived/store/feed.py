"""The feed's rows as readers see them; `Tx.feed` writes them, and prunes what is beyond `feed_rows`."""

from hived.store.database import Connection, Fed

MAX_PAGE_CHARACTERS = 4 * 1024 * 1024
"""Rows may hold whole messages: a page of the longest stops here, so that readers who catch up cost no more memory."""


def select_after(connection: Connection, seq: int, limit: int) -> list[Fed]:
    """Up to `limit` rows with a higher number than `seq`, in order; fewer where they are very long."""
    found: list[Fed] = []
    size = 0
    for row in connection.execute(
        "SELECT seq, ts, kind, payload_json FROM feed WHERE seq > ? ORDER BY seq LIMIT ?", (seq, limit)
    ):
        size += len(row["payload_json"])
        if found and size > MAX_PAGE_CHARACTERS:
            break
        found.append(Fed(row["ts"], row["kind"], row["payload_json"], row["seq"]))
    return found


def select_bounds(connection: Connection) -> tuple[int, int]:
    """(the oldest number kept, the newest ever given). With no row kept, the oldest is the next to come."""
    newest = connection.execute("SELECT seq FROM sqlite_sequence WHERE name = 'feed'").fetchone()
    last = int(newest[0]) if newest else 0
    oldest = connection.execute("SELECT min(seq) FROM feed").fetchone()[0]
    return (last + 1 if oldest is None else int(oldest)), last
