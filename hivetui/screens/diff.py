"""What a config commit or an agent's work changes, file by file and line by line; compared with another base on one key."""

from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.screen import Screen

from hived.wire import deployments as wire
from hived.wire.work import Work
from hivetui.intents import Intent
from hivetui.keymap import KEYS, bindings_of, footer_of
from hivetui.life_intents import BringWorkHome, LoadDiff, LookAtWork
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Asked, Noted
from hivetui.screens.help import HelpScreen
from hivetui.screens.picker import PickerScreen
from hivetui.screens.prompt import PromptScreen
from hivetui.state.clock import Clock, day_and_hour
from hivetui.state.diffs import Diff, Step
from hivetui.state.hive import HiveState, Notice
from hivetui.state.tombstones import work_words
from hivetui.widgets.choice_rows import Choice
from hivetui.widgets.diff_view import DiffFiles, DiffView, file_choice
from hivetui.widgets.footer import KeyFooter
from hivetui.widgets.header import Header
from hivetui.widgets.lines import Piece, cropped, one_line
from hivetui.widgets.rows import Rows
from hivetui.widgets.sizes import short
from hivetui.widgets.strips import content_of

BASES: tuple[wire.DiffBase, ...] = ("running", "approved", "queued")
BASE_WORDS = {
    "running": "what runs",
    "approved": "what was approved last",
    "queued": "what was asked for before it",
    "before": "what ran before it",
}
LISTED_WIDTH = 150
"""From this width on the files are listed at the left."""


class DiffScreen(Screen[None]):
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("diff")]

    def __init__(
        self, state: HiveState, clock: Clock, wanted: LoadDiff | LookAtWork, *, fetch: BringWorkHome | None = None
    ) -> None:
        """`fetch`: what brings that work home."""
        super().__init__()
        self.state = state
        self.clock = clock
        self._wanted = wanted
        self._fetch = fetch
        self._known: dict[Intent, tuple[Diff, list[Piece]]] = {}
        """What hived has answered, each with what stands above it."""
        self._shown: Intent | None = None
        self._error = ""
        self._header = Header()
        self._files = DiffFiles(id="files")
        self.view = DiffView(id="lines")
        self._footer = KeyFooter()

    def compose(self) -> ComposeResult:
        yield self._header
        yield Container(self._files, self.view, id="diff")
        yield self._footer

    def on_mount(self) -> None:
        self.set_focus(self.view)
        self._load(self._wanted)

    def on_resize(self) -> None:
        self.set_class(self.size.width < LISTED_WIDTH, "-narrow")
        self.call_after_refresh(lambda: self.draw(self.state))

    def _load(self, wanted: LoadDiff | LookAtWork) -> None:
        self._wanted, self._error = wanted, ""
        if wanted not in self._known:
            self.post_message(Asked(wanted))
        self.draw(self.state)

    def finished(self, outcome: Outcome) -> None:
        found = outcome.loaded
        if not isinstance(outcome.intent, LoadDiff | LookAtWork):
            return
        if isinstance(found, wire.Diff):
            self._known[outcome.intent] = (Diff(found.text), diff_title(found))
        elif isinstance(found, Work):
            self._known[outcome.intent] = (
                Diff(work_text(found)),
                work_title(found, day_and_hour(found.state.looked_at, self.clock())),
            )
        elif outcome.intent == self._wanted:
            self._error = outcome.notice.text if outcome.notice is not None else ""
        self.draw(self.state)

    # Drawing -----------------------------------------------------------------------------------------------

    def draw(self, state: HiveState) -> None:
        """Show this state as of now."""
        self.state = state
        if not self.is_mounted:
            return
        self._header.show(state, self.clock())
        diff, title = self._known.get(self._wanted, (Diff(""), [("diff", "strong")]))
        if self._wanted in self._known:
            self.view.nothing = [((" nothing differs", "dim"),)]
        elif self._error:
            self.view.nothing = [((f" {one_line(self._error)}", "bad"),)]
        else:
            self.view.nothing = [((" hived compares…", "dim"),)]
        shown = self._wanted if self._wanted in self._known else None
        if shown is None or shown != self._shown:
            self._shown = shown
            self.view.show(diff)
        self.view.border_title = content_of(cropped(title, max(8, self.view.size.width - 4)))
        self._draw_place()
        self._footer.show(footer_of("diff", without=self._idle, labels=self._labels), state.notice, ())

    def _draw_place(self) -> None:
        """Which file, and how far down."""
        view = self.view
        self._files.show(view.diff, view.file)
        self._files.border_title = f"{view.diff.files} file{'' if view.diff.files == 1 else 's'}"
        self._files.display = self.size.width >= LISTED_WIDTH and view.diff.files > 1
        parts = [f"/{one_line(view.wanted, 30)}"] if view.wanted else []
        if view.diff.files:
            parts.append(f"file {max(0, view.file) + 1} of {view.diff.files}")
        if view.count > view.size.height:
            parts.append(f"{100 * min(view.count, view.scroll_offset.y + view.size.height) // view.count}%")
        view.border_subtitle = " · ".join(parts).replace("[", "(") or None

    @property
    def _idle(self) -> frozenset[str]:
        idle = set()
        if not isinstance(self._wanted, LoadDiff) or self._wanted.of != "approval":
            idle.add("diff.base")
        if self._fetch is None:
            idle.add("diff.fetch")
        if not self.view.diff.files:
            idle |= {"diff.sides", "diff.next_hunk", "diff.previous_hunk", "diff.search", "diff.on"}
        if self.view.diff.files < 2:
            idle |= {"diff.next_file", "diff.previous_file", "diff.files"}
        return frozenset(idle)

    @property
    def _labels(self) -> dict[str, str]:
        return {"diff.sides": "one column" if self.view.sides else "side by side"}

    def on_diff_view_moved(self) -> None:
        self._draw_place()

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        if event.rows is self._files:
            self.view.go_to_file(event.index)

    # Keys --------------------------------------------------------------------------------------------------

    def _say(self, text: str) -> None:
        self.post_message(Noted(Notice(text)))

    def action_next_base(self) -> None:
        wanted = self._wanted
        if isinstance(wanted, LoadDiff) and wanted.of == "approval":
            base = BASES[(BASES.index(wanted.base) + 1) % len(BASES)]
            self._load(LoadDiff(wanted.of, wanted.id, base))

    def action_toggle_sides(self) -> None:
        self.view.toggle_sides()
        self.draw(self.state)

    def action_go_file(self, step: Step) -> None:
        if not self.view.go_file(step):
            self._say("This is the last file." if step > 0 else "This is the first file.")

    def action_go_hunk(self, step: Step) -> None:
        if not self.view.go_hunk(step):
            self._say("This is the last change." if step > 0 else "This is the first change.")

    def action_go_match(self, step: Step) -> None:
        if not self.view.wanted:
            self._say("Nothing is searched for: / does.")
        elif not self.view.go_match(step):
            self._say(f"{one_line(self.view.wanted, 60)} is not in it.")

    def action_files(self) -> None:
        diff = self.view.diff
        if not diff.files:
            return
        choices = [Choice(str(index), file_choice(diff, index)) for index in range(diff.files)]

        def chosen(file: str | None) -> None:
            if file is not None:
                self.view.go_to_file(int(file))

        self.app.push_screen(PickerScreen("go to file", choices, at=str(max(0, self.view.file))), chosen)

    def action_search(self) -> None:
        begun, before = self.view.at, self.view.wanted

        def changed(text: str) -> None:
            self.view.go(begun)
            self.view.search(text)

        def ended(text: str | None) -> None:
            self.view.go(begun)
            if not self.view.search(before if text is None else text):
                self._say(f"{one_line(self.view.wanted, 60)} is not in it.")
            self._draw_place()

        self.app.push_screen(
            PromptScreen("search for", before, "words of a line; capitals count where you write some", changed), ended
        )

    def action_fetch(self) -> None:
        if self._fetch is not None:
            self.post_message(Asked(self._fetch))

    def action_scroll_by(self, lines: int) -> None:
        self.view.scroll_lines(lines)

    def action_scroll_pages(self, pages: int) -> None:
        self.view.scroll_pages(pages)

    def action_scroll_first(self) -> None:
        self.view.scroll_lines(-self.view.count)

    def action_scroll_last(self) -> None:
        self.view.scroll_lines(self.view.count)

    def action_scroll_sideways(self, cells: int) -> None:
        self.view.scroll_sideways(cells)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("diff"))

    def action_back(self) -> None:
        """First the search ends, then the screen."""
        if self.view.wanted:
            self.view.search("")
            self._draw_place()
            return
        self.dismiss()

    async def on_key_footer_hint_clicked(self, event: KeyFooter.HintClicked) -> None:
        await self.run_action(next(key.action for key in KEYS if key.id == event.key_id))


def diff_title(found: wire.Diff) -> list[Piece]:
    """`carol · 7be40d92 against what runs (3f9c2e1a, deployed 2 d ago by operator)`."""
    told = ", ".join(part for part in (short(found.base_commit), one_line(found.base_title, 80)) if part)
    title: list[Piece] = [
        (one_line(found.agent, 40), "strong"), (" · ", "faint"), (short(found.commit), "code"), (" against ", "dim"),
        (BASE_WORDS.get(found.base, found.base), "accent"), (f" ({told})" if told else "", "dim"),
    ]  # fmt: skip
    return [*title, (" · cut: it is longer than this", "bad")] if found.cut else title


def work_title(found: Work, looked: str) -> list[Piece]:
    lost = work_words(found.state)
    title: list[Piece] = [
        (one_line(found.agent, 40), "strong"), (" · work", "dim"),
        (f" on {one_line(found.state.branch, 60)}" if found.state.branch else "", "dim"), (" · ", "faint"),
        (lost or "all of it is in its origin", "wait" if lost else "good"), (f" · {looked}", "dim"),
    ]  # fmt: skip
    return [*title, (" · cut: it is longer than this", "bad")] if found.cut else title


def work_text(found: Work) -> str:
    """Its commits, newest first, then its patch. What an agent wrote of a commit never begins a line: that could be a file's head."""
    commits = [
        f"· {short(commit.sha)} {one_line(commit.subject, 200)} · {one_line(commit.author, 60)}\n"
        for commit in found.commits
    ]
    head = "".join(commits) + ("\n" if commits else "")
    return head + (found.patch or "") if commits or found.patch else ""
