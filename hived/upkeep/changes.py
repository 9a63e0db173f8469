"""What is different for an agent from when it was buried: for who decides on its revival, one line each."""

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from weakref import WeakKeyDictionary

from pydantic import TypeAdapter

from hived.core.hive import Hive
from hived.doctor.agentd import ask_agentd
from hived.paths import AgentPaths
from hived.wire.agents import EngineFound, SpawnRequest
from hived.wire.errors import BY_CODE, HiveError, InvalidRepo, InvalidRequest
from hived.wire.tombstones import Changed, Tombstone
from hived.workspace.git import GitFailed
from hived.workspace.inspector import inspector
from hived.workspace.origins import in_origin, read_origin
from hived.workspace.refs import RefsUnreadable, read_refs

VERSIONED = ("claude", "acp")
"""Engines that are programs of this machine, with a version to ask for."""
VERSION_SECONDS = 10.0
FRESH_SECONDS = 30.0
_ENGINES = TypeAdapter(list[EngineFound])


@dataclass(slots=True)
class _Asked:
    """What agentd has said of this machine's engines, remembered for a while: many agents may be destroyed at once."""

    found: list[EngineFound] = field(default_factory=list)
    until: float = 0.0
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


_asked: WeakKeyDictionary[Hive, _Asked] = WeakKeyDictionary()


async def engine_version(hive: Hive, request: SpawnRequest) -> str | None:
    """The version of its engine on this machine; None where it has none, is not there, or is a command of its own."""
    if request.engine not in VERSIONED or request.engine_options.get("command"):
        return None
    asked = _asked.setdefault(hive, _Asked())
    try:
        async with asyncio.timeout(VERSION_SECONDS), asked.lock:
            if time.monotonic() >= asked.until:
                asked.found = _ENGINES.validate_python(await ask_agentd("engines", "--json"))
                asked.until = time.monotonic() + FRESH_SECONDS
    except (TimeoutError, HiveError, ValueError):
        return None
    preset = request.engine_options.get("agent")
    mine = (engine for engine in asked.found if engine.kind == request.engine and engine.preset in (None, preset))
    return next((engine.version for engine in mine if engine.version), None)


async def changes_since(hive: Hive, tombstone: Tombstone, request: SpawnRequest, paths: AgentPaths) -> list[Changed]:
    """All that is different now, as far as anybody can tell; what cannot be told is said."""
    engine, files = await asyncio.gather(
        _engine(hive, tombstone, request), asyncio.to_thread(_on_disk, tombstone, request, paths)
    )
    return [*files, *_lapsed(tombstone), *engine]


def _on_disk(tombstone: Tombstone, request: SpawnRequest, paths: AgentPaths) -> list[Changed]:
    found = _config(tombstone, paths)
    if not paths.root.exists():
        found.append(Changed(what="config", words="its folder is gone: it begins with nothing"))
    if request.repo is not None:
        found += _repo(tombstone, request.repo)
    return found


def _config(tombstone: Tombstone, paths: AgentPaths) -> list[Changed]:
    """Commits of config/<name> that are not in what it ran."""
    if tombstone.commit is None or not (paths.proposed / ".git").exists():
        return []
    try:
        head = read_refs(paths.proposed).head
        if head is None or head == tombstone.commit:
            return []
        applied = next(
            (folder for folder in (paths.applied / "objects", paths.applied / ".git/objects") if folder.is_dir()), None
        )
        with inspector(
            [paths.proposed / ".git" / "objects"],
            within=[paths.proposed],
            trusted=[] if applied is None else [applied],
        ) as look:
            asked = f"{head}\n^{tombstone.commit}\n".encode()
            count = int(look.run(["rev-list", "--count", "--stdin"], asked).line)
    except (GitFailed, RefsUnreadable, OSError, ValueError):
        return [Changed(what="config", words="what is proposed for its config cannot be read")]
    return [Changed(what="config", words=f"{_many(count, 'commit')} of its config since, not applied")] if count else []


def _repo(tombstone: Tombstone, repo: str) -> list[Changed]:
    """How far its origin has moved."""
    branch = None if tombstone.work is None else tombstone.work.origin_branch
    try:
        now = read_origin(repo).refs.get(f"refs/heads/{branch}")
    except InvalidRepo as error:
        return [Changed(what="repo", words=error.message.rstrip("."))]
    then = tombstone.origin_head
    if branch is None or then is None or now == then:
        return []
    if now is None:
        return [Changed(what="repo", words=f"the branch {branch} of {repo} is gone")]
    with contextlib.suppress(InvalidRepo, ValueError):
        ahead = int(in_origin(repo, ["rev-list", "--count", f"{then}..{now}"]).line)
        behind = int(in_origin(repo, ["rev-list", "--count", f"{now}..{then}"]).line)
        rewritten = f", and {_many(behind, 'commit')} of then gone from it" if behind else ""
        return [Changed(what="repo", words=f"{_many(ahead, 'commit')} on {branch} of {repo}{rewritten}")]
    return [Changed(what="repo", words=f"{branch} of {repo} was rewritten")]


def _lapsed(tombstone: Tombstone) -> list[Changed]:
    items, found = tombstone.open, list[Changed]()
    waiting = items.messages + items.held
    if waiting:
        found.append(Changed(what="messages", words=f"{_many(waiting, 'message')} for it {_wait(waiting)}"))
    if items.questions:
        found.append(Changed(what="questions", words=f"{_many(items.questions, 'question')} ended with it"))
    if items.reminders:
        found.append(Changed(what="reminders", words=f"{_many(items.reminders, 'reminder')} ended with it"))
    return found


async def _engine(hive: Hive, tombstone: Tombstone, request: SpawnRequest) -> list[Changed]:
    """Whether it would still start, and whether it is the same."""
    try:
        problem = await ask_agentd("check", given=request.model_dump_json().encode())
        if isinstance(problem, dict):
            raise BY_CODE.get(str(problem.get("code")), InvalidRequest)(str(problem.get("message")))
    except HiveError as error:
        return [Changed(what="engine", words=f"its engine would not start: {error.message.rstrip('.')}")]
    now = await engine_version(hive, request)
    if tombstone.engine_version is None or now == tombstone.engine_version:
        return []
    if now is None:
        return [Changed(what="engine", words=f"{tombstone.engine} is not on this machine any more")]
    return [Changed(what="engine", words=f"{tombstone.engine} is {now}, and was {tombstone.engine_version}")]


def _many(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}s"


def _wait(count: int) -> str:
    return "waits" if count == 1 else "wait"
