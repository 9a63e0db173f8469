"""The agents at the left: state by shape, word and colour, how full the window is, cost, model, unread. One line or two."""

from collections.abc import Sequence
from datetime import datetime
from typing import ClassVar

from textual import events
from textual.binding import BindingType

from hivetui.keymap import bindings_of
from hivetui.state.agents import Agent
from hivetui.state.standing import SAY_IT_THEMSELVES, brief, shortest
from hivetui.state.tombstones import work_marks
from hivetui.widgets.lines import Line, Piece, cells, cropped, dollars, justified, one_line
from hivetui.widgets.rows import Rows

BAR_CELLS = 6
LEAST_BAR = 3
TWO_LINES_WIDTH = 26
UNSANDBOXED = " unsandboxed"


class AgentList(Rows):
    """Shows agents in order; the cursor is the focused agent."""

    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("agents")]

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._agents: tuple[Agent, ...] = ()
        self._focused: str | None = None
        self._now: datetime | None = None
        self._marked: frozenset[str] = frozenset()
        self._bar = BAR_CELLS
        self._drawn: list[list[Line]] = []
        self.filtered = False
        """Agents may be hidden by a filter."""

    @property
    def count(self) -> int:
        return len(self._agents)

    @property
    def cursor_index(self) -> int:
        return next((at for at, agent in enumerate(self._agents) if agent.name == self._focused), 0)

    @property
    def agents(self) -> tuple[Agent, ...]:
        """Those shown, in order."""
        return self._agents

    def show(
        self, agents: tuple[Agent, ...], focused: str | None, now: datetime, marked: frozenset[str] = frozenset()
    ) -> None:
        """Drawn again only where a row reads differently."""
        moved = focused != self._focused or len(agents) != len(self._agents)
        self._agents, self._focused, self._now, self._marked = agents, focused, now, marked
        self._fit()
        drawn = [self.row(index, self.size.width) for index in range(len(agents))]
        if drawn != self._drawn or moved:
            self._drawn = drawn
            self.rows_changed()
        if moved:
            self.reveal_cursor()

    def on_resize(self, event: events.Resize) -> None:
        self._fit()
        self._drawn = []
        super().on_resize(event)

    def _fit(self) -> None:
        width, height = self.size
        self.row_height = 2 if width >= TWO_LINES_WIDTH and height >= 2 * len(self._agents) else 1
        self._bar = bar_of(self._agents, width)

    def row(self, index: int, width: int) -> list[Line]:
        agent = self._agents[index]
        marked = agent.name in self._marked
        if self.row_height == 2:
            return agent_rows(agent, self._now, width, bar=self._bar, marked=marked)
        return [agent_row(agent, width, self._now, marked=marked)]

    def empty_lines(self, width: int) -> list[Line]:
        if self.filtered:
            return [((" no agent matches", "dim"),), ((" esc", "key"), (" shows all", "dim"))]
        return [((" no agents yet", "dim"),), ((" +", "key"), (" makes one", "dim"))]


def agent_row(agent: Agent, width: int, now: datetime | None = None, *, marked: bool = False) -> Line:
    """One line: shape, name, unread, and how full the window is, or what keeps it from working."""
    shape = agent.shape
    work = "±" if work_marks(agent.work) else ""
    name = one_line(agent.name, max(6, width - 16 - len(work)))
    left: list[Piece] = [
        (f" {shape.glyph} ", shape.tone),
        (name, "strong" if shape.tone != "dim" else "text"),
        (f" {work}" if work and len(name) < 7 else work, "wait"),
    ]
    left.append((" " * max(0, 11 - cells(left)), ""))
    if marked:
        left[:1] = [("▪", "accent"), (f"{shape.glyph} ", shape.tone)]
    elif shape.kind == "idle" and agent.last_error:
        left[:1] = [("✗", "bad"), (f"{shape.glyph} ", shape.tone)]
    elif agent.waiting and shape.kind not in SAY_IT_THEMSELVES:
        left[:1] = [("▲", "wait"), (f"{shape.glyph} ", shape.tone)]
    bar = 4 if width < 26 else BAR_CELLS
    hindered = agent.acting or (shortest(agent, now) if now is not None else "")
    right = [(f"{hindered[: bar + 5]:>{bar + 5}}", shape.tone)] if hindered else _window(agent, bar)
    return justified(left, [*right, *_badge(agent)], width)


def agent_rows(
    agent: Agent, now: datetime | None, width: int, *, bar: int = BAR_CELLS, marked: bool = False
) -> list[Line]:
    """Two lines: what stands on one, and below it the state's word and since, its work, model and cost."""
    shape = agent.shape
    word, since = brief(agent, now) if now is not None else (shape.word, "")
    state: list[Piece] = [("   ", ""), (word, shape.tone), (f" {since}" if since else "", "dim")]
    if agent.conversation.state == "armed" and cells(state) + 16 <= width:
        state.append((" new session", "soft"))
    if shape.kind == "idle" and agent.last_error:
        state.append((" failed", "bad"))
    facts: list[Piece] = []
    if agent.usd is not None:
        facts.append((f" {dollars(agent.usd, estimated=agent.estimated)}", "soft"))
    if work := work_marks(agent.work):
        fits = cells(state) + len(work) + cells(facts) + 2 < width
        state.append((f" {work if fits else '±'}", "wait"))
    name: list[Piece] = [
        ("▪" if marked else " ", "accent"),
        (f"{shape.glyph} ", shape.tone),
        (agent.name, "strong" if shape.tone != "dim" else "text"),
    ]
    if agent.waiting and shape.kind not in SAY_IT_THEMSELVES:
        name.append((f" ▲{agent.waiting}", "wait"))
    right = [*_window(agent, bar), *_badge(agent)]
    room = width - cells(state) - cells(facts) - 2
    if agent.unsandboxed and cells(name) + cells(right) + len(UNSANDBOXED) + 1 <= width:
        name.append((UNSANDBOXED, "dim"))
    elif agent.unsandboxed and room >= len(UNSANDBOXED):
        facts[:0] = [(UNSANDBOXED.strip(), "dim")]
        room = 0
    if room >= 6 or room >= len(agent.model):
        facts[:0] = cropped([(one_line(agent.model, 40), "dim")], room)
    return [justified(name, right, width), justified(state, [*facts, (" ", "")], width)]


def bar_of(agents: Sequence[Agent], width: int) -> int:
    """How long the bars of the window are: all alike, and shorter where that makes room to say `unsandboxed`."""
    needed = [len(agent.name) + 3 * bool(agent.waiting) + 25 for agent in agents if agent.unsandboxed]
    longest = max((cells for cells in needed if cells + LEAST_BAR <= width), default=0)
    return next((bar for bar in (BAR_CELLS, 4, LEAST_BAR) if longest + bar <= width), LEAST_BAR)


def _window(agent: Agent, bar: int) -> list[Piece]:
    """How full the context window is: a bar and a figure; nothing where there is no figure."""
    percent = agent.ctx_percent
    if percent is None:
        return [(" " * (bar + 5), "")]
    full = min(bar, max(0, round(percent * bar / 100)))
    tone = "bad" if percent >= 75 else "soft"
    return [
        ("━" * full, tone),
        ("━" * (bar - full), "faint"),
        (f"{min(percent, 999):>4}%", "bad" if percent >= 75 else "dim"),
    ]


def _badge(agent: Agent) -> list[Piece]:
    """Messages that wait in its inbox: always four cells, so that columns stand."""
    if not agent.unread:
        return [("    ", "")]
    return [(" ", ""), (f"{agent.unread:>2}" if agent.unread < 100 else "99", "count"), (" ", "")]
