"""A harness on a home of its own."""

from collections.abc import AsyncIterator

import pytest

from tests.agentd.rig import Rig, rigged


@pytest.fixture
async def rig() -> AsyncIterator[Rig]:
    async with rigged() as found:
        yield found
