"""What an agent's log stream says."""

from hived.wire.base import Answer


class LogLines(Answer):
    """An event `lines` of `GET /v1/agents/{name}/log/stream`: of one file, oldest first."""

    lines: list[str]
    file: str | None = None
    """Another one where the log was rotated, or a setup has begun one of its own."""
    written_at: str | None = None
    """When that log was last written to."""
