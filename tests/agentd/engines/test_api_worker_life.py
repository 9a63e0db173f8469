"""The life of the process that runs an api agent's tools: started when needed, cancelled, stuck, killed, ended."""

import asyncio
import json
import os
import signal
import sys
import time
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path
from typing import Any

import psutil
import pytest

from agentd.engines import api_worker_client
from agentd.engines.api_worker_client import DIED, WorkerClient
from agentd.engines.base import ToolAnswer
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import KEY, ApiSetting, played, runs
from tests.support.claude import done_of, until


@pytest.fixture
def setting(tmp_path: Path) -> ApiSetting:
    return ApiSetting(tmp_path)


@pytest.fixture
async def worker(setting: ApiSetting) -> AsyncIterator[WorkerClient]:
    client = WorkerClient(setting.context(), lambda: setting.context().environment({}), [])
    yield client
    await client.close()


async def good(worker: WorkerClient, tool: str, **given: Any) -> str:
    answer = await worker.call(tool, given)
    assert not answer.is_error, answer.text
    return answer.text


async def bad(worker: WorkerClient, tool: str, **given: Any) -> str:
    answer = await worker.call(tool, given)
    assert answer.is_error, answer.text
    return answer.text


async def test_it_starts_when_first_needed_and_has_no_key(tmp_path: Path) -> None:
    async with OpenAiApi() as api:
        setting = ApiSetting(
            tmp_path, options={"provider": "openai", "base_url": api.url, "api_key_env": "MINE"}, env={"MINE": KEY}
        )
        async with setting.engine() as engine:
            assert engine._worker.pid is None
            show = {"command": "cat /proc/$PPID/environ /proc/self/environ | tr '\\0' '\\n'; echo HOME=$HOME"}
            steps = [{"tool": "bash", "input": show}, {"text": "Done."}]
            events = await played(engine, f"@@script {json.dumps(steps)}")
            assert engine._worker.pid is not None
    assert KEY not in repr(events)
    assert "MINE=" not in repr(events)
    assert f"HOME={tmp_path / 'home'}" in repr(events)


async def test_a_worker_that_is_killed_is_said_and_started_again(worker: WorkerClient, setting: ApiSetting) -> None:
    await good(worker, "write", path="x", content="x")
    call = asyncio.create_task(worker.call("bash", {"command": "sleep 600 & echo $! > child; wait"}))
    await until(lambda: (setting.workspace / "child").exists() and (setting.workspace / "child").read_text() != "")
    assert worker.pid is not None
    os.kill(worker.pid, signal.SIGKILL)
    assert await call == ToolAnswer(DIED, is_error=True)
    assert "1\tx" in await good(worker, "read", path="x")
    await until(partial(has_ended, int((setting.workspace / "child").read_text())))


async def test_many_calls_at_once_start_one_worker(worker: WorkerClient) -> None:
    pids = await asyncio.gather(*[good(worker, "bash", command="echo $PPID") for _ in range(8)])
    assert len(set(pids)) == 1


async def test_a_search_that_never_ends_is_ended(
    worker: WorkerClient, setting: ApiSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    (setting.workspace / "x").write_text("a" * 40 + "b")
    monkeypatch.setattr(api_worker_client, "FILE_SECONDS", 1.0)
    assert "did not end" in await bad(worker, "grep", pattern="(a+)+$")
    monkeypatch.setattr(api_worker_client, "FILE_SECONDS", 60.0)
    assert await good(worker, "grep", pattern="b", files_only=True) == "x"


async def test_a_search_that_never_ends_holds_up_nobody_once_it_is_cancelled(
    worker: WorkerClient, setting: ApiSetting, monkeypatch: pytest.MonkeyPatch
) -> None:
    (setting.workspace / "x").write_text("a" * 40 + "b")
    await good(worker, "bash", command="echo warm")
    process = worker._process
    assert process is not None
    monkeypatch.setattr(api_worker_client, "CANCEL_SECONDS", 0.5)
    before = psutil.Process(process.pid).cpu_times().user
    call = asyncio.create_task(worker.call("grep", {"pattern": "(a+)+$"}))
    await until(lambda: psutil.Process(process.pid).cpu_times().user > before + 0.2)
    call.cancel()
    await asyncio.wait({call})
    async with asyncio.timeout(120):
        assert await good(worker, "bash", command="echo after") == "after"
    assert not runs(process.pid)


async def test_a_cancelled_call_leaves_the_worker_as_it_is(worker: WorkerClient, setting: ApiSetting) -> None:
    await good(worker, "bash", command="echo warm")
    before = worker.pid
    for _ in range(3):
        call = asyncio.create_task(worker.call("bash", {"command": "sleep 600"}))
        await asyncio.sleep(0)  # at any moment of it
        call.cancel()
        await asyncio.wait({call})
        assert await good(worker, "bash", command="echo after") == "after"
    assert worker.pid == before


async def test_folders_without_end_are_passed_over(worker: WorkerClient, setting: ApiSetting) -> None:
    (setting.workspace / "found").write_text("needle")
    descriptor = os.open(setting.workspace, os.O_RDONLY)
    for _ in range(1200):
        os.mkdir("d", dir_fd=descriptor)
        deeper = os.open("d", os.O_RDONLY, dir_fd=descriptor)
        os.close(descriptor)
        descriptor = deeper
    os.close(descriptor)
    try:
        assert await good(worker, "grep", pattern="needle", files_only=True) == "found"
        assert await good(worker, "glob", pattern="found") == "found"
    finally:
        await good(worker, "bash", command="rm -rf d")  # pytest's own tidying knows no such depth


async def test_a_worker_that_cannot_start_is_an_answer(setting: ApiSetting, monkeypatch: pytest.MonkeyPatch) -> None:
    for command in (["/nonexistent/python"], [sys.executable, "-c", "raise SystemExit('broken install')"]):
        monkeypatch.setattr(api_worker_client, "COMMAND", command)
        worker = WorkerClient(setting.context(), lambda: {}, [])
        answer = await worker.call("read", {"path": "x"})
        assert answer.is_error
        assert "not there" in answer.text or "broken install" in answer.text
        await worker.close()


async def test_it_imports_nothing_beyond_the_standard_library(setting: ApiSetting) -> None:
    listing = "import sys, agentd.engines.api_worker as w; print(sorted(m for m in sys.modules if '.' not in m))"
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-I", "-c", listing, stdout=asyncio.subprocess.PIPE, cwd=setting.workspace
    )
    assert process.stdout is not None
    loaded = (await process.stdout.read()).decode()
    await process.wait()
    for name in ("pydantic", "httpx", "mcp", "psutil", "anyio", "hived"):
        assert f"'{name}'" not in loaded


async def test_its_end_of_stdin_ends_it_even_in_a_call(setting: ApiSetting) -> None:
    process = await asyncio.create_subprocess_exec(
        *api_worker_client.COMMAND, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
    )
    assert process.stdin is not None
    assert process.stdout is not None
    begin = {"workspace": str(setting.workspace), "state": str(setting.root / "state"), "mcp_servers": []}
    command = {"command": "sleep 600 & echo $! > child; wait"}
    for line in ({"begin": begin}, {"id": 1, "tool": "bash", "input": command}):
        process.stdin.write(json.dumps(line).encode() + b"\n")
    await until(lambda: (setting.workspace / "child").exists() and (setting.workspace / "child").read_text() != "")
    begun = time.monotonic()
    process.stdin.close()
    assert await process.wait() == 0
    assert time.monotonic() - begun < 200
    await until(partial(has_ended, int((setting.workspace / "child").read_text())))


async def test_a_turn_survives_a_worker_that_dies_in_it(tmp_path: Path) -> None:
    steps = [
        {"tool": "bash", "input": {"command": "kill -9 $PPID"}},
        {"tool": "bash", "input": {"command": "echo back"}},
        {"text": "It came back."},
    ]
    async with OpenAiApi() as api:
        setting = ApiSetting(tmp_path, options={"base_url": api.url})
        async with setting.engine() as engine:
            events = await played(engine, f"@@script {json.dumps(steps)}")
    assert done_of(events).outcome == "ok"
    assert DIED in repr(events)
    assert "'back'" in repr(events)


def has_ended(pid: int) -> bool:
    return not runs(pid)
