"""agent.toml: what an agent is asked to be, as a file in its config. Read strictly, and written tidily. Pure."""

import json
import os
import re
import tomllib
from typing import Any

from pydantic import ValidationError

from hived.wire import toml_text as toml
from hived.wire.agents import AgentSpec, SpawnRequest
from hived.wire.names import QUEEN

AGENT_TOML = "agent.toml"
MOST_BYTES = 256 * 1024
MOST_SETUP = 100
MOST_PROMPT_BYTES = 100 * 1024
"""As agentd takes it."""
NOT_ITS_OWN = frozenset(SpawnRequest.model_fields) - frozenset(AgentSpec.model_fields)
"""What belongs to the agent, whatever its config says: its name, parent and repository."""
_BARE = re.compile(r"[A-Za-z0-9_-]+", re.ASCII)
_FIRST = ("engine", "model", "role", "runtime", "network")
_TABLES = ("limits", "env", "engine_options")
_ARRAYS = ("mcp_servers", "rules")


class BadAgentToml(Exception):
    """`reason` is one sentence that names the key."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


def parse(data: bytes) -> AgentSpec:
    """Raises BadAgentToml: for a key that there is not, a wrong type, a path that leads out."""
    if len(data) > MOST_BYTES:
        raise BadAgentToml(f"{AGENT_TOML} has {len(data)} bytes; at most {MOST_BYTES} are taken.")
    try:
        said = tomllib.loads(data.decode("utf-8"))
    except (ValueError, RecursionError) as error:
        raise BadAgentToml(f"{AGENT_TOML} is no TOML: {_plain(str(error))}.") from None
    for key in said:
        if key in NOT_ITS_OWN:
            raise BadAgentToml(f"{AGENT_TOML}: {key} is not its config's to say.")
    try:
        json.dumps(said)
        spec = AgentSpec.model_validate(said, strict=True)
    except (TypeError, RecursionError):
        raise BadAgentToml(f"{AGENT_TOML}: there is a date or a time in it, which no key takes.") from None
    except ValidationError as error:
        raise BadAgentToml(f"{AGENT_TOML}: {_wrong(error)}.") from None
    check_prompt(spec.prompt)
    if len(spec.setup) > MOST_SETUP:
        raise BadAgentToml(f"{AGENT_TOML}: setup: at most {MOST_SETUP} commands are taken.")
    for number, command in enumerate(spec.setup):
        if not command.strip() or "\0" in command:
            raise BadAgentToml(f"{AGENT_TOML}: setup.{number}: that is no command.")
    return spec


def check_prompt(prompt: str | None) -> None:
    """Raises BadAgentToml for a path that leads out of the config, or the workspace."""
    if prompt is None:
        return
    parts = prompt.split("/")
    if not prompt or prompt.startswith("/") or "\0" in prompt or ".." in parts:
        raise BadAgentToml(f"{AGENT_TOML}: prompt: {_plain(prompt, 80)!r} leads out of the config.")


def check_prompt_text(prompt: str, content: bytes) -> None:
    """Raises BadAgentToml for what a diff would not show, or agentd would not take."""
    try:
        plain = "\0" not in content.decode("utf-8")
    except UnicodeDecodeError:
        plain = False
    if not plain:
        raise BadAgentToml(f"{AGENT_TOML}: prompt: {_plain(prompt, 80)} is no UTF-8 text.")
    if len(content) > MOST_PROMPT_BYTES:
        raise BadAgentToml(f"{AGENT_TOML}: prompt: {_plain(prompt, 80)} has more than {MOST_PROMPT_BYTES} bytes.")


def applied_to(request: SpawnRequest, spec: AgentSpec, runtime: str) -> SpawnRequest:
    """The agent as this config has it: its name, parent and repository stay. `runtime`: where the config names none.

    Raises BadAgentToml for the queen without her role.
    """
    if request.name == QUEEN and spec.role != "queen":
        raise BadAgentToml(f"{AGENT_TOML}: role: the queen stays a queen.")
    own = {key: getattr(request, key) for key in ("name", "parent", "repo", "reason", "template")}
    said = spec.model_dump()
    return SpawnRequest.model_validate({**own, **said, "runtime": spec.runtime or runtime})


def render(spec: AgentSpec, heading: str = "") -> str:
    """An agent.toml that says what differs from the defaults, and always who it is. Null has no word in TOML: such a value of
    `engine_options` and the like is left out."""
    said = {key: value for key, value in spec.model_dump().items() if key in AgentSpec.model_fields}
    defaults = {key: field.get_default(call_default_factory=True) for key, field in AgentSpec.model_fields.items()}
    kept = {
        key: value for key, value in said.items() if value is not None and (key in _FIRST or value != defaults[key])
    }
    lines = [f"# {_plain(heading, 120)}"] if heading else []
    plain = [key for key in kept if key not in _TABLES and key not in _ARRAYS]
    for key in (*(key for key in _FIRST if key in plain), *(key for key in plain if key not in _FIRST)):
        value = _said(kept[key])
        long = isinstance(value, list) and len(value) > 1 and len(toml.value(value)) > 80
        lines.append(f"{key} = {_spread(value) if long else toml.value(value)}")
    for key in _TABLES:
        if key in kept:
            lines += ["", f"[{key}]", *toml_table(kept[key])]
    for key in _ARRAYS:
        for item in kept.get(key, ()):
            lines += ["", f"[[{key}]]", *toml_table(item)]
    return "\n".join(lines) + "\n"


def toml_table(table: dict[str, Any]) -> list[str]:
    """`key = value`, one a line; what is None is left out, at any depth. Raises TypeError for what TOML has no word for."""
    return toml.lines(_said(table))


def _said(found: Any) -> Any:
    """Without what is None: TOML has no word for it."""
    if isinstance(found, dict):
        return {key: _said(item) for key, item in found.items() if item is not None}
    if isinstance(found, list):
        return [_said(item) for item in found if item is not None]
    return found


def _spread(values: list[Any]) -> str:
    return "[\n" + "".join(f"  {toml.value(value)},\n" for value in values) + "]"


def _wrong(error: ValidationError) -> str:
    """The first thing that is wrong, with its key."""
    first = error.errors()[0]
    key = _plain(".".join(str(part) for part in first["loc"]), 80) or "it"
    match first["type"]:
        case "extra_forbidden":
            return f"there is no key {key!r}; there are {', '.join(AgentSpec.model_fields)}"
        case "missing":
            return f"{key} is missing"
        case _:
            return f"{key}: {_plain(first['msg'])}"


def _plain(text: str, limit: int = 200) -> str:
    """One line of at most `limit` characters that print."""
    shown = "".join(char if char.isprintable() else " " for char in text[: limit * 4])
    return " ".join(shown.split())[:limit].removesuffix(".")


def prompt_name(path: str) -> str:
    """What a prompt that lies elsewhere is called in the config."""
    name = os.path.basename(path)
    return name if _BARE.fullmatch(name.replace(".", "")) and not name.startswith(".") else "prompt.md"
