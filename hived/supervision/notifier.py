"""Runs the operator's `notify` command when something waits and no screen has the focus: once for each thing, whatever restarts.

No shell: the words of hive.toml, and the text as one more. What comes within GATHER_SECONDS is told together; what was
decided by then, or came while somebody looked at a screen, is not told at all.
"""

import asyncio
import contextlib
import logging
import os
import signal
from collections.abc import Sequence
from typing import Any

from hived.core.hive import Hive
from hived.core.notices import Notice, notice_of, take_untold
from hived.core.text import one_line
from hived.wire.approvals import WaitingItem

GATHER_SECONDS = 1.0
BACK_SECONDS = 2.5
"""After hived's start: screens are back within 2 s, and until then nobody knows whether one is looked at."""
RUN_SECONDS = 10.0
"""The longest that the command may take; then its process group is ended."""
TERM_SECONDS = 1.0
"""From TERM to KILL."""
RETRY_SECONDS = 5.0
"""After a failure of the database."""
KEPT_BYTES = 400
"""Of what the command says, for the log; the rest is read and dropped."""
MOST_CAUSES = 50

log = logging.getLogger(__name__)


class Notifier:
    """`run` until cancelled; without a command it ends at once, and nothing is ever written."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._command = hive.config.notify
        self._came = asyncio.Event()
        self._came.set()  # what was left untold by the hived before
        self._seen: set[tuple[str, str]] = set()
        """What came while somebody looked, by kind and id."""
        self._complained: set[str] = set()
        if self._command:
            hive.database.on_feed(self._hear)

    async def run(self) -> None:
        gather = BACK_SECONDS
        while self._command:
            await self._came.wait()
            await asyncio.sleep(gather)
            gather = GATHER_SECONDS
            self._came.clear()
            try:
                items = await self._untold()
            except Exception:
                log.exception("what waits cannot be looked up for the notify command")
                self._came.set()
                await asyncio.sleep(RETRY_SECONDS)
                continue
            if items:
                await self._tell(notice_of(items))

    def _hear(self, rows: Sequence[Any]) -> None:
        for row in rows:
            if row.kind == "waiting":
                if self._hive.presence.somebody:
                    found = row.payload
                    self._seen.add((found["kind"], found["id"]))
                self._came.set()

    async def _untold(self) -> list[WaitingItem]:
        items = await self._hive.database.write(take_untold)
        seen, self._seen = self._seen, set()
        if self._hive.presence.somebody:
            return []
        return [item for item in items if (item.kind, item.id) not in seen]

    async def _tell(self, notice: Notice) -> None:
        try:
            trouble = await run_command([*self._command, notice.text], _environment(notice))
        except (OSError, ValueError) as error:
            trouble = f"it cannot be run: {getattr(error, 'strerror', None) or error}"
        if trouble and trouble not in self._complained and len(self._complained) < MOST_CAUSES:
            self._complained.add(trouble)
            log.error("notify (%s): %s", self._command[0], trouble)


async def run_command(command: Sequence[str], env: dict[str, str]) -> str:
    """Run it to its end, in a session of its own; what went wrong, or nothing. Raises OSError, ValueError.

    What it leaves behind in its group goes on; past RUN_SECONDS, or where this is cancelled, all of the group is ended.
    """
    ours, theirs = os.pipe()
    said = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(said), os.fdopen(ours, "rb", buffering=0)
    )
    try:
        try:
            child = await asyncio.create_subprocess_exec(
                *command,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=theirs,
                stderr=theirs,
                env=env,
                start_new_session=True,
            )
        finally:
            os.close(theirs)
        head = bytearray()
        draining = asyncio.create_task(_drained(said, head))
        try:
            async with asyncio.timeout(RUN_SECONDS):
                code = await child.wait()
        except TimeoutError:
            return f"it took longer than {RUN_SECONDS:g} s and was ended"
        finally:
            if child.returncode is None:
                await _end_group(child)
            await asyncio.wait({draining}, timeout=0.1)
            draining.cancel()
        words = one_line(head.decode("utf-8", "replace"))
        return "" if code == 0 else f"it ended with code {code}{': ' if words else ''}{words}"
    finally:
        transport.close()


async def _drained(said: asyncio.StreamReader, head: bytearray) -> None:
    """Read all that it says; keep how it begins."""
    while chunk := await said.read(65_536):
        head += chunk[: max(0, KEPT_BYTES - len(head))]


async def _end_group(child: asyncio.subprocess.Process) -> None:
    for number in (signal.SIGTERM, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(child.pid, number)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(TERM_SECONDS):
                await child.wait()


def _environment(notice: Notice) -> dict[str, str]:
    """hived's own, which is the operator's, and what it is about."""
    return {
        **os.environ,
        "HIVE_NOTICE_KIND": notice.kind,
        "HIVE_NOTICE_COUNT": str(notice.count),
        "HIVE_NOTICE_AGENT": notice.agent,
        "HIVE_NOTICE_ID": notice.id,
    }
