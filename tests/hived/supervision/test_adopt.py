"""Which harness is adopted: that very process, of that very generation."""

import os
from pathlib import Path

import pytest

from hived.paths import AgentPaths
from hived.supervision.adopt import find_harness
from hived.wire.process_identity import ProcessIdentity


@pytest.fixture
def paths(tmp_path: Path) -> AgentPaths:
    (tmp_path / "harness").mkdir()
    return AgentPaths("ada", tmp_path, tmp_path / "run")


def myself(generation: int) -> ProcessIdentity:
    identity = ProcessIdentity.of(os.getpid(), generation)
    assert identity is not None
    return identity


def test_the_current_generation_is_adopted(paths: AgentPaths) -> None:
    myself(3).write(paths.pid_file)
    found = find_harness(paths, 3)
    assert found is not None
    assert (found.kind, found.identity.pid) == ("current", os.getpid())


def test_another_generation_is_outdated(paths: AgentPaths) -> None:
    myself(2).write(paths.pid_file)
    found = find_harness(paths, 3)
    assert found is not None
    assert found.kind == "outdated"


@pytest.mark.parametrize("text", ["", "not json", "[]", '{"pid": 1}', '{"pid": 1, "started": "0", "generation": 3}'])
def test_a_file_that_names_nobody_is_nobody(paths: AgentPaths, text: str) -> None:
    paths.pid_file.write_text(text)
    assert find_harness(paths, 3) is None


def test_another_start_time_is_somebody_else(paths: AgentPaths) -> None:
    ProcessIdentity(os.getpid(), "1", 3).write(paths.pid_file)
    assert find_harness(paths, 3) is None


def test_no_file_is_nobody(paths: AgentPaths) -> None:
    assert find_harness(paths, 3) is None
