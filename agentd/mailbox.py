"""Messages that come into a turn that runs: journalled, settled by its turn_end like those it began with. A kill before that
brings them back, marked.
"""

import asyncio
from collections.abc import Coroutine, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

from agentd.fault_points import chosen, reach
from agentd.journal import Journal
from agentd.outbox import WORD_SECONDS
from agentd.turn_course import TurnCourse, message_in
from agentd.turn_record import TurnRecord
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError, ProtocolMismatch, StaleGeneration
from hived.wire.messages import Claim, Claimed, Message

T = TypeVar("T")

MOST_BYTES = 24_000
"""Of one answer: engines cut a tool's result (Claude Code at 50,000 characters, Codex at 10,000 tokens), and what was cut would
count as read."""
HEADER_BYTES = 400
"""About what stands around a body."""
RETRY_SECONDS = 0.25


@dataclass(frozen=True, slots=True)
class Taken:
    """What came of looking. `left`: too long for a tool's answer, they come with the next turn."""

    state: Literal["looked", "away", "broken", "no_turn"]
    """broken: the turn was cancelled, or has ended. no_turn: one that is not about messages."""
    messages: tuple[Message, ...] = ()
    left: int = 0
    unread: int = 0


class Mailbox:
    """One per harness."""

    def __init__(self, client: AgentClient, journal: Journal, uplink: Uplink, course: TurnCourse) -> None:
        self._client = client
        self._journal = journal
        self._uplink = uplink
        self._course = course
        self._one = asyncio.Lock()

    async def take(self, wait: float, most: int) -> Taken:
        """At most `most` messages into the turn that runs, as soon as there is one, within `wait` seconds.

        While hived is away that is waited for as well. Never longer than `wait` and WORD_SECONDS together.
        """
        record = self._course.current
        if record is None or record.kind != "message":
            return Taken("no_turn")
        deadline = asyncio.get_running_loop().time() + wait
        try:
            async with asyncio.timeout_at(deadline + WORD_SECONDS):
                claimed = await _unless_broken(record, self._claimed(record, deadline, most))
        except TimeoutError:
            return Taken("away" if not self._uplink.connected else "looked")
        if claimed is None:
            return Taken("broken")
        return await self._taken_in(record, claimed)

    async def _claimed(self, record: TurnRecord, deadline: float, most: int) -> Claimed:
        loop = asyncio.get_running_loop()
        async with self._one:  # two at once would wait for the same message
            while True:
                await self._uplink.until_connected()
                claim = Claim(
                    turn_id=record.turn_id,
                    more=True,
                    max=most,
                    wait=max(0.0, deadline - loop.time()),
                    known=len(record.message_ids),
                )
                try:
                    return await self._client.claim_more(claim)
                except (StaleGeneration, ProtocolMismatch):
                    raise
                except HiveError:
                    await asyncio.sleep(RETRY_SECONDS)

    async def _taken_in(self, record: TurnRecord, claimed: Claimed) -> Taken:
        async with record.steering:
            if record.ending or record.broken.is_set():
                return Taken("broken")
            fresh, left = _that_fit([message for message in claimed.messages if message.id not in record.message_ids])
            take_in(self._journal, record, fresh, steered=False)
            if fresh and chosen("mail_taken"):
                await self._journal.flush()
                reach("mail_taken")
            return Taken("looked", tuple(fresh), left, claimed.unread)


def take_in(journal: Journal, record: TurnRecord, messages: Sequence[Message], *, steered: bool) -> None:
    """They are that turn's from here on."""
    for message in messages:
        journal.append("message_in", message_in(message, steered=steered))
        record.message_ids.append(message.id)
        record.taken_in.append(message)
        if steered:
            record.steered.append(message.id)


def _that_fit(messages: Sequence[Message]) -> tuple[list[Message], int]:
    """(those that one answer can hold, how many are left)."""
    fitting: list[Message] = []
    room = MOST_BYTES
    for message in messages:
        room -= len(message.body.encode()) + HEADER_BYTES
        if room < 0:
            break
        fitting.append(message)
    return fitting, len(messages) - len(fitting)


async def _unless_broken(record: TurnRecord, work: Coroutine[Any, Any, T]) -> T | None:
    """What the work comes to; None where the turn is broken off or over before."""
    task = asyncio.create_task(work)
    ends = [asyncio.create_task(record.broken.wait()), asyncio.create_task(record.ended.wait())]
    try:
        await asyncio.wait({task, *ends}, return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        for each in (task, *ends):
            each.cancel()
        await asyncio.wait({task, *ends})
