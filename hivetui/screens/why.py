"""Why an agent is in its state: everything that explains it on one screen, and what to do next as keys."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container
from textual.timer import Timer

from hived.wire.agents import AgentDetail
from hived.wire.deployments import Deployment
from hivetui.intents import CancelTurn
from hivetui.keymap import KEYS, bindings_of, footer_of
from hivetui.life_intents import BringWorkHome, Inspect, LookAtWork
from hivetui.outcomes import Outcome
from hivetui.screens.asks import Asked, LogsShown, Noted
from hivetui.screens.diff import DiffScreen
from hivetui.screens.help import HelpScreen
from hivetui.screens.lives import ActsOnAgents, Deed, fits, is_frozen
from hivetui.state.agents import Agent
from hivetui.state.clock import Clock
from hivetui.state.deployments import is_under_way, of_agent, running
from hivetui.state.hive import HiveState, Notice
from hivetui.state.logs import LogOf
from hivetui.widgets.footer import KeyFooter
from hivetui.widgets.header import Header
from hivetui.widgets.lines import Line, wrapped
from hivetui.widgets.reading import Reading
from hivetui.widgets.why_lines import SHOWN_LOGS, Why, history_lines, log_lines, next_steps, state_lines, step_lines

SIDE_BY_SIDE = 120
AGAIN_SECONDS = 0.2
"""What happened meanwhile is there after so long."""
LIFE_KEYS: dict[str, Deed] = {
    "why.start": "start",
    "why.stop": "stop",
    "why.restart": "restart",
    "why.kill": "kill",
}


class WhyScreen(ActsOnAgents):
    CSS_PATH = Path(__file__).with_suffix(".tcss")
    BINDINGS: ClassVar[list[BindingType]] = [*bindings_of("why")]

    def __init__(self, state: HiveState, clock: Clock, go: Callable[[str | None], object], agent: str) -> None:
        super().__init__()
        self.state = state
        self.clock = clock
        self._go_to = go
        self._of = agent
        self._detail: AgentDetail | None = None
        self._error = ""
        self._again: Timer | None = None
        self._seen: object = None
        self._header = Header()
        self._facts = Reading(id="facts")
        self._past = Reading(id="past")
        self._footer = KeyFooter()

    def compose(self) -> ComposeResult:
        yield self._header
        yield Container(self._facts, self._past, id="why")
        yield self._footer

    def on_mount(self) -> None:
        self._past.can_focus = False
        self.set_focus(self._facts)
        self.action_again()
        self.post_message(LogsShown())
        self.draw(self.state)

    def on_resize(self) -> None:
        self.set_class(self.size.width < SIDE_BY_SIDE, "-narrow")
        self.call_after_refresh(lambda: self.draw(self.state))

    @property
    def logs(self) -> frozenset[LogOf]:
        """They come as they are written."""
        return frozenset(LogOf(self._of, which) for which in SHOWN_LOGS)

    @property
    def agent(self) -> Agent | None:
        return self.state.agents.get(self._of)

    # Drawing -----------------------------------------------------------------------------------------------

    def draw(self, state: HiveState) -> None:
        """Show this state as of now; what is not in it is asked for again where the agent's life went on."""
        self.state = state
        if not self.is_mounted:
            return
        agent = self.agent
        self._header.show(state, self.clock())
        self._facts.border_title = f"why · {self._of}"
        self._past.border_title = "what happened"
        if agent is None:
            self._show_gone()
        else:
            seen = (agent.lifecycle, agent.lifecycle_since, agent.online, agent.deploying, agent.commit)
            if self._seen not in (None, seen) and self._again is None:
                self._again = self.set_timer(AGAIN_SECONDS, self.action_again)
            self._seen = seen
            self._show(agent)
        labels = {"why.pause": "resume"} if agent is not None and is_frozen(agent) else None
        self._footer.show(footer_of("why", without=self._idle(agent), labels=labels), state.notice, ())

    def _show(self, agent: Agent) -> None:
        now, narrow = self.clock(), self.size.width < SIDE_BY_SIDE
        width = self._facts.width
        if width <= 8:
            return
        heard = max(agent.last_event_at or "", self._detail.last_byte_at or "" if self._detail else "")
        why = Why(agent, self._detail, self._deployment(agent), heard, self._error)
        steps = next_steps(agent, why.last_byte_at, now)
        shown = {key.id: key.shown.split()[0] for key in KEYS}
        doing = step_lines([(shown[step.key], step.says) for step in steps], width)
        head, *rest = _split(state_lines(why, now, width))
        lines = [*head, *([(), *doing] if doing else []), *rest[0]]
        past_width = width if narrow else self._past.width
        past = [
            *history_lines(self._detail.history if self._detail else None, now, past_width),
            (),
            *log_lines({of.which: log for of, log in self.state.logs.items() if of in self.logs}, now, past_width),
        ]
        self._facts.show(self._of, [*lines, (), *past] if narrow else lines)
        self._past.show(self._of, [] if narrow else past)

    def _show_gone(self) -> None:
        said = f"{self._of} is no longer among the agents. If it was destroyed, its tombstone keeps what was its."
        lines: list[Line] = [
            *wrapped([(said, "text")], max(10, self._facts.width)),
            (),
            (("T", "key"), (" tombstones", "text")),
        ]
        self._facts.show(None, lines)
        self._past.show(None, [])

    def _deployment(self, agent: Agent) -> Deployment | None:
        known = self.state.deployments
        under_way = next((found for found in of_agent(known, agent.name) if is_under_way(found)), None)
        return under_way or running(known, agent.name)

    def _idle(self, agent: Agent | None) -> frozenset[str]:
        """Keys that do nothing now."""
        keys = {key.id for key in KEYS if key.where == "why"}
        if agent is None:
            return frozenset(keys - {"why.help", "why.back"})
        idle = {id for id, deed in LIFE_KEYS.items() if not fits(deed, agent)}
        if agent.lifecycle in ("stopped", "parked") and not agent.paused:
            idle.add("why.pause")
        if agent.condition("needs_login") is None:
            idle.add("why.login")
        if not agent.waiting:
            idle.add("why.waiting")
        if agent.repo is None:
            idle.add("why.work")
        if not agent.in_turn:
            idle.add("why.cancel")
        return frozenset(idle)

    def finished(self, outcome: Outcome) -> None:
        if outcome.intent == Inspect(self._of):
            self._detail = outcome.loaded if isinstance(outcome.loaded, AgentDetail) else self._detail
            self._error = outcome.notice.text if outcome.notice is not None else ""
        else:
            return
        self.draw(self.state)

    # Keys --------------------------------------------------------------------------------------------------

    def action_again(self) -> None:
        self._again = None
        self.post_message(Asked(Inspect(self._of)))

    def action_act(self, deed: Deed) -> None:
        if deed == "pause":
            self.pause_or_resume((self._of,))
        else:
            self.act_on(deed, (self._of,))

    def action_cancel_turn(self) -> None:
        agent = self.agent
        if agent is not None:
            self.post_message(Asked(CancelTurn(agent.name)))

    def action_log_in(self) -> None:
        self._leave_for(f"agent:{self._of}", f"go:/login {self._of}")

    def action_waiting(self) -> None:
        self._leave_for(f"agent:{self._of}", "go:waiting")

    def action_deployments(self) -> None:
        self._leave_for(f"agent:{self._of}", "go:deployments")

    def action_work(self) -> None:
        agent = self.agent
        if agent is None or agent.repo is None:
            self.post_message(Noted(Notice(f"{self._of} has no clone of a repository.")))
            return
        self.app.push_screen(
            DiffScreen(self.state, self.clock, LookAtWork(agent.name), fetch=BringWorkHome(agent.name))
        )

    def _leave_for(self, *places: str) -> None:
        self.dismiss()
        for place in places:
            self._go_to(place)

    def action_scroll_by(self, lines: int) -> None:
        self._facts.scroll_relative(y=lines, animate=False, immediate=True)

    def action_scroll_pages(self, pages: int) -> None:
        """What happened is the longer one where both stand side by side."""
        (self._facts if self.size.width < SIDE_BY_SIDE else self._past).scroll_pages(pages)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("why"))

    def action_back(self) -> None:
        self.dismiss()

    async def on_key_footer_hint_clicked(self, event: KeyFooter.HintClicked) -> None:
        await self.run_action(next(key.action for key in KEYS if key.id == event.key_id))


def _split(lines: list[Line]) -> tuple[list[Line], list[Line]]:
    """The headline with its cause, and the facts below the first empty line."""
    at = lines.index(())
    return lines[:at], lines[at:]
