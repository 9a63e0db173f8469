"""What a config commit or an agent's work changes, file by file and line by line; compared with another base on one key."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen

from hived.wire.deployments import Diff
from hived.wire.work import Work
from hivetui.keymap import KEYS, bindings_of, footer_of
from hivetui.life_intents import BringWorkHome, LoadDiff, LookAtWork
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Asked
from hivetui.screens.help import HelpScreen
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState
from hivetui.widgets.footer import KeyFooter
from hivetui.widgets.header import Header
from hivetui.widgets.lines import Line, clean
from hivetui.widgets.reading import Reading


class DiffScreen(Screen[None]):
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("diff")]

    def __init__(
        self, state: HiveState, clock: Clock, wanted: LoadDiff | LookAtWork, *, fetch: BringWorkHome | None = None
    ) -> None:
        super().__init__()
        self.state = state
        self.clock = clock
        self._wanted = wanted
        self._fetch = fetch
        self._error = ""
        self._text = ""
        self._header = Header()
        self._view = Reading(id="lines")
        self._footer = KeyFooter()

    def compose(self) -> ComposeResult:
        yield self._header
        yield self._view
        yield self._footer

    def on_mount(self) -> None:
        self.post_message(Asked(self._wanted))
        self.draw(self.state)

    def draw(self, state: HiveState) -> None:
        self.state = state
        if self.is_mounted:
            self._header.show(state, self.clock())
            lines: list[Line] = [((clean(line), "text"),) for line in self._text.split("\n")]
            self._view.show(self._wanted, lines)
            self._footer.show(footer_of("diff"), state.notice, ())

    def finished(self, outcome: Outcome) -> None:
        if outcome.intent == self._wanted:
            if isinstance(outcome.loaded, Diff):
                self._text = outcome.loaded.text
            elif isinstance(outcome.loaded, Work):
                self._text = outcome.loaded.patch or ""
            self._error = outcome.notice.text if outcome.notice is not None else ""
            self.draw(self.state)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("diff"))

    def action_back(self) -> None:
        self.dismiss()

    async def on_key_footer_hint_clicked(self, event: KeyFooter.HintClicked) -> None:
        await self.run_action(next(key.action for key in KEYS if key.id == event.key_id))
