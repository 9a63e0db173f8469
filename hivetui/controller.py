"""Turns what the operator wants into calls of hived, and what came of them into notices. Knows no widget."""

import asyncio
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from hived.client.hive_client import HiveClient
from hived.wire import agents as wire
from hived.wire.agents import EngineFound, ModelList, SpawnRequest
from hived.wire.approvals import Approval, Verdict
from hived.wire.doctor import DoctorReport
from hived.wire.errors import HiveError
from hived.wire.messages import MessageDraft
from hived.wire.names import checked_name
from hivetui.intents import (
    ApproveItem,
    CancelLogin,
    CancelTurn,
    Compact,
    DenyItem,
    DropMessage,
    Examine,
    GiveLoginCode,
    Intent,
    ListEngines,
    ListModels,
    Nap,
    NewSession,
    Rebuild,
    Record,
    RestartAgent,
    Resume,
    RetryMessage,
    SendMessage,
    SetEffort,
    SetModel,
    SetPermissionMode,
    SpawnAgent,
    StartAgent,
    StartLogin,
    StopAgent,
)
from hivetui.state.hive import Notice


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of an intent: a notice for the operator, and whether it was done."""

    intent: Intent
    done: bool
    notice: Notice | None
    engines: tuple[EngineFound, ...] | None = None
    models: ModelList | None = None
    report: DoctorReport | None = None


class Controller:
    def __init__(self, client: HiveClient) -> None:
        self._client = client

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
        match intent:
            case SendMessage(to, body, when, key):
                sent = await client.send_message(MessageDraft(to=to, body=body, when=when), key=key)
                refused = next((message for message in sent.messages if message.status == "undeliverable"), None)
                if refused is not None:
                    return Outcome(intent, True, Notice(refused.reason or f"{to} cannot be reached.", "bad"))
                said = "hived has it: into the turn that runs" if when == "now" else "hived has it: for the next turn"
                return Outcome(intent, True, Notice(f"To {to}: {said}.", "good"))
            case ApproveItem(id, _, note):
                return _decided(intent, await client.approve(id, Verdict(note=note)))
            case DenyItem(id, _, note):
                return _decided(intent, await client.deny(id, Verdict(note=note)))
            case RetryMessage(id):
                message = await client.retry_message(id)
                return _good(intent, f"Sent to {message.recipient} again.")
            case DropMessage(id):
                message = await client.drop_message(id)
                return _good(intent, f"Dropped: {message.recipient} never gets it.")
            case SetModel(agent, model):
                await client.set_model(agent, model)
                return _good(intent, f"{agent} uses {model} from its next turn on, at the latest.")
            case SetEffort(agent, effort):
                await client.set_effort(agent, effort)
                return _good(
                    intent,
                    f"{agent} thinks with {effort or 'its own'} effort from its next turn on, at the latest.",
                )
            case SetPermissionMode(agent, mode):
                await client.set_permission_mode(agent, mode)
                return _good(
                    intent,
                    f"{agent}: permission mode {mode or 'of its agent.toml'} from its next turn on, at the latest.",
                )
            case ListModels(agent):
                return Outcome(intent, True, None, models=await client.list_models(agent))
            case Compact() | NewSession() | Nap() | Resume() | Rebuild() | Record():
                return await self._converse(intent)
            case StartLogin() | GiveLoginCode() | CancelLogin():
                return await self._login(intent)
            case Examine():
                return Outcome(intent, True, None, report=await client.examine())
            case CancelTurn(agent):
                await client.cancel_turn(agent)
                return _good(intent, f"{agent} was told to end its turn.")
            case StartAgent(agent):
                await client.start_agent(agent)
                return _good(intent, f"{agent} is started.")
            case StopAgent(agent):
                await client.stop_agent(agent)
                return _good(intent, f"{agent} is stopped.")
            case RestartAgent(agent):
                await client.restart_agent(agent)
                return _good(intent, f"{agent} is restarted.")
            case SpawnAgent():
                return await self._spawn(intent)
            case ListEngines():
                return Outcome(intent, True, None, tuple(await client.list_engines()))

    async def _converse(self, intent: Compact | NewSession | Nap | Resume | Rebuild | Record) -> Outcome:
        client = self._client
        match intent:
            case Compact(agent):
                await client.compact(agent)
                return _good(intent, f"{agent}'s conversation is compacted.")
            case NewSession(agent, primer):
                await client.new_session(agent, primer=primer)
                told = "told what the journal remembers" if primer else "clean"
                return _good(intent, f"{agent}'s next turn begins a new session, {told}.")
            case Nap(agent, seconds):
                await client.nap(agent, seconds)
                said = "naps; a turn that runs ends first. /resume wakes it." if seconds else "is awake."
                return _good(intent, f"{agent} {said}")
            case Resume(agent):
                await client.resume(agent)
                return _good(intent, f"{agent} goes on.")
            case Rebuild(agent, engine, model):
                change = wire.Rebuild(
                    engine=engine,
                    model=model,
                    engine_options=dict(intent.options) or None,
                    env_from=list(intent.env_from) or None,
                )
                view = await client.rebuild(agent, change)
                return _good(intent, f"{agent} thinks with {view.engine} now.")
            case Record(agent, file):
                found = await client.fetch_recording(agent)
                path = await asyncio.to_thread(_write_new, file, found.scenario)
                cut = f"; {found.cut} texts in it are cut" if found.cut else ""
                turns = f"{found.turns} turn{'' if found.turns == 1 else 's'}"
                return _good(intent, f"{turns} of {agent} stand in {path}{cut}.")

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
        request = SpawnRequest(
            name=checked_name(intent.name),
            engine=intent.engine,
            model=intent.model,
            role="queen" if intent.role == "queen" else "worker",
            parent=intent.parent,
            engine_options=dict(intent.options),
            env_from=list(intent.env_from),
        )
        asked = await self._client.create_agent(request, key=uuid4().hex)
        approval = await self._client.approve(asked.id)
        if approval.status != "approved":
            reason = approval.failure or f"The spawn of {intent.name} is {approval.status}."
            return Outcome(intent, False, Notice(reason, "bad", "start_failed"))
        return _good(intent, f"{intent.name} is made and starts.")


def _write_new(name: str, text: str) -> Path:
    """Where it now stands. Raises OSError, FileExistsError among them: what is there is not written over."""
    path = Path(name).expanduser().absolute()
    with path.open("x", encoding="utf-8") as file:
        file.write(text)
    return path


def _good(intent: Intent, text: str) -> Outcome:
    return Outcome(intent, True, Notice(text, "good"))


def _decided(intent: ApproveItem | DenyItem, approval: Approval) -> Outcome:
    if approval.status == "failed":
        return Outcome(intent, True, Notice(f"Approved, but it failed: {approval.failure}", "bad"))
    return _good(intent, f"{approval.status.capitalize()}: {intent.subject}")
