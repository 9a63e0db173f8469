"""Reminders: what agents will be reminded of and when; made, cancelled and tried again from here."""

from datetime import datetime
from typing import ClassVar
from uuid import uuid4

from pydantic import ValidationError
from textual.binding import BindingType

from hived.wire.reminders import MOST_ATTEMPTS, Reminder, ReminderDraft
from hivetui.book_intents import AddReminder, CancelReminder, RetryReminder
from hivetui.keymap import Where, bindings_of
from hivetui.screens.form import Field, FormScreen, Values
from hivetui.screens.listing import Go, ListingScreen, facts
from hivetui.state.clock import Clock, ahead, day_and_hour
from hivetui.state.hive import HiveState
from hivetui.state.reminders import listed
from hivetui.widgets.lines import Line, Piece, clean, justified, one_line, wrapped

MARKS = {"failed": ("✗ ", "bad-strong"), "sent": ("→ ", "accent"), "pending": ("○ ", "soft")}


class RemindersScreen(ListingScreen):
    TITLED = "reminders"
    WHERE: ClassVar[Where] = "reminders"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("reminders"), *bindings_of("listing")]

    def __init__(self, state: HiveState, clock: Clock, go: Go, agent: str | None = None) -> None:
        """`agent`: who a new one is for, unless something else is typed."""
        super().__init__(state, clock, go)
        self._agent = agent

    def ids(self) -> tuple[str, ...]:
        return tuple(reminder.id for reminder in listed(self.state.reminders))

    def line(self, id: str, width: int, now: datetime) -> Line:
        return reminder_row(self.state.reminders[id], now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        return reminder_lines(self.state.reminders[id], now, width)

    def summary(self) -> str:
        failed = sum(reminder.status == "failed" for reminder in self.state.reminders.values())
        return f"{len(self.state.reminders) or 'none'}{f' · {failed} failed' if failed else ''}"

    def nothing(self) -> list[Line]:
        return [((" no reminders", "dim"),), ((" +", "key"), (" makes one", "dim"))]

    @property
    def _chosen(self) -> Reminder | None:
        return self.state.reminders.get(self.rows.chosen or "")

    def action_cancel(self) -> None:
        reminder = self._chosen
        if reminder is not None:
            question = f"Cancel the reminder of {reminder.agent}: {one_line(reminder.text, 160)}?"
            self.confirm(question, "cancel it", "It is never told of it.", CancelReminder(reminder.id))

    def action_retry(self) -> None:
        reminder = self._chosen
        if reminder is None:
            return
        if reminder.status != "failed":
            self.say("Only a reminder that has failed is tried again.")
        else:
            self.ask(RetryReminder(reminder.id))

    def action_new(self) -> None:
        key = uuid4().hex

        def wanted(values: Values) -> AddReminder | str:
            draft = draft_of(values)
            return draft if isinstance(draft, str) else AddReminder(draft, key)

        fields = (
            Field("agent", "agent", self._agent or "", "whom"),
            Field("when", "when", "", "10m, 2h30m, 3d, or a time: 2026-12-01T09:00"),
            Field("text", "text", "", "of what"),
        )
        self.app.push_screen(FormScreen("a new reminder", fields, wanted))


def draft_of(values: Values) -> ReminderDraft | str:
    """The reminder, or what is missing. hived judges when."""
    for name, question in (("agent", "Whom?"), ("when", "When? 10m, 2h30m, 3d, or a time."), ("text", "Of what?")):
        if not values[name]:
            return question
    try:
        return ReminderDraft(agent=values["agent"], when=values["when"], text=values["text"])
    except ValidationError as error:
        return f"{error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}."


def _when(reminder: Reminder, now: datetime) -> Piece:
    if reminder.status == "failed":
        return "failed", "bad-strong"
    if reminder.status == "sent":
        return "under way", "accent"
    return ahead(reminder.due_at, now) or "due now", "text"


def reminder_row(reminder: Reminder, now: datetime, width: int) -> Line:
    said, tone = _when(reminder, now)
    left: list[Piece] = [
        (" ", ""),
        MARKS.get(reminder.status, ("? ", "dim")),
        (f"{said:<10}", tone),
        (f" {one_line(reminder.agent, 16):<9}", "strong"),
        (" ", ""),
        (one_line(reminder.text, 200), "text"),
    ]
    tries = f" {reminder.attempts} of {MOST_ATTEMPTS} tries " if reminder.attempts else ""
    return justified(left, [(tries, "bad" if reminder.status == "failed" else "wait")], width)


def reminder_lines(reminder: Reminder, now: datetime, width: int) -> list[Line]:
    lines: list[Line] = [*wrapped([(clean(reminder.text), "strong")], width), ()]
    due = day_and_hour(reminder.due_at, now)
    until = ahead(reminder.due_at, now)
    says = {
        "failed": f"It failed {reminder.attempts} times; its message is held until you retry or cancel it.",
        "sent": "It is due, and its message is under way.",
        "pending": "",
    }
    if said := says.get(reminder.status, ""):
        lines += [*wrapped([(said, "bad" if reminder.status == "failed" else "text")], width), ()]
    return lines + facts(
        [
            ("agent", reminder.agent),
            ("due", f"{due}{f' ({until})' if until else ''}"),
            ("made", f"{day_and_hour(reminder.created_at, now)} by {reminder.made_by}"),
            ("tries", f"{reminder.attempts} of {MOST_ATTEMPTS}" if reminder.attempts else "none yet"),
            ("error", one_line(reminder.error or "")),
            ("message", reminder.message_id or ""),
            ("id", reminder.id),
        ],
        width,
    )
