"""A new agent that begins as a template: what it says fills the form, and only what is changed there is said above it. Pure."""

import json
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from hived.wire.deployments import Template
from hivetui.screens.engine_form import Engine, Field, Values, absolute, flags_of, missing_of, options_of
from hivetui.widgets.choice_rows import Choice
from hivetui.widgets.lines import Line, one_line, wrapped

PREFIX = "template:"
"""Before a template's name, as a choice's id."""
ENGINE = Field("engine", "claude, acp, api, command or scripted", needed=True, word="ENGINE")
MODEL = Field("model", "a model's name; empty: the engine's own")
RUNTIME = Field("runtime", "empty: the strongest that works here")
PROMPT = Field("prompt", "a file that is appended to its system prompt")
IN_FIELDS = ("engine", "model", "runtime", "prompt")
WIDENS = ("setup", "network", "allow_hosts", "read_paths", "env", "mcp_servers", "rules")
"""What lets an agent do more, or runs before it."""


@dataclass(frozen=True, slots=True)
class FromTemplate:
    """What is chosen, with what is typed over it. It is asked of as an `Engine` is."""

    template: Template
    typed: str = ""
    """The engine as it is typed; empty: the template's own."""

    @property
    def kind(self) -> str:
        return self.typed or _text(self.template.said.get("engine"))

    @property
    def way(self) -> str:
        return f"as {self.template.name}{f', on {one_line(self.kind, 20)}' if self.kind else ''}"

    @property
    def fields(self) -> tuple[Field, ...]:
        """What every agent has, then what its engine is told."""
        preset = self._options.get("agent") if self.kind == self.template.said.get("engine") else None
        own = Engine(self.kind, str(preset) if preset else None).fields
        return (ENGINE, MODEL, RUNTIME, PROMPT, *(field for field in own if field.name != "model"))

    @property
    def initial(self) -> dict[str, str]:
        """What the template says, by field."""
        said = self.template.said
        words = {name: _text(said.get(name)) for name in IN_FIELDS}
        words["env_from"] = " ".join(map(str, said.get("env_from") or ()))
        return words | {name: _text(value) for name, value in self._options.items()}

    @property
    def _options(self) -> dict[str, Any]:
        found = self.template.said.get("engine_options")
        return found if isinstance(found, dict) else {}

    def changed(self, values: Values) -> dict[str, str]:
        """What is to stand above the template. What was emptied is the template's again."""
        before = self.initial
        found = {name: value for name, value in values.items() if value and value != before.get(name, "")}
        if found.get("prompt"):
            found["prompt"] = absolute(found["prompt"])
        return found

    def missing(self, values: Values) -> Field | None:
        return missing_of(self.fields, {**self.initial, **{name: value for name, value in values.items() if value}})

    def options(self, values: Values) -> tuple[tuple[str, str], ...]:
        return options_of(self.fields, self.changed(values))

    def flags(self, values: Values) -> str:
        above = self.changed(values)
        return f" --template {self.template.name}" + flags_of([f for f in self.fields if f.name in above], above)

    def also(self, width: int) -> list[Line]:
        """What it says that has no field, line by line: all of it is approved with the agent."""
        shown = {*IN_FIELDS, *(("env_from",) if any(f.name == "env_from" for f in self.fields) else ())}
        said = {
            name: value for name, value in self.template.said.items() if name not in shown and value not in ({}, [])
        }
        fields = {field.name for field in self.fields}
        options = {name: value for name, value in self._options.items() if name not in fields}
        said.pop("engine_options", None)
        lines: list[Line] = []
        for name, value in [*said.items(), *options.items()]:
            tone = "bad" if name in WIDENS and value is not False else "text"
            words = one_line(_text(value) if isinstance(value, str) else json.dumps(value, ensure_ascii=False), 2000)
            lines += wrapped([(words, tone)], width, ((f"   {one_line(name, 24):<8} ", "dim"),))
        return lines


def template_choices(templates: Sequence[Template]) -> tuple[Choice, ...]:
    """One that cannot be used says why, and cannot be chosen."""
    return tuple(map(_choice, templates))


def _choice(template: Template) -> Choice:
    name = f"   {one_line(template.name, 20):<10}"
    if template.problem:
        why = one_line(f"a template, unusable: {template.problem}", 160)
        return Choice(None, ((name, "dim"), ("– ", "dim"), (why, "dim")))
    said = template.said
    facts = " · ".join(filter(None, (_text(said.get("engine")), _text(said.get("model")), template.description)))
    return Choice(
        f"{PREFIX}{template.name}",
        ((name, "strong"), ("◇ ", "accent"), ("template · ", "text"), (one_line(facts, 160), "dim")),
    )


def _text(value: object) -> str:
    """As it is typed in a field."""
    if isinstance(value, list):
        return shlex.join(map(str, value))
    return "" if value is None else str(value)
