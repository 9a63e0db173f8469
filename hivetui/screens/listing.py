"""What the screens of rules, budgets, reminders, threads and the audit share: a list, what there is to read of the row that
the cursor is on, and the keys that work there. Each of them says what its rows are."""

from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.containers import Container
from textual.screen import Screen

from hivetui.intents import Intent
from hivetui.keymap import KEYS, Where, footer_of
from hivetui.screens.asks import Asked, Noted
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.help import HelpScreen
from hivetui.screens.picker import PickerScreen
from hivetui.screens.places import agent_choices, place_choices
from hivetui.screens.prompt import PromptScreen
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState, Notice
from hivetui.widgets.footer import KeyFooter
from hivetui.widgets.header import Header
from hivetui.widgets.keyed_rows import KeyedRows
from hivetui.widgets.lines import Line, clean, plain, wrapped
from hivetui.widgets.reading import Reading

SIDE_BY_SIDE = 120
"""From this width on the list and what there is to read stand side by side."""
Go = Callable[[str], object]
"""Goes to an agent, a screen or a command, by what the list of places gives."""


class ListingScreen(Screen[None]):
    CSS_PATH = Path(__file__).with_name("listing.tcss")
    TITLED: ClassVar[str] = ""
    WHERE: ClassVar[Where] = "listing"
    ENDS: ClassVar[bool] = False
    """What is read begins at its end."""

    def __init__(self, state: HiveState, clock: Clock, go: Go) -> None:
        super().__init__()
        self.state = state
        self.clock = clock
        self._go_to = go
        self._filter = ""
        self._header = Header()
        self.rows = KeyedRows(id="rows")
        self.reading = Reading(id="reading")
        self._footer = KeyFooter()

    # What each of them says --------------------------------------------------------------------------------

    def ids(self) -> tuple[str, ...]:
        """Of the rows, in their order."""
        raise NotImplementedError

    def line(self, id: str, width: int, now: datetime) -> Line:
        raise NotImplementedError

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        raise NotImplementedError

    def summary(self) -> str:
        """Beside the title."""
        return str(len(self.ids()) or "none")

    def nothing(self) -> list[Line]:
        """In place of rows."""
        return []

    # Drawing -----------------------------------------------------------------------------------------------

    def compose(self) -> ComposeResult:
        yield self._header
        yield Container(self.rows, self.reading, id="listing")
        yield self._footer

    def on_mount(self) -> None:
        self.set_focus(self.rows)
        self.reading.can_focus = False
        self.draw(self.state)

    def on_resize(self) -> None:
        self.set_class(self.size.width < SIDE_BY_SIDE, "-narrow")
        self.call_after_refresh(lambda: self.draw(self.state))

    def draw(self, state: HiveState) -> None:
        """Show this state as of now."""
        self.state = state
        if not self.is_mounted:
            return
        now = self.clock()
        self._header.show(state, now)
        ids = self.ids()
        if self._filter:
            words = self._filter.lower().split()
            ids = tuple(id for id in ids if all(word in plain(self.line(id, 400, now)).lower() for word in words))
        self.rows.nothing = (
            [((f"nothing here says {self._filter}".replace("[", "("), "dim"),)] if self._filter else self.nothing()
        )
        self.rows.show(ids, lambda id, width: self.line(id, width, self.clock()))
        self.rows.border_title = f"{self.TITLED} · {self.summary()}".replace("[", "(")
        self.rows.border_subtitle = f"/{self._filter} · {len(ids)}".replace("[", "(") if self._filter else None
        self.draw_reading()
        self._footer.show(footer_of(self.WHERE), state.notice, ())

    def draw_reading(self) -> None:
        id, width = self.rows.chosen, self.reading.width
        lines = self.detail(id, width, self.clock()) if id is not None and width > 8 else []
        self.reading.show(id, lines, ends=self.ENDS)

    def on_keyed_rows_moved(self) -> None:
        self.draw_reading()

    async def on_key_footer_hint_clicked(self, event: KeyFooter.HintClicked) -> None:
        await self.run_action(next(key.action for key in KEYS if key.id == event.key_id))

    # Keys --------------------------------------------------------------------------------------------------

    def ask(self, intent: Intent) -> None:
        self.post_message(Asked(intent))

    def say(self, text: str) -> None:
        self.post_message(Noted(Notice(text)))

    def confirm(self, question: str, deed: str, consequence: str, intent: Intent) -> None:
        def confirmed(yes: bool | None) -> None:
            if yes:
                self.ask(intent)

        self.app.push_screen(ConfirmScreen(question, deed, consequence), confirmed)

    def action_read_on(self) -> None:
        self.reading.scroll_pages(1)

    def action_read_back(self) -> None:
        self.reading.scroll_pages(-1)

    def action_filter(self) -> None:
        def changed(text: str) -> None:
            self._filter = text.strip()
            self.draw(self.state)

        before = self._filter
        self.app.push_screen(
            PromptScreen("show only rows with", before, "any words of a row", changed),
            lambda text: changed(before if text is None else text),
        )

    def action_goto(self) -> None:
        def went(where: str | None) -> None:
            if where is not None:
                self.dismiss()
                self._go_to(where)

        self.app.push_screen(PickerScreen("go to", [*agent_choices(self.state), *place_choices()]), went)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen(self.WHERE, "listing"))

    def action_back(self) -> None:
        """First the filter goes, then the screen."""
        if self._filter:
            self._filter = ""
            self.draw(self.state)
            return
        self.dismiss()

    def action_leave(self) -> None:
        self.app.exit()


def facts(pairs: list[tuple[str, str]], width: int) -> list[Line]:
    """`name  value`, the values below each other; without a value it is left out."""
    lines: list[Line] = []
    for name, value in pairs:
        if value:
            lines += wrapped([(clean(value), "text")], width, ((f"{name:<12} ", "dim"),))
    return lines
