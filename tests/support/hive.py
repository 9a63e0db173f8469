"""A real hived on a short temporary home, driven over its own socket with the standard library alone.

with live_hive() as hive:
    status, answer = hive.get("/v1/agents")
"""

import contextlib
import http.client
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

from hived.paths import HivePaths
from hived.wire.process_identity import ProcessIdentity

PATIENCE_SECONDS = 60.0
"""A machine that does much else takes long; only what never comes takes this."""
LOOK_SECONDS = 0.02


def short_home() -> Path:
    """A folder whose sockets' paths stay under the kernel's 107 bytes."""
    return Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))


def paths_of(home: Path) -> HivePaths:
    return HivePaths(config=home, data=home, run=home / "run")


def wait_until(condition: Callable[[], Any], what: str, seconds: float = PATIENCE_SECONDS) -> Any:
    """What `condition` gives as soon as it is true; AssertionError when that takes too long."""
    deadline = time.monotonic() + seconds
    while True:
        found = condition()
        if found:
            return found
        assert time.monotonic() < deadline, f"{what} did not happen within {seconds:g} s"
        time.sleep(LOOK_SECONDS)


class UnixConnection(http.client.HTTPConnection):
    def __init__(self, path: Path, timeout: float = PATIENCE_SECONDS) -> None:
        super().__init__("hive", timeout=timeout)
        self.path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(str(self.path))


def call(
    path: Path,
    method: str,
    target: str,
    body: Any = None,
    headers: dict[str, str] | None = None,
    timeout: float = PATIENCE_SECONDS,
) -> tuple[int, Any]:
    """One request on that socket: (status, the JSON answer, or the text where it is none)."""
    connection = UnixConnection(path, timeout)
    try:
        data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
        kind = {} if data is None else {"content-type": "application/json"}
        connection.request(method, target, body=data, headers={**kind, **(headers or {})})
        answer = connection.getresponse()
        text = answer.read().decode()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text
    finally:
        connection.close()


class SseStream:
    """One SSE stream read on the test's own thread; `next` gives (event, id, data) and raises TimeoutError."""

    def __init__(
        self, path: Path, target: str, headers: dict[str, str] | None = None, timeout: float = PATIENCE_SECONDS
    ) -> None:
        self.connection = UnixConnection(path, timeout)
        self.connection.request("GET", target, headers=headers or {})
        self.answer = self.connection.getresponse()
        self.status = self.answer.status

    def next(self) -> tuple[str, str | None, Any] | None:
        """None at the end of the stream."""
        fields: dict[str, str] = {}
        while True:
            line = self.answer.readline()
            if not line:
                return None
            text = line.decode().rstrip("\n")
            if not text:
                if fields:
                    return fields.get("event", "message"), fields.get("id"), json.loads(fields.get("data", "null"))
                continue
            name, _, value = text.partition(":")
            if name:
                fields[name] = value.removeprefix(" ")

    def close(self) -> None:
        self.answer.close()
        self.connection.close()


class LiveHive:
    """One HIVE_HOME and the hived that runs on it. `start`, `stop` and `kill` may be called again and again."""

    def __init__(self, home: Path, env: dict[str, str] | None = None, module: str = "hived.cli.hived") -> None:
        self.home = home
        self.module = module
        self.paths = paths_of(home)
        self.env = {**os.environ, "HIVE_HOME": str(home), **(env or {})}
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, *, wait: bool = True) -> None:
        with open(self.home / "hived.out", "ab") as out:
            self.process = subprocess.Popen(
                [sys.executable, "-m", self.module],
                env=self.env, stdin=subprocess.DEVNULL, stdout=out, stderr=out, start_new_session=True,
            )  # fmt: skip
        if wait:
            wait_until(self.answers, f"hived answering (see {self.home}/hived.out: {self.output()[-800:]})")

    def answers(self) -> bool:
        process = self.process
        assert process is None or process.poll() is None, f"hived exited {process.returncode}: {self.output()[-2000:]}"
        try:
            return call(self.paths.host_socket, "GET", "/v1/version", timeout=5)[0] == 200
        except (OSError, http.client.HTTPException):
            return False

    def output(self) -> str:
        out = self.home / "hived.out"
        return out.read_text(errors="replace") if out.exists() else ""

    @property
    def pid(self) -> int:
        assert self.process is not None
        return self.process.pid

    def kill(self) -> None:
        """SIGKILL, as a crash would."""
        assert self.process is not None
        self.process.kill()
        self.process.wait(PATIENCE_SECONDS)

    def stop(self, seconds: float = PATIENCE_SECONDS) -> int:
        """SIGTERM; its exit code."""
        assert self.process is not None
        self.process.terminate()
        return self.process.wait(seconds)

    def get(self, target: str, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        return call(self.paths.host_socket, "GET", target, headers=headers)

    def post(self, target: str, body: Any = None, headers: dict[str, str] | None = None) -> tuple[int, Any]:
        return call(self.paths.host_socket, "POST", target, body, headers)

    def put(self, target: str, body: Any) -> tuple[int, Any]:
        return call(self.paths.host_socket, "PUT", target, body)

    def call_later(self, method: str, target: str) -> None:
        """Ask, and let another thread wait for the answer."""
        threading.Thread(target=_quietly, args=(self.paths.host_socket, method, target), daemon=True).start()

    def stream(
        self, target: str, headers: dict[str, str] | None = None, timeout: float = PATIENCE_SECONDS
    ) -> SseStream:
        return SseStream(self.paths.host_socket, target, headers, timeout)

    def agent(self, name: str) -> Any:
        """`GET /v1/agents/{name}`, which must be 200."""
        status, answer = self.get(f"/v1/agents/{name}")
        assert status == 200, answer
        return answer

    def spawn(self, name: str, engine: str, **spec: Any) -> Any:
        """Ask for an agent and approve it; answers with the approval."""
        status, asked = self.post("/v1/agents", {"name": name, "engine": engine, **spec})
        assert status == 202, asked
        status, approval = self.post(f"/v1/approvals/{asked['id']}/approve", {})
        assert status == 200, approval
        return approval

    def until_online(self, name: str, seconds: float = PATIENCE_SECONDS) -> Any:
        wait_until(lambda: self.agent(name)["online"], f"{name} being online", seconds)
        return self.agent(name)

    def harnesses(self) -> list[ProcessIdentity]:
        """Every harness of this home that runs, by its pid file and start time."""
        found = [ProcessIdentity.read(file) for file in self.home.glob("agents/*/harness/agentd.pid")]
        return [identity for identity in found if identity is not None and identity.alive]

    def close(self) -> None:
        """End hived and every harness of this home; remove the home."""
        if self.process is not None and self.process.poll() is None:
            self.kill()
        for identity in self.harnesses():
            with contextlib.suppress(ProcessLookupError):
                os.kill(identity.pid, signal.SIGTERM)
            with contextlib.suppress(AssertionError):
                wait_until(partial(_dead, identity), "its end", 3)
            if identity.alive:
                with contextlib.suppress(ProcessLookupError):
                    os.killpg(identity.pid, signal.SIGKILL)
        shutil.rmtree(self.home, ignore_errors=True)


def _quietly(path: Path, method: str, target: str) -> None:
    with contextlib.suppress(OSError, http.client.HTTPException):
        call(path, method, target)


def _dead(identity: ProcessIdentity) -> bool:
    return not identity.alive


@contextlib.contextmanager
def live_hive(
    env: dict[str, str] | None = None, *, start: bool = True, module: str = "hived.cli.hived"
) -> Iterator[LiveHive]:
    """A hive of its own, ended and removed afterwards. `module`: what is run in hived's place."""
    hive = LiveHive(short_home(), env, module)
    try:
        if start:
            hive.start()
        yield hive
    finally:
        hive.close()
