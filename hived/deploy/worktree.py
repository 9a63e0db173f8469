"""Files as a commit has them, written out: the folder beside a repository's `.git`, with an index so that `git status` is
clean there, and the read-only builds that generations run with. Everything blocks."""

import hashlib
import os
import shutil
import struct
from pathlib import Path

from hived.deploy.repository import File, Files, sync
from hived.workspace.folders import private_folder

_ENTRY = struct.Struct(">10I20sH")
_PLAIN, _PROGRAM = 0o100644, 0o100755


def index_of(files: Files) -> bytes:
    """git's index (version 2) with these files. Their times are left open: git looks at each once, and then knows them."""
    entries = []
    for path in sorted(files, key=os.fsencode):
        name, file = os.fsencode(path), files[path]
        blob = hashlib.sha1(b"blob %d\0%s" % (len(file.content), file.content), usedforsecurity=False).digest()
        mode = _PROGRAM if file.program else _PLAIN
        entry = _ENTRY.pack(0, 0, 0, 0, 0, 0, mode, 0, 0, 0, blob, min(len(name), 0xFFF)) + name
        entries.append(entry + b"\0" * (8 - len(entry) % 8))
    body = b"DIRC" + struct.pack(">2I", 2, len(entries)) + b"".join(entries)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def show(folder: Path, git_folder: Path, files: Files) -> None:
    """Have the folder beside `.git`, where hived alone writes, show these files and no others. Raises OSError."""
    for found in folder.iterdir():
        if found.name != git_folder.name:
            if found.is_dir() and not found.is_symlink():
                shutil.rmtree(found)
            else:
                found.unlink()
    write_files(folder, files)
    scratch = git_folder / "index.new"
    scratch.write_bytes(index_of(files))
    os.replace(scratch, git_folder / "index")


def write_files(folder: Path, files: Files, *, readonly: bool = False) -> list[Path]:
    """Below a folder that hived has just made; their paths. Raises OSError."""
    written = []
    folders = {folder}
    for path, file in files.items():
        target = folder / path
        for level in reversed(target.relative_to(folder).parents[:-1]):
            if folder / level not in folders:
                (folder / level).mkdir(mode=0o700, exist_ok=True)
                folders.add(folder / level)
        mode = 0o755 if file.program else 0o644
        with open(
            os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, mode), "wb"
        ) as out:
            out.write(file.content)
            if readonly:
                os.fchmod(out.fileno(), mode & 0o555)
        written.append(target)
    if readonly:
        for level in sorted(folders, key=lambda found: len(found.parts), reverse=True):
            level.chmod(0o555)
    return [*written, *folders]


# Builds ----------------------------------------------------------------------------------------------------------------


def is_built(builds: Path, commit: str) -> bool:
    return (builds / commit).is_dir()


def build(builds: Path, commit: str, files: Files, *, durable: bool = True) -> Path:
    """`builds/<commit>` with these files, read-only, whole or not there; one that is there is left as it is. Raises OSError.

    `durable`: the disk holds it when this returns; else `sync_build` is owed.
    """
    target = builds / commit
    if target.is_dir():
        return target
    private_folder(builds)
    for broken_off in builds.glob(".*.new"):
        remove(broken_off)
    scratch = builds / f".{commit}.{os.urandom(6).hex()}.new"
    scratch.mkdir(mode=0o700)
    try:
        written = write_files(scratch, files, readonly=True)
        if durable:
            sync(written)
    except OSError:  # on a full disk the books need what room there was
        remove(scratch)
        raise
    try:
        scratch.rename(target)
    except OSError:
        if not target.is_dir():
            raise
        remove(scratch)  # somebody was first
    if durable:
        sync([builds])
    return target


def sync_build(builds: Path, commit: str) -> None:
    top = builds / commit
    sync([*top.rglob("*"), top, builds])


def prune(builds: Path, kept: set[str]) -> list[str]:
    """Remove all builds but these; what was removed."""
    gone = []
    for found in builds.iterdir() if builds.is_dir() else ():
        if found.name not in kept and not found.name.startswith("."):
            remove(found)
            gone.append(found.name)
    return gone


def built_files(builds: Path, commit: str) -> dict[str, File]:
    """What a build holds. Raises OSError."""
    top = builds / commit
    return {
        str(file.relative_to(top)): File(file.read_bytes(), bool(file.stat().st_mode & 0o100))
        for file in sorted(top.rglob("*"))
        if file.is_file()
    }


def remove(top: Path) -> None:
    """All of it, read-only or not; nothing where it is not there."""
    if top.is_symlink() or not top.is_dir():
        top.unlink(missing_ok=True)
        return
    for folder in (top, *(found for found in top.rglob("*") if found.is_dir() and not found.is_symlink())):
        folder.chmod(0o700)
    shutil.rmtree(top, ignore_errors=True)
