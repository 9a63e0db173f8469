"""`hive cancel`, `compact`, `new-session` and `nap`: an agent's turn, and the conversation that it is part of."""

import argparse
from typing import Any

from hived.cli.agents import context_of
from hived.cli.asking import go_ahead
from hived.cli.command import Arguments, Command, one_name
from hived.cli.output import say
from hived.cli.show import session_line
from hived.cli.times import OFF, duration_or_off, until
from hived.client import oneshot
from hived.wire import routes
from hived.wire.names import checked_name

COMPACT_SECONDS = 330.0
"""hived gives the compacting turn 300 s."""


def _act(name: str, action: str, body: Any = None, timeout: float = oneshot.CALL_SECONDS) -> dict[str, Any]:
    path = oneshot.path_of(routes.AGENT_ACTION, name=checked_name(name), action=action)
    agent: dict[str, Any] = oneshot.call("POST", path, body, idempotency_key=oneshot.new_key(), timeout=timeout)
    return agent


def _cancel(arguments: Arguments) -> int:
    return say(_act(arguments.name, "cancel-turn"), "its turn is interrupted", arguments.json)


def _compact(arguments: Arguments) -> int:
    agent = _act(arguments.name, "compact", timeout=COMPACT_SECONDS)
    full = context_of(agent)
    return say(agent, f"compacted{f', its window is {full} full' if full else ''}", arguments.json)


def _declare_new_session(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument("--primer", action="store_true", help="begin it with what the journal remembers")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask")


def _new_session(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    kept = "a summary of its journal and its notes" if arguments.primer else "its notes alone"
    question = f"The next turn of {name} begins a new conversation, with {kept}. Go on?"
    if not go_ahead(arguments.yes, question, f"A new session of {name}"):
        return 1
    agent = _act(name, "new-session", {"primer": arguments.primer})
    return say(agent, session_line(agent) or "the next turn begins a new conversation", arguments.json)


def _declare_nap(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument(
        "seconds", type=duration_or_off, metavar="DURATION", help=f"30s, 5m, 2h, 1h30m; `{OFF}` ends the nap"
    )


def _nap(arguments: Arguments) -> int:
    agent = _act(arguments.name, "nap", {"seconds": arguments.seconds})
    moment = agent["turn"]["until"]
    if moment is None:
        return say(agent, "awake", arguments.json)
    after = "after its turn, " if agent["turn"]["state"] in ("thinking", "compacting") else ""
    return say(agent, f"naps {after}{until(moment)}", arguments.json)


COMMANDS = {
    "cancel": Command(one_name, _cancel),
    "compact": Command(one_name, _compact),
    "new-session": Command(_declare_new_session, _new_session),
    "nap": Command(_declare_nap, _nap),
}
