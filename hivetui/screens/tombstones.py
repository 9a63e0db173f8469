"""Tombstones: who was destroyed and what is left; revived, purged and their work fetched from here."""

from datetime import datetime
from typing import ClassVar

from textual.binding import BindingType

from hived.wire.approvals import Approval
from hived.wire.names import OPERATOR
from hived.wire.tombstones import Tombstone
from hivetui.keymap import Where, bindings_of
from hivetui.life_intents import BringWorkHome, LookAtWork, Revive
from hivetui.outcomes import Outcome
from hivetui.screens.diff import DiffScreen
from hivetui.screens.listing import Go, ListingScreen, facts
from hivetui.screens.purge import PurgeScreen
from hivetui.state.clock import Clock, age, day_and_hour
from hivetui.state.hive import HiveState
from hivetui.state.tombstones import SIZE_KINDS, listed, open_items, work_marks, work_words
from hivetui.widgets.lines import Line, Piece, clean, dollars, justified, one_line, wrapped
from hivetui.widgets.sizes import short, size_words

BAR_CELLS = 16
MOST_CHARACTERS = 2000


class TombstonesScreen(ListingScreen):
    TITLED = "tombstones"
    WHERE: ClassVar[Where] = "tombstones"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("tombstones"), *bindings_of("listing")]

    def __init__(self, state: HiveState, clock: Clock, go: Go) -> None:
        super().__init__(state, clock, go)
        self._reviving: str | None = None
        self._coming: str | None = None
        """The approval that is gone to as soon as it is listed among what waits."""

    def ids(self) -> tuple[str, ...]:
        return tuple(found.id for found in listed(self.state.tombstones))

    def line(self, id: str, width: int, now: datetime) -> Line:
        return tombstone_row(self.state.tombstones[id], now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        return tombstone_lines(self.state.tombstones[id], now, width)

    def summary(self) -> str:
        known = self.state.tombstones.values()
        return f"{len(known)} · {size_words(sum(found.bytes for found in known))}" if known else "none"

    def nothing(self) -> list[Line]:
        return [((" nobody was destroyed", "dim"),)]

    @property
    def _chosen(self) -> Tombstone | None:
        return self.state.tombstones.get(self.rows.chosen or "")

    def action_revive(self) -> None:
        found = self._chosen
        if found is None:
            return
        if found.purging:
            self.say(f"{found.name} is being purged.")
        elif found.reviving is not None:
            self._coming = found.reviving
            self.draw(self.state)
        else:
            self._reviving = found.name
            self.ask(Revive(found.name))

    def action_fetch(self) -> None:
        found = self._chosen
        if found is None:
            return
        if found.work is None or not found.work.commits:
            self.say(f"{found.name} has no commits that are nowhere else.")
        else:
            self.ask(BringWorkHome(found.name))

    def action_work(self) -> None:
        found = self._chosen
        if found is None:
            return
        if found.work is None:
            self.say(f"{found.name} had no clone of a repository.")
        else:
            wanted, home = LookAtWork(found.name), BringWorkHome(found.name)
            self.app.push_screen(DiffScreen(self.state, self.clock, wanted, fetch=home))

    def action_purge(self) -> None:
        found = self._chosen
        if found is None:
            return
        if found.purging:
            self.say(f"{found.name} is being purged.")
        else:
            self.app.push_screen(PurgeScreen(found))

    def on_rows_row_chosen(self) -> None:
        self.action_revive()

    def finished(self, outcome: Outcome) -> None:
        """The spawn that brings it back is asked for: it is decided where all decisions are."""
        if outcome.intent == Revive(self._reviving or "") and isinstance(outcome.loaded, Approval):
            self._coming = outcome.loaded.id
            self.draw(self.state)

    def draw(self, state: HiveState) -> None:
        super().draw(state)
        if self._coming is not None and any(item.id == self._coming for item in state.waiting.pending):
            approval, self._coming = self._coming, None
            self.dismiss()
            self._go_to(f"waiting:{approval}")


def tombstone_row(found: Tombstone, now: datetime, width: int) -> Line:
    """Who, how long ago, how much, and what would be lost."""
    marks = work_marks(found.work)
    left: list[Piece] = [
        (" † ", "dim"),
        (f"{one_line(found.name, 20):<13} ", "strong"),
        (f"{age(found.buried_at, now):>4} ", "dim"),
        (f"{size_words(found.bytes):>8}  ", "soft"),
    ]
    if marks:
        left.append((f"{marks} ", "wait"))
    if found.reviving:
        left.append(("comes back once you approve it ", "accent"))
    elif found.purging:
        left.append(("is being purged ", "bad"))
    open_count = sum(count for count, _ in open_items(found))
    still = f"{open_count} open " if open_count else ""
    left.append((one_line(found.last_words, 200), "dim"))
    return justified(left, [(f" {still}", "text")], width)


def tombstone_lines(found: Tombstone, now: datetime, width: int) -> list[Line]:
    """What is lost with it first, its last words, then size by kind and the facts."""
    by = "you" if found.buried_by.who == OPERATOR else found.buried_by.who
    lines: list[Line] = wrapped(
        [("† ", "dim"), (found.name, "strong"), (f" · {found.role}, {found.engine} {one_line(found.model, 40)}", "dim")],
        width, hang=2,
    )  # fmt: skip
    lines += wrapped([(one_line(found.cause, 400) or f"destroyed by {by}", "text")], width, (("  ", ""),))
    lines.append(())
    if work := work_words(found.work):
        branch = f" · {one_line(found.work.branch, 60)}" if found.work and found.work.branch else ""
        lines += wrapped([(f"{work}{branch}", "wait")], width, (("unmerged  ", "wait-strong"),))
        if found.work is not None and found.work.commits:
            lines += wrapped([("f", "key"), (" brings the commits home", "dim")], width, (("          ", ""),))
        lines.append(())
    if found.last_words:
        at = day_and_hour(found.last_words_at, now)
        lines += wrapped([(f"“{clean(found.last_words[:MOST_CHARACTERS])}”", "text")], width)
        lines += [*wrapped([(f"its last words{f', {at}' if at else ''}", "dim")], width), ()]
    lines += size_lines(found, width)
    lines.append(())
    still = [f"{count} {noun}" for count, noun in open_items(found)]
    if found.open.spawned:
        still.append(f"the parent of {', '.join(one_line(name, 32) for name in found.open.spawned)}")
    merged = "" if found.work is None or work else "all of its work is in its origin"
    return lines + facts(
        [
            ("buried", f"{day_and_hour(found.buried_at, now)} ({age(found.buried_at, now)}) by {by}"),
            ("lived", f"since {day_and_hour(found.created_at, now)}, {found.turns} turn{'' if found.turns == 1 else 's'}"
                      f"{f', {dollars(found.usd)}' if found.usd is not None else ''}"),
            ("still open", ", ".join(still)),
            ("work", merged),
            ("session", "a revive goes on with it" if found.session_id else "none was begun"),
            ("runtime", found.runtime),
            ("config", short(found.commit)),
            ("parent", found.parent or "you"),
            ("id", found.id),
        ],
        width,
    )  # fmt: skip


def size_lines(found: Tombstone, width: int) -> list[Line]:
    """Each kind with its share as a bar."""
    lines: list[Line] = [(("on disk      ", "dim"), (size_words(found.bytes), "strong"))]
    whole = max(1, sum(found.sizes.values()))
    bar = min(BAR_CELLS, max(0, width - 26))
    for kind in SIZE_KINDS:
        if count := found.sizes.get(kind, 0):  # type: ignore[call-overload]
            full = max(1, round(bar * count / whole)) if bar else 0
            lines.append(
                (
                    (f"  {kind:<11}", "dim"), (f"{size_words(count):>8}  ", "text"), ("━" * full, "soft"),
                    ("━" * (bar - full), "faint"),
                )
            )  # fmt: skip
    return lines
