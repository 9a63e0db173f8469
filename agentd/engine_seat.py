"""The one engine of this agent: made when first needed, kept over turns, resumed by its stored session id and by nothing else."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace

from agentd.engines.base import Engine, EngineFailed
from agentd.sessions import Sessions
from agentd.settings import Settings
from agentd.status import Status
from hived.wire.agents import ENGINES_OWN_MODEL


class EngineSeat:
    """`make` constructs an engine for settings. What it raises, an unknown kind or a wrong option, is the turn's failure."""

    def __init__(
        self,
        make: Callable[[Settings], Engine],
        sessions: Sessions,
        status: Status,
        settings: Settings,
        log: Callable[[str], None],
    ) -> None:
        self._make = make
        self._sessions = sessions
        self._status = status
        self._log = log
        self._settings = settings
        """In force, or what the next engine is made with."""
        self._said_model = settings.model
        self._changing = asyncio.Lock()
        self.engine: Engine | None = None
        self.stale = False
        """What it was started with has changed beside it (a login): the next turn starts another."""
        self._unused: Engine | None = None
        """One that was proven, and that no turn has used yet."""

    def check(self) -> None:
        """Construct an engine and drop it: raises EngineFailed for what a message could not help, before there is one."""
        engine = self._make(self._settings)
        self._status.set_engine(engine.abilities, engine.models)

    async def prove(self, settings: Settings, *, anew: bool) -> None:
        """Bring the engine up as a turn would, without a word. Raises EngineFailed.

        It stays for the first turn, which keeps its session: one without a word may be nowhere. `anew`: not on the stored
        session; the turn that begins a conversation starts its own engine.
        """
        async with self._changing:
            self._settings = settings
            self._say_model(settings.model)
            try:
                await self._start(settings, anew=anew)
                assert self.engine is not None
                await self.engine.prove()
            except BaseException:
                await self.drop()
                raise
            self._status.set_engine(self.engine.abilities, self.engine.models)
            self._unused = self.engine
            if anew:
                await self.drop()

    async def rest(self) -> None:
        """Close what was proven, where no turn has used it."""
        async with self._changing:
            if self.engine is not None and self.engine is self._unused:
                self._log("no turn has used the engine: it is closed, and the next turn starts another")
                await self.drop()

    async def close(self) -> None:
        """At the end: close the engine, once whoever changes it has done so."""
        async with self._changing:
            await self.drop()

    async def ready(self, settings: Settings, *, anew: bool = False) -> Engine:
        """The engine, started, on those settings; `anew`: not on the stored session. Raises EngineFailed."""
        async with self._changing:
            self._unused = None
            if self.engine is not None and (self.stale or not await self._put_in_force(self.engine, settings)):
                self._log("the engine is started again, with what has changed for it")
                await self.drop()
            self._settings = settings
            self._say_model(settings.model)
            if self.engine is None:
                await self._start(settings, anew=anew)
            self.look()
            assert self.engine is not None
            return self.engine

    async def change(self, settings: Settings) -> None:
        """At once, where the engine can; the rest at the next turn."""
        async with self._changing:
            if self.engine is not None:
                await self._put_in_force(self.engine, settings)

    def look(self) -> None:
        """Take note of what the engine knows of itself by now: its session, what it can do and offers."""
        if self.engine is not None:
            self._sessions.keep(self.engine.session_id)
            self._status.set_engine(self.engine.abilities, self.engine.models)

    async def drop(self) -> None:
        """Close the engine; the next turn starts another."""
        engine, self.engine = self.engine, None
        if engine is not None:
            try:
                with contextlib.suppress(EngineFailed, OSError):
                    await engine.close()
            except BaseException:  # whoever waited for it has no time any more
                await engine.terminate()
                raise

    async def _start(self, settings: Settings, *, anew: bool) -> None:
        engine = self._make(settings)
        self.engine, self.stale = engine, False
        try:
            await engine.start(None if anew else self._sessions.id)
        except BaseException:
            await self.drop()
            raise

    async def _put_in_force(self, engine: Engine, wanted: Settings) -> bool:
        """False: something of it needs another start. What could be set is set."""
        done = True
        if wanted.model != self._settings.model:
            # The engine's own model has no name that could be given to it.
            if wanted.model != ENGINES_OWN_MODEL and await _took(engine.set_model(wanted.model)):
                self._settings = replace(self._settings, model=wanted.model)
                self._say_model(wanted.model)
            else:
                done = False
        if wanted.effort != self._settings.effort:
            if not engine.abilities.efforts or await _took(engine.set_effort(wanted.effort)):
                self._settings = replace(self._settings, effort=wanted.effort)
            else:
                done = False
        if wanted.permission_mode != self._settings.permission_mode:
            if not engine.abilities.permission_modes or await _took(engine.set_permission_mode(wanted.permission_mode)):
                self._settings = replace(self._settings, permission_mode=wanted.permission_mode)
            else:
                done = False
        return done

    def _say_model(self, model: str) -> None:
        """Only where it was set anew: the engine itself may call it by a longer name."""
        if model != self._said_model:
            self._said_model = model
            self._status.set_model(model)


async def _took(change: Awaitable[bool]) -> bool:
    try:
        return await change
    except (EngineFailed, OSError):
        return False
