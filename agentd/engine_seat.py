"""The one engine of this agent: made when first needed, kept over turns, resumed by its stored session id and by nothing else."""

import contextlib
from collections.abc import Callable
from pathlib import Path

from agentd.engines.base import Engine, EngineFailed
from agentd.journal import Journal
from agentd.status import Status
from hived.wire.agents import ENGINES_OWN_MODEL

SESSION_FACT = "session_id"


def read_model(model_file: Path) -> str:
    """The model that hived wrote down; the default where the file is missing or blank."""
    try:
        return model_file.read_text(encoding="utf-8").strip() or ENGINES_OWN_MODEL
    except (OSError, UnicodeDecodeError):
        return ENGINES_OWN_MODEL


class EngineSeat:
    """`make` constructs an engine for a model. What it raises, an unknown kind or a wrong option, is the turn's failure."""

    def __init__(
        self, make: Callable[[str], Engine], journal: Journal, status: Status, log: Callable[[str], None]
    ) -> None:
        self._make = make
        self._journal = journal
        self._status = status
        self._log = log
        self._model = status.model
        self.engine: Engine | None = None

    def check(self, model: str) -> None:
        """Construct an engine and drop it: raises EngineFailed for what a message could not help, before there is one."""
        self._make(model)

    async def ready(self, model: str) -> Engine:
        """The engine, started, on that model. Raises EngineFailed."""
        if self.engine is not None and model != self._model and not await self.engine.set_model(model):
            self._log(f"the engine is restarted for model {model}")
            await self.drop()
        if model != self._model:
            self._model = model
            self._status.set_model(model)
        if self.engine is None:
            engine = self._make(model)
            self.engine = engine
            try:
                await engine.start(self._journal.get(SESSION_FACT))
            except BaseException:
                await self.drop()
                raise
            self._status.abilities = engine.abilities
        self.keep_session()
        return self.engine

    async def change_model(self, model: str) -> None:
        """At once, where the engine can; else at the next turn."""
        if self.engine is not None and model != self._model and await self.engine.set_model(model):
            self._model = model
            self._status.set_model(model)

    def keep_session(self) -> None:
        """Store the session's id as the engine knows it now."""
        session_id = self.engine.session_id if self.engine is not None else None
        if session_id is not None and session_id != self._journal.get(SESSION_FACT):
            self._journal.set(SESSION_FACT, session_id)
        self._status.session_id = self._journal.get(SESSION_FACT)

    async def forget_session(self) -> None:
        """The next engine begins a new one. The caller says so where it can be read."""
        await self.drop()
        self._journal.set(SESSION_FACT, None)
        self._status.session_id = None

    async def drop(self) -> None:
        """Close the engine; the next turn starts another."""
        engine, self.engine = self.engine, None
        if engine is not None:
            with contextlib.suppress(EngineFailed, OSError):
                await engine.close()
