"""One agent's journal as far as it is loaded: pages of events by id, the live tail, and what is unfolded.

Ids count from 1; `first_id` to `last_id` is the whole journal, of which only some pages are here. Mutable, since it grows
by thousands of events; every change returns the ids that must be drawn anew.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import UTC, tzinfo
from typing import Any

from hived.wire.events import LIVE_KINDS, Event

PAGE_EVENTS = 200
KEPT_PAGES = 24
"""Pages farther away than this are dropped, and loaded again when they are scrolled to."""
ENGINE_KINDS = frozenset({"text", "thinking", "tool_use", "tool_result", "text_delta", "thinking_delta", "turn_start"})
"""Events that the engine's bytes became, and the start of the turn from which its silence counts."""
UPKEEP = frozenset({"checkpoint", "compact"})
"""Wakes of turns that nobody's message began."""
MOST_TAIL = 32 * 1024
"""Characters of the text now streaming that are shown; all of it comes with its `text` event."""


@dataclass(frozen=True, slots=True)
class Entry:
    """One event."""

    id: int
    ts: str
    kind: str
    payload: dict[str, Any]


@dataclass(slots=True)
class Page:
    entries: dict[int, Entry] = field(default_factory=dict)
    whole: bool = False
    """All that the journal has of these ids is here; an id that is missing was pruned."""


def page_of(id: int) -> int:
    return (id - 1) // PAGE_EVENTS


def last_id_of(page: int) -> int:
    return (page + 1) * PAGE_EVENTS


class Transcript:
    """What is known of one journal. `journal` changes when the agent began another one."""

    def __init__(self, agent: str, zone: tzinfo | None = UTC) -> None:
        self.agent = agent
        self.zone = zone
        """In which its times are said."""
        self.journal: str | None = None
        self.first_id = 1
        self.last_id = 0
        self.opened = False
        """Its newest page has come."""
        self.tail = ""
        self.tail_kind = "text"
        self.last_byte_at: str | None = None
        """When the engine last gave anything, deltas and bytes that are no event yet included."""
        self.upkeep: dict[str, str] = {}
        """turn_id → `checkpoint` or `compact`, of such turns that are loaded."""
        self.unfolded: set[int] = set()
        self.results: dict[str, bool] = {}
        """tool_use_id → is_error, of results that are loaded."""
        self.decided: set[str] = set()
        """Approval ids of asks whose decision is loaded."""
        self._uses: dict[str, int] = {}
        self._asks: dict[str, int] = {}
        self._pages: dict[int, Page] = {}
        self._asked: set[int] = set()

    def __len__(self) -> int:
        """How many ids the journal spans."""
        return max(0, self.last_id - self.first_id + 1)

    @property
    def loaded(self) -> int:
        """How many events are in memory."""
        return sum(len(page.entries) for page in self._pages.values())

    def get(self, id: int) -> Entry | None:
        page = self._pages.get(page_of(id))
        return None if page is None else page.entries.get(id)

    def pruned(self, id: int) -> bool:
        """The journal no longer has it."""
        page = self._pages.get(page_of(id))
        return page is not None and page.whole and id not in page.entries

    def begin(self, journal: str | None) -> bool:
        """Another journal than the one known: forget all. True where that was so."""
        if journal == self.journal:
            return False
        unchanged = self.journal is None
        self.journal = journal
        if unchanged:
            return False
        self.first_id, self.last_id, self.opened = 1, 0, False
        self._pages.clear()
        self._asked.clear()
        self.results.clear()
        self.decided.clear()
        self._asks.clear()
        self._uses.clear()
        self.upkeep.clear()
        self.unfolded.clear()
        self.tail = ""
        return True

    def take_page(
        self, events: Iterable[Event], first_id: int | None, last_id: int | None, before: int | None
    ) -> set[int]:
        """A page as hived gave it: the newest events below `before` (None: of all)."""
        if first_id is not None and last_id is not None:
            self.first_id = first_id
            self.last_id = max(self.last_id, last_id)
        entries = [entry for event in events if (entry := _entry(event)) is not None]
        touched = self._put(entries)
        top = before - 1 if before is not None else self.last_id
        low = entries[0].id if entries else self.first_id
        if entries and low <= self.first_id:
            low = self.first_id
        for number in range(page_of(low), page_of(max(top, low)) + 1):
            begins = max(self.first_id, number * PAGE_EVENTS + 1)
            if begins >= low and last_id_of(number) <= max(top, 0):
                page = self._pages.setdefault(number, Page())
                if not page.whole:
                    page.whole = True
                    ends = min(last_id_of(number), self.last_id)
                    touched.update(id for id in range(begins, ends + 1) if id not in page.entries)
            if last_id_of(number) <= max(top, 0) or before is None:
                self._asked.discard(number)
        self.opened = True
        return touched

    def take_live(self, events: Iterable[Event]) -> set[int]:
        """Events as they come in. Doubles are dropped; deltas go to the tail."""
        touched: set[int] = set()
        entries: list[Entry] = []
        for event in events:
            if event.kind == "activity":
                self._heard(str(event.payload.get("last_byte_at") or ""))
                continue
            if event.kind in LIVE_KINDS:
                self._heard(event.ts)
                self._extend_tail(event.kind.removesuffix("_delta"), str(event.payload.get("text") or ""))
                continue
            entry = _entry(event)
            if entry is None or self.get(entry.id) is not None:
                continue
            if entry.kind in ("turn_end", "tool_use") or entry.kind == self.tail_kind:
                self.tail = ""
            entries.append(entry)
            self.last_id = max(self.last_id, entry.id)
        touched |= self._put(entries)
        return touched

    def lost_touch(self) -> None:
        """The stream broke: what came meanwhile is unknown, so the newest page is asked for again."""
        self._asked.clear()
        self.tail = ""
        newest = self._pages.get(page_of(self.last_id))
        if newest is not None:
            newest.whole = False

    def wanted_pages(self, first: int, last: int) -> list[int]:
        """Pages with ids from `first` to `last` that are neither here nor asked for; each is given once."""
        wanted = []
        for number in range(page_of(max(first, self.first_id)), page_of(min(last, self.last_id)) + 1):
            page = self._pages.get(number)
            whole = page is not None and (page.whole or self._full(number, page))
            if not whole and number not in self._asked:
                self._asked.add(number)
                wanted.append(number)
        return wanted

    def failed_page(self, number: int) -> None:
        """It could not be loaded; it may be asked for again."""
        self._asked.discard(number)

    def drop_far(self, first: int, last: int) -> None:
        """Forget the pages farthest from the ids now shown, above KEPT_PAGES."""
        if len(self._pages) <= KEPT_PAGES:
            return
        middle = (page_of(max(1, first)) + page_of(max(1, last))) / 2
        newest = page_of(max(1, self.last_id))
        far = sorted(
            (number for number in self._pages if number < newest - 1), key=lambda number: -abs(number - middle)
        )
        for number in far[: len(self._pages) - KEPT_PAGES]:
            for entry in self._pages.pop(number).entries.values():
                use = entry.payload.get("tool_use_id")
                if isinstance(use, str):
                    (self.results if entry.kind == "tool_result" else self._uses).pop(use, None)

    def toggle(self, id: int) -> set[int]:
        """Unfold that event, or fold it again."""
        self.unfolded ^= {id}
        return {id}

    def use_of(self, entry: Entry) -> Entry | None:
        """The tool_use that this tool_result answers, where it is loaded."""
        id = self._uses.get(str(entry.payload.get("tool_use_id")))
        return None if id is None else self.get(id)

    def _full(self, number: int, page: Page) -> bool:
        begins = max(self.first_id, number * PAGE_EVENTS + 1)
        ends = min(self.last_id, last_id_of(number))
        return len(page.entries) >= ends - begins + 1

    def _put(self, entries: Iterable[Entry]) -> set[int]:
        touched: set[int] = set()
        for entry in entries:
            self._pages.setdefault(page_of(entry.id), Page()).entries[entry.id] = entry
            touched.add(entry.id)
            if entry.kind in ENGINE_KINDS:
                self._heard(entry.ts)
            if entry.kind == "turn_start":
                wake = entry.payload.get("wake")
                kind = wake.get("kind") if isinstance(wake, dict) else None
                if kind in UPKEEP:
                    self.upkeep[str(entry.payload.get("turn_id"))] = kind
            asked = entry.payload.get("approval_id")
            if isinstance(asked, str):
                if entry.kind == "permission_asked":
                    self._asks[asked] = entry.id
                else:
                    self.decided.add(asked)
                    touched.add(self._asks.get(asked, entry.id))
            use = entry.payload.get("tool_use_id")
            if not isinstance(use, str):
                continue
            if entry.kind == "tool_use":
                self._uses[use] = entry.id
            elif entry.kind == "tool_result":
                self.results[use] = bool(entry.payload.get("is_error"))
                if use in self._uses:
                    touched.add(self._uses[use])
        return touched

    def _heard(self, when: str) -> None:
        if when > (self.last_byte_at or ""):
            self.last_byte_at = when

    def _extend_tail(self, kind: str, text: str) -> None:
        if kind != self.tail_kind:
            self.tail, self.tail_kind = "", kind
        self.tail = (self.tail + text)[-MOST_TAIL:]


def _entry(event: Event) -> Entry | None:
    return None if event.id is None else Entry(event.id, event.ts, event.kind, event.payload)
