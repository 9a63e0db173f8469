"""The servers that Claude Code is told of: the hive's own tools over its control protocol, and the agent's own.

The agent's own may carry secrets, and `ps` shows a command line to all: those go through a file in the CLI's own folder,
which is there for as long as the CLI takes to start. That folder is the agent's to write: nothing in it is followed.
"""

import contextlib
import json
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from agentd.engines.base import EngineFailed
from agentd.mcp_servers import HIVE_SERVER, McpServer, own_servers
from hived.wire.agents import AgentSpec
from hived.wire.ids import new_id

_FOLDER = ".claude"
_FILE = "hive-mcp-{id}.json"
_OWN = re.compile(r"hive-mcp-[0-9a-f-]{36}\.json")
_IN_FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


def server_config(spec: AgentSpec) -> str:
    """The whole `--mcp-config`, as JSON. Raises EngineFailed for a server that cannot be one."""
    # Its tools are offered from the start: the newest CLIs put others off until the model searches for them.
    servers: dict[str, Any] = {HIVE_SERVER: {"type": "sdk", "name": HIVE_SERVER, "alwaysLoad": True}}
    for server in own_servers(spec):
        servers[server.name] = _entry(server)
    return json.dumps({"mcpServers": servers})


class ServerFile:
    """`word` is what `--mcp-config` takes: the config itself where it tells no secrets, else the path of a file. `remove`
    once the CLI has read it."""

    def __init__(self, spec: AgentSpec, home: Path, uid: int | None = None) -> None:
        """`uid`: who the CLI runs as, where that is another. Raises EngineFailed: a server that cannot be one, or a folder that
        cannot be written to."""
        config = server_config(spec)
        self._home = home
        self._uid = uid
        self._name: str | None = None
        self.word = config
        if spec.mcp_servers:
            self._name = _FILE.format(id=new_id())
            self.word = str(home / _FOLDER / self._name)
            try:
                self._write(self._name, config.encode())
            except OSError as error:
                raise EngineFailed(
                    "failed",
                    f"{home / _FOLDER} takes no file for the agent's MCP servers: {error.strerror}.",
                    retryable=False,
                ) from error

    def remove(self) -> None:
        """Harmless when it is gone."""
        name, self._name = self._name, None
        if name is not None:
            with contextlib.suppress(OSError), self._folder() as folder:
                os.unlink(name, dir_fd=folder)

    def _write(self, name: str, content: bytes) -> None:
        with self._folder() as folder:
            for left in os.listdir(folder):
                if _OWN.fullmatch(left):  # of a harness that was killed before the CLI had started
                    with contextlib.suppress(OSError):
                        os.unlink(left, dir_fd=folder)
            file = os.open(
                name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=folder
            )
            with os.fdopen(file, "wb") as opened:
                opened.write(content)
                if self._uid is not None:
                    os.fchown(file, self._uid, self._uid)

    @contextlib.contextmanager
    def _folder(self) -> Iterator[int]:
        """The CLI's folder, held open, and none that a link stands for."""
        home = os.open(self._home, _IN_FOLDER)
        try:
            made = False
            with contextlib.suppress(FileExistsError):
                os.mkdir(_FOLDER, 0o700, dir_fd=home)
                made = True
            folder = os.open(_FOLDER, _IN_FOLDER, dir_fd=home)
            try:
                if made and self._uid is not None:
                    os.fchown(folder, self._uid, self._uid)
                yield folder
            finally:
                os.close(folder)
        finally:
            os.close(home)


def _entry(server: McpServer) -> dict[str, Any]:
    if server.command is not None:
        return {"type": "stdio", "command": server.command, "args": list(server.args), "env": dict(server.env)}
    return {"type": server.type, "url": server.url, "headers": dict(server.headers)}
