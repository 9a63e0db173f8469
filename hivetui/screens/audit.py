"""The audit: every decision with who, when and from where, the newest first; older ones come as one goes on."""

import json
from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType
from textual.timer import Timer

from hived.wire.audit import AuditEntry, AuditList
from hived.wire.names import OPERATOR
from hivetui.book_intents import LoadAudit
from hivetui.keymap import Where, bindings_of
from hivetui.outcomes import Outcome
from hivetui.screens.listing import ListingScreen, facts
from hivetui.state.clock import day_and_hour, parsed
from hivetui.state.hive import HiveState
from hivetui.widgets.lines import Line, Piece, clean, justified, one_line, wrapped
from hivetui.widgets.thread_lines import you

AGAIN_SECONDS = 1.0
"""What is decided meanwhile is there after so long."""
GOOD = ("approved", "released", "answered", "added", "raised")
BAD = ("denied", "dropped", "revoked", "cancelled", "expired", "failed")
MOST_CHARACTERS = 8_000


class AuditScreen(ListingScreen):
    TITLED = "audit"
    WHERE: ClassVar[Where] = "audit"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("audit"), *bindings_of("listing")]

    _entries: dict[str, AuditEntry] | None = None
    _under_way = False
    _all_loaded = False
    _error = ""
    _decided: tuple[object, ...] = ()
    _again: Timer | None = None

    def on_mount(self) -> None:
        super().on_mount()
        self._load(None)

    @property
    def _known(self) -> dict[str, AuditEntry]:
        return self._entries or {}

    def ids(self) -> tuple[str, ...]:
        return tuple(self._known)

    def line(self, id: str, width: int, now: datetime) -> Line:
        return entry_row(self._known[id], now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        return entry_lines(self._known[id], now, width)

    def summary(self) -> str:
        if not self._known:
            return "…" if self._entries is None else "nothing"
        return f"{len(self._known)}{'' if self._all_loaded else ' newest'}"

    def nothing(self) -> list[Line]:
        if self._error:
            return [((f" {one_line(self._error)}", "bad"),)]
        return [((" nothing was decided yet" if self._entries is not None else " hived looks it up…", "dim"),)]

    def draw(self, state: HiveState) -> None:
        """What was decided since shows soon: whatever else happens is no reason to ask."""
        decided = (state.waiting, state.questions, state.pairs, state.rules, state.budgets, state.reminders)
        if (
            self._decided
            and any(a is not b for a, b in zip(decided, self._decided, strict=True))
            and self._again is None
        ):
            self._again = self.set_timer(AGAIN_SECONDS, self.action_again)
        self._decided = decided
        super().draw(state)

    def on_keyed_rows_end_reached(self) -> None:
        self.action_older()

    def action_again(self) -> None:
        self._again = None
        self._load(None)

    def action_older(self) -> None:
        if self._all_loaded:
            self.say("This is where the audit begins.")
        elif self._known:
            self._load(min(entry.seq for entry in self._known.values()))

    def _load(self, before: int | None) -> None:
        if not self._under_way:
            self._under_way = True
            self.ask(LoadAudit(before))

    def finished(self, outcome: Outcome) -> None:
        if not isinstance(outcome.intent, LoadAudit):
            return
        self._under_way = False
        self._error = outcome.notice.text if outcome.notice is not None else ""
        if isinstance(outcome.loaded, AuditList):
            news = {str(entry.seq): entry for entry in outcome.loaded.entries}
            if self._entries and outcome.intent.before is None and news and not news.keys() & self._entries.keys():
                self._entries = {}  # more came at once than a page holds: what lies between comes with `older`
                self._all_loaded = False
            merged = {**self._known, **news}
            self._entries = {id: merged[id] for id in sorted(merged, key=int, reverse=True)}
            if not news or "1" in merged:
                self._all_loaded = bool(merged)
        self.draw(self.state)


def who_of(entry: AuditEntry) -> str:
    """An agent's name, `hived`; of the operator the program that he used."""
    actor = entry.actor
    return f"you, {actor.client}" if actor.who == OPERATOR and actor.client else you(actor.who)


def what_of(entry: AuditEntry) -> str:
    """What it was about, in the words that were kept with it, else its id."""
    for name in ("subject", "words", "text", "name", "reason"):
        found = entry.detail.get(name)
        if isinstance(found, str) and found:
            return found
    return entry.subject


def _moment(ts: str, now: datetime) -> str:
    """`14:31:40`, and of another day `19 Nov 14:31`."""
    said = day_and_hour(ts, now)
    moment = parsed(ts)
    return f"{moment.astimezone(now.tzinfo):%H:%M:%S}" if moment is not None and len(said) == 5 else said


def _tone(action: str) -> str:
    verb = action.rpartition(".")[2]
    return "good" if verb in GOOD else "bad" if verb in BAD else "text"


def entry_row(entry: AuditEntry, now: datetime, width: int) -> Line:
    left: list[Piece] = [
        (f" {_moment(entry.ts, now):<12} ", "dim"),
        (f"{one_line(entry.action, 30):<19} ", _tone(entry.action)),
        (one_line(what_of(entry), 200), "text"),
    ]
    return justified(left, [(f" {one_line(who_of(entry), 28)} ", "soft")], width)


def entry_lines(entry: AuditEntry, now: datetime, width: int) -> list[Line]:
    moment = parsed(entry.ts)
    actor = entry.actor
    lines: list[Line] = [((entry.action, _tone(entry.action)),)]
    lines += wrapped([(clean(what_of(entry)[:MOST_CHARACTERS]), "strong")], width)
    lines += [
        (),
        *facts(
            [
                ("when", moment.astimezone(now.tzinfo).isoformat(" ", "milliseconds") if moment else entry.ts),
                ("who", actor.who),
                ("client", actor.client or ""),
                ("uid", "" if actor.uid is None else str(actor.uid)),
                ("pid", "" if actor.pid is None else str(actor.pid)),
                (
                    "socket",
                    {"host": "the operator's", "agent": "an agent's"}.get(actor.socket or "", actor.socket or ""),
                ),
                ("about", entry.subject),
                ("entry", str(entry.seq)),
                ("hash", entry.hash),
            ],
            width,
        ),
    ]
    if entry.detail:
        text = json.dumps(entry.detail, indent=2, ensure_ascii=False)
        lines += [(), *wrapped([(clean(text[:MOST_CHARACTERS]), "code")], width)]
    return lines
