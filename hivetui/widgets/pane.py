"""One agent's live pane: its transcript in a border that carries the facts. The grid of panes lays them out without gaps."""

from collections.abc import Sequence
from datetime import datetime

from textual import events
from textual.geometry import NULL_OFFSET, NULL_SPACING, Region, Size
from textual.layout import ArrangeResult, Layout, WidgetPlacement
from textual.message import Message
from textual.widget import Widget

from hivetui.state.agents import Agent, is_loose
from hivetui.state.clock import seconds_since, stopwatch
from hivetui.state.standing import SAY_IT_THEMSELVES, prospects, standing
from hivetui.state.tiles import laid_out
from hivetui.state.transcript import Transcript
from hivetui.widgets.lines import Line, Piece, cells, cropped, dollars, one_line, thousands
from hivetui.widgets.strips import content_of
from hivetui.widgets.transcript import TranscriptView

QUIET_SECONDS = 2.0
"""After so long without a byte from a thinking engine the pane says how long it is."""

LATE_SECONDS = 60.0
"""After so long it says so in the colour of what needs a look."""


class AgentPane(TranscriptView):
    """Shows one agent."""

    class PaneFocused(Message):
        """The operator went to this agent's pane."""

        def __init__(self, agent: str) -> None:
            super().__init__()
            self.agent = agent

    def __init__(self, agent: Agent, transcript: Transcript) -> None:
        super().__init__(transcript)
        self.agent = agent
        self._facts: tuple[Line, Line] = ((), ())

    def show_agent(self, agent: Agent, now: datetime, *, focused: bool) -> None:
        """Its state, as of now. The border is drawn again only where it reads differently."""
        if focused != self.has_class("-focused-agent"):
            self.set_class(focused, "-focused-agent")
        waits = agent.shape_kind == "waiting"
        if waits != self.has_class("-waits"):
            self.set_class(waits, "-waits")
        frozen = agent.shape_kind in ("paused", "pausing")
        if frozen != self.has_class("-paused"):
            self.set_class(frozen, "-paused")
        self.agent = agent
        width = self.size.width or 40
        last_byte = self.transcript.last_byte_at or agent.last_event_at or ""
        facts = (
            state_facts(agent, now, max(8, width - 3)),
            figures(agent, last_byte, now, width),
        )
        if facts != self._facts:
            self._facts = facts
            self.border_title = content_of(facts[0])
            self.border_subtitle = content_of(facts[1])

    def on_focus(self, event: events.Focus) -> None:
        self.post_message(self.PaneFocused(self.agent.name))


YIELDING = ("mode", "effort", "model", "ctx", "cost")
"""What goes from the figures where it is narrow, first things first; a mode that asks about nothing goes last."""


def state_facts(agent: Agent, now: datetime, width: int = 400) -> Line:
    """Left: who, in what state, since when, and why where that is not plain; in fewer words where it is narrow."""
    whole = _state_facts(agent, now, short=False)
    return whole if cells(whole) <= width else cropped(_state_facts(agent, now, short=True), width)


def _state_facts(agent: Agent, now: datetime, *, short: bool) -> Line:
    shape = agent.shape
    line: list[Piece] = [
        (f"{shape.glyph} ", shape.tone),
        (agent.name, "strong"),
        (" · ", "faint"),
        (standing(agent, now, short=short), shape.tone),
    ]
    for text, tone in prospects(agent, now):
        line += [(" · ", "faint"), (text, tone)]
    if shape.kind in ("crashed", "parked", "stopped", "paused") and agent.cause and not agent.acting:
        line += [(" · ", "faint"), (one_line(agent.cause, 60), "dim")]
    elif shape.kind == "idle" and agent.last_error:
        line += [(" · ", "faint"), ("failed: ", "bad"), (one_line(agent.last_error, 60), "dim")]
    elif agent.waiting and shape.kind not in SAY_IT_THEMSELVES:
        line += [(" · ", "faint"), (f"▲ {agent.waiting} on you", "wait")]
    return tuple(line)


def figures(agent: Agent, last_byte_at: str, now: datetime, width: int) -> Line:
    """Right: model, effort and permission mode, window, cost, and for a thinking one when its engine last gave a byte.

    Where it is narrow, the least telling go; what nobody knows is not there.
    """
    parts: dict[str, list[Piece]] = {"model": [(one_line(agent.model, 24), "dim")]}
    if agent.effort:
        parts["effort"] = [("effort ", "dim"), (one_line(agent.effort, 12), "soft")]
    if agent.permission_mode:
        loose = is_loose(agent.permission_mode)
        parts["mode"] = [(one_line(agent.permission_mode, 20), "bad" if loose else "soft")]
    if agent.ctx_percent is not None:
        parts["ctx"] = [("ctx ", "dim"), (f"{agent.ctx_percent}%", "bad" if agent.ctx_percent >= 75 else "soft")]
    elif agent.ctx_tokens:
        parts["ctx"] = [("ctx ", "dim"), (thousands(agent.ctx_tokens), "soft")]
    if agent.usd is not None:
        parts["cost"] = [(dollars(agent.usd, estimated=agent.estimated), "soft")]
    quiet = seconds_since(last_byte_at, now)
    if agent.busy and quiet is not None and not agent.blocked and quiet >= QUIET_SECONDS:
        late = quiet >= LATE_SECONDS
        said = f"{quiet:.0f}s" if quiet < LATE_SECONDS else stopwatch(quiet)
        parts["byte"] = [("last byte ", "wait" if late else "dim"), (said, "wait" if late else "soft")]
    loose_mode = agent.permission_mode is not None and is_loose(agent.permission_mode)
    for part in YIELDING if not loose_mode else (*YIELDING[1:], YIELDING[0]):
        if len(parts) > 1 and sum(cells(pieces) + 3 for pieces in parts.values()) > width - 3:
            parts.pop(part, None)
    line: list[Piece] = []
    for pieces in parts.values():
        line += [*((((" · ", "faint")),) if line else ()), *pieces]
    return tuple(line)


class TileLayout(Layout):
    """Gives each pane the rectangle that `state.tiles` says."""

    name = "tiles"

    def arrange(self, parent: Widget, children: list[Widget], size: Size, greedy: bool = True) -> ArrangeResult:
        shown = [pane for pane in parent.panes.values() if pane in children] if isinstance(parent, PaneGrid) else []
        tiles = laid_out(size.width, size.height, [_weight(pane) for pane in shown])
        return [
            WidgetPlacement(Region(tile.x, tile.y, tile.width, tile.height), NULL_OFFSET, NULL_SPACING, pane)
            for pane, tile in zip(shown, tiles, strict=False)
        ]


def _weight(pane: AgentPane) -> int:
    """Where more happens there is more room; the focus adds a little, so that an idle one does not take half the screen."""
    at_work = pane.agent.shape_kind in ("thinking", "waiting", "compacting")
    return (4 if at_work else 2) + (1 if pane.has_class("-focused-agent") else 0)


class PaneGrid(Widget):
    """Holds the panes of the agents that are shown."""

    DEFAULT_CSS = "PaneGrid { width: 1fr; height: 1fr; }"

    def __init__(self) -> None:
        super().__init__()
        self._panes: dict[str, AgentPane] = {}
        self._tiles = TileLayout()

    @property
    def layout(self) -> Layout:
        return self._tiles

    def render(self) -> str:
        return ""

    @property
    def panes(self) -> dict[str, AgentPane]:
        """By the agent's name, in the order they stand."""
        return self._panes

    def show(
        self, agents: Sequence[Agent], transcripts: dict[str, Transcript], focused: str | None, now: datetime
    ) -> None:
        """Show these agents, in this order. A pane that stays keeps its place in its transcript."""
        names = [agent.name for agent in agents]
        weights = [_weight(pane) for pane in self._panes.values()]
        same = list(self._panes) == names
        for name in [name for name in self._panes if name not in names]:
            self._panes.pop(name).remove()
        for agent in agents:
            if agent.name not in self._panes:
                pane = self._panes[agent.name] = AgentPane(agent, transcripts[agent.name])
                self.mount(pane)
            self._panes[agent.name].show(transcripts[agent.name])
            self._panes[agent.name].show_agent(agent, now, focused=agent.name == focused)
        if not same:
            self._panes = {name: self._panes[name] for name in names}
        if not same or weights != [_weight(pane) for pane in self._panes.values()]:
            for pane in self._panes.values():
                pane.refresh(layout=True)  # a child's wish for layout makes the grid arrange its panes anew
