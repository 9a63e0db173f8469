"""What is left of an agent that is stopped: what it takes on the disk, its last words, and work that is nowhere else. Blocks."""

import contextlib
import os

from hived.core.purges import lost_words
from hived.core.tombstones import Remains
from hived.core.work import shown
from hived.paths import AgentPaths
from hived.store.tombstones import select_last_text
from hived.upkeep.sizes import count_files, sizes_of
from hived.wire.errors import InvalidRepo
from hived.wire.times import utc_now
from hived.wire.work import WorkState
from hived.workspace.origins import read_origin
from hived.workspace.work import look

MOST_FILES = 10_000
"""Counted of a workspace without a repository."""


def remains_of(paths: AgentPaths, repo: str | None, engine_version: str | None = None) -> Remains:
    """All of it, for a tombstone. It never raises: what cannot be looked at is said in `work`, or left out."""
    text = select_last_text(paths.events_db)
    work = work_of(paths, repo)
    return Remains(
        sizes=sizes_of(paths),
        last_words="" if text is None else text[0],
        last_words_at=None if text is None else text[1],
        work=work,
        origin_head=None if repo is None else origin_head(repo, work.origin_branch),
        engine_version=engine_version,
    )


def work_of(paths: AgentPaths, repo: str | None) -> WorkState:
    """As `work.look`; of a workspace that was never made there is none."""
    if repo is not None and not os.path.lexists(paths.workspace):
        return WorkState(looked_at=utc_now())
    try:
        return shown(look(paths, repo))
    except Exception as error:  # whatever an agent has left there, its burial goes on
        return WorkState(looked_at=utc_now(), merged=False, known=False, problem=f"it cannot be looked at: {error}.")


def lost(paths: AgentPaths, repo: str | None) -> tuple[WorkState, str]:
    """Its work as it is now, and what of it is nowhere else, in one phrase; empty where nothing is."""
    work = work_of(paths, repo)
    files = 0
    if repo is None and not work.changed:
        files = count_files(paths.root, paths.workspace.name, MOST_FILES)
    return work, lost_words(work, files)


def origin_head(repo: str, branch: str | None) -> str | None:
    """The commit that the branch of that repository is at; None where it has none, or cannot be read."""
    if branch is None:
        return None
    with contextlib.suppress(InvalidRepo):
        return read_origin(repo).refs.get(f"refs/heads/{branch}")
    return None
