"""`GET /v1/engines`: which engines and runtimes are on this machine, as agentd finds them; remembered for half a minute."""

import asyncio
import time
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from pydantic import TypeAdapter

from hived.doctor.agentd import ask_agentd
from hived.wire import routes
from hived.wire.agents import EngineFound, RuntimeFound
from hived.wire.base import Answer

FRESH_SECONDS = 30.0

_engines = TypeAdapter(list[EngineFound])
_runtimes = TypeAdapter(list[RuntimeFound])

host_router = APIRouter()


class Found(Answer):
    engines: list[EngineFound]
    runtimes: list[RuntimeFound]


@dataclass(slots=True)
class _Remembered:
    found: Found | None = None
    until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


@host_router.get(routes.ENGINES)
async def get_engines(request: Request) -> Found:
    """What `agentd engines --json` and `agentd runtimes --json` say."""
    state = request.app.state
    if not hasattr(state, "engines_found"):
        state.engines_found = _Remembered()
    remembered: _Remembered = state.engines_found
    async with remembered.lock:
        if remembered.found is None or time.monotonic() >= remembered.until:
            engines, runtimes = await asyncio.gather(ask_agentd("engines", "--json"), ask_agentd("runtimes", "--json"))
            remembered.found = Found(
                engines=_engines.validate_python(engines), runtimes=_runtimes.validate_python(runtimes)
            )
            remembered.until = time.monotonic() + FRESH_SECONDS
        return remembered.found
