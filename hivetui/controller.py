"""Turns what the operator wants into calls of hived, and what came of them into notices. Knows no widget."""

import asyncio
import json
from pathlib import Path
from typing import Any
from uuid import uuid4

from hived.client.hive_client import HiveClient
from hived.wire import agents as wire
from hived.wire.agents import AgentSpec, SpawnDraft
from hived.wire.errors import HiveError
from hived.wire.messages import MessageDraft
from hived.wire.names import checked_name
from hivetui.book_calls import do_book
from hivetui.decide import Decisions
from hivetui.intents import (
    CancelLogin,
    CancelTurn,
    Compact,
    DecideAll,
    Decision,
    Examine,
    FetchAsk,
    GiveLoginCode,
    Intent,
    ListEngines,
    ListModels,
    Nap,
    ProposeRule,
    Rebuild,
    Record,
    SendMessage,
    SetEffort,
    SetModel,
    SetPermissionMode,
    SpawnAgent,
    StartLogin,
)
from hivetui.life_calls import do_life
from hivetui.life_intents import LifeIntent
from hivetui.outcomes import Outcome as Outcome
from hivetui.outcomes import good
from hivetui.state.hive import Notice


class Controller:
    def __init__(self, client: HiveClient) -> None:
        self._client = client
        self._decisions = Decisions(client)

    async def do(self, intent: Intent) -> Outcome:
        """Answers when hived has answered; an error of hived's becomes a notice with its code."""
        try:
            return await self._do(intent)
        except HiveError as error:
            return Outcome(intent, False, Notice(error.message, "bad", error.code))
        except FileExistsError as error:
            said = f"{error.filename} is there already and is not written over: say another name."
            return Outcome(intent, False, Notice(said, "bad", "file_exists"))
        except OSError as error:
            return Outcome(intent, False, Notice(f"{error.filename}: {error.strerror}.", "bad", "file_unusable"))

    async def _do(self, intent: Intent) -> Outcome:
        client = self._client
        if isinstance(intent, Decision):
            return await self._decisions.decide(intent)
        if isinstance(intent, LifeIntent):
            return await do_life(client, intent)
        match intent:
            case SendMessage(to, body, when, key, reply_to):
                draft = MessageDraft(to=to, body=body, when=when, reply_to=reply_to)
                sent = await client.send_message(draft, key=key)
                refused = next((message for message in sent.messages if message.status == "undeliverable"), None)
                if refused is not None:
                    return Outcome(intent, True, Notice(refused.reason or f"{to} cannot be reached.", "bad"))
                said = "hived has it: into the turn that runs" if when == "now" else "hived has it: for the next turn"
                return Outcome(intent, True, Notice(f"To {to}: {said}.", "good"))
            case DecideAll():
                return await self._decisions.decide_all(intent)
            case ProposeRule(id, scope):
                return Outcome(intent, True, None, proposal=await client.propose_rule(id, scope))
            case FetchAsk(id, "question"):
                return Outcome(intent, True, None, whole=await client.fetch_question(id))
            case FetchAsk(id, "held_message"):
                return Outcome(intent, True, None, whole=await client.fetch_message(id))
            case FetchAsk(id):
                return Outcome(intent, True, None, whole=await client.fetch_approval(id))
            case SetModel(agent, model):
                await client.set_model(agent, model)
                return good(intent, f"{agent} uses {model} from its next turn on, at the latest.")
            case SetEffort(agent, effort):
                await client.set_effort(agent, effort)
                return good(
                    intent,
                    f"{agent} thinks with {effort or 'its own'} effort from its next turn on, at the latest.",
                )
            case SetPermissionMode(agent, mode):
                await client.set_permission_mode(agent, mode)
                return good(
                    intent,
                    f"{agent}: permission mode {mode or 'of its agent.toml'} from its next turn on, at the latest.",
                )
            case ListModels(agent):
                return Outcome(intent, True, None, models=await client.list_models(agent))
            case Compact() | Nap() | Rebuild() | Record():
                return await self._converse(intent)
            case StartLogin() | GiveLoginCode() | CancelLogin():
                return await self._login(intent)
            case Examine():
                return Outcome(intent, True, None, report=await client.examine())
            case CancelTurn(agent):
                await client.cancel_turn(agent)
                return good(intent, f"{agent} was told to end its turn.")
            case SpawnAgent():
                return await self._spawn(intent)
            case ListEngines():
                return Outcome(intent, True, None, tuple(await client.list_engines()))
            case _:
                said, loaded = await do_book(client, intent)
                return Outcome(intent, True, Notice(said, "good") if said else None, loaded=loaded)

    async def _converse(self, intent: Compact | Nap | Rebuild | Record) -> Outcome:
        client = self._client
        match intent:
            case Compact(agent):
                await client.compact(agent)
                return good(intent, f"{agent}'s conversation is compacted.")
            case Nap(agent, seconds):
                await client.nap(agent, seconds)
                said = "naps; a turn that runs ends first. /resume wakes it." if seconds else "is awake."
                return good(intent, f"{agent} {said}")
            case Rebuild(agent, engine, model):
                change = wire.Rebuild(
                    engine=engine,
                    model=model,
                    engine_options=dict(intent.options) or None,
                    env_from=list(intent.env_from) or None,
                )
                view = await client.rebuild(agent, change)
                return good(intent, f"{agent} thinks with {view.engine} now.")
            case Record(agent, file):
                found = await client.fetch_recording(agent)
                path = await asyncio.to_thread(_write_new, file, found.scenario)
                cut = f"; {found.cut} texts in it are cut" if found.cut else ""
                turns = f"{found.turns} turn{'' if found.turns == 1 else 's'}"
                return good(intent, f"{turns} of {agent} stand in {path}{cut}.")

    async def _login(self, intent: StartLogin | GiveLoginCode | CancelLogin) -> Outcome:
        """What becomes of it comes by the feed; here is only what hived refused."""
        match intent:
            case StartLogin(agent):
                await self._client.start_login(agent)
                return Outcome(intent, True, None)
            case GiveLoginCode(agent, code):
                view = await self._client.give_login_code(agent, code)
                done = view.login is not None and view.login.state == "done"
                return Outcome(intent, True, Notice(f"{agent} is logged in.", "good") if done else None)
            case CancelLogin(agent):
                await self._client.cancel_login(agent)
                return Outcome(intent, True, Notice(f"The login of {agent} is cancelled."))

    async def _spawn(self, intent: SpawnAgent) -> Outcome:
        request = SpawnDraft(
            name=checked_name(intent.name),
            engine=intent.engine or None,
            model=intent.model,
            role="queen" if intent.role == "queen" else "worker",
            parent=intent.parent,
            template=intent.template,
            runtime=intent.runtime,
            prompt=intent.prompt,
            engine_options=dict(intent.options),
            env_from=list(intent.env_from),
        )
        asked = await self._client.create_agent(request, key=uuid4().hex)
        if intent.template is not None and _is_other(json.loads(intent.seen), request, asked.payload):
            said = f"The template {intent.template} was changed meanwhile: {intent.name} waits for your decision. w shows it."
            return Outcome(intent, True, Notice(said))
        approval = await self._client.approve(asked.id)
        if approval.status != "approved":
            reason = approval.failure or f"The spawn of {intent.name} is {approval.status}."
            return Outcome(intent, False, Notice(reason, "bad", "start_failed"))
        return good(intent, f"{intent.name} is made and starts.")


def _is_other(seen: dict[str, Any], request: SpawnDraft, payload: dict[str, Any]) -> bool:
    """What is asked for holds something that was neither seen in the template nor said by the operator."""
    given = set(request.model_dump(exclude_defaults=True)) | ({"model", "runtime"} - seen.keys())
    if request.engine is not None and request.engine != seen.get("engine", request.engine):
        given |= {"model", "engine_options"}
    expected = AgentSpec.model_validate({"engine": request.engine or "", **seen}).model_dump(exclude=given)
    return any(payload.get(name) != value for name, value in expected.items())


def _write_new(name: str, text: str) -> Path:
    """Where it now stands. Raises OSError, FileExistsError among them: what is there is not written over."""
    path = Path(name).expanduser().absolute()
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path
