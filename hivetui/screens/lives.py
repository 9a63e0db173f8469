"""What the lifecycle keys do to agents: whom they fit, and what is asked before something is lost."""

from collections.abc import Sequence
from typing import Literal

from textual.screen import Screen

from hived.client.lifecycle_calls import Verb
from hivetui.intents import Intent
from hivetui.life_intents import Act, Destroy
from hivetui.screens.asks import Asked, Noted
from hivetui.screens.confirm import ConfirmScreen
from hivetui.state.agents import Agent
from hivetui.state.hive import HiveState, Notice
from hivetui.state.tombstones import work_words

Deed = Verb | Literal["destroy"]

BREAKS_OFF = {"stop": "Stop", "restart": "Restart", "rebuild": "Rebuild", "kill": "Kill"}
"""What ends a turn that runs."""
MOST_NAMED = 8


def fits(deed: Deed, agent: Agent) -> bool:
    """It would change something for that agent. One that is being buried can only be ended sooner."""
    if agent.wanted == "buried" and deed not in ("kill", "destroy"):
        return False
    match deed:
        case "start":
            return agent.lifecycle in ("stopped", "parked", "crashed")
        case "stop":
            return agent.lifecycle != "stopped"
        case "kill":
            return agent.lifecycle in ("running", "starting", "stopping", "paused")
        case "pause":
            return not agent.paused and agent.lifecycle not in ("stopped", "parked", "buried")
        case "resume":
            held = agent.condition("rate_limited") is not None or agent.turn_until is not None
            return agent.paused or agent.lifecycle == "paused" or held
    return True


def is_frozen(agent: Agent) -> bool:
    """It stands still, or is about to."""
    return agent.paused or agent.lifecycle == "paused"


def all_frozen(agents: Sequence[Agent]) -> bool:
    """Some stand still, and none is left to be paused."""
    return any(map(is_frozen, agents)) and not any(fits("pause", agent) for agent in agents)


def question_before(deed: Deed, agents: Sequence[Agent]) -> ConfirmScreen | None:
    """What is asked before something is lost by it; None where nothing is."""
    who = names_of(agents)
    busy = [agent for agent in agents if agent.in_turn]
    if deed == "destroy":
        return ConfirmScreen(f"Destroy {who}?", "destroy", _buried(agents, busy), grave=True)
    if deed not in BREAKS_OFF or not busy:
        return None
    one = len(agents) == 1
    whose = "Its turn" if one else f"The turn of {names_of(busy)}"
    lost = "is lost where it is" if deed == "kill" else "is broken off"
    again = "It stays stopped." if deed == "kill" and one else "They stay stopped." if deed == "kill" else ""
    consequence = f"{whose} {lost}; the messages of it are delivered again with the next start. {again}".rstrip()
    return ConfirmScreen(f"{BREAKS_OFF[deed]} {who} in mid-turn?", deed, consequence, grave=deed == "kill")


def _buried(agents: Sequence[Agent], busy: Sequence[Agent]) -> str:
    one = len(agents) == 1
    said = (
        "It is stopped and buried. Its conversation, notes and work stay in its tombstone, and T brings it back."
        if one
        else "They are stopped and buried. Conversations, notes and work stay in their tombstones, and T brings them back."
    )
    if busy:
        said += f" {'Its turn' if one else f'The turn of {names_of(busy)}'} is broken off."
    for agent in agents[:MOST_NAMED]:
        if work := work_words(agent.work):
            said += f" {'It has' if one else f'{agent.name} has'} {work}."
    waits = sum(agent.unread + agent.held for agent in agents)
    if waits:
        said += f" {waits} message{' waits' if waits == 1 else 's wait'} for {'it' if one else 'them'}."
    return said


def names_of(agents: Sequence[Agent]) -> str:
    """`alice`, `alice and bob`, `9 agents: alice, bob, … and 2 more`."""
    names = [agent.name for agent in agents]
    if len(names) <= 2:
        return " and ".join(names)
    more = len(names) - MOST_NAMED
    listed = ", ".join(names[:MOST_NAMED]) + (f" and {more} more" if more > 0 else "")
    return f"{len(names)} agents ({listed})"


class ActsOnAgents(Screen[None]):
    """A screen whose keys act on agents. Who is meant is always named: nobody means nobody."""

    state: HiveState

    def act_on(self, deed: Deed, names: Sequence[str]) -> None:
        """Ask hived for it, after a question where something is lost by it."""
        agents = [self.state.agents[name] for name in names if name in self.state.agents]
        if len(names) > 1:
            agents = [agent for agent in agents if fits(deed, agent)]
        if not agents:
            said = f"There is no agent {names[0]!r}." if len(names) == 1 else f"There is nothing to {deed} among them."
            if deed == "start" and any(
                is_frozen(self.state.agents[name]) for name in names if name in self.state.agents
            ):
                said = "They are paused, not stopped: p lets them go on."
            self.post_message(Noted(Notice(said if names else f"Nobody is named to {deed}.", "bad")))
            return
        those = tuple(agent.name for agent in agents)
        intent: Intent = Destroy(those) if deed == "destroy" else Act(deed, those)
        self._after(question_before(deed, agents), intent)

    def pause_or_resume(self, names: Sequence[str]) -> None:
        """Freeze those that are not frozen; where all are, let them go on."""
        known = [self.state.agents[name] for name in names if name in self.state.agents]
        frozen = [agent for agent in known if is_frozen(agent)]
        if known and len(frozen) == len(known):
            self.act_on("resume", names)
        else:
            self.act_on("pause", [agent.name for agent in known if agent not in frozen])

    def pause_all(self) -> None:
        """The panic key: one question, then everything stands still; where all does, the same key lets it go on."""
        agents = self.state.ordered
        loose = [agent for agent in agents if fits("pause", agent)]
        frozen = [agent for agent in agents if is_frozen(agent)]
        if loose:
            count = "the one agent that runs" if len(loose) == 1 else f"all {len(loose)} agents"
            consequence = (
                "Each stands still where it is, with all that it started. Nothing is lost: P again lets them go on."
            )
            question = ConfirmScreen(f"Pause {count}?", "pause all", consequence)
            self._after(question, Act("pause", tuple(agent.name for agent in loose)))
        elif frozen:
            consequence = "Each goes on where it stands."
            question = ConfirmScreen(f"Let {names_of(frozen)} go on?", "resume all", consequence)
            self._after(question, Act("resume", tuple(agent.name for agent in frozen)))
        else:
            self.post_message(Noted(Notice("No agent runs: there is nothing to pause.")))

    def _after(self, question: ConfirmScreen | None, intent: Intent) -> None:
        if question is None:
            self.post_message(Asked(intent))
            return

        def confirmed(yes: bool | None) -> None:
            if yes:
                self.post_message(Asked(intent))

        self.app.push_screen(question, confirmed)
