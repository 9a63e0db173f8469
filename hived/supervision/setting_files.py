"""One watcher for every agent's model, effort and permission-mode file: an edit by hand is taken into the books and rung.

hived writes a file and the books under one lock (`Hive.model_files`), and here both are compared under it: what it wrote
itself is never news. Only the harness folders themselves are watched, none below or beside them.
"""

import asyncio
import contextlib
import logging
import os
import stat
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import watchfiles

from hived.core import settings
from hived.core.agents import Supervised, supervised
from hived.core.hive import Hive
from hived.core.rebuild import files_written
from hived.core.text import LINE_LIMIT, is_line
from hived.store.database import Tx
from hived.wire.agents import ENGINES_OWN_MODEL
from hived.wire.approvals import Actor
from hived.wire.errors import AgentNotFound, FolderUnusable
from hived.wire.names import EFFORT_FILE, HIVED, PERMISSION_MODE_FILE
from hived.workspace.lines import write_settings

STEP_MILLISECONDS = 250
"""How often the watcher's thread looks: an edit is taken within twice this."""
GROUP_MILLISECONDS = 1000
"""The longest that changes are gathered where they do not cease: journals lie in the same folders."""
RETRY_SECONDS = 60.0
"""Where the system will not watch (any more)."""
MOST_BYTES = 4096
MOST_SETTING_CHARACTERS = 64

Which = Literal["model", "effort", "permission_mode"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Edit:
    """What a file says, and the books do not."""

    name: str
    which: Which
    value: str | None


class Unfit(Exception):
    """The sentence says what is wrong with a file's content."""


class SettingFiles:
    """`read_all` once at hived's start, then `run` until cancelled."""

    def __init__(self, hive: Hive) -> None:
        self._hive = hive
        self._refused: dict[Path, str] = {}

    async def run(self) -> None:
        while True:
            self._hive.folders_made.clear()
            agents = await self._hive.database.read(supervised)
            folders = await asyncio.to_thread(self._folders, agents)
            if not folders:
                await self._hive.folders_made.wait()
                continue
            try:
                await self._watch(folders)
            except Exception as error:  # a limit of the system, a folder that vanished, a full disk
                log.error("settings that are edited by hand are not seen: %s: %s", type(error).__name__, error)
                with contextlib.suppress(TimeoutError):
                    # Not wait_for: in Python 3.11 it loses a cancellation that comes together with the event.
                    async with asyncio.timeout(RETRY_SECONDS):
                        await self._hive.folders_made.wait()

    async def read_all(self) -> None:
        """Take what the files say into the books, wherever that differs; but files that are behind the books are written first."""
        async with self._hive.model_files:
            agents = await self._hive.database.read(supervised)
            known = [agent for agent in agents if not agent.files_behind or await self._catch_up(agent)]
            for edit in await asyncio.to_thread(self._edits, known):
                with contextlib.suppress(AgentNotFound):
                    await self._hive.database.write(lambda tx, edit=edit: _take(tx, edit))  # type: ignore[misc]
                log.info("%s of %s was edited by hand: %s", edit.which, edit.name, edit.value)

    async def _watch(self, folders: Sequence[Path]) -> None:
        """Until there are more folders to watch."""
        changes = watchfiles.awatch(
            *folders,
            watch_filter=self._is_setting,
            stop_event=self._hive.folders_made,
            step=STEP_MILLISECONDS,
            debounce=GROUP_MILLISECONDS,
            recursive=False,
        )
        coming = asyncio.ensure_future(anext(changes, None))
        try:
            await asyncio.sleep(0)  # the watch is in place: what was edited before it is read now
            await self.read_all()
            while await coming is not None:
                await self.read_all()
                coming = asyncio.ensure_future(anext(changes, None))
        finally:
            coming.cancel()
            await asyncio.wait({coming})
            await changes.aclose()

    def _is_setting(self, change: watchfiles.Change, path: str) -> bool:
        name = os.path.basename(path)
        return name in (EFFORT_FILE, PERMISSION_MODE_FILE, self._model_name)

    @property
    def _model_name(self) -> str:
        return self._hive.paths.agent("any").model_file.name

    def _folders(self, agents: Sequence[Supervised]) -> list[Path]:
        """Of each agent the one its files lie in; no folder twice."""
        found: dict[Path, None] = {}
        for agent in agents:
            paths = self._hive.paths.agent(agent.name)
            found[paths.harness] = found[paths.model_file.parent] = None
        return [folder for folder in found if folder.is_dir()]

    async def _catch_up(self, agent: Supervised) -> bool:
        """A rebuild was written down and its files were not; whether they are now. Where there are no folders yet, its start
        writes them."""
        paths = self._hive.paths.agent(agent.name)
        try:
            if await asyncio.to_thread(paths.harness.is_dir):
                await asyncio.to_thread(write_settings, paths, agent.model, agent.effort, agent.permission_mode)
        except (OSError, FolderUnusable) as error:
            log.error("the settings of %s are behind the books and cannot be written: %s", agent.name, error)
            return False
        await self._hive.database.write(lambda tx: files_written(tx, agent.id))
        log.info("the settings of %s were behind the books, and are written", agent.name)
        return True

    def _edits(self, agents: Sequence[Supervised]) -> list[Edit]:
        edits: list[Edit] = []
        for agent in agents:
            paths = self._hive.paths.agent(agent.name)
            if not paths.harness.is_dir():
                continue
            known: tuple[tuple[Which, Path, str | None], ...] = (
                ("model", paths.model_file, agent.model),
                ("effort", paths.effort_file, agent.effort),
                ("permission_mode", paths.permission_mode_file, agent.permission_mode),
            )
            for which, path, value in known:
                try:
                    found = read_setting(path, which)
                except Unfit as error:
                    self._refuse(agent.name, path, str(error))
                    continue
                self._refused.pop(path, None)
                if found != value and not (which == "model" and found is None):
                    edits.append(Edit(agent.name, which, found))
        return edits

    def _refuse(self, name: str, path: Path, reason: str) -> None:
        """Said once for each content, not at each look."""
        with contextlib.suppress(OSError):
            seen = f"{path.lstat().st_mtime_ns} {reason}"
            if self._refused.get(path) != seen:
                self._refused[path] = seen
                log.warning("%s of %s is left as it is and not taken: %s", path, name, reason)


def read_setting(path: Path, which: Which) -> str | None:
    """Its first line that is not blank, as a harness reads it; None where nothing is set, but a blank model file is there to
    say the engine's own. Raises Unfit."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise Unfit(error.strerror or type(error).__name__) from error
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise Unfit("it is no plain file")
        data = os.read(descriptor, MOST_BYTES + 1)
    except OSError as error:
        raise Unfit(error.strerror or type(error).__name__) from error
    finally:
        os.close(descriptor)
    if len(data) > MOST_BYTES:
        raise Unfit("it is too long")
    try:
        lines = data.decode("utf-8").split("\n")
    except UnicodeDecodeError:
        raise Unfit("it is not UTF-8") from None
    line = next((line.strip() for line in lines if line.strip()), None)
    if line is None:
        return ENGINES_OWN_MODEL if which == "model" else None
    limit = LINE_LIMIT if which == "model" else MOST_SETTING_CHARACTERS
    if not is_line(line, limit):
        raise Unfit(
            f"its line is longer than {limit} characters" if len(line) > limit else "it holds control characters"
        )
    return line


def _take(tx: Tx, edit: Edit) -> None:
    actor = Actor(who=HIVED)
    if edit.which != "model":
        settings.set_setting(tx, edit.name, edit.which, edit.value, actor, by_hand=True)
    elif edit.value is not None:
        settings.set_model(tx, edit.name, edit.value, actor, by_hand=True)
