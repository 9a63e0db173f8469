"""Logging the engine in: one attempt at a time, carried from the engine's own login to the operator and back.

The code is handed to the engine and kept nowhere: not in the journal, not in the log, not in an error's text.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable

from agentd.engines.base import EngineFailed, Login
from agentd.journal import Journal
from hived.wire.agents import LoginState

OPEN_SECONDS = 15 * 60.0
"""So long a link waits for its code."""
STEP_SECONDS = 120.0
"""For the engine's own work: to come up with the link, and to check the code."""
_OPEN_FACT = "login_open"
MOST_DETAIL_CHARACTERS = 500
MOST_URL_CHARACTERS = 4096


class Logins:
    """`make` gives a fresh Login; `done` is awaited once one has worked."""

    def __init__(
        self,
        make: Callable[[], Login],
        journal: Journal,
        done: Callable[[], Awaitable[None]],
        log: Callable[[str], None],
        open_seconds: float = OPEN_SECONDS,
        step_seconds: float = STEP_SECONDS,
    ) -> None:
        self._make = make
        self._journal = journal
        self._done = done
        self._log = log
        self._open_seconds = open_seconds
        self._step_seconds = step_seconds
        self._id: str | None = None
        self._code: asyncio.Future[str] | None = None
        self._task: asyncio.Task[None] | None = None

    def mend(self) -> None:
        """At a start: an attempt that an earlier harness ended in is over."""
        left = self._journal.get(_OPEN_FACT)
        if left is not None:
            self._say(left, "failed", detail="The harness ended in the middle of the login.")

    def start(self, login_id: str) -> None:
        """Begin that attempt; one that is open ends for it."""
        if login_id != self._id:
            before, self._id = self._task, login_id
            self._code = asyncio.get_running_loop().create_future()
            self._task = asyncio.create_task(self._run(login_id, self._code, before), name="login")

    def give(self, login_id: str, code: str) -> None:
        """The code that the link gave. One for another attempt is not for this one."""
        if login_id == self._id and self._code is not None and not self._code.done():
            self._code.set_result(code)

    def cancel(self, login_id: str) -> None:
        if login_id == self._id and self._task is not None:
            self._task.cancel()

    async def close(self) -> None:
        if self._task is not None:
            self._task.cancel()
            await asyncio.wait({self._task})

    async def _run(self, login_id: str, code: asyncio.Future[str], before: asyncio.Task[None] | None) -> None:
        login: Login | None = None
        state: LoginState = "failed"
        detail = ""
        try:
            if before is not None:
                before.cancel()
                await asyncio.wait({before})
            self._journal.set(_OPEN_FACT, login_id)
            login = self._make()
            url = await self._step(login.begin(), "The engine gave no link")
            self._say(login_id, "open", url=url[:MOST_URL_CHARACTERS])
            await self._finish(login, login_id, code)
            state = "done"
        except asyncio.CancelledError:
            state, detail = "cancelled", "It was cancelled."
        except EngineFailed as error:
            detail = _without(error.message, code)
        except TimeoutError:
            state, detail = "cancelled", f"Nobody brought a code within {self._open_seconds / 60:.0f} minutes."
        except Exception as error:
            self._log(f"the login broke: {type(error).__name__}")
            detail = f"The login broke: {type(error).__name__}."
        finally:
            if login is not None:
                with contextlib.suppress(Exception):
                    await login.cancel()
        if state == "done":
            with contextlib.suppress(asyncio.CancelledError):  # too late: the engine has its login, and that is said
                await self._done()
        self._say(login_id, state, detail=detail)
        if self._id == login_id:
            self._id = None

    async def _finish(self, login: Login, login_id: str, code: asyncio.Future[str]) -> None:
        async with asyncio.timeout(self._open_seconds):
            given = await code
        self._say(login_id, "checking")
        await self._step(login.finish(given), "The engine did not say whether it took the code")

    async def _step(self, work: Awaitable[str | None], otherwise: str) -> str:
        try:
            async with asyncio.timeout(self._step_seconds):
                return await work or ""
        except TimeoutError:
            raise EngineFailed("failed", f"{otherwise} within {self._step_seconds:g} s.", retryable=False) from None

    def _say(self, login_id: str, state: LoginState, *, url: str | None = None, detail: str = "") -> None:
        if state in ("done", "failed", "cancelled"):
            self._journal.set(_OPEN_FACT, None)
        self._journal.append("login_changed", {"login_id": login_id, "state": state, "url": url, "detail": detail})


def _without(words: str, code: asyncio.Future[str]) -> str:
    """An engine may repeat what it was given."""
    if code.done() and not code.cancelled():
        words = words.replace(code.result(), "…")
    return " ".join(words.split())[:MOST_DETAIL_CHARACTERS]
