"""The tool `request_spawn`, for queens: it asks, the operator decides, and the answer comes as a message from hived."""

import asyncio
from typing import Any

from pydantic import ValidationError

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.tools.arguments import WrongArguments, optional_text, text
from hived.client.agent_client import AgentClient
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import ApprovalAsk
from hived.wire.errors import HiveError, NotRunning
from hived.wire.ids import new_id

AWAY_SECONDS = 10.0
"""hived may be restarting: the ask is repeated under the same id for this long before it is given up."""
RETRY_SECONDS = 0.25

_OPTIONS = ("command", "scenario")
REQUEST_SPAWN = ToolDefinition(
    name="request_spawn",
    description="Ask the operator for a new agent that answers to you. You are told by a message when it is decided;"
    " do not wait for it within this turn.",
    input_schema={
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "A lower-case letter, then up to 31 letters, digits or hyphens."},
            "engine": {"type": "string", "description": "claude, acp, api, command or scripted."},
            "model": {"type": "string"},
            "repo": {"type": "string", "description": "Absolute path of a git repository; it gets a clone of its own."},
            "reason": {"type": "string", "description": "Why: the operator reads this."},
            "prompt": {"type": "string", "description": "A Markdown file appended to its system prompt."},
            "runtime": {"type": "string"},
            "command": {"type": "string", "description": "For engine command: the program with its arguments."},
            "scenario": {"type": "string", "description": "For engine scripted: the path of its scenario."},
            "options": {"type": "object", "description": "Further engine options."},
            "env": {"type": "object", "additionalProperties": {"type": "string"}},
        },
        "required": ["name", "engine"],
        "additionalProperties": False,
    },
)


async def request_spawn(client: AgentClient, turn_id: str | None, arguments: dict[str, Any]) -> ToolAnswer:
    request = _request(arguments)
    ask = ApprovalAsk(id=new_id(), kind="spawn", spawn=request.model_dump(exclude_unset=True), turn_id=turn_id)
    try:
        approval = await _asked(client, ask)
    except HiveError as error:
        return ToolAnswer(f"not asked ({error.code}): {error.message}", is_error=True)
    return ToolAnswer(
        f"asked: approval {approval.id} is {approval.status}; you are told by a message when it is decided"
    )


def _request(arguments: dict[str, Any]) -> SpawnRequest:
    options = arguments.get("options") or {}
    if not isinstance(options, dict):
        raise WrongArguments("`options` is an object.")
    options = {**options, **{name: value for name in _OPTIONS if (value := optional_text(arguments, name))}}
    given: dict[str, Any] = {"name": text(arguments, "name"), "engine": text(arguments, "engine")}
    given |= {
        name: value
        for name in ("model", "repo", "reason", "prompt", "runtime")
        if (value := optional_text(arguments, name))
    }
    if options:
        given["engine_options"] = options
    if arguments.get("env"):
        given["env"] = arguments["env"]
    try:
        return SpawnRequest.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongArguments(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from error


async def _asked(client: AgentClient, ask: ApprovalAsk) -> Any:
    deadline = asyncio.get_running_loop().time() + AWAY_SECONDS
    while True:
        try:
            return await client.ask_approval(ask)
        except NotRunning:
            if asyncio.get_running_loop().time() > deadline:
                raise
        await asyncio.sleep(RETRY_SECONDS)
