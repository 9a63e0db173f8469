"""A text changed in the operator's own editor, on his terminal."""

import os
import shlex
import tempfile
from pathlib import Path

from hived.cli import asking
from hived.wire.errors import CommandMissing, UsageError


def edited(text: str, suffix: str, instead: str) -> str:
    """The text as he left it. `instead`: what to say where there is no terminal. Raises UsageError, CommandMissing."""
    if not asking.has_terminal():
        raise UsageError(reason=f"There is no terminal for an editor: {instead}.")
    import subprocess  # only where an editor is run

    words = _editor()
    with tempfile.TemporaryDirectory(prefix="hive-") as folder:
        file = Path(folder) / f"edit{suffix}"
        file.write_text(text, encoding="utf-8")
        try:
            code = subprocess.run([*words, str(file)], check=False).returncode
        except OSError as error:
            raise CommandMissing(command=words[0]) from error
        if code != 0:
            raise UsageError(reason=f"{words[0]} ended with {code}, so nothing was done.")
        return file.read_text(encoding="utf-8", errors="replace")


def _editor() -> list[str]:
    """$VISUAL, else $EDITOR, as a shell would split it, else vi."""
    given = os.environ.get("VISUAL") or os.environ.get("EDITOR") or ""
    try:
        return shlex.split(given) or ["vi"]
    except ValueError as error:
        raise UsageError(reason=f"$VISUAL or $EDITOR is no command: {error}.") from None
