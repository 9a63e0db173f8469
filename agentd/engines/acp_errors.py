"""How a call between agentd and an agent fails."""

from typing import Any


class AgentError(Exception):
    """The agent answered with a JSON-RPC error."""

    def __init__(self, code: Any, message: str, data: Any) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.data = data


class AgentEnded(Exception):
    """The agent ended before it answered that method."""


class AgentSilent(Exception):
    """The agent did not answer that method in time."""


class NotServed(Exception):
    """The agent asked for something that is not served here. The message is for the agent."""
