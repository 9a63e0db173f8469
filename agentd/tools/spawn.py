"""The tool `request_spawn`, for queens: it asks, the operator decides, and the answer comes as a message from hived."""

from typing import Any

from pydantic import ValidationError

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.tools.arguments import WrongArguments, optional_text, text
from agentd.tools.insisting import insist
from hived.client.agent_client import AgentClient
from hived.wire.agents import SpawnDraft
from hived.wire.approvals import ApprovalAsk
from hived.wire.errors import HiveError
from hived.wire.ids import new_id

_OPTIONS = ("command", "scenario")
REQUEST_SPAWN = ToolDefinition(
    name="request_spawn",
    description="Ask the operator for a new agent that answers to you. You are told by a message when it is decided;"
    " do not wait for it within this turn.",
    input_schema={
        "type": "object",
        "properties": {
            "name": {"type": "string", "description": "A lower-case letter, then up to 31 letters, digits or hyphens."},
            "engine": {
                "type": "string",
                "description": "claude, acp, api, command or scripted; a template may say it.",
            },
            "template": {
                "type": "string",
                "description": "It begins as this folder of config/_templates; the rest stands above.",
            },
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
        "required": ["name"],
        "additionalProperties": False,
    },
)


async def request_spawn(client: AgentClient, turn_id: str | None, arguments: dict[str, Any]) -> ToolAnswer:
    request = _request(arguments)
    ask = ApprovalAsk(id=new_id(), kind="spawn", spawn=request.model_dump(exclude_unset=True), turn_id=turn_id)
    try:
        approval = await insist(lambda: client.ask_approval(ask))
    except HiveError as error:
        return ToolAnswer(f"not asked ({error.code}): {error.message}", is_error=True)
    return ToolAnswer(
        f"asked: approval {approval.id} is {approval.status}; you are told by a message when it is decided"
    )


def _request(arguments: dict[str, Any]) -> SpawnDraft:
    options = arguments.get("options") or {}
    if not isinstance(options, dict):
        raise WrongArguments("`options` is an object.")
    options = {**options, **{name: value for name in _OPTIONS if (value := optional_text(arguments, name))}}
    template = optional_text(arguments, "template")
    given: dict[str, Any] = {"name": text(arguments, "name")}
    if template is None or optional_text(arguments, "engine") is not None:
        given["engine"] = text(arguments, "engine")
    given |= {
        name: value
        for name in ("model", "repo", "reason", "prompt", "runtime", "template")
        if (value := optional_text(arguments, name))
    }
    if options:
        given["engine_options"] = options
    if arguments.get("env"):
        given["env"] = arguments["env"]
    try:
        return SpawnDraft.model_validate(given)
    except ValidationError as error:
        first = error.errors()[0]
        raise WrongArguments(f"`{'.'.join(map(str, first['loc']))}`: {first['msg']}.") from error
