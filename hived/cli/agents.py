"""`hive ls`, and what one agent's state is called."""

from typing import Any

from hived.cli.command import Arguments, Command, listed, nothing
from hived.cli.output import line, print_json, print_rows
from hived.cli.times import age, day_and_clock, left, until
from hived.cli.work import nowhere_else
from hived.client import oneshot
from hived.wire import routes

STATES_OF = {"needs_login": "needs login", "rate_limited": "limited", "over_budget": "over budget"}
"""Conditions in which it works on nothing, as states, the worst first."""


def state_of(agent: dict[str, Any]) -> tuple[str, str]:
    """What it is doing, and since when: the turn's state while it runs, else its lifecycle. What cannot work is not idle."""
    lifecycle, turn = agent["lifecycle"], agent["turn"]
    if lifecycle["state"] != "running":
        return lifecycle["state"], lifecycle["since"]
    if not agent["online"]:
        return "away", lifecycle["since"]
    if turn["state"] != "idle":
        return turn["state"], turn["since"]
    if agent["session"]["state"] == "refused":
        return "refused", agent["session"]["since"] or turn["since"]
    held = {item["kind"]: item["since"] for item in agent["conditions"]}
    return next(
        ((word, held[kind]) for kind, word in STATES_OF.items() if kind in held), (turn["state"], turn["since"])
    )


def context_of(agent: dict[str, Any]) -> str:
    """How full the window is; empty where no turn has said."""
    ctx = agent["ctx"]
    return f"{round(100 * ctx['tokens'] / ctx['window'])}%" if ctx and ctx["window"] else ""


def money(usd: float | None, estimated: bool = False) -> str:
    """In cents, and in hundredths of them where it is less than one; `~` where it is estimated."""
    if usd is None:
        return ""
    return f"{'~' if estimated else ''}${usd:.{4 if 0 < usd < 0.01 else 2}f}"


def _ls(arguments: Arguments) -> int:
    document = oneshot.call("GET", routes.AGENTS)
    if arguments.json:
        print_json(document)
        return 0
    agents = listed(document, "agents")
    if not agents:
        print("There are no agents yet. Make the queen with: hive init")
    header = ("NAME", "ROLE", "ENGINE", "MODEL", "STATE", "SINCE", "CTX", "COST", "UNREAD", "WAITING", "NOTE")
    print_rows(header, (_row(agent) for agent in agents))
    return 0


def _row(agent: dict[str, Any]) -> tuple[str, ...]:
    state, since = state_of(agent)
    spend = agent["spend"]
    conditions = [_noted(item) for item in agent["conditions"] if item["kind"] != "online"]
    if agent["session"]["state"] == "refused":
        conditions.append("resume refused")
    if agent["turn"]["state"] == "napping" and agent["turn"]["until"]:
        conditions.append(f"naps {until(agent['turn']['until'])}")
    if agent["held"]:
        conditions.append(f"{agent['held']} held")
    if nowhere_else(agent["work"]):
        conditions.append(f"unmerged: {nowhere_else(agent['work'])}")
    return (
        agent["name"],
        agent["role"],
        agent["engine"],
        agent["model"],
        state,
        age(since),
        context_of(agent),
        money(spend["total_usd"], spend["estimated"]),
        str(agent["unread"] or ""),
        str(agent["waiting"] or ""),
        ", ".join(conditions),
    )


def _noted(item: dict[str, Any]) -> str:
    """A condition in a list: with the time that is left, where it ends by itself."""
    ahead = left(item["until"])
    return f"{item['kind']} ({ahead})" if ahead else str(item["kind"])


def held_up(agent: dict[str, Any]) -> str | None:
    """Why no turn of it begins though it could, with the way on; None where nothing is in the way."""
    name, turn = agent["name"], agent["turn"]
    if agent["paused"]:
        return f"{name} is paused: hive resume {name}"
    if agent["session"]["state"] == "refused":
        return f"{name} cannot resume its conversation: hive new-session {name} [--primer]"
    for item in agent["conditions"]:
        if item["kind"] == "rate_limited":
            end = f" until {day_and_clock(item['until'])}" if item["until"] else ""
            return f"{name} is rate-limited{end}: hive resume {name}"
        if item["kind"] == "needs_login":
            return f"{name} is not logged in: hive login {name}"
        if item["kind"] == "over_budget":
            return f"{line(item['detail'])}: hive budgets"
    if turn["state"] == "napping" and turn["until"]:
        return f"{name} naps until {day_and_clock(turn['until'])}: hive nap {name} off"
    return None


COMMANDS = {"ls": Command(nothing, _ls)}
