"""A hive without agents: what engines were found, and how to make the queen and the first worker, right here or by command."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input

from hivetui.controller import Outcome
from hivetui.intents import ListEngines, SpawnAgent
from hivetui.keymap import bindings_of
from hivetui.screens.asks import Asked
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState, Notice
from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.footer import notice_line
from hivetui.widgets.header import Header
from hivetui.widgets.lines import Line, one_line
from hivetui.widgets.rows import Rows
from hivetui.widgets.text_lines import Lines

NEEDS = {"command": "command", "scripted": "scenario"}
"""The option without which that engine cannot start."""
NEED_HINTS = {"command": "a program, as you would type it", "scenario": "the path of a scenario file"}
QUEEN = "queen"


class FirstRunScreen(Screen[None]):
    """Leaves by itself once there is a queen and a worker."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down", "engine", "engine", show=False),
        Binding("enter", "make", "make it", show=False),
        Binding("ctrl+r", "look_again", "look again", show=False),
        Binding("escape", "to_hive", "the hive", show=False, priority=True),
        Binding("ctrl+q", "leave", "leave", show=False, priority=True),
        *(b for b in bindings_of("hive") if b.id == "hive.palette"),
    ]

    def __init__(self, state: HiveState, clock: Clock) -> None:
        super().__init__()
        self.state = state
        self._clock = clock
        self._making: str | None = None
        self._header = Header()
        self._intro = Lines()
        self._engines = ChoiceRows(())
        self._steps = Lines()
        self._name_input = Input("worker-1", placeholder="a name: lower case, digits, hyphens", compact=True)
        self._need_input = Input(compact=True)
        self._end = Lines()
        for field in (self._name_input, self._need_input):
            field.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self._header
        with Container(id="first-run-frame"), VerticalScroll(id="first-run") as box:
            box.can_focus = False
            box.border_title = "an empty hive"
            box.border_subtitle = "esc to the hive · ctrl+q leave"
            yield self._intro
            yield self._engines
            yield self._steps
            with Horizontal(classes="field", id="name-field"):
                yield Lines([(("   name", "dim"),)])
                yield self._name_input
            with Horizontal(classes="field", id="need-field"):
                yield Lines([(("   needs", "dim"),)], id="need-label")
                yield self._need_input
            yield self._end

    def on_mount(self) -> None:
        self._engines.focus()
        self.post_message(Asked(ListEngines()))
        self.draw(self.state)

    @property
    def has_queen(self) -> bool:
        return any(agent.role == "queen" for agent in self.state.agents.values())

    @property
    def engine(self) -> str | None:
        """The engine that the cursor is on, if it is there."""
        chosen = self._engines.chosen
        return chosen.id if chosen else None

    def draw(self, state: HiveState) -> None:
        """Show this state."""
        self.state = state
        if not self.is_mounted:
            return
        self._header.show(state, self._clock())
        choices = engine_choices(state)
        if choices != self._engines.choices:
            kept = self._engines.cursor_index
            self._engines.show(choices)
            self._engines.move_to(kept)
        self._redraw()

    def finished(self, outcome: Outcome) -> None:
        """What became of an agent that was asked for."""
        if isinstance(outcome.intent, SpawnAgent):
            self._making = None
            if outcome.done and outcome.intent.role == "worker":
                self.dismiss()
                return
            if outcome.done:
                self._name_input.focus()
            self._redraw()

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        self._redraw()

    def on_rows_row_chosen(self, event: Rows.RowChosen) -> None:
        self.action_make()

    def on_input_submitted(self) -> None:
        self.action_make()

    def on_input_changed(self) -> None:
        self._redraw()

    def _redraw(self) -> None:
        engine = self.engine or ""
        need = NEEDS.get(engine)
        self.query_one("#name-field").display = self.has_queen
        self.query_one("#need-field").display = need is not None
        if need is not None:
            self.query_one("#need-label", Lines).show([((f"   {need}", "dim"),)])
            self._need_input.placeholder = NEED_HINTS[need]
        self._intro.show(intro_lines())
        self._steps.show(step_lines(self.has_queen, engine, self._making))
        self._end.show(end_lines(self.state, self.has_queen, engine, self._name_input.value, self.size.width - 8))

    def action_engine(self) -> None:
        self._engines.focus()

    def action_make(self) -> None:
        """Make the queen, or once she is there the worker."""
        engine = self.engine
        if engine is None or self._making is not None:
            return
        options: tuple[tuple[str, str], ...] = ()
        if need := NEEDS.get(engine):
            if not self._need_input.value.strip():
                self._need_input.focus()
                return
            options = ((need, self._need_input.value.strip()),)
        if self.has_queen:
            intent = SpawnAgent(self._name_input.value.strip(), engine, "worker", parent=None, options=options)
        else:
            intent = SpawnAgent(QUEEN, engine, "queen", options=options)
        self._making = intent.name
        self.post_message(Asked(intent))
        self._redraw()

    def action_look_again(self) -> None:
        self.post_message(Asked(ListEngines()))

    def action_to_hive(self) -> None:
        self.dismiss()

    def action_leave(self) -> None:
        self.app.exit()


def engine_choices(state: HiveState) -> tuple[Choice, ...]:
    """What can be used first; what is missing says how to get it and cannot be chosen."""
    choices = []
    for found in sorted(state.engines or (), key=lambda engine: not engine.found):
        kind = f"   {one_line(found.kind, 12):<10}"
        if found.found:
            facts = one_line(" · ".join(part for part in (found.version, found.path or found.detail) if part), 120)
            choices.append(Choice(found.kind, ((kind, "strong"), ("✓ ", "good"), (facts, "dim"))))
        else:
            how = one_line(found.install or found.detail or "not found", 120)
            choices.append(Choice(None, ((kind, "dim"), ("– ", "dim"), (how, "dim"))))
    return tuple(choices)


def intro_lines() -> list[Line]:
    return [(), (("Engines on this machine", "strong"), ("   ↑ ↓ choose · ctrl+r look again", "dim")), ()]


def step_lines(has_queen: bool, engine: str, making: str | None) -> list[Line]:
    lines: list[Line] = [()]
    mark = ("✓ ", "good") if has_queen else ("1 ", "accent-strong")
    lines.append((mark, ("The queen", "strong"), (" may ask you for more agents and talks to all of them.", "text")))
    if making:
        lines.append((("  ", ""), (f"making {making}…", "accent")))
    elif not has_queen:
        lines.append((("  ", ""), ("enter", "key"), (f" makes her on {engine}" if engine else " makes her", "text")))
    lines += [
        (),
        (("2 ", "accent-strong" if has_queen else "dim"), ("The first worker", "strong" if has_queen else "dim")),
    ]
    if has_queen and not making:
        lines.append((("  ", ""), ("enter", "key"), (f" makes it on {engine}", "text"), ("   tab to its name", "dim")))
    return lines


def end_lines(state: HiveState, has_queen: bool, engine: str, name: str, width: int) -> list[Line]:
    """The same by command, and what came of the last try."""
    used = engine or "ENGINE"
    extra = {"command": ' --command "…"', "scripted": " --scenario FILE"}.get(engine, "")
    lines: list[Line] = [
        (),
        (("or from a shell", "dim"),),
        (("   ", ""), (f"hive init --engine {used}{extra}", "dim" if has_queen else "code")),
        (("   ", ""), (f"hive spawn {name.strip() or 'worker-1'} --engine {used}{extra} --yes", "code")),
    ]
    if state.engines is None:
        lines.append((("looking for engines…", "dim"),))
    notice: Notice | None = state.notice
    lines += [(), notice_line(notice, max(20, width))] if notice is not None else [()]
    return lines
