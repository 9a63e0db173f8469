"""One agent's keeper: makes the process table agree with what is wanted of that agent, one step at a time.

Level-triggered: each step reads the agent anew and does the one thing that is due. Lifecycle is written here, before and
after what is done; the generation is committed before the fork.
"""

import asyncio
import logging
import os
import re
from collections.abc import Awaitable, Callable

from hived.core.agents import Supervised, next_generation, set_lifecycle, set_workspace, supervised_one
from hived.core.fault_points import reach
from hived.core.hive import Hive
from hived.logs import last_lines
from hived.store.database import Ring, Tx
from hived.supervision.adopt import Found, find_harness
from hived.supervision.burials import bury
from hived.supervision.folders import launched_to_prove, prepare, prove_seconds, write_launch
from hived.supervision.process import (
    TERM_SECONDS,
    Harness,
    adopted_harness,
    allowed_environment,
    end_leftovers,
    end_tree,
    harness_command,
    kill_tree,
    start_harness,
    tree_of,
    until_ended,
)
from hived.supervision.process_tree import engine_tree
from hived.supervision.restart_policy import CrashBudget, Park
from hived.supervision.starts import TURN_SECONDS, Starts
from hived.wire.agents import LifecycleState
from hived.wire.control import Stop
from hived.wire.errors import HiveError
from hived.wire.launch import EXIT_CONFIG, EXIT_STALE

CAUSE_LINES = 3
"""How much of a harness's log goes into the cause of its agent being parked."""
CAUSE_CHARACTERS = 600
FAULT_SECONDS = 1.0
"""Between two tries where the keeper itself met an error, such as a full disk."""

_UNTIMED = re.compile(r"^\S+Z (error\[\w+\]: )?")
"""What stands before the sentence in a line of a harness's log."""

OpenDoor = Callable[[Supervised], Awaitable[None]]
CloseDoor = Callable[[str], None]

log = logging.getLogger(__name__)


class Keeper:
    """Run `run` as a task. `poke` tells it that something of its agent may have changed, `hurry` that it is to be killed."""

    def __init__(
        self, hive: Hive, agent: Supervised, open_door: OpenDoor, close_door: CloseDoor, starts: Starts
    ) -> None:
        self.agent_id = agent.id
        self.name = agent.name
        self.harness: Harness | None = None
        self._hive = hive
        self._paths = hive.paths.agent(agent.name)
        self._open_door = open_door
        self._close_door = close_door
        self._starts = starts
        self._news = asyncio.Event()
        self._kill = asyncio.Event()
        self._budget = CrashBudget(hive.config.crash_budget, hive.config.crash_window_seconds)
        self._retry_at = 0.0
        self._online_by: float | None = None
        self._online_within = hive.config.start_seconds
        self._proves = False
        """What runs was started to try its engine first."""
        self._ended_because = "nothing of it runs"

    def poke(self) -> None:
        self._news.set()

    def hurry(self) -> None:
        """Its kill is wanted: a stop that is under way is not waited for."""
        self._kill.set()
        self._news.set()

    async def run(self) -> None:
        """Keep the agent until it is gone from the store, or buried; on cancellation its harness is left to run."""
        try:
            agent = await self._read()
            found = None if agent is None else await asyncio.to_thread(find_harness, self._paths, agent.generation)
            self._starts.looked(self.agent_id)
            if agent is not None:
                await self._adopt(agent, found)
            while True:
                self._news.clear()
                self._kill.clear()
                try:
                    agent = await self._read()
                    if agent is None:
                        break
                    wait = await self._step(agent)
                except Exception:
                    log.exception("keeping %s failed; trying again", self.name)
                    wait = FAULT_SECONDS
                await self._until_news(wait)
            if self.harness is not None:
                await end_tree(self.harness, self._paths)
            self._close_door(self.agent_id)
        finally:
            self._starts.forget(self.agent_id)
            if self.harness is not None:
                self.harness.unwatch()

    async def _read(self) -> Supervised | None:
        return await self._hive.database.read(lambda conn: supervised_one(conn, self.agent_id))

    async def _until_news(self, seconds: float | None) -> None:
        """Return at the next poke, or after `seconds`; None: wait for a poke alone."""
        if seconds is not None and seconds <= 0:
            return
        try:
            async with asyncio.timeout(seconds):
                await self._news.wait()
        except TimeoutError:
            return

    async def _adopt(self, agent: Supervised, found: Found | None) -> None:
        if found is None:
            await end_leftovers(await asyncio.to_thread(engine_tree, self._paths))
            return
        harness = adopted_harness(found.identity, self.poke)
        if found.kind == "outdated":
            await end_tree(harness, self._paths)
            return
        log.info("adopted harness %d of %s, generation %d", harness.pid, self.name, agent.generation)
        self.harness = harness
        # One that was connected before has tried its engine.
        starts = agent.lifecycle in ("starting", "stopping")
        self._await_online(await asyncio.to_thread(launched_to_prove, self._paths) if starts else None)

    async def _step(self, agent: Supervised) -> float | None:
        """Do what is due; how long until the next look (0: at once, None: until something happens)."""
        if self.harness is None:
            return await self._step_without(agent)
        if self.harness.ended.is_set():
            await self._after_exit(agent, self.harness)
        elif agent.kill_wanted:
            await self._kill_at_once(self.harness)
        elif agent.bury_wanted:
            await self._end(agent, self.harness, "it is wanted buried")
        elif agent.wanted == "stopped":
            await self._end(agent, self.harness, "it is wanted stopped")
        elif agent.restart_token != agent.started_token:
            await self._end(agent, self.harness, "its restart was asked for")
        elif agent.online:
            return await self._is_up(agent, self.harness)
        elif agent.paused and self._proves:  # it hears of no pause yet, and its engine runs
            await self._end(agent, self.harness, "it is paused while its engine is tried")
        elif self._online_by is not None and self._now() >= self._online_by:
            await self._give_up_start(self.harness)
        else:
            return None if self._online_by is None else self._online_by - self._now()
        return 0

    async def _is_up(self, agent: Supervised, harness: Harness) -> float | None:
        """Its harness is connected: it runs, or stands still as its harness says."""
        self._online_by = None
        self._starts.give(self.agent_id)
        state: LifecycleState = "paused" if agent.frozen else "running"
        if (agent.lifecycle, agent.pid) == (state, harness.pid):
            return None
        if "paused" in (state, agent.lifecycle) and agent.pause_cause:
            cause = agent.pause_cause
        else:
            cause = "its harness is connected" + (" and is told to stand still" if agent.paused else "")
        await self._set(state, cause, harness.pid)
        return 0

    async def _step_without(self, agent: Supervised) -> float | None:
        if agent.wanted == "stopped" or agent.bury_wanted:
            self._starts.forget(self.agent_id)
            if agent.lifecycle != "stopped":
                await self._set("stopped", self._ended_because)
                return 0
            return await self._bury(agent) if agent.bury_wanted else None
        if agent.lifecycle == "parked" or agent.unbuilt:
            self._starts.forget(self.agent_id)
            return None
        if agent.lifecycle == "requested":
            self._budget.clear()
            self._retry_at = 0.0
        if self._now() < self._retry_at:
            return self._retry_at - self._now()
        if not self._starts.take(self.agent_id, self.poke):
            return None
        await self._start(agent)
        return 0

    async def _bury(self, agent: Supervised) -> float:
        await bury(self._hive, agent)
        after = await self._read()
        return FAULT_SECONDS if after is not None and after.bury_wanted else 0

    async def _start(self, agent: Supervised) -> None:
        def begin(tx: Tx) -> tuple[int, str]:
            generation = next_generation(tx, agent.id, self._hive.config.max_deliveries)
            set_workspace(tx, agent.id, str(self._paths.workspace))
            cause = f"its harness is started, generation {generation}"
            if prove_seconds(agent, self._hive.config) is not None:
                cause += ", and tries its engine"
            set_lifecycle(tx, agent.id, "starting", cause, pid=None)
            return generation, cause

        generation, cause = await self._hive.database.write(begin)
        reach("hived_starting")
        try:
            new = not self._paths.harness.exists()
            await asyncio.to_thread(prepare, agent, self._paths, self._hive.paths)
            if new:
                self._hive.folders_made.set()
            await self._open_door(agent)
            await asyncio.to_thread(write_launch, agent, generation, self._paths, self._hive.paths, self._hive.config)
            self.harness = start_harness(
                harness_command(self._paths.launch_file),
                cwd=self._paths.harness,
                log_file=self._paths.log,
                env=allowed_environment(os.environ, agent.request.env_from),
                generation=generation,
                on_exit=self.poke,
            )
        except HiveError as error:
            await self._set("parked", error.message)
            return
        except OSError as error:
            await self._crashed(f"its harness could not be started: {error}")
            return
        self._await_online(prove_seconds(agent, self._hive.config))
        asyncio.get_running_loop().call_later(TURN_SECONDS, self._starts.give, self.agent_id)
        reach("hived_forked")
        # agentd writes this too. A hived killed in between would otherwise not know its own child again.
        self.harness.identity.write(self._paths.pid_file)
        await self._set("starting", cause, self.harness.pid)

    def _await_online(self, proves: float | None) -> None:
        self._proves = proves is not None
        self._online_within = self._hive.config.start_seconds + (proves or 0.0)
        self._online_by = self._now() + self._online_within

    async def _end(self, agent: Supervised, harness: Harness, why: str) -> None:
        """Ask it to stop, then make it; all that it started is ended with it. A kill that is wanted meanwhile cuts it short."""
        await self._set("stopping", why, harness.pid)
        reach("hived_stopping")
        gently = asyncio.create_task(self._end_gently(agent, harness, why))
        killed = asyncio.create_task(self._kill.wait())
        try:
            await asyncio.wait({gently, killed}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (gently, killed):
                task.cancel()
            await asyncio.wait({gently, killed})
        if gently.cancelled():
            await self._kill_at_once(harness)
        else:
            gently.result()

    async def _end_gently(self, agent: Supervised, harness: Harness, why: str) -> None:
        left = await asyncio.to_thread(tree_of, harness, self._paths)
        patience = self._hive.config.stop_seconds
        term_seconds = min(TERM_SECONDS, patience / 2)
        if agent.online:
            stop = Ring(agent.id, "stop", Stop(reason=why).model_dump())
            self._hive.bells(agent.id).publish([stop])
            await until_ended(harness, patience - term_seconds)
        asked = harness.exit
        await end_tree(harness, self._paths, term_seconds=term_seconds)
        await end_leftovers(left)
        self._forget()
        if asked is None:
            self._ended_because = f"{why}; it did not end by itself and was ended"
        elif asked.code in (None, 0, EXIT_STALE):
            self._ended_because = f"{why}, and it ended"
        else:
            self._ended_because = f"{why}; {asked.sentence}"

    async def _kill_at_once(self, harness: Harness) -> None:
        await kill_tree(harness, self._paths)
        self._forget()
        self._ended_because = "its kill was asked for, and it was killed with all that it had started"

    async def _give_up_start(self, harness: Harness) -> None:
        await end_tree(harness, self._paths)
        self._forget()
        await self._crashed(f"its harness did not connect within {self._online_within:g} s")

    async def _after_exit(self, agent: Supervised, harness: Harness) -> None:
        await end_tree(harness, self._paths)
        self._forget()
        sentence = "it ended" if harness.exit is None else harness.exit.sentence
        if agent.wanted == "stopped" or agent.bury_wanted or agent.restart_token != agent.started_token:
            self._ended_because = sentence
            return
        if harness.exit is not None and harness.exit.code == EXIT_CONFIG:
            lines = await asyncio.to_thread(last_lines, self._paths.log, 1)
            await self._set("parked", _UNTIMED.sub("", lines[-1]) if lines else sentence)
            return
        await self._crashed(f"its harness was to run, but {sentence}")

    async def _crashed(self, cause: str) -> None:
        verdict = self._budget.crashed(self._now())
        lines = await asyncio.to_thread(last_lines, self._paths.log, CAUSE_LINES)
        if isinstance(verdict, Park):
            said = " | ".join(lines)
            cause = f"{cause}, {verdict.crashes} times within {self._hive.config.crash_window_seconds:g} s"
            await self._set("parked", f"{cause}: {said}" if said else cause)
            return
        self._retry_at = self._now() + verdict.in_seconds
        await self._set("crashed", f"{cause}: {lines[-1]}" if lines else cause)

    def _forget(self) -> None:
        if self.harness is not None:
            self.harness.unwatch()
        self.harness = None
        self._online_by = None
        self._starts.forget(self.agent_id)

    async def _set(self, state: LifecycleState, cause: str, pid: int | None = None) -> None:
        short = cause if len(cause) <= CAUSE_CHARACTERS else cause[: CAUSE_CHARACTERS - 1] + "…"
        log.info("%s is %s: %s", self.name, state, short)
        await self._hive.database.write(lambda tx: set_lifecycle(tx, self.agent_id, state, short, pid=pid))

    def _now(self) -> float:
        return asyncio.get_running_loop().time()
