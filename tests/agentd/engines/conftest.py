"""The real CLI on the loopback model, in a folder of its own: both of the Claude Codes that there are."""

import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.support.claude import GENERATIONS, Setting, require_claude


@pytest.fixture(params=GENERATIONS)
async def setting(request: pytest.FixtureRequest) -> AsyncIterator[Setting]:
    program = require_claude(request.param)
    with tempfile.TemporaryDirectory(prefix="hv", dir="/tmp", ignore_cleanup_errors=True) as root:
        async with MessagesApi() as api:
            yield Setting(Path(root), api, program)
