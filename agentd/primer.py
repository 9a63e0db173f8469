"""What a new conversation is told of the one before it: its last words and deeds from the journal, or where its notes are.

Plain text, bounded, every entry on one line and quoted, so that none can pose as another.
"""

import contextlib
import json
import os
from collections.abc import Collection
from pathlib import Path
from typing import Any

from agentd.journal import Journal
from agentd.sessions import How
from agentd.words import plain

KINDS = ("text", "message_in", "message_out", "tool_use", "question_out", "answer_out", "reminder_out")
ENTRIES = 60
ENTRY_CHARACTERS = 600
TOOL_CHARACTERS = 160
"""A tool's use is one line; what it answered is left out."""
MOST_CHARACTERS = 12_000
"""Of all entries: about 3,000 tokens."""
_TOLD = ("question", "answer", "reminder", "report")
MOST_NOTES = 20
NOTE_NAME_CHARACTERS = 200
MOST_LOOKED_AT = 5000
"""Entries of the folder of notes."""


async def primer_for(how: How, journal: Journal, state: Path, leave_out: Collection[str] = ()) -> str:
    """What the first prompt of a new conversation says of the old one; empty where there is nothing, or nothing is to be
    said. `leave_out`: ids of messages that the prompt holds itself."""
    if how == "notes":
        return notes_primer(state)
    return await make_primer(journal, leave_out) if how == "primer" else ""


async def make_primer(journal: Journal, leave_out: Collection[str] = ()) -> str:
    """The newest that fits, oldest first."""
    found = await journal.newest(KINDS, ENTRIES)
    entries = [_entry(kind, payload) for kind, payload in found if payload.get("message_id") not in leave_out]
    kept: list[str] = []
    size = 0
    for entry in reversed(entries):
        size += len(entry) + 1
        if size > MOST_CHARACTERS:
            break
        kept.append(entry)
    if not kept:
        return ""
    return "\n".join(
        [
            "This is a new conversation: you had one before it, and remember nothing of it. The last things in your journal"
            " were, oldest first, without what tools answered:",
            *reversed(kept),
        ]
    )


def notes_primer(state: Path) -> str:
    """Where the notes of the checkpoint are; their names are the agent's own words."""
    names, whole = _files_below(state)
    listed = ", ".join(json.dumps(name[:NOTE_NAME_CHARACTERS], ensure_ascii=False) for name in names[:MOST_NOTES])
    more = f" and {len(names) - MOST_NOTES}{'' if whole else ' or'} more" if len(names) > MOST_NOTES else ""
    held = f"It holds {listed}{more}." if listed else "It is empty."
    return (
        "This is a new conversation: the one before it had grown long. Before it ended you were asked to write down what"
        f" you need in your folder {json.dumps(str(state))}. {held} Read your notes there first."
    )


def _files_below(top: Path) -> tuple[list[str], bool]:
    """Their names below it, sorted, and whether they are all: the folder is the agent's, and it may have filled it."""
    found: list[str] = []
    folders, looked = [""], 0
    while folders:
        folder = folders.pop()
        with contextlib.suppress(OSError), os.scandir(top / folder) as entries:
            for entry in entries:
                looked += 1
                if looked > MOST_LOOKED_AT:
                    return sorted(found), False
                name = f"{folder}{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{name}/")
                elif entry.is_file():
                    found.append(name)
    return sorted(found), True


def _entry(kind: str, payload: dict[str, Any]) -> str:
    if kind == "text":
        return f"- you said {_quoted(payload.get('text'))}"
    if kind == "tool_use":
        given = json.dumps(payload.get("input"), ensure_ascii=False)
        return f"- you used {_quoted(payload.get('tool'), TOOL_CHARACTERS)} with {_cut(given, TOOL_CHARACTERS)}"
    if kind == "question_out":
        whom = _quoted(payload.get("to") or "whom you answer to", TOOL_CHARACTERS)
        return f"- you asked {whom} (question {_id(payload, 'question_id')}): {_quoted(payload.get('text'))}"
    if kind == "answer_out":
        chosen = "".join(f" {number + 1})" for number in payload.get("options") or [] if isinstance(number, int))
        return f"- you answered question {_id(payload, 'question_id')} with{chosen} {_quoted(payload.get('text'))}"
    if kind == "reminder_out":
        due = _quoted(payload.get("due_at"), TOOL_CHARACTERS)
        return f"- you set reminder {_id(payload, 'reminder_id')}, due {due}: {_quoted(payload.get('text'))}"
    if kind == "message_in":
        what = payload.get("kind") if payload.get("kind") in _TOLD else "message"
        about = f" ({_id(payload, 'about')})" if payload.get("about") else ""
        return f"- {what} from {_quoted(payload.get('from'), TOOL_CHARACTERS)}{about}: {_quoted(payload.get('body'))}"
    return f"- you sent to {_quoted(payload.get('to'), TOOL_CHARACTERS)}: {_quoted(payload.get('body'))}"


def _id(payload: dict[str, Any], name: str) -> str:
    return plain(str(payload.get(name)), 64)


def _quoted(text: Any, most: int = ENTRY_CHARACTERS) -> str:
    return json.dumps(_cut(str(text or ""), most), ensure_ascii=False)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[:most] + "…"
