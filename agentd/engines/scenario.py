"""A scenario: what a scripted agent says and does, as TOML. Read and checked here; docs/SCENARIOS.md is its manual.

Standard library only: the player, a process of its own for each agent, loads it.
"""

import re
import tomllib
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hived.wire.errors import InvalidScenario

OUTCOMES = ("ok", "failed", "cancelled", "prompt_too_long", "rate_limited", "needs_login", "over_budget")
ALWAYS = -1
MOST_TIMES = 1_000_000

_TEXT, _NUMBER, _COUNT, _FLAG, _TABLE = "a text", "a number from 0 up", "a whole number from 0 up", "true", "a table"
_CODE = "an exit code from 0 to 255"

STEPS: dict[str, tuple[str, dict[str, str]]] = {
    "say": (_TEXT, {"pace": _NUMBER}),
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
    "wait_for_file": (_TEXT, {"timeout_seconds": _NUMBER}),
    "usage": (_TABLE, {}),
    "model": (_TEXT, {}),
    "fail": (_TABLE, {}),
    "exit": (_CODE, {}),
}
"""Each step's verb, what its value is, and the further keys beside it; `times` goes with every one."""

_FIELDS: dict[str, tuple[dict[str, str], dict[str, str]]] = {
    "write": ({"path": _TEXT, "text": _TEXT}, {}),
    "edit": ({"path": _TEXT, "find": _TEXT, "replace": _TEXT}, {}),
    "read": ({"path": _TEXT}, {}),
    "send": ({"to": _TEXT, "body": _TEXT}, {"reply_to": _TEXT}),
    "ask_permission": ({"tool": _TEXT, "input": _TABLE}, {}),
    "fail": ({"outcome": _TEXT}, {"error": _TEXT, "retryable": "true or false"}),
}
"""Of the steps whose value is a table: the keys it must have, and those it may have. Others hold whatever they hold."""

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
    repeat: int = 1
    """How often it may be played; ALWAYS for no end."""

    def fits(self, prompt: str, senders: Sequence[str]) -> bool:
        if self.sender is not None and self.sender not in senders:
            return False
        if self.match is None:
            return True
        if len(self.match) > 2 and self.match[0] == self.match[-1] == "/":
            return re.search(self.match[1:-1], prompt) is not None
        return self.match.casefold() in prompt.casefold()


@dataclass(frozen=True, slots=True)
class Scenario:
    turns: tuple[Turn, ...]
    pace: float = 0.0
    """Seconds between two words of a `say`."""
    timeout_seconds: float = 60.0

    def choose(self, prompt: str, senders: Sequence[str], played: dict[int, int]) -> int | None:
        """Which turn answers: the first that fits and is not used up, else the last for any prompt; None for neither."""
        for index, turn in enumerate(self.turns):
            if turn.fits(prompt, senders) and (turn.repeat == ALWAYS or played.get(index, 0) < turn.repeat):
                return index
        for_any = [index for index, turn in enumerate(self.turns) if turn.match is None and turn.sender is None]
        return for_any[-1] if for_any else None


def load_scenario(path: Path) -> Scenario:
    """Raises InvalidScenario, which names the turn, the step and what is wrong with it."""
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise InvalidScenario(file=str(path), reason=f"it cannot be read: {error.strerror}.") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise InvalidScenario(file=str(path), reason=f"it is no TOML: {error}.") from error
    try:
        return parse_scenario(found)
    except _Wrong as error:
        raise InvalidScenario(file=str(path), reason=str(error)) from None


class _Wrong(ValueError):
    """What is wrong, and where."""


def parse_scenario(found: dict[str, Any]) -> Scenario:
    _known("the file", found, ("description", "defaults", "turn"))
    defaults = found.get("defaults", {})
    _check("[defaults]", defaults, _TABLE)
    _known("[defaults]", defaults, tuple(_DEFAULTS))
    for name, value in defaults.items():
        _check(f"[defaults] {name}", value, _DEFAULTS[name])
    turns = found.get("turn", [])
    if not isinstance(turns, list) or not turns or not all(isinstance(turn, dict) for turn in turns):
        raise _Wrong("it has no [[turn]].")
    return Scenario(tuple(_turn(f"turn {number}", turn) for number, turn in enumerate(turns, 1)), **defaults)


def _turn(where: str, found: dict[str, Any]) -> Turn:
    _known(where, found, ("match", "from", "repeat", "steps"))
    match = found.get("match")
    if match is not None:
        _check(f"{where}, match", match, _TEXT)
        _check_pattern(where, match)
    sender = found.get("from")
    if sender is not None:
        _check(f"{where}, from", sender, _TEXT)
    repeat = found.get("repeat", 1)
    if repeat is True:
        repeat = ALWAYS
    elif isinstance(repeat, bool) or not isinstance(repeat, int) or repeat < 1:
        raise _Wrong(f"{where}, repeat: it is a whole number from 1 up, or true for no end.")
    steps = found.get("steps", [])
    if not isinstance(steps, list) or not all(isinstance(step, dict) for step in steps):
        raise _Wrong(f'{where}, steps: it is a list of tables such as {{say = "…"}}.')
    return Turn(
        tuple(_step(f"{where}, step {number}", step) for number, step in enumerate(steps, 1)), match, sender, repeat
    )


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
    if verb == "fail" and value["outcome"] not in OUTCOMES:
        raise _Wrong(f"{where}, fail: there is no outcome {value['outcome']!r}; there are {', '.join(OUTCOMES)}.")
    if verb == "note" and found.get("level", "info") not in ("info", "warning", "error"):
        raise _Wrong(f"{where}, level: it is info, warning or error.")
    times = found.get("times", 1)
    _check(f"{where}, times", times, _COUNT)
    if times > MOST_TIMES:
        raise _Wrong(f"{where}, times: at most {MOST_TIMES}.")
    return Step(verb, value, {name: found[name] for name in options if name in found}, times)


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
        _NUMBER: number and value >= 0,
        _COUNT: number and isinstance(value, int) and value >= 0,
        _CODE: number and isinstance(value, int) and 0 <= value <= 255,
        _FLAG: value is True,
        _TABLE: isinstance(value, dict),
        "true or false": isinstance(value, bool),
    }[kind]
    if not good:
        raise _Wrong(f"{where}: it is {kind}.")
