"""Pictures of the screens of threads, rules, budgets, reminders and the audit: `pictures.py` joins them to the others."""

from textual.pilot import Pilot

from hivetui.app import HiveApp
from hivetui.book_intents import LoadAudit, PreviewRule
from hivetui.outcomes import Outcome
from hivetui.screens.audit import AuditScreen
from hivetui.screens.form import FormScreen
from hivetui.screens.rules import draft_of
from hivetui.state.hive import SnapshotTaken
from tests.hivetui import books_scene, scene
from tests.hivetui.posing import NARROW, WIDE, Prepare


async def books(pilot: Pilot[None], app: HiveApp, what: str, *keys: str) -> None:
    """That screen, then those keys."""
    scene.play(app)
    app.apply(SnapshotTaken(books_scene.snapshot()))
    app.draw()
    await pilot.pause()
    app.hive.focus_agent("bob")
    app.hive.run_command(f"/{what}")
    await pilot.pause()
    if isinstance(app.screen, AuditScreen):
        app.screen.finished(Outcome(LoadAudit(None), True, None, loaded=books_scene.audit()))
    await pilot.pause()
    await pilot.press(*keys)
    await pilot.pause()


async def new_rule(pilot: Pilot[None], app: HiveApp) -> None:
    """With what the preview found."""
    await books(pilot, app, "rules", "plus", *"Bash", "tab", *"git status", "asterisk")
    assert isinstance(app.screen, FormScreen)
    draft = draft_of(app.screen.values)
    assert not isinstance(draft, str)
    app.screen.finished(Outcome(PreviewRule(draft), True, None, loaded=books_scene.preview()))
    await pilot.pause()


def listed(what: str, *keys: str) -> Prepare:
    async def prepare(pilot: Pilot[None], app: HiveApp) -> None:
        await books(pilot, app, what, *keys)

    return prepare


BOOKS: tuple[tuple[str, Prepare, tuple[tuple[int, int], ...]], ...] = (
    ("threads", listed("threads"), (WIDE, NARROW)),
    ("thread", listed("threads", "down", "down", "down"), (WIDE, NARROW)),
    ("threads-answer", listed("threads", "a"), (NARROW,)),
    ("rules", listed("rules", "down"), (WIDE, NARROW)),
    ("new-rule", new_rule, (WIDE, NARROW)),
    ("budgets", listed("budgets"), (WIDE, NARROW)),
    ("raise-budget", listed("budgets", "r"), (NARROW,)),
    ("reminders", listed("reminders"), (WIDE, NARROW)),
    ("new-reminder", listed("reminders", "plus"), (NARROW,)),
    ("audit", listed("audit", "down"), (WIDE, NARROW)),
    ("rules-help", listed("rules", "question_mark"), (NARROW,)),
)
"""As in `pictures.py`: a name, how to come there, and in which sizes."""
