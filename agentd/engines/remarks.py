"""The operator's remarks on what an engine asked of him, in words for the engine: one wording for every engine."""

import json

from agentd.engines.base import Permission, ToolInput

MOST_INPUT_CHARACTERS = 4000


def remark_on(tool: str, remark: str) -> str:
    """Of a tool that he allowed."""
    return f"The operator allowed {tool} and says: {remark}"


def untold(tool: str, input: ToolInput, permission: Permission) -> str | None:
    """All that he decided, for an engine whose protocol carries a yes or a no alone; None where there is no more to it."""
    if permission.updated_input is not None and permission.allowed:
        given = json.dumps(permission.updated_input, ensure_ascii=False)[:MOST_INPUT_CHARACTERS]
        said = f"The operator would allow {tool} with another input: {given} Ask for it so, if you still need it."
        return f"{said} He says: {permission.note}" if permission.note else said
    if not permission.note:
        return None
    return remark_on(tool, permission.note) if permission.allowed else f"{tool} was denied: {permission.note}"
