"""Making an agent: what engines were found and what each needs, right here or by command.

In a hive without agents it is the first screen, and makes the queen and then the first worker.
"""

import shlex
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input

from hived.wire.names import QUEEN
from hivetui.controller import Outcome
from hivetui.intents import NEEDS, ListEngines, SpawnAgent
from hivetui.keymap import bindings_of
from hivetui.screens.asks import Asked
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState
from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.header import Header
from hivetui.widgets.lines import Line, one_line, wrapped
from hivetui.widgets.rows import Rows
from hivetui.widgets.text_lines import Lines

NEED_HINTS = {"command": "a program, as you would type it in a shell", "scenario": "the path of a scenario file"}
NEED_WORDS = {"command": "…", "scenario": "FILE"}


class FirstRunScreen(Screen[None]):
    """Leaves by itself once there is a queen and a worker; with agents already there, once another one is made."""

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down", "engine", "engine", show=False),
        Binding("enter", "make", "make it", show=False),
        Binding("ctrl+r", "look_again", "look again", show=False),
        Binding("escape", "to_hive", "the hive", show=False, priority=True),
        Binding("ctrl+q", "leave", "leave", show=False, priority=True),
        *(b for b in bindings_of("hive") if b.id == "hive.palette"),
    ]

    def __init__(self, state: HiveState, clock: Clock, name: str = "", engine: str = "") -> None:
        super().__init__()
        self.state = state
        self.first = not state.agents
        self._wanted_engine = engine
        self._clock = clock
        self._making: str | None = None
        self._header = Header()
        self._intro = Lines()
        self._engines = ChoiceRows(())
        self._steps = Lines()
        self._act = Lines()
        self._name_input = Input(
            name or free_name(state), placeholder="a name: lower case, digits, hyphens", compact=True
        )
        self._need_input = Input(compact=True)
        self._end = Lines()
        for field in (self._name_input, self._need_input):
            field.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self._header
        with Container(id="first-run-frame"), VerticalScroll(id="first-run") as box:
            box.can_focus = False
            box.border_title = "an empty hive" if self.first else "a new agent"
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
            yield self._act
            yield self._end

    def on_mount(self) -> None:
        self.set_focus(self._engines)
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
            if self._wanted_engine:
                kept = next((at for at, choice in enumerate(choices) if choice.id == self._wanted_engine), kept)
            self._engines.show(choices)
            self._engines.move_to(kept)
        self._redraw()

    def finished(self, outcome: Outcome) -> None:
        """What became of an agent that was asked for."""
        if isinstance(outcome.intent, SpawnAgent):
            self._making = None
            if outcome.done and (not self.first or outcome.intent.role == "worker"):
                self.dismiss()
                return
            if outcome.done:
                if outcome.intent.engine == "scripted":
                    self._need_input.value = ""  # the queen's scenario is hers
                self.set_focus(self._name_input)
            self._redraw()

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        self._redraw()

    def on_descendant_focus(self) -> None:
        self._redraw()

    def on_rows_row_chosen(self, event: Rows.RowChosen) -> None:
        self.action_make()

    def on_input_submitted(self) -> None:
        self.action_make()

    def on_input_changed(self) -> None:
        self._redraw()

    @property
    def names_it(self) -> bool:
        """The agent's name is asked for: of any but the queen of an empty hive."""
        return not self.first or self.has_queen

    def _redraw(self) -> None:
        engine = self.engine or ""
        need = NEEDS.get(engine)
        self.query_one("#name-field").display = self.names_it
        self.query_one("#need-field").display = need is not None
        if need is not None:
            self.query_one("#need-label", Lines).show([((f"   {need}", "text"),)])
            self._need_input.placeholder = NEED_HINTS[need]
        given = self._need_input.value.strip()
        self._intro.show(intro_lines())
        self._steps.show(step_lines(self.has_queen) if self.first else [()])
        whom = "it" if self.names_it else "the queen"
        act = act_line(engine, None if given else need, self._making, whom, writing=self._need_input.has_focus)
        self._act.show([act, (), (("2 ", "dim"), ("The first worker", "dim"))] if not self.names_it else [act])
        self._end.show(self._end_lines(engine, need, given))

    def _end_lines(self, engine: str, need: str | None, given: str) -> list[Line]:
        """What came of the last try, and the same by command."""
        lines: list[Line] = [()]
        if self.state.engines is None:
            lines.append((("looking for engines…", "dim"),))
        if (notice := self.state.notice) is not None:
            bad = notice.tone == "bad"
            said = (one_line(notice.text), "bad" if bad else "text")
            lead: Line = (("error ", "bad-strong"),) if bad else (("✓ ", "good"),)
            lines += [*wrapped([said], max(20, self.size.width - 10), lead), ()]
        option = f" --{need} {shlex.quote(given) if given else NEED_WORDS[need]}" if need else ""
        name = self._name_input.value.strip() or "NAME"
        lines.append((("or from a shell", "dim"),))
        if not self.names_it:
            lines += self._shell_lines(f"hive init --engine {engine or 'ENGINE'}{option}")
        return [*lines, *self._shell_lines(f"hive spawn {name} --engine {engine or 'ENGINE'}{option} --yes")]

    def _shell_lines(self, command: str) -> list[Line]:
        """All of it: a command that is cut off is of no use."""
        return wrapped([(one_line(command), "code")], max(20, self._end.size.width or 66), (("   ", ""),), 5)

    def action_engine(self) -> None:
        self.set_focus(self._engines)

    def action_make(self) -> None:
        """Make the queen, or once she is there the worker."""
        engine = self.engine
        if engine is None or self._making is not None:
            return
        options: tuple[tuple[str, str], ...] = ()
        if need := NEEDS.get(engine):
            given = self._need_input.value.strip()
            if not given:
                self.set_focus(self._need_input)
                return
            options = ((need, absolute(given) if need == "scenario" else given),)
        name = self._name_input.value.strip() if self.names_it else QUEEN
        if name == QUEEN and not self.has_queen:
            intent = SpawnAgent(QUEEN, engine, "queen", options=options)
        else:
            intent = SpawnAgent(name, engine, "worker", options=options)
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


def step_lines(has_queen: bool) -> list[Line]:
    """Up to where the fields are."""
    queen: Line = (("✓ ", "good") if has_queen else ("1 ", "accent-strong"), ("The queen", "strong"))
    lines: list[Line] = [(), (*queen, (" may ask you for more agents and talks to all of them.", "dim"))]
    return [*lines, (), (("2 ", "accent-strong"), ("The first worker", "strong"))] if has_queen else lines


def act_line(engine: str, missing: str | None, making: str | None, whom: str = "it", *, writing: bool) -> Line:
    """What enter does now."""
    if making:
        return (("   making ", "dim"), (one_line(making, 40), "strong"), ("…", "dim"))
    if missing and writing:
        return ((f"   type its {missing}; then ", "text"), ("enter", "key"), (f" makes {whom} on {engine}", "text"))
    if missing:
        return (("   ", ""), ("enter", "key"), (f" asks for its {missing} first", "text"))
    return (("   ", ""), ("enter", "key"), (f" makes {whom} on {engine}" if engine else f" makes {whom}", "text"))


def free_name(state: HiveState) -> str:
    """A name that nobody has: the queen's where agents have none, else the next worker's."""
    if state.agents and not any(agent.role == "queen" for agent in state.agents.values()):
        return QUEEN
    return next(name for n in range(1, len(state.agents) + 2) if (name := f"worker-{n}") not in state.agents)


def absolute(path: str) -> str:
    """As the shell here would take it: hived works in another folder."""
    return str(Path(path).expanduser().absolute())
