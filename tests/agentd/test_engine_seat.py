"""An engine that was proven is kept for the first turn, and closed where there is none."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from typing import cast

import pytest

from agentd import proof
from agentd.conditions import Conditions
from agentd.engine_seat import EngineSeat
from agentd.engines.acp import AcpEngine
from agentd.engines.base import Engine
from agentd.journal import Journal
from agentd.proof import Proof
from agentd.sessions import Sessions
from agentd.settings import SettingFiles, Settings
from agentd.status import Status
from tests.support.acp import AcpSetting


class Seat:
    def __init__(self, root: Path, journal: Journal) -> None:
        self.setting = AcpSetting(root).does()
        sessions = Sessions(journal)
        status = Status(journal, Conditions(journal, root / "harness"), sessions, "default")
        self.logged: list[str] = []
        self.seat = EngineSeat(lambda settings: self._make(), sessions, status, Settings(), self.logged.append)
        self.open = asyncio.Event()
        files = SettingFiles(root / "harness/model", root / "harness")
        self.proof = Proof(self.seat, status, files, "acp", self._logged_in, self._gate, self.logged.append)

    def _make(self) -> Engine:
        return cast(Engine, AcpEngine(self.setting.context()))

    async def _logged_in(self) -> bool | None:
        return None

    async def _gate(self) -> None:
        await self.open.wait()

    @property
    def starts(self) -> int:
        return len(self.setting.sent("initialize"))


@pytest.fixture
async def journal(tmp_path: Path) -> AsyncIterator[Journal]:
    journal = await Journal.open(tmp_path / "events.sqlite", tmp_path / "overflow")
    yield journal
    await journal.close()


@pytest.fixture
def seat(tmp_path: Path, journal: Journal) -> Seat:
    return Seat(tmp_path, journal)


async def test_what_no_turn_has_used_is_closed_once_no_pause_holds(seat: Seat, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(proof, "UNUSED_SECONDS", 0.0)
    assert await seat.proof.failure(30, asyncio.Event()) is None
    resting = asyncio.create_task(seat.proof.rest())
    await asyncio.sleep(0)
    assert seat.seat.engine is not None
    seat.open.set()
    await resting
    assert seat.seat.engine is None
    engine = await seat.seat.ready(Settings())
    assert engine.session_id is None
    await seat.seat.close()


async def test_what_a_turn_has_used_stays(seat: Seat) -> None:
    assert await seat.proof.failure(30, asyncio.Event()) is None
    proven = seat.seat.engine
    assert await seat.seat.ready(Settings()) is proven
    await seat.seat.rest()
    assert seat.seat.engine is proven
    assert seat.starts == 1
    await seat.seat.close()
