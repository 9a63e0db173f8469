"""The lists that the operator chooses from: agents, places, models. Pure."""

from hivetui.commands import COMMANDS
from hivetui.keymap import palette
from hivetui.state.agents import Agent
from hivetui.state.hive import HiveState
from hivetui.widgets.choice_rows import Choice
from hivetui.widgets.lines import one_line

KNOWN_MODELS = {"claude": ("haiku", "sonnet", "opus")}
"""What an engine takes for certain; any other name may be typed."""

PLACES = (("waiting", "what waits on you"), ("inbox", "what agents wrote to you"), ("help", "every key"))


def agent_choices(state: HiveState) -> list[Choice]:
    return [
        Choice(
            f"agent:{agent.name}",
            (
                (f"{agent.name:<14}", "strong"),
                (f"{agent.shape.glyph} ", agent.shape.tone),
                (f"{agent.shape.word:<16}", agent.shape.tone),
                (one_line(agent.model, 30), "dim"),
            ),
        )
        for agent in state.ordered
    ]


def place_choices() -> list[Choice]:
    """Screens, then commands that need no argument."""
    shown = {place for place, _ in PLACES}
    places = [Choice(f"go:{place}", ((f"{place:<14}", "soft"), (says, "dim"))) for place, says in PLACES]
    for command in COMMANDS:
        if command.name not in shown and (not command.argument or command.argument.startswith("[")):
            name = f"/{command.name}"
            places.append(Choice(f"go:{name}", ((f"{name:<14}", "soft"), (command.says, "dim"))))
    return places


def model_choices(state: HiveState, agent: Agent) -> list[Choice]:
    """The agent's own model first, then those its engine takes and those that others of its engine use."""
    models = [agent.model, *KNOWN_MODELS.get(agent.engine, ())]
    models += [other.model for other in state.ordered if other.engine == agent.engine]
    return [
        Choice(model, ((f"{one_line(model, 40):<28}", "strong"), ("now" if model == agent.model else "", "dim")))
        for model in dict.fromkeys(models)
    ]


def key_ids() -> tuple[str, ...]:
    """Keys that the palette offers."""
    return tuple(key.id for key in palette())
