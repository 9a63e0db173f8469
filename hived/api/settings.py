"""What an agent thinks with: model, effort, permission mode. Set in its file and in the books alike, then rung to its harness."""

import asyncio

from fastapi import APIRouter, Request

from hived.api.answers import until_reported
from hived.api.callers import actor_of, hive_of
from hived.api.idempotency import remembered
from hived.core import settings
from hived.core.agent_views import view
from hived.core.text import is_line
from hived.store.database import Tx
from hived.wire import routes
from hived.wire.agents import AgentView, EffortChange, ModelChange, ModelList, PermissionModeChange
from hived.wire.errors import InvalidRequest
from hived.workspace.lines import write_line

host_router = APIRouter(tags=["agents"])


@host_router.get(routes.AGENT_MODELS)
async def get_models(request: Request, name: str) -> ModelList:
    """What its engine offers, as it last said; none until it has run once."""
    return await hive_of(request).database.read(lambda conn: settings.list_models(conn, name))


@host_router.put(routes.AGENT_MODEL)
async def put_model(request: Request, name: str, change: ModelChange) -> AgentView:
    """The model it uses from its next turn on, or at once. Answered when the model file and the books say so.

    400 `unknown_model` where its engine offers all that it has and that is not among it.
    """
    hive, actor = hive_of(request), actor_of(request)
    model = change.model.strip()
    if not is_line(model):
        raise InvalidRequest(reason="model: one line of printable text.")
    await hive.database.read(lambda conn: settings.check_model(conn, name, model))

    def take(tx: Tx) -> AgentView:
        return view(tx.connection, settings.set_model(tx, name, model, actor))

    async with hive.model_files:
        await asyncio.to_thread(write_line, hive.paths.agent(name).model_file, model)
        return await hive.database.write(remembered(request, take))


@host_router.put(routes.AGENT_EFFORT)
async def put_effort(request: Request, name: str, change: EffortChange) -> AgentView:
    """How hard it thinks, from its next turn on or at once; null: the engine's own. 400 `unsupported` says what it takes."""
    return await _put(request, name, "effort", change.effort)


@host_router.put(routes.AGENT_PERMISSION_MODE)
async def put_permission_mode(request: Request, name: str, change: PermissionModeChange) -> AgentView:
    """What it may do unasked; null: what its agent.toml says. 400 `unsupported` says what its engine takes."""
    return await _put(request, name, "permission_mode", change.permission_mode)


async def _put(request: Request, name: str, setting: settings.Setting, value: str | None) -> AgentView:
    hive, actor = hive_of(request), actor_of(request)
    wanted = None if value is None else value.strip()
    if wanted is not None and not is_line(wanted):
        raise InvalidRequest(reason=f"{setting}: one line of printable text, or null.")
    await until_reported(hive, name)
    await hive.database.read(lambda conn: settings.check_setting(conn, name, setting, wanted))
    paths = hive.paths.agent(name)
    file = paths.effort_file if setting == "effort" else paths.permission_mode_file

    def take(tx: Tx) -> AgentView:
        return view(tx.connection, settings.set_setting(tx, name, setting, wanted, actor))

    async with hive.model_files:
        await asyncio.to_thread(write_line, file, wanted)
        return await hive.database.write(remembered(request, take))
