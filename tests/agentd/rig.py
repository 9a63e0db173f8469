"""A real harness in its own process, on a home of its own, against the stub of hived."""

import asyncio
import contextlib
import json
import os
import shutil
import signal
import sqlite3
import sys
import tempfile
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

from hived.wire.agents import SpawnRequest
from hived.wire.budgets import Price
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from tests.fakes.hived_stub import HivedStub

END_SECONDS = 60.0
LOOK_SECONDS = 0.02


class Rig:
    """`home` holds the agent's folders; `stub` is hived; `start` may be called again after a kill."""

    def __init__(self, home: Path, stub: HivedStub) -> None:
        self.home = home
        self.stub = stub
        self.harness = home / "harness"
        self.workspace = home / "work"
        self.spec: dict[str, Any] = {}
        self.env: dict[str, str] = {}
        self.rate_limit_resume = False
        self.prove_seconds: float | None = None
        self.prices: dict[str, Price] = {}
        self.process: asyncio.subprocess.Process | None = None

    def launch(self) -> Launch:
        return Launch(
            protocol=PROTOCOL,
            agent_id="1",
            name="ann",
            generation=self.stub.generation,
            spec=SpawnRequest(name="ann", **self.spec),
            runtime="process",
            harness=str(self.harness),
            state=str(self.home / "state"),
            home=str(self.home / "home"),
            workspace=str(self.workspace),
            agent_socket=str(self.stub.socket),
            tools_socket=str(self.stub.socket.with_name("tools.sock")),
            rate_limit_resume=self.rate_limit_resume,
            prove_seconds=self.prove_seconds,
            prices=self.prices,
            model_file=str(self.harness / "model"),
            events_db=str(self.harness / "events.sqlite"),
            secrets_file=str(self.home / "secrets.toml"),
        )

    async def start(self, *, connected: bool = True, **env: str) -> None:
        file = self.harness / "launch.json"
        file.write_text(self.launch().model_dump_json())
        log = os.open(self.harness / "agentd.log", os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        try:
            self.process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "agentd", "run", "--launch", str(file),
                env={**os.environ, **self.env, **env}, stdin=asyncio.subprocess.DEVNULL, stdout=log, stderr=log,
                start_new_session=True,
            )  # fmt: skip
        finally:
            os.close(log)
        if connected:
            self.stub.statuses.clear()
            await self.stub.until_connected()

    async def ended(self) -> int:
        assert self.process is not None
        async with asyncio.timeout(END_SECONDS):
            return await self.process.wait()

    async def kill(self) -> None:
        """As a crash: SIGKILL, and the next harness is of the next generation."""
        assert self.process is not None
        if self.process.returncode is None:
            self.process.kill()
        await self.ended()
        self.stub.next_generation()

    async def terminate(self) -> int:
        assert self.process is not None
        self.process.send_signal(signal.SIGTERM)
        return await self.ended()

    def log(self) -> str:
        return (self.harness / "agentd.log").read_text(errors="replace")

    def journalled(self, kind: str) -> list[dict[str, Any]]:
        """The payloads of that kind in the journal's file, whether or not hived has them."""
        connection = sqlite3.connect(f"file:{self.harness / 'events.sqlite'}?mode=ro", uri=True)
        try:
            rows = connection.execute("SELECT payload_json FROM events WHERE kind = ? ORDER BY id", (kind,)).fetchall()
        finally:
            connection.close()
        return [json.loads(row[0]) for row in rows]

    def facts(self) -> dict[str, str]:
        """The durable facts in the journal's file."""
        connection = sqlite3.connect(f"file:{self.harness / 'events.sqlite'}?mode=ro", uri=True)
        try:
            return dict(connection.execute("SELECT key, value FROM journal").fetchall())
        finally:
            connection.close()

    def stats(self) -> list[dict[str, Any]]:
        """The rows of turn-stats.sqlite, oldest first."""
        connection = sqlite3.connect(f"file:{self.harness / 'turn-stats.sqlite'}?mode=ro", uri=True)
        connection.row_factory = sqlite3.Row
        try:
            return [dict(row) for row in connection.execute("SELECT * FROM turns ORDER BY rowid")]
        finally:
            connection.close()

    def report(self) -> dict[str, Any]:
        """The harness's last StatusReport."""
        return self.stub.statuses[-1]

    def scripted(self, *turns: dict[str, Any], engine: dict[str, Any] | None = None, **defaults: float) -> None:
        """Use the scripted engine on these turns, each {"steps": [...], …}; `engine` is what it can do."""
        file = self.home / "scenario.toml"
        file.write_text(scenario_text(*turns, engine=engine, **defaults))
        self.spec |= {"engine": "scripted", "engine_options": {"scenario": str(file)}}

    def command(self, code: str) -> None:
        """Use the command engine on this Python program."""
        self.spec |= {"engine": "command", "engine_options": {"command": [sys.executable, "-c", code]}}


def scenario_text(*turns: dict[str, Any], engine: dict[str, Any] | None = None, **defaults: float) -> str:
    lines = ["[defaults]", *(f"{name} = {value}" for name, value in defaults.items())]
    if engine:
        lines += ["[engine]", *(f"{name} = {_toml(value)}" for name, value in engine.items())]
    for turn in turns:
        lines += ["[[turn]]", *(f"{json.dumps(key)} = {_toml(value)}" for key, value in turn.items())]
    return "\n".join(lines)


def _toml(value: Any) -> str:
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {_toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[ " + ", ".join(_toml(item) for item in value) + " ]"
    return json.dumps(value)


async def until(condition: Callable[[], Any], what: str, seconds: float = END_SECONDS) -> None:
    """Return once the condition holds of a file or a process, which tell nobody."""
    try:
        async with asyncio.timeout(seconds):
            while not condition():  # noqa: ASYNC110 - a file has no Event
                await asyncio.sleep(LOOK_SECONDS)
    except TimeoutError:
        raise AssertionError(f"{what} did not happen within {seconds:g} s") from None


@contextlib.asynccontextmanager
async def rigged() -> AsyncIterator[Rig]:
    home = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
    for folder in ("harness", "state", "home", "work"):
        (home / folder).mkdir()
    stub = HivedStub(home / "agent.sock")
    rig = Rig(home, stub)
    await stub.start()
    try:
        yield rig
    finally:
        if rig.process is not None and rig.process.returncode is None:
            rig.process.terminate()
            try:
                await rig.ended()
            except TimeoutError:
                rig.process.kill()
                await rig.process.wait()
        await stub.stop()
        shutil.rmtree(home, ignore_errors=True)
