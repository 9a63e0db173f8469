"""An agent's run as a scenario."""

import asyncio
import json
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import TypeAdapter

from hived.api.callers import hive_of
from hived.core.agent_views import find_any_agent
from hived.core.recordings import Wanted, make_recording
from hived.wire import routes
from hived.wire.agents import EngineAbilities, ModelOffered
from hived.wire.recordings import Recording

MOST_BOUND_CHARACTERS = 64
Bound = Annotated[str | None, Query(max_length=MOST_BOUND_CHARACTERS)]
_MODELS = TypeAdapter(list[ModelOffered])

host_router = APIRouter(tags=["agents"])


@host_router.get(routes.AGENT_RECORDING)
async def get_recording(
    request: Request,
    name: str,
    first: Annotated[Bound, Query(alias="from", description="A turn's id, how one begins, or an event's id.")] = None,
    last: Annotated[Bound, Query(alias="to", description="The same; that turn is in it.")] = None,
    deeds: Annotated[bool, Query(description="Send the messages that it sent again.")] = False,
) -> Recording:
    """The turns of its journal as a scenario (TOML) that the scripted engine plays; a turn that still runs is not in it."""
    hive = hive_of(request)
    agent = await hive.database.read(lambda conn: find_any_agent(conn, name))
    paths = hive.paths.agent(agent["name"])
    return await asyncio.to_thread(
        make_recording,
        agent["name"],
        paths.events_db,
        paths.harness / "overflow",
        Wanted(first or None, last or None, deeds),
        EngineAbilities(**json.loads(agent["abilities_json"])),
        _MODELS.validate_json(agent["models_json"]),
    )
