"""The tools `send` and `receipts`."""

from typing import Any

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.outbox import Outbox, TooLong
from agentd.tools.answers import of_word
from agentd.tools.arguments import WrongArguments, optional_text, text
from agentd.words import plain
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError
from hived.wire.messages import Receipt
from hived.wire.protocol import MAX_PAYLOAD_BYTES

SEND = ToolDefinition(
    name="send",
    description="Send a message to another agent, to the operator, or to everyone you may write to (`*`)."
    " It is delivered when they next take a turn; do not wait for an answer, end your turn instead."
    " To ask something that wants an answer, use `ask`.",
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
RECEIPTS = ToolDefinition(
    name="receipts",
    description="What has become of the messages that you sent: sent (queued), leased (in a turn of theirs), acked (that turn"
    " ended well), held (the operator must decide) or undeliverable; newest first.",
    input_schema={
        "type": "object",
        "properties": {"message_id": {"type": "string", "description": "Of this one alone."}},
        "required": [],
        "additionalProperties": False,
    },
)


async def send(outbox: Outbox, arguments: dict[str, Any]) -> ToolAnswer:
    to, body = text(arguments, "to"), text(arguments, "body")
    try:
        word = await outbox.put(
            "message_out", {"to": to, "body": body, "reply_to": optional_text(arguments, "reply_to")}
        )
    except TooLong:
        raise WrongArguments(
            f"`body` is too long: with its quoting at most {MAX_PAYLOAD_BYTES} bytes are taken."
        ) from None
    return of_word(word, "sent", f"message {word.id}", later="will be delivered", what=f" to {to}")


async def receipts(client: AgentClient, arguments: dict[str, Any]) -> ToolAnswer:
    try:
        found = (await client.list_receipts(optional_text(arguments, "message_id"))).receipts
    except HiveError as error:
        return ToolAnswer(error.message, is_error=True)
    return ToolAnswer("\n".join(_receipt(receipt) for receipt in found) or "There are none.")


def _receipt(receipt: Receipt) -> str:
    state = "sent" if receipt.status == "queued" else receipt.status
    parts = [f"{receipt.message_id} to {receipt.to}, {receipt.sent_at}: {state}"]
    if receipt.acked_at:
        parts.append(f"at {receipt.acked_at}")
    if receipt.redelivered:
        parts.append("delivered again")
    if receipt.edited_by:
        parts.append(f"edited by {receipt.edited_by}")
    if receipt.reason:
        parts.append(plain(receipt.reason, 300))
    return ", ".join(parts)
