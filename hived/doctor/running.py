"""Whether hived runs, and is of the same make as this program."""

from pathlib import Path

from hived.client import oneshot
from hived.wire import routes
from hived.wire.agents import EngineFound
from hived.wire.doctor import Check
from hived.wire.errors import HiveError, NotRunning, PathTooLong, ProtocolMismatch
from hived.wire.protocol import BUILD, PROTOCOL

ANSWER_SECONDS = 5.0
ENGINES_SECONDS = 60.0
"""It asks each for its version."""
AGAIN = "Stop hived and start this one: hive down && hive up --detach (agents work on)"


def same_engines(socket: Path, found: list[EngineFound]) -> Check | None:
    """Whether hived, which starts the agents, finds what was found here; None where it does, or nobody runs."""
    try:
        answer = oneshot.call("GET", routes.ENGINES, timeout=ENGINES_SECONDS, socket_path=socket)
    except HiveError:
        return None  # the check of hived itself says so
    there = {(engine["kind"], engine["preset"]) for engine in answer["engines"] if engine["found"]}
    missing = [engine for engine in found if engine.found and (engine.kind, engine.preset) not in there]
    if not missing:
        return None
    names = ", ".join(f"{engine.kind} {engine.preset}" if engine.preset else engine.kind for engine in missing)
    return Check(
        name="hived's engines",
        state="warning",
        detail=f"{names}: found here and not by the hived that runs, so its agents have none (its PATH is another)",
        remedy="Start hived anew from this shell: hive down && hive up --detach (agents work on)",
    )


def hived(socket: Path) -> Check:
    try:
        version = oneshot.call("GET", routes.VERSION, timeout=ANSWER_SECONDS, socket_path=socket)
        health = oneshot.call("GET", routes.HEALTH, timeout=ANSWER_SECONDS, socket_path=socket)
    except NotRunning:
        return Check(name="hived", state="warning", detail="it is not running", remedy="hive up --detach")
    except PathTooLong as error:
        return Check(name="hived", state="failed", detail=error.message, remedy="Set HIVE_HOME to a shorter folder.")
    except ProtocolMismatch as error:
        return Check(name="hived", state="failed", detail=error.message, remedy=AGAIN)
    except HiveError as error:
        remedy = "See its log: hive paths log"
        return Check(
            name="hived", state="failed", detail=f"it does not answer as it should: {error.message}", remedy=remedy
        )
    if version["build"] != BUILD:
        detail = f"{version['build']} runs, this program is {BUILD}"
        return Check(name="hived", state="warning", detail=detail, remedy=AGAIN)
    return Check(
        name="hived",
        state="ok",
        detail=f"{BUILD}, protocol {PROTOCOL}, pid {health['pid']}, since {health['started_at']}",
    )
