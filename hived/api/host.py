"""The app on the operator's socket."""

from typing import Any

from fastapi import APIRouter, FastAPI
from fastapi.routing import APIRoute

from hived.api import (
    agents,
    approvals,
    audit,
    budgets,
    deployments,
    diffs,
    doctor,
    engines,
    feed,
    health,
    lifecycle,
    logins,
    logs,
    messages,
    pairs,
    presence,
    proposals,
    questions,
    rebuild,
    recordings,
    reminders,
    rules,
    settings,
    snapshot,
    templates,
    tombstones,
    transcripts,
    turns,
    waiting,
    work,
)
from hived.api.bodies import Bodies
from hived.api.described import DescribedApp
from hived.api.faults import Faults, add_handlers
from hived.api.idempotency import Idempotency
from hived.core.hive import Hive
from hived.wire.base import ErrorAnswer
from hived.wire.protocol import VERSION

ERRORS: dict[int | str, dict[str, Any]] = {
    "4XX": {"model": ErrorAnswer, "description": "Refused; `code` says why."},
    "5XX": {"model": ErrorAnswer, "description": "Failed, or did not happen in time; `code` says which."},
}
ROUTERS: tuple[APIRouter, ...] = (
    health.host_router, snapshot.host_router, feed.host_router, agents.host_router, lifecycle.host_router,
    turns.host_router, settings.host_router, logins.host_router, rebuild.host_router,
    transcripts.host_router, recordings.host_router, logs.host_router, engines.host_router, messages.host_router,
    approvals.host_router, waiting.host_router, questions.host_router, pairs.host_router, reminders.host_router,
    work.host_router, rules.host_router, budgets.host_router, audit.host_router, presence.host_router, doctor.host_router, tombstones.host_router,
    proposals.host_router, deployments.host_router, diffs.host_router, templates.host_router,
)  # fmt: skip


def create_host_app(hive: Hive) -> FastAPI:
    """Everything that the operator can do; `/openapi.json` describes it."""
    return create_app(
        hive, ROUTERS, title="hived", description="The operator's socket of a hive.", openapi_url="/openapi.json"
    )


def create_app(
    hive: Hive, routers: tuple[APIRouter, ...], *, title: str, description: str, openapi_url: str | None
) -> FastAPI:
    """Those routers with the limits, the idempotency and the errors that both sockets share."""
    app = DescribedApp(
        title=title,
        description=description,
        version=VERSION,
        openapi_url=openapi_url,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        responses=ERRORS,
        generate_unique_id_function=_operation_id,
    )
    app.state.hive = hive
    for router in routers:
        app.include_router(router)
    add_handlers(app)
    app.add_middleware(Idempotency)
    app.add_middleware(Bodies)
    app.add_middleware(Faults)
    return app


def _operation_id(route: APIRoute) -> str:
    return route.name
