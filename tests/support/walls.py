"""Quarters for one agent, as hived makes them: its folders, what must stay hidden around them, and its launch; as root or as an
ordinary user.

`OPERATORS`: who agentd is. As root both can be tried; else only the user that we are.
"""

import asyncio
import atexit
import contextlib
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any
from uuid import uuid4

from agentd.engines.base import EngineEvent
from agentd.runtimes.process import ChildProcess, Processes, ProcessRuntime
from agentd.runtimes.registry import load_runtime, make_runtime
from hived.wire.agents import SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL
from tests.support.hive import LiveHive, short_home, wait_until
from tests.support.tools import missing

ROOT = Path(__file__).resolve().parents[2]
ENGINE_UID = 254_321
ORDINARY_UID = 65_432
OPERATORS = ("root", "ordinary") if os.geteuid() == 0 else ("ordinary",)
SETUP_SECONDS = 90.0


def require_bwrap() -> None:
    """Skipped with what its own trial says; fails if HIVE_REQUIRE_TOOLS=1."""
    found = load_runtime("bwrap").find()
    if not found.works:
        missing(f"bwrap does not work here: {found.detail}")


@cache
def ordinary_python() -> Path:
    """An interpreter with hive in it that every user can read; root's own may lie in a closed home."""
    if os.geteuid() != 0:
        return Path(sys.executable)
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    system = f"/usr/bin/python{version}"
    if not os.access(system, os.X_OK):
        missing(f"{system} is not here: an ordinary user has no Python of our version")
    folder = Path(tempfile.mkdtemp(prefix="hive-python-", dir="/tmp"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    folder.chmod(0o755)
    subprocess.run([system, "-m", "venv", "--without-pip", folder], check=True, timeout=60)
    ours = [path for path in sys.path if path.endswith("-packages")]
    packages = folder / "lib" / f"python{version}" / "site-packages"
    (packages / "hive.pth").write_text("\n".join([*ours, str(ROOT)]) + "\n")
    if subprocess.run(
        [*as_ordinary(), folder / "bin" / "python", "-c", "import agentd, pydantic"], timeout=60
    ).returncode:
        missing("an ordinary user cannot read the packages that we run with")
    return folder / "bin" / "python"


def as_ordinary() -> list[str]:
    if os.geteuid() != 0:
        return []
    who = str(ORDINARY_UID)
    return ["setpriv", "--reuid", who, "--regid", who, "--clear-groups", "--no-new-privs"]


class Quarters:
    """`operator`: the operator's home, with the hive in it. What is made here belongs to whoever agentd will be."""

    def __init__(self, home: Path, who: str, runtime: str = "bwrap") -> None:
        self.who = who
        self.runtime = runtime
        self.agent_id = f"ann-{uuid4()}"
        """Control groups have its name, on the whole machine."""
        self.operator = home
        self.hive = home / "hive"
        self.agent = self.hive / "agents" / "ann"
        self.harness, self.state, self.home = (self.agent / name for name in ("harness", "state", "home"))
        self.workspace = self.agent / "work"
        self.run = self.hive / "run" / "agents" / "ann"
        self.io = self.run / "io"
        self.config = self.hive / "builds" / "ann" / ("c" * 40)
        self.other = self.hive / "agents" / "bob"
        self.secrets = self.hive / "secrets.toml"
        for folder in (self.harness, self.state, self.home, self.workspace, self.io, self.config, self.other / "state"):
            folder.mkdir(parents=True)
        (self.config / "agent.toml").write_text("engine = 'command'\n")
        self.secrets.write_text("KEY = 'a-secret'\n")
        self.own()

    @property
    def uid(self) -> int | None:
        """Of the engine, where it is not agentd's own."""
        walls = load_runtime(self.runtime).walls
        return ENGINE_UID if self.who == "root" and walls and os.geteuid() == 0 else None

    def launch(self, **spec: Any) -> Launch:
        fields: dict[str, Any] = {"name": "ann", "engine": "command", **spec}
        return Launch(
            protocol=PROTOCOL,
            agent_id=self.agent_id,
            name="ann",
            generation=1,
            spec=SpawnRequest(**fields),
            runtime=self.runtime,
            harness=str(self.harness),
            state=str(self.state),
            home=str(self.home),
            workspace=str(self.workspace),
            agent_socket=str(self.run / "agent.sock"),
            io=str(self.io),
            tools_socket=str(self.io / "tools.sock"),
            model_socket=str(self.io / "model.sock"),
            proxy_socket=str(self.io / "proxy.sock"),
            config=str(self.config),
            hidden=[str(self.hive)],
            engine_uid=self.uid,
            model_file=str(self.harness / "model"),
            events_db=str(self.harness / "events.sqlite"),
            secrets_file=str(self.secrets),
        )

    def starter(
        self, launch: Launch | None = None, name: str = "engine", processes: Processes | None = None
    ) -> "Starter":
        return Starter(self, launch or self.launch(), name, processes)

    def set_up(
        self, *commands: str, env: dict[str, str] | None = None, owned: bool = False, **spec: Any
    ) -> "subprocess.CompletedProcess[str]":
        """`agentd setup` with these commands, as that operator: each is run by a real shell inside. `owned`: whose each file
        is has been seen to."""
        file = self.harness / "setup-launch.json"
        file.write_text(self.launch(setup=list(commands), **spec).model_dump_json())
        if owned:
            self._own_file(file)
        else:
            self.own()
        ordinary = self.who == "ordinary"
        python = ordinary_python() if ordinary else Path(sys.executable)
        return subprocess.run(
            [*(as_ordinary() if ordinary else []), str(python), "-P", "-m", "agentd", "setup", "--launch", str(file)],
            env={"PATH": "/usr/local/bin:/usr/bin:/bin", "HOME": str(self.operator), **(env or {})},
            cwd="/", stdin=subprocess.DEVNULL, capture_output=True, text=True, errors="replace", timeout=SETUP_SECONDS, check=False,
        )  # fmt: skip

    def own(self) -> None:
        """As hived's prepare leaves it."""
        if os.geteuid() != 0:
            return
        if self.who == "ordinary":
            _chown(self.operator, ORDINARY_UID)
        elif self.uid is not None:
            for folder in (self.workspace, self.state, self.home, self.io):
                _chown(folder, self.uid)

    def _own_file(self, file: Path) -> None:
        if os.geteuid() == 0 and self.who == "ordinary":
            os.chown(file, ORDINARY_UID, ORDINARY_UID)


class Starter:
    """Starts programs in those quarters, and keeps what was reported."""

    def __init__(self, quarters: Quarters, launch: Launch, name: str, processes: Processes | None) -> None:
        self.quarters = quarters
        self.reports: list[EngineEvent] = []
        self.runtime: ProcessRuntime = make_runtime(launch, self._report, name=name, processes=processes)

    async def __call__(self, *command: str, env: dict[str, str] | None = None, cwd: Path | None = None) -> ChildProcess:
        given = {"PATH": "/usr/bin:/bin", "HOME": str(self.quarters.home), **(env or {})}
        return await self.runtime.start(command, env=given, cwd=cwd or self.quarters.workspace)

    def _report(self, event: EngineEvent) -> None:
        asyncio.get_running_loop()  # the journal needs it: nothing is reported from another thread
        self.reports.append(event)

    async def python(self, code: str, *words: str) -> ChildProcess:
        return await self(sys.executable, "-c", code, *words)


@contextlib.contextmanager
def quartered(who: str = OPERATORS[0], runtime: str = "bwrap") -> Iterator[Quarters]:
    home = Path(tempfile.mkdtemp(prefix="hw", dir="/tmp"))
    try:
        yield Quarters(home, who, runtime)
    finally:
        shutil.rmtree(home, ignore_errors=True)


async def lines_of(process: ChildProcess) -> list[str]:
    return [line.decode() for lines in [found async for found in process.lines()] for line in lines]


def results(output: str, word: str) -> dict[str, Any]:
    """What a script inside said in lines of `<word> <JSON>`, together."""
    found: dict[str, Any] = {}
    for line in output.splitlines():
        if line.startswith(f"{word} "):
            found |= json.loads(line.removeprefix(f"{word} "))
    return found


def _chown(folder: Path, uid: int) -> None:
    entries: Sequence[Path] = [folder, *folder.rglob("*")]
    for path in entries:
        os.chown(path, uid, uid, follow_symlinks=False)


class WalledHive(LiveHive):
    """A live hive run by root or by an ordinary user, whose agents are behind walls by default."""

    def __init__(self, home: Path, who: str) -> None:
        self.who = who
        ordinary = who == "ordinary" and os.geteuid() == 0
        super().__init__(home, {"HIVE_RUNTIME": "bwrap", **({"HOME": str(home)} if ordinary else {})})
        self._python = str(ordinary_python()) if ordinary else sys.executable
        self._prefix = as_ordinary() if ordinary else []

    def start(self, *, wait: bool = True) -> None:
        self.own(self.home)
        with open(self.home / "hived.out", "ab") as out:
            self.process = subprocess.Popen(
                [*self._prefix, self._python, "-m", self.module],
                env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        if wait:
            wait_until(self.answers, "hived answering")

    def own(self, folder: Path) -> None:
        """Whoever runs the hive owns it."""
        if self._prefix:
            _chown(folder, ORDINARY_UID)


@contextlib.contextmanager
def walled_hive(who: str) -> Iterator[WalledHive]:
    hive = WalledHive(short_home(), who)
    try:
        hive.start()
        yield hive
    finally:
        hive.close()
