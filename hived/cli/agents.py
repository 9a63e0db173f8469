"""`hive ls`, `show` and `log`: agents one by one and all together."""

import argparse
from typing import Any

from hived.cli.command import Arguments, Command, listed, nothing, one_name, positive
from hived.cli.output import clean, line, print_facts, print_json, print_rows
from hived.cli.times import age, day_and_clock, left, until
from hived.cli.work import nowhere_else
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name

LOG_LINES = 200
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


def _show(arguments: Arguments) -> int:
    agent = oneshot.call("GET", oneshot.path_of(routes.AGENT, name=checked_name(arguments.name)))
    if arguments.json:
        print_json(agent)
        return 0
    lifecycle, turn, ctx, cost, spend = (agent[key] for key in ("lifecycle", "turn", "ctx", "cost", "spend"))
    state, since = state_of(agent)
    print_facts(
        [
            ("agent", f"{agent['name']} ({agent['role']}), {agent['id']}"),
            ("state", f"{state} for {age(since)}"),
            ("cause", f"{lifecycle['state']} since {lifecycle['since']}: {line(lifecycle['cause'])}"),
            ("turn", f"{turn['turn_id']}, woken by {turn['wake']}" if turn["turn_id"] else None),
            ("nap", until(turn["until"]) if turn["until"] else None),
            ("last event", f"{age(agent['last_event_at'])} ago" if agent["last_event_at"] else None),
            ("conditions", ", ".join(_condition(item) for item in agent["conditions"])),
            ("engine", f"{agent['engine']}, model {agent['model']}, runtime {agent['runtime']}"),
            ("effort", _setting(agent["effort"], agent["abilities"]["efforts"])),
            ("permissions", _setting(agent["permission_mode"], agent["abilities"]["permission_modes"])),
            ("login", _login(agent["login"])),
            ("parent", agent["parent"]),
            ("process", f"pid {agent['pid']}, generation {agent['generation']}" if agent["pid"] else None),
            ("context", f"{ctx['tokens']} of {ctx['window']} tokens, {context_of(agent)}" if ctx else None),
            (
                "last turn",
                f"{cost['tokens']} tokens {money(cost['usd'], cost['estimated'])}".rstrip() if cost else None,
            ),
            ("turns", f"{spend['turns']} {money(spend['total_usd'], spend['estimated'])}".rstrip()),
            ("messages", f"{agent['unread']} unread, {agent['held']} held"),
            ("last outcome", agent["last_outcome"]),
            ("last error", line(agent["last_error"] or "")),
            ("session", session_line(agent)),
            ("events", agent["cursor"]),
            ("repo", agent["repo"]),
            ("workspace", agent["workspace"]),
            ("nowhere else", nowhere_else(agent["work"])),
        ]
    )
    return 0


def _condition(item: dict[str, Any]) -> str:
    facts = [line(item["detail"])] if item["detail"] else []
    if item["until"]:
        facts.append(until(item["until"]))
    return f"{item['kind']} ({', '.join(facts)})" if facts else str(item["kind"])


def _setting(value: str | None, offered: list[str]) -> str | None:
    """None where the engine has nothing of the kind to set."""
    if value is not None:
        return line(value)
    return f"the engine's own (of {line(', '.join(offered))})" if offered else None


def _login(login: dict[str, Any] | None) -> str | None:
    if login is None:
        return None
    said = line(login["detail"])
    facts = [f"{login['state']} for {age(login['since'])}", "" if login["state"] == "cancelled" else said]
    if login["state"] == "open" and login["url"]:
        facts.append(line(login["url"]))
    return ", ".join(fact for fact in facts if fact)


def session_line(agent: dict[str, Any]) -> str | None:
    """What the next turn goes on with; None where there has been no conversation."""
    session = agent["session"]
    known = session["id"] or agent["session_id"]
    why = line(session["detail"]).rstrip(".")
    match session["state"]:
        case "armed":
            primer = " that is told what the journal remembers" if session["primer"] else ""
            return f"the next turn begins a new conversation{primer}{f' ({why})' if why else ''}"
        case "refused":
            return f"refused: {why or line(known or '')}. Choose with: hive new-session {agent['name']} [--primer]"
        case _:
            return line(known) if known else None


def _declare_log(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument("--lines", "-n", type=positive, default=LOG_LINES, metavar="N", help="the last N lines")
    parser.add_argument("--follow", "-f", action="store_true", help="go on with what is written to it")


def _log(arguments: Arguments) -> int:
    path = oneshot.path_of(routes.AGENT_LOG, name=checked_name(arguments.name))
    document = oneshot.call("GET", path, query={"lines": arguments.lines})
    if arguments.json and not arguments.follow:
        print_json(document)
        return 0
    _print_log(document["lines"], arguments.json)
    if arguments.follow:
        _follow_file(document["path"], arguments.json)
    return 0


def _print_log(lines: list[str], as_json: bool) -> None:
    for text in lines:
        if as_json:
            print_json({"line": text})
        else:
            print(clean(text), flush=True)


def _follow_file(path: str, as_json: bool) -> None:
    """What is appended to that file from now on; a log is a file, and nobody pushes it."""
    import time

    with open(path, encoding="utf-8", errors="replace") as log:
        log.seek(0, 2)
        unfinished = ""
        while True:
            *lines, unfinished = (unfinished + log.read()).split("\n")
            _print_log(lines, as_json)
            time.sleep(0.2)


COMMANDS = {
    "ls": Command(nothing, _ls),
    "show": Command(one_name, _show),
    "log": Command(_declare_log, _log),
}
