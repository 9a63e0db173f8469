"""Events that are no engine's words as lines: settings, sessions, logins, conditions, and the turns of upkeep as thin rules."""

from typing import Any

from hivetui.state.clock import day_and_hour, hour, parsed, stopwatch
from hivetui.state.transcript import Entry, Transcript
from hivetui.widgets.lines import Line, Piece, cells, clean, cropped, dollars, one_line, thousands, wrapped

SESSION_WORDS = {
    "armed": "the next turn begins a new session",
    "kept": "session kept",
    "none": "no session yet",
    "refused": "the engine will not resume its session",
}
LOGIN_WORDS = {
    "open": ("login: the link waits for its code", "soft"),
    "done": ("login: done", "good"),
    "failed": ("login: failed", "bad"),
    "cancelled": ("login: cancelled", "dim"),
}
LOOK_BACK = 200
"""Events before a compaction among which the size of the context is looked for."""


def change_lines(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    """What changed; none where that is said elsewhere, or says nothing."""
    payload = entry.payload
    match entry.kind:
        case "turn_state_changed":
            return _turn_state(entry, transcript, width)
        case "model_changed":
            before = one_line(str(payload.get("previous") or ""), 60)
            said = f"{before} → " if before else ""
            return wrapped([(f"model {said}{one_line(str(payload.get('model') or '?'), 60)}", "dim")], width)
        case "status_changed":
            return _condition(entry, transcript, width)
        case "session_changed":
            return _session(entry, transcript, width)
        case "login_changed":
            said, tone = LOGIN_WORDS.get(str(payload.get("state")), ("", ""))
            return _with_detail(said, tone, payload, width) if said else []
    return wrapped([(one_line(entry.kind, 60), "dim")], width)


def upkeep_starts(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    """The rule above a checkpoint; a compaction has its rule where it ends."""
    if transcript.upkeep.get(str(entry.payload.get("turn_id"))) != "checkpoint":
        return []
    return [
        rule([(f"{hour(entry.ts, transcript.zone)} checkpoint", "dim"), (" · it writes its notes", "faint")], width)
    ]


def compaction_ends(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    """`── 14:31 compacted 152k → 31k · 0:08 · $0.02 ──`, and why where it did not work."""
    payload = entry.payload
    after = _tokens(payload.get("ctx"))
    before = _tokens_before(entry, transcript)
    done = payload.get("outcome") == "ok"
    facts = ["compacted" if done else f"compaction {one_line(str(payload.get('outcome') or 'failed'), 24)}"]
    if done and before and after and after < before:
        facts[0] += f" {thousands(before)} → {thousands(after)}"
    elif done and after:
        facts[0] += f" to {thousands(after)}"
    facts += figures_of(payload)
    lead = f"{hour(entry.ts, transcript.zone)} "
    while len(facts) > 1 and len(lead + " · ".join(facts)) > width - 4:
        facts.pop()
    lines = [
        rule([(lead + facts[0], "soft" if done else "bad"), *((f" · {fact}", "dim") for fact in facts[1:])], width)
    ]
    if error := payload.get("error"):
        lines += wrapped([("error ", "bad-strong"), (clean(str(error)[:4096]), "bad")], width, (("  ", ""),))
    return lines


def figures_of(payload: dict[str, Any]) -> list[str]:
    """How long a turn took, its tools, and what it cost; what nobody counted is not there."""
    facts: list[str] = []
    if isinstance(duration := payload.get("duration_ms"), int | float):
        facts.append(stopwatch(duration / 1000))
    if isinstance(tools := payload.get("tool_calls"), int) and tools:
        facts.append(f"{tools} tool{'' if tools == 1 else 's'}")
    cost = payload.get("cost")
    if isinstance(cost, dict) and isinstance(usd := cost.get("usd"), int | float):
        facts.append(dollars(usd, estimated=bool(cost.get("estimated"))))
    return facts


def rule(words: list[Piece], width: int) -> Line:
    """The words in a thin line across."""
    line = cropped([("── ", "faint"), *words, (" ", "")], max(4, width))
    return (*line, ("─" * max(0, width - cells(line)), "faint"))


def _turn_state(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    payload = entry.payload
    state = one_line(str(payload.get("state") or ""), 40)
    if state in ("idle", "thinking", "") or str(payload.get("turn_id")) in transcript.upkeep:
        return []
    until = _until(entry, transcript)
    said: list[Piece] = [(state, "soft"), (f" until {until}" if state == "napping" and until else "", "dim")]
    return wrapped(said, width, ((f"{hour(entry.ts, transcript.zone)} ", "dim"),))


def _condition(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    payload = entry.payload
    condition = one_line(str(payload.get("condition") or ""), 40)
    if condition in ("online", "", "unsandboxed"):
        return []
    on = bool(payload.get("on"))
    words = condition.replace("_", " ") if on else f"no longer {condition.replace('_', ' ')}"
    until = _until(entry, transcript)
    said: list[Piece] = [(words, "bad" if on else "dim"), (f" until {until}" if on and until else "", "bad")]
    detail = one_line(str(payload.get("detail") or ""))
    return wrapped([*said, (f" {detail}", "dim")], width, (("⊘ ", "dim"),))


def _until(entry: Entry, transcript: Transcript) -> str:
    """Until when, as it was to be said when it was written: with the day where that is another."""
    written = parsed(entry.ts)
    return day_and_hour(str(entry.payload.get("until") or ""), written.astimezone(transcript.zone)) if written else ""


def _session(entry: Entry, transcript: Transcript, width: int) -> list[Line]:
    """The harness notes each of them in words; where that note stands just before, it is said already."""
    before = transcript.get(entry.id - 1)
    state = str(entry.payload.get("state"))
    if (before is not None and before.kind == "note") or state in ("none", "kept"):
        return []
    tone = "wait" if state == "refused" else "dim"
    return _with_detail(SESSION_WORDS.get(state, one_line(state, 40)), tone, entry.payload, width)


def _with_detail(said: str, tone: str, payload: dict[str, Any], width: int) -> list[Line]:
    detail = one_line(str(payload.get("detail") or ""))
    return wrapped([(said, tone), (f" · {detail}" if detail else "", "dim")], width, hang=2)


def _tokens(ctx: object) -> int:
    found = ctx.get("tokens") if isinstance(ctx, dict) else None
    return found if isinstance(found, int) else 0


def _tokens_before(entry: Entry, transcript: Transcript) -> int:
    """How full the window was before that turn; 0 where that is not loaded."""
    turn = entry.payload.get("turn_id")
    started = False
    for id in range(entry.id - 1, max(entry.id - LOOK_BACK, transcript.first_id) - 1, -1):
        before = transcript.get(id)
        if before is None:
            return 0
        started = started or (before.kind == "turn_start" and before.payload.get("turn_id") == turn)
        if (
            started
            and before.kind in ("turn_end", "token_usage_changed")
            and (found := _tokens(before.payload.get("ctx")))
        ):
            return found
    return 0
