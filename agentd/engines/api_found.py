"""What of the api engine is on this machine."""

from hived.wire.agents import EngineFound


def find() -> list[EngineFound]:
    return [EngineFound(kind="api", found=False, detail="not built yet")]
