"""The composition point: client, sync and controller on one side, state in the middle, screens on the other.

News comes by `apply` and `apply_transcript`, is reduced, and drawn soon after, at most 20 times a second. What the operator
wants comes as `Asked`.
"""

from collections.abc import Callable
from functools import partial
from time import monotonic
from typing import Any, ClassVar

from textual import events
from textual.binding import BindingType
from textual.timer import Timer

from hived.client.hive_client import HiveClient
from hivetui.attention import Attention
from hivetui.commands import HiveCommands
from hivetui.controller import Controller
from hivetui.intents import Intent
from hivetui.keymap import bindings_of
from hivetui.life_calls import meanwhile
from hivetui.screens.asks import Asked, Draws, Hears, Noted, PanesShown, ShowsLogs
from hivetui.screens.first_run import FirstRunScreen
from hivetui.screens.hive import HiveScreen
from hivetui.state.clock import Clock, system_clock
from hivetui.state.hive import (
    ActEnded,
    AskFetched,
    Change,
    EnginesListed,
    HiveState,
    LogsFollowed,
    Notice,
    Noticed,
    SnapshotTaken,
    WaitingArranged,
    reduced,
)
from hivetui.state.logs import LogOf
from hivetui.state.transcript import Transcript
from hivetui.state.waiting import WaitingOnYou
from hivetui.sync import EventsCame, HiveSync, PageCame, PageFailed, StreamLost, TranscriptNews
from hivetui.theme import THEME
from hivetui.typeahead import KeysInTurn
from hivetui.widgets.footer import NOTICE_SECONDS
from hivetui.widgets.transcript import TranscriptView

DRAW_SECONDS = 1 / 20
AGES_SECONDS = 1.0


class HiveApp(KeysInTurn):
    """Without a client nothing is followed: a test feeds it by `apply`."""

    TITLE = "hive"
    CSS = """
    CommandPalette { background: $background 40%; }
    CommandPalette > Vertical { width: 76; max-width: 96%; margin-top: 2; }
    CommandPalette SearchIcon { display: none; }
    CommandPalette #--input { border: round $soft; background: $panel; height: 3; padding: 0 1; }
    CommandPalette CommandInput, CommandPalette CommandInput:focus { background: $panel; border: none; padding: 0; height: 1; }
    CommandPalette CommandList { background: $panel; border: none; scrollbar-size-vertical: 1; max-height: 60vh; scrollbar-background: $panel; }
    CommandPalette CommandList > .option-list--option-highlighted { background: $cursor-row; }
    """
    COMMANDS: ClassVar[set[Any]] = {HiveCommands}
    BINDINGS: ClassVar[list[BindingType]] = [key for key in bindings_of("hive") if key.id == "hive.pause_all"]
    """What works on every screen, whatever is looked at."""
    ENABLE_COMMAND_PALETTE = True
    ESCAPE_TO_MINIMIZE = False

    def __init__(
        self,
        client: HiveClient | None = None,
        *,
        clock: Clock = system_clock,
        ticking: bool = True,
        demo: bool = False,
    ) -> None:
        super().__init__()
        self._demo = demo
        self.register_theme(THEME)
        self.theme = THEME.name
        self.state = HiveState()
        self.transcripts: dict[str, Transcript] = {}
        self._clock = clock
        self._ticking = ticking
        self._client = client
        self._controller = Controller(client) if client else None
        self._sync = HiveSync(client, self.apply, self.apply_transcript, clock) if client else None
        self._hive: HiveScreen | None = None
        self._logs: frozenset[LogOf] = frozenset()  # that are followed
        self._first_run_offered = False
        self._draw_timer: Timer | None = None
        self._drawn_at = 0.0
        self._notice_timer: Timer | None = None
        self._attention = Attention(self.set_timer, self._write, self._say_focus, is_web=lambda: self.is_web)

    def on_mount(self) -> None:
        self._hive = HiveScreen(self.state, self.transcripts, self._clock, self._arrange, demo=self._demo)
        self.push_screen(self._hive)
        self._attention.look()
        if self._ticking:
            self.set_interval(AGES_SECONDS, self.draw)
        if self._sync is not None:
            self.run_worker(self._sync.run(), name="sync", exit_on_error=True)

    async def on_event(self, event: events.Event) -> None:
        if isinstance(event, events.Key | events.MouseDown | events.Paste) and not event.is_forwarded:
            self._attention.touched()
        await super().on_event(event)

    def get_theme_variable_defaults(self) -> dict[str, str]:
        return THEME.variables

    @property
    def hive(self) -> HiveScreen:
        assert self._hive is not None, "the screen is there from the mount on"
        return self._hive

    # News --------------------------------------------------------------------------------------------------

    def action_pause_all(self) -> None:
        self.hive.pause_all()

    def apply(self, change: Change) -> None:
        """Something happened to the hive."""
        self.state = reduced(self.state, change)
        if isinstance(change, SnapshotTaken) and not self.state.agents and not self._first_run_offered:
            self._first_run_offered = True
            self.push_screen(FirstRunScreen(self.state, self._clock))
        if self.state.attached:
            self._attention.waits(self.state.waiting.pending)
        self._draw_soon()

    def apply_transcript(self, news: TranscriptNews) -> None:
        """Something happened in an agent's journal."""
        transcript = self.transcripts.get(news.agent)
        if transcript is None:
            return
        touched: set[int] = set()
        restarted = False
        match news:
            case PageCame(_, page, before):
                restarted = transcript.begin(page.journal_uuid)
                touched = transcript.take_page(page.events, page.first_id, page.last_id, before)
            case EventsCame(_, events):
                touched = transcript.take_live(events)
            case PageFailed(_, number):
                transcript.failed_page(number)
            case StreamLost():
                transcript.lost_touch()
        self.hive.transcript_changed(news.agent, touched, restarted=restarted)

    def _draw_soon(self) -> None:
        if self._draw_timer is None:
            self._draw_timer = self.set_timer(max(0.001, self._drawn_at + DRAW_SECONDS - monotonic()), self.draw)

    def draw(self) -> None:
        """Draw the state as of now, on every screen that shows it."""
        if self._draw_timer is not None:
            self._draw_timer.stop()
            self._draw_timer = None
        self._drawn_at = monotonic()
        self.on_logs_shown()
        for screen in self.screen_stack:
            if isinstance(screen, Draws):
                screen.draw(self.state)

    # Who looks ---------------------------------------------------------------------------------------------

    def on_app_focus(self) -> None:
        self._attention.reported(focused=True)

    def on_app_blur(self) -> None:
        self._attention.reported(focused=False)

    def _say_focus(self, focused: bool) -> None:
        if self._sync is not None:
            self._sync.say_focus(focused=focused)

    def _write(self, sequence: str) -> None:
        """To the terminal itself: what rings and notifies."""
        if self._driver is not None and self._ticking and not self.is_headless:
            self._driver.write(sequence)

    # What is wanted ----------------------------------------------------------------------------------------

    def on_asked(self, event: Asked) -> None:
        if self._controller is not None:
            self.run_worker(self._do(self._controller, event.intent), name="intent", exit_on_error=True)

    async def _do(self, controller: Controller, intent: Intent) -> None:
        if begun := meanwhile(intent, self._clock()):
            self.apply(begun)
        outcome = await controller.do(intent)
        if begun:
            self.apply(ActEnded(begun.agents))
        if outcome.engines is not None:
            self.apply(EnginesListed(outcome.engines))
        if outcome.whole is not None:
            self.apply(AskFetched(outcome.whole))
        if outcome.notice is not None:
            self._notice(partial(Noticed, outcome.notice))
        for screen in list(self.screen_stack):
            if isinstance(screen, Hears):
                screen.finished(outcome)
        self.draw()

    def on_noted(self, event: Noted) -> None:
        self._notice(partial(Noticed, event.notice))

    def _notice(self, change: Callable[[], Noticed]) -> None:
        """Show it for a while, or until a key is pressed in the composer."""
        if self._notice_timer is not None:
            self._notice_timer.stop()
            self._notice_timer = None
        self.apply(change())
        if self.state.notice is not None and self._ticking:
            self._notice_timer = self.set_timer(NOTICE_SECONDS, lambda: self.apply(Noticed(None)))

    def action_help_quit(self) -> None:
        """`ctrl+c` with nothing selected: say in the last line what it does, in place of a box over the composer."""
        said = "ctrl+c copies selected text. Leave: ctrl+q. Cancel the focused agent's turn: esc, x."
        self._notice(partial(Noticed, Notice(said)))

    def _arrange(self, arrange: Callable[[WaitingOnYou], WaitingOnYou]) -> None:
        """The operator did that in the list of what waits: it holds for the next key already."""
        self.state = reduced(self.state, WaitingArranged(arrange))
        self.draw()

    def on_panes_shown(self, event: PanesShown) -> None:
        for name in [name for name in self.transcripts if name not in event.agents]:
            del self.transcripts[name]
        if self._sync is not None:
            self._sync.watch(event.agents)

    def on_logs_shown(self) -> None:
        """Logs are followed as long as a screen is there that shows them."""
        shown = frozenset(of for screen in self.screen_stack if isinstance(screen, ShowsLogs) for of in screen.logs)
        if shown != self._logs:
            self._logs = shown
            self.apply(LogsFollowed(shown))
            if self._sync is not None:
                self._sync.follow_logs(shown)

    def on_transcript_view_page_wanted(self, event: TranscriptView.PageWanted) -> None:
        if self._sync is not None:
            self._sync.load_page(event.agent, event.page)
