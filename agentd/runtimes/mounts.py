"""What of the machine's files is there inside a sandbox: a plan of mounts, parents before what lies below them. Reads links only.

Nothing is ever mounted below a folder that the agent writes: whoever makes the mount would follow the links that it put there.
"""

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import Enum
from pathlib import Path

MOST_LINKS = 40


class Kind(Enum):
    """In the order in which one wins over another for the same path."""

    HIDDEN = 1
    """An empty folder that nobody can write to."""
    READ = 2
    OWN = 3
    """An empty folder of the sandbox's own: 1777, as /tmp is."""
    WRITE = 4


@dataclass(slots=True)
class Mounts:
    """`add` what is wanted, in any order; `steps` gives it in the order in which it is made."""

    kinds: dict[Path, Kind] = field(default_factory=dict)
    links: dict[Path, str] = field(default_factory=dict)

    def add(self, kind: Kind, paths: Iterable[Path]) -> None:
        """A path that is reached over links has those inside, too. What is missing is left out (but an OWN folder)."""
        for path in paths:
            links, real = resolved(path)
            if real == Path("/"):
                continue  # all of the machine, or a link that leads in circles
            if kind in (Kind.READ, Kind.WRITE) and not os.path.lexists(real):
                continue
            for link, target in links:
                self.links.setdefault(link, target)
            before = self.kinds.get(real)
            if before is None or before.value < kind.value:
                self.kinds[real] = kind

    def steps(self) -> "list[tuple[Path, Kind | str | None]]":
        """Each path with what is made there: a mount, a link (its target), or None for a plain folder on the way."""
        # By their names: an engine waits for this, and a Path takes ten times as long.
        paths = {str(path): path for path in (*self.kinds, *self.links)}
        found: dict[str, Kind | str | None] = {}
        for place in sorted(paths, key=_deep):
            path, above = paths[place], _above(place, found)
            kind = self.kinds.get(path)
            if kind is None:
                if above not in (Kind.READ, Kind.WRITE):
                    found[place] = self.links[path]
            elif above is Kind.WRITE or (above is Kind.READ and kind is Kind.READ):
                continue  # it is there, as what lies above it
            elif kind is Kind.HIDDEN and above not in (Kind.READ,):
                continue  # nothing of it is there
            else:
                if above not in (Kind.READ, Kind.WRITE):
                    for folder in _parents(place):
                        found.setdefault(folder)
                found[place] = kind
        return [(paths.get(place) or Path(place), found[place]) for place in sorted(found, key=_deep)]


def _deep(place: str) -> tuple[int, str]:
    return place.count("/"), place


def _parents(place: str) -> list[str]:
    """All folders that it lies in but `/`, the nearest first."""
    found = []
    while place := place.rpartition("/")[0]:
        found.append(place)
    return found


def _above(place: str, found: "dict[str, Kind | str | None]") -> "Kind | None":
    """The nearest mount that it lies in."""
    kinds = (found.get(parent) for parent in _parents(place))
    return next((kind for kind in kinds if isinstance(kind, Kind)), None)


def resolved(path: Path) -> tuple[list[tuple[Path, str]], Path]:
    """The links that the path leads over, each with its target, and where it leads. Missing parts stay as they are named.

    Links that lead in circles lead to `/`, and none of them is kept.
    """
    links: list[tuple[Path, str]] = []
    left = list(path.parts[1:])[::-1]
    at = ""
    while left:
        part = left.pop()
        if part == "..":
            at = at.rpartition("/")[0]
            continue
        following = f"{at}/{part}"
        try:
            target = os.readlink(following)
        except OSError:
            at = following
            continue
        links.append((Path(following), target))
        if len(links) > MOST_LINKS:
            return [], Path("/")
        parts = Path(target).parts
        if target.startswith("/"):
            at, parts = "", parts[1:]
        left += reversed(parts)
    return links, Path(at or "/")
