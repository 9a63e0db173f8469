"""Whether the engine comes up, before the harness says that it is there: started as a turn would start it, without a word.

What the agent can say for itself once it is there (no login, a limit, a conversation that is refused) is no failure, and what
the machine cannot do just now says nothing of the engine.
"""

import asyncio
import errno
import traceback
from collections.abc import Awaitable, Callable

from agentd.engine_seat import EngineSeat
from agentd.engines.base import EngineFailed
from agentd.fault_points import reach
from agentd.settings import SettingFiles
from agentd.status import Status

UNUSED_SECONDS = 60.0
"""So long what was proven waits for a turn: an agent that nobody writes to costs no engine."""
CODE = "engine_failed"
MOST_CHARACTERS = 1000
OF_MACHINE = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EAGAIN, errno.ENOMEM, errno.EMFILE, errno.ENFILE})


class Proof:
    """`engine`: what the stored session must belong to. `logged_in`: None where that cannot be told."""

    def __init__(
        self,
        seat: EngineSeat,
        status: Status,
        settings: SettingFiles,
        engine: str,
        logged_in: Callable[[], Awaitable[bool | None]],
        gate: Callable[[], Awaitable[None]],
        log: Callable[[str], None],
    ) -> None:
        self._seat = seat
        self._status = status
        self._settings = settings
        self._engine = engine
        self._logged_in = logged_in
        self._gate = gate
        self._log = log
        self._to_tell: EngineFailed | None = None

    async def failure(self, seconds: float, stopping: asyncio.Event) -> str | None:
        """Why the engine does not come up, as the harness's last line in its log; None where it does, or where it is to stop."""
        proving = asyncio.create_task(self._proven(seconds), name="proof")
        stopped = asyncio.create_task(stopping.wait(), name="stop of the proof")
        try:
            await asyncio.wait({proving, stopped}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (proving, stopped):
                task.cancel()
            await asyncio.wait({proving, stopped})
        return None if proving.cancelled() or stopping.is_set() else proving.result()

    def tell(self) -> None:
        """What was found out and is no failure, as a turn would say it. After what an earlier harness left is settled."""
        error, self._to_tell = self._to_tell, None
        if error is None:
            return
        if error.code == EngineFailed.RESUME_REFUSED:
            self._status.sessions.refuse(error.message)
        elif error.outcome == "needs_login":
            self._status.conditions.set("needs_login", True, error.message)
        elif error.outcome == "rate_limited" and self._status.conditions.get("rate_limited") is None:
            self._status.conditions.set("rate_limited", True, error.message)

    async def rest(self) -> None:
        """Close it again where nobody has written. Not in a pause: then nothing of it moves."""
        await asyncio.sleep(UNUSED_SECONDS)
        await self._gate()
        await self._seat.rest()

    async def _proven(self, seconds: float) -> str | None:
        sessions = self._status.sessions
        anew = sessions.armed is not None or sessions.refused or sessions.belongs_to_another(self._engine)
        reach("engine_proving")
        try:
            async with asyncio.timeout(seconds) as limit:
                failed = await self._error(anew)
                if failed is not None and failed.retryable and not limit.expired():
                    self._log(f"the engine is tried once more: {_one_line(failed.message)}")
                    failed = await self._error(anew)
        except Exception as error:
            if limit.expired():
                return _line(CODE, f"The engine did not come up within {seconds:g} s.")
            if _is_of_machine(error):
                self._log(f"the engine could not be tried: {error}")
                return None
            self._log("".join(traceback.format_exception(error)))
            return _line(CODE, f"The engine broke: {type(error).__name__}: {error}")
        if failed is not None:
            return _line(failed.code or CODE, failed.message)
        reach("engine_proved")
        return None

    async def _error(self, anew: bool) -> EngineFailed | None:
        """Why it does not come up; None where it does, and where that is no failure."""
        try:
            await self._seat.prove(self._settings.read(), anew=anew)
        except EngineFailed as error:
            if not await self._is_no_failure(error):
                return error
            self._log(f"the engine was tried: {_one_line(error.message)}")
            self._to_tell = error
        return None

    async def _is_no_failure(self, error: EngineFailed) -> bool:
        if error.outcome != "failed" or error.away or error.code == EngineFailed.RESUME_REFUSED:
            return True
        if _is_of_machine(error):
            return True
        # What an engine offers to one who is not logged in need not be all that it has.
        return error.code == EngineFailed.UNKNOWN_MODEL and await self._logged_in() is False


def _is_of_machine(error: BaseException | None) -> bool:
    while error is not None:
        if isinstance(error, OSError) and error.errno in OF_MACHINE:
            return True
        error = error.__cause__ or error.__context__
    return False


def _line(code: str, message: str) -> str:
    return f"error[{code}]: {_one_line(message)}"


def _one_line(message: str) -> str:
    """What an engine wrote to its stderr is in it."""
    return "".join(one for one in " ".join(message.split()) if one.isprintable())[:MOST_CHARACTERS]
