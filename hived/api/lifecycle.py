"""start, stop, restart, kill, pause and resume: say what is wanted, then answer when it is so, with the agent's view.

What each means in each state is the table in docs/LIFECYCLE.md.
"""

import json
from typing import Any

from fastapi import APIRouter, Request

from hived.api.answers import Reached, until, until_up, while_there
from hived.api.callers import actor_of, hive_of
from hived.core import agents, audit, held_messages
from hived.core.agent_views import find_agent
from hived.store.database import Row, Tx
from hived.wire import routes
from hived.wire.agents import AgentView
from hived.wire.errors import AgentNotConnected
from hived.wire.lifecycle_errors import NothingToPause, Overruled

KILL_SECONDS = 10.0
PAUSE_SECONDS = 10.0
"""For the harness to hear of it and to stop, or let go, every process of its engine."""

host_router = APIRouter(tags=["agents"])


@host_router.post(routes.AGENT_ACTION.replace("{action}", "start"))
async def post_start(request: Request, name: str) -> AgentView:
    """Start it; answered when its harness is connected, after its setup where its config is yet to be built. 502 `start_failed` with the cause where it does not come up, 409
    `agent_paused` for one that is paused."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want(tx, name, "running", actor))
    return await until_up(hive, name, 0, "start")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "stop"))
async def post_stop(request: Request, name: str) -> AgentView:
    """Stop it; answered when its processes have ended. 409 `overruled` where it was asked to run meanwhile."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want(tx, name, "stopped", actor))
    return await until(hive, name, _ended("stop"), hive.config.stop_seconds, "stop")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "restart"))
async def post_restart(request: Request, name: str) -> AgentView:
    """Give it a new harness; answered when that one is connected. One that is paused comes up paused."""
    hive, actor = hive_of(request), actor_of(request)
    older = await hive.database.write(lambda tx: agents.want_restart(tx, name, actor))
    return await until_up(hive, name, older, "restart")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "kill"))
async def post_kill(request: Request, name: str) -> AgentView:
    """End it by KILL, harness and all that it has started, at once; a stop that is under way is cut short. Answered when
    nothing of it is left."""
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want_killed(tx, name, actor))
    return await until(hive, name, _ended("kill"), KILL_SECONDS, "kill")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "pause"))
async def post_pause(request: Request, name: str) -> AgentView:
    """Freeze its engine and all that this has started, and let no turn begin; answered when everything stands still.

    One that is starting, or will be, comes up paused; of one that has no process the answer comes at once. 409
    `nothing_to_pause` where nothing of it runs or will.
    """
    hive, actor = hive_of(request), actor_of(request)
    await hive.database.write(lambda tx: agents.want_paused(tx, name, actor))
    return await until(hive, name, _still, PAUSE_SECONDS + hive.config.up_seconds, "pause")


@host_router.post(routes.AGENT_ACTION.replace("{action}", "resume"))
async def post_resume(request: Request, name: str) -> AgentView:
    """End its pause, its nap and its wait for a rate limit; what was held for the limit is queued again. Answered when it
    is so; of a paused one that has no process, at once."""
    hive, actor = hive_of(request), actor_of(request)

    def change(tx: Tx) -> tuple[int, bool]:
        row = find_agent(tx.connection, name)
        if not row["online"] and not row["paused"]:
            raise AgentNotConnected(name=name, lifecycle=row["lifecycle"])
        audit.append(tx, "agent.resumed", actor, row["id"], {"name": name})
        agents.want_going(tx, row, actor)
        tx.ring(row["id"], "resume")
        held_messages.requeue_held(tx, row["id"], "rate_limited")
        return int(row["generation"]), row["pid"] is None

    generation, unborn = await hive.database.write(change)
    goes_on: Reached = (lambda row: True) if unborn else while_there(generation, _goes)
    return await until(hive, name, goes_on, PAUSE_SECONDS, "resumption")


def _ended(what: str) -> Reached:
    def reached(row: Row) -> bool:
        if row["wanted"] != "stopped":
            raise Overruled(name=row["name"], what=what, wanted=row["wanted"])
        return bool(row["lifecycle"] == "stopped")

    return reached


def _still(row: Row) -> bool:
    if row["wanted"] == "stopped" or row["lifecycle"] in ("stopped", "parked"):
        raise NothingToPause(name=row["name"], lifecycle=row["lifecycle"])
    if not row["paused"]:
        raise Overruled(name=row["name"], what="pause", wanted="to go on")
    return row["lifecycle"] == "paused" or (row["pid"] is None and row["lifecycle"] in ("requested", "crashed"))


def _goes(row: Row) -> bool:
    if row["paused"]:
        raise Overruled(name=row["name"], what="resumption", wanted="paused")
    conditions: list[dict[str, Any]] = json.loads(row["conditions_json"])
    limited = any(condition["kind"] == "rate_limited" for condition in conditions)
    return row["lifecycle"] != "paused" and not row["frozen"] and row["turn_until"] is None and not limited
