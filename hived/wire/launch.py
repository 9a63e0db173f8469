"""What hived hands to `python -m agentd run --launch FILE`. Holds names of secrets, never their values."""

from pydantic import Field

from hived.wire.agents import SpawnRequest
from hived.wire.base import WireModel
from hived.wire.budgets import Price

ENGINE_MARK_VARIABLE = "HIVE_ENGINE_RUN"
"""In the environment of an engine, and so of all that it starts: `generation.uuid`, fresh for each start of an engine."""
ENGINE_MARK_FILE = "engine.mark"
"""In the harness's folder: the mark of the engine that runs, for whoever must end what a killed harness left."""

EXIT_STALE = 75
"""agentd's exit code where a newer generation has the agent: not a crash, and nobody should start this one again."""
EXIT_CONFIG = 78
"""Where what the agent was asked to be cannot be: starting it again would not help. The last line of its log says what."""


class Launch(WireModel):
    """Written to `harness/launch.json` (0600) after the generation is committed and before the fork."""

    protocol: int
    agent_id: str
    name: str
    generation: int
    spec: SpawnRequest
    runtime: str
    harness: str
    """Folder of journal, stats, model, lock, pid file and log."""
    state: str
    home: str
    workspace: str
    origin_objects: list[str] = Field(default_factory=list)
    """The objects folders that its clone reads beside its own, the origin's first: read-only inside, at the same path."""
    agent_socket: str
    io: str = ""
    """The folder of the sockets that the harness serves to its own engine; read-only inside."""
    tools_socket: str
    """In `io`: the hive's tools."""
    model_socket: str = ""
    """In `io`: forwards to the engine's one model host and adds the credentials."""
    proxy_socket: str = ""
    """In `io`: an HTTP proxy to `allow_hosts`."""
    config: str | None = None
    """The files of the commit that it runs (`prompt` names one of them); read-only inside. None: it has none yet."""
    commit: str | None = None
    proposed: str | None = None
    """What it may read of what is proposed for it; a queen: the folder of all of them, hers to write."""
    meta: str | None = None
    """A queen's to read."""
    hidden: list[str] = Field(default_factory=list)
    """The hive's own folders: nothing of them is there inside, but for what stands above."""
    engine_uid: int | None = None
    """hived is root: who the engine runs as, in a runtime with walls. Its folders belong to it."""
    prove_seconds: float | None = None
    """So long the engine may take to come up before the harness connects; one that does not ends it with EXIT_CONFIG. None: the
    engine is started by the first turn."""
    rate_limit_resume: bool = False
    """Go on by itself when a rate limit ends; else the operator says when."""
    prices: dict[str, Price] = Field(default_factory=dict)
    """hive.toml's, by model or glob: for engines that give no cost."""
    model_file: str
    events_db: str
    secrets_file: str
