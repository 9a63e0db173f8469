"""One prompt through the engine: its events recorded as they come, and one TurnDone whatever happens. It never hangs on to
an engine that broke: that one is dropped, and the next turn starts another on the stored session."""

import asyncio
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from agentd.context import added, without_context
from agentd.engine_seat import EngineSeat
from agentd.engines.base import (
    Engine,
    EngineEvent,
    EngineFailed,
    Prompt,
    Text,
    TextDelta,
    Thinking,
    ThinkingDelta,
    ToolUse,
    TurnDone,
    Usage,
)
from agentd.fault_points import chosen, reach
from agentd.journal import Journal
from agentd.notices import Notices
from agentd.primer import primer_for
from agentd.prompt import make_afterword
from agentd.recording import Recorder
from agentd.settings import SettingFiles
from agentd.status import Status
from agentd.turn_record import TurnRecord
from hived.wire.turns import ACKING

YIELD_EVERY = 200
"""Events: an engine that floods is read without a pause, and the loop has others to serve."""

ANSWERS = (Text, TextDelta, Thinking, ThinkingDelta, ToolUse, Usage)
"""What only a model that has the prompt makes an engine say."""

Stream = AsyncIterator[EngineEvent]


class Player:
    """One per harness. `gate` is awaited before an event is taken: in a pause it does not open."""

    def __init__(
        self,
        seat: EngineSeat,
        journal: Journal,
        status: Status,
        recorder: Recorder,
        settings: SettingFiles,
        notices: Notices,
        state: Path,
        gate: Callable[[], Awaitable[None]],
        log: Callable[[str], None],
    ) -> None:
        self._gate = gate
        self._seat = seat
        self._journal = journal
        self._status = status
        self._recorder = recorder
        self._settings = settings
        self._notices = notices
        self._state = state
        self._log = log

    async def play(self, record: TurnRecord, prompt_for: Callable[[Sequence[str]], Prompt]) -> TurnDone:
        """`prompt_for` makes the prompt, given what is to be told beside it: notices, and a primer where there is one."""
        record.armed = armed = self._status.sessions.armed
        told = self._notices.hand_out() if record.kind == "message" else []
        if armed is not None:
            await self._seat.drop()
            primer = await primer_for(armed.how, self._journal, self._state, record.message_ids)
            told += [primer] if primer else []
        prompt = prompt_for(told)
        done = await self._prompted(record, prompt)
        self._notices.settle(told=done.outcome in ACKING)
        if record.kind == "message" and done.outcome in ACKING and self._notices.untold and not _is_over(record):
            return await self._told_after(record, prompt, done)
        return done

    async def _told_after(self, record: TurnRecord, prompt: Prompt, done: TurnDone) -> TurnDone:
        """What the engine could not be told while it worked, in the same turn. Where that fails, the turn's end stands, and
        the words come with the next."""
        afterword = make_afterword(prompt, self._notices.hand_out())
        again = await self._guarded(record, lambda engine: engine.turn(afterword))
        self._notices.settle(told=again.outcome in ACKING)
        usage = added(done.usage, again.usage)
        return replace(again if again.outcome in ACKING else done, usage=usage)

    async def _prompted(self, record: TurnRecord, prompt: Prompt) -> TurnDone:
        done = await self._guarded(record, lambda engine: engine.turn(prompt))
        if done.outcome != "prompt_too_long" or record.kind != "message" or not self._may_compact(record):
            return done
        compacted = await self._compact_in_turn(record)
        spent = added(without_context(compacted.usage), done.usage)
        if compacted.outcome != "ok" or _is_over(record):
            return replace(done, usage=spent)
        again = await self._guarded(record, lambda engine: engine.turn(prompt))
        return replace(again, usage=added(without_context(spent), again.usage))

    async def compact(self, record: TurnRecord) -> TurnDone:
        """A turn of its own that makes the conversation shorter."""
        return await self._guarded(record, _compaction)

    async def _guarded(self, record: TurnRecord, begin: Callable[[Engine], Stream]) -> TurnDone:
        """What it came to, an engine that broke included."""
        try:
            return await self._once(record, begin)
        except EngineFailed as error:
            await self._seat.drop()
            if error.code == EngineFailed.RESUME_REFUSED and not record.cancelled:
                self._status.sessions.refuse(error.message)
                return TurnDone("failed", error.message, retryable=True)
            said = f"{error.code}: {error.message}" if error.code else error.message
            return TurnDone(error.outcome, said, error.retryable)
        except Exception as error:
            self._log("".join(traceback.format_exception(error)))
            await self._seat.drop()
            return TurnDone("failed", f"The engine broke: {type(error).__name__}: {error}", retryable=True)

    async def _once(self, record: TurnRecord, begin: Callable[[Engine], Stream]) -> TurnDone:
        engine = await self._seat.ready(self._settings.read(), anew=self._begins(record))
        if _is_over(record):
            return TurnDone("cancelled", "It was cancelled before the engine began.")
        stream = begin(engine)
        try:
            return await self._follow(record, stream)
        finally:
            self._seat.look()
            await _close(stream)

    async def _follow(self, record: TurnRecord, stream: Stream) -> TurnDone:
        point = "in_turn" if record.kind == "message" else f"in_{record.kind}"
        count = 0
        async for event in stream:
            await self._gate()
            count += 1
            if count == 1:
                self._seat.look()
            if record.armed is not None and not record.anew:
                self._maybe_begun(record, event)
            if isinstance(event, TurnDone):
                return event
            if isinstance(event, ToolUse):
                record.tools[event.tool] += 1
            self._recorder.record(event)
            if count == 1 and chosen(point):
                await self._journal.flush()
                reach(point)
            if self._journal.crowded:
                await self._journal.room()
            elif count % YIELD_EVERY == 0:
                await asyncio.sleep(0)
        raise EngineFailed("failed", "The engine ended its turn without a result.", retryable=True)

    def _maybe_begun(self, record: TurnRecord, event: EngineEvent) -> None:
        """The model has its prompt once it answers: then a conversation that was to be new is. A turn that fails before that
        leaves it armed, primer and all."""
        answers = isinstance(event, ANSWERS) or (isinstance(event, TurnDone) and event.outcome == "ok")
        if answers and self._begins(record) and self._seat.engine is not None:
            record.anew = True
            self._status.sessions.begun(self._seat.engine.session_id)
            self._seat.look()

    def _begins(self, record: TurnRecord) -> bool:
        """Whether the conversation that it is to begin is still to be begun."""
        return record.armed is not None and record.armed == self._status.sessions.armed

    def _may_compact(self, record: TurnRecord) -> bool:
        engine = self._seat.engine
        return engine is not None and engine.abilities.compact and not _is_over(record)

    async def _compact_in_turn(self, record: TurnRecord) -> TurnDone:
        """So that the prompt may be tried once more. What it costs is the turn's."""
        self._recorder.note("The prompt is too long: the conversation is compacted, and the turn tried once more.")
        self._status.set_turn("compacting", record.turn_id)
        done = await self._guarded(record, _compaction)
        if done.outcome != "ok":
            self._recorder.note(done.error or "The conversation could not be compacted.", "error")
        self._status.set_turn("thinking", record.turn_id)
        return done


def _is_over(record: TurnRecord) -> bool:
    """Somebody asked for its end."""
    return record.cancelled or record.stopped


def _compaction(engine: Engine) -> Stream:
    return engine.compact() if engine.abilities.compact else _cannot_compact()


async def _cannot_compact() -> Stream:
    yield TurnDone("failed", "This engine cannot compact its conversation.", retryable=False)


async def _close(stream: Any) -> None:
    """An async generator that was not read to its end runs its cleanup now, not at the collector's whim."""
    close = getattr(stream, "aclose", None)
    if close is not None:
        await close()
