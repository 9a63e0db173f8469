"""Details of what waits between people: a question, a held message, a held pair, a spent budget. Pure."""

from datetime import datetime

from hived.wire.questions import Question
from hivetui.state.budgets import Figure, figures, whose
from hivetui.state.cases import Case
from hivetui.state.clock import ahead, day_and_hour, is_soon, left
from hivetui.widgets.facts import fact_lines
from hivetui.widgets.lines import Line, Piece, clean, dollars, one_line, thousands, wrapped
from hivetui.widgets.visible import visible

MOST_CHARACTERS = 64 * 1024
BAR_CELLS = 12
DIGITS = 9
"""Options that have a digit at a time."""


def question_lines(case: Case, now: datetime, width: int) -> list[Line]:
    """What is asked, and the options with their digits."""
    question, item = case.question, case.item
    if question is None:
        return wrapped(visible(item.subject), width)
    lines = wrapped(visible(question.text[:MOST_CHARACTERS], "strong"), width)
    if question.options:
        lines += [(), *_options(case, question, width)]
    if question.kind == "escalation" and question.reason:
        lines += [(), *wrapped([(one_line(question.reason), "dim")], width)]
    if item.gone:
        lines += _answer(question, width)
        return lines
    if question.deadline:
        to_go = ahead(question.deadline, now)
        said = f"expires {to_go}, at {day_and_hour(question.deadline, now)}" if to_go else "its deadline has passed"
        lines += [(), *wrapped([(said, "bad" if is_soon(question.deadline, now) else "dim")], width)]
    if case.alike:
        lines += [(), *wrapped([(f"Your answer goes to {case.alike + 1} marked questions.", "wait")], width)]
    if case.draft and not case.writing:
        lines += [(), *wrapped([(f"“{clean(case.draft)}”", "accent")], width, (("not sent yet ", "dim"),))]
    return lines


def who_asks(case: Case, now: datetime) -> list[Piece]:
    question = case.question
    who = question.asker if question else case.item.who
    said: list[Piece] = [(one_line(who, 40), "strong"), (" asks you", "text")]
    if question is not None and question.kind == "escalation" and question.recipient not in ("operator", ""):
        said = [(one_line(who, 40), "strong"), (f" asked {one_line(question.recipient, 40)}, now you", "text")]
    kind = "question" if question is None else question.kind
    said.append((f" · {kind}", "dim"))
    if question is not None and question.deadline and not case.item.gone:
        words = f" · {left(question.deadline, now)} left"
        said.append((words, "bad" if is_soon(question.deadline, now) else "dim"))
    return said


def _options(case: Case, question: Question, width: int) -> list[Line]:
    lines: list[Line] = []
    first = case.page * DIGITS
    for number, option in enumerate(question.options):
        digit = str(number - first + 1) if first <= number < first + DIGITS and not case.item.gone else " "
        lead: list[Piece] = [(f" {digit} ", "key-box" if digit.strip() else "dim"), (" ", "")]
        ticked = number in case.ticks or number in (question.answer_options or ())
        if question.multi:
            lead += [("[x] " if ticked else "[ ] ", "accent" if ticked else "dim")]
        tone = "strong" if ticked else "text"
        lines += wrapped(visible(option, tone), width, tuple(lead), 8 if question.multi else 4)
    if len(question.options) > DIGITS and not case.item.gone:
        lines.append(((" 0 ", "key-box"), (" the digits for the next nine", "dim")))
    return lines


def _answer(question: Question, width: int) -> list[Line]:
    if question.status != "answered":
        return [(), *wrapped([(f"{question.status}: {one_line(question.reason or '')}".rstrip(": "), "strong")], width)]
    by = question.answered_by
    who = "" if by is None else f"{by.who} ({by.client})" if by.client else by.who
    words = [question.options[at] for at in question.answer_options or () if at < len(question.options)]
    said = clean("\n".join([*words, *([question.answer_text] if question.answer_text else [])]))
    return [(), *wrapped([(said, "strong")], width, ((f"{who} answered: ", "dim"),), 2)]


def held_lines(case: Case, width: int) -> list[Line]:
    """The held message's words, why it is held, and what sending it again means."""
    letter, item = case.letter, case.item
    lines: list[Line] = []
    if letter is not None:
        lines += wrapped(visible(letter.body[:MOST_CHARACTERS]), width, ((f"{letter.sender}: ", "soft"),), 2)
        if letter.edited_by:
            lines += wrapped([(f"its words were changed by {one_line(letter.edited_by, 40)}", "dim")], width)
        lines += wrapped([(clean(letter.reason or ""), "bad")], width)
        if letter.deliveries:
            times = "once" if letter.deliveries == 1 else f"{letter.deliveries} times"
            lines += wrapped([(f"delivered {times}", "dim")], width)
    else:
        lines += wrapped(visible(item.subject), width)
    if not item.gone:
        advice = f"It is not sent again by itself. See what is wrong with {item.who} (enter) first."
        lines += [(), *wrapped([(advice, "text")], width)]
    return lines


def pair_lines(case: Case, width: int) -> list[Line]:
    """Who wrote to whom how often, and the newest words that are held."""
    pair = case.pair
    if pair is None:
        return wrapped(visible(case.item.subject), width)
    often = f"{pair.exchanged} messages in {pair.window_seconds:g} s, and each only an answer to the other."
    lines = wrapped([(often, "text")], width)
    if not case.item.gone:
        held = (
            f"{pair.held} message{'' if pair.held == 1 else 's'} between them wait{'s' if pair.held == 1 else ''} here."
        )
        lines += wrapped([(held, "wait")], width)
    lines.append(())
    for letter in case.letters:
        lead: Line = ((f"{letter.sender} → {letter.recipient}: ", "soft"),)
        lines += wrapped([(one_line(letter.body, 240), "text")], width, lead, 2)
    return lines


def budget_lines(case: Case, now: datetime, width: int) -> list[Line]:
    """Whose it is, what is spent of what, and the ways on."""
    budget, item = case.budget, case.item
    if budget is None:
        return wrapped([(clean(item.subject), "text")], width)
    lines = wrapped([(one_line(budget.words or item.subject), "bad")], width)
    lines.append(())
    for figure in figures(budget):
        full = min(BAR_CELLS, round(figure.share * BAR_CELLS))
        raised = f", raised by {_amount(figure.name, figure.raised)}" if figure.raised else ""
        spent = "?" if figure.spent is None else _amount(figure.name, figure.spent)
        tone = "bad" if figure.share >= 1 else "soft"
        bar: list[Piece] = [(f"{figure.name:<8}", "dim"), ("━" * full, tone), ("━" * (BAR_CELLS - full), "faint")]
        lines += wrapped([*bar, (f" {spent} of {_limit(figure)}{raised}", "text")], width, hang=8)
    each = {"hour": "each hour", "day": "each day", "total": "in all"}[budget.window]
    facts = [("whose", f"{whose(budget)}, {each}"), ("stopped", item.agent or "")]
    if budget.resets_at:
        facts.append(("resets", f"{day_and_hour(budget.resets_at, now)} {ahead(budget.resets_at, now)}".strip()))
    if budget.unpriced:
        facts.append(("no price", ", ".join(budget.unpriced)))
    lines += [(), *fact_lines(facts, width)]
    if not item.gone:
        again = ", ".join(_amount(figure.name, figure.limit - figure.raised) for figure in figures(budget))
        span = "for good" if budget.window == "total" else f"in this {budget.window} only"
        lines += [(), *wrapped([("a ", "key"), (f"gives {again} more, {span}.", "text")], width)]
    return lines


def _limit(figure: Figure) -> str:
    return _amount(figure.name, figure.limit)


def _amount(name: str, figure: float) -> str:
    return dollars(figure) if name == "usd" else f"{thousands(round(figure))} {name}"
