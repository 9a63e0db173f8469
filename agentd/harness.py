"""The harness's composition root: one agent's parts, started in order, run in one task group, stopped in named stages."""

import asyncio
import contextlib
import os
import signal
import sys
from pathlib import Path

from agentd import fault_points
from agentd.activity import Activity
from agentd.asked_questions import AskedQuestions
from agentd.asks import Asks
from agentd.conditions import Conditions
from agentd.context_care import ContextCare, Thresholds
from agentd.control import Control
from agentd.engine_seat import EngineSeat
from agentd.engines.base import Engine, EngineContext, EngineFailed, Login
from agentd.engines.registry import is_logged_in, make_engine, make_login
from agentd.environment import engine_environment, open_environment
from agentd.home_lock import is_held, take_lock
from agentd.journal import Journal
from agentd.log_file import keep_short
from agentd.logins import Logins
from agentd.mailbox import Mailbox
from agentd.mend import mend
from agentd.network.servers import Servers
from agentd.notices import Notices
from agentd.outbox import Outbox
from agentd.pauses import Pauses
from agentd.play import Player
from agentd.prices import Prices
from agentd.proof import Proof
from agentd.recording import Recorder
from agentd.rests import Rests
from agentd.runtimes.process import ENGINE, LOGIN, Processes, end_leftover
from agentd.runtimes.registry import load_runtime, make_runtime
from agentd.sessions import Sessions, engine_of
from agentd.settings import SettingFiles, Settings
from agentd.stats import TurnStats
from agentd.status import Status
from agentd.status_reports import StatusReports
from agentd.tools.hive_tools import Tools
from agentd.turn import TurnLoop
from agentd.turn_course import TurnCourse
from agentd.uplink import Uplink
from hived.client.agent_client import AgentClient
from hived.wire.agents import ConditionKind
from hived.wire.base import Answer
from hived.wire.control import (
    Cancel,
    Compact,
    Decision,
    Hello,
    LoginCancel,
    LoginCodeGiven,
    LoginStart,
    ModelSet,
    NapSet,
    NewSessionArmed,
    Pause,
    Resume,
    SettingSet,
    Steer,
    Stop,
    Wake,
)
from hived.wire.errors import ProtocolMismatch, StaleGeneration
from hived.wire.launch import EXIT_CONFIG, EXIT_STALE, Launch
from hived.wire.messages import RefusedMessage
from hived.wire.process_identity import ProcessIdentity
from hived.wire.times import utc_now

EXIT_DONE = 0
EXIT_FAILED = 1
LAST_TURN_SECONDS = 1.0
"""For the turn that was broken off to be written down; one that waits for hived has none."""
FLUSH_SECONDS = 0.5
"""What hived does not take within this waits in the journal for the next harness."""
LOGIN_CHECK_SECONDS = 60.0
HOME_SECONDS = 2.0
"""How often the home is looked for: it vanishes once in an agent's life."""


def log(line: str) -> None:
    """One line in the harness's log, which is our stderr."""
    print(f"{utc_now()} {line}", file=sys.stderr, flush=True)


async def run_harness(launch: Launch) -> int:
    """Run that agent until it is told to stop. Answers the exit code."""
    harness = Path(launch.harness)
    lock = await take_lock(harness / "lock")
    if lock is None:
        log(f"another harness of {launch.name} holds {harness / 'lock'}; this one ends")
        return EXIT_FAILED
    try:
        identity = ProcessIdentity.of(os.getpid(), launch.generation)
        if identity is not None:
            identity.write(harness / "agentd.pid")
        keep_short(harness / "agentd.log")
        fault_points.arm(harness, launch.name)
        if await end_leftover(harness):
            log("ended the engine that an earlier harness left behind")
        events_db = Path(os.environ.get("HIVE_EVENTS_DB") or launch.events_db)
        journal = await Journal.open(events_db, harness / "overflow")
        try:
            return await Harness(launch, journal).run(lock)
        finally:
            await journal.close()
    finally:
        os.close(lock)


class Harness:
    """The parts of one running agent."""

    def __init__(self, launch: Launch, journal: Journal) -> None:
        self._launch = launch
        self._folder = Path(launch.harness)
        self._journal = journal
        self._stopping = asyncio.Event()
        self._exit_code = EXIT_DONE
        self._processes = Processes()
        self._client = AgentClient(Path(launch.agent_socket), launch.generation)
        model_file = Path(os.environ.get("HIVE_MODEL_FILE") or launch.model_file)
        self._settings = SettingFiles(model_file, self._folder)
        settings = self._settings.read()
        self._sessions = Sessions(journal)
        self._conditions = Conditions(journal, self._folder)
        self._conditions.on_change = self._condition_changed
        self._status = status = Status(journal, self._conditions, self._sessions, settings.model)
        self._activity = Activity(journal, status)
        prices = Prices(launch.prices)
        self._recorder = recorder = Recorder(journal, status, prices)
        self._uplink = Uplink(self._client, journal, self._refused, log)
        journal.listen(self._uplink.take)
        journal.on_trouble = self._journal_trouble
        self._reports = StatusReports(self._client, journal, self._uplink, status, log)
        status.on_news = self._reports.ask
        self._pauses = Pauses(self._processes, status, log)
        self._rests = Rests(journal, status, launch.rate_limit_resume, self._wake)
        self._notices = Notices(journal)
        self._outbox = Outbox(journal, self._uplink)
        asked = AskedQuestions(self._client)
        self._asks = Asks(self._client, journal, self._uplink, lambda: status.turn_id)
        self._seat = EngineSeat(self._make_engine, self._sessions, status, settings, log)
        files, gate = self._settings, self._pauses.gate
        self._proof = Proof(self._seat, status, files, engine_of(launch.spec), self._is_logged_in, gate, log)
        self._stats = TurnStats(self._folder / "turn-stats.sqlite", log)
        self._course = TurnCourse(journal, status, self._seat, self._stats, prices, log)
        mailbox = Mailbox(self._client, journal, self._uplink, self._course)
        self._tools = Tools(launch.spec.role, self._client, self._outbox, mailbox, asked, status, self._rests.nap)
        state = Path(launch.state)
        player = Player(self._seat, journal, status, recorder, files, self._notices, state, gate, log)
        care = ContextCare(self._course, player, status, recorder, state, Thresholds.from_environment())
        self._turns = TurnLoop(
            self._client, journal, self._uplink, status, self._seat, recorder, self._settings, self._course, player, care,
            self._rests, self._pauses, asked, log,
        )  # fmt: skip
        self._pauses.on_resume = self._turns.resumed
        self._logins = Logins(self._make_login, journal, self._logged_in, log)
        self._network = Servers(
            launch, lambda: open_environment(launch, {}), recorder.record, log,
            turn_id=lambda: status.turn_id, heard=self._activity.heard,
        )  # fmt: skip
        self._control = Control(self._client, journal, self._uplink, status.report, self._heard, log)

    async def run(self, lock: int) -> int:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stop, f"signal {number.name}")
        try:
            self._seat.check()
            await self._network.start()
        except EngineFailed as error:
            log(f"error[{error.code or 'invalid_option'}]: {error.message}")
            return EXIT_CONFIG
        proves = self._launch.prove_seconds
        if proves is not None:
            failure = await self._proof.failure(proves, self._stopping)
            if failure is not None or self._stopping.is_set():
                return await self._end_before_all(failure)
        self._say_conditions()
        await self._recall()
        self._proof.tell()
        try:
            async with asyncio.TaskGroup() as group:
                always = [
                    group.create_task(self._journal.run(), name="journal"),
                    group.create_task(self._uplink.run(), name="uplink"),
                    group.create_task(self._control.run(), name="control"),
                    group.create_task(self._reports.run(), name="status reports"),
                    group.create_task(self._pauses.run(), name="pauses"),
                    group.create_task(self._watch_home(lock), name="home"),
                    group.create_task(self._check_login(), name="login check"),
                ]
                if proves is not None:
                    always.append(group.create_task(self._proof.rest(), name="rest of the engine"))
                turns = group.create_task(self._turns.run(), name="turns")
                await self._stopping.wait()
                await self._turns.stop()
                await asyncio.wait({turns}, timeout=LAST_TURN_SECONDS)
                turns.cancel()
                await asyncio.wait({turns})
                await self._logins.close()
                await self._seat.close()
                await self._flush()
                for task in always:
                    task.cancel()
        except* (StaleGeneration, ProtocolMismatch) as errors:
            log(str(errors.exceptions[0]))
            self._exit_code = EXIT_STALE
        finally:
            self._activity.close()
            await self._logins.close()
            if self._seat.engine is not None:
                await self._seat.engine.terminate()
            await self._network.close()
            await self._client.close()
        log("ended")
        return self._exit_code

    async def _end_before_all(self, failure: str | None) -> int:
        """Before hived has heard of it: its engine does not come up, or it is to stop."""
        await self._seat.close()
        await self._network.close()
        await self._client.close()
        log(failure or "ended")
        return EXIT_DONE if failure is None else EXIT_CONFIG

    async def _recall(self) -> None:
        """What an earlier harness left: an unfinished turn or login, another engine's session, the last figures."""
        await mend(self._journal, self._recorder, self._stats)
        self._logins.mend()
        if self._sessions.settle(engine_of(self._launch.spec)):
            self._conditions.worked()  # whatever limit or missing login there was is the other engine's
        last = await self._stats.last_figures()
        begins = self._sessions.armed is not None
        self._status.ctx, self._status.cost = None if begins else last.ctx, last.cost
        self._course.last_ended_at = last.ended_at

    def _make_engine(self, settings: Settings) -> Engine:
        return make_engine(self._launch.spec.engine, self._context(settings, ENGINE))

    def _make_login(self) -> Login:
        return make_login(self._launch.spec.engine, self._context(self._settings.read(), LOGIN))

    def _context(self, settings: Settings, process: str) -> EngineContext:
        launch, heard = self._launch, self._activity.heard
        return EngineContext(
            launch=launch,
            workspace=Path(launch.workspace),
            home=Path(launch.home),
            state=Path(launch.state),
            harness=self._folder,
            model=settings.model,
            effort=settings.effort,
            permission_mode=settings.permission_mode,
            environment=lambda defaults: engine_environment(launch, defaults, process),
            runtime=make_runtime(
                launch,
                self._recorder.record,
                heard,
                process,
                self._processes if process == ENGINE else None,  # a login is the operator's own
            ),
            tools=self._tools,
            ask_permission=self._asks.permission,
            notice=self._notices.add,
            facts=self._journal,
            heard=heard,
            report=self._recorder.record,
            log=log,
        )

    async def _heard(self, event: Answer) -> None:
        """What hived says on the control stream. Returns at once."""
        match event:
            case Hello():
                if event.stop:
                    self._stop("hived wants it stopped")
                self._pauses.set(event.paused)
                self._turns.wake()
            case Wake():
                self._turns.wake()
            case Steer():
                self._turns.steer()
            case Cancel():
                self._turns.cancel(event.turn_id)
            case ModelSet() | SettingSet():
                self._turns.settings_changed()
            case Compact():
                self._turns.compact(event.turn_id)
            case NewSessionArmed():
                self._sessions.arm("primer" if event.primer else "clean", "The operator wants a new conversation.")
                self._turns.wake()
            case NapSet():
                self._rests.nap(event.until)
            case Pause():
                self._pauses.set(event.paused)
            case Resume():
                self._rests.resume()
            case LoginStart():
                self._logins.start(event.login_id)
            case LoginCodeGiven():
                self._logins.give(event.login_id, event.code)
            case LoginCancel():
                self._logins.cancel(event.login_id)
            case Decision():
                self._asks.decided(event)
            case Stop():
                self._stop(event.reason)

    def _wake(self) -> None:
        self._turns.wake()

    def _condition_changed(self, kind: ConditionKind) -> None:
        """A limit that came or went, a login that is there: what may be taken up is another matter now."""
        if kind == "rate_limited" or (kind == "needs_login" and self._conditions.get(kind) is None):
            self._turns.wake()

    async def _check_login(self) -> None:
        """Whether the engine can reach its model at all, before a turn fails for it. Best effort."""
        found = await self._is_logged_in()
        if found is not None:
            self._conditions.set("needs_login", not found, f"{self._launch.spec.engine} is not logged in.")

    async def _is_logged_in(self) -> bool | None:
        try:
            async with asyncio.timeout(LOGIN_CHECK_SECONDS):
                return await is_logged_in(self._launch.spec.engine, self._context(self._settings.read(), LOGIN))
        except Exception as error:  # whatever an engine's own check may raise, the turns will tell
            log(f"whether the engine is logged in cannot be told: {type(error).__name__}: {error}")
            return None

    async def _logged_in(self) -> None:
        """A login has worked: the next engine reads the credentials anew."""
        self._seat.stale = True
        if self._course.current is not None:
            self._course.current.logged_in = True
        self._conditions.set("needs_login", False)
        await self._check_login()
        self._turns.wake()

    def _stop(self, reason: str) -> None:
        log(f"stopping: {reason}")
        self._asks.closing = True
        self._pauses.release()
        self._stopping.set()

    def _refused(self, refused: RefusedMessage) -> None:
        """Something that was queued while hived was away, and is refused now: the engine has gone on since."""
        text = self._outbox.late_refusal(refused)
        self._recorder.note(text, "warning")
        self._notices.add(text)

    def _say_conditions(self) -> None:
        if self._journal.problem is not None:
            log(f"NO JOURNAL: {self._journal.problem} Events are kept in memory only.")
            self._recorder.note(f"{self._journal.problem} Events are kept in memory only.", "error")
            self._conditions.set("no_journal", True, self._journal.problem)
        if not load_runtime(self._launch.runtime).walls:
            self._conditions.set("unsandboxed", True, "its engine runs with the rights of hived's own user")

    def _journal_trouble(self, reason: str | None) -> None:
        log(reason or "the journal takes events again")
        self._conditions.set("no_journal", reason is not None, reason or "")

    async def _flush(self) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(FLUSH_SECONDS):
                await self._journal.flush()
                await self._uplink.flushed(self._journal.last_id)

    async def _watch_home(self, lock: int) -> None:
        """An agent that was purged, or whose home was moved away, ends: there is nothing left to write to."""
        while True:
            await asyncio.sleep(HOME_SECONDS)
            if not is_held(self._folder / "lock", lock):
                self._stop(f"its home {self._folder} is gone")
                return
