"""The turn loop: wake → claim → prompt → the engine → one turn_end, which is the ack. See DESIGN 5.

Before each claim everything is hived's, so that what was settled is never leased again. A turn goes on while hived is away.
"""

import asyncio
import contextlib
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

from agentd.engine_seat import EngineSeat, read_model
from agentd.engines.base import EngineFailed, Prompt, TurnDone
from agentd.fault_points import reach
from agentd.journal import Journal
from agentd.play import Player
from agentd.prompt import make_prompt, make_steering
from agentd.recording import Recorder
from agentd.stats import TurnStats
from agentd.status import Status
from agentd.turn_record import TurnRecord
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError, ProtocolMismatch, StaleGeneration
from hived.wire.ids import new_id
from hived.wire.messages import Claim, Claimed, Message
from hived.wire.times import from_text, in_seconds

CANCEL_SECONDS = 10.0
"""An interrupted engine may flush its result; then it is TERM."""
STOP_SECONDS = 1.0
"""The same when the harness itself must end: hived waits 5 s for all of it."""
RETRY_SECONDS = 0.5
MOST_ERROR_CHARACTERS = 2000


class TurnLoop:
    """One per harness. `wake`, `steer`, `cancel` and `model_changed` come from the control stream and return at once."""

    def __init__(
        self,
        client: AgentClient,
        journal: Journal,
        uplink: Uplink,
        status: Status,
        seat: EngineSeat,
        recorder: Recorder,
        stats: TurnStats,
        model_file: Path,
        log: Callable[[str], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._uplink = uplink
        self._status = status
        self._seat = seat
        self._recorder = recorder
        self._stats = stats
        self._model_file = model_file
        self._log = log
        self._player = Player(seat, journal, status, recorder, log)
        self._wake = asyncio.Event()
        self._stopping = False
        self._current: TurnRecord | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self.notices: list[str] = []
        """Words of the harness for the engine's next prompt."""

    def wake(self) -> None:
        self._wake.set()

    def steer(self) -> None:
        """A message marked `now` waits: into the running turn with it, or into the next."""
        record = self._current
        if record is None:
            self._wake.set()
        else:
            self._do_aside(self._steer(record))

    def cancel(self, turn_id: str | None) -> None:
        record = self._current
        if record is not None and turn_id in (None, record.turn_id) and not record.cancelled:
            record.cancelled = True
            self._do_aside(self._break_off(record, CANCEL_SECONDS))

    def model_changed(self) -> None:
        if self._current is not None:
            self._do_aside(self._seat.change_model(read_model(self._model_file)))

    async def stop(self) -> None:
        """Begin no turn any more; end the one that runs, its messages to be delivered again. `run` then returns."""
        self._stopping = True
        self._wake.set()
        record = self._current
        if record is not None:
            record.stopped = True
            await self._break_off(record, STOP_SECONDS)

    async def run(self) -> None:
        """Until `stop`. Raises StaleGeneration and ProtocolMismatch."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._stopping:
                    return
                claimed = await self._claim()
                reach("claimed")
                if self._stopping:
                    await self._release(claimed)
                elif claimed.messages:
                    await self._turn(claimed)
                    self._wake.set()
                else:
                    self._wake_at(claimed.retry_at)
        finally:
            if self._retry is not None:
                self._retry.cancel()
            for task in self._aside:
                task.cancel()
            if self._aside:
                await asyncio.wait(self._aside)

    async def mend(self) -> None:
        """Close the turn that an earlier harness was killed in, so that the transcript tells the truth."""
        history = await self._journal.newest(("turn_start", "turn_end", "message_in"), 200)
        start = next((index for index in range(len(history) - 1, -1, -1) if history[index][0] != "message_in"), None)
        if start is None or history[start][0] == "turn_end":
            return
        begun = history[start][1]
        turn_id = str(begun.get("turn_id"))
        ids = [str(id) for id in begun.get("message_ids", [])]
        steered = [str(payload["message_id"]) for _, payload in history[start + 1 :] if payload.get("steered")]
        self._recorder.note(f"Turn {turn_id} was cut off: the harness ended in the middle of it.", "warning")
        self._journal.append(
            "turn_end",
            {
                "turn_id": turn_id,
                "outcome": "failed",
                "message_ids": [*ids, *steered],
                "duration_ms": None,
                "ctx": None,
                "cost": None,
                "model": begun.get("model"),
                "session_id": self._journal.get("session_id"),
                "tool_calls": None,
                "error": "the harness ended in mid-turn",
                "retryable": True,
                "steered": steered,
            },
        )

    async def _claim(self) -> Claimed:
        """What waits, leased to a new turn, once hived has all that came before. Waits for as long as hived is away."""
        turn_id = new_id()
        await self._journal.flush()
        await self._uplink.flushed(self._journal.last_id)
        while True:
            await self._uplink.until_connected()
            try:
                return await self._client.claim(Claim(turn_id=turn_id))
            except (StaleGeneration, ProtocolMismatch):
                raise
            except HiveError as error:
                self._log(f"the claim waits: {error.message}")
                await asyncio.sleep(RETRY_SECONDS)

    async def _release(self, claimed: Claimed) -> None:
        if claimed.messages:
            with contextlib.suppress(HiveError):
                await self._client.release(claimed.turn_id)

    def _wake_at(self, moment: str | None) -> None:
        if self._retry is not None:
            self._retry.cancel()
            self._retry = None
        if moment is not None:
            seconds = (from_text(moment) - from_text(in_seconds(0))).total_seconds()
            self._retry = asyncio.get_running_loop().call_later(max(0.0, seconds) + 0.01, self._wake.set)

    async def _turn(self, claimed: Claimed) -> None:
        record = TurnRecord(
            turn_id=claimed.turn_id,
            messages=claimed.messages,
            unread=len(claimed.messages) + claimed.unread,
            model=read_model(self._model_file),
        )
        self._current = record
        self._status.turn_begins(record.turn_id)
        for message in claimed.messages:
            self._journal.append("message_in", _message_in(message, steered=False))
        self._journal.append("turn_start", record.start_payload())
        await self._journal.flush()
        reach("turn_started")
        notices, self.notices = self.notices, []

        def prompt_for(primer: str) -> Prompt:
            told = [*notices, primer] if primer else notices
            return make_prompt(record.turn_id, record.messages, claimed.unread, told)

        done = await self._player.play(record, prompt_for)
        async with record.steering:
            record.ending = True
        await self._end(record, _final(record, done))

    async def _end(self, record: TurnRecord, done: TurnDone) -> None:
        record.model = self._status.model
        self._settle_conditions(done)
        await self._journal.flush()
        reach("before_turn_end")
        session_id = self._status.session_id
        self._journal.append("turn_end", record.end_payload(done, session_id))
        self._current = None
        self._status.turn_ends()
        record.ended.set()
        await self._journal.flush()
        await self._stats.record(record.row(done, session_id))

    def _settle_conditions(self, done: TurnDone) -> None:
        """An outcome says as much as an event: the engine that worked has its login, the one that says so lacks it."""
        if done.outcome == "ok":
            self._status.set_condition("needs_login", False)
            self._status.set_condition("rate_limited", False)
        elif done.outcome in ("needs_login", "rate_limited"):
            self._status.set_condition(done.outcome, True, (done.error or "")[:MOST_ERROR_CHARACTERS])

    async def _steer(self, record: TurnRecord) -> None:
        async with record.steering:
            engine = self._seat.engine
            if record.ending or engine is None or not engine.abilities.steer:
                self._wake.set()
                return
            claimed = await self._client.claim(Claim(turn_id=record.turn_id, only_now=True))
            fresh = [message for message in claimed.messages if message.id not in record.message_ids]
            if not fresh:
                return
            if not await engine.steer(make_steering(fresh)):
                self._recorder.note("A message for now came too late for this turn; it waits for the next.")
                return
            for message in fresh:
                self._journal.append("message_in", _message_in(message, steered=True))
                record.message_ids.append(message.id)
                record.steered.append(message.id)

    async def _break_off(self, record: TurnRecord, seconds: float) -> None:
        """Interrupt the engine; what has not ended after `seconds` is ended by TERM."""
        try:
            async with asyncio.timeout(seconds):
                if self._seat.engine is not None:
                    await self._seat.engine.interrupt()
                await record.ended.wait()
        except TimeoutError:
            self._log(f"turn {record.turn_id} did not end within {seconds:g} s of its interrupt: its engine is ended")
            if self._seat.engine is not None:
                await self._seat.engine.terminate()

    def _do_aside(self, work: Coroutine[Any, Any, None]) -> None:
        """Beside the running turn; what goes wrong there is logged and does not touch the turn."""
        task = asyncio.create_task(self._guarded(work))
        self._aside.add(task)
        task.add_done_callback(self._aside.discard)

    async def _guarded(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (EngineFailed, HiveError, OSError) as error:
            self._log(f"beside the turn: {error}")


def _message_in(message: Message, *, steered: bool) -> dict[str, Any]:
    return {
        "message_id": message.id,
        "from": message.sender,
        "body": message.body,
        "redelivered": message.redelivered,
        "reply_to": message.reply_to,
        "steered": steered,
    }


def _final(record: TurnRecord, done: TurnDone) -> TurnDone:
    """What the turn came to, seen with what was asked of the harness meanwhile."""
    error = done.error[:MOST_ERROR_CHARACTERS] if done.error else None
    if done.outcome == "ok":
        return TurnDone("ok", None, done.retryable, done.usage)
    if record.cancelled:
        return TurnDone("cancelled", error, True, done.usage)
    if record.stopped:
        return TurnDone("failed", "the harness was stopped in mid-turn", True, done.usage)
    return TurnDone(done.outcome, error, done.retryable, done.usage)
