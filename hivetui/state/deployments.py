"""Deployments as the screen lists them: the newest first, and what a rollback of each would go back to. Pure."""

from collections.abc import Iterable

from hived.wire.deployments import Deployment

Deployments = dict[str, Deployment]
"""By id."""

UNDER_WAY = ("queued", "building", "starting", "checking")
MOST_KEPT = 400
"""The oldest of those that have ended are forgotten; the screen of them loads them again."""


def is_under_way(deployment: Deployment) -> bool:
    return deployment.status in UNDER_WAY


def with_deployments(known: Deployments, news: Iterable[Deployment]) -> Deployments:
    """Their new states."""
    merged = {**known, **{deployment.id: deployment for deployment in news}}
    if len(merged) <= MOST_KEPT:
        return merged
    kept = listed(merged)
    return {found.id: found for at, found in enumerate(kept) if at < MOST_KEPT or is_under_way(found)}


def listed(known: Deployments) -> tuple[Deployment, ...]:
    return tuple(sorted(known.values(), key=lambda found: (found.created_at, found.id), reverse=True))


def of_agent(known: Deployments, agent: str) -> tuple[Deployment, ...]:
    return tuple(found for found in listed(known) if found.agent == agent)


def running(known: Deployments, agent: str) -> Deployment | None:
    """What runs: the newest that was deployed."""
    return next((found for found in of_agent(known, agent) if found.status == "deployed"), None)


def goes_back_to(known: Deployments, chosen: Deployment) -> Deployment | None:
    """What a rollback with the cursor on that one goes back to: itself, where it was deployed and something else runs
    now; else what was deployed before what runs. None: there is nothing that we know of."""
    now = running(known, chosen.agent)
    if now is None:
        return None
    earlier = [
        found
        for found in of_agent(known, chosen.agent)
        if found.status == "deployed" and found.id != now.id and found.commit and found.commit != now.commit
    ]
    return next((found for found in earlier if found.id == chosen.id), earlier[0] if earlier else None)
