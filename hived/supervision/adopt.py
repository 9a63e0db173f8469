"""What an earlier hived left: which harness still runs, known by pid, start time and generation."""

import logging
from dataclasses import dataclass
from typing import Literal

from hived.paths import AgentPaths
from hived.wire.process_identity import ProcessIdentity

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Found:
    """`current`: to be adopted. `outdated`: ours, of another generation, to be ended."""

    identity: ProcessIdentity
    kind: Literal["current", "outdated"]


def find_harness(paths: AgentPaths, generation: int) -> Found | None:
    """The harness that the agent's pid file names, if that very process still runs. Blocking."""
    identity = ProcessIdentity.read(paths.pid_file)
    if identity is None or identity.pid <= 1 or not identity.alive:
        return None
    if identity.generation != generation:
        log.warning(
            "harness %d of %s is generation %d, and %d is wanted",
            identity.pid,
            paths.name,
            identity.generation,
            generation,
        )
        return Found(identity, "outdated")
    return Found(identity, "current")
