"""Limits of memory, cpu and processes: held for all that runs for the agent, from its first instruction, and let go of afterwards."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from agentd.engines.base import Note
from agentd.runtimes import cgroups, process
from agentd.runtimes.base import Limits
from agentd.runtimes.cgroups import Group
from tests.support.tools import missing
from tests.support.walls import Quarters, lines_of, quartered, require_bwrap

HUNGRY = (
    "import os, sys\n"
    "pid = os.fork()\n"
    "if pid == 0:\n"
    "    held = bytearray(400 * 1024 * 1024)\n"
    "    held[::4096] = b'x' * len(held[::4096])\n"
    "    os._exit(0)\n"
    "_, status = os.waitpid(pid, 0)\n"
    "print('child', os.waitstatus_to_exitcode(status))\n"
)
FORKS = (
    "import os, sys\n"
    "made = 0\n"
    "try:\n"
    "    while made < 200:\n"
    "        if os.fork() == 0: sys.stdin.read(); os._exit(0)\n"
    "        made += 1\n"
    "except BlockingIOError: pass\n"
    "print(made)\n"
)


@pytest.fixture(params=["process", "bwrap"])
def quarters(request: pytest.FixtureRequest) -> Iterator[Quarters]:
    if request.param == "bwrap":
        require_bwrap()
    if set(cgroups.held()) != {"memory", "cpu", "processes"}:
        missing("no control group can be written here")
    with quartered(runtime=request.param) as made:
        yield made


def groups(quarters: Quarters) -> list[Path]:
    return [place.folder / cgroups.FOLDER / quarters.agent_id for place in cgroups.places().values()]


async def test_what_goes_over_its_memory_is_ended_and_that_is_said(quarters: Quarters) -> None:
    start = quarters.starter(quarters.launch(network=True, limits={"memory": "128M"}))
    child = await start(sys.executable, "-c", HUNGRY)
    assert await lines_of(child) == ["child -9"]
    await child.close()
    (note,) = [report for report in start.reports if isinstance(report, Note)]
    assert note.level == "error"
    assert note.text == "A process of this agent went over its limit of 128M of memory, and the system ended it."
    assert not [group for group in groups(quarters) if group.exists()]


async def test_more_processes_than_its_limit_are_not_made(quarters: Quarters) -> None:
    child = await quarters.starter(quarters.launch(network=True, limits={"processes": 20}))(sys.executable, "-c", FORKS)
    (made,) = [lines async for lines in child.lines()][0]
    assert 5 < int(made) < 20
    await child.close()


async def test_its_cores_are_counted_from_its_first_instruction(quarters: Quarters) -> None:
    launch = quarters.launch(network=True, limits={"cpu": 0.5})
    start = quarters.starter(launch)
    child = await start("cat")
    await child.write(b"x\n")
    async for _ in child.lines():
        break
    group = Path(cgroups.places()["cpu"].folder, cgroups.FOLDER, quarters.agent_id)
    members = {int(pid) for pid in (group / "cgroup.procs").read_text().split()}
    assert child.pid in members
    quota = (group / "cpu.max") if (group / "cpu.max").exists() else (group / "cpu.cfs_quota_us")
    assert quota.read_text().split()[0] == "50000"
    await child.close()


async def test_a_limit_that_cannot_be_held_is_said_once(quarters: Quarters, monkeypatch: pytest.MonkeyPatch) -> None:
    class Without(Group):
        def __init__(self, name: str, limits: Limits) -> None:
            monkeypatch.setattr(cgroups, "places", dict)
            super().__init__(name, limits)

    monkeypatch.setattr(process, "Group", Without)
    start = quarters.starter(quarters.launch(network=True, limits={"memory": "1G", "cpu": 1}))
    for _ in range(2):
        child = await start("/bin/sh", "-c", "echo runs")
        assert await lines_of(child) == ["runs"]
        await child.close()
    (note,) = start.reports
    assert isinstance(note, Note)
    assert note.text == "This machine does not hold the limits memory, cpu: no control group can be written."


def test_a_group_is_made_while_the_end_of_another_takes_their_folder_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken: list[str] = []
    real = os.mkdir

    def mkdir(path: str, *given: int) -> None:
        real(path, *given)
        if Path(path).name == cgroups.FOLDER and len(taken) < 3:
            taken.append(path)
            os.rmdir(path)

    monkeypatch.setattr("os.mkdir", mkdir)
    monkeypatch.setattr(cgroups, "places", lambda: {"cpu": cgroups.Place(tmp_path, 1)})
    monkeypatch.setattr(cgroups, "_write", lambda file, value: None)
    Group("ann-1", Limits(cpus=1.0))
    assert len(taken) == 3
    assert (tmp_path / cgroups.FOLDER / "ann-1").is_dir()
