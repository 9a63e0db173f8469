"""A few fields to fill in, with what they would mean below them as they are typed. What is typed is never redrawn."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar

from textual import events
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.message import Message
from textual.screen import ModalScreen
from textual.strip import Strip
from textual.timer import Timer
from textual.widget import Widget
from textual.widgets import Input

from hivetui.intents import Intent
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Asked
from hivetui.widgets.in_order import LineInput
from hivetui.widgets.lines import Line, one_line, wrapped
from hivetui.widgets.strips import strip_of
from hivetui.widgets.text_lines import Lines

LABEL_CELLS = 9
LOOK_SECONDS = 0.3
"""From the last letter typed to the preview."""

Values = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Field:
    """One line of the form; with `choices` one of those, else text."""

    name: str
    label: str
    value: str = ""
    hint: str = ""
    choices: tuple[str, ...] = ()


class Cycle(Widget, can_focus=True):
    """One of a few words; space and the arrows go on to the next."""

    DEFAULT_CSS = "Cycle { height: 1; width: 1fr; }"
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("space,right", "step(1)", "next", show=False),
        Binding("left", "step(-1)", "before", show=False),
    ]

    class Changed(Message):
        """Another word is chosen."""

    def __init__(self, choices: Sequence[str], value: str) -> None:
        super().__init__()
        self._choices = tuple(choices)
        self.value = value if value in self._choices else self._choices[0]

    def action_step(self, step: int) -> None:
        self.value = self._choices[(self._choices.index(self.value) + step) % len(self._choices)]
        self.refresh()
        self.post_message(self.Changed())

    def on_click(self) -> None:
        self.action_step(1)

    def on_focus(self) -> None:
        self.refresh()

    def on_blur(self) -> None:
        self.refresh()

    def render_line(self, y: int) -> Strip:
        line: list[tuple[str, str]] = []
        for choice in self._choices:
            chosen = choice == self.value
            mark = "● " if chosen else "○ "
            line += [(mark, "accent" if chosen else "dim"), (choice, "strong" if chosen else "dim"), ("   ", "")]
        if self.has_focus:
            line.append(("space changes it", "dim"))
        return strip_of(tuple(line), self.size.width, self.rich_style)


class FormScreen(ModalScreen[bool]):
    """Gives True once what was wanted is done. `wanted` makes the intent of the values, or says in a sentence what is missing;
    `preview` what to ask meanwhile, whose answer `shown` draws; `about` what can be said without asking."""

    CSS_PATH = Path(__file__).with_name("form.tcss")
    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape", "back", "back", show=False, priority=True),
        Binding("enter", "take", "take it", show=False),
        Binding("tab,down", "app.focus_next", "next", show=False, priority=True),
        Binding("shift+tab,up", "app.focus_previous", "before", show=False, priority=True),
    ]

    def __init__(
        self,
        title: str,
        fields: Sequence[Field],
        wanted: Callable[[Values], Intent | str],
        *,
        about: Callable[[Values, int], list[Line]] = lambda values, width: [],
        preview: Callable[[Values], Intent | None] = lambda values: None,
        shown: Callable[[Outcome, int], list[Line]] = lambda outcome, width: [],
    ) -> None:
        super().__init__()
        self._title = title
        self._fields = tuple(fields)
        self._wanted = wanted
        self._about = about
        self._preview = preview
        self._shown = shown
        self._parts: dict[str, Input | Cycle] = {field.name: _part(field) for field in fields}
        self._said = Lines(id="said")
        self._found = Lines(id="found")
        self._asked: Intent | None = None
        self._looked: Intent | None = None
        self._timer: Timer | None = None

    def compose(self) -> ComposeResult:
        with Vertical(classes="box") as box:
            box.border_title = self._title
            box.border_subtitle = "tab next · enter takes it · esc back"
            for field in self._fields:
                with Horizontal(classes="field"):
                    yield Lines([((f"{field.label:<{LABEL_CELLS}}", "dim"),)])
                    yield self._parts[field.name]
            yield self._said
            yield self._found

    def on_mount(self) -> None:
        _fill(self._found, [])
        self.set_focus(self._parts[self._fields[0].name])
        self._changed()
        self.call_after_refresh(self._changed)

    @property
    def values(self) -> dict[str, str]:
        return {name: part.value.strip() for name, part in self._parts.items()}

    @property
    def _width(self) -> int:
        return max(30, self.query_one(Vertical).content_size.width)

    def on_input_changed(self) -> None:
        self._changed()

    def on_input_submitted(self) -> None:
        """Here, and not by a key of the screen's: that would overtake what was typed before it."""
        self.action_take()

    def on_cycle_changed(self) -> None:
        self._changed()

    def on_resize(self, event: events.Resize) -> None:
        self.call_after_refresh(self._changed)

    def _changed(self) -> None:
        self._say(self._about(self.values, self._width))
        wanted = self._preview(self.values)
        if wanted == self._looked:
            return
        self._looked = wanted
        if self._timer is not None:
            self._timer.stop()
            self._timer = None
        if wanted is None:
            _fill(self._found, [])
            return
        self._timer = self.set_timer(LOOK_SECONDS, lambda: self._look(wanted))

    def _look(self, wanted: Intent) -> None:
        self._timer = None
        self.post_message(Asked(wanted))

    def _say(self, lines: Sequence[Line]) -> None:
        _fill(self._said, lines)

    def finished(self, outcome: Outcome) -> None:
        if self._asked is not None and outcome.intent == self._asked:
            self._asked = None
            if outcome.done:
                self.dismiss(True)
            elif outcome.notice is not None:
                self._say(wrapped([(one_line(outcome.notice.text), "bad")], self._width))
        elif self._looked is not None and outcome.intent == self._looked:
            _fill(self._found, self._shown(outcome, self._width))

    def action_take(self) -> None:
        if self._asked is not None:
            return
        wanted = self._wanted(self.values)
        if isinstance(wanted, str):
            self._say(wrapped([(wanted, "bad")], self._width))
            return
        self._asked = wanted
        self.post_message(Asked(wanted))

    def action_back(self) -> None:
        self.dismiss(False)


def _fill(part: Lines, lines: Sequence[Line]) -> None:
    part.display = bool(lines)
    part.show([(), *lines])


def _part(field: Field) -> Input | Cycle:
    if field.choices:
        return Cycle(field.choices, field.value)
    part = LineInput(field.value, placeholder=field.hint, compact=True)
    part.cursor_blink = False
    return part
