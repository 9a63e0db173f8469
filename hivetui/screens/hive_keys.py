"""What the keys and slash commands of the hive screen do. The screen itself, which draws, is in `hive.py`."""

from collections.abc import Callable
from dataclasses import replace

from textual.screen import Screen
from textual.widget import Widget

from hivetui.commands import NotACommand, ShowScreen, parsed
from hivetui.intents import CancelTurn, SetModel
from hivetui.keymap import KEYS
from hivetui.screens.asks import Asked, Noted
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.first_run import FirstRunScreen
from hivetui.screens.help import HelpScreen
from hivetui.screens.inbox import InboxScreen
from hivetui.screens.picker import PickerScreen
from hivetui.screens.places import agent_choices, model_choices, place_choices
from hivetui.screens.prompt import PromptScreen
from hivetui.state.agents import Agent
from hivetui.state.clock import Clock, running
from hivetui.state.hive import HiveState, Notice
from hivetui.state.view import View
from hivetui.widgets.agent_list import AgentList
from hivetui.widgets.composer import Composer
from hivetui.widgets.pane import PaneGrid
from hivetui.widgets.waiting_list import WaitingList


class HiveKeys(Screen[None]):
    """The acting half of the hive screen."""

    state: HiveState
    view: View
    agents: AgentList
    grid: PaneGrid
    waiting: WaitingList
    composer: Composer
    clock: Clock

    def draw(self, state: HiveState) -> None:
        raise NotImplementedError

    def focus_agent(self, name: str) -> None:
        raise NotImplementedError

    @property
    def focused_agent(self) -> Agent | None:
        return self.state.agents.get(self.view.focused or "")

    # Commands ----------------------------------------------------------------------------------------------

    async def run_key(self, key_id: str) -> None:
        """Do what that key does."""
        await self.run_action(next(key.action for key in KEYS if key.id == key_id))

    def run_command(self, text: str) -> bool:
        """Do what that slash command says; False where it is none."""
        agent = self.focused_agent
        match parsed(text, self.view.focused, agent.engine if agent else None):
            case NotACommand(why):
                self.post_message(Noted(Notice(why, "bad")))
                return False
            case ShowScreen(what, argument):
                return self._go(what, argument)
            case CancelTurn():
                self.action_cancel_turn()
            case intent:
                self.post_message(Asked(intent))
        return True

    def _go(self, what: str, argument: str = "") -> bool:
        if what == "go":
            if argument not in self.state.agents:
                self.post_message(Noted(Notice(f"There is no agent {argument!r}.", "bad", "agent_not_found")))
                return False
            self.focus_agent(argument)
        elif what.startswith("/"):
            self.run_command(what)
        elif what == "spawn":
            self.action_new_agent(*argument.split())
        else:
            actions: dict[str, Callable[[], None]] = {
                "help": self.action_help,
                "inbox": self.action_inbox,
                "model": self.action_model,
                "quit": self.action_leave,
                "waiting": self.action_waiting,
            }
            actions[what]()
        return True

    # Keys --------------------------------------------------------------------------------------------------

    def action_waiting(self) -> None:
        if not self.state.waiting.items:
            self.post_message(Noted(Notice("Nothing waits on you.")))
            return
        self.view = replace(self.view, zoomed=False)
        self.set_focus(self.waiting)
        self.draw(self.state)

    def action_write(self) -> None:
        self.set_focus(self.composer.area)

    def action_agents(self) -> None:
        if self.view.zoomed:
            self.view = replace(self.view, zoomed=False)
        elif self.view.filter and self.agents.has_focus:
            self.view = replace(self.view, filter="")
        if self.state.notice is not None:
            self.post_message(Noted(None))
        self.set_focus(self.agents)
        self.draw(self.state)

    def action_focus_agent(self, number: int) -> None:
        listed = self.agents.agents
        if 0 < number <= len(listed):
            self.focus_agent(listed[number - 1].name)

    def action_zoom(self) -> None:
        self.view = replace(self.view, zoomed=not self.view.zoomed)
        self.draw(self.state)
        if self.view.zoomed and (pane := self.grid.panes.get(self.view.focused or "")):
            self.call_after_refresh(pane.focus)
        else:
            self.call_after_refresh(lambda: self.draw(self.state))

    def action_next_part(self, step: int = 1) -> None:
        """Agents, the focused agent's pane, what waits, the composer, and round again."""
        ring: list[Widget] = [self.agents, self.waiting, self.composer.area]
        if (pane := self.grid.panes.get(self.view.focused or "")) is not None:
            ring.insert(1, pane)
        if self.view.zoomed:
            ring = [part for part in ring if part not in (self.agents, self.waiting)]
        at = next((index for index, part in enumerate(ring) if part.has_focus), -1)
        self.set_focus(ring[(at + step) % len(ring)])

    def action_previous_part(self) -> None:
        self.action_next_part(-1)

    def action_model(self) -> None:
        agent = self.focused_agent
        if agent is None:
            return

        def chosen(model: str | None) -> None:
            if model:
                self.post_message(Asked(SetModel(agent.name, model)))

        self.app.push_screen(
            PickerScreen(f"model of {agent.name}", model_choices(self.state, agent), free=True), chosen
        )

    def action_cancel_turn(self) -> None:
        agent = self.focused_agent
        if agent is None:
            return
        if not agent.busy:
            self.post_message(Asked(CancelTurn(agent.name)))
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.post_message(Asked(CancelTurn(agent.name)))

        question = f"Cancel {agent.name}'s turn? It has run for {running(agent.turn_since, self.clock())}."
        self.app.push_screen(ConfirmScreen(question, "cancel the turn"), confirmed)

    def action_inbox(self) -> None:
        self.app.push_screen(InboxScreen(self.state, self.clock))

    def action_filter(self) -> None:
        def changed(text: str) -> None:
            self.view = replace(self.view, filter=text)
            self.draw(self.state)

        before = self.view.filter
        self.app.push_screen(
            PromptScreen("show only agents with", before, "name, model, engine or state", changed),
            lambda text: changed(before if text is None else text),
        )

    def action_new_agent(self, name: str = "", engine: str = "") -> None:
        if self.state.notice is not None:
            self.post_message(Noted(None))
        self.app.push_screen(FirstRunScreen(self.state, self.clock, name, engine))

    def action_goto(self) -> None:
        choices = [*agent_choices(self.state), *place_choices()]
        self.app.push_screen(PickerScreen("go to", choices), lambda where: self._went(where))

    def _went(self, where: str | None) -> None:
        if where is not None:
            kind, _, what = where.partition(":")
            self._go("go", what) if kind == "agent" else self._go(what)

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen())

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_leave(self) -> None:
        self.app.exit()
