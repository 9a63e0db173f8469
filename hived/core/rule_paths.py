"""Paths of tools against globs of rules: `*` within a name, `**` over folders.

A wildcard of an allow never fits a name that begins with a dot (`.git/hooks`, `.ssh`, `.env`): the pattern must name it.
"""

import posixpath
import re
from collections.abc import Collection

from hived.core import globs
from hived.core.links import real_path

MOST_CHARACTERS = 4096
_NEVER = re.compile(r"[~$\\*`]|, ")
"""`~` and `$` mean something else to whoever expands them; `, ` stands between the files of a tool that takes several."""
_SLASHES = re.compile(r"/(?:\.?/)+")


def allows(pattern: str, given: str, workspace: str | None, *, links: bool) -> bool:
    """Whether the path as it is given, without its `..`, and (`links`) behind its links are all what the pattern names."""
    if not is_plain(given):
        return False
    wanted = anchored(pattern, workspace)
    at = _joined(given, workspace)
    if wanted is None or at is None:
        return False
    if not (_fits(wanted, at) and _fits(wanted, posixpath.normpath(at))):
        return False
    if not links:
        return True
    real = real_path(at)
    if real is None:
        return False
    behind = None if pattern.startswith("/") or workspace is None else anchored(pattern, real_path(workspace))
    return _fits(wanted, real) or (behind is not None and _fits(behind, real))


def forms(given: str, workspace: str | None, *, links: bool) -> set[str]:
    """Every way to say that path."""
    text = given[:MOST_CHARACTERS]
    at = _joined(text, workspace) or text
    found = {text, at, posixpath.normpath(at), posixpath.normpath("/" + text)}
    if links and (real := real_path(at)) is not None:
        found.add(real)
    return found


def denies(pattern: str, forms: Collection[str], workspace: str | None) -> bool:
    """Whether any of these forms of a path fits, whatever its case; a relative pattern fits below any folder."""
    if not forms:
        return False
    patterns = {pattern, anchored(pattern, workspace) or pattern}
    if not pattern.startswith("/"):
        patterns.add(f"/**/{pattern.removeprefix('./')}")
    return any(
        _fits(wanted.casefold(), form.casefold(), dots=True) or globs.fits(globs.pieces(wanted), form)
        for wanted in patterns
        for form in forms
    )


def is_plain(given: str) -> bool:
    """Whether it says which file it is: no character in it means something else to whoever expands it."""
    return 0 < len(given) <= MOST_CHARACTERS and given.isprintable() and _NEVER.search(given) is None


def is_known(given: str, workspace: str | None, *, links: bool) -> bool:
    """Whether it is sure which file that is, wherever its links lead."""
    at = _joined(given, workspace)
    return is_plain(given) and at is not None and (not links or real_path(at) is not None)


def anchored(pattern: str, workspace: str | None) -> str | None:
    """The pattern from the root on; a relative one is of the agent's workspace. None: it fits nothing."""
    if flaw(pattern) is not None:
        return None
    if pattern.startswith("/"):
        return _SLASHES.sub("/", pattern)
    if not workspace or not workspace.startswith("/"):
        return None
    return _SLASHES.sub("/", f"{globs.escaped(workspace.rstrip('/'))}/{pattern}")


def flaw(pattern: str) -> str | None:
    """Why that pattern can allow no path."""
    if pattern.startswith("~") or "/~" in pattern or "$" in pattern:
        return "a path with ~ or $ is allowed by no rule"
    if ".." in pattern.split("/"):
        return "a pattern of paths holds no .."
    return None


def _joined(given: str, workspace: str | None) -> str | None:
    """From the root on, its `..` left as they are."""
    if not given.startswith("/"):
        if not workspace or not workspace.startswith("/"):
            return None
        given = f"{workspace}/{given}"
    return _SLASHES.sub("/", given)


def _fits(pattern: str, path: str, *, dots: bool = False) -> bool:
    """Name by name; which of the pattern's names may come next is kept as a set, so no pattern takes long."""
    names = pattern.split("/")
    taken = [globs.pieces(name) for name in names]
    anything = [name == "**" for name in names]
    reached = _skipping({0}, anything)
    for part in path.split("/"):
        hidden = part.startswith(".") and not dots
        following = set()
        for index in reached:
            if index == len(names):
                continue
            if anything[index]:
                if not hidden:
                    following.add(index)
            elif globs.fits(taken[index], part) and not (hidden and taken[index][:1] == (globs.STAR,)):
                following.add(index + 1)
        reached = _skipping(following, anything)
        if not reached:
            return False
    return len(names) in reached


def _skipping(indexes: set[int], anything: list[bool]) -> set[int]:
    """With those that are reached because `**` may be no folder at all."""
    found = set(indexes)
    for index in sorted(indexes):
        while index < len(anything) and anything[index]:
            index += 1
            found.add(index)
    return found
