"""The app on a fake hived's real socket, for tests to press keys in and read."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

from textual.pilot import Pilot

from hived.client.hive_client import HiveClient
from hived.wire.snapshot import Snapshot
from hivetui.app import HiveApp
from tests.fakes.hived_api import FakeHived
from tests.hivetui import scene
from tests.hivetui.conditions import settled


@dataclass
class Live:
    hived: FakeHived
    app: HiveApp
    pilot: Pilot[None]

    async def until(self, condition: object, what: str) -> None:
        assert callable(condition)
        await settled(self.pilot, condition, what)

    async def type(self, text: str) -> None:
        for character in text:
            await self.pilot.press({" ": "space", "/": "slash"}.get(character, character))

    def posted(self, path: str) -> list[object]:
        return [body for _, asked, body in self.hived.asked if asked == path]

    @property
    def text(self) -> str:
        """All that is on the screen."""
        width, height = self.app.size
        strips = self.app.screen._compositor.render_strips()
        return "\n".join(strip.text for strip in strips[:height])


@asynccontextmanager
async def living(size: tuple[int, int] = (140, 40), snapshot: Snapshot | None = None) -> AsyncIterator[Live]:
    async with FakeHived(snapshot or scene.snapshot()) as hived, HiveClient(hived.socket) as client:
        hived.engines = [engine.model_dump() for engine in scene.engines()]
        hived.journals.update({name: list(events) for name, events in scene.journals().items()})
        app = HiveApp(client, clock=scene.clock)
        async with app.run_test(size=size) as pilot:
            live = Live(hived, app, pilot)
            await live.until(lambda: app.hive.state.link.kind == "live", "attaching")
            yield live
