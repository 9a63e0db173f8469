"""The hive's tools, one definition for every engine: see engines.base.HiveTools."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from agentd.asked_questions import AskedQuestions
from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.mailbox import Mailbox
from agentd.outbox import Outbox
from agentd.status import Status
from agentd.tools import inbox, messages, nap, people, propose, questions, reminders, spawn
from agentd.tools.arguments import WrongArguments, check_names
from hived.client.agent_client import AgentClient
from hived.wire.agents import Role

Handler = Callable[[dict[str, Any]], Awaitable[ToolAnswer]]


class Tools:
    """What this agent's role may call."""

    def __init__(
        self,
        role: Role,
        client: AgentClient,
        outbox: Outbox,
        mailbox: Mailbox,
        asked: AskedQuestions,
        status: Status,
        rest: Callable[[str | None], None],
    ) -> None:
        self._handlers: dict[str, tuple[ToolDefinition, Handler]] = {}
        self._add(messages.SEND, lambda arguments: messages.send(outbox, arguments))
        self._add(inbox.INBOX, lambda arguments: inbox.inbox(mailbox, asked, arguments))
        self._add(questions.ASK, lambda arguments: questions.ask(outbox, arguments))
        self._add(questions.ANSWER, lambda arguments: questions.answer(outbox, asked, arguments))
        self._add(questions.OPEN_THREADS, lambda _: questions.open_threads(client))
        self._add(messages.RECEIPTS, lambda arguments: messages.receipts(client, arguments))
        self._add(reminders.REMIND, lambda arguments: reminders.remind(outbox, arguments))
        self._add(reminders.CANCEL_REMINDER, lambda arguments: reminders.cancel_reminder(outbox, arguments))
        self._add(people.WHOAMI, lambda _: people.whoami(client))
        self._add(people.PEERS, lambda _: people.peers(client))
        self._add(nap.NAP, lambda arguments: nap.nap(rest, arguments))
        if role == "queen":
            self._add(spawn.REQUEST_SPAWN, lambda arguments: spawn.request_spawn(client, status.turn_id, arguments))
            self._add(propose.PROPOSE_CONFIG, lambda arguments: propose.propose_config(client, arguments))
            self._add(
                questions.REPLY_ESCALATION,
                lambda arguments: questions.answer(outbox, asked, arguments, "request_id"),
            )

    @property
    def definitions(self) -> Sequence[ToolDefinition]:
        return [definition for definition, _ in self._handlers.values()]

    async def call(self, name: str, arguments: dict[str, Any]) -> ToolAnswer:
        found = self._handlers.get(name)
        if found is None:
            return ToolAnswer(f"There is no tool {name!r}; there are {', '.join(self._handlers)}.", is_error=True)
        definition, handler = found
        try:
            check_names(arguments, definition.input_schema["properties"])
            return await handler(arguments)
        except WrongArguments as error:
            return ToolAnswer(str(error), is_error=True)

    def _add(self, definition: ToolDefinition, handler: Handler) -> None:
        self._handlers[definition.name] = (definition, handler)
