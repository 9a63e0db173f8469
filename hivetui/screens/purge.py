"""Before a tombstone is deleted for good: what goes and what stays, its name to be typed, and what of its work is lost."""

from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen

from hived.wire.tombstones import PurgePlan, Tombstone
from hivetui.life_intents import PlanPurge, PurgeTombstone
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Asked
from hivetui.screens.form import Cycle
from hivetui.state.tombstones import work_words
from hivetui.widgets.in_order import LineInput
from hivetui.widgets.lines import Line, clean, one_line, wrapped
from hivetui.widgets.reading import Reading
from hivetui.widgets.sizes import size_words
from hivetui.widgets.text_lines import Lines

KEEP, DISCARD = "stop at it", "discard it"


class PurgeScreen(ModalScreen[bool]):
    """Gives True once it is gone."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False, priority=True),
        Binding("tab,down", "app.focus_next", "next", show=False, priority=True),
        Binding("shift+tab,up", "app.focus_previous", "before", show=False, priority=True),
        Binding("pagedown", "read(1)", "read on", show=False, priority=True),
        Binding("pageup", "read(-1)", "read back", show=False, priority=True),
    ]

    def __init__(self, tombstone: Tombstone) -> None:
        super().__init__()
        self._tombstone = tombstone
        self._plan: PurgePlan | None = None
        self._asked: PurgeTombstone | None = None
        self._reading = Reading(id="plan")
        self._input = LineInput(placeholder=f"type {tombstone.name}, then enter", compact=True)
        self._input.cursor_blink = False
        self._work = Cycle((KEEP, DISCARD), KEEP)
        self._said = Lines(id="said")

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = f"purge {self._tombstone.name} for good?"
            box.border_subtitle = "pgdn reads on · enter purges · esc leaves it"
            yield self._reading
            with Horizontal(classes="field", id="work-field"):
                yield Lines([(("its work ", "dim"),)])
                yield self._work
            with Horizontal(classes="field"):
                yield Lines([(("its name ", "dim"),)])
                yield self._input
            yield self._said

    def on_mount(self) -> None:
        self._reading.can_focus = False
        self.query_one("#work-field").display = False
        self._said.display = False
        self.set_focus(self._input)
        self.post_message(Asked(PlanPurge(self._tombstone.name)))
        self.call_after_refresh(self._fill)

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._fill)

    def _fill(self) -> None:
        width = max(30, self._reading.width)
        lines = plan_lines(self._plan, width) if self._plan else [(("hived looks at what there is…", "dim"),)]
        self._reading.styles.height = min(len(lines), max(4, self.size.height - 10))
        self._reading.show(self._tombstone.id, lines)

    def _say(self, text: str, tone: str) -> None:
        self._said.display = bool(text)
        self._said.show([(), *wrapped([(one_line(text, 600), tone)], max(30, self._reading.width))])

    def finished(self, outcome: Outcome) -> None:
        if outcome.intent == PlanPurge(self._tombstone.name):
            if isinstance(outcome.loaded, PurgePlan):
                self._plan = outcome.loaded
                self.query_one("#work-field").display = bool(self._plan.stopped_by)
                self._fill()
            elif outcome.notice is not None:
                self._say(outcome.notice.text, "bad")
        elif self._asked is not None and outcome.intent == self._asked:
            self._asked = None
            if outcome.done:
                self.dismiss(True)
            elif outcome.notice is not None:
                self._say(outcome.notice.text, "bad")
                self.post_message(Asked(PlanPurge(self._tombstone.name)))

    def on_input_submitted(self) -> None:
        if self._asked is not None:
            return
        name, discards = self._tombstone.name, self._work.value == DISCARD
        if self._plan is None:
            self._say("What would go is not shown yet: wait for it.", "wait")
        elif self._input.value.strip() != name:
            self._say(f"Type {name} to purge it, or esc to leave it.", "wait")
        elif self._plan.stopped_by and not discards:
            work = self._plan.work
            home = (
                "f in the list brings its commits home"
                if work is not None and work.commits
                else "v in the list shows it"
            )
            self._say(f"Its work is nowhere else: {home}; ↑ and space discard it.", "wait")
        else:
            self._asked = PurgeTombstone(name, discards)
            self._say(f"{name} is being purged…", "dim")
            self.post_message(Asked(self._asked))

    def action_read(self, pages: int) -> None:
        self._reading.scroll_pages(pages)

    def action_back(self) -> None:
        self.dismiss(False)


def plan_lines(plan: PurgePlan, width: int) -> list[Line]:
    """What is lost first, then all that goes, then what stays."""
    lines: list[Line] = []
    work = work_words(plan.work)
    if work or plan.stopped_by:
        lead: Line = (("lost with it  " if work else "refused  ", "bad-strong"),)
        lines += wrapped([(work or clean(plan.stopped_by), "bad")], width, lead, 2)
    lines += [*([()] if lines else []), (("goes for good ", "strong"), (size_words(plan.bytes), "dim"))]
    for thing in plan.goes:
        lines += wrapped([(one_line(thing, 400), "text")], width, (("  − ", "bad"),))
    if plan.stays:
        lines += [(), (("stays", "strong"),)]
        for thing in plan.stays:
            lines += wrapped([(one_line(thing, 400), "dim")], width, (("  · ", "dim"),))
    return lines
