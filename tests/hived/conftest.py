"""What tests of hived share: an agent whose harness is the test itself."""

from collections.abc import Iterator

import pytest

from tests.support.own_agent import OwnAgent, own_agent


@pytest.fixture
def ada() -> Iterator[OwnAgent]:
    """Agent `ada` of a real hived, generation 1, its socket open and nobody on it."""
    with own_agent() as agent:
        yield agent
