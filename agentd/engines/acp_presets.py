"""The agents of the Agent Client Protocol that are known by name, and what is particular to each. Facts alone.

Each is started so that what changes something is asked for: a repository's own settings may allow no tool.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any

_CLAUDE_PAST_THE_HIVE = (
    "AskUserQuestion", "CronCreate", "ListAgents", "ScheduleWakeup", "SendMessage",
)  # fmt: skip
"""Claude Code's own ways to ask, to write to other sessions and to wake itself: the hive would see none of it."""
_OPENCODE_PERMISSION = {
    "*": "ask", "read": "allow", "glob": "allow", "grep": "allow", "list": "allow", "lsp": "allow", "todoread": "allow",
    "todowrite": "allow", "skill": "allow", "hive_*": "allow",
}  # fmt: skip
"""It asks nobody by default. The last one that fits counts."""


@dataclass(frozen=True, slots=True)
class Preset:
    """One agent. `program` is looked for on PATH; nothing is ever downloaded."""

    title: str
    """As in a sentence."""
    program: str
    arguments: tuple[str, ...]
    install: str
    login: str
    """What to do where it is not logged in, after "… is not logged in: "."""
    environment: Mapping[str, str] = field(default_factory=dict)
    """Defaults; `{home}` is the agent's home."""
    keys: Mapping[str, str | None] = field(default_factory=dict)
    """Variables that hold a key it can use, each with the `authenticate` method that takes it, where it needs one."""
    credentials: tuple[str, ...] = ()
    """Files below HOME that a login leaves behind."""
    free: bool = False
    """It has models that need no login."""
    mode: str | None = None
    """The mode that asks; None: its own default does."""
    compact: bool = False
    """It takes `/compact`; known before it says so itself."""
    project_files: bool = True
    """It reads a project's CLAUDE.md or AGENTS.md by itself."""
    session_meta: Mapping[str, Any] = field(default_factory=dict)
    """`_meta` of session/new and session/load."""
    titled: bool = False
    """The first title of a tool call is the tool's name."""
    asks_by_server: bool = False
    """It asks for an MCP server's tool with a record of its own, in which the model has no word."""
    lost_after_error: bool = False
    """A prompt that comes right behind a turn that failed may never be answered: it is started again before."""
    system_prompt: bool = False
    """It takes `_meta.systemPrompt.append`; to any other the preamble is told at the head of its first prompt."""


PRESETS: Mapping[str, Preset] = MappingProxyType({
    "claude-agent-acp": Preset(
        title="Claude Agent",
        program="claude-agent-acp",
        arguments=(),
        install="npm install -g @agentclientprotocol/claude-agent-acp",
        login="give it ANTHROPIC_API_KEY or CLAUDE_CODE_OAUTH_TOKEN by env_from, or run `claude auth login` with"
        " CLAUDE_CONFIG_DIR={home}/.claude.",
        environment={
            "CLAUDE_CONFIG_DIR": "{home}/.claude",
            "CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC": "1",
            "CLAUDE_CODE_MAX_RETRIES": "3",
            "DISABLE_AUTOUPDATER": "1",
        },
        keys={"ANTHROPIC_API_KEY": None, "CLAUDE_CODE_OAUTH_TOKEN": None, "ANTHROPIC_AUTH_TOKEN": None},
        credentials=(".claude/.credentials.json",),
        mode="default",
        compact=True,
        project_files=False,
        session_meta={
            "claudeCode": {"options": {"settingSources": [], "disallowedTools": list(_CLAUDE_PAST_THE_HIVE)}}
        },
        system_prompt=True,
    ),
    "codex-acp": Preset(
        title="Codex",
        program="codex-acp",
        # What surrounds it is the hive's runtime: a sandbox of its own within does not start, and its commands then fail
        # without a word. So it has none, and asks for every command that is not known to only read.
        arguments=("-c", 'sandbox_mode="danger-full-access"', "-c", 'approval_policy="untrusted"'),
        install="npm install -g @zed-industries/codex-acp",
        login="give it OPENAI_API_KEY or CODEX_API_KEY by env_from, or run `codex login` with CODEX_HOME={home}/.codex.",
        keys={"CODEX_API_KEY": "codex-api-key", "OPENAI_API_KEY": "openai-api-key"},
        credentials=(".codex/auth.json",),
        compact=True,
        asks_by_server=True,
        lost_after_error=True,
    ),
    "gemini": Preset(
        title="Gemini CLI",
        program="gemini",
        arguments=("--acp",),
        install="npm install -g @google/gemini-cli",
        login="give it GEMINI_API_KEY by env_from, or run `gemini` once with HOME={home}.",
        keys={"GEMINI_API_KEY": "gemini-api-key", "GOOGLE_API_KEY": "vertex-ai"},
        credentials=(".gemini/oauth_creds.json",),
        mode="default",
    ),
    "opencode": Preset(
        title="OpenCode",
        program="opencode",
        arguments=("acp",),
        install="npm install -g opencode-ai",
        login="give it its provider's key by env_from, or run `opencode auth login` with HOME={home}.",
        environment={
            "OPENCODE_PERMISSION": json.dumps(_OPENCODE_PERMISSION),
            "OPENCODE_DISABLE_PROJECT_CONFIG": "1",
            "OPENCODE_DISABLE_AUTOUPDATE": "1",
        },
        keys={"OPENCODE_API_KEY": None, "ANTHROPIC_API_KEY": None, "OPENAI_API_KEY": None, "OPENROUTER_API_KEY": None},
        credentials=(".local/share/opencode/auth.json",),
        free=True,
        titled=True,
    ),
    "goose": Preset(
        title="Goose",
        program="goose",
        arguments=("acp",),
        install="brew install block-goose-cli, or a release from github.com/block/goose",
        login="give it GOOSE_PROVIDER by env and its provider's key by env_from, or run `goose configure` with HOME={home}.",
        environment={"GOOSE_MODE": "approve"},
        keys={"ANTHROPIC_API_KEY": None, "OPENAI_API_KEY": None, "GOOGLE_API_KEY": None, "OPENROUTER_API_KEY": None},
        credentials=(".config/goose/config.yaml",),
    ),
})  # fmt: skip

ANY = Preset(
    title="The agent",
    program="",
    arguments=(),
    install="",
    login="log it in by its own means with HOME={home}, or give it its key by env_from.",
)
"""An agent that is named by its command alone."""
