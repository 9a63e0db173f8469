"""The controller's part for agents' lives: an intent becomes a call, of many agents a few calls at a time."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any

from hived.client.hive_client import HiveClient
from hived.wire.base import Answer
from hived.wire.deployments import Deployment
from hived.wire.errors import HiveError
from hived.wire.times import to_text
from hivetui.life_intents import (
    Act,
    BringWorkHome,
    Destroy,
    Inspect,
    LifeIntent,
    ListTemplates,
    LoadDeployments,
    LoadDiff,
    LookAtWork,
    PlanPurge,
    PurgeTombstone,
    Revive,
    RollBack,
    ShowDeployment,
)
from hivetui.outcomes import Outcome, good
from hivetui.state.hive import ActBegan, Notice

MOST_AT_ONCE = 32
"""Calls under way: a panic key does not queue behind itself."""
PAGE = 100

MEANWHILE: dict[str, str] = {
    "start": "starting",
    "stop": "stopping",
    "restart": "restarting",
    "kill": "being killed",
    "pause": "pausing",
    "resume": "resuming",
    "rebuild": "rebuilding",
    "destroy": "burying",
}
"""An agent's state until hived has answered."""
DONE = {
    "start": "runs",
    "stop": "is stopped",
    "restart": "runs anew",
    "kill": "is killed, and stays stopped",
    "pause": "is paused",
    "resume": "goes on",
    "rebuild": "is rebuilt and runs",
    "destroy": "is destroyed; its tombstone keeps all that was its",
}
DONE_TO_MANY = {
    "start": "started",
    "stop": "stopped",
    "restart": "restarted",
    "kill": "killed",
    "pause": "paused",
    "resume": "resumed",
    "rebuild": "rebuilt",
    "destroy": "destroyed",
}


def meanwhile(intent: object, now: datetime) -> ActBegan | None:
    """What agents are to be seen in until hived has answered that intent."""
    if isinstance(intent, Act):
        return ActBegan(intent.agents, MEANWHILE[intent.verb], to_text(now))
    if isinstance(intent, Destroy):
        return ActBegan(intent.agents, MEANWHILE["destroy"], to_text(now))
    return ActBegan((intent.agent,), "rolling back", to_text(now)) if isinstance(intent, RollBack) else None


async def do_life(client: HiveClient, intent: LifeIntent) -> Outcome:
    """Raises HiveError; of many agents what was refused is counted in the notice."""
    match intent:
        case Act(verb, agents):
            return await _each(intent, verb, agents, lambda name: client.act(name, verb))
        case Destroy(agents):
            return await _each(intent, "destroy", agents, client.destroy)
        case Inspect(agent):
            return _found(intent, await client.show_agent(agent))
        case Revive(name):
            asked = await client.revive(name)
            said = f"{name} comes back once you approve it: w shows what changed meanwhile."
            return Outcome(intent, True, Notice(said, "good"), loaded=asked)
        case PlanPurge(name):
            return _found(intent, await client.plan_purge(name))
        case PurgeTombstone(name, discard_work):
            gone = await client.purge(name, discard_work=discard_work)
            kept = f"; its last bundle is kept: {gone.bundle}" if gone.bundle else ""
            return good(intent, f"{name} is gone for good{kept}.")
        case LookAtWork(agent):
            return _found(intent, await client.fetch_work(agent, patch=True))
        case BringWorkHome(agent):
            home = await client.bring_work_home(agent)
            commits = f"{home.commits} commit{'' if home.commits == 1 else 's'}"
            word = "stands" if home.commits == 1 else "stand"
            return good(intent, f"{commits} of {agent} {word} on {home.branch} in {home.repo}.")
        case LoadDeployments(before, agent):
            return _found(intent, await client.list_deployments(agent=agent, before=before, limit=PAGE))
        case ShowDeployment(id):
            return _found(intent, await client.show_deployment(id))
        case RollBack(agent, to):
            return _rolled_back(intent, await client.roll_back(agent, to))
        case LoadDiff("approval", id, base):
            return _found(intent, await client.diff_approval(id, base))
        case ListTemplates():
            return _found(intent, await client.list_templates())
        case LoadDiff(_, id):
            return _found(intent, await client.diff_deployment(id))


def _found(intent: LifeIntent, answer: Answer) -> Outcome:
    return Outcome(intent, True, None, loaded=answer)


def _rolled_back(intent: RollBack, ended: Deployment) -> Outcome:
    if ended.status != "deployed":
        why = ended.reason or f"it is {ended.status}."
        return Outcome(intent, False, Notice(f"{intent.agent} was not rolled back: {why}", "bad", "deployment_failed"))
    return good(intent, f"{intent.agent} runs {(ended.commit or '')[:8]} again.")


async def _each(intent: LifeIntent, verb: str, agents: Sequence[str], do: Callable[[str], Awaitable[Any]]) -> Outcome:
    """Do it to each, at once; of one the sentence that hived answered, of many one that counts."""
    if not agents:
        return Outcome(intent, False, Notice("No agent was named.", "bad"))
    if len(agents) == 1:
        await do(agents[0])
        return good(intent, f"{agents[0]} {DONE[verb]}.")
    room = asyncio.Semaphore(MOST_AT_ONCE)

    async def tried(name: str) -> HiveError | None:
        async with room:
            try:
                await do(name)
            except HiveError as error:
                return error
            return None

    errors = [error for error in await asyncio.gather(*map(tried, agents)) if error is not None]
    said, wrong = summary(verb, len(agents), errors)
    return Outcome(intent, not wrong, Notice(said, "bad" if wrong else "good"))


def summary(verb: str, count: int, errors: Sequence[HiveError]) -> tuple[str, bool]:
    """`5 paused, 2 failed: carol is not connected.`, and whether anything was not done."""
    done = count - len(errors)
    parts = [f"{done} {DONE_TO_MANY[verb]}"] if done or not errors else []
    alike: dict[str, list[HiveError]] = {}
    for error in errors:
        alike.setdefault(error.code, []).append(error)
    parts += [f"{len(those)} failed: {those[0].message.rstrip('.')}" for those in alike.values()]
    return f"{', '.join(parts)}.", bool(errors)
