"""A pause: the engine and all that it started stand still, no turn begins, and no time limit of a turn runs on.

What is wanted is set at once; `run` makes it so, and says so in a status report.
"""

import asyncio
from collections.abc import Callable

from agentd import patience
from agentd.runtimes.process import Processes
from agentd.status import Status
from agentd.turn_record import TurnRecord

AGAIN_SECONDS = 0.5
"""Before what still moves (a process that the kernel holds) is told again."""


class Pauses:
    """One per harness. `on_resume` is called when turns may begin again."""

    def __init__(self, processes: Processes, status: Status, log: Callable[[str], None]) -> None:
        self._processes = processes
        self._status = status
        self._log = log
        self._wanted = False
        self._ending: TurnRecord | None = None
        """A turn that goes on just to end."""
        self._over = False
        self._news = asyncio.Event()
        self._open = asyncio.Event()
        self._open.set()
        self.on_resume: Callable[[], None] = lambda: None

    @property
    def holds(self) -> bool:
        """Whether nothing may begin."""
        return self._wanted and not self._over

    def set(self, wanted: bool) -> None:
        """What hived wants. The same again changes nothing."""
        if wanted != self._wanted:
            self._log("hived wants it paused" if wanted else "hived lets it go on")
        self._wanted = wanted
        self._look()

    def let_end(self, record: TurnRecord) -> None:
        """That turn was cancelled: it goes on until it has ended."""
        if self.holds and self._ending is not record:
            self._ending = record
            self._look()

    def release(self) -> None:
        """The harness ends: nothing is held any more."""
        self._over = True
        self._look()

    async def gate(self) -> None:
        """Returns once the turn that runs may go on."""
        await self._open.wait()

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            await self._news.wait()
            self._news.clear()
            if not self._stops():
                await self._go_on()
            elif not await self._processes.freeze():
                self._log("something of the engine still moves")
                asyncio.get_running_loop().call_later(AGAIN_SECONDS, self._news.set)
            elif self._stops():
                self._say(True)
            if self._ending is not None and self.holds:
                await self._ending.ended.wait()
                self._ending = None
                self._look()

    def _look(self) -> None:
        if self._stops():
            self._open.clear()
            patience.stand_still()
        self._news.set()

    def _stops(self) -> bool:
        return self.holds and self._ending is None

    async def _go_on(self) -> None:
        await self._processes.thaw()
        if self._stops():
            return  # wanted anew meanwhile: that is news
        patience.go_on()
        self._open.set()
        self._say(False)
        if not self.holds:
            self.on_resume()

    def _say(self, paused: bool) -> None:
        if self._status.paused != paused:
            self._status.paused = paused
            self._status.on_news()
