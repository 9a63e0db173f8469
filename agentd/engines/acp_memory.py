"""What an agent offered when it last ran, kept over harnesses: its models can be picked before it is started again."""

import contextlib
import json
from collections.abc import Sequence

from agentd.engines.acp_offers import Offers
from agentd.engines.base import Facts
from hived.wire.agents import EngineAbilities, ModelOffered

_FACT = "acp_offers"


class Memory:
    """Of one agent, told by its command line: another one remembers nothing of it."""

    def __init__(self, facts: Facts, command: Sequence[str], compacts: str) -> None:
        """`compacts`: what is known before it ever ran."""
        self.offers = Offers()
        self.compacts = compacts
        """The name of its slash command that makes the conversation shorter; empty where it has none."""
        self._facts = facts
        self._command = list(command)
        with contextlib.suppress(ValueError, TypeError):
            known, found, offers = json.loads(facts.get(_FACT) or "")
            if known == self._command:
                self.compacts, self.offers = str(found), Offers.from_text(offers)

    def keep(self) -> None:
        known = json.dumps([self._command, self.compacts, self.offers.to_text()])
        if known != self._facts.get(_FACT):
            self._facts.set(_FACT, known)

    @property
    def abilities(self) -> EngineAbilities:
        return EngineAbilities(
            interrupt=True,
            set_model=True,
            resume=True,
            compact=bool(self.compacts),
            efforts=self.offers.effort.names,
            permission_modes=self.offers.mode.names,
            closed_models=bool(self.offers.model.offered),
        )

    @property
    def models(self) -> tuple[ModelOffered, ...]:
        return tuple(self.offers.model.offered)
