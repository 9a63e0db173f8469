"""What an agent is told where its engine lost the conversation: its last words and messages, from the journal."""

import json
from typing import Any

from agentd.journal import Journal

KINDS = ("text", "message_in", "message_out")
ENTRIES = 24
ENTRY_CHARACTERS = 600


async def make_primer(journal: Journal) -> str:
    """Plain text, every entry on one line and quoted, so that none can pose as another. Empty where there is nothing."""
    entries = [_entry(kind, payload) for kind, payload in await journal.newest(KINDS, ENTRIES)]
    if not entries:
        return ""
    return "\n".join(
        [
            "Your engine could not resume its earlier conversation, so this is a new one and you remember nothing of it."
            " The last things in your journal were, oldest first:",
            *entries,
        ]
    )


def _entry(kind: str, payload: dict[str, Any]) -> str:
    if kind == "text":
        return f"- you said {_quoted(payload.get('text'))}"
    who, word = ("from", "message from") if kind == "message_in" else ("to", "you sent to")
    return f"- {word} {payload.get(who)}: {_quoted(payload.get('body'))}"


def _quoted(text: Any) -> str:
    words = str(text or "")
    return json.dumps(words if len(words) <= ENTRY_CHARACTERS else words[:ENTRY_CHARACTERS] + "…", ensure_ascii=False)
