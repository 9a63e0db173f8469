"""One of hived's own git repositories. What hived makes itself (files, commits, tags, refs) it writes as git would, without a
process: an approved agent is online sooner by each git that does not run. What comes from elsewhere goes through git.

`git fsck --strict` is what holds this module to git's own rules (tests/hived/deploy/test_repository.py). Everything blocks.
"""

import hashlib
import os
import re
import socket
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hived.wire.times import from_text
from hived.workspace.git import GitFailed, Output, run_git

GIT_SECONDS = 60.0
MOST_OBJECT_BYTES = 32 * 1024 * 1024
MAIN = "refs/heads/main"
_CONFIG = "[core]\n\trepositoryformatversion = 0\n\tfilemode = true\n\tbare = {bare}\n\tlogallrefupdates = false\n"
_SHA = re.compile(r"[0-9a-f]{40}")
_FILE, _PROGRAM, _FOLDER = "100644", "100755", "40000"


@dataclass(frozen=True, slots=True)
class File:
    content: bytes
    program: bool = False
    """It may be run."""


Files = Mapping[str, File]
"""By path, as in a commit: `agent.toml`, `notes/style.md`."""


@dataclass(frozen=True, slots=True)
class Entry:
    """Of a tree. `mode` as git writes it: 100644, 100755, 40000, 120000 (a link), 160000 (a submodule)."""

    mode: str
    name: bytes
    sha: str


@dataclass(frozen=True, slots=True)
class Commit:
    sha: str
    tree: str
    parents: tuple[str, ...]
    message: str


class Repository:
    """`folder` is the git folder itself (`.git`, or a bare repository). Raises OSError and GitFailed."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    @property
    def exists(self) -> bool:
        """HEAD is the last thing that `make` writes."""
        return (self.folder / "HEAD").is_file()

    def make(self, *, bare: bool = False) -> None:
        """An empty repository on the branch main; one that is there is left as it is."""
        if self.exists:
            return
        for part in ("objects/info", "objects/pack", "refs/heads", "refs/tags", "info"):
            (self.folder / part).mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(self.folder / "config", _CONFIG.format(bare="true" if bare else "false").encode())
        _put(self.folder / "HEAD", f"ref: {MAIN}\n".encode())

    # Objects -----------------------------------------------------------------------------------------------------

    def write(self, kind: str, body: bytes) -> str:
        """The object's id."""
        whole = b"%s %d\0%s" % (kind.encode(), len(body), body)
        sha = hashlib.sha1(whole, usedforsecurity=False).hexdigest()
        file = self._loose(sha)
        if not file.exists():
            file.parent.mkdir(mode=0o700, exist_ok=True)
            _put(file, zlib.compress(whole, 1), mode=0o400)
        return sha

    def read(self, sha: str, kind: str) -> bytes:
        """Raises KeyError where it has no such object of that kind, or one that is too large."""
        try:
            with open(self._loose(sha), "rb") as file:
                whole = zlib.decompressobj().decompress(file.read(), MOST_OBJECT_BYTES + 64)
        except FileNotFoundError:
            return self._packed(sha, kind)
        except zlib.error:
            raise KeyError(sha) from None
        head, _, body = whole.partition(b"\0")
        if head != b"%s %d" % (kind.encode(), len(body)):
            raise KeyError(sha)
        return body

    def has(self, sha: str, kind: str = "commit") -> bool:
        try:
            self.read(sha, kind)
        except KeyError:
            return False
        return True

    def _packed(self, sha: str, kind: str) -> bytes:
        if not _SHA.fullmatch(sha) or not any((self.folder / "objects/pack").glob("*.pack")):
            raise KeyError(sha)
        found = self.git(["cat-file", "--batch"], f"{sha}\n".encode(), most_bytes=MOST_OBJECT_BYTES)
        head, _, body = found.data.partition(b"\n")
        if found.cut or head != b"%s %s %d" % (sha.encode(), kind.encode(), len(body) - 1):
            raise KeyError(sha)
        return body[:-1]

    def _loose(self, sha: str) -> Path:
        if not _SHA.fullmatch(sha):
            raise KeyError(sha)
        return self.folder / "objects" / sha[:2] / sha[2:]

    # Trees and commits -------------------------------------------------------------------------------------------

    def write_tree(self, files: Files) -> str:
        """The id of the tree with these files."""
        entries: dict[str, tuple[str, str]] = {}
        folders: dict[str, dict[str, File]] = {}
        for path, file in files.items():
            first, slash, rest = path.partition("/")
            if slash:
                folders.setdefault(first, {})[rest] = file
            else:
                entries[first] = (_PROGRAM if file.program else _FILE, self.write("blob", file.content))
        entries.update({name: (_FOLDER, self.write_tree(below)) for name, below in folders.items()})

        def place(name: str) -> bytes:
            return os.fsencode(name) + (b"/" if entries[name][0] == _FOLDER else b"")

        lines = (
            b"%s %s\0%s" % (entries[name][0].encode(), os.fsencode(name), bytes.fromhex(entries[name][1]))
            for name in sorted(entries, key=place)
        )
        return self.write("tree", b"".join(lines))

    def entries(self, tree: str) -> list[Entry]:
        """Raises KeyError."""
        body, found, at = self.read(tree, "tree"), [], 0
        while at < len(body):
            end = body.find(b"\0", at)
            mode, _, name = body[at : max(end, at)].partition(b" ")
            if end < 0 or len(body) < end + 21 or not name:
                raise KeyError(tree)
            found.append(Entry(mode.decode("ascii", "replace"), name, body[end + 1 : end + 21].hex()))
            at = end + 21
        return found

    def write_commit(self, files: Files, parents: Sequence[str], message: str, at: str) -> str:
        """The commit's id, which is the same for the same files, parents, words and time (`at`: UTC, ISO 8601)."""
        who = signature(at)
        lines = [f"tree {self.write_tree(files)}", *(f"parent {parent}" for parent in parents)]
        lines += [f"author {who}", f"committer {who}", "", f"{message.strip()}\n"]
        return self.write("commit", "\n".join(lines).encode("utf-8", "replace"))

    def commit(self, sha: str) -> Commit:
        """Raises KeyError."""
        head, _, message = self.read(sha, "commit").partition(b"\n\n")
        fields = [line.split(b" ", 1) for line in head.split(b"\n")]
        ids = [(name, value.decode("ascii", "replace")) for name, value in (f for f in fields if len(f) == 2)]
        tree = next((value for name, value in ids if name == b"tree"), "")
        parents = tuple(value for name, value in ids if name == b"parent")
        return Commit(sha, tree, parents, message.decode("utf-8", "replace"))

    # Refs --------------------------------------------------------------------------------------------------------

    def ref(self, name: str) -> str | None:
        """What it names; None where there is none."""
        try:
            found = (self.folder / name).read_text(encoding="ascii", errors="replace").strip()
        except (FileNotFoundError, IsADirectoryError, NotADirectoryError):
            return self._packed_refs().get(name)
        return found if _SHA.fullmatch(found) else None

    def set_ref(self, name: str, sha: str) -> None:
        file = self.folder / name
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        _put(file, f"{sha}\n".encode())

    def delete_ref(self, name: str) -> None:
        """Nothing where there is none."""
        if name in self._packed_refs():
            self.git(["update-ref", "-d", name])
        (self.folder / name).unlink(missing_ok=True)

    def tags(self) -> dict[str, str]:
        """What each tag names, by its name without `refs/tags/`: a commit, or the id of a tag with words."""
        found = {
            name.removeprefix("refs/tags/"): sha
            for name, sha in self._packed_refs().items()
            if name.startswith("refs/tags/")
        }
        top = self.folder / "refs/tags"
        for file in top.rglob("*"):
            sha = self.ref(str(file.relative_to(self.folder))) if file.is_file() else None
            if sha is not None and not file.name.endswith(".new"):
                found[str(file.relative_to(top))] = sha
        return found

    def tag(self, name: str, commit: str, words: str = "", at: str | None = None) -> None:
        """A tag; with `words` and when they were said, an annotated one."""
        target = commit
        if words and at is not None:
            head = f"object {commit}\ntype commit\ntag {name}\ntagger {signature(at)}\n\n"
            target = self.write("tag", (head + words.strip() + "\n").encode("utf-8", "replace"))
        self.set_ref(f"refs/tags/{name}", target)

    def tagged(self, name: str) -> str | None:
        """The commit that the tag leads to; None where there is no such tag."""
        sha = self.ref(f"refs/tags/{name}")
        if sha is None or self.has(sha):
            return sha
        try:
            first = self.read(sha, "tag").partition(b"\n")[0]
        except KeyError:
            return None
        return first.decode("ascii", "replace").removeprefix("object ")

    def words_of(self, name: str) -> str:
        """What the annotated tag says; empty where it says nothing or is not there."""
        sha = self.ref(f"refs/tags/{name}")
        try:
            return "" if sha is None else self.read(sha, "tag").partition(b"\n\n")[2].decode("utf-8", "replace")
        except KeyError:
            return ""

    def _packed_refs(self) -> dict[str, str]:
        try:
            lines = (self.folder / "packed-refs").read_text(encoding="utf-8", errors="replace").splitlines()
        except FileNotFoundError:
            return {}
        pairs = (line.split(" ", 1) for line in lines if not line.startswith(("#", "^")))
        return {pair[1]: pair[0] for pair in pairs if len(pair) == 2}

    # git itself --------------------------------------------------------------------------------------------------

    def git(self, words: Sequence[str], stdin: bytes | Path | None = None, **how: object) -> Output:
        """`git WORDS` in it. Raises GitFailed."""
        options: dict[str, object] = {"seconds": GIT_SECONDS, "cwd": Path("/"), **how}
        return run_git([f"--git-dir={self.folder}", *words], stdin=stdin, **options)  # type: ignore[arg-type]

    def flush(self, commit: str, *refs: str) -> None:
        """Have the disk hold that commit with all of its tree, and these refs: the power may go."""
        files = [self._loose(sha) for sha in self._reached(commit)]
        sync([*files, *{file.parent for file in files}, *(self.folder / ref for ref in refs)])

    def _reached(self, commit: str) -> set[str]:
        """The commit and all objects of its tree."""
        found, ahead = {commit}, [self.commit(commit).tree]
        while ahead:
            tree = ahead.pop()
            found.add(tree)
            for entry in self.entries(tree):
                if entry.mode == _FOLDER:
                    ahead.append(entry.sha)
                else:
                    found.add(entry.sha)
        return found


def signature(at: str) -> str:
    """Who made a commit of hived's, and when."""
    return f"hived <hived@{_host()}> {int(from_text(at).timestamp())} +0000"


def is_commit(text: str) -> bool:
    """Whether it is the whole id of a commit, as hived takes them."""
    return _SHA.fullmatch(text) is not None


def sync(paths: Sequence[Path]) -> None:
    """Have the disk hold them."""
    for path in paths:
        _sync(path)


def _host() -> str:
    return re.sub(r"[^A-Za-z0-9.-]", "-", socket.gethostname()) or "hive"


def _sync(path: Path) -> None:
    try:
        opened = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError:
        return
    try:
        os.fsync(opened)
    finally:
        os.close(opened)


def _put(file: Path, data: bytes, mode: int = 0o600) -> None:
    """Atomically. Two who write the same file write the same."""
    scratch = file.with_name(f"{file.name}.{os.urandom(6).hex()}.new")
    try:
        with open(os.open(scratch, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, mode), "wb") as opened:
            opened.write(data)
        os.replace(scratch, file)
    except OSError:  # a full disk is not made fuller by each try
        scratch.unlink(missing_ok=True)
        raise


__all__ = [
    "MAIN", "Commit", "Entry", "File", "Files", "GitFailed", "Repository", "is_commit", "signature", "sync",
]  # fmt: skip
