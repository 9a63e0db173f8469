"""Where everything lives. `HIVE_HOME` puts config, state and sockets under one folder; else platformdirs' folders for `hive`.

Standard library only until platformdirs is needed, and of that the light part: the CLI loads this on every call.
"""

import os
from pathlib import Path
from typing import NamedTuple

from hived.wire.errors import PathTooLong
from hived.wire.names import EFFORT_FILE, PERMISSION_MODE_FILE, checked_name
from hived.wire.protocol import MAX_SOCKET_PATH_BYTES


class AgentPaths(NamedTuple):
    """One agent's folders and files."""

    name: str
    root: Path
    run: Path

    @property
    def harness(self) -> Path:
        return self.root / "harness"

    @property
    def state(self) -> Path:
        return self.root / "state"

    @property
    def home(self) -> Path:
        return self.root / "home"

    @property
    def workspace(self) -> Path:
        return self.root / "work"

    @property
    def events_db(self) -> Path:
        override = os.environ.get("HIVE_EVENTS_DB")
        return Path(override) if override else self.harness / "events.sqlite"

    @property
    def stats_db(self) -> Path:
        return self.harness / "turn-stats.sqlite"

    @property
    def model_file(self) -> Path:
        override = os.environ.get("HIVE_MODEL_FILE")
        return Path(override) if override else self.harness / "model"

    @property
    def effort_file(self) -> Path:
        return self.harness / EFFORT_FILE

    @property
    def permission_mode_file(self) -> Path:
        return self.harness / PERMISSION_MODE_FILE

    @property
    def launch_file(self) -> Path:
        return self.harness / "launch.json"

    @property
    def pid_file(self) -> Path:
        return self.harness / "agentd.pid"

    @property
    def engine_pid_file(self) -> Path:
        return self.harness / "engine.pid"

    @property
    def lock_file(self) -> Path:
        return self.harness / "lock"

    @property
    def log(self) -> Path:
        return self.harness / "agentd.log"

    @property
    def engine_log(self) -> Path:
        return self.harness / "engine.log"

    @property
    def socket(self) -> Path:
        return self.run / "agent.sock"

    @property
    def io(self) -> Path:
        """What agentd serves to its own engine: bound read-only into a sandbox, and nothing else of the hive's sockets."""
        return self.run / "io"

    @property
    def tools_socket(self) -> Path:
        return self.io / "tools.sock"

    @property
    def model_socket(self) -> Path:
        return self.io / "model.sock"

    @property
    def proxy_socket(self) -> Path:
        return self.io / "proxy.sock"

    @property
    def setup_log(self) -> Path:
        return self.harness / "setup.log"

    @property
    def _data(self) -> Path:
        return self.root.parents[1]

    @property
    def proposed(self) -> Path:
        """A git repository that queens and operators write: what is proposed for it."""
        return self._data / "config" / self.name

    @property
    def applied(self) -> Path:
        """hived's own git repository: what was proposed, approved and run, with the tags."""
        return self._data / "applied" / self.name

    @property
    def builds(self) -> Path:
        """One folder for each commit that was built, named by it: the files that a generation runs with."""
        return self._data / "builds" / self.name


class HivePaths(NamedTuple):
    """One hive's folders and files."""

    config: Path
    data: Path
    run: Path

    @property
    def config_file(self) -> Path:
        return self.config / "hive.toml"

    @property
    def secrets_file(self) -> Path:
        return self.config / "secrets.toml"

    @property
    def database(self) -> Path:
        return self.data / "hive.sqlite"

    @property
    def agents(self) -> Path:
        return self.data / "agents"

    @property
    def proposed(self) -> Path:
        """One git repository for each agent; queens write them all."""
        return self.data / "config"

    @property
    def templates(self) -> Path:
        """Below it, for no agent's name can begin like this."""
        return self.proposed / "_templates"

    @property
    def applied(self) -> Path:
        return self.data / "applied"

    @property
    def builds(self) -> Path:
        return self.data / "builds"

    @property
    def meta(self) -> Path:
        """hived's own git repository of `hive.lock`: what runs where, one commit for each deployment."""
        return self.data / "meta"

    @property
    def bundles(self) -> Path:
        return self.data / "bundles"

    @property
    def log(self) -> Path:
        return self.data / "log" / "hived.log"

    @property
    def host_socket(self) -> Path:
        return self.run / "host.sock"

    @property
    def pid_file(self) -> Path:
        return self.run / "hived.pid"

    @property
    def lock_file(self) -> Path:
        return self.run / "hived.lock"

    def agent(self, name: str) -> AgentPaths:
        """The paths of that agent. The name is checked here, so no path is ever made of a wrong one."""
        name = checked_name(name)
        return AgentPaths(name, self.agents / name, self.run / "agents" / name)


def hive_paths() -> HivePaths:
    """The paths of the hive that the environment names."""
    home = os.environ.get("HIVE_HOME")
    if home:
        root = Path(home).expanduser().absolute()
        return HivePaths(config=root, data=root, run=root / "run")
    from platformdirs import PlatformDirs

    dirs = PlatformDirs("hive", appauthor=False)
    return HivePaths(config=dirs.user_config_path, data=dirs.user_state_path, run=dirs.user_runtime_path)


def checked_socket_path(path: Path) -> Path:
    """The path itself, or PathTooLong: the kernel takes 107 bytes."""
    size = len(os.fsencode(path))
    if size > MAX_SOCKET_PATH_BYTES:
        raise PathTooLong(path=str(path), bytes=size, limit=MAX_SOCKET_PATH_BYTES)
    return path
