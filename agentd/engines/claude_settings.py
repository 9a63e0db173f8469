"""What of Claude Code can be set per agent: its model, its thinking effort, its permission mode. Pure, but for who we are.

The models and efforts that it offers are in its answer to `initialize`, so they are known once it has run, and kept.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from agentd.engines.base import EngineFailed, Facts
from hived.wire.agents import ENGINES_OWN_MODEL, EngineAbilities, ModelOffered

EFFORTS = ("low", "medium", "high", "xhigh", "max")
"""What `--effort` takes, for as long as the CLI has not said which of them its models know."""
PERMISSION_MODES = ("default", "acceptEdits", "plan", "auto", "dontAsk", "bypassPermissions")
ASKING, PLAN = "default", "plan"
UNASKED = "bypassPermissions"
"""Asks for nothing. The CLI refuses it to root, unless IS_SANDBOX says that something else holds it."""
_OFFER_FACT = "claude_offer"
_MOST_MODELS = 100
_MOST_CHARACTERS = 500


@dataclass(slots=True)
class Settings:
    """As they are wanted now. None: the CLI's own, or what the agent's options say."""

    model: str
    effort: str | None
    permission_mode: str | None

    def checked_mode(self, option: Any, environment: Mapping[str, str] | None = None) -> str:
        """The mode in force. Raises EngineFailed for one that there is not, or that this environment may not have."""
        mode = option if self.permission_mode is None else self.permission_mode
        if mode not in PERMISSION_MODES:
            raise invalid("permission_mode", f"it is one of {', '.join(PERMISSION_MODES)}.")
        if mode == UNASKED and environment is not None and environment.get("IS_SANDBOX") != "1" and os.geteuid() == 0:
            raise invalid(
                "permission_mode",
                f"Claude Code refuses {UNASKED} to root; give it a runtime with walls (bwrap), run hived as another"
                " user, or put IS_SANDBOX=1 into the agent's env where something else walls it in.",
            )
        return str(mode)

    def checked_effort(self, offered: "Offer") -> str | None:
        if self.effort is not None and self.effort not in offered.efforts:
            raise invalid("effort", f"{self.effort!r} is none that Claude Code has: {', '.join(offered.efforts)}.")
        return self.effort


@dataclass(frozen=True, slots=True)
class Offer:
    """What the CLI said that it has."""

    models: tuple[ModelOffered, ...] = ()
    efforts: tuple[str, ...] = EFFORTS

    def abilities(self) -> EngineAbilities:
        return EngineAbilities(
            steer=True,
            interrupt=True,
            set_model=True,
            resume=True,
            compact=True,
            login=True,
            edited_input=True,
            efforts=list(self.efforts),
            permission_modes=list(PERMISSION_MODES),
        )

    @classmethod
    def of_answer(cls, answer: Mapping[str, Any]) -> "Offer":
        """Out of the answer to `initialize`; what is in no known form is left out."""
        models: list[ModelOffered] = []
        efforts: list[str] = []
        listed = answer.get("models")
        for entry in listed[:_MOST_MODELS] if isinstance(listed, list) else ():
            if not isinstance(entry, dict) or not isinstance(entry.get("value"), str) or not entry["value"]:
                continue
            models.append(
                ModelOffered(
                    name=entry["value"][:_MOST_CHARACTERS],
                    title=_text(entry.get("displayName")),
                    description=_text(entry.get("description")),
                )
            )
            levels = entry.get("supportedEffortLevels")
            if entry.get("supportsEffort") and isinstance(levels, list):
                efforts += [level for level in levels if isinstance(level, str) and level not in efforts]
        return cls(tuple(models), tuple(efforts) or EFFORTS)

    @classmethod
    def kept(cls, facts: Facts) -> "Offer":
        """What an earlier CLI of this agent said; nothing where there was none."""
        try:
            found = json.loads(facts.get(_OFFER_FACT) or "")
            return cls(tuple(ModelOffered(**model) for model in found["models"]), tuple(found["efforts"]))
        except (ValueError, TypeError, KeyError):
            return cls()

    def keep(self, facts: Facts) -> None:
        text = json.dumps({"models": [model.model_dump() for model in self.models], "efforts": self.efforts})
        if text != facts.get(_OFFER_FACT):
            facts.set(_OFFER_FACT, text)


def named_model(model: str) -> str | None:
    """The model to name to the CLI; None for its own choice."""
    return None if model in ("", ENGINES_OWN_MODEL) else model


def invalid(option: str, reason: str) -> EngineFailed:
    return EngineFailed("failed", f"{option}: {reason}", retryable=False, code="invalid_option")


def _text(value: Any) -> str:
    return value[:_MOST_CHARACTERS] if isinstance(value, str) else ""
