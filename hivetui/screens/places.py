"""The lists that the operator chooses from: agents, places, models. Pure."""

from hived.wire.agents import ModelList, ModelOffered
from hivetui.commands import COMMANDS
from hivetui.keymap import palette
from hivetui.state.agents import Agent, is_loose
from hivetui.state.hive import HiveState
from hivetui.widgets.choice_rows import Choice
from hivetui.widgets.lines import one_line, thousands

KNOWN_MODELS = {"claude": ("haiku", "sonnet", "opus")}
"""What an engine takes for certain, until it has said what it offers."""
OWN = "-"
"""Chosen for: as it is without being set."""

PLACES = (
    ("waiting", "what waits on you"),
    ("inbox", "what agents wrote to you"),
    ("threads", "messages and questions, thread by thread"),
    ("rules", "what is decided without asking you"),
    ("budgets", "what may be spent"),
    ("reminders", "what agents will be reminded of"),
    ("deployments", "what ran when, and how it went"),
    ("tombstones", "who was destroyed, and what is left"),
    ("audit", "every decision"),
    ("help", "every key"),
)


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
    """Screens, then commands; one that needs an argument is begun in the composer."""
    shown = {place for place, _ in PLACES}
    places = [Choice(f"go:{place}", ((f"{place:<14}", "soft"), (says, "dim"))) for place, says in PLACES]
    for command in COMMANDS:
        if command.name not in shown:
            name = f"/{command.name}"
            places.append(Choice(f"go:{name}", ((f"{name:<14}", "soft"), (command.says, "dim"))))
    return places


def model_choices(state: HiveState, agent: Agent) -> list[Choice]:
    """Until its engine has said what it offers: its own model, those the engine takes, those that others of it use."""
    models = [agent.model, *KNOWN_MODELS.get(agent.engine, ())]
    models += [other.model for other in state.ordered if other.engine == agent.engine]
    return [_choice(model, model == agent.model, "") for model in dict.fromkeys(models)]


def offered_choices(offered: ModelList) -> list[Choice]:
    """What its engine offers; its own model first where that is none of them."""
    choices = [_choice(model.name, model.name == offered.current, _about(model)) for model in offered.models]
    if all(model.name != offered.current for model in offered.models):
        choices.insert(0, _choice(offered.current, True, "not among what it offers" if offered.closed else ""))
    return choices


def effort_choices(agent: Agent) -> list[Choice]:
    own = _choice(OWN, agent.effort is None, "as the engine has it by itself")
    return [own, *(_choice(effort, effort == agent.effort, "") for effort in agent.abilities.efforts)]


def mode_choices(agent: Agent) -> list[Choice]:
    """Those in which it asks about nothing stand out."""
    own = _choice(OWN, agent.permission_mode is None, "as its agent.toml says")
    modes = [
        _choice(mode, mode == agent.permission_mode, LOOSE_WORDS if is_loose(mode) else "", loose=is_loose(mode))
        for mode in agent.abilities.permission_modes
    ]
    return [own, *modes]


LOOSE_WORDS = "asks you about nothing"
NAME_CELLS = 24


def _choice(name: str, now: bool, about: str, *, loose: bool = False) -> Choice:
    mark = ("● " if now else "  ", "accent")
    shown = one_line(name, 48)
    gap = " " * max(2, NAME_CELLS - len(shown))
    said = " · ".join(part for part in ("now" if now else "", about) if part)
    tones = ("bad-strong", "bad") if loose else ("strong", "dim")
    return Choice(name, (mark, (shown, tones[0]), (gap, ""), (said, tones[1])))


def _about(model: ModelOffered) -> str:
    """Its title where that says more than its name, its window, and what it is good for."""
    title = one_line(model.title, 40) if model.title.lower() != model.name.lower() else ""
    said = one_line(model.description, 120)
    if said.lower().startswith(title.lower()):
        title = ""
    window = f"{thousands(model.window)} window" if model.window else ""
    return " · ".join(part for part in (title, window, said) if part)


def key_ids() -> tuple[str, ...]:
    """Keys that the palette offers."""
    return tuple(key.id for key in palette())
