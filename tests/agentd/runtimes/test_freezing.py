"""A frozen engine stands still with all that it started, and can be let go on or ended."""

import sys
from collections.abc import Callable
from pathlib import Path

import psutil

from agentd.runtimes.process import ChildProcess, Processes, ProcessRuntime
from hived.wire.process_identity import start_mark
from tests.agentd.rig import until

COUNTS = (
    "import os, sys, time\n"
    "def count(name):\n"
    "    n = 0\n"
    "    while True:\n"
    "        n += 1\n"
    "        with open(name + '.new', 'w') as file: file.write(f'{os.getpid()} {n}')\n"
    "        os.replace(name + '.new', name)\n"
    "        time.sleep(0.005)\n"
    "if os.fork() == 0:\n"
    "    os.setsid()\n"
    "    if os.fork() == 0: count('detached')\n"
    "    os._exit(0)\n"
    "if os.fork() == 0: count('child')\n"
    "count('parent')\n"
)
NAMES = ("parent", "child", "detached")


async def counting(folder: Path, processes: Processes) -> ChildProcess:
    runtime = ProcessRuntime(folder, 1, lambda event: None, processes=processes)
    process = await runtime.start([sys.executable, "-c", COUNTS], env={"PATH": "/usr/bin:/bin"}, cwd=folder)
    await until(lambda: all((folder / name).exists() for name in NAMES), "all three counting")
    return process


def counts(folder: Path) -> list[tuple[int, int]]:
    found = []
    for name in NAMES:
        pid, count = (folder / name).read_text().split()
        found.append((int(pid), int(count)))
    return found


def all_are(folder: Path, status: str) -> Callable[[], bool]:
    return lambda: all(psutil.Process(pid).status() == status for pid, _ in counts(folder))


async def test_a_frozen_engine_stands_still_with_its_detached_children_and_goes_on_when_thawed(tmp_path: Path) -> None:
    processes = Processes()
    process = await counting(tmp_path, processes)
    assert await processes.freeze() is True
    assert all_are(tmp_path, psutil.STATUS_STOPPED)()
    before = counts(tmp_path)
    assert await processes.freeze() is True
    await processes.thaw()
    await until(lambda: all(now[1] > then[1] for now, then in zip(counts(tmp_path), before, strict=True)), "going on")
    await process.terminate()


async def test_what_is_started_while_frozen_stands_still_too(tmp_path: Path) -> None:
    processes = Processes()
    await processes.freeze()
    runtime = ProcessRuntime(tmp_path, 1, lambda event: None, processes=processes)
    process = await runtime.start(["cat"], env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    assert psutil.Process(process.pid).status() == psutil.STATUS_STOPPED
    await processes.thaw()
    assert await process.close() == 0


async def test_ending_a_frozen_engine_ends_all_of_it(tmp_path: Path) -> None:
    processes = Processes()
    process = await counting(tmp_path, processes)
    await processes.freeze()
    pids = [pid for pid, _ in counts(tmp_path)]
    assert await process.terminate() == -15
    assert [start_mark(pid) for pid in pids] == [None, None, None]


async def test_a_process_that_had_stopped_itself_is_not_woken(tmp_path: Path) -> None:
    processes = Processes()
    runtime = ProcessRuntime(tmp_path, 1, lambda event: None, processes=processes)
    code = (
        "import os, signal, sys\nprint(os.getpid(), flush=True)\nos.kill(os.getpid(), signal.SIGSTOP)\nprint('woken')"
    )
    process = await runtime.start([sys.executable, "-c", code], env={"PATH": "/usr/bin:/bin"}, cwd=tmp_path)
    itself = psutil.Process(process.pid)
    await until(lambda: itself.status() == psutil.STATUS_STOPPED, "its stopping itself")
    assert await processes.freeze() is True
    await processes.thaw()
    assert itself.status() == psutil.STATUS_STOPPED
    await process.terminate()
