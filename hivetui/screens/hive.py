"""The hive screen: agents, live panes, what waits on you, the composer. Holds what the operator set; posts what he wants."""

from dataclasses import replace
from pathlib import Path
from typing import ClassVar
from uuid import uuid4

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.widget import Widget

from hivetui.commands import COMMANDS, completions, is_command
from hivetui.controller import Outcome
from hivetui.intents import SendMessage
from hivetui.keymap import KEYS, Where, bindings_of, footer_of, marked_labels
from hivetui.screens.asks import Asked, Noted, PanesShown
from hivetui.screens.hive_waiting import Arrange, HiveWaiting
from hivetui.state.agents import Agent, matching
from hivetui.state.cases import case_of
from hivetui.state.clock import Clock
from hivetui.state.desk import Desk
from hivetui.state.hive import HiveState, Notice
from hivetui.state.regions import MEDIUM, Regions, regions_of, split
from hivetui.state.tiles import grid_of, shown_panes
from hivetui.state.transcript import Transcript
from hivetui.state.view import Draft, View, not_sent, sent, typed, with_draft
from hivetui.state.waiting import entered, left
from hivetui.widgets.agent_list import AgentList
from hivetui.widgets.composer import Composer, DraftArea
from hivetui.widgets.footer import KeyFooter
from hivetui.widgets.header import Header
from hivetui.widgets.pane import AgentPane, PaneGrid
from hivetui.widgets.rows import Rows
from hivetui.widgets.strips import content_of
from hivetui.widgets.waiting_detail import WaitingDetail
from hivetui.widgets.waiting_entry import TALL, EntryArea, WaitingEntry
from hivetui.widgets.waiting_list import WaitingList, waiting_title


class BodyLayout(Layout):
    """Puts the parts where `state.regions` says."""

    name = "hive"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        screen = parent.screen
        if not isinstance(screen, HiveScreen):
            return []
        regions = screen.regions(size)
        detail, entry = split(regions.detail, screen.entry.rows if screen.entry.is_open else 0)
        placed = zip(screen.parts, (regions.agents, regions.panes, regions.waiting, detail, entry), strict=True)
        return [
            WidgetPlacement(Region(tile.x, tile.y, tile.width, tile.height), NULL_OFFSET, NULL_SPACING, part)
            for part, tile in placed
            if tile is not None and part in children
        ]


class Body(Container):
    """Holds the parts."""

    def __init__(self, *parts: Widget) -> None:
        super().__init__(*parts, id="body")
        self._parts_layout = BodyLayout()

    @property
    def layout(self) -> Layout:
        return self._parts_layout


class HiveScreen(HiveWaiting):
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("hive")]
    DEFAULT_CSS = """
    HiveScreen { layout: vertical; overflow: hidden; }
    HiveScreen > #body { height: 1fr; overflow: hidden; }
    """

    def __init__(
        self,
        state: HiveState,
        transcripts: dict[str, Transcript],
        clock: Clock,
        rearrange: Arrange,
        *,
        demo: bool = False,
    ) -> None:
        """In a demo, leaving the screen ends the agents."""
        super().__init__()
        self._demo = demo
        self.state = state
        self.view = View()
        self.desk = Desk()
        self.rearrange = rearrange
        self._transcripts = transcripts
        self.clock = clock
        self._shown: tuple[str, ...] = ()
        self._shape: object = None
        self.header = Header()
        self.agents = AgentList(id="agents")
        self.grid = PaneGrid()
        self.waiting = WaitingList(id="waiting")
        self.detail = WaitingDetail(id="detail")
        self.entry = WaitingEntry(id="entry")
        self.composer = Composer()
        self.footer = KeyFooter()
        self.parts: tuple[Widget, ...] = (self.agents, self.grid, self.waiting, self.detail, self.entry)

    def compose(self) -> ComposeResult:
        yield self.header
        yield Body(*self.parts)
        yield self.composer
        yield self.footer

    def on_mount(self) -> None:
        self.agents.border_title = "agents"
        self.set_focus(self.agents)
        self.draw(self.state)

    # Drawing -----------------------------------------------------------------------------------------------

    def regions(self, size: Size) -> Regions:
        return regions_of(
            size.width,
            size.height,
            len(self.state.waiting.items),
            deciding=self.deciding,
            zoomed=self.view.zoomed and self.focused_agent is not None,
        )

    def draw(self, state: HiveState) -> None:
        """Show this state as of now."""
        self.state = state
        if not self.is_mounted:
            return
        if state.waiting.still != self.deciding:
            self.rearrange(entered if self.deciding else left)
            return
        ordered = state.ordered
        if self.view.focused not in state.agents:
            self.view = replace(self.view, focused=ordered[0].name if ordered else None)
        if not self.view.marked <= state.agents.keys():
            self.view = replace(self.view, marked=self.view.marked & state.agents.keys())
        now, focused = self.clock(), self.view.focused
        self.header.show(state, now)
        listed = matching(ordered, self.view.filter)
        self.agents.filtered = bool(self.view.filter)
        self.agents.show(listed, focused, now, self.view.marked)
        shown = f"/{self.view.filter} · {len(listed)} of {len(ordered)}" if self.view.filter else ""
        count = sum(agent.name in self.view.marked for agent in listed)
        said = " · ".join(part for part in (f"{count} marked" if count else "", shown) if part)
        self.agents.border_subtitle = said.replace("[", "(") or None
        self._draw_waiting(state)
        self._draw_panes(ordered)
        agent = self.focused_agent
        self.composer.show(
            focused, self.view.draft, steers=bool(agent and agent.abilities.steer), narrow=self.size.width < MEDIUM
        )
        self._draw_footer()

    def _draw_waiting(self, state: HiveState) -> None:
        now, waiting = self.clock(), state.waiting
        if self.desk.became and not waiting.still:
            self.desk = replace(self.desk, became={})
        some = bool(waiting.pending)
        for part in (self.waiting, self.detail):
            part.set_class(some, "-some")
            part.set_class(not some, "-none")
        self.waiting.border_title = content_of(((waiting_title(waiting), ""),))
        self.waiting.border_subtitle = self._waiting_hint() if some else None
        deadlines = {id: asked.deadline for id, asked in state.questions.items() if asked.deadline}
        self.waiting.show(waiting, now, deadlines, self.desk.under_way, self.desk.became)
        case = self.case
        self.fetch_what_is_cut(case)
        self.detail.show(case, now)
        if self.entry.is_open and self.focused not in (self.entry.area, None):
            self.entry.end()
        self.refresh_parts()

    def refresh_parts(self) -> None:
        shape = (
            len(self.state.waiting.items), self.deciding, self.view.zoomed, self.view.focused is None,
            self.entry.is_open and self.entry.rows,
        )  # fmt: skip
        if shape != self._shape:
            self._shape = shape
            self.agents.refresh(layout=True)  # a child's wish for layout makes the body arrange its parts anew

    def _waiting_hint(self) -> str:
        chosen = self.state.waiting.chosen()
        if not self.deciding:
            answerable = any(case_of(self.state, item, self.desk).keys for item in self.state.waiting.pending[:50])
            return "w decide" if answerable else "w look"
        if not chosen:
            return "space mark"
        does, undoes = marked_labels(item.kind for item in chosen)
        said = [f"A {does} {len(chosen)} marked"] if does else []
        said += [f"D {undoes}"] if undoes else []
        return " · ".join(said) or f"{len(chosen)} marked"

    def _draw_panes(self, ordered: tuple[Agent, ...]) -> None:
        width, height = self.grid.size
        focused = self.view.focused
        if self.view.zoomed:
            names: tuple[str, ...] = (focused,) if focused else ()
        else:
            columns, rows = grid_of(width, height)
            names = shown_panes(self._shown, ordered, focused, columns * rows)
        agents = [self.state.agents[name] for name in names]
        for name in names:
            self._transcripts.setdefault(name, Transcript(name, self.clock().tzinfo))
        self.grid.show(agents, self._transcripts, focused, self.clock())
        if names != self._shown:
            self._shown = names
            self.post_message(PanesShown(names))

    def _draw_footer(self) -> None:
        typing = self.composer.area.has_focus
        found = completions(self.composer.area.text) if typing and self.composer.area.text.startswith("/") else ()
        commands = found if len(found) < len(COMMANDS) or self.composer.area.text == "/" else ()
        agent, case = self.focused_agent, self.case
        keys = footer_of(
            self.where,
            busy=agent is not None and agent.in_turn,
            deciding=case.keys if case is not None else None,
            marked=[item.kind for item in self.state.waiting.chosen()],
            demo=self._demo,
            without=self.idle_keys,
            labels=self.life_labels,
            first=bool(self.view.marked),
        )
        if self.where == "entry":
            idle = "entry.send" if self.entry.kind in TALL else "entry.commit"
            keys = tuple(key for key in keys if key.id != idle)
        self.footer.show(keys, self.state.notice, commands)

    @property
    def where(self) -> Where:
        """Which part has the focus."""
        focused = self.focused
        if isinstance(focused, DraftArea):
            return "composer"
        if isinstance(focused, AgentPane):
            return "pane"
        if isinstance(focused, EntryArea):
            return "entry"
        return "waiting" if focused is self.waiting else "agents" if focused is self.agents else "hive"

    def on_resize(self) -> None:
        self.call_after_refresh(lambda: self.draw(self.state))

    def on_descendant_focus(self) -> None:
        self.draw(self.state)

    def transcript_changed(self, agent: str, touched: set[int], *, restarted: bool) -> None:
        """Events of that agent came; its pane, if there is one, draws them soon."""
        pane = self.grid.panes.get(agent)
        if pane is not None:
            if restarted:
                pane.restart()
            else:
                pane.events_changed(touched)

    def finished(self, outcome: Outcome) -> None:
        """What became of an intent: a draft that was sent goes, one that was not stays."""
        intent = outcome.intent
        if isinstance(intent, SendMessage):
            if outcome.done:
                self.view = sent(self.view, intent.to, intent.body)
                self.composer.clear_sent(intent.to, intent.body)
            else:
                self.view = not_sent(self.view, intent.to)
        else:
            self.decided(outcome)

    # What the parts say ------------------------------------------------------------------------------------

    def focus_agent(self, name: str) -> None:
        if name in self.state.agents and name != self.view.focused:
            self.view = replace(self.view, focused=name)
            self.draw(self.state)

    def on_rows_cursor_moved(self, event: Rows.CursorMoved) -> None:
        if event.rows is self.agents and event.index < len(self.agents.agents):
            self.focus_agent(self.agents.agents[event.index].name)

    def on_rows_row_chosen(self, event: Rows.RowChosen) -> None:
        if event.rows is self.agents:
            self.set_focus(self.composer.area)

    def on_agent_pane_pane_focused(self, event: AgentPane.PaneFocused) -> None:
        self.focus_agent(event.agent)

    def on_composer_draft_typed(self, event: Composer.DraftTyped) -> None:
        self.view = typed(self.view, event.agent, event.text)
        if self.state.notice is not None:
            self.post_message(Noted(None))
        self._draw_footer()

    def on_draft_area_sent(self, event: DraftArea.Sent) -> None:
        agent = self.composer.agent
        if is_command(event.text):
            if self.run_command(event.text):
                self.composer.clear_sent(agent, event.text)
                self.view = sent(self.view, agent, event.text) if agent is not None else self.view
            return
        if agent is None:
            self.post_message(Noted(Notice("There is no agent to write to: esc, then + makes one.", "bad")))
        draft = self.view.drafts.get(agent or "", Draft())
        if agent is None or (draft.sending and draft.text.strip() == event.text):
            return
        key = draft.key or uuid4().hex
        self.view = with_draft(self.view, agent, replace(draft, text=event.text, sending=True, key=key))
        self.post_message(Asked(SendMessage(agent, event.text, draft.when, key)))
        self.draw(self.state)

    def on_draft_area_when_toggled(self) -> None:
        agent = self.composer.agent
        if agent is not None:
            draft = self.view.drafts.get(agent, Draft())
            when = "next_turn" if draft.when == "now" else "now"
            self.view = with_draft(self.view, agent, replace(draft, when=when, key=None))  # type: ignore[arg-type]
            self.draw(self.state)

    def on_draft_area_escaped(self) -> None:
        self.set_focus(self.agents)

    def on_draft_area_tabbed(self) -> None:
        self.action_next_part()

    async def on_key_footer_hint_clicked(self, event: KeyFooter.HintClicked) -> None:
        key = next(key for key in KEYS if key.id == event.key_id)
        node = self if key.where == "hive" else self.focused or self
        await node.run_action(key.action)
