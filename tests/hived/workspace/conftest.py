"""An agent's clone, and where a test needs the walls around git, whether they stand here."""

from pathlib import Path

import pytest

from hived.workspace import inspector as inspecting
from tests.support.repositories import Desk, make_desk
from tests.support.tools import missing


@pytest.fixture
def desk(tmp_path: Path) -> Desk:
    return make_desk(tmp_path)


@pytest.fixture
def walls() -> None:
    if not inspecting.walls_work():
        missing("bwrap does not work on this machine")


@pytest.fixture(params=["in walls", "without walls"])
def either(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The test runs twice: with git behind walls, and as it runs where there is no bwrap."""
    if request.param == "without walls":
        monkeypatch.setattr(inspecting, "walls_work", lambda: False)
    elif not inspecting.walls_work():
        missing("bwrap does not work on this machine")
    found: str = request.param
    return found
