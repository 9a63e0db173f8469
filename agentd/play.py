"""One prompt through the engine: its events recorded as they come, and one TurnDone whatever happens. It never hangs on to
an engine that broke: that one is dropped, and the next turn starts another on the stored session."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Callable
from typing import Any

from agentd.engine_seat import EngineSeat
from agentd.engines.base import EngineEvent, EngineFailed, Prompt, ToolUse, TurnDone
from agentd.fault_points import chosen, reach
from agentd.journal import Journal
from agentd.primer import make_primer
from agentd.recording import Recorder
from agentd.status import Status
from agentd.turn_record import TurnRecord

YIELD_EVERY = 200
"""Events: an engine that floods is read without a pause, and the loop has others to serve."""


class Player:
    """One per harness."""

    def __init__(
        self, seat: EngineSeat, journal: Journal, status: Status, recorder: Recorder, log: Callable[[str], None]
    ) -> None:
        self._seat = seat
        self._journal = journal
        self._status = status
        self._recorder = recorder
        self._log = log

    async def play(self, record: TurnRecord, prompt_for: Callable[[str], Prompt]) -> TurnDone:
        """`prompt_for` makes the prompt, given a primer (usually empty)."""
        primer = ""
        resumed = compacted = False
        while True:
            try:
                done = await self._once(record, prompt_for(primer))
            except EngineFailed as error:
                await self._seat.drop()
                if error.code == EngineFailed.RESUME_REFUSED and not resumed and not record.cancelled:
                    resumed = True
                    primer = await self._begin_anew(error)
                    continue
                said = f"{error.code}: {error.message}" if error.code else error.message
                return TurnDone(error.outcome, said, error.retryable)
            except Exception as error:
                self._log("".join(traceback.format_exception(error)))
                await self._seat.drop()
                return TurnDone("failed", f"The engine broke: {type(error).__name__}: {error}", retryable=True)
            if done.outcome == "prompt_too_long" and not compacted and await self._compact(record):
                compacted = True
                continue
            return done

    async def _once(self, record: TurnRecord, prompt: Prompt) -> TurnDone:
        engine = await self._seat.ready(record.model)
        if record.cancelled or record.stopped:
            return TurnDone("cancelled", "It was cancelled before the engine began.")
        stream = engine.turn(prompt)
        try:
            return await self._follow(record, stream)
        finally:
            self._seat.keep_session()
            await _close(stream)

    async def _follow(self, record: TurnRecord, stream: AsyncIterator[EngineEvent]) -> TurnDone:
        count = 0
        async for event in stream:
            if isinstance(event, TurnDone):
                return event
            if isinstance(event, ToolUse):
                record.tools[event.tool] += 1
            self._recorder.record(event)
            count += 1
            if count == 1 and chosen("in_turn"):
                await self._journal.flush()
                reach("in_turn")
            if self._journal.crowded:
                await self._journal.room()
            elif count % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        raise EngineFailed("failed", "The engine ended its turn without a result.", retryable=True)

    async def _begin_anew(self, error: EngineFailed) -> str:
        session_id = self._journal.get("session_id")
        self._recorder.note(
            f"{error.message} A new conversation begins (the old one was {session_id}), with a primer from the journal.",
            "error",
        )
        await self._seat.forget_session()
        await self._journal.flush()
        return await make_primer(self._journal)

    async def _compact(self, record: TurnRecord) -> bool:
        """Make the conversation shorter, so that the prompt may be tried once more. False: the engine cannot."""
        engine = self._seat.engine
        if engine is None or not engine.abilities.compact or record.cancelled or record.stopped:
            return False
        self._recorder.note("The prompt is too long: the conversation is compacted, and the turn tried once more.")
        self._status.set_turn("compacting", record.turn_id)
        try:
            async for event in engine.compact():
                if not isinstance(event, TurnDone):
                    self._recorder.record(event)
                elif event.outcome != "ok":
                    self._recorder.note(event.error or "The conversation could not be compacted.", "error")
                    return False
        except EngineFailed as error:
            self._recorder.note(error.message, "error")
            return False
        finally:
            self._status.set_turn("thinking", record.turn_id)
        return True


async def _close(stream: Any) -> None:
    """An async generator that was not read to its end runs its cleanup now, not at the collector's whim."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
