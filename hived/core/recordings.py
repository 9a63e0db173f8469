"""Recordings: turns of an agent's journal as a scenario, which the scripted engine plays with the same events.

What an engine says becomes a `replay` step, word for word. What others do (messages that come in, decisions, the
harness's own states) is left out and counted: in a replay it happens anew, or not at all.
"""

import json
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from hived.core.overflow import made_whole
from hived.store.transcripts import select_events
from hived.wire import toml_text as toml
from hived.wire.agents import EngineAbilities, ModelOffered
from hived.wire.errors import TooLarge, TurnNotFound
from hived.wire.recordings import Recording
from hived.wire.times import from_text
from hived.wire.turns import OUTCOMES

MOST_BYTES = 16 * 1024 * 1024
"""Of a scenario: reading one takes a second for each few MB."""
PAGE_EVENTS = 1000
ENGINES_CONDITIONS = ("needs_login", "rate_limited", "over_budget")
MOST_FIGURE = 2**53
TOO_LONG = "prompt_too_long"
MESSAGE = "message"
OWN_WAKES = ("checkpoint", "compact")
THE_END = "The recording has no more turns."

Payload = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which turns: `first` and `last` are a turn's id (or how it begins), an event's id, or None for no bound."""

    first: str | None = None
    last: str | None = None
    deeds: bool = False
    """The messages that it sent are sent again."""


@dataclass(slots=True)
class _Part:
    """What the engine is asked for at once: a turn's prompt, a compaction in the middle of it, the prompt once more."""

    wake: str
    steps: list[str] = field(default_factory=list)
    end: Payload = field(default_factory=dict)


@dataclass(slots=True)
class _Turn:
    turn_id: str
    ts: str
    parts: list[_Part]
    left_out: Counter[str] = field(default_factory=Counter)
    size: int = 0
    events: int = 1
    until_seconds: float | None = None
    """Of the rate limit that it met."""


def make_recording(
    name: str, journal: Path, overflow: Path, wanted: Wanted, abilities: EngineAbilities, models: list[ModelOffered]
) -> Recording:
    """Blocking: call on a thread. Raises TooLarge, TurnNotFound, JournalUnavailable."""
    return _Recorder(name, overflow, wanted).read(journal, _head(name, abilities, models))


class _Recorder:
    def __init__(self, name: str, overflow: Path, wanted: Wanted) -> None:
        self._name = name
        self._overflow = overflow
        self._wanted = wanted
        self._first_id, self._last_id = _event_id(wanted.first), _event_id(wanted.last)
        self._done: list[str] = []
        self._size = self._turns = self._events = self._cut = 0
        self._left_out: Counter[str] = Counter()
        self._open: _Turn | None = None

    def read(self, journal: Path, head: str) -> Recording:
        self._put([head])
        over = self._wanted.last is None or self._last_id is not None
        for event in _events(self._name, journal, (self._first_id or 1) - 1):
            if self._last_id is not None and event["id"] > self._last_id:
                break
            if self._take(event):
                over = True
                break
        if self._wanted.first is not None and self._first_id is None and not self._turns:
            raise TurnNotFound(id=self._wanted.first[:64], name=self._name)
        if not over:
            raise TurnNotFound(id=str(self._wanted.last)[:64], name=self._name)
        self._put(["[[turn]]", "repeat = true", f"steps = [{{ note = {toml.string(THE_END)} }}]", ""])
        return Recording(
            scenario="\n".join(self._done),
            turns=self._turns,
            events=self._events,
            left_out=dict(sorted(self._left_out.items())),
            cut=self._cut,
        )

    def _take(self, event: dict[str, Any]) -> bool:
        """True where that was the last event that is wanted."""
        kind, payload = event["kind"], event["payload"]
        if kind == "turn_start":
            self._open = self._begun(event, payload) if self._is_wanted(payload) else None
            return False
        turn = self._open
        if turn is None:
            return False
        payload, cut = made_whole(payload, self._overflow)
        self._cut += cut
        if kind == "turn_end":
            self._end(turn, payload)
            return self._last_id is None and self._is_last(turn.turn_id)
        step = self._step(turn, kind, payload, event["ts"])
        if step is None:
            turn.left_out[kind] += 1
            _harness(turn, kind, payload)
        else:
            turn.parts[-1].steps.append(step)
            turn.size += len(step)
            turn.events += 1
            self._check_size(turn.size)
        return False

    def _is_wanted(self, start: Payload) -> bool:
        first = self._wanted.first
        return (
            self._turns > 0 or first is None or self._first_id is not None or _text(start, "turn_id").startswith(first)
        )

    def _is_last(self, turn_id: str) -> bool:
        return self._wanted.last is not None and turn_id.startswith(self._wanted.last)

    def _begun(self, event: dict[str, Any], start: Payload) -> _Turn:
        wake = start.get("wake")
        kind = wake.get("kind") if isinstance(wake, dict) else None
        return _Turn(_text(start, "turn_id"), event["ts"], [_Part(kind if kind in OWN_WAKES else MESSAGE)])

    def _step(self, turn: _Turn, kind: str, payload: Payload, ts: str) -> str | None:
        """The step that says it again; None for what no engine says."""
        said: Payload
        match kind:
            case "text":
                said = {"text": _text(payload, "text")}
            case "thinking":
                said = {"text": _text(payload, "text"), "hidden": payload.get("hidden") is True}
            case "note" if payload.get("by") == "engine":
                level = payload.get("level")
                said = {"text": _text(payload, "text"), "level": level if level in ("warning", "error") else "info"}
            case "tool_use":
                return _tool_use(payload)
            case "tool_result":
                said = {key: _text(payload, key) for key in ("tool_use_id", "tool", "text")}
                said["is_error"] = payload.get("is_error") is True
            case "token_usage_changed":
                said = _badges(payload)
            case "model_changed":
                said = {"model": _text(payload, "model")}
            case "status_changed" if payload.get("condition") in ENGINES_CONDITIONS:
                said = {"condition": payload["condition"], "on": payload.get("on") is True, **_until(payload, ts)}
                said["detail"] = _text(payload, "detail")
                if said["condition"] == "rate_limited":
                    turn.until_seconds = said.get("until_seconds")
            case "message_out" if self._wanted.deeds:
                said = {key: _text(payload, key) for key in ("to", "body")}
            case _:
                return None
        return _replay(kind, said)

    def _end(self, turn: _Turn, end: Payload) -> None:
        outcome = _text(end, "outcome") if end.get("outcome") in OUTCOMES else "failed"
        said: Payload = {"outcome": outcome, "retryable": end.get("retryable") is not False, **_badges(end)}
        if isinstance(end.get("error"), str):
            said["error"] = end["error"]
        if outcome == "rate_limited" and turn.until_seconds is not None:
            said["until_seconds"] = turn.until_seconds
        in_vain = len(turn.parts) == 3 and turn.parts[1].end["outcome"] != "ok"
        # Where a compaction failed, the prompt was not tried again: the turn ended as its first try did.
        ended = turn.parts[0] if in_vain else turn.parts[-1]
        ended.end = {**said, "outcome": TOO_LONG} if in_vain else said
        self._put([f"# {toml.string(turn.turn_id)}, {toml.string(turn.ts)}"])
        for part in turn.parts[:-1] if in_vain else turn.parts:
            self._put([*_part_head(part), *part.steps, _replay("turn_end", part.end), "]", ""])
        self._open = None
        self._turns += 1
        self._events += turn.events + 1
        self._left_out += turn.left_out

    def _put(self, lines: list[str]) -> None:
        self._done += lines
        self._size += sum(len(line) for line in lines)
        self._check_size(0)

    def _check_size(self, more: int) -> None:
        if self._size + more > MOST_BYTES:
            raise TooLarge(
                f"The recording of {self._name} is longer than {MOST_BYTES // 2**20} MiB; ask for fewer turns.",
                what="recording",
                limit=MOST_BYTES,
            )


def _harness(turn: _Turn, kind: str, payload: Payload) -> None:
    """A compaction in the middle of a turn is seen by what the harness says of it."""
    part = turn.parts[-1]
    if turn.parts[0].wake != MESSAGE:
        return
    if kind == "turn_state_changed" and payload.get("state") == "compacting" and len(turn.parts) == 1:
        part.end = {"outcome": TOO_LONG}
        turn.parts.append(_Part("compact", end={"outcome": "ok"}))
    elif kind == "turn_state_changed" and payload.get("state") == "thinking" and len(turn.parts) == 2:
        turn.parts.append(_Part(MESSAGE))
    elif kind == "note" and payload.get("level") == "error" and len(turn.parts) == 2:
        part.end = {"outcome": "failed", "error": _text(payload, "text")}


def _part_head(part: _Part) -> list[str]:
    wake = [] if part.wake == MESSAGE else [f"wake = {toml.string(part.wake)}"]
    return ["[[turn]]", *wake, "steps = ["]


def _events(name: str, journal: Path, after: int) -> Iterator[dict[str, Any]]:
    """Every event after that one, a page at a time."""
    while True:
        page = select_events(name, journal, after=after, limit=PAGE_EVENTS)
        for event in page.events:
            found = json.loads(event.line)
            if isinstance(found["payload"], dict):
                yield found
            after = event.id
        if not page.events:
            return


def _head(name: str, abilities: EngineAbilities, models: list[ModelOffered]) -> str:
    """What the engine that was recorded can do. A new session goes on in the recording."""
    plays = {
        "models": [model.model_dump(exclude_none=True) for model in models],
        "closed_models": abilities.closed_models,
        "efforts": list(dict.fromkeys(abilities.efforts)),
        "permission_modes": list(dict.fromkeys(abilities.permission_modes)),
        "at_once": abilities.set_model,
        "compact": abilities.compact,
        "steer": abilities.steer,
        "forgets": False,
    }
    lines = [f"description = {toml.string(f'What {name} did.')}", "", "[engine]"]
    return "\n".join([*lines, *(f"{key} = {toml.value(value)}" for key, value in plays.items()), ""])


def _replay(kind: str, said: Payload) -> str:
    return f"  {{ replay = {toml.value({'kind': kind, **said})} }},"


def _tool_use(payload: Payload) -> str:
    given = payload.get("input")
    words = ", ".join(f"{key} = {toml.string(_text(payload, key))}" for key in ("tool_use_id", "tool"))
    return f'  {{ replay = {{ kind = "tool_use", {words}, input = {toml.table_or_json(given if isinstance(given, dict) else {})} }} }},'


def _badges(payload: Payload) -> Payload:
    """`ctx` and `cost` as far as they were known."""
    found: Payload = {}
    ctx, cost = payload.get("ctx"), payload.get("cost")
    if isinstance(ctx, dict) and all(_is_figure(ctx.get(name), int) for name in ("tokens", "window")):
        found["ctx"] = {"tokens": ctx["tokens"], "window": ctx["window"]}
    if isinstance(cost, dict) and _is_figure(cost.get("tokens"), int):
        found["cost"] = {"tokens": cost["tokens"], "estimated": cost.get("estimated") is True}
        if _is_figure(cost.get("usd"), int | float):
            found["cost"]["usd"] = cost["usd"]
    return found


def _is_figure(found: Any, kind: Any) -> bool:
    return isinstance(found, kind) and not isinstance(found, bool) and 0 <= found < MOST_FIGURE


def _until(payload: Payload, ts: str) -> Payload:
    """In how many seconds from then it ends, where that was known."""
    try:
        seconds = (from_text(payload["until"]) - from_text(ts)).total_seconds()
    except (KeyError, TypeError, ValueError):
        return {}
    return {"until_seconds": max(0.0, round(seconds, 3))}


def _text(payload: Payload, key: str) -> str:
    found = payload.get(key)
    return found if isinstance(found, str) else ""


def _event_id(bound: str | None) -> int | None:
    """The event that a bound names; None where it names a turn, whose id begins with a 0 or holds more than digits."""
    if bound is None or not (bound.isascii() and bound.isdecimal()) or bound.startswith("0"):
        return None
    return int(bound[:18])
