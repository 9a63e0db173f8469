"""A last bundle of an agent that is purged: what it was asked to be, its notes, its work and what it last said.

A tar.gz of 0600 in data/bundles. Its home is not in it, nor any credential, nor the values of `env_from`. One whose days are
over is removed: its name says until when it is kept. Everything here blocks.
"""

import gzip
import io
import os
import re
import stat
import tarfile
import time
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from hived.core.text import one_line
from hived.paths import AgentPaths
from hived.store.transcripts import select_events
from hived.upkeep.removal import FOLDER, remove_tree
from hived.wire.errors import HiveError
from hived.wire.tombstones import Tombstone
from hived.workspace.folders import private_folder
from hived.workspace.git import GitFailed
from hived.workspace.work import Seen, Unknown, looking, read_work

LAST_EVENTS = 1000
MOST_FILE_BYTES = 64 * 1024 * 1024
"""Of one file of its notes; larger ones are named, and left out."""
MOST_STATE_BYTES = 1024 * 1024 * 1024
MOST_PACK_BYTES = 2 * 1024 * 1024 * 1024
PACK_SECONDS = 600.0
MOST_LEVELS = 32
_STAMP = "%Y%m%dT%H%M%SZ"
_NAME = re.compile(r"[a-z][a-z0-9-]{0,31}-[0-9a-f]{12}-until-(\d{8}T\d{6}Z)\.tar\.gz")


@dataclass(frozen=True, slots=True)
class Made:
    file: Path
    left_out: tuple[str, ...]
    """What could not be put in, and why."""


def make_bundle(
    folder: Path, paths: AgentPaths, tombstone: Tombstone, spec_toml: str, repo: str | None, until: datetime
) -> Made:
    """Write it, whole or not at all; one of the same agent that is there already is replaced. Raises OSError, FolderUnusable."""
    private_folder(folder)
    digits = tombstone.id.replace("-", "")[-12:]
    for older in folder.glob(f"{tombstone.name}-{digits}-until-*.tar.gz"):
        older.unlink()
    file = folder / f"{tombstone.name}-{digits}-until-{until.astimezone(UTC).strftime(_STAMP)}.tar.gz"
    scratch = file.with_name(file.name + ".part")
    scratch.unlink(missing_ok=True)
    with ExitStack() as stack:
        raw = stack.enter_context(
            open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW, 0o600), "wb")
        )
        packed = stack.enter_context(gzip.GzipFile(filename="", fileobj=raw, mode="wb", compresslevel=6))
        tar = stack.enter_context(tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT))
        bundle = _Bundle(tar, tombstone.name)
        bundle.text("agent.toml", spec_toml)
        bundle.text("tombstone.json", tombstone.model_dump_json(indent=1) + "\n")
        bundle.folder("state", paths.root, paths.state.name)
        bundle.transcript(paths)
        if repo is not None:
            bundle.work(paths, repo, scratch.with_name(scratch.name + ".pack"))
        elif os.path.isdir(paths.workspace):
            bundle.folder("work", paths.root, paths.workspace.name)
        bundle.text("LEFT-OUT.txt", "".join(f"{line}\n" for line in bundle.left_out))
    with open(scratch, "rb") as written:
        os.fsync(written.fileno())
    os.replace(scratch, file)
    return Made(file, tuple(bundle.left_out))


def until_of(file: Path) -> datetime | None:
    """Until when that bundle is kept; None where it is none of ours."""
    found = _NAME.fullmatch(file.name)
    try:
        return None if found is None else datetime.strptime(found[1], _STAMP).replace(tzinfo=UTC)
    except ValueError:
        return None


def remove_old(folder: Path, now: datetime) -> list[str]:
    """Remove the bundles whose days are over, and what a killed hived has left half written; their names. Nothing else."""
    gone: list[str] = []
    try:
        found = sorted(folder.iterdir())
    except OSError:
        return gone
    for file in found:
        part = file.name.endswith((".tar.gz.part", ".tar.gz.part.pack"))
        until = until_of(file.with_name(file.name.partition(".part")[0]))
        if until is None or not (part or until <= now):
            continue
        if remove_tree(folder, file.name).whole:
            gone.append(file.name)
    return gone


class _Bundle:
    def __init__(self, tar: tarfile.TarFile, name: str) -> None:
        self.left_out: list[str] = []
        self._tar = tar
        self._top = name
        self._now = int(time.time())
        self._room = MOST_STATE_BYTES

    def text(self, name: str, text: str) -> None:
        self._file(name, io.BytesIO(data := text.encode("utf-8", "replace")), len(data))

    def transcript(self, paths: AgentPaths) -> None:
        """Its newest events, one JSON object a line, oldest first."""
        try:
            page = select_events(paths.name, paths.events_db, limit=LAST_EVENTS)
        except HiveError as error:
            self._leave("transcript", error.message)
            return
        data = b"".join([event.line + b"\n" for event in page.events])
        self._file("events.ndjson", io.BytesIO(data), len(data))

    def folder(self, name: str, parent: Path, below: str) -> None:
        """Its regular files; links, sockets and what cannot be read are left out."""
        try:
            above = os.open(parent, FOLDER)
        except OSError as error:
            self._leave(name, error.strerror or "it cannot be read")
            return
        try:
            self._folder(name, above, below, 0)
        finally:
            os.close(above)

    def work(self, paths: AgentPaths, repo: str, scratch: Path) -> None:
        """Its commits as a git bundle (`git fetch work.bundle`), and all its changes as a patch."""
        try:
            with looking(paths, repo) as seen:
                if seen.tips and seen.state.commits:
                    self._commits(seen, scratch)
        except Unknown as unknown:
            self._leave("work.bundle", unknown.state.problem)
        except (GitFailed, OSError) as error:
            self._leave("work.bundle", str(error))
        finally:
            scratch.unlink(missing_ok=True)
        read = read_work(paths, repo, patch=True)
        if read.patch:
            self.text("work.patch", read.patch)
        if read.cut:
            self._leave("work.patch", "it is longer than what is read of it")

    def _commits(self, seen: Seen, scratch: Path) -> None:
        without = seen.origin.tips
        asked = "".join([*(f"{sha}\n" for sha in seen.tips), *(f"^{sha}\n" for sha in without)]).encode()
        lines = seen.look.run(["rev-list", "--boundary", "--stdin"], asked, most_bytes=64 << 20).text.split()
        boundary = sorted({line for line in lines if line.startswith("-")})
        names = _names(seen)
        sha256 = seen.refs.object_format == "sha256"
        head = "# v3 git bundle\n@object-format=sha256\n" if sha256 else "# v2 git bundle\n"
        head += "".join(f"{line} \n" for line in boundary) + "".join(f"{sha} {name}\n" for name, sha in names) + "\n"
        scratch.unlink(missing_ok=True)
        seen.look.pack(seen.tips, without, scratch, most_bytes=MOST_PACK_BYTES, seconds=PACK_SECONDS)
        with open(scratch, "rb") as pack:
            size = os.fstat(pack.fileno()).st_size
            self._stream("work.bundle", [io.BytesIO(head.encode()), pack], len(head.encode()) + size)

    def _folder(self, name: str, above: int, below: str, depth: int) -> None:
        try:
            folder = os.open(below, FOLDER, dir_fd=above)
        except OSError as error:
            self._leave(name, error.strerror or "it cannot be read")
            return
        try:
            for entry in sorted(os.listdir(folder)):
                self._entry(f"{name}/{entry}", folder, entry, depth)
        finally:
            os.close(folder)

    def _entry(self, name: str, folder: int, entry: str, depth: int) -> None:
        try:
            found = os.stat(entry, dir_fd=folder, follow_symlinks=False)
            if stat.S_ISDIR(found.st_mode):
                if depth >= MOST_LEVELS:
                    self._leave(name, "it lies too deep")
                else:
                    self._folder(name, folder, entry, depth + 1)
                return
            if not stat.S_ISREG(found.st_mode):
                self._leave(name, "it is no regular file")
                return
            file = os.open(entry, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC, dir_fd=folder)
            with open(file, "rb") as opened:
                size = os.fstat(file).st_size
                if not stat.S_ISREG(os.fstat(file).st_mode) or size > min(MOST_FILE_BYTES, self._room):
                    self._leave(name, f"it has {size} bytes")
                    return
                self._room -= size
                self._file(name, opened, size)
        except OSError as error:
            self._leave(name, error.strerror or "it cannot be read")

    def _file(self, name: str, data: io.BufferedIOBase, size: int) -> None:
        self._stream(name, [data], size)

    def _stream(self, name: str, parts: "list[io.BufferedIOBase]", size: int) -> None:
        """A file that grows or shrinks meanwhile is cut or filled up: the archive stays whole."""
        info = tarfile.TarInfo(f"{self._top}/{_sound(name)}")
        info.size, info.mode, info.mtime = size, 0o600, self._now
        self._tar.addfile(info, _Exactly(parts, size))

    def _leave(self, name: str, why: str) -> None:
        self.left_out.append(one_line(f"{name}: {why}", 400))


class _Exactly:
    """So many bytes of these files, one after the other; zeros where they have fewer."""

    def __init__(self, parts: "list[io.BufferedIOBase]", size: int) -> None:
        self._parts = list(parts)
        self._left = size

    def read(self, count: int = -1) -> bytes:
        wanted = self._left if count < 0 else min(count, self._left)
        data = b""
        while len(data) < wanted and self._parts:
            piece = self._parts[0].read(wanted - len(data))
            if not piece:
                self._parts.pop(0)
            data += piece
        data += bytes(wanted - len(data))
        self._left -= len(data)
        return data


def _names(seen: Seen) -> list[tuple[str, str]]:
    """What the bundle's refs are called: the agent's branches that name one of its commits, and HEAD."""
    tips = set(seen.tips)
    named = [
        (name, sha) for name, sha in sorted(seen.refs.refs.items()) if sha in tips and name.startswith("refs/heads/")
    ]
    others = [(f"refs/heads/unnamed-{sha[:12]}", sha) for sha in sorted(tips - {sha for _, sha in named})]
    return [*named, *others]


def _sound(name: str) -> str:
    return name.encode("utf-8", "replace").decode("utf-8")
