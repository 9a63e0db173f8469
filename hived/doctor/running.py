"""Whether hived runs, and is of the same make as this program."""

from pathlib import Path

from hived.client import oneshot
from hived.wire import routes
from hived.wire.doctor import Check
from hived.wire.errors import HiveError, NotRunning, PathTooLong, ProtocolMismatch
from hived.wire.protocol import BUILD, PROTOCOL

ANSWER_SECONDS = 5.0
AGAIN = "Stop hived and start this one: hive down && hive up --detach (agents work on)"


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
