"""What a real shell runs of a command: every program is a function that writes down its words, and nothing else happens."""

import shutil
import subprocess
import tempfile
from collections.abc import Sequence
from pathlib import Path

SEPARATOR = "\x1e"
"""Between two words in the log; no command that is tried holds one."""


def programs_run(command: str, names: Sequence[str], shell: str = "bash") -> tuple[list[tuple[str, ...]], list[str]]:
    """(the words of each program that ran, in order of its start; the files that lie in its folder afterwards).

    `names` are the programs that there are; in bash any other name is written down too. The PATH is empty.
    """
    found = shutil.which(shell)
    assert found is not None, f"{shell} is not on this machine"
    note = 'printf "%s\\n" "$# $name$IFS$*$IFS" >>"$LOG"'
    lines = [f'{name}() {{ local IFS="$SEPARATOR" name={name}; {note}; }}' for name in names]
    if shell == "bash":
        lines.append(
            f'command_not_found_handle() {{ local IFS="$SEPARATOR" name="$1"; shift; {note.replace("printf", "builtin printf")}; }}'
        )
    with tempfile.TemporaryDirectory(prefix="hv") as folder:
        home, log = Path(folder, "home"), Path(folder, "log")
        home.mkdir()
        subprocess.run(
            [found, "-c", "\n".join([*lines, 'eval "$COMMAND"'])],
            cwd=home,
            env={"PATH": "/nowhere", "LOG": str(log), "SEPARATOR": SEPARATOR, "COMMAND": command, "HOME": str(home)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            check=False,
            timeout=20,
        )
        ran = log.read_text().split("\n")[:-1] if log.exists() else []
        return [_words(line) for line in ran], sorted(path.name for path in home.iterdir())


def _words(line: str) -> tuple[str, ...]:
    count, _, rest = line.partition(" ")
    words = tuple(rest.split(SEPARATOR)[:-1])
    return words[:1] if count == "0" else words
