"""Act, then answer: the waits that routes share, each bounded."""

import contextlib
import time
from collections.abc import Callable

from hived.core import agents
from hived.core.agent_views import known_abilities
from hived.core.agents import NOT_AT_WORK
from hived.core.hive import Hive
from hived.store import deployments
from hived.store.database import Connection, Row
from hived.wire.agents import AgentView
from hived.wire.errors import AgentNotConnected, StartFailed, TookTooLong

BUILD_SECONDS = 60.0
"""Beside its setup: agentd looks at a config, and others may be built before it."""
MARGIN_SECONDS = 5.0
"""For the books, beside what the processes are given."""

REPORT_SECONDS = 2.0
"""A harness says what its engine can do right after it has connected."""

Reached = Callable[[Row], bool]


async def until(hive: Hive, name: str, reached: Reached, seconds: float, what: str) -> AgentView:
    """The agent's view once `reached` holds of its row. Raises TookTooLong, and whatever `reached` raises."""

    def condition(conn: Connection) -> bool:
        return reached(agents.find_agent(conn, name))

    await hive.until(condition, seconds=seconds + MARGIN_SECONDS, what=f"The {what} of {name}")
    return await hive.database.read(lambda conn: agents.view(conn, agents.find_agent(conn, name)["id"]))


async def until_up(hive: Hive, name: str, older: int, what: str) -> AgentView:
    """The agent's view once a generation above `older` is at work. While its config is built its time does not run: a setup may
    take minutes. Raises StartFailed, and TookTooLong, which says so where it is still being built."""
    config = hive.config
    seconds, deadline = config.up_seconds + config.stop_seconds, time.monotonic() + config.setup_seconds + BUILD_SECONDS
    while True:
        built = await hive.database.read(lambda conn: _being_built(conn, name))
        try:
            return await until(hive, name, up(older), seconds, what)
        except TookTooLong:
            built = built or await hive.database.read(lambda conn: _being_built(conn, name))
            if built is None:
                raise
        if built["reason"] is not None or time.monotonic() > deadline:
            why = built["reason"] or f"deployment {built['id']} is {built['status']}."
            raise TookTooLong(f"The {what} of {name} has not happened yet; its config is still being built: {why}")


def _being_built(conn: Connection, name: str) -> Row | None:
    """The deployment that is yet to give it something to run."""
    row = agents.find_agent(conn, name)
    found = [one for one in deployments.select_open_of(conn, row["id"]) if one["status"] in ("queued", "building")]
    return found[0] if found and row["commit_sha"] is None else None


async def until_reported(hive: Hive, name: str) -> None:
    """Return once it is known what the agent's engine can do, or where nobody is about to say it."""

    def reported(conn: Connection) -> bool:
        row = agents.find_agent(conn, name)
        return not row["online"] or known_abilities(row) is not None

    with contextlib.suppress(TookTooLong):
        await hive.until(reported, seconds=REPORT_SECONDS, what=f"The report of {name}")


def up(older: int) -> Reached:
    """Whether a generation above `older` is at work; StartFailed where it will not be."""

    def reached(row: Row) -> bool:
        if row["lifecycle"] == "parked" or (row["lifecycle"] == "crashed" and row["generation"] > older):
            raise StartFailed(name=row["name"], cause=row["lifecycle_cause"])
        if row["wanted"] != "running":
            raise StartFailed(name=row["name"], cause="it was asked to stop meanwhile.")
        state = "paused" if row["paused"] else "running"
        return row["generation"] > older and row["lifecycle"] == state and bool(row["online"])

    return reached


def while_there(generation: int, reached: Reached) -> Reached:
    """`reached`, of that very harness: AgentNotConnected once it is gone. One that only lost its connection comes back."""

    def still(row: Row) -> bool:
        if reached(row):
            return True
        if row["generation"] != generation or row["lifecycle"] in NOT_AT_WORK:
            raise AgentNotConnected(name=row["name"], lifecycle=row["lifecycle"])
        return False

    return still
