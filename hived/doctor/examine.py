"""All checks of the doctor, at once; with hived or without. One that breaks is a failed check, and hides none of the others."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from pydantic import TypeAdapter

from hived.doctor import clones, home, machine, running, runtimes, thinkers
from hived.doctor.agentd import ask_agentd
from hived.paths import HivePaths
from hived.wire.agents import EngineFound, RuntimeFound
from hived.wire.base import Answer
from hived.wire.doctor import Check, CheckState, DoctorReport
from hived.wire.errors import HiveError
from hived.wire.protocol import BUILD

Model = TypeVar("Model", bound=Answer)
Given = Check | list[Check] | None
WORST: tuple[CheckState, ...] = ("failed", "warning", "ok")


async def examine(paths: HivePaths, *, from_shell: bool) -> DoctorReport:
    """Run every check. `from_shell`: in the operator's own process, whose terminal and PATH are looked at too."""
    watched = paths.agents if paths.agents.is_dir() else paths.data if paths.data.is_dir() else paths.data.parent
    wanted: list[tuple[str, Callable[[], Given]]] = [
        ("python", machine.python),
        ("hived", lambda: running.hived(paths.host_socket)),
        ("folders", lambda: home.folders(paths)),
        ("socket paths", lambda: home.socket_paths(paths)),
        ("disk", lambda: home.disk(paths)),
        ("database", lambda: home.database(paths)),
        ("hive.toml", lambda: home.settings(paths)),
        ("notify", lambda: home.notify(paths)),
        ("secrets.toml", lambda: home.secrets(paths)),
        ("file watching", lambda: machine.file_watching(watched)),
        ("git", machine.git),
        ("clones", lambda: clones.clones(paths)),
    ]
    if from_shell:
        wanted.append(("terminal", machine.terminal))
    looked = asyncio.gather(*(asyncio.to_thread(_guarded, name, check) for name, check in wanted))
    configured = await asyncio.to_thread(home.configured_runtime, paths)
    (engines, of_engines), (walls, of_runtimes) = await asyncio.gather(
        _asked("engines", EngineFound, thinkers.engines),
        _asked("runtimes", RuntimeFound, lambda found: runtimes.checks(found, configured)),
    )
    if from_shell:
        of_engines += await asyncio.to_thread(
            _guarded, "hived's engines", lambda: running.same_engines(paths.host_socket, engines)
        )
    checks = [check for several in await looked for check in several] + of_runtimes + of_engines
    state = next(state for state in WORST if state == "ok" or any(check.state == state for check in checks))
    return DoctorReport(state=state, build=BUILD, checks=checks, engines=engines, runtimes=walls)


def _guarded(name: str, check: Callable[[], Given]) -> list[Check]:
    try:
        given = check()
    except Exception as error:
        detail = f"the check itself broke: {type(error).__name__}: {' '.join(str(error).split())}"
        return [Check(name=name, state="failed", detail=detail, remedy="Please report it.")]
    return given if isinstance(given, list) else [] if given is None else [given]


async def _asked(
    what: str, model: type[Model], judge: Callable[[list[Model]], list[Check]]
) -> tuple[list[Model], list[Check]]:
    """What `agentd WHAT --json` says, and the checks that follow from it."""
    try:
        found = TypeAdapter(list[model]).validate_python(await ask_agentd(what, "--json"))  # type: ignore[valid-type]
    except (HiveError, ValueError, OSError) as error:
        detail = " ".join((error.message if isinstance(error, HiveError) else str(error)).split())
        return [], [Check(name=what, state="failed", detail=detail, remedy=f"Run it by hand: agentd {what}")]
    return found, judge(found)
