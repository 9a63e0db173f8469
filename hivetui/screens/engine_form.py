"""What each engine is told before it can start, and how that is said: fields, choices, the same by command. Pure."""

import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from hived.wire.agents import EngineFound
from hivetui.state.hive import HiveState
from hivetui.widgets.choice_rows import Choice
from hivetui.widgets.lines import Line, one_line

MOST_FIELDS = 8


@dataclass(frozen=True, slots=True)
class Field:
    """One thing that an engine may be told."""

    name: str
    """An engine option; `model` and `env_from` are the agent's own."""
    hint: str
    needed: bool = False
    """Without it the engine cannot start."""
    word: str = "…"
    """What stands for it in a command while it is empty."""
    flag: str = ""
    """In a command, where that is no flag of the same name."""

    @property
    def label(self) -> str:
        return {"env_from": "key", "base_url": "address"}.get(self.name, self.name)


COMMAND = Field("command", "a program, as you would type it in a shell", needed=True)
FIELDS: dict[str, tuple[Field, ...]] = {
    "command": (COMMAND,),
    "scripted": (Field("scenario", "the path of a scenario file", needed=True, word="FILE"),),
    "acp": (COMMAND,),
    "api": (
        Field("provider", "anthropic, openai, openrouter, ollama, llamacpp, vllm", flag="option"),
        Field("base_url", "http://gpu:8000/v1, in place of the provider's own", flag="option"),
        Field("model", "a model's name; empty: the server's own"),
        Field("env_from", "its name in secrets.toml, as ANTHROPIC_API_KEY", flag="env-from"),
    ),
}
"""Of the engine alone; an acp preset brings its own command."""
AGENTS_OWN = ("engine", "model", "runtime", "prompt", "env_from")
"""What is no engine option."""
Values = Mapping[str, str]
"""By a field's name, what was typed."""


@dataclass(frozen=True, slots=True)
class Engine:
    """What is chosen: an engine, and with acp the agent behind it."""

    kind: str
    preset: str | None = None

    @property
    def fields(self) -> tuple[Field, ...]:
        return () if self.preset else FIELDS.get(self.kind, ())

    @property
    def way(self) -> str:
        return f"on {self.preset or self.kind}"

    def missing(self, values: Values) -> Field | None:
        return missing_of(self.fields, values)

    def options(self, values: Values) -> tuple[tuple[str, str], ...]:
        """Its engine_options. A scenario's path is made absolute: hived works in another folder."""
        found = options_of(self.fields, values)
        return (("agent", self.preset), *found) if self.preset else found

    def flags(self, values: Values) -> str:
        """The same for a shell, with a space before it."""
        said = f" --engine {self.kind or 'ENGINE'}"
        if self.preset:
            return f"{said} --option agent={shlex.quote(self.preset)}"
        return said + flags_of(self.fields, values)


def missing_of(fields: Sequence[Field], values: Values) -> Field | None:
    """The first without which it cannot start."""
    return next((field for field in fields if field.needed and not values.get(field.name)), None)


def options_of(fields: Sequence[Field], values: Values) -> tuple[tuple[str, str], ...]:
    """Those of its fields that are its engine's own."""
    given = [(field.name, values.get(field.name, "")) for field in fields if field.name not in AGENTS_OWN]
    return tuple((name, absolute(value) if name == "scenario" else value) for name, value in given if value)


def flags_of(fields: Sequence[Field], values: Values) -> str:
    """What is said of them in a command, each with a space before it."""
    said = ""
    for field in fields:
        value = values.get(field.name, "")
        if value or field.needed:
            shown = shlex.quote(value) if value else field.word
            flag = f"option {field.name}=" if field.flag == "option" else f"{field.flag or field.name} "
            said += f" --{flag}{shown}"
    return said


def engine_of(id: str) -> Engine:
    """Of a choice's id: `claude`, `acp:codex-acp`."""
    kind, _, preset = id.partition(":")
    return Engine(kind, preset or None)


def id_of(found: EngineFound) -> str:
    return f"{found.kind}:{found.preset}" if found.preset else found.kind


def engine_choices(state: HiveState) -> tuple[Choice, ...]:
    """What can be used first; what is missing says how to get it and cannot be chosen. Any acp agent goes by command."""
    known = list(state.engines or ())
    choices = [_choice(found) for found in sorted(known, key=lambda engine: not engine.found)]
    if any(found.kind == "acp" and found.preset for found in known) and not any(c.id == "acp" for c in choices):
        at = next((n for n, choice in enumerate(choices) if choice.id is None), len(choices))
        other = Choice(
            "acp",
            (("   acp       ", "strong"), ("· ", "dim"), ("any other agent of that protocol, by its command", "dim")),
        )
        choices.insert(at, other)
    return tuple(choices)


def _choice(found: EngineFound) -> Choice:
    kind = f"   {one_line(found.kind, 12):<10}"
    preset = f"{one_line(found.preset, 20)} · " if found.preset else ""
    if found.found:
        login = {"in": "logged in", "out": "not logged in", "key": "has a key"}.get(found.login, "")
        facts = " · ".join(part for part in (found.version, login, found.path or found.detail) if part)
        mark = ("! ", "wait") if found.login == "out" else ("✓ ", "good")
        return Choice(id_of(found), ((kind, "strong"), mark, (preset, "text"), (one_line(facts, 120), "dim")))
    how = one_line(found.install or found.detail or "not found", 120)
    return Choice(None, ((kind, "dim"), ("– ", "dim"), (preset, "dim"), (how, "dim")))


def act_line(way: str, missing: Field | None, making: str | None, whom: str = "it", *, writing: bool) -> Line:
    """What enter does now."""
    if making:
        return (("   making ", "dim"), (one_line(making, 40), "strong"), ("…", "dim"))
    if missing and writing:
        return (
            (f"   type its {missing.name}; then ", "text"),
            ("enter", "key"),
            (f" makes {whom} {way}", "text"),
        )
    if missing:
        return (("   ", ""), ("enter", "key"), (f" asks for its {missing.name} first", "text"))
    return (("   ", ""), ("enter", "key"), (f" makes {whom} {way}".rstrip(), "text"))


def absolute(path: str) -> str:
    """As the shell here would take it."""
    return str(Path(path).expanduser().absolute())
