"""Every screen in every size that a picture is taken of: the snapshot tests and `screenshots/make.py` share this table."""

from dataclasses import dataclass

from textual.command import CommandList
from textual.pilot import Pilot

from hived.wire.deployments import Template, TemplateList
from hivetui.app import HiveApp
from hivetui.commands import COMMANDS
from hivetui.controller import Outcome
from hivetui.intents import Examine, ListModels, ProposeRule
from hivetui.keymap import palette as palette_keys
from hivetui.life_intents import ListTemplates
from hivetui.screens.doctor import DoctorScreen
from hivetui.screens.first_run import FirstRunScreen
from hivetui.screens.picker import PickerScreen
from hivetui.screens.template_form import FromTemplate
from hivetui.state.hive import LinkLost, SnapshotTaken
from hivetui.state.waiting import moved
from tests.hivetui import scene, waiting_scene
from tests.hivetui.book_pictures import BOOKS
from tests.hivetui.lives_pictures import LIVES
from tests.hivetui.posing import MEDIUM, NARROW, WIDE, Prepare, shown


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


def troubles(*keys: str, focus: str = "gus") -> Prepare:
    """The hive in which agents wait for a login, a limit's end, a choice."""

    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await shown(pilot, app, scene.troubles(), focus, *keys)

    return prepare


def waits(id: str, *keys: str, typed: str = "") -> Prepare:
    """One of everything that can wait, with the cursor on that one, then those keys and that text."""

    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        scene.play(app)
        app.apply(SnapshotTaken(waiting_scene.snapshot()))
        app.draw()
        await pilot.pause()
        await pilot.press("w")
        app.hive.rearrange(lambda known: moved(known, id))
        await pilot.press(*keys)
        await pilot.pause()
        scene.play_transcripts(app)
        if typed:
            app.hive.entry.area.insert(typed)
        if "R" in keys:
            intent = ProposeRule(id, "agent")
            app.hive.finished(Outcome(intent, True, None, proposal=waiting_scene.proposal()))
        await pilot.pause()
        app.draw()
        await pilot.pause()

    return prepare


def login(state: str, **given: str) -> Prepare:
    """gus is logged in, as far as that."""

    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await troubles("w", "a")(pilot, app)
        found = scene.troubles()
        agents = [
            view.model_copy(update={"login": scene.login_of(state, **given)}) if view.name == "gus" else view
            for view in found.agents
        ]
        app.apply(SnapshotTaken(found.model_copy(update={"agents": agents})))
        app.draw()
        await pilot.pause()
        if state == "open":
            await pilot.press(*"code-7")
        await pilot.pause()

    return prepare


async def palette(pilot: Pilot[None], app: HiveApp) -> None:
    """With all that it finds, which comes by and by."""
    await then("ctrl+p")(pilot, app)
    await app.workers.wait_for_complete()
    while app.screen.query_one(CommandList).option_count < len(palette_keys()) + len(COMMANDS):  # noqa: ASYNC110
        await pilot.pause()
    await pilot.pause()


async def models(pilot: Pilot[None], app: HiveApp) -> None:
    await then("m")(pilot, app)
    assert isinstance(app.screen, PickerScreen)
    app.screen.finished(Outcome(ListModels("alice"), True, None, models=scene.models()))
    await pilot.pause()


async def doctor(pilot: Pilot[None], app: HiveApp) -> None:
    await hive(pilot, app)
    app.hive.action_doctor()
    await pilot.pause()
    assert isinstance(app.screen, DoctorScreen)
    app.screen.finished(Outcome(Examine(), True, None, report=scene.report()))
    await pilot.pause()


def command(text: str, *keys: str) -> Prepare:
    """That slash command with alice in focus, then those keys."""

    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await hive(pilot, app)
        app.hive.run_command(text)
        await pilot.pause()
        await pilot.press(*keys)
        await pilot.pause()

    return prepare


async def away(pilot: Pilot[None], app: HiveApp) -> None:
    await hive(pilot, app)
    app.apply(LinkLost(scene.ago(1800), "hived is not running"))
    app.draw()
    await pilot.pause()


async def template(pilot: Pilot[None], app: HiveApp) -> None:
    await then("plus")(pilot, app)
    tester = Template(
        name="tester",
        description="Runs the tests, and says what broke.",
        said={
            "engine": "claude",
            "model": "haiku",
            "prompt": "prompt.md",
            "setup": ["uv sync --frozen", "make hooks"],
            "allow_hosts": ["pypi.org"],
        },
    )
    screen = app.screen
    assert isinstance(screen, FirstRunScreen)
    screen.finished(Outcome(ListTemplates(), True, None, loaded=TemplateList(templates=[tester])))
    await pilot.pause()
    for _ in range(12):
        if isinstance(screen.engine, FromTemplate):
            break
        await pilot.press("down")
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
        ("decide", then("w"), (WIDE, NARROW)),
        ("spawn", then("w", "down"), (WIDE, NARROW)),
        ("zoom", then("z"), (WIDE, NARROW)),
        ("write", then("i"), (NARROW,)),
        ("model", models, (WIDE, NARROW)),
        ("effort", command("/effort"), (NARROW,)),
        ("permission-mode", command("/permission-mode"), (NARROW,)),
        ("let-it", command("/permission-mode bypassPermissions"), (NARROW,)),
        ("new-session", command("/new-session primer"), (NARROW,)),
        ("rebuild", command("/rebuild api"), (WIDE, NARROW)),
        ("doctor", doctor, (WIDE, NARROW)),
        ("waiting", waits(waiting_scene.EDIT), (WIDE, MEDIUM, NARROW)),
        ("waiting-marked", waits(waiting_scene.KEEP, "asterisk"), (NARROW,)),
        ("waiting-narrowed", waits(waiting_scene.KEEP, "f"), (NARROW,)),
        ("hostile", waits(waiting_scene.WRITE), (NARROW,)),
        ("orphan", waits(waiting_scene.ORPHAN), (NARROW,)),
        ("remember", waits(waiting_scene.BASH, "R"), (WIDE, NARROW)),
        ("edit-input", waits(waiting_scene.BASH, "e"), (WIDE, NARROW)),
        ("note", waits(waiting_scene.BASH, "n", typed="only after the tests"), (NARROW,)),
        ("question", waits(waiting_scene.KEEP), (WIDE, NARROW)),
        ("question-multi", waits(waiting_scene.WHICH, "1", "3"), (NARROW,)),
        ("answer", waits(waiting_scene.WHY, "t", typed="It is called ash now."), (WIDE, NARROW)),
        ("escalation", waits(waiting_scene.UP), (NARROW,)),
        ("pair", waits(waiting_scene.PAIR), (NARROW,)),
        ("budget", waits(waiting_scene.BUDGET), (WIDE, NARROW)),
        ("help-waiting", waits(waiting_scene.KEEP, "question_mark"), (NARROW,)),
        ("parked", waits("parked:" + scene.ident(7)), (NARROW,)),
        *BOOKS,
        *LIVES,
        ("login", login("open"), (WIDE, NARROW)),
        ("login-failed", login("failed", detail="Invalid authorization code."), (NARROW,)),
        ("limited", troubles("w", "down", focus="hana"), (WIDE, NARROW)),
        ("choice", troubles("w", "down", "down", focus="jan"), (WIDE, NARROW)),
        ("troubles", troubles(focus="jan"), (NARROW,)),
        ("template", template, (NARROW,)),
        ("new-agent", then("plus", "down", "down", "down", "down"), (NARROW,)),
        ("goto", then("colon"), (WIDE,)),
        ("help", then("question_mark"), (WIDE, NARROW)),
        ("inbox", then("b"), (NARROW,)),
        ("palette", palette, (WIDE,)),
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
