"""Whether Claude Code has what it needs to reach its model: told by the environment, else by `claude auth status`. Pure."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from hived.wire.agents import EngineLogin
from hived.wire.times import from_text

STATUS_COMMAND = ("auth", "status")
STATUS_SECONDS = 10.0
"""It answers in 0.2 to 0.4 s; a machine under load may need more."""
SOON = timedelta(days=1)
"""A login that ends within this is worth a word."""
_KEYS = ("ANTHROPIC_API_KEY", "ANTHROPIC_AUTH_TOKEN", "CLAUDE_CODE_OAUTH_TOKEN")
_ELSEWHERE = ("CLAUDE_CODE_USE_BEDROCK", "CLAUDE_CODE_USE_VERTEX", "CLAUDE_CODE_USE_FOUNDRY")
"""Another company's account, with credentials of its own."""


@dataclass(frozen=True, slots=True)
class Account:
    """What `claude auth status` says."""

    logged_in: bool
    method: str = ""
    """`none`, `api_key`, `oauth_token`, `claude.ai`, `third_party`, …"""
    plan: str = ""
    expires_at: str | None = None
    """When the login must be made anew, where that is known (2.1.197 does not say)."""

    @classmethod
    def read(cls, output: bytes | str) -> "Account | None":
        """None for what is no answer."""
        try:
            found = json.loads(output)
            logged_in = found["loggedIn"]
        except (ValueError, KeyError, TypeError):
            return None
        if not isinstance(logged_in, bool):
            return None
        expires_at = found.get("loginExpiresAt")
        return cls(
            logged_in,
            str(found.get("authMethod") or "")[:80],
            str(found.get("subscriptionType") or "")[:80],
            expires_at if isinstance(expires_at, str) and _moment(expires_at) is not None else None,
        )

    @property
    def login(self) -> EngineLogin:
        if not self.logged_in:
            return "out"
        return "key" if self.method == "api_key" else "in"

    @property
    def detail(self) -> str:
        """One line of it for people; empty where there is nothing to say."""
        if not self.logged_in:
            return ""
        words = [word for word in (self.method.replace("_", " "), self.plan) if word]
        return ", ".join(words + ([f"until {self.expires_at}"] if self.expires_at else []))

    def ends_soon(self, now: datetime | None = None) -> bool:
        end = _moment(self.expires_at or "")
        return self.logged_in and end is not None and end - (now or datetime.now(UTC)) < SOON


def has_credentials(environment: Mapping[str, str]) -> bool:
    """The environment alone holds what is needed, so that no login is."""
    return any(environment.get(name) for name in _KEYS) or any(
        environment.get(name, "").lower() in ("1", "true", "yes", "on") for name in _ELSEWHERE
    )


def _moment(text: str) -> datetime | None:
    try:
        moment = from_text(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)
