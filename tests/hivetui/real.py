"""The app on a real hived, with an agent `ada` whose harness is the test itself."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from textual.pilot import Pilot

from hived.client.hive_client import HiveClient
from hived.wire.ids import new_id
from hivetui.app import HiveApp
from tests.hivetui.conditions import settled
from tests.support.own_agent import OwnAgent, event, own_agent


class Real:
    def __init__(self, agent: OwnAgent, app: HiveApp, pilot: Pilot[None]) -> None:
        self.agent = agent
        self.hive = agent.hive
        self.app = app
        self.pilot = pilot
        self._events = 0

    async def until(self, condition: Callable[[], object], what: str) -> None:
        await settled(self.pilot, condition, what)

    async def sees(self, *texts: str) -> None:
        try:
            await self.until(lambda: all(text in self.text for text in texts), f"{texts} on the screen")
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{self.text}") from None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()

    async def type(self, text: str) -> None:
        await self.pilot.press(*({" ": "space"}.get(character, character) for character in text))

    async def tells(self, kind: str, **payload: Any) -> None:
        """ada's next event."""
        self._events += 1
        status, answer = await asyncio.to_thread(self.agent.post_events, event(self._events, kind, **payload))
        assert (status, answer["refused"]) == (200, []), answer

    async def says(self, body: str, to: str = "operator") -> str:
        id = new_id()
        await self.tells("message_out", message_id=id, to=to, body=body, reply_to=None)
        return id

    async def asks(self, text: str, *options: str, multi: bool = False) -> str:
        id = new_id()
        await self.tells("question_out", question_id=id, to="operator", text=text, options=list(options), multi=multi)
        return id

    async def get(self, path: str) -> Any:
        status, answer = await asyncio.to_thread(self.hive.get, path)
        assert status == 200, answer
        return answer

    @property
    def text(self) -> str:
        """All that is on the screen."""
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())


@asynccontextmanager
async def real_hive(size: tuple[int, int] = (100, 30)) -> AsyncIterator[Real]:
    made = own_agent()
    agent = await asyncio.to_thread(made.__enter__)
    try:
        async with HiveClient(agent.hive.paths.host_socket) as client:
            app = HiveApp(client)
            async with app.run_test(size=size) as pilot:
                real = Real(agent, app, pilot)
                await real.until(lambda: app.hive.state.link.kind == "live", "attaching")
                await real.until(lambda: app.hive.view.focused == "ada", "ada in focus")
                yield real
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)
