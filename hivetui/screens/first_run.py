"""Making an agent, or putting one on another engine: what engines and templates there are and what each needs, here or by command.

In a hive without agents it is the first screen, and makes the queen and then the first worker.
"""

import json
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Container, Horizontal, VerticalScroll
from textual.screen import Screen
from textual.widgets import Input

from hived.wire.deployments import TemplateList
from hived.wire.names import QUEEN
from hivetui.controller import Outcome
from hivetui.intents import ListEngines, Rebuild, SpawnAgent
from hivetui.keymap import bindings_of
from hivetui.life_intents import ListTemplates
from hivetui.screens.asks import Asked
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.engine_form import MOST_FIELDS, Engine, Field, act_line, engine_choices, engine_of
from hivetui.screens.template_form import PREFIX, FromTemplate, template_choices
from hivetui.state.agents import Agent
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState
from hivetui.widgets.choice_rows import Choice, ChoiceRows
from hivetui.widgets.header import Header
from hivetui.widgets.in_order import LineInput
from hivetui.widgets.lines import Line, one_line, wrapped
from hivetui.widgets.rows import Rows
from hivetui.widgets.text_lines import Lines


class FirstRunScreen(Screen[None]):
    """Leaves by itself once there is a queen and a worker; with agents already there, once another one is made.

    With `rebuilt` it makes none: it puts that agent on the engine that is chosen.
    """

    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("up,down", "engine", "engine", show=False),
        Binding("enter", "make", "make it", show=False),
        Binding("ctrl+r", "look_again", "look again", show=False),
        Binding("pagedown", "read(1)", "read on", show=False, priority=True),
        Binding("pageup", "read(-1)", "read back", show=False, priority=True),
        Binding("escape", "to_hive", "the hive", show=False, priority=True),
        Binding("ctrl+q", "leave", "leave", show=False, priority=True),
        *(b for b in bindings_of("hive") if b.id == "hive.palette"),
    ]

    def __init__(
        self, state: HiveState, clock: Clock, name: str = "", engine: str = "", *, rebuilt: Agent | None = None
    ) -> None:
        super().__init__()
        self.state = state
        self.first = not state.agents
        self._rebuilt = rebuilt
        self._values: dict[str, dict[str, str]] = {}
        """What was typed, by what is chosen and field."""
        self._templates: TemplateList | None = None
        self._filled_for = ""
        self._fields: tuple[Field, ...] = ()
        """Those that are shown."""
        self._wanted_engine = engine
        self._clock = clock
        self._making: str | None = None
        self._header = Header()
        self._intro = Lines()
        self._engines = ChoiceRows(())
        self._steps = Lines()
        self._act = Lines()
        self._name_input = LineInput(
            name or free_name(state), placeholder="a name: lower case, digits, hyphens", compact=True
        )
        self._inputs = tuple(LineInput(compact=True) for _ in range(MOST_FIELDS))
        self._labels = tuple(Lines() for _ in range(MOST_FIELDS))
        self._end = Lines()
        for field in (self._name_input, *self._inputs):
            field.cursor_blink = False

    def compose(self) -> ComposeResult:
        yield self._header
        with Container(id="first-run-frame"), VerticalScroll(id="first-run") as box:
            box.can_focus = False
            box.border_title = "an empty hive" if self.first else "a new agent"
            if self._rebuilt is not None:
                box.border_title = f"{self._rebuilt.name} on another engine"
            box.border_subtitle = "esc to the hive · ctrl+q leave"
            yield self._intro
            yield self._engines
            yield self._steps
            with Horizontal(classes="field", id="name-field"):
                yield Lines([(("   name", "dim"),)])
                yield self._name_input
            for label, field in zip(self._labels, self._inputs, strict=True):
                with Horizontal(classes="field") as row:
                    row.display = False
                    yield label
                    yield field
            yield self._act
            yield self._end

    def on_mount(self) -> None:
        self.set_focus(self._engines)
        self.action_look_again()
        self.draw(self.state)
        self.call_after_refresh(lambda: self.draw(self.state))

    @property
    def has_queen(self) -> bool:
        return any(agent.role == "queen" for agent in self.state.agents.values())

    @property
    def _chosen_id(self) -> str:
        chosen = self._engines.chosen
        return (chosen.id or "") if chosen else ""

    @property
    def engine(self) -> Engine | FromTemplate | None:
        """What the cursor is on, an engine or a template, if it is there."""
        id = self._chosen_id
        if not id.startswith(PREFIX):
            return engine_of(id) if id else None
        found = self._templates.templates if self._templates is not None else []
        template = next((template for template in found if f"{PREFIX}{template.name}" == id), None)
        return FromTemplate(template, self._values.get(id, {}).get("engine", "")) if template is not None else None

    @property
    def values(self) -> dict[str, str]:
        """What is typed, by field."""
        return {field.name: given.value.strip() for field, given in zip(self._fields, self._inputs, strict=False)}

    @property
    def _choices(self) -> tuple[Choice, ...]:
        """Engines and templates that can be used, then those that cannot."""
        found = engine_choices(self.state)
        if self.state.engines is not None and self._templates is not None and self._rebuilt is None:
            found += template_choices(self._templates.templates)
        return tuple(sorted(found, key=lambda choice: choice.id is None))

    def draw(self, state: HiveState) -> None:
        """Show this state."""
        self.state = state
        if not self.is_mounted:
            return
        self._header.show(state, self._clock())
        choices = self._choices
        if choices != self._engines.choices:
            now = self._chosen_id
            kept = next((n for n, choice in enumerate(choices) if now and choice.id == now), 0)
            if self._wanted_engine:
                wanted = self._wanted_engine
                kept = next(
                    (n for n, c in enumerate(choices) if c.id == wanted or (c.id or "").startswith(f"{wanted}:")), kept
                )
                self._wanted_engine = "" if state.engines is not None else wanted
            self._engines.show(choices)
            self._engines.move_to(kept)
        self._redraw()

    def finished(self, outcome: Outcome) -> None:
        """What became of what was asked for."""
        if isinstance(outcome.intent, ListTemplates) and isinstance(outcome.loaded, TemplateList):
            self._templates = outcome.loaded
            self.draw(self.state)
        if isinstance(outcome.intent, Rebuild) and self._rebuilt is not None:
            self._making = None
            if outcome.done:
                self.dismiss()
            else:
                self._redraw()
        if isinstance(outcome.intent, SpawnAgent):
            self._making = None
            if outcome.done and (not self.first or outcome.intent.role == "worker"):
                self.dismiss()
                return
            if outcome.done:
                if outcome.intent.engine == "scripted":
                    self._inputs[0].value = ""  # the queen's scenario is hers
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
        return self._rebuilt is None and (not self.first or self.has_queen)

    def _fill_fields(self, engine: Engine | FromTemplate) -> None:
        """Its fields, with what was typed for it before, or what its template says."""
        id = self._chosen_id
        if (id, engine.fields) == (self._filled_for, self._fields):
            return
        self._filled_for, self._fields = id, engine.fields
        values = {**(engine.initial if isinstance(engine, FromTemplate) else {}), **self._values.get(id, {})}
        for at, (label, given) in enumerate(zip(self._labels, self._inputs, strict=True)):
            field = engine.fields[at] if at < len(engine.fields) else None
            assert given.parent is not None
            given.parent.display = field is not None
            if field is not None:
                label.show([((f"   {field.label}", "text" if field.needed else "dim"),)])
                given.placeholder = field.hint
            with given.prevent(Input.Changed):
                given.value = values.get(field.name, "") if field is not None else ""

    def _redraw(self) -> None:
        self._values[self._filled_for] = self._values.get(self._filled_for, {}) | self.values
        engine = self.engine or Engine("")
        self._fill_fields(engine)
        self.query_one("#name-field").display = self.names_it
        values = self.values
        self._intro.show(intro_lines("Engines on this machine" if self._rebuilt else "Engines and templates"))
        self._steps.show(step_lines(self.has_queen) if self.first else [()])
        whom = "it" if self.names_it else self._rebuilt.name if self._rebuilt else "the queen"
        writing = any(given.has_focus for given in self._inputs)
        act = act_line(engine.way if engine.kind else "", engine.missing(values), self._making, whom, writing=writing)
        if self._rebuilt is not None:
            act = tuple((text.replace(" makes ", " puts "), tone) for text, tone in act)
        later = self.first and not self.names_it
        self._act.show([act, (), (("2 ", "dim"), ("The first worker", "dim"))] if later else [act])
        self._end.show(self._end_lines(engine, values))

    def _end_lines(self, engine: Engine | FromTemplate, values: dict[str, str]) -> list[Line]:
        """What came of the last try, and the same by command."""
        also = engine.also(max(20, self._end.size.width or 66)) if isinstance(engine, FromTemplate) else []
        lines: list[Line] = [()]
        if self.state.engines is None:
            lines.append((("looking for engines…", "dim"),))
        if (notice := self.state.notice) is not None:
            bad = notice.tone == "bad"
            said = (one_line(notice.text), "bad" if bad else "text")
            lead: Line = (("error ", "bad-strong"),) if bad else (("✓ ", "good"),)
            lines += [*wrapped([said], max(20, self.size.width - 10), lead), ()]
        if also:
            lines += [
                (("its template says too", "dim"), (" · ", "faint"), ("pgdn", "key"), (" reads on", "dim")),
                *also,
                (),
            ]
        flags = engine.flags(values)
        name = self._name_input.value.strip() or "NAME"
        lines.append((("or from a shell", "dim"),))
        if self._rebuilt is not None:
            return [*lines, *self._shell_lines(f"hive rebuild {self._rebuilt.name}{flags}")]
        if not self.names_it:
            lines += self._shell_lines(f"hive init{flags}")
        return [*lines, *self._shell_lines(f"hive spawn {name}{flags} --yes")]

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
        values = self.values
        if (missing := engine.missing(values)) is not None:
            self.set_focus(self._inputs[engine.fields.index(missing)])
            return
        options = engine.options(values)
        if isinstance(engine, FromTemplate):
            values = engine.changed(values)
        model = values.get("model") or None
        secrets = tuple(values.get("env_from", "").replace(",", " ").split())
        if self._rebuilt is not None:
            self._rebuild(self._rebuilt, Rebuild(self._rebuilt.name, engine.kind, model, options, secrets))
            return
        name = self._name_input.value.strip() if self.names_it else QUEEN
        role = "queen" if name == QUEEN and not self.has_queen else "worker"
        intent = SpawnAgent(name, engine.kind, role, model, options=options, env_from=secrets)
        if isinstance(engine, FromTemplate):
            above = values.get("engine", "")
            intent = replace(
                intent,
                engine=above,
                template=engine.template.name,
                seen=json.dumps(engine.template.said),
                runtime=values.get("runtime"),
                prompt=values.get("prompt"),
            )
        self._making = intent.name
        self.post_message(Asked(intent))
        self._redraw()

    def _rebuild(self, agent: Agent, intent: Rebuild) -> None:
        def confirmed(yes: bool | None) -> None:
            if yes:
                self._making = agent.name
                self.post_message(Asked(intent))
                self._redraw()

        self.app.push_screen(confirm_rebuild(agent, intent), confirmed)

    def action_look_again(self) -> None:
        self.post_message(Asked(ListEngines()))
        if self._rebuilt is None:
            self.post_message(Asked(ListTemplates()))

    def action_read(self, pages: int) -> None:
        """What a template says may be longer than the screen."""
        box = self.query_one("#first-run", VerticalScroll)
        box.scroll_relative(y=pages * max(1, box.size.height - 2), animate=False, immediate=True)

    def action_to_hive(self) -> None:
        self.dismiss()

    def action_leave(self) -> None:
        self.app.exit()


def confirm_rebuild(agent: Agent, intent: Rebuild) -> ConfirmScreen:
    """What becomes of the conversation is said before it happens."""
    ended = " The turn that runs is ended first, and its messages come again." if agent.busy else ""
    if agent.engine != intent.engine:
        title = f"Put {agent.name} on {intent.engine}, from {agent.engine}?"
        said = (
            f"The conversation stays behind: its next turn begins a new one, told what the journal remembers. "
            f"What it set that {intent.engine} lacks is cleared.{ended}"
        )
    else:
        title = f"Rebuild {agent.name} on {intent.engine}?"
        said = f"It is started anew with these options, and goes on with its conversation if they are of the same agent.{ended}"
    return ConfirmScreen(title, "rebuild it", said)


def intro_lines(title: str) -> list[Line]:
    return [(), ((title, "strong"), ("   ↑ ↓ choose · ctrl+r look again", "dim")), ()]


def step_lines(has_queen: bool) -> list[Line]:
    """Up to where the fields are."""
    queen: Line = (("✓ ", "good") if has_queen else ("1 ", "accent-strong"), ("The queen", "strong"))
    lines: list[Line] = [(), (*queen, (" may ask you for more agents and talks to all of them.", "dim"))]
    return [*lines, (), (("2 ", "accent-strong"), ("The first worker", "strong"))] if has_queen else lines


def free_name(state: HiveState) -> str:
    """A name that nobody has: the queen's where agents have none, else the next worker's."""
    if state.agents and not any(agent.role == "queen" for agent in state.agents.values()):
        return QUEEN
    return next(name for n in range(1, len(state.agents) + 2) if (name := f"worker-{n}") not in state.agents)
