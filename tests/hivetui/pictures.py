"""Every screen in every size that a picture is taken of: the snapshot tests and `screenshots/make.py` share this table."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from textual.pilot import Pilot

from hivetui.app import HiveApp
from hivetui.state.hive import LinkLost
from tests.hivetui import scene

Prepare = Callable[[Pilot[None], HiveApp], Awaitable[None]]
WIDE = (176, 46)
MEDIUM = (120, 34)
NARROW = (80, 24)


@dataclass(frozen=True, slots=True)
class Picture:
    """A screen of that size, after `prepare`."""

    name: str
    size: tuple[int, int]
    prepare: Prepare


async def hive(pilot: Pilot[None], app: HiveApp) -> None:
    """The scene with alice in focus and a draft to her."""
    scene.play(app)
    app.hive.focus_agent("alice")
    await pilot.pause()
    scene.play_transcripts(app)
    await pilot.pause()
    scene.play_transcripts(app)
    app.hive.composer.area.insert("Keep it, but mark it deprecated and log each call once a day.")
    await pilot.pause()
    app.hive.draw(app.state)
    await pilot.pause()


def then(*keys: str) -> Prepare:
    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await hive(pilot, app)
        await pilot.press(*keys)
        await pilot.pause()
        scene.play_transcripts(app)
        await pilot.pause()

    return prepare


async def away(pilot: Pilot[None], app: HiveApp) -> None:
    await hive(pilot, app)
    app.apply(LinkLost(scene.ago(1800), "hived is not running"))
    app.draw()
    await pilot.pause()


async def first_run(pilot: Pilot[None], app: HiveApp) -> None:
    scene.play(app, empty=True)
    await pilot.pause()
    app.draw()
    await pilot.pause()


PICTURES: tuple[Picture, ...] = tuple(
    Picture(f"{name}-{size[0]}x{size[1]}", size, prepare)
    for name, prepare, sizes in (
        ("hive", hive, (WIDE, MEDIUM, NARROW)),
        ("decide", then("w", "down", "down"), (WIDE, NARROW)),
        ("spawn", then("w"), (WIDE, NARROW)),
        ("zoom", then("z"), (WIDE, NARROW)),
        ("write", then("i"), (NARROW,)),
        ("model", then("m"), (NARROW,)),
        ("goto", then("colon"), (WIDE,)),
        ("help", then("question_mark"), (WIDE, NARROW)),
        ("inbox", then("b"), (NARROW,)),
        ("palette", then("ctrl+p"), (WIDE,)),
        ("confirm", then("x"), (NARROW,)),
        ("away", away, (WIDE, NARROW)),
        ("first-run", first_run, (WIDE, NARROW)),
    )
    for size in sizes
)


async def taken(picture: Picture) -> str:
    """That screen as SVG."""
    app = scene.scene_app()
    async with app.run_test(size=picture.size) as pilot:
        await pilot.pause()
        await picture.prepare(pilot, app)
        return app.export_screenshot(title="hive", simplify=True)
