"""Reminders as the screen lists them: those that failed first, then by when they are due."""

from hived.wire.reminders import Reminder

Reminders = dict[str, Reminder]
"""By id."""

OPEN = ("failed", "sent", "pending")


def with_reminder(known: Reminders, reminder: Reminder) -> Reminders:
    """Its new state; one that is done or cancelled is no longer listed."""
    others = {id: other for id, other in known.items() if id != reminder.id}
    return {**others, reminder.id: reminder} if reminder.status in OPEN else others


def listed(reminders: Reminders) -> tuple[Reminder, ...]:
    return tuple(sorted(reminders.values(), key=lambda found: (OPEN.index(found.status), found.due_at, found.id)))
