"""The tools `send` and `inbox`. A message goes through the journal as an outbox: hived away delays it, never doubles it."""

from typing import Any

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.event_lines import fits, payload_text
from agentd.journal import Journal
from agentd.tools.arguments import WrongArguments, optional_text, text
from agentd.uplink import Uplink, WordLost
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError
from hived.wire.ids import new_id
from hived.wire.protocol import MAX_PAYLOAD_BYTES

WORD_SECONDS = 2.0
"""hived answers within tens of milliseconds; past this it is away, and the engine need not wait for it."""

SEND = ToolDefinition(
    name="send",
    description="Send a message to another agent, to the operator, or to everyone you may write to (`*`)."
    " It is delivered when they next take a turn; do not wait for an answer, end your turn instead.",
    input_schema={
        "type": "object",
        "properties": {
            "to": {"type": "string", "description": "An agent's name, `operator`, or `*`."},
            "body": {"type": "string", "description": "The message, at most 256 KiB."},
            "reply_to": {"type": "string", "description": "The id of the message this answers."},
        },
        "required": ["to", "body"],
        "additionalProperties": False,
    },
)
INBOX = ToolDefinition(
    name="inbox",
    description="Look at the messages that wait for you. They are delivered at your next turn, not by this.",
    input_schema={"type": "object", "properties": {}, "additionalProperties": False},
)


async def send(journal: Journal, uplink: Uplink, arguments: dict[str, Any]) -> ToolAnswer:
    to, body = text(arguments, "to"), text(arguments, "body")
    message_id = new_id()
    payload = {"message_id": message_id, "to": to, "body": body, "reply_to": optional_text(arguments, "reply_to")}
    if not fits(payload_text(payload)):
        # As an event it would be cut, and nobody is sent half a message.
        raise WrongArguments(f"`body` is too long: with its quoting at most {MAX_PAYLOAD_BYTES} bytes are taken.")
    event_id = journal.append("message_out", payload)
    try:
        refused = await uplink.word_on(message_id, event_id, WORD_SECONDS)
    except TimeoutError:
        return ToolAnswer(f"queued: hived is away; message {message_id} will be delivered when it is back")
    except WordLost:
        lost = "its answer was lost when the connection broke: it was sent, unless you may not write to them"
        return ToolAnswer(f"hived has message {message_id}, but {lost}")
    if refused is not None:
        return ToolAnswer(f"not sent ({refused.code}): {refused.message}", is_error=True)
    return ToolAnswer(f"sent: message {message_id} to {to}")


async def inbox(client: AgentClient) -> ToolAnswer:
    try:
        waiting = (await client.list_inbox()).messages
    except HiveError as error:
        return ToolAnswer(error.message, is_error=True)
    if not waiting:
        return ToolAnswer("Nothing waits.")
    lines = [f"{message.id} from {message.sender}, {message.sent_at}: {message.body[:200]!r}" for message in waiting]
    return ToolAnswer("\n".join(lines))
