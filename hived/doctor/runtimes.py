"""Which runtimes work here, asked of agentd once and remembered; which one an agent gets; and the same as the doctor's checks."""

import asyncio
import os
import time

from pydantic import TypeAdapter

from hived.doctor.agentd import ask_agentd
from hived.wire.agents import RuntimeFound, SpawnRequest
from hived.wire.doctor import Check
from hived.wire.errors import Internal, RuntimeUnusable, UnknownRuntime
from hived.wire.limits import LIMITS

VARIABLE = "HIVE_RUNTIME"
UNWALLED = "process"
"""Always there, and needs nothing."""
ANEW_SECONDS = 60.0
"""What did not work is tried again after that: somebody may have installed it meanwhile."""

_LIST = TypeAdapter(list[RuntimeFound])


def named_default(configured: str | None) -> tuple[str | None, str]:
    """The runtime of agents that name none, and who says so; None: the strongest that works."""
    if said := os.environ.get(VARIABLE):
        return said, VARIABLE
    return configured, "hive.toml"


def strongest(found: list[RuntimeFound]) -> RuntimeFound | None:
    """None where nothing works."""
    return max((one for one in found if one.works), key=lambda one: one.strength, default=None)


class Runtimes:
    """One per hived. `configured`: hive.toml's `runtime`."""

    def __init__(self, configured: str | None) -> None:
        self._named, _ = named_default(configured)
        self._found: list[RuntimeFound] = []
        self._asked_at = 0.0
        self._asking: asyncio.Task[None] | None = None

    def begin(self) -> None:
        """Ask in the background, where an agent's runtime will depend on it."""
        if self._named is None:
            self._ask()

    async def settle(self, request: SpawnRequest) -> SpawnRequest:
        """The request with the runtime that it will have. Raises UnknownRuntime, RuntimeUnusable, Internal."""
        if request.runtime is not None:
            await self.check(request.runtime)
            return request
        return request.model_copy(update={"runtime": await self.default()})

    async def default(self) -> str:
        """Raises as `settle` does."""
        if self._named is not None:
            await self.check(self._named)
            return self._named
        found = await self.found()
        best = strongest(found)
        if best is None or not best.walls:
            best = strongest(await self.found(anew=True))
        if best is None:
            raise RuntimeUnusable(runtime=UNWALLED, reason="agentd says that nothing works here.")
        return best.kind

    async def check(self, kind: str) -> None:
        """Raises UnknownRuntime, RuntimeUnusable with what its trial said."""
        if kind == UNWALLED:
            return
        for anew in (False, True):
            found = await self.found(anew=anew)
            one = next((one for one in found if one.kind == kind), None)
            if one is not None and one.works:
                return
        if one is None:
            raise UnknownRuntime(runtime=kind[:64], known=", ".join(one.kind for one in found))
        raise RuntimeUnusable(runtime=kind, reason=f"{one.detail.rstrip('.')}.")

    async def found(self, *, anew: bool = False) -> list[RuntimeFound]:
        """`anew`: not what is older than ANEW_SECONDS. Raises Internal where agentd gives no answer."""
        if not self._found or (anew and time.monotonic() - self._asked_at > ANEW_SECONDS):
            await asyncio.shield(self._ask())
        return self._found

    def _ask(self) -> "asyncio.Task[None]":
        if self._asking is None or self._asking.done():
            self._asking = asyncio.create_task(self._take(), name="runtimes")
            self._asking.add_done_callback(_heard)
        return self._asking

    async def _take(self) -> None:
        given = await ask_agentd("runtimes", "--json")
        try:
            self._found = _LIST.validate_python(given)
        except ValueError as error:
            raise Internal("agentd runtimes printed something that is no list of runtimes.") from error
        self._asked_at = time.monotonic()


def _heard(task: "asyncio.Task[None]") -> None:
    """Whoever needs it asks again, and is told then."""
    if not task.cancelled():
        task.exception()


# The doctor's checks -----------------------------------------------------------------------------------------------------


def checks(found: list[RuntimeFound], configured: str | None) -> list[Check]:
    """Which one agents get and why, each runtime, and each limit."""
    return [_default(found, configured), *map(_one, found), *_limits(found, configured)]


def chosen(found: list[RuntimeFound], configured: str | None) -> tuple[RuntimeFound | None, str, str]:
    """What agents get who name none, its name, and why it is that one."""
    named, source = named_default(configured)
    if named is not None:
        return next((one for one in found if one.kind == named), None), named, f"{source} says so"
    best = strongest(found)
    return best, best.kind if best else "", "the strongest that works here"


def _default(found: list[RuntimeFound], configured: str | None) -> Check:
    one, name, why = chosen(found, configured)
    works = ", ".join(other.kind for other in found if other.works) or "none"
    if one is None and not name:
        return Check(
            name="runtimes", state="failed", detail="none works", remedy="No agent can start; see what each says."
        )
    if one is None:
        return Check(
            name="runtimes",
            state="failed",
            detail=f"agents get {name} ({why}), and there is no such runtime; {works} would work",
            remedy="Name one that is there, or none, and the strongest is taken.",
        )
    detail = f"agents get {name} ({why})"
    if not one.works:
        remedy = f"{_remedy(one)} Or name another one: {works} would work."
        return Check(name="runtimes", state="failed", detail=f"{detail}, which does not work here", remedy=remedy)
    if not one.walls:
        detail = f"{detail}: without a wall, they run with the rights of hived's own user"
        walls = [other for other in found if other.walls and not other.works]
        remedy = _remedy(walls[0]) if walls else "Give them only what you would run yourself."
        return Check(name="runtimes", state="warning", detail=detail, remedy=remedy)
    return Check(name="runtimes", state="ok", detail=detail)


def _one(runtime: RuntimeFound) -> Check:
    name = f"runtime {runtime.kind}"
    detail = " ".join(runtime.detail.split())
    if not runtime.works:
        return Check(name=name, state="warning", detail=detail or "it does not work here", remedy=_remedy(runtime))
    can = ["walls" if runtime.walls else "no walls"]
    if runtime.walls:
        can.append("keeps the network away" if runtime.networkless else "cannot keep the network away")
    return Check(name=name, state="ok", detail=f"{detail} ({', '.join(can)})")


def _limits(found: list[RuntimeFound], configured: str | None) -> list[Check]:
    """Of the runtime that agents get."""
    one, _, _ = chosen(found, configured)
    if one is None:
        return []
    held = [limit for limit in LIMITS if limit in one.limits]
    missing = [limit for limit in LIMITS if limit not in one.limits]
    if not missing:
        return [Check(name="limits", state="ok", detail=f"{', '.join(held)} are held")]
    detail = f"{', '.join(missing)} cannot be held here" + (f"; {', '.join(held)} can" if held else "")
    return [
        Check(
            name="limits",
            state="warning",
            detail=f"{detail}: no control group of theirs can be written",
            remedy="Run hived as a service with Delegate=yes (hive up --install), or as root. Until then an agent.toml's limits "
            "of these are not kept, and the agent says so.",
        )
    ]


def _remedy(runtime: RuntimeFound) -> str:
    """What to do is in its own words where it is known: what to install, what to set."""
    detail = " ".join(runtime.detail.split())
    for word in ("install it:", "allow it:"):
        if word in detail:
            return detail[detail.index(word) :].capitalize()
    return f"See what it says: agentd runtimes ({detail[:160]})" if detail else "See what it says: agentd runtimes"
