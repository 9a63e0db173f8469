"""What the harness knows of itself: turn state, conditions, session, model. Every change is journalled; the whole is the
StatusReport."""

import os
from collections.abc import Callable, Sequence

from agentd.conditions import Conditions
from agentd.journal import Journal
from agentd.sessions import Sessions
from hived.wire.agents import EngineAbilities, ModelOffered, TurnStateName
from hived.wire.control import StatusReport
from hived.wire.times import utc_now
from hived.wire.turns import Cost, Ctx


class Status:
    """One per harness. `on_news` is told of what no event carries: abilities, the models offered, a pause."""

    def __init__(self, journal: Journal, conditions: Conditions, sessions: Sessions, model: str) -> None:
        self._journal = journal
        self.conditions = conditions
        self.sessions = sessions
        self.turn_state: TurnStateName = "idle"
        self._since = utc_now()
        self.turn_id: str | None = None
        self.until: str | None = None
        """It naps until then, from the end of its turn on if it is in one."""
        self.paused = False
        """Everything of it stands still."""
        self.model = model
        self.models: tuple[ModelOffered, ...] = ()
        self.ctx: Ctx | None = None
        """Of the conversation as it stands; None where that is not known."""
        self.cost: Cost | None = None
        """Of the last turn that said it."""
        self.abilities = EngineAbilities()
        self.on_news: Callable[[], None] = lambda: None

    def report(self) -> StatusReport:
        return StatusReport(
            turn_state=self.turn_state,
            turn_state_since=self._since,
            turn_id=self.turn_id,
            turn_until=self.until,
            model=self.model,
            models=list(self.models),
            session_id=self.sessions.id,
            session=self.sessions.view(),
            ctx=self.ctx,
            cost=self.cost,
            abilities=self.abilities,
            conditions=self.conditions.all(),
            paused=self.paused,
            pid=os.getpid(),
        )

    def turn_begins(self, turn_id: str) -> None:
        """Its turn_start says it; that a nap goes on after it is said beside it."""
        self._become("thinking", turn_id)
        if self.until is not None:
            self._say()

    def turn_ends(self) -> None:
        """Its turn_end says it; that it naps now is said beside it."""
        self._become(self._at_rest(), None)
        if self.until is not None:
            self._say()

    def set_turn(self, state: TurnStateName, turn_id: str | None) -> None:
        if (state, turn_id) != (self.turn_state, self.turn_id):
            self._become(state, turn_id)
            self._say()

    def nap(self, until: str | None) -> None:
        """Said even where nothing changed: somebody waits for the word."""
        self.restore_nap(until)
        self._say()

    def restore_nap(self, until: str | None) -> None:
        self.until = until
        if self.turn_id is None and self.turn_state != self._at_rest():
            self._become(self._at_rest(), None)

    def set_model(self, model: str) -> None:
        if model != self.model:
            self._journal.append("model_changed", {"model": model, "previous": self.model})
            self.model = model

    def set_engine(self, abilities: EngineAbilities, models: Sequence[ModelOffered]) -> None:
        """What the engine can do, and what it offers; nothing offered leaves what was known."""
        offered = tuple(models) or self.models
        if (abilities, offered) != (self.abilities, self.models):
            self.abilities, self.models = abilities.model_copy(deep=True), offered
            self.on_news()

    def _at_rest(self) -> TurnStateName:
        return "idle" if self.until is None else "napping"

    def _become(self, state: TurnStateName, turn_id: str | None) -> None:
        self.turn_state, self.turn_id, self._since = state, turn_id, utc_now()

    def _say(self) -> None:
        payload = {"state": self.turn_state, "turn_id": self.turn_id, "until": self.until}
        self._journal.append("turn_state_changed", payload)
