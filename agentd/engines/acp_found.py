"""What of the acp engine is on this machine."""

from hived.wire.agents import EngineFound


def find() -> list[EngineFound]:
    return [EngineFound(kind="acp", found=False, detail="not built yet")]
