"""The worker's tools on files: read, write, edit, glob, grep. Standard library only; every answer is bounded."""

import os
import re
import threading
from collections.abc import Callable, Iterator
from typing import Any, BinaryIO

from agentd.engines.api_worker_files import Folders, Refused, open_plain

MOST_LINES = 2_000
MOST_CHARACTERS = 60_000
MOST_LINE_CHARACTERS = 2_000
MOST_EDIT_BYTES = 16 * 1024 * 1024
MOST_FOUND = 200
MOST_VISITED = 200_000
MOST_DEPTH = 100
"""Folders in folders; deeper ones are passed over."""
MOST_GREP_LINE_BYTES = 64 * 1024
PROBE_BYTES = 8_192
SKIPPED = frozenset({".git", ".hg", ".svn", "node_modules", "__pycache__", ".venv"})
Cancelled = Callable[[], bool]


class FileTools:
    """What was read is remembered here: an edit wants the file as it was seen."""

    def __init__(self, folders: Folders) -> None:
        self._folders = folders
        self._seen: dict[str, tuple[int, int]] = {}
        self._changing = threading.Lock()

    def read(self, given: dict[str, Any], cancelled: Cancelled) -> str:
        path = text(given, "path")
        first, most = whole(given, "offset", 1), min(whole(given, "limit", MOST_LINES), MOST_LINES)
        descriptor = self._folders.open_to_read(path)
        with open(descriptor, "rb") as file:
            status = os.fstat(file.fileno())
            if b"\0" in file.read(PROBE_BYTES):
                raise Refused(f"{path} is a binary file of {status.st_size} bytes.")
            file.seek(0)
            shown, more = _numbered(file, first, most, cancelled)
        self._seen[self._folders.real(path)] = (status.st_mtime_ns, status.st_size)
        if not shown:
            return "(the file is empty)" if first == 1 else f"(the file has no line {first})"
        rest = f"\n(more follows: go on with offset {more})" if more else ""
        return "\n".join(shown) + rest

    def write(self, given: dict[str, Any], cancelled: Cancelled) -> str:
        path, content = text(given, "path"), text(given, "content", empty=True)
        with self._changing:
            self._put(path, content.encode("utf-8", "replace"))
        return f"Wrote {len(content.splitlines())} lines to {path}."

    def edit(self, given: dict[str, Any], cancelled: Cancelled) -> str:
        path = text(given, "path")
        old, new = text(given, "old_string"), text(given, "new_string", empty=True)
        everywhere = flag(given, "replace_all")
        with self._changing:
            before = self._known(path)
            if old not in before and "\r\n" in before:
                old, new = (words.replace("\r\n", "\n").replace("\n", "\r\n") for words in (old, new))
            count = before.count(old)
            if old == new:
                raise Refused("old_string and new_string are the same.")
            if count == 0:
                raise Refused(f"old_string is not in {path}. It must be there exactly, white space and all.")
            if count > 1 and not everywhere:
                raise Refused(f"old_string is {count} times in {path}: give more of its surroundings, or replace_all.")
            self._put(path, before.replace(old, new).encode("utf-8", "surrogateescape"))
        return f"Changed {path} in {count} place{'' if count == 1 else 's'}."

    def glob(self, given: dict[str, Any], cancelled: Cancelled) -> str:
        fits = glob_pattern(text(given, "pattern"))
        top = self._top(given)
        found: list[tuple[float, str]] = []
        for folder, relative, name in _walk(top, cancelled):
            if fits(relative):
                try:
                    found.append((os.stat(name, dir_fd=folder, follow_symlinks=False).st_mtime, relative))
                except OSError:
                    continue  # it went meanwhile
        found.sort(key=lambda item: (-item[0], item[1]))
        lines = [self._folders.shown(os.path.join(top, relative)) for _, relative in found[:MOST_FOUND]]
        more = f"\n(and {len(found) - MOST_FOUND} more)" if len(found) > MOST_FOUND else ""
        return "\n".join(map(_printable, lines)) + more if lines else "(nothing fits)"

    def grep(self, given: dict[str, Any], cancelled: Cancelled) -> str:
        try:
            flags = re.IGNORECASE if flag(given, "ignore_case") else 0
            pattern = re.compile(text(given, "pattern").encode("utf-8", "surrogatepass"), flags)
        except (re.error, RecursionError, OverflowError) as error:
            raise Refused(f"pattern is no regular expression: {error}") from error
        fits = glob_pattern(text(given, "glob")) if given.get("glob") else None
        names_only, most = flag(given, "files_only"), min(whole(given, "limit", MOST_FOUND), MOST_FOUND)
        lines: list[str] = []
        for shown, file in self._files(given, fits, cancelled):
            with file:
                for number, line in _matches(file, pattern, cancelled):
                    lines.append(shown if names_only else f"{shown}:{number}:{_brief(line)}")
                    if names_only or len(lines) >= most:
                        break
            if len(lines) >= most:
                return "\n".join(lines) + f"\n(at most {most} are shown; there may be more)"
        return "\n".join(lines) or "(nothing found)"

    def _files(
        self, given: dict[str, Any], fits: Callable[[str], bool] | None, cancelled: Cancelled
    ) -> Iterator[tuple[str, BinaryIO]]:
        """Every text file below `path`, or that file, opened."""
        path = text(given, "path", default=".")
        top = self._folders.real(path)
        if not os.path.isdir(top):
            yield _printable(path), open(self._folders.open_to_read(path), "rb")  # noqa: SIM115 - its reader closes it
            return
        for folder, relative, name in _walk(top, cancelled):
            if fits is not None and not fits(relative):
                continue
            try:
                file = open(open_plain(name, folder, relative), "rb")  # noqa: SIM115 - its reader closes it
            except (OSError, Refused):
                continue
            if b"\0" in file.read(PROBE_BYTES):
                file.close()
                continue
            file.seek(0)
            yield _printable(self._folders.shown(os.path.join(top, relative))), file

    def _top(self, given: dict[str, Any]) -> str:
        path = text(given, "path", default=".")
        top = self._folders.real(path)
        if not os.path.isdir(top):
            raise Refused(f"{path!r} is no folder.")
        return top

    def _known(self, path: str) -> str:
        """The file's text, if it is as it was read."""
        real = self._folders.real(path)
        with open(self._folders.open_to_read(path), "rb") as file:
            status = os.fstat(file.fileno())
            seen = self._seen.get(real)
            if seen is None:
                raise Refused(f"Read {path} before you edit it.")
            if seen != (status.st_mtime_ns, status.st_size):
                raise Refused(f"{path} has changed since you read it: read it again.")
            if status.st_size > MOST_EDIT_BYTES:
                raise Refused(f"{path} has {status.st_size} bytes; at most {MOST_EDIT_BYTES} can be edited.")
            return file.read().decode("utf-8", "surrogateescape")

    def _put(self, path: str, data: bytes) -> None:
        written = self._folders.write(path, data)
        self._seen[self._folders.real(path)] = (written.st_mtime_ns, written.st_size)


def text(given: dict[str, Any], name: str, *, empty: bool = False, default: str | None = None) -> str:
    """Raises Refused where it is missing or no text."""
    value = given.get(name, default)
    if not isinstance(value, str) or (not value and not empty):
        raise Refused(f"{name} is missing, or is no text.")
    return value


def whole(given: dict[str, Any], name: str, default: int) -> int:
    value = given.get(name)
    if value is None:
        return default
    if not isinstance(value, int) or isinstance(value, bool) or value < 1:
        raise Refused(f"{name} is a whole number above 0.")
    return value


def flag(given: dict[str, Any], name: str) -> bool:
    value = given.get(name, False)
    if not isinstance(value, bool):
        raise Refused(f"{name} is true or false.")
    return value


def glob_pattern(pattern: str) -> Callable[[str], bool]:
    """Whether a path below the folder fits: `*` and `?` within a name, `**` over folders. A lone name fits at any depth."""
    if "/" not in pattern:
        pattern = f"**/{pattern}"
    parts = []
    position = 0
    while position < len(pattern):
        if pattern.startswith("**/", position):
            parts.append(r"(?:[^/]+/)*")
            position += 3
        elif pattern.startswith("**", position):
            parts.append(r".*")
            position += 2
        else:
            character = pattern[position]
            parts.append({"*": "[^/]*", "?": "[^/]"}.get(character) or re.escape(character))
            position += 1
    expression = re.compile("".join(parts), re.DOTALL)
    return lambda path: expression.fullmatch(path) is not None


def _walk(top: str, cancelled: Cancelled) -> Iterator[tuple[int, str, str]]:
    """(a descriptor of its folder, its path below `top`, its name) of every file, no link followed."""
    visited = 0
    for folder, folders, files, descriptor in os.fwalk(top, follow_symlinks=False):
        below = os.path.relpath(folder, top)
        deep = below.count(os.sep) >= MOST_DEPTH
        folders[:] = [] if deep else sorted(name for name in folders if name not in SKIPPED)
        visited += 1
        if visited > MOST_VISITED or cancelled():
            return
        for name in sorted(files):
            visited += 1
            if visited > MOST_VISITED or cancelled():
                return
            yield descriptor, name if below == "." else os.path.join(below, name), name


def _numbered(file: BinaryIO, first: int, most: int, cancelled: Cancelled) -> tuple[list[str], int | None]:
    """(the lines with their numbers, the number of the next one if there is more)."""
    shown: list[str] = []
    characters = 0
    for number, line, cut in _lines(file, cancelled):
        if number < first:
            continue
        if len(shown) == most or characters > MOST_CHARACTERS:
            return shown, number
        words = line.decode("utf-8", "replace")[:MOST_LINE_CHARACTERS]
        shown.append(f"{number:6}\t{words}{' … (the line goes on)' if cut or len(line) > len(words.encode()) else ''}")
        characters += len(shown[-1])
    return shown, None


def _lines(file: BinaryIO, cancelled: Cancelled) -> Iterator[tuple[int, bytes, bool]]:
    """(number, line, whether it is longer than that); a line of any length takes bounded memory."""
    number = 0
    while not cancelled() and (line := file.readline(MOST_GREP_LINE_BYTES)):
        number += 1
        cut = False
        piece = line
        while not piece.endswith(b"\n") and len(piece) == MOST_GREP_LINE_BYTES and not cancelled():
            piece = file.readline(MOST_GREP_LINE_BYTES)
            cut = cut or bool(piece.strip(b"\r\n"))
        yield number, line.rstrip(b"\r\n"), cut


def _matches(file: BinaryIO, pattern: re.Pattern[bytes], cancelled: Cancelled) -> Iterator[tuple[int, bytes]]:
    for number, line, _ in _lines(file, cancelled):
        if pattern.search(line):
            yield number, line


def _brief(line: bytes) -> str:
    words = line.decode("utf-8", "replace")
    return words if len(words) <= 500 else f"{words[:500]} …"


def _printable(path: str) -> str:
    return path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")
