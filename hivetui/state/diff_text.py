"""A unified diff as text, indexed: where its files begin and how many lines each has, without reading the lines.

What `git diff` and `git show` write, and plain `diff -u`; combined diffs (`@@@`) too. Whatever else stands in it is kept as it
is. Finding the files is a search for one short word, so it is linear, and fast for text of any size. Pure.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

Status = Literal["added", "changed", "deleted", "renamed", "copied"]

_PLAIN_FILE = re.compile("\n--- [^\n]*\n\\+\\+\\+ [^\n]*(?=\n@@)")
_RANGES = re.compile(r"(@@+) ((?:-\d{1,18}(?:,\d{1,18})? )+)\+(\d{1,18})(?:,(\d{1,18}))? \1(?: (.*))?", re.DOTALL)
_ESCAPE = re.compile(r'\\([0-7]{1,3}|["\\abfnrtv])')
_ESCAPED = {"a": 7, "b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13, '"': 34, "\\": 92}
MARK = "\\ "
"""Begins the line that says that the file has no newline at its end."""
MOST_HEAD_LINES = 40
"""Of a file's head that are read; git writes at most eight."""


class Section:
    """One file, or what stands before the first. `begin` to `body` in the text is its head, `body` to `end` its hunks."""

    def __init__(self, text: str, file: int, begin: int, end: int) -> None:
        self._text = text
        self.file = file
        """-1: of none."""
        self.begin = begin
        self.end = end
        first = text.find("\n@@", begin, end)
        self.body = begin if file < 0 else end if first < 0 else first + 1
        marks = text.count(f"\n{MARK}", self.body, end) if text.find("\\", self.body, end) >= 0 else 0
        self.lines = text.count("\n", self.body, end) - marks
        """Of its hunks, with their `@@` lines and without the marks of a missing newline."""

    @cached_property
    def facts(self) -> "FileFacts":
        return read_head(self._text[self.begin : self.body])


@dataclass(frozen=True, slots=True)
class FileFacts:
    """`path` and `old_path` as they are, not yet fit for a screen."""

    path: str
    old_path: str | None = None
    """Where it was renamed or copied from."""
    status: Status = "changed"
    binary: bool = False
    modes: tuple[str, str] | None = None
    similarity: str = ""
    """`95%`."""


@dataclass(frozen=True, slots=True)
class Ranges:
    """What an `@@` line says."""

    old: int
    old_lines: int
    new: int
    new_lines: int
    heading: str
    parents: int = 1


class DiffText:
    """The files of a diff, by where they stand in it."""

    def __init__(self, text: str) -> None:
        self.text = text if text.endswith("\n") or not text else text + "\n"
        self.sections: list[Section] = []
        heads = [*_line_starts(self.text, "diff --")] or [*_plain_files(self.text)]
        bounds = [*heads, len(self.text)]
        if self.text[: bounds[0]].strip():
            self.sections.append(Section(self.text, -1, 0, bounds[0]))
        for file, begin in enumerate(heads):
            self.sections.append(Section(self.text, file, begin, bounds[file + 1]))


def _line_starts(text: str, word: str) -> Iterator[int]:
    if text.startswith(word):
        yield 0
    at = text.find(f"\n{word}")
    while at >= 0:
        yield at + 1
        at = text.find(f"\n{word}", at + 1)


def _plain_files(text: str) -> Iterator[int]:
    """Of a diff that has no `diff` lines."""
    if text.startswith("--- "):
        yield 0
    for found in _PLAIN_FILE.finditer(text):
        yield found.start() + 1


def read_ranges(head: str) -> Ranges | None:
    """None where it is no `@@` line that one can count by."""
    found = _RANGES.match(head)
    if found is None:
        return None
    first = found[2].split()[0].lstrip("-").split(",")
    return Ranges(
        old=int(first[0]),
        old_lines=int(first[1]) if len(first) > 1 else 1,
        new=int(found[3]),
        new_lines=int(found[4]) if found[4] else 1,
        heading=found[5] or "",
        parents=len(found[1]) - 1,
    )


def read_head(text: str) -> FileFacts:
    """What the lines before a file's first hunk say of it. Never raises, whatever they are."""
    lines = text.split("\n", MOST_HEAD_LINES)[:MOST_HEAD_LINES]
    said: dict[str, str] = {}
    for line in lines:
        for word in _SAID:
            if line.startswith(word):
                said.setdefault(word, line[len(word) :])
    old, new = _side(said.get("--- ")), _side(said.get("+++ "))
    moved_from = said.get("rename from ", said.get("copy from "))
    path = _unquoted(said.get("rename to ", said.get("copy to ", ""))) or new or old or _named_in(lines[0])
    status: Status = "changed"
    if "rename from " in said:
        status = "renamed"
    elif "copy from " in said:
        status = "copied"
    elif "new file mode " in said or (old is None and "--- " in said):
        status = "added"
    elif "deleted file mode " in said or (new is None and "+++ " in said):
        status = "deleted"
    changed_modes = said.get("old mode "), said.get("new mode ")
    return FileFacts(
        path=path,
        old_path=None if moved_from is None else _unquoted(moved_from),
        status=status,
        binary="Binary files " in said or "GIT binary patch" in said,
        modes=None if changed_modes[0] is None or changed_modes[1] is None else (changed_modes[0], changed_modes[1]),
        similarity=said.get("similarity index ", ""),
    )


_SAID = (
    "--- ", "+++ ", "rename from ", "rename to ", "copy from ", "copy to ", "new file mode ", "deleted file mode ", "old mode ",
    "new mode ", "similarity index ", "Binary files ", "GIT binary patch",
)  # fmt: skip


def _side(said: str | None) -> str | None:
    """The path in a `---` or `+++` line; None for /dev/null and where there is no such line."""
    if said is None:
        return None
    path = _unquoted(said.removesuffix("\t") if said.startswith('"') else said.partition("\t")[0])
    if path == "/dev/null":
        return None
    return path[2:] if path.startswith(("a/", "b/")) else path


def _named_in(line: str) -> str:
    """The path in `diff --git a/X b/X` (both are the same where no other line names them) or `diff --cc X`."""
    for word in ("diff --cc ", "diff --combined "):
        if line.startswith(word):
            return _unquoted(line.removeprefix(word))
    named = line.removeprefix("diff --git ")
    named = _unquoted(named[: len(named) // 2])
    return named[2:] if named.startswith("a/") else named


def _unquoted(path: str) -> str:
    """A path as git quotes one with unusual characters: `"gr\\303\\274n"`."""
    if len(path) < 2 or not path.startswith('"') or not path.endswith('"'):
        return path
    out, at, inner = bytearray(), 0, path[1:-1]
    for found in _ESCAPE.finditer(inner):
        out += inner[at : found.start()].encode("utf-8", "surrogateescape")
        code = found[1]
        out.append(_ESCAPED[code] if code in _ESCAPED else int(code, 8) & 0xFF)
        at = found.end()
    out += inner[at:].encode("utf-8", "surrogateescape")
    return out.decode("utf-8", "replace")
