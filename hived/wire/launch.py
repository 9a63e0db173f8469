"""What hived hands to `python -m agentd run --launch FILE`. Holds names of secrets, never their values."""

from hived.wire.agents import SpawnRequest
from hived.wire.base import WireModel


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
    agent_socket: str
    model_file: str
    events_db: str
    secrets_file: str
