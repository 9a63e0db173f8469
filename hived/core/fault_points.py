"""Named steps at which a test may end this process, so that kills happen at a step and not by luck.

A no-op unless HIVE_FAULT_POINT names the step; then the process kills itself there once, and a marker file in the hive's
run folder keeps it from happening again after the restart.
"""

import os
import signal

from hived.paths import hive_paths

_CHOSEN = os.environ.get("HIVE_FAULT_POINT", "")

POINTS = (
    "hived_claim", "hived_claimed", "hived_batch", "hived_batch_taken", "hived_decide", "hived_decided", "hived_due",
    "hived_due_done", "hived_rebuilt", "hived_starting", "hived_forked", "hived_stopping",
    "hived_burying", "hived_buried", "hived_purging", "hived_purged",
    "hived_building", "hived_validated", "hived_setting_up", "hived_set_up", "hived_started", "hived_healthy",
    "hived_recorded", "hived_failing", "hived_failed", "hived_migrating",
)  # fmt: skip
"""Before and after the commit of a claim, of an event batch, of a decision and of what came due; between the commit of a
rebuild and its files. Of an agent's life: its generation committed and nothing forked; forked and its pid written nowhere;
said to be stopping and nothing done. Of its end: before and after the commit of its burial; of its purge before its first file
goes, and between the last one and its row. Of a deployment: its build begun; validated and written out; its setup forked, and
ended; its start in the books and the setting files not written (of one that is no rebuild); healthy and nothing recorded; recorded
and not deployed in the books; before and after the commit of its failure. Of a home's migration: its files made, its books not."""


def reach(point: str) -> None:
    """End the process here if this is the step that was asked for, and it has not been yet."""
    if point != _CHOSEN:
        return
    marker = hive_paths().run / f"fault-{point}"
    if not marker.exists():
        marker.touch()
        os.kill(os.getpid(), signal.SIGKILL)
