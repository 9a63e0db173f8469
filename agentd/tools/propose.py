"""The tool `propose_config`, for queens: a commit of an agent's config is asked for, and what comes of it is a message from hived."""

import re
from typing import Any

from agentd.engines.base import ToolAnswer, ToolDefinition
from agentd.tools.arguments import WrongArguments, optional_text, text
from agentd.tools.insisting import insist
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError
from hived.wire.ids import new_id
from hived.wire.names import checked_name

MOST_REASON = 4096
_SHA = re.compile(r"[0-9a-f]{40}")

PROPOSE_CONFIG = ToolDefinition(
    name="propose_config",
    description="Ask the operator to let an agent run with another config. Each agent's config is a git repository of its own"
    " with an agent.toml (engine, model, role, setup, rules, …) and the files that it names, such as its prompt: change it"
    " there, commit with git, and give the commit's 40 hex digits (git rev-parse HEAD); a branch or a tag is not taken. The"
    " operator sees what it changes. It is built, started and checked once he has approved it, and taken back by itself where"
    " that fails. You are told by a message how it ends; do not wait for it within this turn.",
    input_schema={
        "type": "object",
        "properties": {
            "agent": {"type": "string", "description": "Whose config it is; your own is yours to propose, too."},
            "commit": {"type": "string", "description": "40 hex digits of a commit in that agent's config repository."},
            "reason": {"type": "string", "description": "Why: the operator reads this."},
        },
        "required": ["agent", "commit"],
        "additionalProperties": False,
    },
)


async def propose_config(client: AgentClient, arguments: dict[str, Any]) -> ToolAnswer:
    agent, commit, reason = text(arguments, "agent"), text(arguments, "commit"), optional_text(arguments, "reason")
    if not _SHA.fullmatch(commit):
        raise WrongArguments(
            "`commit` is 40 hex digits, as git rev-parse HEAD prints them; a branch or a tag may move."
        )
    if reason is not None and len(reason) > MOST_REASON:
        raise WrongArguments(f"`reason` is at most {MOST_REASON} characters long.")
    from hived.wire.deployments import Proposal

    try:
        proposal = Proposal(id=new_id(), agent=checked_name(agent), commit=commit, reason=reason)
        approval = await insist(lambda: client.propose(proposal))
    except HiveError as error:
        return ToolAnswer(f"not proposed ({error.code}): {error.message}", is_error=True)
    by = "" if approval.id == proposal.id else f" (asked before, by {approval.requester})"
    return ToolAnswer(
        f"proposed: approval {approval.id} is {approval.status}{by}; you are told by a message what becomes of it"
    )
