"""An agent on another engine, model or options. What it said and was told stays; another engine begins a new conversation."""

import asyncio

from fastapi import APIRouter, Request

from hived.api.answers import until, up
from hived.api.callers import actor_of, hive_of
from hived.api.spawns import check_thinking
from hived.core import rebuild
from hived.core.agents import find_agent
from hived.core.creation import check_engine
from hived.core.fault_points import reach
from hived.core.rebuild import merged, thinker
from hived.core.text import is_line
from hived.paths import AgentPaths
from hived.wire import routes
from hived.wire.agents import AgentView, Rebuild
from hived.wire.errors import InvalidRequest
from hived.workspace.lines import write_line, write_settings

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_ACTION.replace("{action}", "rebuild"))
async def post_rebuild(request: Request, name: str, change: Rebuild | None = None) -> AgentView:
    """Answered when its new harness is connected; 502 `start_failed` with the cause where it does not come up.

    What its engine could not work with is refused before anything is changed.
    """
    hive, actor, wanted = hive_of(request), actor_of(request), change or Rebuild()
    if wanted.model is not None and not is_line(wanted.model):
        raise InvalidRequest(reason="model: one line of printable text.")
    row = await hive.database.read(lambda conn: find_agent(conn, name))
    new, before = merged(row, wanted), merged(row, Rebuild())
    check_engine(new)
    await check_thinking(new)
    async with hive.model_files:
        older, model = await hive.database.write(lambda tx: rebuild.rebuild(tx, name, new, wanted.model, actor))
        reach("hived_rebuilt")
        await asyncio.to_thread(_write, hive.paths.agent(name), model, thinker(new) != thinker(before))
        await hive.database.write(lambda tx: rebuild.files_written(tx, row["id"]))
    return await until(hive, name, up(older), hive.config.start_seconds + hive.config.stop_seconds, "rebuild")


def _write(paths: AgentPaths, model: str, another: bool) -> None:
    if another:
        write_settings(paths, model, None, None)
    else:
        write_line(paths.model_file, model)
