"""The tools `whoami` and `peers`."""

from agentd.engines.base import ToolAnswer, ToolDefinition
from hived.client.agent_client import AgentClient
from hived.wire.errors import HiveError

_NOTHING = {"type": "object", "properties": {}, "additionalProperties": False}

WHOAMI = ToolDefinition(
    name="whoami", description="Your name, role, parent, engine and model in this hive.", input_schema=_NOTHING
)
PEERS = ToolDefinition(
    name="peers",
    description="The other agents of this hive: what they are, what they do now, and whether you may write to them.",
    input_schema=_NOTHING,
)


async def whoami(client: AgentClient) -> ToolAnswer:
    try:
        me = await client.whoami()
    except HiveError as error:
        return ToolAnswer(error.message, is_error=True)
    parent = f", answering to {me.parent}" if me.parent else ""
    return ToolAnswer(f"{me.name}: a {me.role}{parent}, engine {me.engine}, model {me.model}")


async def peers(client: AgentClient) -> ToolAnswer:
    try:
        others = (await client.list_peers()).peers
    except HiveError as error:
        return ToolAnswer(error.message, is_error=True)
    if not others:
        return ToolAnswer("There are no other agents.")
    lines = [
        f"{peer.name}: {peer.role}, {peer.lifecycle}, {peer.turn if peer.online else 'not connected'}"
        + ("" if peer.can_message else "; you may not write to it")
        for peer in others
    ]
    return ToolAnswer("\n".join(lines))
