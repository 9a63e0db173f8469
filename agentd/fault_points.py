"""Named steps at which a test may end this process, so that kills happen at a step and not by luck.

A no-op unless HIVE_FAULT_POINT names the step; then the process kills itself there once: a marker file in the agent's
harness folder keeps it from happening again after the restart. `HIVE_FAULT_AGENT` narrows it to one agent.
"""

import os
import signal
from pathlib import Path

_CHOSEN = os.environ.get("HIVE_FAULT_POINT", "")
_AGENT = os.environ.get("HIVE_FAULT_AGENT", "")

POINTS = (
    "claimed", "turn_started", "in_turn", "before_turn_end", "turn_end_journalled", "batch_sent", "outbox_journalled",
)  # fmt: skip
"""In a turn's order: leased; turn_start journalled; the engine's first event journalled; its last journalled; turn_end
durable but not sent; a batch sent and its answer not read; a message_out durable but not sent."""
STATE_POINTS = ("session_journalled", "condition_journalled", "turn_state_journalled")
"""A session armed or begun, a condition on or off, a nap or compaction begun or ended: durable but not sent."""
MAINTENANCE_POINTS = ("checkpoint_started", "in_checkpoint", "compact_started", "in_compact")
"""The turns in which a context is taken care of: turn_start journalled; the first event journalled."""
THREAD_POINTS = ("question_journalled", "answer_journalled", "reminder_journalled", "ask_journalled", "mail_taken")
"""Of a turn that asks, answers and listens: durable but not sent; messages that `inbox` took journalled, the engine not told."""
PROOF_POINTS = ("engine_proving", "engine_proved")
"""Of an engine that is proven at a start: before anything of it runs; it is up, and hived knows nothing of this harness yet."""
OF_KINDS = {
    "turn_end": "turn_end_journalled",
    "message_out": "outbox_journalled",
    "question_out": "question_journalled",
    "answer_out": "answer_journalled",
    "reminder_out": "reminder_journalled",
    "permission_asked": "ask_journalled",
    "session_changed": "session_journalled",
    "status_changed": "condition_journalled",
    "turn_state_changed": "turn_state_journalled",
}
"""The event whose being durable is that step."""

_folder: Path | None = None


def arm(harness: Path, agent: str) -> None:
    """Where this harness keeps its markers."""
    global _folder
    if not _AGENT or agent == _AGENT:
        _folder = harness


def armed() -> bool:
    return _folder is not None and bool(_CHOSEN)


def chosen(point: str) -> bool:
    """Whether a test asked for that step: for what must be made durable before it."""
    return point == _CHOSEN


def reach(point: str) -> None:
    """End the process here if this is the step that was asked for, and it has not been yet."""
    if point != _CHOSEN or _folder is None:
        return
    marker = _folder / f"fault-{point}"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
