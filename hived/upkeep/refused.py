"""What proposals that were refused leave in applied/<name>: all but the newest of them go, tags and objects."""

import asyncio
import logging

from hived.core.hive import Hive
from hived.core.proposals import kept_of
from hived.deploy import applied

log = logging.getLogger(__name__)


async def forget_refused(hive: Hive, agent_id: str, name: str) -> None:
    """Nothing where somebody writes to it just now, or it cannot be: it is done after the next refusal, or at hived's next start.

    The books name what is kept, and are read while nobody writes: a proposal that has no row by then never got one.
    """
    with hive.gate(agent_id).sweeping() as alone:
        if not alone:
            return
        try:
            kept = await hive.database.read(lambda conn: kept_of(conn, agent_id))
            if kept is not None:
                await asyncio.to_thread(applied.sweep, hive.paths.agent(name), *kept)
        except Exception as error:  # whatever it is, the refusal stands, and is what is answered
            log.warning("what was refused of %s cannot be removed: %s", name, error)
