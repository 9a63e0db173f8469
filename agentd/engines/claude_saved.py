"""Whether Claude Code has a conversation on the disk that it would resume."""

from glob import escape
from pathlib import Path


def is_saved(config: Path, session_id: str) -> bool:
    """`config`: its CLAUDE_CONFIG_DIR."""
    return any(holds_words(file) for file in config.glob(f"projects/*/{escape(session_id)}.jsonl"))


def holds_words(conversation: Path) -> bool:
    """Whether the CLI would resume that file: it is there before anybody's words are, and then is no conversation to it."""
    try:
        *lines, _unfinished = conversation.read_bytes().split(b"\n")
    except OSError:
        return False
    return any(b'"type":"user"' in line for line in lines)
