"""The engine's conversation: which one the next turn goes on with. Kept as facts, so that a kill anywhere loses none of it.

The stored id belongs to the engine that gave it. A new conversation is begun when the operator arms it, when the notes of a
checkpoint stand in for the old one, or when the agent has another engine; never by itself where a resume is refused.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from agentd.journal import Journal
from hived.wire.agents import AgentSession, AgentSpec
from hived.wire.times import utc_now

ID_FACT = "session_id"
_SINCE_FACT = "session_since"
_ENGINE_FACT = "session_engine"
_ARMED_FACT = "new_session"
_REFUSED_FACT = "session_refused"

How = Literal["clean", "primer", "notes"]
"""How a new conversation begins: with nothing, with what the journal remembers, or with where the notes are."""


@dataclass(frozen=True, slots=True)
class Armed:
    how: How
    why: str
    """One sentence, for the transcript and for AgentSession.detail."""
    since: str | None
    old_id: str | None = None
    """The conversation that it takes the place of."""


def engine_of(spec: AgentSpec) -> str:
    """What a session id belongs to: an engine, and with acp the agent behind it."""
    if spec.engine != "acp":
        return spec.engine
    command = spec.engine_options.get("command")
    words = command.split() if isinstance(command, str) else command
    program = Path(str(words[0])).name if isinstance(words, list) and words else ""
    return f"{spec.engine} {spec.engine_options.get('agent') or program}".strip()


class Sessions:
    """One per harness. Every change of what `view` says is journalled as `session_changed`, by `say` at the latest."""

    def __init__(self, journal: Journal) -> None:
        self._journal = journal
        self._said = self._shown()

    @property
    def id(self) -> str | None:
        """The stored session's id, whether or not the next turn goes on with it."""
        return self._journal.get(ID_FACT)

    @property
    def refused(self) -> bool:
        """No turn begins until the operator has chosen."""
        return self.view().state == "refused"

    @property
    def armed(self) -> Armed | None:
        found = self._fact(_ARMED_FACT)
        if found is None:
            return None
        how = found.get("how")
        return Armed(
            how if how in ("clean", "notes") else "primer",
            str(found.get("why", "")),
            found.get("since"),
            found.get("old_id"),
        )

    def view(self) -> AgentSession:
        armed, refused = self.armed, self._fact(_REFUSED_FACT)
        if armed is not None:
            primer = armed.how != "clean"
            return AgentSession(state="armed", id=self.id, primer=primer, since=armed.since, detail=armed.why)
        if refused is not None:
            detail = str(refused.get("detail", ""))
            return AgentSession(state="refused", id=self.id, since=refused.get("since"), detail=detail)
        since = self._journal.get(_SINCE_FACT)
        return AgentSession(state="kept" if self.id else "none", id=self.id, since=since)

    def belongs_to_another(self, engine: str) -> bool:
        """What is stored was given by another engine."""
        return self._journal.get(_ENGINE_FACT) not in (None, engine)

    def settle(self, engine: str) -> bool:
        """At a start: an id that another engine gave is of no use to this one. Whether there was another."""
        before = self._journal.get(_ENGINE_FACT)
        if before == engine:
            return False
        self._journal.set(_ENGINE_FACT, engine)
        if before is None:
            return False
        old_id = self.id
        self._journal.set(ID_FACT, None)
        self.arm("primer", f"It thinks with {engine} now, and did with {before}.", old_id)
        return True

    def arm(self, how: How, why: str, old_id: str | None = None) -> None:
        """The next turn begins a new conversation. Said even where it was armed before: somebody waits for the word."""
        armed = {"how": how, "why": why, "since": utc_now(), "old_id": old_id or self.id}
        self._journal.set(_ARMED_FACT, json.dumps(armed))
        self._journal.set(_REFUSED_FACT, None)
        told = {"clean": "", "primer": ", told what the journal remembers", "notes": ", told where its notes are"}[how]
        self._note(f"{why} The next turn begins a new conversation{told}.")
        self._say()

    def refuse(self, detail: str) -> None:
        """The engine will not resume the stored session."""
        self._journal.set(_REFUSED_FACT, json.dumps({"detail": detail, "since": utc_now()}))
        self._note(
            f"{detail} No turn begins until a new conversation is chosen: with a primer from the journal, or clean.",
            "error",
        )
        self.say()

    def begun(self, id: str | None) -> None:
        """The new conversation that was armed has taken its first prompt."""
        armed = self.armed
        if armed is None:
            return
        old = f" (the old one was {armed.old_id})" if armed.old_id else ""
        self._note(f"A new conversation begins{old}. {armed.why}".rstrip())
        self._journal.set(_ARMED_FACT, None)
        self._journal.set(ID_FACT, id)
        self._journal.set(_SINCE_FACT, utc_now())
        self._say()

    def keep(self, id: str | None) -> None:
        """The engine's own id, as it knows it now. Said at the turn's end."""
        if id is not None and id != self.id:
            self._journal.set(ID_FACT, id)
            self._journal.set(_SINCE_FACT, utc_now())

    def say(self) -> None:
        """Journal what has changed, if anything has."""
        if self._shown() != self._said:
            self._say()

    def _say(self) -> None:
        self._said = self._shown()
        state, id, primer, detail = self._said
        self._journal.append("session_changed", {"state": state, "id": id, "primer": primer, "detail": detail})

    def _shown(self) -> tuple[str, str | None, bool | None, str]:
        found = self.view()
        return found.state, found.id, found.primer, found.detail

    def _note(self, text: str, level: str = "info") -> None:
        self._journal.append("note", {"text": text, "level": level})

    def _fact(self, key: str) -> dict[str, Any] | None:
        try:
            found = json.loads(self._journal.get(key) or "null")
        except ValueError:
            return {}
        return found if isinstance(found, dict) or found is None else {}
