"""All that a decision needs: who asks for what, with everything that would be done, and the keys that decide beside it."""

from datetime import datetime
from typing import Any

from rich.style import Style
from textual import events
from textual.geometry import Size
from textual.message import Message
from textual.scroll_view import ScrollView
from textual.strip import Strip

from hivetui.keymap import deciding_keys
from hivetui.state.agents import Agent
from hivetui.state.clock import age, running
from hivetui.state.messages import Letter
from hivetui.state.waiting import KIND_WORDS, Waiting
from hivetui.widgets.lines import Line, Piece, cells, clean, one_line, wrapped
from hivetui.widgets.strips import strip_of
from hivetui.widgets.tool_lines import tool_name, whole_input
from hivetui.widgets.waiting_agents import choice_lines, limit_lines, login_lines

MOST_CHARACTERS = 64 * 1024

SPAWN_FACTS = ("engine", "model", "role", "runtime", "repo", "parent", "prompt")
"""Shown first, and always, in this order."""
QUIET_DEFAULTS: dict[str, Any] = {"network": True, "can_message": ["*"]}
"""Said only where they differ."""


class WaitingDetail(ScrollView):
    """Shows one item. Its last line, the keys, is always there."""

    DEFAULT_CSS = """
    WaitingDetail { overflow-x: hidden; scrollbar-size-vertical: 1; }
    """

    class KeyClicked(Message):
        """A key that is drawn here was clicked; `action` is what it does in the list."""

        def __init__(self, action: str) -> None:
            super().__init__()
            self.action = action

    def __init__(self, *, id: str | None = None) -> None:
        super().__init__(id=id)
        self._lines: list[Line] = []
        self._keys: Line = ()
        self._shown: tuple[Waiting | None, Agent | None, Letter | None, str, datetime] | None = None

    def show(self, item: Waiting | None, agent: Agent | None, letter: Letter | None, note: str, now: datetime) -> None:
        """The item, the agent and message that it is about, and the note that will go with the decision."""
        before = self._shown[0].id if self._shown and self._shown[0] else None
        self._shown = (item, agent, letter, note, now)
        width = self.scrollable_content_region.width
        lines = detail_of(item, agent, letter, note, now, width) if item and width > 8 else []
        keys = decision_keys(item.kind) if item and is_answerable(item, agent) else ()
        if (lines, keys) != (self._lines, self._keys):
            self._lines, self._keys = lines, keys
            self.virtual_size = Size(width, len(lines) + (2 if keys else 0))
            self.refresh()
        if item is None or item.id != before:
            self.scroll_home(animate=False, immediate=True)

    def on_resize(self, event: events.Resize) -> None:
        if self._shown is not None:
            self._lines = []
            self.show(*self._shown)

    def scroll_pages(self, pages: int) -> None:
        self.scroll_relative(y=pages * max(1, self.size.height - 3), animate=False, immediate=True)

    @property
    def _key_row(self) -> int | None:
        """The row on the widget where the keys stand."""
        if not self._keys:
            return None
        return min(len(self._lines) + 1, self.size.height - 1)

    def render_line(self, y: int) -> Strip:
        width, ground = self.size.width, self.rich_style
        if self._shown is None or self._shown[0] is None:
            return strip_of((), width, ground)
        if y == self._key_row:
            return strip_of(self._keys, width, ground)
        at = self.scroll_offset.y + y
        cut = self._key_row is not None and y == self._key_row - 1 and at < len(self._lines) - 1
        if cut:
            return strip_of(((f"… {len(self._lines) - at} more lines · pgdn", "dim"),), width, ground)
        return strip_of(self._lines[at] if at < len(self._lines) else (), width, ground + Style())

    def on_click(self, event: events.Click) -> None:
        offset = event.get_content_offset(self)
        item = self._shown[0] if self._shown else None
        if offset is None or offset.y != self._key_row or item is None:
            return
        at = 0
        for key in deciding_keys(item.kind):
            end = at + len(key.shown) + 2 + len(key.label) + 3
            if at <= offset.x < end - 2:
                self.post_message(self.KeyClicked(key.action))
            at = end


def is_answerable(item: Waiting, agent: Agent | None) -> bool:
    """Its keys do something: a login only where the engine has one to carry."""
    return item.decidable and (item.kind != "needs_login" or agent is None or agent.abilities.login)


def decision_keys(kind: str) -> Line:
    """`a approve  d deny  n note`, from the table of keys."""
    line: list[Piece] = []
    for key in deciding_keys(kind):
        line += [(f" {key.shown} ", "key-box"), (f" {key.label}", "text"), ("  ", "")]
    return tuple(line)


def detail_of(
    item: Waiting, agent: Agent | None, letter: Letter | None, note: str, now: datetime, width: int
) -> list[Line]:
    """The item's lines: what is asked, all of it, then why and since when."""
    ask = item.ask
    lines: list[Line] = []
    match item.kind:
        case "spawn":
            who = "you ask" if ask and ask.requester == "operator" else f"{ask.requester if ask else item.who} asks"
            lines += _headline([(who, "strong"), (" for a new agent", "text"), (" · spawn", "dim")], width)
            lines += _spawn(ask.payload if ask else {}, width)
        case "tool_use":
            payload = ask.payload if ask else {}
            tool = str(payload.get("tool") or "")
            said: list[Piece] = [(item.who, "strong"), (" asks to run", "text"), (f" · {tool_name(tool)}", "dim")]
            lines += _headline(said, width)
            given = whole_input(tool, payload.get("input", {}))
            lines += wrapped(given or [(clean(item.subject), "text")], width, hang=2)
        case "held_message":
            lines += _headline([("a message to ", "text"), (item.who, "strong"), (" is held", "text")], width)
            if letter is not None:
                lines += wrapped(
                    [(clean(letter.body[:MOST_CHARACTERS]), "text")], width, ((f"{letter.sender}: ", "soft"),), 2
                )
                lines += wrapped([(clean(letter.reason or ""), "bad")], width)
            if not item.gone:
                advice = f"It is not sent again by itself. See what is wrong with {item.who} (enter) first."
                lines += [(), *wrapped([(advice, "text")], width)]
        case "rate_limited":
            lines += _headline([(item.who, "strong"), (" is rate limited", "text")], width)
            lines += limit_lines(item, agent, now, width)
        case "needs_login":
            lines += _headline(
                [(item.who, "strong"), (" is not logged in", "text"), (f" · {agent.engine}" if agent else "", "dim")],
                width,
            )
            lines += login_lines(item, agent, width)
        case "resume_choice":
            lines += _headline([(item.who, "strong"), (" cannot resume its session", "text")], width)
            lines += choice_lines(item, agent, width)
        case _:
            lines += _headline([(item.who, "strong"), (f" · {KIND_WORDS.get(item.kind, item.kind)}", "bad")], width)
            lines += wrapped([(clean(item.subject), "text")], width)
            if agent is not None:
                lines += _facts([("cause", agent.cause), ("last error", agent.last_error or "")], width)
            if item.kind == "parked" and not item.gone:
                lines += [(), *wrapped([("/restart ", "key"), (f"{item.who} starts it again", "text")], width)]
    lines.append(())
    since = running(item.since, now) if item.blocks else age(item.since, now)
    facts = [("since", f"{since}, and its turn stands still" if item.blocks and not item.gone else since)]
    if agent is not None and item.kind == "tool_use":
        facts.append(("in", agent.workspace or ""))
    lines += _facts(facts, width)
    if item.gone:
        lines += [(), *wrapped([(item.verdict, "strong")], width)]
        if ask and (ask.note or ask.failure):
            lines += _facts([("note", ask.note or ""), ("failed", ask.failure or "")], width)
    elif note:
        lines += wrapped([(f"“{clean(note)}”", "accent")], width, (("note ", "dim"),))
    return lines


def _headline(pieces: list[Piece], width: int) -> list[Line]:
    return [*wrapped(pieces, width), ()]


def _spawn(payload: dict[str, Any], width: int) -> list[Line]:
    facts: list[tuple[str, str]] = [("name", str(payload.get("name") or "?"))]
    for key in SPAWN_FACTS:
        value = payload.get(key)
        said = (
            "the operator"
            if key == "parent" and not value
            else str(value or "default" if key in ("model", "runtime") else value or "")
        )
        facts.append((key, said))
    options = payload.get("engine_options")
    for key, value in (options if isinstance(options, dict) else {}).items():
        shown = " ".join(map(str, value)) if isinstance(value, list) else str(value)
        facts.append((str(key), shown))
    env = payload.get("env")
    facts.append(("env", ", ".join(map(str, env)) if isinstance(env, dict) else ""))
    known = {"name", "reason", "env", "engine_options", *SPAWN_FACTS}
    for key, value in payload.items():
        if key in known or value in (None, [], {}, "") or QUIET_DEFAULTS.get(key) == value:
            continue
        facts.append((str(key), ", ".join(map(str, value)) if isinstance(value, list) else str(value)))
    lines = _facts(facts, width)
    if reason := payload.get("reason"):
        lines = [*wrapped([(f"“{clean(str(reason))}”", "text")], width, (("why ", "dim"),)), (), *lines]
    return lines


def _facts(facts: list[tuple[str, str]], width: int) -> list[Line]:
    """`name   value`, two of them side by side where both are short; what has no value is left out."""
    given = [(one_line(name.replace("_", " "), 20), clean(value[:MOST_CHARACTERS])) for name, value in facts if value]
    column = min(10, max((cells(((name, ""),)) for name, _ in given), default=0) + 2)
    half = (width - 2) // 2
    lines: list[Line] = []
    pending: Line | None = None
    for name, value in given:
        lead: Line = ((name, "dim"), (" " * max(2, column - cells(((name, ""),))), ""))
        short = "\n" not in value and cells(lead) + cells(((value, ""),)) <= half
        if short and pending is not None:
            lines.append((*pending, (" " * (half + 2 - cells(pending)), ""), *lead, (value, "text")))
            pending = None
            continue
        if pending is not None:
            lines.append(pending)
            pending = None
        if short:
            pending = (*lead, (value, "text"))
        else:
            lines += wrapped([(value, "text")], width, lead, column)
    return [*lines, pending] if pending is not None else lines
