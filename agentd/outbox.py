"""The outbox: what the engine sends goes through the journal, so that hived away delays it, and never doubles or loses it."""

from dataclasses import dataclass
from typing import Any, Literal

from agentd.event_lines import fits, payload_text
from agentd.journal import Journal
from agentd.uplink import Uplink
from hived.wire.ids import new_id
from hived.wire.messages import RefusedMessage

WORD_SECONDS = 2.0
"""hived answers within tens of milliseconds; past this it is away, and the engine need not wait for it."""
MOST_REMEMBERED = 256
"""Things that were queued while hived was away, so that a later refusal can be named for what it is."""

Kind = Literal["message_out", "question_out", "answer_out", "reminder_out", "reminder_cancelled"]
_IDS: dict[Kind, str] = {
    "message_out": "message_id",
    "question_out": "question_id",
    "answer_out": "answer_id",
    "reminder_out": "reminder_id",
    "reminder_cancelled": "cancel_id",
}
_NOT_DONE: dict[Kind, str] = {
    "message_out": "Your message {id} was not sent",
    "question_out": "Your question {id} was not asked",
    "answer_out": "Your answer {id} was not taken",
    "reminder_out": "Your reminder {id} was not set",
    "reminder_cancelled": "Your reminder was not cancelled ({id})",
}


class TooLong(ValueError):
    """As an event it would be cut, and nobody is sent half of it."""


@dataclass(frozen=True, slots=True)
class Word:
    """What hived said of one thing."""

    id: str
    state: Literal["taken", "refused", "queued"]
    """queued: hived is away."""
    refusal: RefusedMessage | None = None


class Outbox:
    """One per harness."""

    def __init__(self, journal: Journal, uplink: Uplink) -> None:
        self._journal = journal
        self._uplink = uplink
        self._queued: dict[str, Kind] = {}

    async def put(self, kind: Kind, payload: dict[str, Any]) -> Word:
        """Journal it under an id of its own, and wait up to WORD_SECONDS for hived's word. Raises TooLong."""
        out_id = new_id()
        full = {_IDS[kind]: out_id, **payload}
        if not fits(payload_text(full)):
            raise TooLong
        event_id = self._journal.append(kind, full)
        self._remember(out_id, kind)
        try:
            refusal = await self._uplink.word_on(out_id, event_id, WORD_SECONDS)
        except TimeoutError:
            return Word(out_id, "queued")
        self._queued.pop(out_id, None)
        return Word(out_id, "taken" if refusal is None else "refused", refusal)

    def late_refusal(self, refused: RefusedMessage) -> str:
        """What the engine is told of a refusal that came after it had gone on."""
        kind = self._queued.pop(refused.message_id, None)
        what = _NOT_DONE[kind] if kind is not None else "What you sent as {id} was not taken"
        return f"{what.format(id=refused.message_id)} ({refused.code}): {refused.message}"

    def _remember(self, out_id: str, kind: Kind) -> None:
        self._queued[out_id] = kind
        while len(self._queued) > MOST_REMEMBERED:
            del self._queued[next(iter(self._queued))]
