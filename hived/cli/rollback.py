"""`hive rollback`: an agent goes back to a config that was deployed before; answered when it has ended."""

import argparse
from typing import Any

from hived.cli.asking import go_ahead
from hived.cli.command import Arguments, Command, checked_id, one_name
from hived.cli.deployments import SHOWN
from hived.cli.output import line, note, print_json
from hived.cli.times import age
from hived.cli.watch import Watch
from hived.client import oneshot
from hived.wire import routes
from hived.wire.errors import DeploymentFailed, DeploymentNotFound, DeploymentSuperseded
from hived.wire.names import checked_name

SECONDS = 900.0
"""Its setup alone may take ten minutes."""
IN_TURN = ("running", "paused", "stopping")
"""Its engine is there, at work or frozen."""


def _declare(parser: argparse.ArgumentParser) -> None:
    one_name(parser)
    parser.add_argument("--to", metavar="ID", help="a deployment; default: what was deployed before what runs now")
    parser.add_argument("--note", metavar="TEXT", help="why; kept with it")
    parser.add_argument("--yes", "-y", action="store_true", help="do not ask before a turn is broken off")


def _run(arguments: Arguments) -> int:
    name = checked_name(arguments.name)
    to = None if arguments.to is None else checked_id(arguments.to, DeploymentNotFound)
    path = oneshot.path_of(routes.AGENT_ROLLBACK, name=name)
    target = oneshot.call("GET", path, query={"to": to})
    said = f" ({line(target['note'], 80)})" if target["note"] else ""
    where = f"{target['commit'][:SHOWN]}, deployed {age(target['ended_at'])} ago by {target['by']['who']}{said}"
    note(f"{name} goes back to {where}.")
    if _is_in_turn(name):
        note("It is in a turn, which is broken off; the messages of that come again.")
        if not go_ahead(arguments.yes, "Go on?", "Breaking off a turn"):
            return 1
    said_to = {"to": target["id"], "note": arguments.note}
    body = {key: value for key, value in said_to.items() if value is not None}
    done = oneshot.call("POST", path, body, idempotency_key=oneshot.new_key(), timeout=SECONDS)
    if done["ended_at"] is None:  # the first answer was lost on the way
        done = _until_ended(done["id"])
    if arguments.json:
        print_json(done)
    else:
        print(f"{name}: runs {done['commit'][:SHOWN]}.")
    return 0


def _is_in_turn(name: str) -> bool:
    agent = oneshot.call("GET", oneshot.path_of(routes.AGENT, name=name))
    return agent["turn"]["state"] in ("thinking", "compacting") and agent["lifecycle"]["state"] in IN_TURN


def _until_ended(deployment_id: str) -> dict[str, Any]:
    """Raises DeploymentFailed, DeploymentSuperseded, TookTooLong."""
    path = oneshot.path_of(routes.DEPLOYMENT, id=deployment_id)
    found: dict[str, Any] = {}

    def ended(_: Watch) -> bool:
        found.update(oneshot.call("GET", path))
        return found["ended_at"] is not None

    Watch().until(ended, SECONDS, f"The rollback {deployment_id}")
    if found["status"] == "failed":
        raise DeploymentFailed(name=found["agent"], step=found["step"], reason=found["reason"])
    if found["status"] == "superseded":
        raise DeploymentSuperseded(name=found["agent"], id=found["id"], reason=found["reason"])
    return found


COMMANDS = {"rollback": Command(_declare, _run)}
