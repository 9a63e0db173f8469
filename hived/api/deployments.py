"""Deployments: what ran when and how it ended; and a rollback, answered when it has ended."""

from typing import Annotated

from fastapi import APIRouter, Query, Request

from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import deployments
from hived.core.hive import Hive
from hived.store.database import Connection, Tx
from hived.wire import routes
from hived.wire.deployments import Deployment, DeploymentDetail, DeploymentList, Rollback
from hived.wire.errors import DeploymentFailed, DeploymentSuperseded

host_router = APIRouter(tags=["config"])
QUEUE_SECONDS = 60.0
"""Beside what its setup, its start and its health may take: others may be built before it."""
ENDED = ("deployed", "failed", "superseded")


@host_router.get(routes.DEPLOYMENTS)
async def get_deployments(
    request: Request,
    agent: Annotated[
        str | None, Query(max_length=64, description="An agent's name or id, of one that is gone too.")
    ] = None,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
    before: Annotated[str | None, Query(description="Only those older than this deployment.")] = None,
) -> DeploymentList:
    """Newest first."""

    def query(conn: Connection) -> DeploymentList:
        return deployments.list_deployments(conn, agent=agent, limit=limit, before=before)

    return await hive_of(request).database.read(query)


@host_router.get(routes.DEPLOYMENT)
async def get_deployment(request: Request, id: str) -> DeploymentDetail:
    """One, by its id or a unique beginning of it, with what its setup printed."""
    return await hive_of(request).database.read(lambda conn: deployments.detail(conn, id))


@host_router.get(routes.AGENT_ROLLBACK)
async def get_rollback(
    request: Request,
    name: str,
    to: Annotated[
        str | None, Query(max_length=64, description="A deployment's id; none: the one before what runs.")
    ] = None,
) -> Deployment:
    """The deployment that a rollback would go back to; 409 where there is none."""

    def query(conn: Connection) -> Deployment:
        return deployments.to_deployment(deployments.rollback_target(conn, name, to)[1])

    return await hive_of(request).database.read(query)


@host_router.post(routes.AGENT_ROLLBACK)
async def post_rollback(request: Request, name: str, wanted: Rollback | None = None) -> Deployment:
    """Answered when it runs and is healthy; 409 `deployment_failed` where it does not, and what ran before runs again.

    A repeat with the same Idempotency-Key is answered at once, with the deployment as it was asked for.
    """
    hive, actor, body = hive_of(request), actor_of(request), wanted or Rollback()

    def ask(tx: Tx) -> Deployment:
        return deployments.ask_rollback(tx, name, body.to, body.note, actor)

    # What is kept for a repeat is what was asked for: after a restart of hived nothing is rolled back twice.
    asked = await hive.database.write(remembered(request, ask))
    return await until_deployed(hive, asked.id)


async def until_deployed(hive: Hive, deployment_id: str) -> Deployment:
    """The deployment once it is deployed. Raises DeploymentFailed, DeploymentSuperseded, TookTooLong."""

    def ended(conn: Connection) -> bool:
        return deployments.find_deployment(conn, deployment_id)["status"] in ENDED

    config = hive.config
    seconds = config.setup_seconds + config.up_seconds + config.stop_seconds + config.healthy_seconds + QUEUE_SECONDS
    await hive.until(ended, seconds=seconds, what=f"Deployment {deployment_id}")
    row = await hive.database.read(lambda conn: deployments.find_deployment(conn, deployment_id))
    if row["status"] == "failed":
        raise DeploymentFailed(name=row["agent"], step=row["step"], reason=row["reason"], id=row["id"])
    if row["status"] == "superseded":
        raise DeploymentSuperseded(name=row["agent"], id=row["id"], reason=row["reason"])
    return deployments.to_deployment(row)
