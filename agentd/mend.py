"""Closing the turn that an earlier harness was killed in, so that the transcript tells the truth."""

from agentd.journal import Journal
from agentd.recording import Recorder
from agentd.sessions import ID_FACT

LOOKED_AT = 200


async def mend(journal: Journal, recorder: Recorder) -> None:
    """Journal the turn_end that is missing, if one is: it failed, and whatever it was about comes again."""
    history = await journal.newest(("turn_start", "turn_end", "message_in"), LOOKED_AT)
    start = next((index for index in range(len(history) - 1, -1, -1) if history[index][0] != "message_in"), None)
    if start is None or history[start][0] == "turn_end":
        return
    begun = history[start][1]
    turn_id = str(begun.get("turn_id"))
    ids = [str(id) for id in begun.get("message_ids", [])]
    steered = [str(payload["message_id"]) for _, payload in history[start + 1 :] if payload.get("steered")]
    recorder.note(f"Turn {turn_id} was cut off: the harness ended in the middle of it.", "warning")
    journal.append(
        "turn_end",
        {
            "turn_id": turn_id,
            "outcome": "failed",
            "message_ids": [*ids, *steered],
            "duration_ms": None,
            "ctx": None,
            "cost": None,
            "model": begun.get("model"),
            "session_id": journal.get(ID_FACT),
            "tool_calls": None,
            "error": "the harness ended in mid-turn",
            "retryable": True,
            "steered": steered,
        },
    )
