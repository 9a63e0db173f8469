"""The runtimes that are built in pass what any plug-in must pass; so does one that only its entry point names."""

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.engines.base import EngineFailed
from agentd.runtimes.registry import find_runtimes, load_runtime
from tests.agentd.runtimes.conformance import Conformance, WalledConformance

TOY = """
from agentd.runtimes.base import Wrapped
from hived.wire.agents import RuntimeFound

class Nice:
    kind = "nice"
    walls = False

    def find(self):
        return RuntimeFound(kind="nice", works=True, detail="an engine that lets others go first", strength=1)

    def wrap(self, command, environment, cwd, room):
        return Wrapped(["nice", "-n", "5", *command], environment, cwd)
"""
ENTRIES = """
[hive.runtimes]
nice = hive_nice:Nice
broken = hive_broken:Broken
half = hive_half:half
process = hive_nice:Nice
"""


@pytest.fixture(scope="module", autouse=True)
def installed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """A distribution as pip leaves one, with its entry points."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "hive_nice.py").write_text(TOY)
    (folder / "hive_broken.py").write_text("raise RuntimeError('no\\nluck')\n")
    (folder / "hive_half.py").write_text("def half():\n    return object()\n")
    about = folder / "hive_nice-1.dist-info"
    about.mkdir()
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: hive-nice\nVersion: 1\n")
    (about / "entry_points.txt").write_text(ENTRIES)
    sys.path.insert(0, str(folder))
    yield folder
    sys.path.remove(str(folder))


class TestProcess(Conformance):
    kind = "process"


class TestBwrap(WalledConformance):
    kind = "bwrap"


class TestPlugIn(Conformance):
    kind = "nice"


def test_a_runtime_that_is_not_there_is_named_beside_those_that_are() -> None:
    with pytest.raises(EngineFailed) as failed:
        load_runtime("podman")
    assert failed.value.code == "unknown_runtime"
    assert failed.value.retryable is False
    for kind in ("'podman'", "process", "bwrap", "nice"):
        assert kind in failed.value.message


def test_a_plug_in_that_cannot_be_loaded_is_said_and_hides_no_other() -> None:
    found = {one.kind: one for one in find_runtimes()}
    assert found["nice"].works
    assert found["process"].works
    assert not found["broken"].works
    assert "RuntimeError: no luck" in found["broken"].detail
    assert not found["half"].works
    assert "it has no find, wrap, kind, walls" in found["half"].detail


def test_no_plug_in_stands_above_one_that_is_built_in() -> None:
    assert load_runtime("process").kind == "process"
