"""Slash commands: one table, one pure parser, and the command palette's provider fed from the tables of keys and commands."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, cast, get_args

from textual.command import DiscoveryHit, Hit, Hits, Provider
from textual.content import Content

from hived.client.lifecycle_calls import Verb
from hivetui.intents import (
    HAVE_FORMS,
    CancelTurn,
    Compact,
    Intent,
    Nap,
    NewSession,
    Rebuild,
    Record,
    SetEffort,
    SetModel,
    SetPermissionMode,
    SpawnAgent,
)
from hivetui.keymap import LISTINGS, palette
from hivetui.life_intents import Act, Destroy, Revive
from hivetui.state.clock import span


@dataclass(frozen=True, slots=True)
class Command:
    """A slash command of the composer."""

    name: str
    argument: str
    """How its argument is written; empty where it takes none."""
    says: str

    @property
    def stands_alone(self) -> bool:
        """It needs no argument; any other is begun in the composer."""
        return not self.argument or self.argument.startswith("[")


COMMANDS: tuple[Command, ...] = (
    Command("model", "[MODEL]", "Set the focused agent's model; alone: choose from what its engine offers."),
    Command("effort", "[LEVEL]", "Set how hard it thinks; alone: choose. - is its engine's own."),
    Command("permission-mode", "[MODE]", "Set what it asks you about; alone: choose. - is its agent.toml's."),
    Command("cancel", "", "Cancel the turn that the focused agent is in."),
    Command("compact", "", "Make its conversation shorter, in a turn of its own."),
    Command(
        "new-session", "[primer]", "Its next turn begins a new conversation, clean or told what the journal remembers."
    ),
    Command("nap", "DURATION|off", "No turn begins for 30m, 2h or 1h30m; messages marked now still come."),
    Command("login", "[NAME]", "Log its engine in: a link to open, and a code to bring back."),
    Command("rebuild", "[ENGINE] [MODEL]", "Put it on another engine; alone: choose what engines there are."),
    Command("record", "FILE", "Write what it did into a file here, as a scenario to play again."),
    Command("start", "[NAME…|--all]", "Start agents: those named, else the marked ones, else the focused one."),
    Command("stop", "[NAME…|--all]", "Stop agents and all that they started."),
    Command("restart", "[NAME…|--all]", "Stop agents and start them again."),
    Command("kill", "[NAME…]", "End agents at once, with all that they started; they stay stopped."),
    Command("pause", "[NAME…|--all]", "Freeze agents where they are; nothing is lost. --all: everything stands still."),
    Command("resume", "[NAME…|--all]", "Let them go on; a nap and a rate limit end too."),
    Command("destroy", "[NAME…]", "Stop agents and bury them; their tombstones keep all that was theirs."),
    Command("tombstones", "", "Who was destroyed and what is left of them; revive and purge."),
    Command("revive", "NAME", "Ask for the spawn that brings a destroyed agent back."),
    Command("deployments", "", "What ran when, by whom, and how it went; roll back."),
    Command("why", "[NAME]", "Why it is in its state: what is wanted, what happened, its log, what to do next."),
    Command("work", "[NAME]", "What it changed in its clone, as a diff."),
    Command("spawn", "[NAME] [ENGINE] [MODEL]", "Make a new worker; alone: choose its engine from a list."),
    Command("go", "NAME", "Focus another agent."),
    Command("inbox", "", "Read what agents wrote to you."),
    Command("threads", "", "Read what was said, thread by thread; reply and answer from there."),
    Command("rules", "", "What is allowed or denied without asking you; make and revoke rules."),
    Command("budgets", "", "What may be spent, and what is; raise and set."),
    Command("reminders", "", "What agents will be reminded of; make, cancel and retry."),
    Command("audit", "", "Every decision: who, when, from where."),
    Command("doctor", "", "Examine this machine: what works, what is missing, what to do about it."),
    Command("help", "", "Show every key and command."),
    Command("quit", "", "Leave the screen."),
)
_BY_NAME = {command.name: command for command in COMMANDS}


@dataclass(frozen=True, slots=True)
class ShowScreen:
    """A command that opens something instead of asking hived: a screen, a list to choose from, another agent."""

    what: str
    argument: str = ""


@dataclass(frozen=True, slots=True)
class NotACommand:
    """The text is no known command, or lacks what it needs; `why` is one sentence."""

    why: str


def is_command(text: str) -> bool:
    """A single line that begins with one slash. `//` and paths with a second slash are text."""
    first = text.split(maxsplit=1)[0] if text.strip() else ""
    return text.startswith("/") and "\n" not in text.strip() and "/" not in first[1:]


@dataclass(frozen=True, slots=True)
class ActOnAll:
    """That verb for every agent that it fits."""

    verb: Verb


Parsed = Intent | ShowScreen | ActOnAll | NotACommand
VERBS: tuple[str, ...] = get_args(Verb)


def parsed(text: str, focused: str | None, engine: str | None = None, marked: tuple[str, ...] = ()) -> Parsed:
    """What the command asks for. `focused` is the agent that it acts on unless it names one or some are `marked`, where it
    can act on many; `engine` the default one."""
    name, *words = text.strip().removeprefix("/").split() or [""]
    command = _BY_NAME.get(name)
    if command is None:
        near = completions(f"/{name}")
        hint = f"; did you mean /{near[0].name}?" if name and near else "; /help lists them."
        return NotACommand(f"There is no command /{name}{hint}")
    if name in ("help", "quit", "inbox", "doctor", *LISTINGS):
        return ShowScreen(name)
    if name == "go":
        return ShowScreen("go", words[0]) if words else NotACommand("/go needs an agent's name.")
    if name == "spawn":
        chosen = words[1] if len(words) > 1 else engine
        if not words or not chosen or chosen in HAVE_FORMS:
            return ShowScreen("spawn", " ".join((*words[:1], chosen or "")) if words else "")
        return SpawnAgent(words[0], chosen, "worker", words[2] if len(words) > 2 else None)
    if name == "revive":
        return Revive(words[0]) if words else NotACommand("/revive needs the name of who was destroyed.")
    if name == "destroy" or (name in VERBS and name != "rebuild"):
        return _on_agents(name, tuple(words) or marked or ((focused,) if focused else ()))
    if name in ("login", "why", "work") and words:
        focused = words[0]
    if focused is None:
        return NotACommand(f"/{name} needs an agent, and none is focused.")
    if name in _PLAIN:
        return _PLAIN[name](focused)
    if name in ("nap", "record") and not words:
        return NotACommand(
            f"/{name} needs {'a time, as 30m or 2h, or off' if name == 'nap' else 'the name of a file'}."
        )
    word = words[0] if words else ""
    match name:
        case "model":
            return SetModel(focused, word) if word else ShowScreen("model")
        case "effort":
            return SetEffort(focused, _set(word)) if word else ShowScreen("effort")
        case "permission-mode":
            return SetPermissionMode(focused, _set(word)) if word else ShowScreen("permission-mode")
        case "new-session":
            known = word in ("", "primer", "clean")
            return (
                NewSession(focused, word == "primer") if known else NotACommand("/new-session takes primer or nothing.")
            )
        case "nap":
            seconds = 0 if word == "off" else span(word)
            if seconds is None or (not seconds and word != "off"):
                return NotACommand(f"{word!r} is no span of time: write 30s, 5m, 2h or 1h30m, or off.")
            return Nap(focused, seconds)
        case "record":
            return Record(focused, text.strip().split(maxsplit=1)[1])
        case "rebuild" if word and word not in HAVE_FORMS:
            return Rebuild(focused, word, words[1] if len(words) > 1 else None)
        case "rebuild":
            return ShowScreen("rebuild", word)
        case _:
            return ShowScreen(name, focused)


def _on_agents(name: str, agents: tuple[str, ...]) -> Parsed:
    """A verb of many. Who is meant must be said: nobody means nobody, and everybody is said by --all."""
    if not agents:
        return NotACommand(f"/{name} needs an agent, and none is focused.")
    flags = [word for word in agents if word.startswith("-")]
    if flags and (name in ("kill", "destroy") or agents != ("--all",)):
        all_takes = "takes names alone" if name in ("kill", "destroy") else "takes names, or --all and nothing else"
        return NotACommand(f"/{name} {all_takes}.")
    if flags:
        return ActOnAll(cast(Verb, name))
    return Destroy(agents) if name == "destroy" else Act(cast(Verb, name), agents)


_PLAIN: dict[str, Callable[[str], Intent]] = {"cancel": CancelTurn, "compact": Compact}
"""Commands that say only which agent."""


def _set(word: str) -> str | None:
    """`-` goes back to what it is without having been set."""
    return None if word == "-" else word


def completions(text: str) -> tuple[Command, ...]:
    """The commands that what is typed could become; none once its name is complete and a space follows."""
    if not is_command(text) or " " in text:
        return ()
    return tuple(command for command in COMMANDS if command.name.startswith(text[1:].lower()))


class TakesActions(Protocol):
    """A screen whose keys the palette can press."""

    def run_key(self, key_id: str) -> Awaitable[None]: ...

    def run_command(self, text: str) -> object: ...

    def begin_command(self, name: str) -> None: ...


class HiveCommands(Provider):
    """Every key of the table that stands alone, and every command; one that needs an argument is begun in the composer."""

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
            title = f"/{command.name}"
            run = _commanded(screen, title) if command.stands_alone else _begun(screen, command.name)
            found.append((title, command.says, run))
        return found


def _pressed(screen: TakesActions, key_id: str) -> Callable[[], object]:
    return lambda: screen.run_key(key_id)


def _commanded(screen: TakesActions, text: str) -> Callable[[], object]:
    return lambda: screen.run_command(text)


def _begun(screen: TakesActions, name: str) -> Callable[[], object]:
    return lambda: screen.begin_command(name)
