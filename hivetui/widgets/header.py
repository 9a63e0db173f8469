"""The top line: which hive, who works, who waits on you, what it costs today. While hived is away it says so instead."""

from datetime import datetime

from textual.strip import Strip
from textual.widget import Widget

from hivetui.state.agents import ORDER, SHAPES, ShapeKind
from hivetui.state.clock import age, hour
from hivetui.state.hive import HiveState
from hivetui.widgets.lines import Line, Piece, cells, cropped, dollars, justified, one_line
from hivetui.widgets.strips import strip_of

CHANGING: tuple[ShapeKind, ...] = ("pausing", "resuming", "building", "starting", "stopping", "burying")
"""Counted together: none of them lasts."""
WIDE_ENOUGH = 132
"""To say how many agents have no walls."""
BACK_SECONDS = 6
"""How long `back` is said after hived came back."""


class Header(Widget):
    ALLOW_SELECT = False
    DEFAULT_CSS = "Header { height: 1; }"

    def __init__(self) -> None:
        super().__init__()
        self._line: tuple[HiveState, datetime] | None = None
        self._drawn: Line = ()

    def show(self, state: HiveState, now: datetime) -> None:
        """Drawn again only where it reads differently."""
        self._line = (state, now)
        line = header_line(state, now, self.size.width)
        if line != self._drawn:
            self._drawn = line
            self.refresh()

    def on_resize(self) -> None:
        if self._line is not None:
            self.show(*self._line)

    def render_line(self, y: int) -> Strip:
        return strip_of(self._drawn, self.size.width, self.rich_style)


def header_line(state: HiveState, now: datetime, width: int) -> Line:
    """The whole line. Parts go from the least needed on where it is narrow; what waits on you never goes."""
    name: list[Piece] = [(" ◆ ", "accent"), ("hive ", "strong"), (one_line(state.host, 24), "dim")]
    link = state.link
    if link.kind == "away":
        if not link.was_live:
            return cropped(
                [*name, ("  ", ""), (f" hived does not answer; trying again… {one_line(link.reason)} ", "bad-box")],
                width,
            )
        said = f" hived is away since {hour(link.since, now.tzinfo)}, agents go on; trying again… "
        brief = f" hived is away since {hour(link.since, now.tzinfo)}, agents go on "
        start: list[Piece] = [("  hive up --detach", "key")]
        for text, hint in ((said, [*start, (" starts it", "dim")]), (brief, start)):
            if cells([*name, *hint]) + len(text) + 2 <= width:
                return cropped([*name, ("  ", ""), (text, "bad-box"), *hint], width)
        return cropped([*name, ("  ", ""), (said, "bad-box")], width)
    if link.kind == "refused":
        return cropped([*name, ("  ", ""), (f" {one_line(link.reason)} ", "bad-box")], width)
    if link.kind == "connecting" or not state.attached:
        return cropped([*name, ("  ", ""), ("connecting…", "dim")], width)
    back: list[Piece] = []
    if link.was_live and (since := age(link.since, now)) and since == "now":
        back = [("  ", ""), ("hived is back", "good")]
    waiting = _waiting(state, now, short=width < 110)
    spent = state.usd_today
    cost: list[Piece] = [("today ", "dim"), (dollars(spent), "strong"), (" ", "")] if spent is not None else []
    open_ones = sum(agent.unsandboxed for agent in state.agents.values())
    if open_ones and width >= WIDE_ENOUGH:
        cost[:0] = [(f"{open_ones} unsandboxed", "bad"), ("   ", "")]
    full, short, least = _counts(state), _counts(state, short=True), _counts(state, short=True, calm=False)
    tries = (
        [*name, *back, ("   ", ""), *full],
        [*name, *back, ("   ", ""), *short],
        [(" ◆ ", "accent"), *back, *least],
    )
    left = next((line for line in tries if cells(line) + cells(waiting) + cells(cost) + 4 <= width), tries[-1])
    if cells(left) + cells(waiting) + cells(cost) + 3 > width:
        cost = []
    middle = max(2, (width - cells(waiting)) // 2 - cells(left)) if width >= 110 else 2
    return justified([*left, (" " * middle, ""), *waiting], cost, width)


def _counts(state: HiveState, *, short: bool = False, calm: bool = True) -> list[Piece]:
    """How many are in which state; without `calm` only those that work or need a look."""
    count = len(state.agents)
    pieces: list[Piece] = [(str(count), "strong"), ("" if short else f" agent{'' if count == 1 else 's'}", "text")]
    counted = state.counts()
    changing = sum(counted.get(kind, 0) for kind in CHANGING)
    for kind in ORDER:
        shape, number = SHAPES[kind], counted.get(kind, 0)
        if kind in CHANGING:
            number, changing = changing, 0
        if not number or (not calm and kind in ("idle", "stopped", "napping")):
            continue
        pieces += [(" · ", "faint") if not short else (" ", ""), (f"{shape.glyph} ", shape.tone)]
        word = "changing" if kind in CHANGING else shape.word
        pieces.append((f"{number}" if short else f"{number} {word}", "text" if shape.tone != "dim" else "dim"))
    return pieces


def _waiting(state: HiveState, now: datetime, *, short: bool) -> list[Piece]:
    pending = state.waiting.pending
    if not pending:
        return [] if short else [("nothing waits on you", "dim")]
    oldest = age(min(item.since for item in pending), now)
    words = "waiting" if short else "waiting on you"
    blocking = sum(item.blocks for item in pending)
    urgent = f" · {blocking} block{'' if blocking != 1 else 's'}" if blocking else ""
    return [(f" ▲ {len(pending)} {words}{urgent} · {'' if short else 'oldest '}{oldest} ", "wait-box")]
