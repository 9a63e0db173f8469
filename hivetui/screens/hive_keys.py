"""What the keys and slash commands of the hive screen do. The screen itself, which draws, is in `hive.py`."""

from collections.abc import Callable
from dataclasses import replace

from textual.widget import Widget

from hivetui.commands import COMMANDS, ActOnAll, NotACommand, ShowScreen, parsed
from hivetui.controller import Outcome
from hivetui.intents import (
    CancelTurn,
    Compact,
    Intent,
    ListModels,
    NewSession,
    Rebuild,
    SetEffort,
    SetModel,
    SetPermissionMode,
)
from hivetui.keymap import KEYS, LISTINGS
from hivetui.life_intents import Act, Destroy
from hivetui.screens.asks import Asked, Noted
from hivetui.screens.confirm import ConfirmScreen
from hivetui.screens.doctor import DoctorScreen
from hivetui.screens.first_run import FirstRunScreen, confirm_rebuild
from hivetui.screens.help import HelpScreen
from hivetui.screens.hive_lives import HiveLives
from hivetui.screens.inbox import InboxScreen
from hivetui.screens.listings import listing_of
from hivetui.screens.login import LoginScreen
from hivetui.screens.picker import Offer, PickerScreen
from hivetui.screens.places import (
    OWN,
    agent_choices,
    effort_choices,
    mode_choices,
    model_choices,
    offered_choices,
    place_choices,
)
from hivetui.screens.prompt import PromptScreen
from hivetui.state.agents import is_loose
from hivetui.state.clock import running
from hivetui.state.hive import Notice
from hivetui.widgets.composer import Composer
from hivetui.widgets.pane import PaneGrid
from hivetui.widgets.waiting_list import WaitingList


class HiveKeys(HiveLives):
    """The acting half of the hive screen."""

    grid: PaneGrid
    waiting: WaitingList
    composer: Composer

    # Commands ----------------------------------------------------------------------------------------------

    async def run_key(self, key_id: str) -> None:
        """Do what that key does."""
        await self.run_action(next(key.action for key in KEYS if key.id == key_id))

    def run_command(self, text: str) -> bool:
        """Do what that slash command says; False where it is none."""
        agent = self.focused_agent
        names = tuple(name for name in self.chosen if name in self.view.marked)
        match parsed(text, self.view.focused, agent.engine if agent else None, names):
            case NotACommand(why):
                self.post_message(Noted(Notice(why, "bad")))
                return False
            case ShowScreen(what, argument):
                return self._go(what, argument)
            case CancelTurn():
                self.action_cancel_turn()
            case Act(verb, agents):
                self.act_on(verb, agents)
            case Destroy(agents):
                self.act_on("destroy", agents)
            case ActOnAll() as every:
                self.act_on_all(every)
            case NewSession() as intent:
                self._confirm_new_session(intent)
            case SetPermissionMode(_, mode) as intent if mode and is_loose(mode):
                self._confirm_loose(intent)
            case Rebuild() as intent:
                self.rebuild(intent)
            case Compact(name) as intent:
                self.post_message(Noted(Notice(f"{name} compacts its conversation…")))
                self.post_message(Asked(intent))
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
            command = next((command for command in COMMANDS if command.name == what[1:]), None)
            if command is not None and not command.stands_alone:
                self.begin_command(command.name)
            else:
                self.run_command(what)
        elif what == "login":
            self.log_in(argument)
        elif what == "spawn":
            self.action_new_agent(*argument.split())
        elif what in LISTINGS:
            self.app.push_screen(listing_of(what, self.state, self.clock, self.went, self.view.focused))
        else:
            actions: dict[str, Callable[[], None]] = {
                "help": self.action_help,
                "inbox": self.action_inbox,
                "model": self.action_model,
                "effort": self.action_effort,
                "permission-mode": self.action_permission_mode,
                "rebuild": lambda: self.action_rebuild(argument),
                "doctor": self.action_doctor,
                "quit": self.action_leave,
                "waiting": self.action_waiting,
                "why": lambda: self.action_why(argument),
                "work": lambda: self.action_work(argument),
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
        elif self.agents.has_focus and not self.unmark() and self.view.filter:
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
        """What its engine offers, once hived has said it; until then what is known without asking."""
        agent = self.focused_agent
        if agent is None:
            return

        def chosen(model: str | None) -> None:
            if model:
                self.post_message(Asked(SetModel(agent.name, model)))

        def heard(outcome: Outcome) -> Offer | None:
            if outcome.intent != ListModels(agent.name) or outcome.models is None:
                return None
            offered = outcome.models
            if not offered.models:
                about = f"{agent.engine} has not said what it offers; it does once it has run, if it can."
                return Offer(model_choices(self.state, agent), True, about)
            about = "It takes none but these." if offered.closed else "Another name may be typed."
            return Offer(offered_choices(offered), not offered.closed, about)

        picker = PickerScreen(
            f"model of {agent.name}",
            model_choices(self.state, agent),
            free=not agent.abilities.closed_models,
            heard=heard,
        )
        self.app.push_screen(picker, chosen)
        self.post_message(Asked(ListModels(agent.name)))

    def action_effort(self) -> None:
        agent = self.focused_agent
        if agent is None:
            return
        if not agent.abilities.efforts:
            self.post_message(Noted(Notice(f"The engine of {agent.name} ({agent.engine}) has no effort to set.")))
            return

        def chosen(effort: str | None) -> None:
            if effort:
                self.post_message(Asked(SetEffort(agent.name, None if effort == OWN else effort)))

        self.app.push_screen(PickerScreen(f"effort of {agent.name}", effort_choices(agent), at=agent.effort), chosen)

    def action_permission_mode(self) -> None:
        agent = self.focused_agent
        if agent is None:
            return
        if not agent.abilities.permission_modes:
            said = f"The engine of {agent.name} ({agent.engine}) has no permission mode to set."
            self.post_message(Noted(Notice(said)))
            return

        def chosen(mode: str | None) -> None:
            if mode and is_loose(mode):
                self._confirm_loose(SetPermissionMode(agent.name, mode))
            elif mode:
                self.post_message(Asked(SetPermissionMode(agent.name, None if mode == OWN else mode)))

        title = f"permission mode of {agent.name}"
        self.app.push_screen(PickerScreen(title, mode_choices(agent), at=agent.permission_mode), chosen)

    def _confirm_loose(self, intent: SetPermissionMode) -> None:
        agent = self.state.agents.get(intent.agent)
        outside = (
            " It runs without a sandbox: what it does, it does to this machine." if agent and agent.unsandboxed else ""
        )
        question = f"Let {intent.agent} do everything without asking you?"
        consequence = f"In {intent.mode} no tool waits on you: not a shell command, not a deletion.{outside}"
        self._ask(ConfirmScreen(question, "let it", consequence, grave=True), intent)

    def _confirm_new_session(self, intent: NewSession) -> None:
        told = (
            "It is told what the journal remembers, in short." if intent.primer else "It knows nothing of the old one."
        )
        consequence = f"{told} Notes in its state/ folder and its work stay. Nothing happens until its next turn."
        self._ask(ConfirmScreen(f"Begin a new session with {intent.agent}?", "with its next turn", consequence), intent)

    def _ask(self, question: ConfirmScreen, intent: Intent) -> None:
        """Ask hived for it once the operator has said yes."""

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.post_message(Asked(intent))

        self.app.push_screen(question, confirmed)

    def rebuild(self, intent: Rebuild) -> None:
        """Another engine is confirmed: the conversation stays behind."""
        agent = self.state.agents.get(intent.agent)
        if agent is None or agent.engine == intent.engine:
            self.post_message(Asked(intent))
            return
        self._ask(confirm_rebuild(agent, intent), intent)

    def action_rebuild(self, engine: str = "") -> None:
        agent = self.focused_agent
        if agent is not None:
            self.app.push_screen(FirstRunScreen(self.state, self.clock, engine=engine, rebuilt=agent))

    def log_in(self, name: str) -> None:
        agent = self.state.agents.get(name)
        if agent is None:
            self.post_message(Noted(Notice(f"There is no agent {name!r}.", "bad", "agent_not_found")))
            return
        if agent.online and not agent.abilities.login:
            said = f"{name} ({agent.engine}) has no login to carry here: log in on its machine, or give it a key."
            self.post_message(Noted(Notice(said)))
            return
        self.app.push_screen(LoginScreen(self.state, self.clock, name))

    def action_doctor(self) -> None:
        self.app.push_screen(DoctorScreen())

    def begin_command(self, name: str) -> None:
        """Put it into the composer, to be ended there. A draft that stands there is not lost."""
        area = self.composer.area
        if area.text.strip():
            self.post_message(Noted(Notice(f"Send or clear what you have written first, then /{name}.")))
            return
        self.set_focus(area)
        area.insert(f"/{name} ")

    def action_cancel_turn(self) -> None:
        agent = self.focused_agent
        if agent is None:
            return
        if not agent.in_turn:
            self.post_message(Asked(CancelTurn(agent.name)))
            return
        question = f"Cancel {agent.name}'s turn? It has run for {running(agent.turn_since, self.clock())}."
        self._ask(ConfirmScreen(question, "cancel the turn"), CancelTurn(agent.name))

    def action_inbox(self) -> None:
        self.app.push_screen(InboxScreen(self.state, self.clock))

    def action_threads(self) -> None:
        self._go("threads")

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
        self.app.push_screen(PickerScreen("go to", choices), lambda where: self.went(where))

    def went(self, where: str | None) -> None:
        if where is not None:
            kind, _, what = where.partition(":")
            if kind == "agent":
                self._go("go", what)
            elif kind == "waiting":
                self.go_to_waiting(what)
            else:
                self._go(what)

    def go_to_waiting(self, id: str) -> None:
        """To what waits under that id, in its list."""
        raise NotImplementedError

    def action_help(self) -> None:
        self.app.push_screen(HelpScreen("hive"))

    def action_command_palette(self) -> None:
        self.app.action_command_palette()

    def action_leave(self) -> None:
        self.app.exit()
