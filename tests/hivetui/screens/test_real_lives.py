"""An agent's life by keyboard, on a real hived with a real harness: paused, stopped, its config changed and rolled back,
destroyed, revived, purged."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from textual.pilot import Pilot

from hived.client.hive_client import HiveClient
from hivetui.app import HiveApp
from hivetui.screens.diff import DiffScreen
from tests.hivetui.conditions import settled
from tests.support.deploying import HELLO, QUICK, change, propose, until_settled
from tests.support.hive import LiveHive
from tests.support.living import WORKER, living

SECONDS = 60.0
"""Several real starts follow each other."""


class Watched:
    def __init__(self, hive: LiveHive, app: HiveApp, pilot: Pilot[None]) -> None:
        self.hive = hive
        self.app = app
        self.pilot = pilot

    @property
    def text(self) -> str:
        return "\n".join(strip.text for strip in self.app.screen._compositor.render_strips())

    async def sees(self, *texts: str) -> None:
        try:
            await settled(self.pilot, lambda: all(text in self.text for text in texts), str(texts), SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{self.text}") from None

    async def is_in(self, shape: str) -> None:
        def so() -> bool:
            agent = self.app.state.agents.get(WORKER)
            return agent is not None and agent.shape_kind == shape and not agent.acting

        try:
            await settled(self.pilot, so, shape, SECONDS)
        except AssertionError as error:
            raise AssertionError(f"{error}; it shows:\n{self.text}") from None

    async def press(self, *keys: str) -> None:
        await self.pilot.press(*keys)
        await self.pilot.pause()


@asynccontextmanager
async def watched() -> AsyncIterator[Watched]:
    made = living(HELLO, QUICK)
    hive = await asyncio.to_thread(made.__enter__)
    try:
        await asyncio.to_thread(until_settled, hive)
        async with HiveClient(hive.paths.host_socket) as client:
            app = HiveApp(client)
            async with app.run_test(size=(140, 40)) as pilot:
                found = Watched(hive, app, pilot)
                await found.is_in("idle")
                yield found
    finally:
        await asyncio.to_thread(made.__exit__, None, None, None)


async def test_an_agent_is_paused_let_go_on_stopped_and_started_and_the_screen_says_each() -> None:
    async with watched() as life:
        await life.press("p")
        await life.is_in("paused")
        await life.sees("‖", "operator paused it")
        await life.press("P", "y")
        await life.is_in("idle")
        await life.press("S")
        await life.is_in("stopped")
        await life.press("y")
        await life.sees(f"why · {WORKER}", "that it is stopped, until you start it", "its harness is connected")
        await life.press("s")
        await life.is_in("idle")
        await life.sees("is idle")


async def test_a_config_is_read_as_a_diff_approved_and_rolled_back() -> None:
    async with watched() as life:
        first = life.app.state.agents[WORKER].commit
        commit = await asyncio.to_thread(change, life.hive, setup=["echo tools are here"])
        await asyncio.to_thread(propose, life.hive, commit)
        await life.sees("waiting on you · 1")
        await life.press("w")
        await life.sees("for another config", "! new setup: echo tools are here", "v  diff")
        await life.press("v")
        await settled(life.pilot, lambda: isinstance(life.app.screen, DiffScreen), "the diff", SECONDS)
        await life.sees("agent.toml", "echo tools are here", "against what runs")
        await life.press("escape", "a")
        await settled(
            life.pilot,
            lambda: life.app.state.agents[WORKER].commit == commit and life.app.state.agents[WORKER].deploying is None,
            "the deployment", SECONDS,
        )  # fmt: skip
        await life.press("escape", "c")
        await life.sees("apply of worker runs now", "tools are here", f"goes back to {(first or '')[:8]}")
        await life.press("r")
        await life.sees(f"Roll {WORKER} back to {(first or '')[:8]}?")
        await life.press("y")
        await settled(
            life.pilot,
            lambda: life.app.state.agents[WORKER].commit == first and not life.app.state.agents[WORKER].acting,
            "the rollback", SECONDS,
        )  # fmt: skip
        await life.sees("rollback")


async def test_an_agent_is_destroyed_brought_back_destroyed_again_and_purged() -> None:
    async with watched() as life:
        await life.press("X")
        await life.sees(f"Destroy {WORKER}?")
        await life.press("y")
        await settled(life.pilot, lambda: not life.app.state.agents, "the burial", SECONDS)
        await life.press("escape", "T")
        await life.sees("tombstones · 1", f"† {WORKER}", "on disk")
        await life.press("r")
        await settled(life.pilot, lambda: life.app.screen is life.app.hive, "the decision", SECONDS)
        await life.sees("to bring a destroyed agent back")
        await life.press("a")
        await life.is_in("idle")
        await life.press("escape", "X")
        await life.sees(f"Destroy {WORKER}?")
        await life.press("y")
        await settled(life.pilot, lambda: not life.app.state.agents, "the second burial", SECONDS)
        await life.press("escape", "T", "x")
        await life.sees("goes for good", "stays")
        await life.press(*WORKER, "enter")
        await life.sees("nobody was destroyed")
        assert life.hive.get("/v1/tombstones")[1]["tombstones"] == []
