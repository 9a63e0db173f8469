"""Files of one line, as settings are kept."""

import os
from pathlib import Path

from hived.paths import AgentPaths
from hived.workspace.folders import private_folder


def write_line(path: Path, line: str | None) -> None:
    """The file's whole content from now on, atomically, 0600; None: there is no such file. Raises FolderUnusable, OSError."""
    if line is None:
        path.unlink(missing_ok=True)
        return
    private_folder(path.parent)
    scratch = path.with_name(f"{path.name}.new")
    with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8") as file:
        file.write(line + "\n")
    os.replace(scratch, path)


def write_settings(paths: AgentPaths, model: str, effort: str | None, permission_mode: str | None) -> None:
    """What an agent thinks with, in its three files. Raises FolderUnusable, OSError."""
    write_line(paths.model_file, model)
    write_line(paths.effort_file, effort)
    write_line(paths.permission_mode_file, permission_mode)
