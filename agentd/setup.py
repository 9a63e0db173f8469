"""`agentd setup --launch FILE`: the `setup` of an agent.toml, each command by a shell inside the agent's own runtime."""

import contextlib
import os
import sys
from pathlib import Path

from agentd.engines.base import EngineEvent, EngineFailed, Note
from agentd.environment import engine_environment, open_environment
from agentd.network.servers import Servers
from agentd.runtimes.process import SETUP
from agentd.runtimes.registry import make_runtime
from hived.wire.launch import ENGINE_MARK_VARIABLE, Launch

SIGNALLED = 128
FAILED = 1
SHELL = "/bin/sh"


async def run_setup(launch: Launch) -> int:
    """Run them in turn, their output on stdout as it comes. The exit code of the first that fails, else 0."""
    network = Servers(launch, lambda: open_environment(launch, {}), _said, _line, process=SETUP)
    try:
        await network.start()
        for number, command in enumerate(launch.spec.setup, 1):
            _line(f"[{number}/{len(launch.spec.setup)}] {command}")
            code = await _run(launch, command)
            if code:
                return SIGNALLED - code if code < 0 else code
    except (EngineFailed, OSError) as failure:
        code_of = (failure.code or failure.outcome) if isinstance(failure, EngineFailed) else "failed"
        _line(f"error[{code_of}]: {failure}")
        return FAILED
    finally:
        await network.close()
    return 0


async def _run(launch: Launch, command: str) -> int:
    # Whoever started us finds by its own mark what a command has left.
    runtime = make_runtime(launch, _said, name=SETUP, mark=os.environ.get(ENGINE_MARK_VARIABLE))
    words = [SHELL, "-ec", f"exec 2>&1\n{command}"]
    process = await runtime.start(words, env=engine_environment(launch, {}, SETUP), cwd=Path(launch.workspace))
    try:
        await process.close_stdin()
        async with contextlib.aclosing(process.lines()) as chunks:
            async for lines in chunks:
                _write(b"".join(line + b"\n" for line in lines))
        code = await process.wait()
    finally:
        await process.close()
    if code and process.last_words():
        _line(process.last_words())
    return code


def _said(event: EngineEvent) -> None:
    if isinstance(event, Note):
        _line(event.text)


def _line(text: str) -> None:
    _write(text.encode("utf-8", "replace") + b"\n")


def _write(data: bytes) -> None:
    sys.stdout.buffer.write(data)
    sys.stdout.buffer.flush()
