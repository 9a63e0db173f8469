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

from hived.wire.errors import InvalidScenario

OUTCOMES = ("ok", "failed", "cancelled", "prompt_too_long", "rate_limited", "needs_login", "over_budget")
CONDITIONS = ("needs_login", "rate_limited", "over_budget")
"""Those that an engine knows of."""
WAKES = ("message", "checkpoint", "compact")
ALWAYS = -1
MOST_TIMES = 1_000_000

_TEXT, _NUMBER, _COUNT, _FLAG, _TABLE = "a text", "a number from 0 up", "a whole number from 0 up", "true", "a table"
_CODE, _BOOLEAN = "an exit code from 0 to 255", "true or false"
_NAMES, _JSON = "a list of names, each once", "a table, or a text that holds one as JSON"

STEPS: dict[str, tuple[str, dict[str, str]]] = {
    "say": (_TEXT, {"pace": _NUMBER}),
    "say_settings": (_FLAG, {}),
    "think": (_TEXT, {"pace": _NUMBER, "hidden": _FLAG}),
    "note": (_TEXT, {"level": _TEXT}),
    "shell": (_TEXT, {"timeout_seconds": _NUMBER}),
    "write": (_TABLE, {}),
    "edit": (_TABLE, {}),
    "read": (_TABLE, {}),
    "send": (_TABLE, {}),
    "spawn": (_TABLE, {}),
    "inbox": (_FLAG, {}),
    "peers": (_FLAG, {}),
    "whoami": (_FLAG, {}),
    "ask_permission": (_TABLE, {}),
    "wait_seconds": (_NUMBER, {}),
    "work_seconds": (_NUMBER, {}),
    "wait_for_file": (_TEXT, {"timeout_seconds": _NUMBER}),
    "usage": (_TABLE, {}),
    "model": (_TEXT, {}),
    "condition": (_TABLE, {}),
    "fail": (_TABLE, {}),
    "limit": (_TABLE, {}),
    "needs_login": (_TEXT, {}),
    "exit": (_CODE, {}),
    "replay": (_TABLE, {}),
}
"""Each step's verb, what its value is, and the further keys beside it; `times` goes with every one."""

_UNTIL = {"until": _TEXT, "until_seconds": _NUMBER}
_FIELDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "write": ({"path": _TEXT, "text": _TEXT}, {}),
    "edit": ({"path": _TEXT, "find": _TEXT, "replace": _TEXT}, {}),
    "read": ({"path": _TEXT}, {}),
    "send": ({"to": _TEXT, "body": _TEXT}, {"reply_to": _TEXT}),
    "ask_permission": ({"tool": _TEXT, "input": _TABLE}, {}),
    "condition": ({"kind": _TEXT}, {"on": _BOOLEAN, "detail": _TEXT, **_UNTIL}),
    "fail": ({"outcome": _TEXT}, {"error": _TEXT, "retryable": _BOOLEAN, "until_compacted": _FLAG, **_UNTIL}),
    "limit": ({}, {"detail": _TEXT, **_UNTIL}),
}
"""Of the steps whose value is a table: the keys it must have, and those it may have. Others hold whatever they hold."""

_HAVE_A_MOMENT = ("condition", "fail", "limit", "replay")

_CTX, _COST = {"tokens": _COUNT, "window": _COUNT}, {"tokens": _COUNT, "usd": _NUMBER, "estimated": _BOOLEAN}
REPLAYED: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "text": ({"text": _TEXT}, {}),
    "thinking": ({"text": _TEXT}, {"hidden": _BOOLEAN}),
    "note": ({"text": _TEXT}, {"level": _TEXT}),
    "tool_use": ({"tool_use_id": _TEXT, "tool": _TEXT, "input": _JSON}, {}),
    "tool_result": ({"tool_use_id": _TEXT, "tool": _TEXT, "is_error": _BOOLEAN, "text": _TEXT}, {}),
    "token_usage_changed": ({}, {"ctx": _TABLE, "cost": _TABLE}),
    "model_changed": ({"model": _TEXT}, {}),
    "status_changed": ({"condition": _TEXT, "on": _BOOLEAN}, {"detail": _TEXT, **_UNTIL}),
    "message_out": ({"to": _TEXT, "body": _TEXT}, {}),
    "turn_end": (
        {"outcome": _TEXT},
        {"error": _TEXT, "retryable": _BOOLEAN, "ctx": _TABLE, "cost": _TABLE, **_UNTIL},
    ),
}
"""Of `replay`, by the `kind` of the recorded event: the keys of its payload that an engine says."""

_ENGINE = {
    "models": "a list of names, or of tables with a name",
    "closed_models": _BOOLEAN,
    "efforts": _NAMES,
    "permission_modes": _NAMES,
    "at_once": _BOOLEAN,
    "window": _COUNT,
    "compact": 'true, false or "fails"',
    "resume": '"ok", "refused" or "refused once"',
    "steer": _BOOLEAN,
    "forgets": _BOOLEAN,
}
_MODEL = {"name": _TEXT, "title": _TEXT, "description": _TEXT, "window": _COUNT}
_DEFAULTS = {"pace": _NUMBER, "timeout_seconds": _NUMBER}


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
    repeat: int = 1
    """How often it may be played; ALWAYS for no end."""

    def fits(self, prompt: str, senders: Sequence[str], model: str, wake: str) -> bool:
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
    ) -> int | None:
        """Which turn answers: the first that fits and is not used up, else the last for any prompt; None for neither."""
        for index, turn in enumerate(self.turns):
            unused = turn.repeat == ALWAYS or played.get(index, 0) < turn.repeat
            if unused and turn.fits(prompt, senders, model, wake):
                return index
        for_any = [
            index
            for index, turn in enumerate(self.turns)
            if turn.match is None and turn.sender is None and turn.fits(prompt, senders, model, wake)
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
    _check("[defaults]", defaults, _TABLE)
    _known("[defaults]", defaults, tuple(_DEFAULTS))
    for name, value in defaults.items():
        _check(f"[defaults] {name}", value, _DEFAULTS[name])
    abilities = _abilities(found.get("engine", {}))
    turns = found.get("turn", [])
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise _Wrong("it has no [[turn]].")
    read = tuple(_turn(f"turn {number}", turn) for number, turn in enumerate(turns, 1))
    return Scenario(read, abilities, **defaults)


def _abilities(found: Any) -> Abilities:
    _check("[engine]", found, _TABLE)
    _known("[engine]", found, tuple(_ENGINE))
    models = found.get("models", [])
    if not isinstance(models, list):
        raise _Wrong(f"[engine] models: it is {_ENGINE['models']}.")
    models = [{"name": model} if isinstance(model, str) else model for model in models]
    for model in models:
        _check("[engine] models", model, _TABLE)
        _check_fields("[engine] models", model, {"name": _TEXT}, _MODEL)
    for name, value in found.items():
        if name != "models":
            _check(f"[engine] {name}", value, _ENGINE[name])
    lists = {name: tuple(found[name]) for name in ("efforts", "permission_modes") if name in found}
    return Abilities(**{**found, **lists, "models": tuple(models)})


def _turn(where: str, found: dict[str, Any]) -> Turn:
    _known(where, found, ("match", "from", "model", "wake", "repeat", "steps"))
    for name in ("match", "from", "model", "wake"):
        if name in found:
            _check(f"{where}, {name}", found[name], _TEXT)
    if "match" in found:
        _check_pattern(where, found["match"])
    wake = found.get("wake", "message")
    if wake not in WAKES:
        raise _Wrong(f"{where}, wake: it is {', '.join(WAKES[:-1])} or {WAKES[-1]}.")
    repeat = found.get("repeat", 1)
    if repeat is True:
        repeat = ALWAYS
    elif isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
        raise _Wrong(f"{where}, repeat: it is a whole number from 1 up, or true for no end.")
    steps = found.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _Wrong(f'{where}, steps: it is a list of tables such as {{say = "…"}}.')
    read = tuple(_step(f"{where}, step {number}", step) for number, step in enumerate(steps, 1))
    return Turn(read, found.get("match"), found.get("from"), found.get("model"), wake, repeat)


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
    if verb in _FIELDS:
        _check_fields(f"{where}, {verb}", value, *_FIELDS[verb])
    if verb == "replay":
        value = _replay(where, value)
    _check_words(where, verb, value, found)
    times = found.get("times", 1)
    _check(f"{where}, times", times, _COUNT)
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
    if verb in _HAVE_A_MOMENT and "until" in value:
        _check_moment(f"{where}, until", value["until"])


def _replay(where: str, value: dict[str, Any]) -> dict[str, Any]:
    """The recorded event, its tool's input read where it is JSON."""
    kind = value.get("kind")
    if kind not in REPLAYED:
        raise _Wrong(f"{where}, replay: there is no kind {kind!r}; there are {', '.join(REPLAYED)}.")
    needed, optional = REPLAYED[kind]
    _check_fields(f"{where}, replay", value, {"kind": _TEXT, **needed}, optional)
    for name, figures in (("ctx", _CTX), ("cost", _COST)):
        if name in value:
            must = {"tokens": _COUNT, "window": _COUNT} if name == "ctx" else {"tokens": _COUNT}
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
        _TEXT: isinstance(value, str),
        _NUMBER: number and value >= 0 and math.isfinite(value),
        _COUNT: number and isinstance(value, int) and 0 <= value < 2**53,
        _CODE: number and isinstance(value, int) and 0 <= value <= 255,
        _FLAG: value is True,
        _TABLE: isinstance(value, dict),
        _BOOLEAN: isinstance(value, bool),
        _NAMES: _is_names(value),
        _JSON: isinstance(value, dict) or _is_json_table(value),
        _ENGINE["compact"]: isinstance(value, bool) or value == "fails",
        _ENGINE["resume"]: value in ("ok", "refused", "refused once"),
    }[kind]
    if not good:
        raise _Wrong(f"{where}: it is {kind}.")


def _is_names(value: Any) -> bool:
    names = isinstance(value, list) and all(isinstance(name, str) and name for name in value)
    return names and len(set(value)) == len(value)


def _is_json_table(value: Any) -> bool:
    try:
        return isinstance(value, str) and isinstance(json.loads(value), dict)
    except (ValueError, RecursionError):
        return False
