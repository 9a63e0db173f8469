"""A turn's two ends, whatever it is for: its turn_start, and its turn_end with all that is known after it. And its breaking off."""

import asyncio
from collections.abc import Callable
from dataclasses import replace

from agentd.context import cost_of, ctx_of, estimated_cost, learn_cost, tokens_of, without_context
from agentd.engine_seat import EngineSeat
from agentd.engines.base import TurnDone, TurnUsage
from agentd.fault_points import reach
from agentd.journal import Journal
from agentd.prices import Prices
from agentd.stats import TurnStats
from agentd.status import Status
from agentd.turn_record import TurnRecord
from hived.wire.messages import Message
from hived.wire.times import utc_now

MOST_ERROR_CHARACTERS = 2000


class TurnCourse:
    """`current` is the turn that runs, from `begin` to `end`."""

    def __init__(
        self,
        journal: Journal,
        status: Status,
        seat: EngineSeat,
        stats: TurnStats,
        prices: Prices,
        log: Callable[[str], None],
    ) -> None:
        self._journal = journal
        self._status = status
        self._seat = seat
        self._stats = stats
        self._prices = prices
        self._log = log
        self.current: TurnRecord | None = None
        self.last_ended_at: str | None = None

    async def begin(self, record: TurnRecord) -> None:
        self.current = record
        for message in record.messages:
            self._journal.append("message_in", message_in(message, steered=False))
        self._journal.append("turn_start", record.start_payload())
        self._status.turn_begins(record.turn_id)
        if record.kind == "compact":
            self._status.set_turn("compacting", record.turn_id)
        await self._journal.flush()
        reach("turn_started" if record.kind == "message" else f"{record.kind}_started")

    async def end(self, record: TurnRecord, done: TurnDone) -> TurnDone:
        """What the turn came to, as it was written down."""
        status = self._status
        record.model = status.model
        done = _seen_here(record, done)
        done = replace(done, usage=self._figures(record, done))
        self._settle_conditions(record, done)
        await self._journal.flush()
        reach("before_turn_end")
        session_id = status.sessions.id
        self._journal.append("turn_end", record.end_payload(done, session_id))
        self.current = None
        status.turn_ends()
        status.sessions.say()
        ctx = ctx_of(done.usage)
        if ctx is not None or record.anew or (record.kind == "compact" and done.outcome == "ok"):
            status.ctx = ctx
        status.cost = cost_of(done.usage) or status.cost
        self.last_ended_at = utc_now()
        record.ended.set()
        await self._journal.flush()
        await self._stats.record(record.row(done, session_id))
        return done

    async def break_off(self, record: TurnRecord, seconds: float) -> None:
        """Interrupt the engine; what has not ended after `seconds` is ended by TERM."""
        record.broken.set()
        try:
            async with asyncio.timeout(seconds):
                if self._seat.engine is not None:
                    await self._seat.engine.interrupt()
                await record.ended.wait()
        except TimeoutError:
            self._log(f"turn {record.turn_id} did not end within {seconds:g} s of its interrupt: its engine is ended")
            if self._seat.engine is not None:
                await self._seat.engine.terminate()

    def _figures(self, record: TurnRecord, done: TurnDone) -> TurnUsage:
        usage, before = done.usage, self._status.ctx
        if done.outcome != "ok" and usage.cost_usd is None:
            usd = estimated_cost(self._journal, record.model, tokens_of(usage))
            usage = replace(usage, cost_usd=usd, cost_estimated=usd is not None)
        if usage.cost_usd is None:
            usd = self._prices.of_turn(record.model, usage)
            usage = replace(usage, cost_usd=usd, cost_estimated=usd is not None)
        learn_cost(self._journal, record.model, usage)
        if record.kind == "compact" and done.outcome == "ok":
            # The last inference of a compaction may have read the whole that is shorter now.
            after = ctx_of(usage)
            if after is not None and before is not None and after.tokens >= before.tokens:
                usage = without_context(usage)
        return usage

    def _settle_conditions(self, record: TurnRecord, done: TurnDone) -> None:
        """An outcome says as much as an event: the engine that worked has its login, the one that says so lacks it."""
        conditions = self._status.conditions
        if record.logged_in:
            conditions.set("needs_login", False)
        if done.outcome == "ok":
            conditions.worked()
        elif done.outcome == "needs_login":
            conditions.set("needs_login", True, done.error or "")
        elif done.outcome == "rate_limited":
            known = conditions.get("rate_limited")
            if known is None or known.until is None:  # else the engine has said more in the turn itself
                conditions.set("rate_limited", True, done.error or "", done.until)


def message_in(message: Message, *, steered: bool) -> dict[str, object]:
    """The payload of its `message_in`."""
    return {
        "message_id": message.id,
        "from": message.sender,
        "body": message.body,
        "redelivered": message.redelivered,
        "reply_to": message.reply_to,
        "steered": steered,
        "kind": message.kind,
        "about": message.about,
    }


def _seen_here(record: TurnRecord, done: TurnDone) -> TurnDone:
    """What the turn came to, seen with what was asked of the harness meanwhile."""
    error = done.error[:MOST_ERROR_CHARACTERS] if done.error else None
    if done.outcome == "ok":
        return TurnDone("ok", None, done.retryable, done.usage)
    if record.cancelled:
        return TurnDone("cancelled", error, True, done.usage)
    if record.stopped:
        return TurnDone("failed", "the harness was stopped in mid-turn", True, done.usage)
    if record.logged_in and done.outcome == "needs_login":
        return TurnDone("failed", f"{error or 'It was not logged in.'} It has been logged in since.", True, done.usage)
    return replace(done, error=error)
