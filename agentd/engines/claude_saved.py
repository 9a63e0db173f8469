"""Whether Claude Code has a conversation on the disk that it would resume."""

import os
import stat
from itertools import islice
from pathlib import Path
from typing import IO
from uuid import UUID

MOST_FOLDERS = 1000
"""Of projects: it keeps one for each folder that it works in."""
MOST_BYTES = 64 * 1024 * 1024
"""So far somebody's words are looked for."""
PIECE_BYTES = 1024 * 1024
_WORDS = b'"type":"user"'


def is_uuid(session_id: str) -> bool:
    """What the CLI would not take for a conversation's title."""
    try:
        return str(UUID(session_id)) == session_id.lower()
    except ValueError:
        return False


def is_saved(config: Path, session_id: str) -> bool:
    """`config`: its CLAUDE_CONFIG_DIR, which the engine writes: no link in it is followed, and no pipe is waited for."""
    if "/" in session_id:
        return False
    try:
        with os.scandir(config / "projects") as entries:
            folders = [entry.path for entry in islice(entries, MOST_FOLDERS) if entry.is_dir(follow_symlinks=False)]
    except OSError:
        return False
    return any(holds_words(Path(folder, f"{session_id}.jsonl")) for folder in folders)


def holds_words(conversation: Path) -> bool:
    """Whether the CLI would resume that file: it is there before anybody's words are, and then is no conversation to it."""
    try:
        file = os.open(conversation, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
        with open(file, "rb", buffering=0) as opened:
            return stat.S_ISREG(os.fstat(file).st_mode) and _has_words(opened)
    except (OSError, ValueError):
        return False


def _has_words(opened: IO[bytes]) -> bool:
    """In a line that is whole."""
    found, kept, total = False, b"", 0
    while total < MOST_BYTES and (piece := opened.read(PIECE_BYTES)):
        total += len(piece)
        kept += piece
        at = 0 if found else kept.find(_WORDS)
        found = at >= 0
        if found and b"\n" in kept[at:]:
            return True
        kept = kept[1 - len(_WORDS) :]
    return False
