"""An engine behind real walls, without a network, for tests: its launch, its context, and what agentd serves to it."""

import asyncio
import dataclasses
import os
import shutil
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

from agentd.engines.base import EngineContext, EngineEvent, EngineProcess, Note
from agentd.environment import engine_environment, open_environment
from agentd.network.plan import ENGINE
from agentd.network.servers import Servers
from agentd.runtimes.registry import find_runtimes, make_runtime
from hived.wire.agents import SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from tests.support.tools import missing

ENGINE_UID = 234_567
MOMENT_SECONDS = 60.0

_works: list[bool] = []


def require_bwrap() -> None:
    """Skipped with the reason where bwrap does not work, and fails if HIVE_REQUIRE_TOOLS=1."""
    if not _works:
        found = {runtime.kind: runtime for runtime in find_runtimes()}
        _works.append(found["bwrap"].works)
    if not _works[0]:
        missing("bwrap does not work on this machine")


def boxed_launch(root: Path, spec: SpawnRequest) -> Launch:
    """Folders below `root`, given to the engine's uid where we are root."""
    io = root / "io"
    for name in ("workspace", "home", "state", "harness", "io"):
        (root / name).mkdir(exist_ok=True, mode=0o700)
    uid = ENGINE_UID if os.geteuid() == 0 else None
    if uid is not None:
        for name in ("workspace", "home", "state", "io"):
            for folder, _, files in os.walk(root / name):
                for path in [folder, *(os.path.join(folder, file) for file in files)]:
                    os.chown(path, uid, uid, follow_symlinks=False)
    return Launch(
        protocol=PROTOCOL, agent_id="id", name="bee", generation=1, spec=spec, runtime="bwrap",
        harness=str(root / "harness"), state=str(root / "state"), home=str(root / "home"),
        workspace=str(root / "workspace"), agent_socket="", io=str(io), tools_socket=str(io / "tools.sock"),
        model_socket=str(io / "model.sock"), proxy_socket=str(io / "proxy.sock"), hidden=[str(root / "harness")],
        engine_uid=uid, model_file="", events_db="", secrets_file=str(root / "harness/secrets.toml"),
    )  # fmt: skip


@dataclass
class Box:
    """`launch` and what came of it. `start` runs a command inside."""

    launch: Launch
    turn: str | None = "turn 1"
    reported: list[EngineEvent] = field(default_factory=list)
    logged: list[str] = field(default_factory=list)
    heard: int = 0

    def hear(self) -> None:
        self.heard += 1

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.reported if isinstance(event, Note)]

    def servers(self, process: str = ENGINE) -> Servers:
        return Servers(
            self.launch,
            lambda: open_environment(self.launch, {}),
            self.reported.append,
            self.logged.append,
            turn_id=lambda: self.turn,
            heard=self.hear,
            process=process,
        )

    async def start(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, process: str = ENGINE
    ) -> EngineProcess:
        environment = engine_environment(self.launch, env or {}, process)
        runtime = make_runtime(self.launch, self.reported.append, self.hear, process)
        return await runtime.start(command, env=environment, cwd=Path(self.launch.workspace))

    async def run(
        self, command: Sequence[str], env: Mapping[str, str] | None = None, process: str = ENGINE
    ) -> tuple[int, str]:
        """Exit code, and what it said on both its outputs."""
        started = await self.start(["/bin/sh", "-c", 'exec "$@" 2>&1', "sh", *command], env, process)
        try:
            async with asyncio.timeout(MOMENT_SECONDS):
                await started.close_stdin()
                said = [line async for lines in started.lines() for line in lines]
                code = await started.wait()
        finally:
            await started.terminate()
        return code, b"\n".join(said).decode("utf-8", "replace")

    async def python(self, script: str, env: Mapping[str, str] | None = None, process: str = ENGINE) -> tuple[int, str]:
        """A script for the system's own Python, inside."""
        program = shutil.which("python3", path="/usr/bin:/usr/local/bin:/bin") or missing("there is no system Python")
        return await self.run([program, "-I", "-c", script], env, process)

    def context(self, context: EngineContext) -> EngineContext:
        """That context, with its engine in this box."""
        return dataclasses.replace(
            context,
            launch=self.launch,
            environment=lambda defaults: engine_environment(self.launch, defaults),
            runtime=make_runtime(self.launch, self.reported.append, context.heard),
        )


@asynccontextmanager
async def served(root: Path, spec: SpawnRequest, process: str = ENGINE) -> AsyncIterator[Box]:
    """A box and what agentd serves to it, until the end of the block."""
    require_bwrap()
    box = Box(boxed_launch(root, spec))
    servers = box.servers(process)
    await servers.start()
    try:
        yield box
    finally:
        await servers.close()
