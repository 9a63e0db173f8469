"""Closing the turn that an earlier harness was killed in, so that the transcript tells the truth."""

from typing import Any

from agentd.journal import Journal
from agentd.recording import Recorder
from agentd.sessions import ID_FACT
from agentd.stats import TurnStats
from hived.wire.times import utc_now
from hived.wire.turns import TurnRow

LOOKED_AT = 200


async def mend(journal: Journal, recorder: Recorder, stats: TurnStats) -> None:
    """Journal the turn_end that is missing, if one is: it failed, and whatever it was about comes again.

    Its figures are those that the engine last told in it; what they cost is an estimate.
    """
    history = await journal.newest(("turn_start", "turn_end", "message_in"), LOOKED_AT)
    start = next((index for index in range(len(history) - 1, -1, -1) if history[index][0] != "message_in"), None)
    if start is None or history[start][0] == "turn_end":
        return
    begun = history[start][1]
    turn_id = str(begun.get("turn_id"))
    ids = [str(id) for id in begun.get("message_ids", [])]
    came_in = [payload for _, payload in history[start + 1 :]]
    steered = [str(payload["message_id"]) for payload in came_in if payload.get("steered")]
    ids += [id for payload in came_in if (id := str(payload["message_id"])) not in ids]
    ctx, cost = await _figures(journal)
    recorder.note(f"Turn {turn_id} was cut off: the harness ended in the middle of it.", "warning")
    journal.append(
        "turn_end",
        {
            "turn_id": turn_id,
            "outcome": "failed",
            "message_ids": ids,
            "duration_ms": None,
            "ctx": ctx,
            "cost": cost,
            "model": begun.get("model"),
            "session_id": journal.get(ID_FACT),
            "tool_calls": None,
            "error": "the harness ended in mid-turn",
            "retryable": True,
            "steered": steered,
            "cut_off": True,
        },
    )
    await stats.record(_row(begun, ctx, cost, journal.get(ID_FACT)))


async def _figures(journal: Journal) -> tuple[dict[str, Any] | None, dict[str, Any] | None]:
    """(ctx, cost) as the cut-off turn last told them, None where it told none."""
    newest = await journal.newest(("turn_start", "token_usage_changed"), 1)
    if not newest or newest[0][0] == "turn_start":
        return None, None
    told = newest[0][1]
    cost = told.get("cost")
    return told.get("ctx"), None if cost is None else {**cost, "estimated": cost.get("usd") is not None}


def _row(
    begun: dict[str, Any], ctx: dict[str, Any] | None, cost: dict[str, Any] | None, session_id: str | None
) -> TurnRow:
    """What is known of it: of its tokens only their sums, which stand in the input's column."""
    wake = begun.get("wake") or {}
    usd = cost.get("usd") if cost else None
    return TurnRow(
        turn_id=str(begun.get("turn_id")),
        model=begun.get("model"),
        wake_from=wake.get("from"),
        result_kind="failed",
        note="the harness ended in mid-turn",
        ended_at=utc_now(),
        input_tokens=cost.get("tokens") if cost else None,
        last_input_tokens=ctx.get("tokens") if ctx else None,
        context_window=ctx.get("window") if ctx else None,
        cost_usd=usd,
        cost_estimated=True if usd is not None else None,
        session_id=session_id,
    )
