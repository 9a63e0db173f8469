"""The turn loop: wake → claim → prompt → the engine → one turn_end, which is the ack. See DESIGN 5.

Before each claim everything is hived's, so that what was settled is never leased again. A turn goes on while hived is away.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from typing import Any, TypeVar

from agentd.asked_questions import AskedQuestions
from agentd.context_care import ContextCare
from agentd.engine_seat import EngineSeat
from agentd.engines.base import EngineFailed, Prompt, TurnDone
from agentd.fault_points import reach
from agentd.journal import Journal
from agentd.mailbox import take_in
from agentd.moments import seconds_until
from agentd.pauses import Pauses
from agentd.play import Player
from agentd.prompt import make_prompt, make_steering
from agentd.recording import Recorder
from agentd.rests import Claims, Rests
from agentd.settings import SettingFiles
from agentd.status import Status
from agentd.turn_course import TurnCourse
from agentd.turn_record import Kind, TurnRecord
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.budgets import TurnAllowed
from hived.wire.errors import HiveError, ProtocolMismatch, StaleGeneration
from hived.wire.ids import new_id
from hived.wire.messages import Claim, Claimed

T = TypeVar("T")

CANCEL_SECONDS = 10.0
"""An interrupted engine may flush its result; then it is TERM."""
STOP_SECONDS = 1.0
"""The same when the harness itself must end: hived waits 5 s for all of it."""
RETRY_SECONDS = 0.5
OVER_BUDGET_FACT = "over_budget"


class TurnLoop:
    """One per harness. `wake`, `steer`, `cancel` and the like come from the control stream and return at once."""

    def __init__(
        self,
        client: AgentClient,
        journal: Journal,
        uplink: Uplink,
        status: Status,
        seat: EngineSeat,
        recorder: Recorder,
        settings: SettingFiles,
        course: TurnCourse,
        player: Player,
        care: ContextCare,
        rests: Rests,
        pauses: Pauses,
        asked: AskedQuestions,
        log: Callable[[str], None],
    ) -> None:
        self._client = client
        self._journal = journal
        self._uplink = uplink
        self._status = status
        self._seat = seat
        self._recorder = recorder
        self._settings = settings
        self._course = course
        self._player = player
        self._care = care
        self._rests = rests
        self._pauses = pauses
        self._asked = asked
        self._log = log
        self._wake = asyncio.Event()
        self._stopping = asyncio.Event()
        self._retry: asyncio.TimerHandle | None = None
        self._aside: set[asyncio.Task[None]] = set()
        self._over_budget = journal.get(OVER_BUDGET_FACT)

    def wake(self) -> None:
        self._wake.set()

    def steer(self) -> None:
        """A message marked `now` waits: into the running turn with it, or into the next."""
        record = self._course.current
        if self._pauses.holds:
            return  # it is looked for when the pause ends
        if record is None or record.kind != "message":
            self._wake.set()
        else:
            self._do_aside(self._steer(record))

    def cancel(self, turn_id: str | None) -> None:
        record = self._course.current
        if record is not None and turn_id in (None, record.turn_id) and not record.cancelled:
            record.cancelled = True
            self._pauses.let_end(record)
            self._do_aside(self._course.break_off(record, CANCEL_SECONDS))

    def resumed(self) -> None:
        """A pause has ended: what came meanwhile is looked at now."""
        self.settings_changed()
        self.steer()
        self._wake.set()

    def settings_changed(self) -> None:
        """A file was written: in force at once where a turn runs and the engine can, else at the next turn."""
        if self._course.current is not None and not self._pauses.holds:
            self._do_aside(self._seat.change(self._settings.read()))

    def compact(self, turn_id: str) -> None:
        self._care.request(turn_id)
        self._wake.set()

    async def stop(self) -> None:
        """Begin no turn any more; end the one that runs, its messages to be delivered again. `run` then returns."""
        self._stopping.set()
        self._wake.set()
        record = self._course.current
        if record is not None:
            record.stopped = True
            await self._course.break_off(record, STOP_SECONDS)

    async def run(self) -> None:
        """Until `stop`. Raises StaleGeneration and ProtocolMismatch."""
        try:
            while True:
                await self._wake.wait()
                self._wake.clear()
                if self._stopping.is_set():
                    return
                if self._pauses.holds:
                    continue
                await self._care.do_requested(self._may_start)
                cared = (
                    self._stopping.is_set()
                    or self._claims() == "none"
                    or await self._care.before_work(self._something_waits, self._may_start)
                )
                if self._stopping.is_set():
                    return
                if not cared:
                    continue
                claims = self._claims()
                if claims == "none":
                    continue
                claimed = await self._claim(only_now=claims == "now")
                reach("claimed")
                self._say_budget(claimed.over_budget)
                if self._stopping.is_set() or self._pauses.holds:
                    await self._release(claimed)
                elif claimed.messages:
                    done = await self._turn(claimed)
                    if done.outcome != "needs_login" or done.retryable:
                        self._wake.set()  # else only what is new, or sent again, is tried before somebody logs in
                else:
                    self._wake_at(claimed.retry_at)
        finally:
            if self._retry is not None:
                self._retry.cancel()
            self._rests.close()
            for task in self._aside:
                task.cancel()
            if self._aside:
                await asyncio.wait(self._aside)

    def _claims(self) -> Claims:
        """What may be taken up now. Nothing in a pause, nor while the operator must choose what becomes of the conversation."""
        claims = self._rests.claims()
        return "none" if self._status.sessions.refused or self._pauses.holds else claims

    def _say_budget(self, reason: str | None) -> None:
        """A budget that keeps it from beginning a turn, once for each reason: hived rings when there is a way on."""
        if reason == self._over_budget:
            return
        self._over_budget = reason
        self._journal.set(OVER_BUDGET_FACT, reason)
        said = "The budget allows turns again." if reason is None else f"No turn begins: {reason}"
        self._recorder.note(said, "info" if reason is None else "warning")

    async def _claim(self, *, only_now: bool) -> Claimed:
        """What waits, leased to a new turn."""
        claim = Claim(turn_id=new_id(), only_now=only_now)
        return await self._answered(lambda: self._client.claim(claim))

    async def _may_start(self, turn_id: str, kind: Kind) -> TurnAllowed:
        allowed = await self._answered(lambda: self._client.may_start(turn_id, kind))
        await self._pauses.gate()
        if self._stopping.is_set():
            return TurnAllowed(allowed=False, reason="The harness is stopping.")
        return allowed

    async def _something_waits(self) -> bool:
        waiting = (await self._answered(self._client.list_inbox)).messages
        return any(self._claims() == "all" or message.when == "now" for message in waiting)

    async def _answered(self, call: Callable[[], Awaitable[T]]) -> T:
        """hived's answer, once it has all that came before. Waits for as long as hived is away."""
        await self._journal.flush()
        await self._uplink.flushed(self._journal.last_id)
        while True:
            await self._uplink.until_connected()
            try:
                return await call()
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
            wait = max(0.0, seconds_until(moment)) + 0.01
            self._retry = asyncio.get_running_loop().call_later(wait, self._wake.set)

    async def _turn(self, claimed: Claimed) -> TurnDone:
        record = TurnRecord(
            turn_id=claimed.turn_id,
            messages=claimed.messages,
            unread=len(claimed.messages) + claimed.unread,
            model=self._settings.read().model,
            open_threads=claimed.open_threads,
            open_reminders=claimed.open_reminders,
        )
        asked = await self._asked.carried_by(claimed.messages)
        await self._course.begin(record)

        def prompt_for(told: Sequence[str]) -> Prompt:
            return make_prompt(record.turn_id, record.messages, claimed.unread, told, asked)

        done = await self._player.play(record, prompt_for)
        async with record.steering:
            record.ending = True
        return await self._course.end(record, done)

    async def _steer(self, record: TurnRecord) -> None:
        async with record.steering:
            engine = self._seat.engine
            compacting = self._status.turn_state == "compacting"
            if record.ending or compacting or engine is None or not engine.abilities.steer:
                self._wake.set()
                return
            claimed = await self._client.claim(Claim(turn_id=record.turn_id, only_now=True))
            fresh = [message for message in claimed.messages if message.id not in record.message_ids]
            if not fresh:
                return
            if not await engine.steer(make_steering(fresh, await self._asked.carried_by(fresh))):
                self._recorder.note("A message for now came too late for this turn; it waits for the next.")
                return
            take_in(self._journal, record, fresh, steered=True)

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
