"""How a thread reads: in the list one line, opened a conversation, each message with what has become of it."""

from datetime import datetime
from functools import lru_cache

from hived.wire.names import OPERATOR
from hived.wire.questions import Question
from hivetui.state.clock import age, ahead, day_and_hour
from hivetui.state.messages import Letter
from hivetui.state.threads import Entry, Thread, title_of
from hivetui.widgets.lines import Line, Piece, cells, clean, cropped, justified, one_line, wrapped

MOST_CHARACTERS = 16 * 1024
"""Of one message; the rest is named, not shown."""
STATUS_TONES = {"queued": "soft", "leased": "accent", "acked": "good", "held": "wait", "undeliverable": "bad"}


def you(name: str) -> str:
    return "you" if name == OPERATOR else name


def thread_row(thread: Thread, now: datetime, width: int) -> Line:
    """Mark, who with whom, what it began with, how many, how old."""
    if thread.to_answer is not None:
        mark: Piece = (" ? ", "wait-strong")
    elif thread.unread:
        mark = (" ● ", "accent")
    else:
        mark = (" … " if thread.open else "   ", "soft")
    names = [one_line(you(name), 16) for name in thread.between]
    who = " ↔ ".join(names[:2]) if len(names) < 3 else f"{names[0]} ↔ {names[1]} +{len(names) - 2}"
    fresh = bool(thread.unread) or thread.to_answer is not None
    left: list[Piece] = [mark, (f"{who:<18}", "strong" if fresh else "text"), (" ", "")]
    left.append((one_line(title_of(thread), 200), "text" if fresh else "soft"))
    count = f"{len(thread.entries)} · " if len(thread.entries) > 1 else ""
    unread = f"{len(thread.unread)} new · " if thread.unread else ""
    return justified(left, [(f" {unread}{count}{age(thread.newest.at, now)} ", "dim")], width)


def thread_lines(thread: Thread, now: datetime, width: int) -> list[Line]:
    """The whole conversation, oldest first."""
    lines: list[Line] = []
    for entry in thread.entries:
        lines += entry_lines(entry, now, width)
        lines.append(())
    return lines[:-1]


def entry_lines(entry: Entry, now: datetime, width: int) -> list[Line]:
    today = now.replace(hour=0, minute=0, second=0, microsecond=0)
    if entry.question is not None:
        return _question(entry.question, entry.letter, now, width)
    return list(_letter(entry.letter, today, width)) if entry.letter is not None else []


@lru_cache(maxsize=1024)
def _letter(letter: Letter, today: datetime, width: int) -> tuple[Line, ...]:
    """It changes with the day alone, so what does not change is not wrapped again."""
    lines = _receipt(_names(letter.sender, letter.recipient, letter.kind), letter, today, width)
    lines += wrapped([(_body(letter.body), "text")], width, (("  ", ""),), 2)
    if letter.cut:
        lines += wrapped([("… it goes on: hive messages --json has the whole", "dim")], width, (("  ", ""),), 2)
    return tuple(lines)


def _names(sender: str, recipient: str, kind: str) -> Line:
    pieces: list[Piece] = [
        (one_line(you(sender), 32), "strong"),
        (" → ", "dim"),
        (one_line(you(recipient), 32), "strong"),
    ]
    if kind != "message":
        pieces.append((f" · {kind}", "accent"))
    return tuple(pieces)


def _receipt(names: Line, letter: Letter, now: datetime, width: int) -> list[Line]:
    """Who to whom, and what has become of it: on one line where it fits."""
    said = receipt_of(letter, now)
    if cells(names) + cells(said) + 2 <= width:
        return [justified(names, said, width)]
    return [cropped(names, width), *wrapped(list(said), width, (("  ", ""),), 2)]


def receipt_of(letter: Letter, now: datetime) -> Line:
    """`sent 14:02 → leased 14:03 → acked 14:05 · 2nd delivery`."""
    to_you = letter.recipient == OPERATOR
    steps: list[Piece] = [(f"sent {day_and_hour(letter.sent_at, now)}", "dim")]
    if letter.leased_at or letter.status == "leased":
        steps.append((f" → leased {day_and_hour(letter.leased_at, now)}".rstrip(), _tone(letter, "leased")))
    if letter.status == "acked":
        word = "read" if to_you else "acked"
        steps.append((f" → {word} {day_and_hour(letter.acked_at, now)}".rstrip(), "good"))
    elif letter.status == "held":
        steps.append((f" → held: {one_line(letter.reason or 'until you decide', 160)}", "wait"))
    elif letter.status == "undeliverable":
        steps.append((f" → undeliverable: {one_line(letter.reason or 'nobody takes it', 160)}", "bad"))
    elif letter.status == "queued":
        steps.append((" → unread" if to_you else " → not taken yet", "accent" if to_you else "soft"))
    if letter.redelivered or letter.deliveries > 1:
        steps.append((f" · redelivered, {letter.deliveries} times in all", "wait"))
    if letter.edited_by:
        steps.append((f" · edited by {one_line(you(letter.edited_by), 40)}", "wait"))
    return tuple(steps)


def _tone(letter: Letter, status: str) -> str:
    return STATUS_TONES[status] if letter.status == status else "dim"


def _body(text: str) -> str:
    if len(text) <= MOST_CHARACTERS:
        return clean(text)
    return f"{clean(text[:MOST_CHARACTERS])}\n… {len(text) - MOST_CHARACTERS} more characters: hive messages --json"


def _question(question: Question, letter: Letter | None, now: datetime, width: int) -> list[Line]:
    kind = "asks" if question.kind == "question" else "escalates"
    recipient = you(question.recipient)
    if question.with_operator and question.recipient != OPERATOR:
        recipient = f"{recipient}, and you"
    names = _names(question.asker, recipient, kind)
    if letter is not None:
        lines = _receipt(names, letter, now, width)
    else:
        lines = [justified(names, ((f"asked {day_and_hour(question.created_at, now)}", "dim"),), width)]
    lines += wrapped([(_body(question.text), "text")], width, (("  ", ""),), 2)
    chosen, over = set(question.answer_options or ()), question.status != "pending"
    for number, option in enumerate(question.options):
        taken = number in chosen
        lead: Line = ((f"  {'●' if taken else '○'} {number + 1} ", "good" if taken else "dim" if over else "key"),)
        lines += wrapped([(one_line(option), "strong" if taken else "dim" if over else "text")], width, lead)
    return lines + _state_lines(question, now, width)


def _state_lines(question: Question, now: datetime, width: int) -> list[Line]:
    """What has become of the question."""
    lead: Line = (("  ", ""),)
    if question.status == "pending":
        said = ["waits on you: a answers" if question.with_operator else f"waits on {question.recipient}"]
        if question.multi:
            said.append("more than one may be chosen")
        if question.deadline:
            said.append(f"until {day_and_hour(question.deadline, now)} ({ahead(question.deadline, now) or 'over'})")
        if question.goes_up_at and not question.with_operator:
            said.append(f"goes up to you {ahead(question.goes_up_at, now) or 'now'}")
        return wrapped([(" · ".join(said), "wait" if question.with_operator else "soft")], width, lead, 2)
    if question.status == "answered":
        by = you(question.answered_by.who) if question.answered_by else "somebody"
        words = f": {question.answer_text}" if question.answer_text else ""
        return wrapped(
            [(f"✓ answered by {by} {day_and_hour(question.answered_at, now)}{_body(words)}", "good")], width, lead, 4
        )
    reason = f": {one_line(question.reason)}" if question.reason else ""
    return wrapped([(f"✗ {question.status}{reason}", "bad")], width, lead, 4)
