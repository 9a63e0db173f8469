"""A scenario: what a scripted agent says and does, as TOML. Read and checked here; docs/SCENARIOS.md is its manual.

Standard library only: the player, a process of its own for each agent, loads it.
"""

import json
import math
import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from agentd.engines.scenario_steps import (
    ALWAYS,
    BOOLEAN,
    CHOSEN,
    CODE,
    CONDITIONS,
    COST,
    COUNT,
    CTX,
    DEFAULTS,
    ENGINE,
    FIELDS,
    FLAG,
    FLAG_OR_TABLE,
    HAVE_A_MOMENT,
    JSON,
    MESSAGE_KINDS,
    MODEL,
    MOST_TIMES,
    NAMES,
    NUMBER,
    OUTCOMES,
    REPLAYED,
    STEPS,
    TABLE,
    TEXT,
    TEXT_OR_TABLE,
    TEXTS,
    VERDICT,
    WAKES,
)  # fmt: skip
from hived.wire.errors import InvalidScenario


@dataclass(frozen=True, slots=True)
class Step:
    verb: str
    value: Any
    options: dict[str, Any]
    times: int = 1


@dataclass(frozen=True, slots=True)
class Turn:
    steps: tuple[Step, ...]
    match: str | None = None
    sender: str | None = None
    model: str | None = None
    wake: str = "message"
    kind: str | None = None
    """One of the messages must be of it."""
    repeat: int = 1
    """How often it may be played; ALWAYS for no end."""

    @property
    def for_any(self) -> bool:
        return self.match is None and self.sender is None and self.kind is None

    def fits(self, prompt: str, senders: Sequence[str], model: str, wake: str, kinds: Sequence[str]) -> bool:
        if self.kind is not None and self.kind not in kinds:
            return False
        if wake != self.wake or self.model not in (None, model):
            return False
        if self.sender is not None and self.sender not in senders:
            return False
        if self.match is None:
            return True
        if len(self.match) > 2 and self.match[0] == self.match[-1] == "/":
            return re.search(self.match[1:-1], prompt) is not None
        return self.match.casefold() in prompt.casefold()


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the engine that is played can do, and what it refuses: `[engine]`."""

    models: tuple[dict[str, Any], ...] = ()
    """Each with a `name`, and perhaps `title`, `description`, `window`."""
    closed_models: bool = False
    efforts: tuple[str, ...] = ()
    permission_modes: tuple[str, ...] = ()
    at_once: bool = True
    """A model, effort or permission mode is taken without a restart of the player."""
    window: int | None = None
    compact: bool | str = True
    """`fails`: it tries, and the conversation is as long as before."""
    resume: str = "ok"
    steer: bool = True
    forgets: bool = True
    """A new session begins the scenario anew; else it goes on where the last one was."""

    def window_of(self, model: str) -> int | None:
        return next((found.get("window") for found in self.models if found["name"] == model), None) or self.window


@dataclass(frozen=True, slots=True)
class Scenario:
    turns: tuple[Turn, ...]
    abilities: Abilities = field(default_factory=Abilities)
    pace: float = 0.0
    """Seconds between two words of a `say`."""
    timeout_seconds: float = 60.0

    def choose(
        self,
        prompt: str,
        senders: Sequence[str],
        played: dict[int, int],
        *,
        model: str = "",
        wake: str = "message",
        kinds: Sequence[str] = (),
    ) -> int | None:
        """Which turn answers: the first that fits and is not used up, else the last for any prompt; None for neither."""
        for index, turn in enumerate(self.turns):
            unused = turn.repeat == ALWAYS or played.get(index, 0) < turn.repeat
            if unused and turn.fits(prompt, senders, model, wake, kinds):
                return index
        for_any = [
            index
            for index, turn in enumerate(self.turns)
            if turn.for_any and turn.fits(prompt, senders, model, wake, kinds)
        ]
        return for_any[-1] if for_any else None


def load_scenario(path: Path) -> Scenario:
    """Raises InvalidScenario, which names the turn, the step and what is wrong with it."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidScenario(file=str(path), reason=f"it cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError, RecursionError) as error:
        raise InvalidScenario(file=str(path), reason=f"it is no TOML: {error}.") from error
    try:
        return parse_scenario(found)
    except _Wrong as error:
        raise InvalidScenario(file=str(path), reason=str(error)) from None


class _Wrong(ValueError):
    """What is wrong, and where."""


def parse_scenario(found: dict[str, Any]) -> Scenario:
    _known("the file", found, ("description", "defaults", "engine", "turn"))
    defaults = found.get("defaults", {})
    _check("[defaults]", defaults, TABLE)
    _known("[defaults]", defaults, tuple(DEFAULTS))
    for name, value in defaults.items():
        _check(f"[defaults] {name}", value, DEFAULTS[name])
    abilities = _abilities(found.get("engine", {}))
    turns = found.get("turn", [])
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise _Wrong("it has no [[turn]].")
    read = tuple(_turn(f"turn {number}", turn) for number, turn in enumerate(turns, 1))
    return Scenario(read, abilities, **defaults)


def _abilities(found: Any) -> Abilities:
    _check("[engine]", found, TABLE)
    _known("[engine]", found, tuple(ENGINE))
    models = found.get("models", [])
    if not isinstance(models, list):
        raise _Wrong(f"[engine] models: it is {ENGINE['models']}.")
    models = [{"name": model} if isinstance(model, str) else model for model in models]
    for model in models:
        _check("[engine] models", model, TABLE)
        _check_fields("[engine] models", model, {"name": TEXT}, MODEL)
    for name, value in found.items():
        if name != "models":
            _check(f"[engine] {name}", value, ENGINE[name])
    lists = {name: tuple(found[name]) for name in ("efforts", "permission_modes") if name in found}
    return Abilities(**{**found, **lists, "models": tuple(models)})


def _turn(where: str, found: dict[str, Any]) -> Turn:
    _known(where, found, ("match", "from", "model", "wake", "kind", "repeat", "steps"))
    for name in ("match", "from", "model", "wake", "kind"):
        if name in found:
            _check(f"{where}, {name}", found[name], TEXT)
    if "match" in found:
        _check_pattern(where, found["match"])
    wake = found.get("wake", "message")
    if wake not in WAKES:
        raise _Wrong(f"{where}, wake: it is {', '.join(WAKES[:-1])} or {WAKES[-1]}.")
    if "kind" in found:
        _one_of(f"{where}, kind", "kind", found["kind"], MESSAGE_KINDS)
    repeat = found.get("repeat", 1)
    if repeat is True:
        repeat = ALWAYS
    elif isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
        raise _Wrong(f"{where}, repeat: it is a whole number from 1 up, or true for no end.")
    steps = found.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _Wrong(f'{where}, steps: it is a list of tables such as {{say = "…"}}.')
    read = tuple(_step(f"{where}, step {number}", step) for number, step in enumerate(steps, 1))
    return Turn(read, found.get("match"), found.get("from"), found.get("model"), wake, found.get("kind"), repeat)


def _step(where: str, found: dict[str, Any]) -> Step:
    verbs = [key for key in found if key in STEPS]
    if not verbs:
        unknown = next(iter(found), "")
        raise _Wrong(f"{where}: there is no step {unknown!r}; there are {', '.join(STEPS)}.")
    # `model` and `usage` are verbs alone: no verb takes another as its option.
    if len(verbs) > 1:
        raise _Wrong(f"{where}: {verbs[0]!r} and {verbs[1]!r} are two steps; give each a table of its own.")
    verb = verbs[0]
    kind, options = STEPS[verb]
    _known(where, found, (verb, "times", *options))
    value = found[verb]
    _check(f"{where}, {verb}", value, kind)
    for name, option in options.items():
        if name in found:
            _check(f"{where}, {name}", found[name], option)
    if kind == TEXT_OR_TABLE and isinstance(value, str):
        value = {"text": value}
    if verb in FIELDS and isinstance(value, dict):
        _check_fields(f"{where}, {verb}", value, *FIELDS[verb])
    if verb == "replay":
        value = _replay(where, value)
    _check_words(where, verb, value, found)
    times = found.get("times", 1)
    _check(f"{where}, times", times, COUNT)
    if times > MOST_TIMES:
        raise _Wrong(f"{where}, times: at most {MOST_TIMES}.")
    return Step(verb, value, {name: found[name] for name in options if name in found}, times)


def _check_words(where: str, verb: str, value: Any, found: dict[str, Any]) -> None:
    """Of the words that must be one of a few."""
    if verb == "fail" or (verb == "replay" and value["kind"] == "turn_end"):
        _one_of(f"{where}, {verb}", "outcome", value["outcome"], OUTCOMES)
    elif verb == "condition" or (verb == "replay" and value["kind"] == "status_changed"):
        _one_of(f"{where}, {verb}", "condition", value["kind" if verb == "condition" else "condition"], CONDITIONS)
    level = found.get("level", "info") if verb == "note" else value.get("level", "info") if verb == "replay" else "info"
    if level not in ("info", "warning", "error"):
        raise _Wrong(f"{where}, level: it is info, warning or error.")
    if verb == "ask_permission" and value.get("run") and not isinstance(value["input"].get("command"), str):
        raise _Wrong(f"{where}, run: the input has no `command` that could be run.")
    if verb in HAVE_A_MOMENT and "until" in value:
        _check_moment(f"{where}, until", value["until"])


def _replay(where: str, value: dict[str, Any]) -> dict[str, Any]:
    """The recorded event, its tool's input read where it is JSON."""
    kind = value.get("kind")
    if kind not in REPLAYED:
        raise _Wrong(f"{where}, replay: there is no kind {kind!r}; there are {', '.join(REPLAYED)}.")
    needed, optional = REPLAYED[kind]
    _check_fields(f"{where}, replay", value, {"kind": TEXT, **needed}, optional)
    for name, figures in (("ctx", CTX), ("cost", COST)):
        if name in value:
            must = {"tokens": COUNT, "window": COUNT} if name == "ctx" else {"tokens": COUNT}
            _check_fields(f"{where}, replay, {name}", value[name], must, figures)
    if kind == "tool_use" and isinstance(value["input"], str):
        return {**value, "input": json.loads(value["input"])}
    return value


def _check_moment(where: str, value: str) -> None:
    try:
        aware = datetime.fromisoformat(value).tzinfo is not None
    except ValueError:
        aware = False
    if not aware:
        raise _Wrong(f"{where}: it is a time such as 2026-01-31T12:00:00Z.")


def _one_of(where: str, noun: str, value: str, known: Sequence[str]) -> None:
    if value not in known:
        raise _Wrong(f"{where}: there is no {noun} {value!r}; there are {', '.join(known)}.")


def _check_fields(where: str, value: dict[str, Any], needed: dict[str, str], optional: dict[str, str]) -> None:
    _known(where, value, (*needed, *optional))
    for name in needed:
        if name not in value:
            raise _Wrong(f"{where}: {name!r} is missing.")
    for name, found in value.items():
        _check(f"{where}, {name}", found, (needed | optional)[name])


def _check_pattern(where: str, match: str) -> None:
    if len(match) > 2 and match[0] == match[-1] == "/":
        try:
            re.compile(match[1:-1])
        except re.error as error:
            raise _Wrong(f"{where}, match: it is no regular expression: {error}.") from error


def _known(where: str, found: dict[str, Any], known: tuple[str, ...]) -> None:
    unknown = next((name for name in found if name not in known), None)
    if unknown is not None:
        raise _Wrong(f"{where}: there is no {unknown!r}; there are {', '.join(known)}.")


def _check(where: str, value: Any, kind: str) -> None:
    number = isinstance(value, int | float) and not isinstance(value, bool)
    good = {
        TEXT: isinstance(value, str),
        NUMBER: number and value >= 0 and math.isfinite(value),
        COUNT: number and isinstance(value, int) and 0 <= value < 2**53,
        CODE: number and isinstance(value, int) and 0 <= value <= 255,
        FLAG: value is True,
        TABLE: isinstance(value, dict),
        BOOLEAN: isinstance(value, bool),
        NAMES: _is_names(value),
        TEXTS: _is_list_of(value, (str,)),
        CHOSEN: _is_list_of(value, (str, int)),
        FLAG_OR_TABLE: value is True or isinstance(value, dict),
        TEXT_OR_TABLE: isinstance(value, str | dict),
        VERDICT: value in ("allowed", "denied"),
        JSON: isinstance(value, dict) or _is_json_table(value),
        ENGINE["compact"]: isinstance(value, bool) or value == "fails",
        ENGINE["resume"]: value in ("ok", "refused", "refused once"),
    }[kind]
    if not good:
        raise _Wrong(f"{where}: it is {kind}.")


def _is_list_of(value: Any, kinds: tuple[type, ...]) -> bool:
    items = value if isinstance(value, list) else [None]
    return all(isinstance(item, kinds) and not isinstance(item, bool) for item in items)


def _is_names(value: Any) -> bool:
    names = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    return names and len(set(value)) == len(value)


def _is_json_table(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False
