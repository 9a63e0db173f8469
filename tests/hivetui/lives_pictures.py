"""Pictures of agents' lives: `pictures.py` joins them to the others."""

from textual.pilot import Pilot

from hived.wire.logs import LogLines
from hivetui.app import HiveApp
from hivetui.life_intents import Inspect, LoadDiff, PlanPurge, ShowDeployment
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Hears
from hivetui.state.hive import ActBegan, LogBegun, LogWritten
from hivetui.state.logs import LogOf
from hivetui.state.waiting import moved
from tests.hivetui import lives_scene, scene
from tests.hivetui.posing import MEDIUM, NARROW, WIDE, Prepare, shown


async def lives(pilot: Pilot[None], app: HiveApp, focus: str, *keys: str) -> None:
    """The hive of many lives with that agent in focus, then those keys."""
    await shown(pilot, app, lives_scene.snapshot(), focus, *keys)


async def hears(pilot: Pilot[None], app: HiveApp, *outcomes: Outcome) -> None:
    """hived answers what the topmost screen has asked for."""
    for outcome in outcomes:
        if isinstance(app.screen, Hears):
            app.screen.finished(outcome)
    await pilot.pause()
    app.draw()
    await pilot.pause()


def at(focus: str, *keys: str) -> Prepare:
    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await lives(pilot, app, focus, *keys)

    return prepare


async def acting(pilot: Pilot[None], app: HiveApp) -> None:
    """Two are marked, and hived is about to stop them."""
    await lives(pilot, app, "queen", "space", "space")
    app.apply(ActBegan(("queen", "alice"), "stopping", scene.ago(3)))
    app.draw()
    await pilot.pause()


def logged(app: HiveApp, of: LogOf, *lines: str) -> None:
    app.apply(LogBegun(of))
    if lines:
        app.apply(LogWritten(of, [LogLines(lines=list(lines), file="1", written_at=scene.ago(0))]))


def why(name: str) -> Prepare:
    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await lives(pilot, app, name, "y")
        await hears(pilot, app, Outcome(Inspect(name), True, None, loaded=lives_scene.detail(name)))
        parked = name == "carol"
        logged(app, LogOf(name, "engine"), *(lives_scene.log() if parked else ()))
        logged(app, LogOf(name, "harness"), *lives_scene.harness_log()[: None if parked else 2])
        app.draw()
        await pilot.pause()

    return prepare


def deployed(*keys: str, id: str) -> Prepare:
    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await lives(pilot, app, "queen", "c", *keys)
        await hears(pilot, app, Outcome(ShowDeployment(id), True, None, loaded=lives_scene.deployment_log(id)))

    return prepare


async def purge(pilot: Pilot[None], app: HiveApp) -> None:
    await lives(pilot, app, "queen", "T", "down", "x")
    await hears(pilot, app, Outcome(PlanPurge("gus"), True, None, loaded=lives_scene.plan()))
    await pilot.press(*"gus", "enter")
    await pilot.pause()


def decides(id: str, *keys: str) -> Prepare:
    """With the cursor on that decision."""

    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await lives(pilot, app, "alice", "w")
        app.hive.rearrange(lambda known: moved(known, id))
        await pilot.press(*keys)
        await pilot.pause()
        app.draw()
        await pilot.pause()

    return prepare


def differs(*keys: str) -> Prepare:
    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await decides(lives_scene.APPLY, "v")(pilot, app)
        wanted = LoadDiff("approval", lives_scene.APPLY, "running")
        await hears(pilot, app, Outcome(wanted, True, None, loaded=lives_scene.diff()))
        await pilot.press(*keys)
        await pilot.pause()

    return prepare


LIVES: tuple[tuple[str, Prepare, tuple[tuple[int, int], ...]], ...] = (
    ("lives", at("bob"), (WIDE, MEDIUM, NARROW)),
    ("acting", acting, (WIDE, NARROW)),
    ("pause-all", at("alice", "P"), (NARROW,)),
    ("destroy", at("alice", "X"), (NARROW,)),
    ("stop-busy", at("alice", "S"), (NARROW,)),
    ("why-parked", why("carol"), (WIDE, NARROW)),
    ("why-paused", why("bob"), (WIDE, NARROW)),
    ("tombstones", at("queen", "T", "down"), (WIDE, NARROW)),
    ("purge", purge, (WIDE, NARROW)),
    ("deployments", deployed("end", "home", id=lives_scene.deployments()[1].id), (WIDE, NARROW)),
    ("deployment-failed", deployed("down", "down", id=lives_scene.FAILED), (WIDE, NARROW)),
    ("roll-back", at("alice", "c", "r"), (NARROW,)),
    ("apply-commit", decides(lives_scene.APPLY), (WIDE, NARROW)),
    ("revive", decides(lives_scene.REVIVE), (WIDE, NARROW)),
    ("diff", differs(), (WIDE, MEDIUM, NARROW)),
)
"""As in `pictures.py`: a name, how to come there, and in which sizes."""
