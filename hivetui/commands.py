"""Slash commands: one table, one pure parser, and the command palette's provider fed from the tables of keys and commands."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, cast

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from hivetui.intents import NEEDS, CancelTurn, Intent, RestartAgent, SetModel, SpawnAgent, StartAgent, StopAgent
from hivetui.keymap import palette


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command of the composer."""

    name: str
    argument: str
    """How its argument is written; empty where it takes none."""
    says: str


COMMANDS: tuple[Command, ...] = (
    Command("model", "[MODEL]", "Set the focused agent's model; alone: choose from a list."),
    Command("cancel", "", "Cancel the turn that the focused agent is in."),
    Command("start", "[NAME]", "Start an agent."),
    Command("stop", "[NAME]", "Stop an agent when its turn has ended."),
    Command("restart", "[NAME]", "Stop an agent and start it again."),
    Command("spawn", "[NAME] [ENGINE] [MODEL]", "Make a new worker; alone: choose its engine from a list."),
    Command("go", "NAME", "Focus another agent."),
    Command("inbox", "", "Read what agents wrote to you."),
    Command("help", "", "Show every key and command."),
    Command("quit", "", "Leave the screen."),
)
_BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class ShowScreen:
    """A command that opens something instead of asking hived: help, inbox, model, spawn, go, quit."""

    what: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class NotACommand:
    """The text is no known command, or lacks what it needs; `why` is one sentence."""

    why: str


Parsed = Intent | ShowScreen | NotACommand


def is_command(text: str) -> bool:
    """A single line that begins with one slash. `//` and paths with a second slash are text."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text.startswith("/") and "\n" not in text.strip() and "/" not in first[1:]


def parsed(text: str, focused: str | None, engine: str | None = None) -> Parsed:
    """What the command asks for. `focused` is the agent that it acts on unless it names one; `engine` the default one."""
    name, *words = text.strip().removeprefix("/").split()[:8] or [""]
    command = _BY_NAME.get(name)
    if command is None:
        near = completions(f"/{name}")
        hint = f"; did you mean /{near[0].name}?" if name and near else "; /help lists them."
        return NotACommand(f"There is no command /{name}{hint}")
    if name in ("help", "quit", "inbox"):
        return ShowScreen(name)
    if name == "go":
        return ShowScreen("go", words[0]) if words else NotACommand("/go needs an agent's name.")
    if name == "spawn":
        chosen = words[1] if len(words) > 1 else engine
        if not words or not chosen or chosen in NEEDS:
            return ShowScreen("spawn", " ".join((*words[:1], chosen or "")) if words else "")
        return SpawnAgent(words[0], chosen, "worker", words[2] if len(words) > 2 else None)
    if name in ("start", "stop", "restart") and words:
        focused = words[0]
    if focused is None:
        return NotACommand(f"/{name} needs an agent, and none is focused.")
    match name:
        case "model":
            return SetModel(focused, words[0]) if words else ShowScreen("model")
        case "cancel":
            return CancelTurn(focused)
        case "start":
            return StartAgent(focused)
        case "stop":
            return StopAgent(focused)
        case _:
            return RestartAgent(focused)


def completions(text: str) -> tuple[Command, ...]:
    """The commands that what is typed could become; none once its name is complete and a space follows."""
    if not is_command(text) or " " in text:
        return ()
    return tuple(command for command in COMMANDS if command.name.startswith(text[1:].lower()))


class TakesActions(Protocol):
    """A screen whose keys the palette can press."""

    def run_key(self, key_id: str) -> Awaitable[None]: ...

    def run_command(self, text: str) -> None: ...


class HiveCommands(Provider):
    """Every key of the table that stands alone, and every command that needs no argument."""

    async def discover(self) -> Hits:
        for title, says, run in self._all():
            yield DiscoveryHit(Content(title), run, text=title, help=says)

    async def search(self, query: str) -> Hits:
        matcher = self.matcher(query)
        for title, says, run in self._all():
            if (score := matcher.match(f"{title} {says}")) > 0:
                yield Hit(score, Content(title), run, text=title, help=says)

    def _all(self) -> list[tuple[str, str, Callable[[], object]]]:
        screen = cast(TakesActions, self.screen)
        if not hasattr(screen, "run_key"):
            return []
        found: list[tuple[str, str, Callable[[], object]]] = []
        for key in palette():
            found.append((key.label, f"{key.says}  ({key.shown})", _pressed(screen, key.id)))
        for command in COMMANDS:
            if "NAME " not in f"{command.argument} " or command.argument.startswith("["):
                title = f"/{command.name}"
                found.append((title, command.says, _commanded(screen, title)))
        return found


def _pressed(screen: TakesActions, key_id: str) -> Callable[[], object]:
    return lambda: screen.run_key(key_id)


def _commanded(screen: TakesActions, text: str) -> Callable[[], object]:
    return lambda: screen.run_command(text)
