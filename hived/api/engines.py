"""`GET /v1/engines`: which engines and runtimes are on this machine, as agentd finds them; remembered for half a minute."""

import asyncio
import json
import os
import sys
import time
from dataclasses import dataclass, field

from fastapi import APIRouter, Request
from pydantic import TypeAdapter

from hived.wire import routes
from hived.wire.agents import EngineFound, RuntimeFound
from hived.wire.base import Answer
from hived.wire.errors import Internal

FRESH_SECONDS = 30.0
ASK_SECONDS = 30.0
"""agentd asks each engine for its version."""

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
            engines, runtimes = await asyncio.gather(_ask("engines"), _ask("runtimes"))
            remembered.found = Found(
                engines=_engines.validate_python(engines), runtimes=_runtimes.validate_python(runtimes)
            )
            remembered.until = time.monotonic() + FRESH_SECONDS
        return remembered.found


async def _ask(what: str) -> object:
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-P", "-m", "agentd", what, "--json",
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
        env=dict(os.environ), start_new_session=True,
    )  # fmt: skip
    try:
        async with asyncio.timeout(ASK_SECONDS):
            out, complaint = await child.communicate()
    except TimeoutError:
        child.kill()
        await child.wait()
        raise Internal(f"agentd {what} did not answer within {ASK_SECONDS:g} s.") from None
    if child.returncode:
        last = complaint.decode("utf-8", "replace").strip().splitlines()[-1:]
        raise Internal(f"agentd {what} exited with code {child.returncode}: {' '.join(last)}")
    found = json.loads(out)
    return found[what] if isinstance(found, dict) else found
