"""What an agent lets its client choose, a model, a mode, a level of thought, and by which call each is set. Pure.

Newer agents say it in `configOptions`; older ones and gemini in `models` and `modes`.
"""

import json
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from agentd.engines.acp_words import one_line, text_of
from hived.wire.agents import ModelOffered

MOST_CHOICES = 500
MOST_NAME_CHARACTERS = 200
MOST_DESCRIPTION_CHARACTERS = 500


@dataclass(slots=True)
class Choice:
    """One thing to choose. `config_id`: set by session/set_config_option under that id; None: by its own call."""

    current: str | None = None
    offered: list[ModelOffered] = field(default_factory=list)
    config_id: str | None = None
    own_call: bool = False
    """session/set_model or session/set_mode is known to be there."""
    first: str | None = None
    """What it was before anybody chose: the agent's own."""

    @property
    def names(self) -> list[str]:
        return [one.name for one in self.offered]


@dataclass(slots=True)
class Offers:
    model: Choice = field(default_factory=Choice)
    mode: Choice = field(default_factory=Choice)
    effort: Choice = field(default_factory=Choice)

    def take_session(self, answer: dict[str, Any]) -> None:
        """The answer to session/new or session/load."""
        self._take_listed(self.model, answer.get("models"), "availableModels", "modelId", "currentModelId")
        self._take_listed(self.mode, answer.get("modes"), "availableModes", "id", "currentModeId")
        self.take_options(answer.get("configOptions"))

    def take_options(self, options: Any) -> None:
        """`configOptions`, whole, as a session's answer or config_option_update has them."""
        for option in _dicts(options):
            kind, id = option.get("category"), text_of(option.get("id"))
            choice = {"model": self.model, "mode": self.mode, "thought_level": self.effort}.get(str(kind or id))
            if choice is None or not id or option.get("type", "select") != "select":
                continue
            choice.config_id = id
            choice.offered = list(_offered(_flat(option.get("options")), "value"))
            self._now(choice, option.get("currentValue"))

    def take_mode(self, mode: Any) -> None:
        """`current_mode_update`."""
        self._now(self.mode, mode)

    def to_text(self) -> str:
        """For a fact that outlives the harness: what was offered, not what is chosen."""
        return json.dumps(
            {
                "models": [one.model_dump() for one in self.model.offered],
                "modes": self.mode.names,
                "efforts": self.effort.names,
            }
        )

    @classmethod
    def from_text(cls, text: str | None) -> "Offers":
        """One that was never written, or cannot be read, offers nothing."""
        offers = cls()
        try:
            found = json.loads(text or "{}")
            offers.model.offered = [ModelOffered.model_validate(one) for one in found.get("models", [])]
            offers.mode.offered = [ModelOffered(name=str(name)) for name in found.get("modes", [])]
            offers.effort.offered = [ModelOffered(name=str(name)) for name in found.get("efforts", [])]
        except (ValueError, AttributeError, TypeError):
            return cls()
        return offers

    def _take_listed(self, choice: Choice, found: Any, listed: str, id: str, current: str) -> None:
        if not isinstance(found, dict):
            return
        choice.own_call = True
        choice.offered = list(_offered(_dicts(found.get(listed)), id))
        self._now(choice, found.get(current))

    def _now(self, choice: Choice, value: Any) -> None:
        name = one_line(text_of(value), MOST_NAME_CHARACTERS)
        if name:
            choice.current = name
            choice.first = choice.first or name


def _offered(options: Iterable[dict[str, Any]], id: str) -> Iterable[ModelOffered]:
    for number, option in enumerate(options):
        name = text_of(option.get(id))
        if not name or len(name) > MOST_NAME_CHARACTERS or not name.isprintable():
            continue  # it could neither be shown nor be kept in a file of one line
        if number >= MOST_CHOICES:
            return
        yield ModelOffered(
            name=name,
            title=one_line(text_of(option.get("name")), MOST_NAME_CHARACTERS),
            description=one_line(text_of(option.get("description")), MOST_DESCRIPTION_CHARACTERS),
        )


def _flat(options: Any) -> Iterable[dict[str, Any]]:
    """Options may stand in groups."""
    for option in _dicts(options):
        if isinstance(option.get("options"), list):
            yield from _dicts(option["options"])
        else:
            yield option


def _dicts(value: Any) -> Iterable[dict[str, Any]]:
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else ()
