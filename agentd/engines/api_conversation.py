"""A conversation on disk, `harness/api/<session id>.jsonl`: one record a line, whole again after a kill -9 anywhere.

A record is written in one piece as it happens and synced at the turn's end. What a killed harness left half-done is mended
on the next start: an unfinished last line goes, and a tool call without its result gets one that says it was cut off.
"""

import contextlib
import json
import os
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from agentd.engines.api_words import Record
from agentd.engines.base import EngineFailed
from hived.wire.ids import new_id

CUT_OFF = "It was cut off before it had a result: the harness ended. Whether it had an effect is not known."
FORMAT = 1
MOST_KEPT = 10
"""Conversations of one agent on disk; older ones go when another begins."""
_KINDS = frozenset({"user", "assistant", "results", "summary"})
_ID = re.compile(r"[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")


class Conversation:
    """`records` is all of it. Only its own methods change it."""

    def __init__(self, folder: Path, session_id: str, records: list[Record]) -> None:
        self.session_id = session_id
        self.records = records
        self._folder = folder
        self._path = folder / f"{session_id}.jsonl"

    @classmethod
    def begin(cls, folder: Path) -> "Conversation":
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        _prune(folder)
        begun = cls(folder, new_id(), [])
        begun._rewrite([])
        return begun

    @classmethod
    def resume(cls, folder: Path, session_id: str) -> "Conversation":
        """Raises EngineFailed (RESUME_REFUSED) where it is not there, or cannot be read."""
        found = cls(folder, session_id, [])
        if not _ID.fullmatch(session_id):
            raise _refused(session_id, "that is no conversation of this engine")
        try:
            data = found._path.read_bytes()
        except OSError as error:
            raise _refused(session_id, error.strerror or type(error).__name__) from error
        records = _read(data, session_id)
        if not data.endswith(b"\n"):
            found._rewrite(records)
        found.records = records
        found.mend(CUT_OFF)
        return found

    @property
    def open_calls(self) -> list[dict[str, Any]]:
        """The tool calls at its end that have no result yet."""
        if not self.records or self.records[-1]["kind"] != "assistant":
            return []
        return [block for block in self.records[-1]["blocks"] if block["type"] == "call"]

    def append(self, *records: Record) -> None:
        """Whole or not at all. Raises OSError, with nothing changed."""
        data = b"".join(_line(record) for record in records)
        descriptor = os.open(self._path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            size = os.fstat(descriptor).st_size
            try:
                while data:
                    data = data[os.write(descriptor, data) :]
            except OSError:  # a full disk takes half a line, and the next would go on behind it
                os.ftruncate(descriptor, size)
                raise
        finally:
            os.close(descriptor)
        self.records.extend(records)

    def mend(self, reason: str) -> None:
        """Give every open tool call a result that says what became of it."""
        if calls := self.open_calls:
            results = [{"id": call["id"], "tool": call["tool"], "text": reason, "is_error": True} for call in calls]
            self.append({"kind": "results", "results": results})

    def sync(self) -> None:
        """On the disk itself, before the turn's end is journalled."""
        with contextlib.suppress(OSError), open(self._path, "rb") as file:
            os.fsync(file.fileno())

    def replace(self, records: Sequence[Record]) -> None:
        """Another conversation in its place, whole or not at all. Raises OSError, with nothing changed."""
        self._rewrite(records)
        self.records = list(records)

    def _rewrite(self, records: Sequence[Record]) -> None:
        scratch = self._path.with_suffix(".new")
        head = {"kind": "session", "id": self.session_id, "format": FORMAT}
        descriptor = os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(descriptor, "wb") as file:
            file.writelines(_line(record) for record in (head, *records))
            file.flush()
            os.fsync(file.fileno())
        os.replace(scratch, self._path)
        folder = os.open(self._folder, os.O_RDONLY)
        try:
            os.fsync(folder)
        finally:
            os.close(folder)


def _line(record: Record) -> bytes:
    return json.dumps(record, separators=(",", ":")).encode() + b"\n"


def _read(data: bytes, session_id: str) -> list[Record]:
    lines = data.split(b"\n")
    lines.pop()  # nothing, or what a kill left of a line
    records: list[Record] = []
    for number, line in enumerate(lines):
        try:
            record = json.loads(line)
            kind = record["kind"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _refused(session_id, f"line {number + 1} of its file cannot be read") from error
        if number == 0:
            if kind != "session" or record.get("format") != FORMAT:
                raise _refused(session_id, "its file is of another kind")
        elif kind in _KINDS:
            records.append(record)
    if not lines:
        raise _refused(session_id, "its file is empty")
    return records


def _refused(session_id: str, reason: str) -> EngineFailed:
    return EngineFailed(
        "failed",
        f"There is no conversation {session_id[:80]} to resume: {reason}.",
        retryable=False,
        code=EngineFailed.RESUME_REFUSED,
    )


def _prune(folder: Path) -> None:
    for path in sorted(folder.glob("*.jsonl"))[: -(MOST_KEPT - 1)]:
        with contextlib.suppress(OSError):
            path.unlink()
