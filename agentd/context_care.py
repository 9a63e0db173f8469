"""The care of a context that fills up, before it overflows: a checkpoint, in which the agent writes its notes, then a
compaction or a new conversation. Each is a turn like any other, with its events, its row and its cost.

Nothing is done twice for one crossing of a threshold: what fails is said, and the real work goes on.
"""

import json
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from agentd.engines.base import Prompt, TurnDone
from agentd.moments import seconds_until
from agentd.play import Player
from agentd.recording import Recorder
from agentd.status import Status
from agentd.turn_course import TurnCourse
from agentd.turn_record import Kind, TurnRecord
from hived.wire.agents import AgentSession
from hived.wire.budgets import TurnAllowed
from hived.wire.ids import new_id
from hived.wire.names import HIVED, OPERATOR

COMPACT_PERCENT = 75.0
RENEW_PERCENT = 50.0
COLD_SECONDS = 300.0
MOST_REQUESTS = 8
"""Who asks for a compaction while that many wait is not heard."""

Plan = Literal["compact", "renew"]
MayStart = Callable[[str, Kind], Awaitable[TurnAllowed]]
"""(turn_id, kind): whether the budgets allow that turn."""


@dataclass(frozen=True, slots=True)
class Thresholds:
    """Of the context, in percent of its window; and when the engine's prompt cache is cold, in seconds of idling."""

    compact_percent: float = COMPACT_PERCENT
    renew_percent: float = RENEW_PERCENT
    cold_seconds: float = COLD_SECONDS

    @classmethod
    def from_environment(cls) -> "Thresholds":
        """HIVE_CHECKPOINT_PERCENT, HIVE_RENEW_PERCENT and HIVE_CACHE_SECONDS, where they are numbers from 0 up."""
        return cls(
            _number("HIVE_CHECKPOINT_PERCENT", COMPACT_PERCENT),
            _number("HIVE_RENEW_PERCENT", RENEW_PERCENT),
            _number("HIVE_CACHE_SECONDS", COLD_SECONDS),
        )


class ContextCare:
    """One per harness. `before_work` is called with something waiting and nothing claimed."""

    def __init__(
        self,
        course: TurnCourse,
        player: Player,
        status: Status,
        recorder: Recorder,
        state: Path,
        thresholds: Thresholds,
    ) -> None:
        self._course = course
        self._player = player
        self._status = status
        self._recorder = recorder
        self._state = state
        self._thresholds = thresholds
        self._requests: list[str] = []
        self._tried: set[Plan] = set()

    def request(self, turn_id: str) -> None:
        """Compact, in a turn of that id, once no other runs."""
        if turn_id not in self._requests and len(self._requests) < MOST_REQUESTS:
            self._requests.append(turn_id)

    async def do_requested(self, may_start: MayStart) -> None:
        """One compaction for all who asked for it meanwhile: each of them has a turn_end to wait for."""
        requests, self._requests = self._requests, []
        for number, turn_id in enumerate(requests):
            if number:
                same = TurnDone("failed", f"It was compacted just now, by turn {requests[0]}.", retryable=False)
                await self._turn("compact", OPERATOR, turn_id, same)
            else:
                known = _nothing_to_compact(self._status.sessions.view())
                if known is None and not (allowed := await may_start(turn_id, "compact")).allowed:
                    known = TurnDone("over_budget", allowed.reason, retryable=False)
                await self._turn("compact", OPERATOR, turn_id, known)

    async def before_work(self, waits: Callable[[], Awaitable[bool]], may_start: MayStart) -> bool:
        """`waits` looks whether there is anything to work on: without it, nothing is done. False: something is due, and
        nothing is to be claimed before it; whatever comes now rings. What the budgets do not allow is left out."""
        plan = self._plan()
        if plan is None:
            return True
        if not await waits():
            return False
        checkpoint_id = new_id()
        if not (await may_start(checkpoint_id, "checkpoint")).allowed:
            return True  # the claim that follows says why
        self._tried.add(plan)
        ctx = self._status.ctx
        full = f"{ctx.percent} %" if ctx is not None else "much"
        renew = plan == "renew" or not self._status.abilities.compact
        self._recorder.note(
            f"The context is {full} full: the agent writes its notes, then"
            + (" begins a new conversation." if renew else " its conversation is compacted.")
        )
        if not await self._checkpoint(checkpoint_id):
            return True
        if renew:
            self._status.sessions.arm("notes", f"The context was {full} full, and its notes are written.")
        else:
            compact_id = new_id()
            if not (allowed := await may_start(compact_id, "compact")).allowed:
                self._recorder.note(f"The conversation was not compacted: {allowed.reason}", "warning")
                return True
            done = await self._turn("compact", turn_id=compact_id)
            if done.outcome != "ok":
                self._recorder.note(f"The conversation was not compacted: {done.error or done.outcome}", "warning")
        return True

    def _plan(self) -> Plan | None:
        """What is due and was not tried since the context grew past its threshold."""
        ctx = self._status.ctx
        if ctx is None or not ctx.window:
            return None
        full = 100 * ctx.tokens / ctx.window
        if full < self._thresholds.compact_percent:
            self._tried.discard("compact")
        if full < self._thresholds.renew_percent:
            self._tried.discard("renew")
        if self._status.sessions.view().state != "kept":
            return None
        if full >= self._thresholds.compact_percent and "compact" not in self._tried:
            return "compact"
        if full >= self._thresholds.renew_percent and "renew" not in self._tried and self._cold():
            return "renew"
        return None

    def _cold(self) -> bool:
        ended_at = self._course.last_ended_at
        return ended_at is not None and -seconds_until(ended_at) >= self._thresholds.cold_seconds

    async def _checkpoint(self, turn_id: str) -> bool:
        done = await self._turn("checkpoint", turn_id=turn_id)
        if done.outcome != "ok":
            self._recorder.note(
                f"The checkpoint did not work ({done.error or done.outcome}): the conversation goes on as it is.",
                "warning",
            )
        return done.outcome == "ok"

    async def _turn(
        self, kind: Kind, asked_by: str = "", turn_id: str | None = None, known: TurnDone | None = None
    ) -> TurnDone:
        """A turn that settles no message. `known`: it needs no engine to say how it ends."""
        record = TurnRecord(turn_id or new_id(), [], 0, self._status.model, kind, asked_by)
        await self._course.begin(record)
        if known is not None:
            done = known
        elif kind == "compact":
            done = await self._player.compact(record)
        else:
            done = await self._player.play(record, lambda _: _checkpoint_prompt(record, self._state))
        record.ending = True
        return await self._course.end(record, done)


def _nothing_to_compact(session: AgentSession) -> TurnDone | None:
    if session.state == "armed":
        return TurnDone("failed", "The next turn begins a new conversation: there is none to compact.", retryable=False)
    if session.state == "refused":
        return TurnDone("failed", f"There is no conversation to compact. {session.detail}", retryable=False)
    return None


def _checkpoint_prompt(record: TurnRecord, state: Path) -> Prompt:
    words = (
        "Your context is filling up. After this turn your conversation is made shorter or begins anew, and you remember only"
        f" what you have written down. Write notes into your folder {json.dumps(str(state))} now, in one Markdown file or"
        " a few: what you work on and for whom, what is decided and why, what is done, what is open, and which files matter."
        " Bring notes that are there up to date rather than beginning new ones. Do nothing else in this turn and send"
        " nobody a message."
    )
    return Prompt(text=words, turn_id=record.turn_id, senders=(HIVED,), bodies=(words,))


def _number(name: str, otherwise: float) -> float:
    try:
        found = float(os.environ.get(name, ""))
    except ValueError:
        return otherwise
    return found if 0 <= found < float("inf") else otherwise
