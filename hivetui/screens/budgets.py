"""Budgets: what may be spent and what is, by agent, tree and hive; raised and set from here."""

from collections.abc import Callable
from datetime import datetime
from typing import ClassVar

from pydantic import ValidationError
from textual.binding import BindingType

from hived.wire.budgets import Budget, BudgetDraft
from hivetui.book_intents import SetBudget
from hivetui.intents import RaiseBudget
from hivetui.keymap import Where, bindings_of
from hivetui.screens.form import Field, FormScreen, Values
from hivetui.screens.listing import Go, ListingScreen, facts
from hivetui.state.budgets import WINDOWS, Figure, figures, listed, whose
from hivetui.state.clock import Clock, ahead, day_and_hour
from hivetui.state.hive import HiveState
from hivetui.widgets.lines import Line, Piece, dollars, justified, one_line, thousands, wrapped

BAR_CELLS = 10
WIDE_BAR_CELLS = 24
NAMES = ("usd", "tokens", "turns")
NEAR = 0.75
"""From this share on a budget is shown as nearly spent."""


class BudgetsScreen(ListingScreen):
    TITLED = "budgets"
    WHERE: ClassVar[Where] = "budgets"
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("budgets"), *bindings_of("listing")]

    def __init__(self, state: HiveState, clock: Clock, go: Go, agent: str | None = None) -> None:
        """`agent`: whose a new budget is, unless something else is typed."""
        super().__init__(state, clock, go)
        self._agent = agent

    def ids(self) -> tuple[str, ...]:
        return tuple(budget.id for budget in listed(self.state.budgets))

    def line(self, id: str, width: int, now: datetime) -> Line:
        return budget_row(self.state.budgets[id], now, width)

    def detail(self, id: str, width: int, now: datetime) -> list[Line]:
        return budget_lines(self.state.budgets[id], now, width)

    def summary(self) -> str:
        over = sum(budget.over for budget in self.state.budgets.values())
        return f"{len(self.state.budgets) or 'none'}{f' · {over} over' if over else ''}"

    def nothing(self) -> list[Line]:
        return [((" no budgets: nobody is stopped, whatever it costs", "dim"),), ((" +", "key"), (" sets one", "dim"))]

    @property
    def _chosen(self) -> Budget | None:
        return self.state.budgets.get(self.rows.chosen or "")

    def on_rows_row_chosen(self) -> None:
        self.action_set()

    def action_raise(self) -> None:
        budget = self._chosen
        if budget is None:
            return

        def wanted(values: Values) -> RaiseBudget | str:
            found = numbers_of(values)
            return found if isinstance(found, str) else RaiseBudget(budget.id, *found)

        limited = [name for name in NAMES if getattr(budget, name) is not None]
        fields = [
            Field(name, name, "", f"more of it; as much again is {_said(name, getattr(budget, name))}")
            for name in limited
        ]
        about = "More in this window only; nothing typed: as much again as the budget itself. Who waits goes on."
        self.app.push_screen(
            FormScreen(f"raise the budget of {whose(budget)}", fields, wanted, about=_words(about))
        )  # fmt: skip

    def action_set(self) -> None:
        if (budget := self._chosen) is not None:
            self._form(budget)

    def action_new(self) -> None:
        self._form(None)

    def _form(self, budget: Budget | None) -> None:
        agent = (budget.agent or "") if budget else self._agent or ""
        figure = {name: getattr(budget, name) if budget else None for name in NAMES}
        fields = (
            Field("scope", "scope", budget.scope if budget else "agent", choices=("agent", "tree", "hive")),
            Field("agent", "whose", agent, "the agent, or the root of the tree"),
            Field("window", "window", budget.window if budget else "day", choices=WINDOWS),
            *(Field(name, name, "" if figure[name] is None else f"{figure[name]:g}" if name == "usd" else str(figure[name]), "no limit") for name in NAMES),
        )  # fmt: skip
        about = "Days and hours are UTC's. A figure that is left out is not limited; none at all removes the budget."
        self.app.push_screen(FormScreen("set a budget", fields, set_of, about=_words(about)))

    def action_remove(self) -> None:
        budget = self._chosen
        if budget is not None:
            draft = BudgetDraft(scope=budget.scope, agent=budget.agent, window=budget.window)
            question = f"Remove the budget of {whose(budget)} ({budget.window})?"
            self.confirm(
                question, "remove it", "Whom it stops goes on, and is stopped by it no more.", SetBudget(draft)
            )


def _words(about: str) -> Callable[[Values, int], list[Line]]:
    return lambda values, width: wrapped([(about, "dim")], width)


def number_of(text: str, name: str) -> float | int | None | str:
    """`4.50`, `200k`, `1.5M`; None where nothing is typed, a sentence where it is no number."""
    text = text.strip().removeprefix("$").replace("_", "").replace(" ", "")
    if not text:
        return None
    factor = {"k": 1_000, "m": 1_000_000}.get(text[-1].lower(), 1)
    digits = text[:-1] if factor > 1 else text
    try:
        number = float(digits) * factor
    except ValueError:
        return f"{name}: {one_line(text, 40)!r} is no number."
    if not 0 <= number < 1e15:
        return f"{name}: no number below 0, nor one as large as that."
    return number if name == "usd" else round(number)


def numbers_of(values: Values) -> tuple[float | None, int | None, int | None] | str:
    """USD, tokens, turns."""
    found: list[float | int | None] = []
    for name in NAMES:
        number = number_of(values.get(name, ""), name)
        if isinstance(number, str):
            return number
        found.append(number)
    usd, tokens, turns = found
    return usd, None if tokens is None else int(tokens), None if turns is None else int(turns)


def set_of(values: Values) -> SetBudget | str:
    found = numbers_of(values)
    if isinstance(found, str):
        return found
    scope = values["scope"]
    if scope != "hive" and not values["agent"]:
        return "Whose is it? An agent's name; or the scope hive."
    try:
        return SetBudget(
            BudgetDraft.model_validate(
                {
                    "scope": scope,
                    "agent": None if scope == "hive" else values["agent"],
                    "window": values["window"],
                    **dict(zip(NAMES, found, strict=True)),
                }
            )
        )
    except ValidationError as error:
        return f"{error.errors()[0]['loc'][0]}: {error.errors()[0]['msg']}."


def _said(name: str, number: float | None, *, estimated: bool = False) -> str:
    if number is None:
        return "?"
    return dollars(number, estimated=estimated) if name == "usd" else thousands(round(number))


def _tone(figure: Figure) -> str:
    return "bad" if figure.share >= 1 else "wait" if figure.share >= NEAR else "soft"


def bar_of(figure: Figure, width: int) -> list[Piece]:
    """Heavy for what is spent, light for what is left: it reads without colour."""
    full = min(width, round(figure.share * width))
    return [("━" * full, _tone(figure)), ("─" * (width - full), "faint")]


def budget_row(budget: Budget, now: datetime, width: int) -> Line:
    """Whose, and the figure that is spent the furthest."""
    found = figures(budget)
    worst = max(found, key=lambda figure: figure.share, default=None)
    mark: Piece = (" ■ over ", "bad-strong") if budget.over else ("        ", "")
    left: list[Piece] = [mark, (f"{one_line(whose(budget), 24):<16}", "strong"), (f" {budget.window:<6}", "soft")]
    if worst is None:
        return justified(left, [("no figures ", "dim")], width)
    spent = _said(worst.name, worst.spent, estimated=budget.spent.estimated)
    unit = "" if worst.name == "usd" else f" {worst.name}"
    right: list[Piece] = [
        (f"{spent}/{_said(worst.name, worst.limit)}{unit} ", "text"),
        *bar_of(worst, BAR_CELLS),
        (f" {min(999, round(worst.share * 100)):>3}% ", _tone(worst)),
    ]
    return justified(left, right, width)


def budget_lines(budget: Budget, now: datetime, width: int) -> list[Line]:
    lines: list[Line] = []
    if budget.over:
        lines += wrapped([(one_line(budget.words or "It is spent."), "bad-strong")], width)
        said = f"Over since {day_and_hour(budget.over_since, now)}; who is stopped waits for you to raise or set it"
        ends = f", or until {day_and_hour(budget.resets_at, now)}." if budget.resets_at else "."
        lines += [*wrapped([(said + ends, "text")], width), ()]
    for figure in figures(budget):
        spent = _said(figure.name, figure.spent, estimated=budget.spent.estimated and figure.name == "usd")
        raised = f", raised by {_said(figure.name, figure.raised)}" if figure.raised else ""
        room = max(8, min(WIDE_BAR_CELLS, width - 40))
        head: list[Piece] = [
            (f"{figure.name:<8}", "dim"),
            *bar_of(figure, room),
            (f" {round(figure.share * 100)}%", _tone(figure)),
        ]
        lines += wrapped([*head, (f"  {spent} of {_said(figure.name, figure.limit)}{raised}", "text")], width, (), 8)
    resets = (
        f"{day_and_hour(budget.resets_at, now)} ({ahead(budget.resets_at, now) or 'now'})"
        if budget.resets_at
        else "never"
    )
    lines += [
        (),
        *facts(
            [
                ("whose", whose(budget)),
                ("window", f"{budget.window}{'' if budget.window == 'total' else ', in UTC'}"),
                ("resets", resets),
                ("no price", f"{', '.join(budget.unpriced)}: what they cost is not counted" if budget.unpriced else ""),
                ("set", "by you" if budget.source == "operator" else "in its agent.toml"),
                ("id", budget.id),
            ],
            width,
        ),
    ]
    return lines
