"""What every picture begins with: its sizes, and a hive shown with one agent in focus."""

from collections.abc import Awaitable, Callable

from textual.pilot import Pilot

from hived.wire.snapshot import Snapshot
from hivetui.app import HiveApp
from hivetui.state.hive import SnapshotTaken
from tests.hivetui import scene

Prepare = Callable[[Pilot[None], HiveApp], Awaitable[None]]
WIDE = (176, 46)
MEDIUM = (120, 34)
NARROW = (80, 24)


async def shown(pilot: Pilot[None], app: HiveApp, snapshot: Snapshot, focus: str, *keys: str) -> None:
    """That hive with that agent in focus, then those keys."""
    scene.play(app)
    app.apply(SnapshotTaken(snapshot))
    app.draw()
    await pilot.pause()
    app.hive.focus_agent(focus)
    await pilot.pause()
    scene.play_transcripts(app)
    await pilot.pause()
    scene.play_transcripts(app)
    await pilot.press(*keys)
    await pilot.pause()
    scene.play_transcripts(app)
    await pilot.pause()
