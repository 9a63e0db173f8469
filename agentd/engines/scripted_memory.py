"""What a scripted agent remembers, in its home: which turns it has played, and how long its conversation is.

Standard library only: the player loads it.
"""

import json
import os
import uuid
from pathlib import Path
from typing import Any

FOLDER = ".scripted"
PLACE = "place"
"""The one memory of all sessions, where the scenario says that a new session forgets nothing."""
REFUSED = "refused"
"""Is there once a session was refused, for a scenario that refuses one only."""


def session_file(home: Path, session_id: str) -> Path | None:
    """The file of that session; None for an id that is none of ours."""
    try:
        return home / FOLDER / f"{uuid.UUID(session_id)}.json"
    except ValueError:
        return None


class Memory:
    """Of one session. A file that is not there, or cannot be read, is an empty memory."""

    def __init__(self, path: Path) -> None:
        self._path = path
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            self.played = {int(key): int(value) for key, value in found["played"].items()}
            self._overflowed = {int(key): int(value) for key, value in found.get("overflowed", {}).items()}
            self._compactions = int(found.get("compactions", 0))
            self.ctx: int | None = found.get("ctx")
        except (OSError, ValueError, KeyError, TypeError, AttributeError):
            self.played, self._overflowed, self._compactions, self.ctx = {}, {}, 0, None

    def keep(self, index: int | None) -> None:
        """That turn was played (None: none that counts), and the figures are what they are now."""
        if index is not None:
            self.played[index] = self.played.get(index, 0) + 1
        self._write()

    def overflows(self, index: int) -> bool:
        """Whether that turn's prompt is still too long: until the conversation has been compacted."""
        since = self._overflowed.setdefault(index, self._compactions)
        if self._compactions > since:
            del self._overflowed[index]
            return False
        return True

    def compacted(self) -> None:
        self._compactions += 1
        self._write()

    def make(self) -> None:
        """An empty one, where there is none yet."""
        if not self._path.exists():
            self._path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
            self._write()

    def _write(self) -> None:
        known: dict[str, Any] = {"played": self.played, "ctx": self.ctx}
        known |= {"compactions": self._compactions, "overflowed": self._overflowed}
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(known), encoding="utf-8")
        os.replace(scratch, self._path)
