"""Burials: an agent that is stopped and wanted buried becomes a tombstone."""

from hived.core.agents import Supervised
from hived.core.hive import Hive


async def bury(hive: Hive, agent: Supervised) -> None:
    """Make the tombstone of an agent whose processes have all ended and which is `bury_wanted`; afterwards it is in no list
    and `supervised` has it no more. Again, or for one that is not wanted buried any more: nothing happens. What it raises may
    be tried again.
    """
