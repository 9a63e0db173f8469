"""`hive show`: one agent, its state explained: what, since when, why, what is wanted, and how it came to that."""

import argparse
from typing import Any

from hived.cli.agents import context_of, held_up, money, state_of
from hived.cli.command import Arguments, Command, one_name
from hived.cli.output import clean, line, print_facts, print_json, print_rows
from hived.cli.times import age, until
from hived.cli.work import nowhere_else
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name

STEPS = 8
"""Of its history; --json has all that are kept."""
LOG_LINES = 5


def _declare(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument("--history", action="store_true", help="all of its last 50 steps")


def _show(arguments: Arguments) -> int:
    agent = oneshot.call("GET", oneshot.path_of(routes.AGENT, name=checked_name(arguments.name)))
    if arguments.json:
        print_json(agent)
        return 0
    print_facts([*_why(agent), *_what(agent)])
    known = agent.get("history", [])
    steps = known if arguments.history else known[-STEPS:]
    if steps:
        print("\nHow it came to that, oldest first:")
        header = ("AGO", "STATE", "GENERATION", "WHY")
        print_rows(header, ((age(s["at"]), s["state"], str(s["generation"] or ""), line(s["cause"])) for s in steps))
    if agent["lifecycle"]["state"] in ("parked", "crashed"):
        _print_log(agent["name"])
    return 0


def _why(agent: dict[str, Any]) -> list[tuple[str, object]]:
    lifecycle, turn = agent["lifecycle"], agent["turn"]
    state, since = state_of(agent)
    doing = f"{turn['state']} for {age(turn['since'])}"
    if turn["turn_id"]:
        doing += f", {turn['turn_id']}, woken by {line(turn['wake'] or 'itself')}"
    return [
        ("agent", f"{agent['name']} ({agent['role']}), {agent['id']}"),
        ("state", f"{state} for {age(since)}"),
        ("cause", f"{lifecycle['state']} since {lifecycle['since']}: {line(lifecycle['cause'])}"),
        ("wanted", agent["wanted"]),
        ("process", f"pid {agent['pid']}, generation {agent['generation']}" if agent["pid"] else None),
        ("connected", _connected(agent)),
        ("turn", doing),
        ("last heard", f"{age(heard)} ago" if (heard := agent.get("last_byte_at") or agent["last_event_at"]) else None),
        ("nap", until(turn["until"]) if turn["until"] else None),
        ("held up", held_up(agent)),
        ("conditions", ", ".join(_condition(item) for item in agent["conditions"])),
        ("deployment", f"{agent['deploying']} is under way" if agent["deploying"] else None),
    ]


def _connected(agent: dict[str, Any]) -> str | None:
    """Said only where it is not what its state lets expect."""
    if agent["pid"] and not agent["online"]:
        return "its harness runs, and is not connected to hived now"
    return None


def _what(agent: dict[str, Any]) -> list[tuple[str, object]]:
    ctx, cost, spend = (agent[key] for key in ("ctx", "cost", "spend"))
    return [
        ("engine", f"{agent['engine']}, model {agent['model']}"),
        ("runtime", f"{agent['runtime']}, {_walls(agent)}"),
        ("config", agent["commit"]),
        ("effort", _setting(agent["effort"], agent["abilities"]["efforts"])),
        ("permissions", _setting(agent["permission_mode"], agent["abilities"]["permission_modes"])),
        ("login", _login(agent["login"])),
        ("parent", agent["parent"]),
        ("context", f"{ctx['tokens']} of {ctx['window']} tokens, {context_of(agent)}" if ctx else None),
        ("last turn", f"{cost['tokens']} tokens {money(cost['usd'], cost['estimated'])}".rstrip() if cost else None),
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


def _walls(agent: dict[str, Any]) -> str:
    if any(item["kind"] == "unsandboxed" for item in agent["conditions"]):
        return "without walls: its engine may do what hived's own user may"
    return "with walls around its engine" if agent["online"] else "not heard from"


def _print_log(name: str) -> None:
    document = oneshot.call("GET", oneshot.path_of(routes.AGENT_LOG, name=name), query={"lines": LOG_LINES})
    if document["lines"]:
        print(f"\nThe end of its log (hive log {name}):")
        for text in document["lines"]:
            print(f"  {clean(text)}")


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


COMMANDS = {"show": Command(_declare, _show)}
