"""Where each engine's model is, and how the engine is made to ask for it by agentd: facts that were tried, each with its version.

An engine that is not here, or cannot be led, needs a network of its own.
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from agentd.network.credentials import AUTHORIZATION
from hived.wire.agents import AgentSpec

INSIDE_HOST = "model"
"""The name of the model's host inside; it is looked up nowhere."""
ELSEWHERE = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""Claude by another company, with credentials and hosts of its own."""
_ANTHROPIC_KEYS = {
    "ANTHROPIC_API_KEY": "x-api-key",
    "ANTHROPIC_AUTH_TOKEN": AUTHORIZATION,
    "CLAUDE_CODE_OAUTH_TOKEN": AUTHORIZATION,
}
CLAUDE_LOGIN_HOSTS = ("api.anthropic.com:443", "platform.claude.com:443", "console.anthropic.com:443")
"""Where a login of Claude Code is made, and made fresh; and its model."""


@dataclass(frozen=True, slots=True)
class ModelHost:
    """`inside`: the engine's environment, of which `{socket}` is the model's socket and `{url}` its port on the loopback."""

    base: str = ""
    """Its address; empty: agentd forwards nothing."""
    base_variable: str | None = None
    """Where the operator names another."""
    keys: Mapping[str, str] = field(default_factory=dict)
    """Variables that hold a key, each with the header that it goes in (credentials.AUTHORIZATION: as a bearer)."""
    inside: Mapping[str, str] = field(default_factory=dict)
    arguments: tuple[str, ...] = ()
    """Behind its command; `{url}` as in `inside`."""
    by_port: bool = False
    """It knows no Unix socket."""
    hosts: tuple[str, ...] = ()
    """What it reaches by the proxy, as allow_hosts writes it: where it is logged in by itself, its keys are its own."""


@dataclass(frozen=True, slots=True)
class Unreachable:
    reason: str
    """A sentence, after "… cannot reach its model without a network: "."""


NOTHING = ModelHost()
"""No model, or agentd itself asks it."""


def model_host(spec: AgentSpec) -> ModelHost | Unreachable:
    if spec.engine == "claude":
        return _claude(spec)
    if spec.engine != "acp":
        return NOTHING
    agent = spec.engine_options.get("agent")
    known = _AGENTS.get(agent) if isinstance(agent, str) else None
    if known is not None:
        return known(spec)
    if isinstance(agent, str):
        return Unreachable("it has not been seen to work so.")
    return Unreachable(
        "which hosts it needs is not known; name them in allow_hosts, or start it all the same with network = false."
    )


def given(spec: AgentSpec) -> set[str]:
    """The names that its agent.toml sets."""
    return set(spec.env) | set(spec.env_from)


def _claude(spec: AgentSpec) -> ModelHost | Unreachable:
    """2.1.197 and 2.1.330. Behind the socket neither looks at a login of its own."""
    names = given(spec)
    if names & set(ELSEWHERE):
        return Unreachable("Bedrock, Vertex and Foundry have hosts and credentials of their own.")
    if not names & set(_ANTHROPIC_KEYS):
        if "ANTHROPIC_BASE_URL" not in names:
            return ModelHost(hosts=CLAUDE_LOGIN_HOSTS)
        # Its own login, at a host of the operator's: by the port, since behind the socket it is not looked at.
        return ModelHost(
            base="https://api.anthropic.com",
            base_variable="ANTHROPIC_BASE_URL",
            inside={"ANTHROPIC_BASE_URL": "{url}"},
            by_port=True,
            hosts=CLAUDE_LOGIN_HOSTS,
        )
    return ModelHost(
        base="https://api.anthropic.com",
        base_variable="ANTHROPIC_BASE_URL",
        keys=_ANTHROPIC_KEYS,
        inside={"ANTHROPIC_UNIX_SOCKET": "{socket}", "ANTHROPIC_BASE_URL": f"http://{INSIDE_HOST}"},
    )


_CODEX_PROVIDER = '{name="OpenAI", base_url="{url}", env_key="%s", wire_api="responses"}'


def _codex(spec: AgentSpec) -> ModelHost:
    """codex-acp 0.16.0."""
    key = "CODEX_API_KEY" if "CODEX_API_KEY" in given(spec) else "OPENAI_API_KEY"
    if not given(spec) & {"OPENAI_API_KEY", "CODEX_API_KEY", "OPENAI_BASE_URL"}:
        return ModelHost(hosts=("chatgpt.com:443", "auth.openai.com:443"))
    return ModelHost(
        base="https://api.openai.com/v1",
        base_variable="OPENAI_BASE_URL",
        keys={"CODEX_API_KEY": AUTHORIZATION, "OPENAI_API_KEY": AUTHORIZATION},
        inside={"OPENAI_BASE_URL": "{url}"},
        # A provider of our own: the built-in one tries WebSockets first, and waits for them.
        arguments=("-c", 'model_provider="hive"', "-c", f"model_providers.hive={_CODEX_PROVIDER % key}"),
        by_port=True,
    )


def _gemini(spec: AgentSpec) -> ModelHost:
    if "GEMINI_API_KEY" not in given(spec):
        hosts = ("cloudcode-pa.googleapis.com:443", "oauth2.googleapis.com:443", "www.googleapis.com:443")
        return ModelHost(hosts=hosts)
    return ModelHost(
        base="https://generativelanguage.googleapis.com",
        base_variable="GOOGLE_GEMINI_BASE_URL",
        keys={"GEMINI_API_KEY": "x-goog-api-key"},
        inside={"GOOGLE_GEMINI_BASE_URL": "{url}"},
        by_port=True,
    )


_OPENCODE_PROVIDERS = {
    "ANTHROPIC_API_KEY": ("anthropic", "https://api.anthropic.com/v1", "x-api-key"),
    "OPENAI_API_KEY": ("openai", "https://api.openai.com/v1", AUTHORIZATION),
    "OPENROUTER_API_KEY": ("openrouter", "https://openrouter.ai/api/v1", AUTHORIZATION),
    "OPENCODE_API_KEY": ("opencode", "https://opencode.ai/zen/v1", AUTHORIZATION),
}
_FROM_VARIABLE = re.compile(r"\{env:([A-Za-z_][A-Za-z0-9_]*)\}")
_OPENCODE_FREE = ("opencode", "https://opencode.ai/zen/v1")


def _opencode(spec: AgentSpec) -> ModelHost | Unreachable:
    """opencode 1.18.33. One provider: one that OPENCODE_CONFIG_CONTENT gives an address, else the one whose key it has."""
    written = _config_content(spec)
    own = [name for name, provider in _table(written, "provider").items() if _table(provider, "options").get("baseURL")]
    keys = [name for name in _OPENCODE_PROVIDERS if name in given(spec)]
    if len(own) > 1 or (len(keys) > 1 and not own) or "OPENCODE_CONFIG_CONTENT" in spec.env_from:
        return Unreachable("agentd forwards to one provider, and here are more.")
    if own:
        name = own[0]
        chosen = _table(written["provider"][name], "options")
        base = str(chosen["baseURL"])
        named = _FROM_VARIABLE.fullmatch(str(chosen.get("apiKey", "")))
        anthropic = written["provider"][name].get("npm") == "@ai-sdk/anthropic"
        headers = {named[1]: "x-api-key" if anthropic else AUTHORIZATION} if named else {}
    elif keys:
        name, base, header = _OPENCODE_PROVIDERS[keys[0]]
        headers = {keys[0]: header}
    else:
        (name, base), headers = _OPENCODE_FREE, {}
    provider = _table(_table(written, "provider"), name)
    options = {**_table(provider, "options"), "baseURL": "{url}"}
    config = {**written, "provider": {**_table(written, "provider"), name: {**provider, "options": options}}}
    return ModelHost(
        base=base,
        keys=headers,
        inside={"OPENCODE_CONFIG_CONTENT": json.dumps(config), "OPENCODE_DISABLE_MODELS_FETCH": "1"},
        by_port=True,
    )


_AGENTS = {"claude-agent-acp": _claude, "codex-acp": _codex, "gemini": _gemini, "opencode": _opencode}


def _config_content(spec: AgentSpec) -> dict[str, Any]:
    try:
        found = json.loads(spec.env.get("OPENCODE_CONFIG_CONTENT", "{}"))
    except ValueError:
        return {}
    return found if isinstance(found, dict) else {}


def _table(table: Any, name: str) -> dict[str, Any]:
    found = table.get(name) if isinstance(table, dict) else None
    return found if isinstance(found, dict) else {}
