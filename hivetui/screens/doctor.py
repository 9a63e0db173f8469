"""What hived finds on its machine: each check with its remedy, each engine with how to get it."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen

from hived.wire.agents import EngineFound
from hived.wire.doctor import Check, DoctorReport
from hivetui.controller import Outcome
from hivetui.intents import Examine
from hivetui.screens.asks import Asked
from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.lines import Line, clean, one_line, wrapped

MARKS = {"ok": ("✓ ", "good"), "warning": ("! ", "wait-strong"), "failed": ("✗ ", "bad-strong")}
SAID = {
    "ok": ("All is well.", "good"),
    "warning": ("The hive works, but not as well as it could.", "wait"),
    "failed": ("Something does not work.", "bad"),
}
ORDER = ("failed", "warning", "ok")
NAME_CELLS = 18


class DoctorScreen(ModalScreen[None]):
    CSS_PATH = Path(__file__).with_name("modal.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,q,enter", "dismiss", "back", show=False),
        Binding("ctrl+r", "look_again", "look again", show=False),
    ]

    def __init__(self) -> None:
        super().__init__()
        self._rows = ChoiceRows((), reads=True)
        self._report: DoctorReport | None = None
        self._error = ""

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = "the doctor"
            box.border_subtitle = "↑ ↓ scroll · ctrl+r look again · esc back"
            yield self._rows

    def on_mount(self) -> None:
        self.set_focus(self._rows)
        self.action_look_again()

    def on_resize(self) -> None:
        self.call_after_refresh(self._fill)

    def action_look_again(self) -> None:
        self._report, self._error = None, ""
        self.post_message(Asked(Examine()))
        self._fill()

    def finished(self, outcome: Outcome) -> None:
        if isinstance(outcome.intent, Examine):
            self._report = outcome.report
            self._error = outcome.notice.text if outcome.notice is not None else ""
            self._fill()

    def _fill(self) -> None:
        width = max(30, self._rows.size.width)
        if self._report is not None:
            lines = report_lines(self._report, width)
        elif self._error:
            lines = wrapped([(self._error, "bad")], width, (("error ", "bad-strong"),))
        else:
            lines = [(("◌ ", "soft"), ("hived looks at its machine, a few seconds…", "dim"))]
        self._rows.show([Choice(None, line) for line in lines])


def report_lines(report: DoctorReport, width: int) -> list[Line]:
    """What needs something done first, then engines that are missing, then what is well."""
    lines: list[Line] = [(SAID[report.state], (f"  {one_line(report.build, 60)}", "dim")), ()]
    checks = sorted(report.checks, key=lambda check: ORDER.index(check.state))
    for check in checks:
        lines += _check(check, width)
    missing = [engine for engine in report.engines if not engine.found]
    if missing:
        lines += [(), (("not here", "head"),)]
        for engine in missing:
            lines += _missing(engine, width)
    return lines


def _check(check: Check, width: int) -> list[Line]:
    name = one_line(check.name, 40)
    lead: Line = (MARKS[check.state], (f"{name:<{NAME_CELLS}} ", "strong" if check.state != "ok" else "text"))
    lines = wrapped([(clean(check.detail), "text" if check.state != "ok" else "dim")], width, lead, 4)
    if check.remedy:
        lines += wrapped([(clean(check.remedy), "accent")], width, (("    → ", "accent"),))
    return lines


def _missing(engine: EngineFound, width: int) -> list[Line]:
    name = one_line(" ".join(part for part in (engine.kind, engine.preset) if part), 40)
    lead: Line = (("– ", "dim"), (f"{name:<{NAME_CELLS}} ", "dim"))
    return wrapped([(clean(engine.install or engine.detail), "code")], width, lead, 4)
