"""An agent whose harness is the test itself: its socket, its generation and its journal, with nothing else running on it."""

import contextlib
import json
import sqlite3
from collections.abc import Iterator
from typing import Any

from hived.wire.ids import new_id
from hived.wire.journal import SCHEMA
from hived.wire.times import utc_now
from tests.support.hive import LiveHive, SseStream, call, live_hive, wait_until


class OwnAgent:
    """Speaks on the agent's socket as its harness would."""

    def __init__(self, hive: LiveHive, name: str) -> None:
        self.hive = hive
        self.name = name
        self.paths = hive.paths.agent(name)
        self.generation = 1
        self.journal_uuid = new_id()
        self.journal: sqlite3.Connection | None = None

    @property
    def headers(self) -> dict[str, str]:
        return {"hive-generation": str(self.generation), "hive-journal": self.journal_uuid}

    def post(self, target: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        return call(self.paths.socket, "POST", target, body, {**self.headers, **(headers or {})})

    def post_events(self, *events: dict[str, Any] | bytes, **headers: str) -> tuple[int, Any]:
        lines = [event if isinstance(event, bytes) else json.dumps(event).encode() for event in events]
        return self.post("/v1/events", b"\n".join(lines), {"content-type": "application/x-ndjson", **headers})

    def control(self) -> SseStream:
        return SseStream(self.paths.socket, "/v1/control", self.headers)

    def write_journal(self, *events: dict[str, Any]) -> None:
        """Commit these events to the journal's file, which is made first if need be."""
        if self.journal is None:
            self.journal = sqlite3.connect(self.paths.events_db, check_same_thread=False)
            self.journal.execute("PRAGMA journal_mode=WAL")
            self.journal.executescript(SCHEMA)
            self.journal.execute("INSERT OR REPLACE INTO journal VALUES ('uuid', ?)", (self.journal_uuid,))
        rows = [(event["id"], event["ts"], event["kind"], json.dumps(event["payload"])) for event in events]
        self.journal.executemany("INSERT INTO events VALUES (?, ?, ?, ?)", rows)
        self.journal.commit()

    def close(self) -> None:
        if self.journal is not None:
            self.journal.close()


def event(number: int | None, kind: str = "text", **payload: Any) -> dict[str, Any]:
    """One event; without a number a live one."""
    own = {} if number is None else {"id": number}
    return {**own, "ts": utc_now(), "kind": kind, "payload": payload or {"text": f"line {number}"}}


@contextlib.contextmanager
def own_agent(config: str = "", name: str = "ada") -> Iterator[OwnAgent]:
    """A real hived with one agent of generation 1 whose process never connects."""
    with live_hive(start=False, module="tests.support.fake_hived") as hive:
        (hive.home / "hive.toml").write_text(f"start_seconds = 100\nstop_seconds = 2\n{config}")
        hive.start()
        hive.spawn(name, "command", engine_options={"command": ["cat"], "fake": "deaf"})
        wait_until(
            lambda: hive.agent(name)["lifecycle"]["state"] == "starting" and hive.agent(name)["pid"], "its start"
        )
        agent = OwnAgent(hive, name)
        try:
            yield agent
        finally:
            agent.close()
