"""What the keys of the hive screen do to agents' lives: marks, lifecycle, and the screens of why, work and tombstones."""

from dataclasses import replace

from hivetui.commands import ActOnAll
from hivetui.life_intents import BringWorkHome, LookAtWork
from hivetui.screens.asks import Noted
from hivetui.screens.diff import DiffScreen
from hivetui.screens.lives import ActsOnAgents, Deed, all_frozen, fits, is_frozen
from hivetui.screens.why import WhyScreen
from hivetui.state.agents import Agent
from hivetui.state.clock import Clock
from hivetui.state.hive import HiveState, Notice
from hivetui.state.view import View, marked
from hivetui.widgets.agent_list import AgentList

DEEDS: tuple[Deed, ...] = ("start", "stop", "restart", "rebuild", "kill", "destroy")
"""That have a key of their own, called so."""


class HiveLives(ActsOnAgents):
    """A part of the hive screen."""

    view: View
    agents: AgentList
    clock: Clock

    def draw(self, state: HiveState) -> None:
        raise NotImplementedError

    def focus_agent(self, name: str) -> None:
        raise NotImplementedError

    def went(self, where: str | None) -> None:
        """To an agent, a screen or a command, by what the list of places gives."""
        raise NotImplementedError

    @property
    def focused_agent(self) -> Agent | None:
        return self.state.agents.get(self.view.focused or "")

    @property
    def chosen(self) -> tuple[str, ...]:
        """Whom a lifecycle key acts on: those that are marked and shown, else the focused one."""
        shown = tuple(agent.name for agent in self.agents.agents if agent.name in self.view.marked)
        return shown or ((self.view.focused,) if self.view.focused else ())

    @property
    def idle_keys(self) -> frozenset[str]:
        """Lifecycle keys that would change nothing for whom they act on; none of them where nobody is there."""
        agents = [self.state.agents[name] for name in self.chosen if name in self.state.agents]
        idle = {f"agents.{deed}" for deed in DEEDS if not any(fits(deed, agent) for agent in agents)}
        if not any(fits("pause", agent) or fits("resume", agent) for agent in agents):
            idle.add("agents.pause")
        if not any(fits("stop", agent) for agent in agents):
            idle.add("agents.restart")
        return frozenset(idle)

    @property
    def life_labels(self) -> dict[str, str]:
        """What the lifecycle keys do now, where that is not what they are called."""
        names = self.chosen
        agents = [self.state.agents[name] for name in names if name in self.state.agents]
        count = f" {len(names)}" if self.view.marked & set(names) else ""
        labels = {f"agents.{deed}": f"{deed}{count}" for deed in DEEDS}
        labels["agents.pause"] = f"{'resume' if agents and all(map(is_frozen, agents)) else 'pause'}{count}"
        if all_frozen(self.state.ordered):
            labels["hive.pause_all"] = "resume all"
        return labels

    def act_on_all(self, wanted: ActOnAll) -> None:
        if wanted.verb == "pause":
            self.pause_all()
            return
        those = tuple(agent.name for agent in self.state.ordered if fits(wanted.verb, agent))
        if those:
            self.act_on(wanted.verb, those)
        else:
            self.post_message(Noted(Notice(f"There is no agent to {wanted.verb}.")))

    def action_act(self, deed: Deed) -> None:
        if deed == "pause":
            self.pause_or_resume(self.chosen)
        else:
            self.act_on(deed, self.chosen)

    def action_pause_all(self) -> None:
        self.pause_all()

    def action_mark_agent(self) -> None:
        """And go on to the next."""
        if (name := self.view.focused) is not None:
            self.view = marked(self.view, (name,))
            self.draw(self.state)
            self.agents.action_cursor_down()

    def action_mark_agents(self) -> None:
        self.view = marked(self.view, tuple(agent.name for agent in self.agents.agents))
        self.draw(self.state)

    def unmark(self) -> bool:
        """Whether anything was marked."""
        some = bool(self.view.marked)
        self.view = replace(self.view, marked=frozenset())
        return some

    def action_why(self, name: str = "") -> None:
        if (agent := self._named(name)) is not None:
            self.app.push_screen(WhyScreen(self.state, self.clock, self.went, agent.name))

    def action_work(self, name: str = "") -> None:
        agent = self._named(name)
        if agent is None:
            return
        if agent.repo is None:
            self.post_message(Noted(Notice(f"{agent.name} has no clone of a repository: it was made without --repo.")))
            return
        self.app.push_screen(
            DiffScreen(self.state, self.clock, LookAtWork(agent.name), fetch=BringWorkHome(agent.name))
        )

    def action_deployments(self) -> None:
        self.went("go:deployments")

    def action_tombstones(self) -> None:
        self.went("go:tombstones")

    def _named(self, name: str) -> Agent | None:
        """That agent, or the focused one; says so where there is none."""
        agent = self.state.agents.get(name or self.view.focused or "")
        if agent is None:
            said = f"There is no agent {name!r}." if name else "There is no agent yet: + makes one."
            self.post_message(Noted(Notice(said, "bad")))
        return agent
