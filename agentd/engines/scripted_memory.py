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


def make_empty(home: Path, name: str, uid: int | None) -> None:
    """The file of that name in our folder there, empty, where there is none yet; it belongs to `uid`, where that is another's.

    The home is the engine's to write, and the harness may be root: no link in it is followed. Raises OSError.
    """
    folder = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
    top = os.open(home, folder)
    try:
        made = _made_folder(top)
        own = os.open(FOLDER, folder, dir_fd=top)
    finally:
        os.close(top)
    try:
        if made and uid is not None:
            os.fchown(own, uid, uid)
        flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        try:
            file = os.open(name, flags, 0o600, dir_fd=own)
        except FileExistsError:
            return
        with os.fdopen(file, "w") as opened:
            opened.write("{}")
            if uid is not None:
                os.fchown(file, uid, uid)
    finally:
        os.close(own)


def _made_folder(home: int) -> bool:
    try:
        os.mkdir(FOLDER, 0o700, dir_fd=home)
    except FileExistsError:
        return False
    return True


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

    def _write(self) -> None:
        known: dict[str, Any] = {"played": self.played, "ctx": self.ctx}
        known |= {"compactions": self._compactions, "overflowed": self._overflowed}
        scratch = self._path.with_suffix(".new")
        scratch.write_text(json.dumps(known), encoding="utf-8")
        os.replace(scratch, self._path)
