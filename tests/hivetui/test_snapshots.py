"""Every screen, in every size that counts, as it was last approved: `pytest tests/hivetui/test_snapshots.py --snapshot-update`."""

from typing import Protocol

import pytest
from textual.app import App
from textual.pilot import Pilot

from hivetui.app import HiveApp
from tests.hivetui.pictures import PICTURES, Picture
from tests.hivetui.scene import scene_app


class Compares(Protocol):
    """pytest-textual-snapshot's fixture."""

    def __call__(self, app: App[None], *, terminal_size: tuple[int, int], run_before: object) -> bool: ...


@pytest.mark.parametrize("picture", PICTURES, ids=lambda picture: picture.name)
def test_the_screen_looks_as_it_was_approved(picture: Picture, snap_compare: Compares) -> None:
    async def prepare(pilot: Pilot[None]) -> None:
        assert isinstance(pilot.app, HiveApp)
        await pilot.pause()
        await picture.prepare(pilot, pilot.app)

    assert snap_compare(scene_app(), terminal_size=picture.size, run_before=prepare)
