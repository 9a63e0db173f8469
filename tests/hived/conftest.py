"""What tests of hived share: an agent whose harness is the test itself."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.support.books import Books, open_books
from tests.support.own_agent import OwnAgent, own_agent


@pytest.fixture
def ada() -> Iterator[OwnAgent]:
    """Agent `ada` of a real hived, generation 1, its socket open and nobody on it."""
    with own_agent() as agent:
        yield agent


@pytest.fixture
async def books() -> AsyncIterator[Books]:
    """Fresh books with the rules on them, in this process."""
    async with open_books() as opened:
        yield opened
