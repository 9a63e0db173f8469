"""The runtimes there are: the built-in ones, and what the entry points of `hive.runtimes` name; and which of them work here.

A plug-in is somebody else's code: one that cannot be loaded is said, and takes nothing else with it.
"""

import importlib
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import cast

from agentd.engines.base import EngineEvent, EngineFailed
from agentd.runtimes.base import ENTRY_POINTS, Room, RuntimePlugin
from agentd.runtimes.process import ENGINE, Processes, ProcessRuntime
from agentd.runtimes.room import bare_room, room_for
from hived.wire.agents import RuntimeFound
from hived.wire.launch import Launch

BUILT_IN = {"process": "agentd.runtimes.unwalled:Process", "bwrap": "agentd.runtimes.bwrap:Bwrap"}
"""Always there, and no entry point stands above them."""
MOST_DETAIL_CHARACTERS = 300


def make_runtime(
    launch: Launch,
    report: Callable[[EngineEvent], None],
    heard: Callable[[], None] = lambda: None,
    name: str = ENGINE,
    processes: Processes | None = None,
    mark: str | None = None,
) -> ProcessRuntime:
    """What starts that agent's processes. Raises EngineFailed (not retryable) for a runtime that is not there."""
    plugin = load_runtime(launch.runtime)

    def room(command: Sequence[str], environment: Mapping[str, str]) -> Room:
        return room_for(launch, command, environment, name) if plugin.walls else bare_room(launch)

    return ProcessRuntime(
        Path(launch.harness), launch.generation, report, heard, name, processes, plugin=plugin, room=room, mark=mark
    )


def load_runtime(kind: str) -> RuntimePlugin:
    """Raises EngineFailed: `unknown_runtime`, or `runtime_unusable` for a plug-in that cannot be loaded."""
    if kind in BUILT_IN:
        module, _, name = BUILT_IN[kind].partition(":")
        return _made(getattr(importlib.import_module(module), name))
    others = _others()
    if kind not in others:
        raise EngineFailed(
            "failed",
            f"There is no runtime {kind!r}; there are {', '.join([*BUILT_IN, *others])}.",
            retryable=False,
            code="unknown_runtime",
        )
    try:
        return _made(others[kind].load())
    except Exception as error:  # whatever somebody else's module raises
        message = f"The runtime {kind} cannot be loaded from {others[kind].value}: {_said(error)}"
        raise EngineFailed("failed", message, retryable=False, code="runtime_unusable") from error


def find_runtimes() -> list[RuntimeFound]:
    """Each with whether it works here; all are tried at once, each for at most 10 s."""
    kinds = [*BUILT_IN, *_others()]
    with ThreadPoolExecutor(max_workers=len(kinds)) as pool:
        return list(pool.map(_found, kinds))


def _found(kind: str) -> RuntimeFound:
    try:
        return load_runtime(kind).find()
    except EngineFailed as failure:
        return RuntimeFound(kind=kind, works=False, detail=failure.message[:MOST_DETAIL_CHARACTERS])
    except Exception as error:  # its trial is somebody else's code too
        return RuntimeFound(kind=kind, works=False, detail=f"its own trial broke: {_said(error)}")


def _others() -> dict[str, EntryPoint]:
    found = entry_points(group=ENTRY_POINTS)
    return {point.name: point for point in found if point.name not in BUILT_IN}


def _made(given: object) -> RuntimePlugin:
    """The plug-in itself, of an object or of what makes one. Raises TypeError for what is none."""
    if isinstance(given, type) or not hasattr(given, "wrap"):
        given = cast(Callable[[], object], given)()
    wrong = [name for name in ("find", "wrap") if not callable(getattr(given, name, None))]
    wrong += [
        name for name, kind in (("kind", str), ("walls", bool)) if not isinstance(getattr(given, name, None), kind)
    ]
    if wrong:
        raise TypeError(f"it has no {', '.join(wrong)}")
    return cast(RuntimePlugin, given)


def _said(error: Exception) -> str:
    return f"{type(error).__name__}: {' '.join(str(error).split())}"[:MOST_DETAIL_CHARACTERS]
