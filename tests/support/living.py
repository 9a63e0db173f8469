"""Real agents of a real hive, as an operator's script sees them: made, written to, looked at, killed.

with living(scenario) as hive:
    send(hive, "go")
    until_idle(hive)
"""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.support.hive import LiveHive, call, live_hive, wait_until

ROOT = Path(__file__).resolve().parents[2]
WORKER = "worker"
SECONDS = 90.0


@contextlib.contextmanager
def living(scenario: str, config: str = "", env: dict[str, str] | None = None) -> Iterator[LiveHive]:
    """A hive with one worker on the scripted engine, online. `config`: its hive.toml."""
    with live_hive(env, start=False) as hive:
        (hive.home / "hive.toml").write_text(config)
        hive.start()
        scripted(hive, scenario)
        yield hive


def scripted(hive: LiveHive, scenario: str, name: str = WORKER, **spec: Any) -> None:
    file = hive.home / f"{name}.toml"
    file.write_text(scenario, encoding="utf-8")
    hive.spawn(name, "scripted", engine_options={"scenario": str(file)}, **spec)
    hive.until_online(name)


def send(hive: LiveHive, body: str, name: str = WORKER, **message: Any) -> str:
    """The message's id."""
    status, answer = hive.post("/v1/messages", {"to": name, "body": body, **message})
    assert status in (200, 201), answer
    found: str = answer["messages"][0]["id"] if "messages" in answer else answer["id"]
    return found


def done(hive: LiveHive, body: str, name: str = WORKER) -> dict[str, Any]:
    """Send it, and wait for the turn that is about it; that turn's end."""
    message = send(hive, body, name)

    def ends() -> list[dict[str, Any]]:
        return [end for end in payloads(hive, "turn_end", name) if message in end["message_ids"]]

    wait_until(ends, f"the end of the turn on {body!r}", SECONDS)
    until_idle(hive, name)
    end = ends()[-1]
    wait_until(lambda: end["turn_id"] in [row["turn_id"] for row in turns(hive, name)], "its row in the statistics")
    return end


def turns(hive: LiveHive, name: str = WORKER) -> list[dict[str, Any]]:
    """The rows of its statistics, oldest first."""
    found: list[dict[str, Any]] = hive.get(f"/v1/agents/{name}/turns")[1]["turns"]
    return found


def until_idle(hive: LiveHive, name: str = WORKER) -> None:
    """In no turn, and about to begin none: a leased message is no longer unread, before its turn is heard of."""

    def idle() -> bool:
        agent = hive.agent(name)
        if not agent["online"] or agent["turn"]["state"] != "idle" or agent["unread"]:
            return False
        return all(message["status"] != "leased" for message in hive.get(f"/v1/messages?to={name}")[1]["messages"])

    wait_until(idle, f"{name} being idle", SECONDS)


def post(hive: LiveHive, action: str, body: Any = None, name: str = WORKER, timeout: float = 60.0) -> Any:
    """`POST /v1/agents/{name}/{action}`, which must be done; its answer."""
    status, answer = call(hive.paths.host_socket, "POST", f"/v1/agents/{name}/{action}", body, timeout=timeout)
    assert status == 200, (action, status, answer)
    return answer


def put(hive: LiveHive, setting: str, body: Any, name: str = WORKER) -> tuple[int, Any]:
    return hive.put(f"/v1/agents/{name}/{setting}", body)


def events(hive: LiveHive, name: str = WORKER) -> list[dict[str, Any]]:
    """The whole journal, oldest first."""
    found: list[dict[str, Any]] = []
    while True:
        after = found[-1]["id"] if found else 0
        page = hive.get(f"/v1/agents/{name}/transcript?after={after}&limit=1000")[1]["events"]
        if not page:
            return found
        found += page


def payloads(hive: LiveHive, kind: str, name: str = WORKER) -> list[dict[str, Any]]:
    return [event["payload"] for event in events(hive, name) if event["kind"] == kind]


def texts(hive: LiveHive, name: str = WORKER) -> list[str]:
    return [payload["text"] for payload in payloads(hive, "text", name)]


def notes(hive: LiveHive, name: str = WORKER) -> str:
    return "\n".join(payload["text"] for payload in payloads(hive, "note", name))


def wakes(hive: LiveHive, name: str = WORKER) -> list[str]:
    """Of its turns, in order."""
    return [payload["wake"]["kind"] for payload in payloads(hive, "turn_start", name)]


def outcomes(hive: LiveHive, name: str = WORKER) -> list[str]:
    return [payload["outcome"] for payload in payloads(hive, "turn_end", name)]


def condition(hive: LiveHive, kind: str, name: str = WORKER) -> dict[str, Any] | None:
    return next((found for found in hive.agent(name)["conditions"] if found["kind"] == kind), None)


def waiting(hive: LiveHive, kind: str | None = None) -> list[dict[str, Any]]:
    items = hive.get("/v1/waiting")[1]["waiting"]
    return [item for item in items if kind is None or item["kind"] == kind]


def kill_harness(hive: LiveHive, name: str = WORKER) -> None:
    """As a crash; returns once the next one is connected."""
    before = hive.agent(name)["generation"]
    os.kill(hive.agent(name)["pid"], signal.SIGKILL)
    wait_until(
        lambda: (agent := hive.agent(name))["generation"] > before and agent["online"], "another harness", SECONDS
    )


def kill_hived(hive: LiveHive, name: str = WORKER) -> None:
    """As a crash; returns once another hived runs and the agent is connected to it."""
    hive.kill()
    hive.start()
    hive.until_online(name)


def command(hive: LiveHive, *words: str) -> subprocess.CompletedProcess[str]:
    """`hive WORDS` in this home."""
    return subprocess.run(
        [sys.executable, "-m", "hived.cli.hive", *words],
        env=hive.env, cwd=ROOT, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip


@contextlib.contextmanager
def loopback_model() -> Iterator[str]:
    """The stand-in for the Messages API, in a process of its own; its address."""
    with tempfile.TemporaryDirectory() as folder:
        port_file = Path(folder) / "port"
        words = [sys.executable, "-m", "tests.fakes.messages_api", "--port-file", str(port_file)]
        model = subprocess.Popen(words, cwd=ROOT)
        try:
            wait_until(lambda: port_file.exists() and port_file.read_text().strip(), "the loopback model")
            yield f"http://127.0.0.1:{port_file.read_text().strip()}"
        finally:
            model.terminate()
            model.wait(60)


def claude(hive: LiveHive, cli: str, url: str, name: str = WORKER, **spec: Any) -> None:
    """An agent on the real Claude Code, against that model."""
    env = {
        "ANTHROPIC_BASE_URL": url, "ANTHROPIC_API_KEY": "dummy", "CLAUDE_CODE_MAX_RETRIES": "1",
        "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1", "DISABLE_AUTOUPDATER": "1",
    }  # fmt: skip
    options = {"command": [cli], **spec.pop("engine_options", {})}
    hive.spawn(name, "claude", env={**env, **spec.pop("env", {})}, engine_options=options, **spec)
    hive.until_online(name)


def toml(value: Any) -> str:
    """A text, number, list or table as TOML, for a scenario."""
    if isinstance(value, dict):
        return "{ " + ", ".join(f"{json.dumps(key)} = {toml(item)}" for key, item in value.items()) + " }"
    if isinstance(value, list):
        return "[" + ", ".join(toml(item) for item in value) + "]"
    return json.dumps(value)
