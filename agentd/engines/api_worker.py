"""The process that runs an api agent's tools, so that a runtime can wrap it: `python -I -m agentd.engines.api_worker`.

Standard library only, but for `mcp` where the agent has servers of its own. JSON lines on stdin and stdout:

    → {"begin": {"workspace", "state", "mcp_servers": [{name, type, command, args, env, url, headers}]}}
    ← {"ready": {"pid", "mcp": {server: {"tools": […]} or {"error"}}}}
    → {"id", "tool", "input"} or {"id", "server", "tool", "input"}    ← {"id", "text", "is_error"}
    → {"cancel": id}: its command is ended, and its answer says so; there is one even where there was no such call

At the end of stdin it ends all that it started, and itself.
"""

import asyncio
import contextlib
import json
import os
import sys
import threading
from functools import partial
from typing import Any, BinaryIO

from agentd.engines.api_worker_files import Folders, Refused
from agentd.engines.api_worker_shell import Shell
from agentd.engines.api_worker_tools import FileTools

CANCELLED = "It was interrupted."


class Worker:
    """One per process. `out` is written to from the loop's thread alone."""

    def __init__(self, out: BinaryIO) -> None:
        self._out = out
        self._calls: dict[int, asyncio.Task[None]] = {}
        self._beside: set[asyncio.Task[None]] = set()
        self._files: FileTools | None = None
        self._shell: Shell | None = None
        self._servers: Any = None

    def take(self, line: bytes) -> None:
        """One line of stdin."""
        found = json.loads(line)
        if "begin" in found:
            task = asyncio.create_task(self._begin(found["begin"]))
            self._beside.add(task)
            task.add_done_callback(self._beside.discard)
        elif "cancel" in found:
            if call := self._calls.get(found["cancel"]):
                call.cancel()
            else:
                self._say({"id": found["cancel"], "text": CANCELLED, "is_error": True})
        else:
            call = asyncio.create_task(self._call(found))
            self._calls[found["id"]] = call
            call.add_done_callback(partial(self._over, found["id"]))

    def _over(self, id: int, call: "asyncio.Task[None]") -> None:
        self._calls.pop(id, None)
        if call.cancelled():  # before it had begun
            self._say({"id": id, "text": CANCELLED, "is_error": True})

    async def close(self) -> None:
        if self._shell is not None:
            await self._shell.end_all()
        if self._servers is not None:
            await self._servers.close()

    async def _begin(self, given: dict[str, Any]) -> None:
        folders = Folders(given["workspace"], given["state"])
        self._files = FileTools(folders)
        self._shell = Shell(folders.workspace)
        tools: dict[str, Any] = {}
        if given["mcp_servers"]:
            from agentd.engines.api_worker_mcp import McpServers

            self._servers = McpServers()
            tools = await self._servers.start(given["mcp_servers"])
        self._say({"ready": {"pid": os.getpid(), "mcp": tools}})

    async def _call(self, asked: dict[str, Any]) -> None:
        try:
            text, is_error = await self._answer(asked)
        except asyncio.CancelledError:
            text, is_error = CANCELLED, True
        except Refused as refused:
            text, is_error = str(refused), True
        except OSError as error:
            text, is_error = f"{error.strerror or type(error).__name__}: {asked['input'].get('path', '')}", True
        except Exception as error:
            text, is_error = f"The tool broke: {type(error).__name__}: {error}", True
        self._say({"id": asked["id"], "text": text, "is_error": is_error})

    async def _answer(self, asked: dict[str, Any]) -> tuple[str, bool]:
        tool, given = asked["tool"], asked["input"]
        if "server" in asked:
            return await self._servers.call(asked["server"], tool, given)  # type: ignore[no-any-return]  # loaded late
        assert self._files is not None
        assert self._shell is not None
        if tool == "bash":
            return await self._shell.run(given)
        stop = threading.Event()
        try:
            return await asyncio.to_thread(getattr(self._files, _FILE_TOOLS[tool]), given, stop.is_set), False
        finally:
            stop.set()

    def _say(self, message: dict[str, Any]) -> None:
        self._out.write(json.dumps(message).encode() + b"\n")
        self._out.flush()


_FILE_TOOLS = {name: name for name in ("read", "write", "edit", "glob", "grep")}


async def run() -> None:
    """Until the end of stdin."""
    # What tools print must not get among the answers, and nothing below may read the requests.
    out = os.fdopen(os.dup(1), "wb")
    requests = os.fdopen(os.dup(0), "rb")
    os.dup2(2, 1)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    worker = Worker(out)
    loop = asyncio.get_running_loop()
    ended = asyncio.Event()

    def read() -> None:
        with contextlib.suppress(OSError, RuntimeError):  # the loop is closed: it ends anyway
            for line in requests:
                loop.call_soon_threadsafe(worker.take, line)
            loop.call_soon_threadsafe(ended.set)

    threading.Thread(target=read, daemon=True, name="requests").start()
    try:
        await ended.wait()
    finally:
        await worker.close()
        out.flush()
        os._exit(0)  # a file tool's thread may still be at a long search


def main() -> None:
    with contextlib.suppress(KeyboardInterrupt, BrokenPipeError):
        asyncio.run(run())
    sys.exit(0)


if __name__ == "__main__":
    main()
