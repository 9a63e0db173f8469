"""`hive budgets` and `hive budget set|raise|rm`: what may be spent, by whom, in which window."""

import argparse
from typing import Any

from hived.cli.command import Arguments, Command, Parser, checked_id, listed, nothing
from hived.cli.each import each
from hived.cli.output import line, print_json, print_rows, short_id
from hived.cli.times import day_and_clock
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import BudgetNotFound, UsageError
from hived.wire.names import checked_name

FIGURES = ("usd", "tokens", "turns")
_WHEN = {"hour": "an hour", "day": "a day", "total": "in all"}


def _budgets(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.BUDGETS)
    if arguments.json:
        print_json(document)
        return 0
    budgets = listed(document, "budgets")
    if not budgets:
        print("There are no budgets. Set one with: hive budget set NAME --usd 5")
    print_rows(("ID", "WHOSE", "WINDOW", "SPENT", "STATE", "ENDS", "NOTE"), (_row(budget) for budget in budgets))
    for budget in budgets:
        if budget["over"]:
            print(f"\n{line(budget['words'])}: hive budget raise {short_id(budget['id'])}")
    return 0


def _row(budget: dict[str, Any]) -> tuple[str, ...]:
    state = "stops" if budget["over_since"] else "spent" if budget["over"] else ""
    notes = [] if budget["source"] == "operator" else [line(budget["source"])]
    raised = _amounts(budget["raised"])
    if raised:
        notes.append(f"raised by {raised}")
    if budget["unpriced"]:
        notes.append(f"no cost known of {', '.join(map(line, budget['unpriced']))}")
    return (
        short_id(budget["id"]),
        whose(budget),
        budget["window"],
        ", ".join(_spent(budget, figure) for figure in FIGURES if budget[figure] is not None),
        state,
        day_and_clock(budget["resets_at"]) if budget["resets_at"] else "",
        "; ".join(notes),
    )


def whose(budget: dict[str, Any]) -> str:
    """`scout`, `tree of scout` or `hive`."""
    match budget["scope"]:
        case "hive":
            return "hive"
        case "tree":
            return f"tree of {line(budget['agent'])}"
        case _:
            return line(budget["agent"])


def _spent(budget: dict[str, Any], figure: str) -> str:
    spent = budget["spent"]
    most = budget[figure] + (budget["raised"][figure] or 0)
    about = "~" if figure == "usd" and spent["estimated"] else ""
    if figure == "usd":
        return f"{about}{_amount('usd', spent['usd'] or 0)} of {_amount('usd', most)}"
    return f"{spent[figure]:,} of {_amount(figure, most)}"


def _amounts(figures: dict[str, Any]) -> str:
    return ", ".join(_amount(figure, figures[figure]) for figure in FIGURES if figures[figure])


def _amount(figure: str, value: float) -> str:
    if figure == "usd":
        return f"${value:,.{4 if 0 < value < 0.01 else 2}f}"
    return f"{value:,} {figure}"


def _declare(parser: argparse.ArgumentParser) -> None:
    actions = parser.add_subparsers(dest="action", required=True, metavar="set|raise|rm", parser_class=Parser)
    setting = actions.add_parser("set", help="set one, instead of what there was", allow_abbrev=False)
    setting.add_argument("name", nargs="?", metavar="NAME", help="whose; with --tree the root")
    scope = setting.add_mutually_exclusive_group()
    scope.add_argument("--tree", action="store_true", help="NAME and all that was spawned under it")
    scope.add_argument("--hive", action="store_true", help="everyone")
    setting.add_argument("--window", choices=tuple(_WHEN), default="day", help="UTC's; day if not said")
    _declare_figures(setting)
    raising = actions.add_parser("raise", help="allow more in this window only", allow_abbrev=False)
    raising.add_argument("id", metavar="ID", help="a budget's id, or a unique beginning of it")
    _declare_figures(raising, " more; without any: as much again")
    removing = actions.add_parser("rm", help="remove budgets", allow_abbrev=False)
    removing.add_argument("ids", nargs="+", metavar="ID", help="a budget's id, or a unique beginning of it")
    for action in (setting, raising, removing):
        action.add_argument("--json", action="store_true", default=argparse.SUPPRESS, help="print what hived answered")


def _declare_figures(parser: argparse.ArgumentParser, more: str = "") -> None:
    parser.add_argument("--usd", type=_number, metavar="X", help=f"dollars{more}")
    parser.add_argument("--tokens", type=_count, metavar="N", help=f"tokens{more}")
    parser.add_argument("--turns", type=_count, metavar="N", help=f"turns{more}")


def _number(text: str) -> float:
    try:
        number = float(text.removeprefix("$"))
    except ValueError:
        number = -1
    if not 0 <= number <= 1e9:
        raise argparse.ArgumentTypeError(f"{text} is no number from 0 to a billion")
    return number


def _count(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        number = -1
    if number < 0:
        raise argparse.ArgumentTypeError(f"{text} is no whole number from 0 up")
    return number


def _budget(arguments: Arguments) -> int:
    return {"set": _set, "raise": _raise, "rm": _rm}[arguments.action](arguments)


def _figures(arguments: Arguments) -> dict[str, Any]:
    return {figure: getattr(arguments, figure) for figure in FIGURES if getattr(arguments, figure) is not None}


def _set(arguments: Arguments) -> int:
    if arguments.hive == (arguments.name is not None):
        raise UsageError(reason="Say whose budget it is: NAME, NAME --tree, or --hive alone.")
    figures = _figures(arguments)
    if not figures:
        raise UsageError(reason="Say how much: --usd X, --tokens N or --turns N. To remove one: hive budget rm ID")
    scope = "hive" if arguments.hive else "tree" if arguments.tree else "agent"
    name = None if arguments.hive else checked_name(arguments.name)
    body = {"scope": scope, "agent": name, "window": arguments.window, **figures}
    budget = oneshot.call("PUT", routes.BUDGETS, body, idempotency_key=oneshot.new_key())
    return _say(arguments, budget, f"{_amounts(budget)} {_WHEN[budget['window']]}")


def _raise(arguments: Arguments) -> int:
    path = oneshot.path_of(routes.BUDGET_RAISE, id=checked_id(arguments.id, BudgetNotFound))
    budget = oneshot.call("POST", path, _figures(arguments), idempotency_key=oneshot.new_key())
    return _say(
        arguments, budget, f"{_amounts(budget)} {_WHEN[budget['window']]}, now {_amounts(budget['raised'])} more"
    )


def _rm(arguments: Arguments) -> int:
    def remove(given: str) -> dict[str, Any]:
        path = oneshot.path_of(routes.BUDGET, id=checked_id(given, BudgetNotFound))
        budget: dict[str, Any] = oneshot.call("DELETE", path, idempotency_key=oneshot.new_key())
        return budget

    return each(
        arguments, remove, "budgets",
        lambda budget: f"{whose(budget)}: no budget of {_amounts(budget)} {_WHEN[budget['window']]} any more",
    )  # fmt: skip


def _say(arguments: Arguments, budget: dict[str, Any], words: str) -> int:
    if arguments.json:
        print_json(budget)
        return 0
    print(f"{whose(budget)}: {words} ({short_id(budget['id'])})")
    if budget["over"]:
        print(line(budget["words"]))
    return 0


COMMANDS = {
    "budgets": Command(nothing, _budgets),
    "budget": Command(_declare, _budget),
}
