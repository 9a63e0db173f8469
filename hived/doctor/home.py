"""Whether this hive's own folders and files are as they have to be. Looks, and changes nothing."""

import os
import shlex
import shutil
import tempfile
import tomllib
from pathlib import Path

from hived.config import load_config
from hived.paths import HivePaths
from hived.store.look import look
from hived.wire.doctor import Check
from hived.wire.errors import InvalidConfig
from hived.wire.protocol import MAX_SOCKET_PATH_BYTES

LONGEST_NAME = 32
MIB = 1024 * 1024
WARN_FREE_BYTES = 1024 * MIB
"""Journals and clones grow; below this there is not much left to grow into."""
FAIL_FREE_BYTES = 100 * MIB
"""SQLite needs room beside the database to commit at all."""


def folders(paths: HivePaths) -> list[Check]:
    """One check for each folder that hived makes for itself; the same folder once."""
    wanted = {"data": paths.data, "config": paths.config, "run": paths.run, "agents": paths.agents}
    distinct = {path: name for name, path in reversed(wanted.items())}
    return [folder(f"folder {name}", path) for path, name in reversed(distinct.items())]


def folder(name: str, path: Path) -> Check:
    """Ours, closed to others, and takes a file; one that is not there yet is judged by the folder that it will be made in."""
    below = _nearest(path)
    made = below == path
    if not below.is_dir():
        return Check(name=name, state="failed", detail=f"{below} is no folder", remedy=f"Move {below} away.")
    for level in (below, below.parent):
        owner = level.stat().st_uid
        if (level == below and made or level != below) and owner not in (0, os.geteuid()):
            return Check(
                name=name,
                state="failed",
                detail=f"{level} belongs to user {owner}, who could put their own in its place",
                remedy="Set HIVE_HOME to a folder of your own.",
            )
    try:
        with tempfile.TemporaryFile(dir=below):
            pass
    except OSError as error:
        return Check(
            name=name,
            state="failed",
            detail=f"nothing can be written in {below}: {error.strerror}",
            remedy=f"Make {below} writable, or set HIVE_HOME to a folder of your own.",
        )
    if not made:
        return Check(name=name, state="ok", detail=f"{path} is not there yet; hived makes it")
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        return Check(
            name=name, state="warning", detail=f"{path} is open to others ({mode:04o})", remedy=f"chmod 700 {path}"
        )
    return Check(name=name, state="ok", detail=str(path))


def socket_paths(paths: HivePaths) -> Check:
    """Whether the sockets' paths are short enough, that of the agent with the longest name too."""
    host = len(os.fsencode(paths.host_socket))
    room = MAX_SOCKET_PATH_BYTES - len(os.fsencode(paths.agent("a").tools_socket)) + 1
    remedy = "Set HIVE_HOME to a shorter folder."
    if host > MAX_SOCKET_PATH_BYTES or room < 1:
        detail = f"{paths.host_socket} is {host} bytes long, at most {MAX_SOCKET_PATH_BYTES} work"
        return Check(name="socket paths", state="failed", detail=detail, remedy=remedy)
    if room < LONGEST_NAME:
        detail = f"only agents with names of up to {room} letters fit below {paths.run}"
        return Check(name="socket paths", state="warning", detail=detail, remedy=remedy)
    return Check(
        name="socket paths", state="ok", detail=f"{host} of {MAX_SOCKET_PATH_BYTES} bytes for {paths.host_socket}"
    )


def disk(paths: HivePaths) -> Check:
    below = _nearest(paths.data)
    usage = shutil.disk_usage(below)
    detail = f"{usage.free / 1024**3:.1f} GiB of {usage.total / 1024**3:.1f} GiB are free for {below}"
    remedy = "Make room: every agent keeps a journal and a clone of its own."
    if usage.free < FAIL_FREE_BYTES:
        return Check(name="disk", state="failed", detail=detail, remedy=remedy)
    if usage.free < WARN_FREE_BYTES:
        return Check(name="disk", state="warning", detail=detail, remedy=remedy)
    return Check(name="disk", state="ok", detail=detail)


def database(paths: HivePaths) -> Check:
    path = paths.database
    if not path.exists():
        return Check(name="database", state="ok", detail=f"{path} is not there yet; hived makes it")
    try:
        found = look(path)
    except OSError as error:
        return Check(
            name="database",
            state="failed",
            detail=f"{path} cannot be read: {error}",
            remedy=f"Stop hived, and put a backup in its place: ls {path}.before-*",
        )
    if found.problem is not None:
        return Check(
            name="database",
            state="failed",
            detail=f"{path} is damaged: {found.problem}",
            remedy=f"Stop hived, and put a backup in its place: ls {path}.before-*",
        )
    if found.schema > found.newest:
        return Check(
            name="database",
            state="failed",
            detail=f"{path} has schema {found.schema}, this program knows {found.newest}",
            remedy="Install the newer hive again; this one leaves it untouched.",
        )
    behind = f", and becomes {found.newest} when hived starts" if found.schema < found.newest else ""
    return Check(name="database", state="ok", detail=f"{path}, schema {found.schema}{behind}")


def settings(paths: HivePaths) -> Check:
    path = paths.config_file
    try:
        load_config(path)
    except InvalidConfig as error:
        return Check(
            name="hive.toml",
            state="failed",
            detail=" ".join(error.message.split()),
            remedy="Put that key right; hived does not start with it.",
        )
    return Check(
        name="hive.toml", state="ok", detail=str(path) if path.exists() else f"{path} is not there; all defaults"
    )


def configured_runtime(paths: HivePaths) -> str | None:
    """hive.toml's `runtime`; None where it has none, or cannot be read."""
    try:
        return load_config(paths.config_file).runtime
    except InvalidConfig:
        return None


def notify(paths: HivePaths) -> Check | None:
    """Whether the command that hive.toml names for notifications is there; None where it names none, or cannot be read."""
    try:
        command = load_config(paths.config_file).notify
    except InvalidConfig:
        return None
    if not command:
        return None
    if shutil.which(command[0]) is None:
        return Check(
            name="notify",
            state="warning",
            detail=f"{command[0]!r} is not to be found or may not be run; nothing tells you that something waits",
            remedy="Put the key notify of hive.toml right: a program's name or whole path, then its first arguments.",
        )
    return Check(name="notify", state="ok", detail=shlex.join(command))


def secrets(paths: HivePaths) -> Check:
    """Its form and who may read it. No value is shown."""
    path = paths.secrets_file
    if not path.exists():
        return Check(
            name="secrets.toml", state="ok", detail=f"{path} is not there; env_from looks in hived's environment"
        )
    status = path.stat()
    if status.st_uid != os.geteuid():
        return Check(
            name="secrets.toml",
            state="failed",
            detail=f"{path} belongs to user {status.st_uid}",
            remedy=f"chown {os.geteuid()} {path}",
        )
    if status.st_mode & 0o077:
        return Check(
            name="secrets.toml",
            state="failed",
            detail=f"others may read {path} ({status.st_mode & 0o777:04o})",
            remedy=f"chmod 600 {path}, and make new secrets if others use this machine",
        )
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        return Check(
            name="secrets.toml",
            state="failed",
            detail=f"{path} cannot be read: {error.strerror}",
            remedy=f"chmod 600 {path}",
        )
    except tomllib.TOMLDecodeError as error:
        return Check(
            name="secrets.toml",
            state="failed",
            detail=f"{path} is no TOML: {_place(error)}",
            remedy='One NAME = "value" a line.',
        )
    except ValueError:
        return Check(
            name="secrets.toml", state="failed", detail=f"{path} is no UTF-8 text", remedy='One NAME = "value" a line.'
        )
    wrong = sorted(name for name, value in found.items() if not isinstance(value, str | int | float))
    if wrong:
        return Check(
            name="secrets.toml",
            state="warning",
            detail=f"{', '.join(wrong)}: no text, so env_from does not find it",
            remedy='One NAME = "value" a line.',
        )
    return Check(name="secrets.toml", state="ok", detail=f"{path}: {', '.join(sorted(found)) or 'empty'}")


def _place(error: tomllib.TOMLDecodeError) -> str:
    """Where, and not what: the words around it may be a secret."""
    said = str(error)
    at = said.rfind("(at ")
    return said[at + 1 : -1] if at >= 0 else "it cannot be parsed"


def _nearest(path: Path) -> Path:
    """The path itself, else the nearest thing above it that is there."""
    while not os.path.lexists(path) and path != path.parent:
        path = path.parent
    return path
