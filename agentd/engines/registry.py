"""The engines there are: for each kind where its parts live (loaded when used), and what of them is on this machine."""

import importlib
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any, cast

from agentd.engines.base import Engine, EngineContext, EngineFailed, Login
from agentd.network.checks import check_network
from hived.wire.agents import EngineFound, SpawnRequest


@dataclass(frozen=True, slots=True)
class Kind:
    """Each part as `module:name`, below agentd.engines."""

    engine: str
    """The class: (EngineContext) -> Engine."""
    check: str
    """(SpawnRequest) -> None: raises EngineFailed for options that it could not work with. Starts nothing."""
    found: str
    """() -> list[EngineFound]: what of it is on this machine. Runs programs, each for a bounded time."""
    login: str | None = None
    """(EngineContext) -> Login."""
    logged_in: str | None = None
    """async (EngineContext) -> bool | None: whether it has what it needs to reach its model; None: cannot tell."""


KINDS = {
    "claude": Kind(
        "claude:ClaudeEngine",
        "claude_launch:check_spec",
        "claude_found:find",
        login="claude_login:ClaudeLogin",
        logged_in="claude_login:logged_in",
    ),
    "acp": Kind("acp:AcpEngine", "acp_launch:check_spec", "acp_found:find"),
    "api": Kind("api:ApiEngine", "api_options:check_spec", "api_found:find", logged_in="api_options:logged_in"),
    "command": Kind("command:CommandEngine", "command:check_spec", "command:find"),
    "scripted": Kind("scripted:ScriptedEngine", "scripted:check_spec", "scripted:find"),
}


def make_engine(kind: str, context: EngineContext) -> Engine:
    """Raises EngineFailed (not retryable) for a kind that is not there."""
    return cast(Callable[[EngineContext], Engine], _part(_kind(kind).engine))(context)


def check_spec(spec: SpawnRequest) -> None:
    """Raises EngineFailed where that engine could not work with those options. Nothing is started."""
    cast(Callable[[SpawnRequest], None], _part(_kind(spec.engine).check))(spec)
    check_network(spec)


def make_login(kind: str, context: EngineContext) -> Login:
    """Raises EngineFailed (not retryable) for an engine whose login cannot be carried."""
    part = _kind(kind).login
    if part is None:
        raise EngineFailed("failed", f"The engine {kind} has no login to carry.", False, "unsupported")
    return cast(Callable[[EngineContext], Login], _part(part))(context)


async def is_logged_in(kind: str, context: EngineContext) -> bool | None:
    """None where that cannot be told."""
    part = _kind(kind).logged_in
    if part is None:
        return None
    return await cast(Callable[[EngineContext], Awaitable[bool | None]], _part(part))(context)


def find_engines() -> list[EngineFound]:
    """What is on this machine, in the order of KINDS."""
    with ThreadPoolExecutor(max_workers=len(KINDS)) as pool:
        return [found for several in pool.map(_find, KINDS.values()) for found in several]


def _find(kind: Kind) -> list[EngineFound]:
    return cast(Callable[[], list[EngineFound]], _part(kind.found))()


def _kind(kind: str) -> Kind:
    if kind not in KINDS:
        raise EngineFailed(
            "failed", f"There is no engine {kind!r}; there are {', '.join(KINDS)}.", False, "unknown_engine"
        )
    return KINDS[kind]


def _part(where: str) -> Any:
    module, _, name = where.partition(":")
    return getattr(importlib.import_module(f"agentd.engines.{module}"), name)
