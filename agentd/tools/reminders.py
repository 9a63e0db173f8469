"""The tools `remind` and `cancel_reminder`: a message to oneself, at its time."""

from typing import Any

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.outbox import Outbox, TooLong
from agentd.tools.answers import of_word
from agentd.tools.arguments import WrongArguments, moment, text
from hived.wire.reminders import MOST_DELAY_SECONDS, MOST_TEXT_CHARACTERS

REMIND = ToolDefinition(
    name="remind",
    description="Set a reminder for yourself: its text comes as a message and wakes you when it is due, whatever happens in"
    " between. Say either `delay_seconds` or `at`.",
    input_schema={
        "type": "object",
        "properties": {
            "text": {"type": "string", "description": f"At most {MOST_TEXT_CHARACTERS} characters."},
            "delay_seconds": {"type": "number", "minimum": 0, "maximum": MOST_DELAY_SECONDS},
            "at": {"type": "string", "description": "A time in ISO 8601; without a zone it is UTC."},
        },
        "required": ["text"],
        "additionalProperties": False,
    },
)
CANCEL_REMINDER = ToolDefinition(
    name="cancel_reminder",
    description="Cancel a reminder of yours that is not due yet.",
    input_schema={
        "type": "object",
        "properties": {"reminder_id": {"type": "string"}},
        "required": ["reminder_id"],
        "additionalProperties": False,
    },
)


async def remind(outbox: Outbox, arguments: dict[str, Any]) -> ToolAnswer:
    words = text(arguments, "text")
    if len(words) > MOST_TEXT_CHARACTERS:
        raise WrongArguments(f"`text` is too long: at most {MOST_TEXT_CHARACTERS} characters are taken.")
    delay, at = arguments.get("delay_seconds"), arguments.get("at") or None
    if (delay is None) == (at is None):
        raise WrongArguments("Say when: either `delay_seconds` or `at`" + (", not both." if at is not None else "."))
    name, when = ("delay_seconds", delay) if at is None else ("at", at)
    due_at = moment(when, name, most_seconds=MOST_DELAY_SECONDS)
    try:
        word = await outbox.put("reminder_out", {"due_at": due_at, "text": words})
    except TooLong:
        raise WrongArguments("`text` is too long.") from None
    return of_word(word, "set", f"reminder {word.id}", later="will be set", what=f", due {due_at}")


async def cancel_reminder(outbox: Outbox, arguments: dict[str, Any]) -> ToolAnswer:
    reminder_id = text(arguments, "reminder_id").strip()[:64]
    word = await outbox.put("reminder_cancelled", {"reminder_id": reminder_id})
    return of_word(word, "cancelled", f"reminder {reminder_id}", later="will be cancelled")
