"""The app on an agent's own socket: what its harness may ask, and 403 `forbidden_role` for everything else."""

from fastapi import FastAPI
from starlette.middleware import Middleware

from hived.api import approvals, budgets, control, events, inbox, proposals, questions
from hived.api.host import create_app
from hived.api.hot_routes import HotRoutes
from hived.core.hive import Hive


def create_agent_app(hive: Hive) -> FastAPI:
    """The listener puts the agent into the scope: `hive_agent` is (id, name)."""
    routers = (
        control.agent_router, events.agent_router, inbox.agent_router, approvals.agent_router, questions.agent_router,
        budgets.agent_router, proposals.agent_router,
    )  # fmt: skip
    app = create_app(hive, routers, title="hived, agent", description="A harness's socket.", openapi_url=None)
    app.user_middleware.append(Middleware(HotRoutes))
    return app
