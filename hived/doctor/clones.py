"""Whether agents' clones still have what they go out from: they read their origin's objects in place."""

from hived.paths import HivePaths
from hived.wire.doctor import Check
from hived.wire.errors import InvalidRepo
from hived.workspace.clones import ORIGIN_FILE, CloneOrigin, read_clone_origin
from hived.workspace.origins import in_origin

NAME = "clones"


def clones(paths: HivePaths) -> list[Check]:
    """One check for all that are well, and one for each that is not. Nothing where no agent has a clone."""
    found = {
        file.parents[1].name: read_clone_origin(file.parent) for file in paths.agents.glob(f"*/harness/{ORIGIN_FILE}")
    }
    known = {name: origin for name, origin in sorted(found.items()) if origin is not None}
    bad = [check for name, origin in known.items() if (check := _check(name, origin)) is not None]
    well = len(known) - len(bad)
    if not well:
        return bad
    origins = len({origin.repo for origin in known.values()})
    detail = f"{well} read the objects of {origins} {'repository' if origins == 1 else 'repositories'} in place"
    return [Check(name=NAME, state="ok", detail=detail), *bad]


def _check(name: str, origin: CloneOrigin) -> Check | None:
    """What is wrong with that agent's; None where nothing is."""
    try:
        listed = in_origin(origin.repo, ["for-each-ref", "--count=1", f"--contains={origin.commit}"], codes=(0, 129))
    except InvalidRepo as error:
        return Check(
            name=NAME,
            state="failed",
            detail=f"{name}: its clone reads {origin.repo}, which cannot be read: {error.detail.get('reason')}",
            remedy=f"Put the repository back where it was: {origin.repo}",
        )
    if listed.code:
        return Check(
            name=NAME,
            state="failed",
            detail=f"{name}: {origin.repo} has thrown away the commit that its clone goes out from, {origin.commit[:12]}",
            remedy=f"Fetch it into {origin.repo} again, from wherever it still is.",
        )
    if not listed.data:
        return Check(
            name=NAME,
            state="warning",
            detail=f"{name}: no branch of {origin.repo} has {origin.commit[:12]} any more, which its clone goes out from: git gc"
            " will throw it away",
            remedy=f"git -C {origin.repo} branch keep/{name} {origin.commit}",
        )
    return None
