"""Turns what the operator wants into calls of hived, and what came of them into notices. Knows no widget."""

from dataclasses import dataclass
from uuid import uuid4

from hived.client.hive_client import HiveClient
from hived.wire.agents import EngineFound, SpawnRequest
from hived.wire.approvals import Approval, Verdict
from hived.wire.errors import HiveError
from hived.wire.messages import MessageDraft
from hived.wire.names import checked_name
from hivetui.intents import (
    ApproveItem,
    CancelTurn,
    DenyItem,
    DropMessage,
    Intent,
    ListEngines,
    RestartAgent,
    RetryMessage,
    SendMessage,
    SetModel,
    SpawnAgent,
    StartAgent,
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


class Controller:
    def __init__(self, client: HiveClient) -> None:
        self._client = client

    async def do(self, intent: Intent) -> Outcome:
        """Answers when hived has answered; an error of hived's becomes a notice with its code."""
        try:
            return await self._do(intent)
        except HiveError as error:
            return Outcome(intent, False, Notice(error.message, "bad", error.code))

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
                return _good(intent, f"{agent} uses {model} from its next turn.")
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

    async def _spawn(self, intent: SpawnAgent) -> Outcome:
        request = SpawnRequest(
            name=checked_name(intent.name),
            engine=intent.engine,
            model=intent.model,
            role="queen" if intent.role == "queen" else "worker",
            parent=intent.parent,
            engine_options=dict(intent.options),
        )
        asked = await self._client.create_agent(request, key=uuid4().hex)
        approval = await self._client.approve(asked.id)
        if approval.status != "approved":
            reason = approval.failure or f"The spawn of {intent.name} is {approval.status}."
            return Outcome(intent, False, Notice(reason, "bad", "start_failed"))
        return _good(intent, f"{intent.name} is made and starts.")


def _good(intent: Intent, text: str) -> Outcome:
    return Outcome(intent, True, Notice(text, "good"))


def _decided(intent: ApproveItem | DenyItem, approval: Approval) -> Outcome:
    if approval.status == "failed":
        return Outcome(intent, True, Notice(f"Approved, but it failed: {approval.failure}", "bad"))
    return _good(intent, f"{approval.status.capitalize()}: {intent.subject}")
