"""The process runtime, on real processes: environment, streams, and ending all that was started."""

import sys
from pathlib import Path

import pytest

from agentd.engines.base import EngineEvent, EngineFailed, Note
from agentd.runtimes import stderr_drain
from agentd.runtimes.process import ChildProcess, ProcessRuntime, end_leftover
from hived.wire.process_identity import start_mark
from tests.agentd.programs import IGNORES_TERM, LEAVES_A_DETACHED_CHILD
from tests.agentd.rig import until

ENV = {"PATH": "/usr/bin:/bin"}


class Started:
    """A runtime on a folder, with what it reported."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.reports: list[EngineEvent] = []
        self.runtime = ProcessRuntime(folder, 7, self.reports.append)

    async def python(self, code: str) -> ChildProcess:
        return await self.runtime.start([sys.executable, "-c", code], env=ENV, cwd=self.folder)


@pytest.fixture
def started(tmp_path: Path) -> Started:
    return Started(tmp_path)


async def flood(process: ChildProcess) -> None:
    for _ in range(100):
        await process.write(b"x" * 100_000)


async def lines_of(process: ChildProcess) -> list[bytes]:
    return [line async for lines in process.lines() for line in lines]


async def test_a_program_has_its_environment_and_no_other(started: Started) -> None:
    process = await started.python("import os; print(sorted(os.environ)); print(os.getcwd())")
    names, folder = await lines_of(process)
    assert set(eval(names)) - {"LC_CTYPE"} == {"PATH", "HIVE_ENGINE_RUN"}
    assert folder.decode() == str(started.folder.resolve())
    assert await process.close() == 0


@pytest.mark.parametrize("command", [["/no/such/program"], ["no-such-program"], [], ["bad\0name"]])
async def test_a_program_that_is_missing_is_command_missing(started: Started, command: list[str]) -> None:
    with pytest.raises(EngineFailed) as failed:
        await started.runtime.start(command, env=ENV, cwd=started.folder)
    assert failed.value.code == "command_missing"
    assert failed.value.retryable is False


async def test_a_file_that_is_no_program_is_command_missing(started: Started) -> None:
    file = started.folder / "data"
    file.write_text("not executable")
    with pytest.raises(EngineFailed) as failed:
        await started.runtime.start([str(file)], env=ENV, cwd=started.folder)
    assert failed.value.code == "command_missing"


async def test_a_workspace_that_is_missing_is_said(started: Started) -> None:
    with pytest.raises(EngineFailed, match="to work in is not there"):
        await started.runtime.start(["true"], env=ENV, cwd=started.folder / "gone")


async def test_a_flood_on_stderr_stops_nobody_and_its_last_lines_are_kept(
    started: Started, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stderr_drain, "LOG_BYTES", 500_000)
    process = await started.python(
        "import sys\nfor n in range(200000): print('noise', n, file=sys.stderr)\nprint('done')"
    )
    assert await lines_of(process) == [b"done"]
    await process.close()
    words = process.last_words().splitlines()
    assert len(words) == 20
    assert words[-1] == "noise 199999"
    sizes = [(started.folder / name).stat().st_size for name in ("engine.log", "engine.log.1")]
    assert max(sizes) < 1_000_000


async def test_a_line_over_the_limit_is_dropped_and_reported(started: Started) -> None:
    process = await started.python("print('x' * (33 * 1024 * 1024))\nprint('after')")
    assert await lines_of(process) == [b"after"]
    await process.close()
    (note,) = started.reports
    assert isinstance(note, Note)
    assert note.level == "error"


async def test_a_child_that_holds_the_pipe_open_does_not_hold_the_turn(started: Started) -> None:
    process = await started.python(LEAVES_A_DETACHED_CHILD)
    assert await lines_of(process) == [b"parent done"]
    await process.close()
    child = int((started.folder / "child").read_text())
    await until(lambda: start_mark(child) is None, "the detached child being ended")


async def test_a_program_that_ignores_term_is_killed(started: Started) -> None:
    process = await started.python(IGNORES_TERM)
    async for lines in process.lines():
        pid = int(lines[0])
        break
    assert await process.terminate() == -9
    assert start_mark(pid) is None


async def test_closing_stdin_is_enough_for_a_program_that_reads(started: Started) -> None:
    process = await started.python("import sys; sys.stdin.read(); print('bye')")
    assert await process.close() == 0


async def test_writing_to_a_program_that_has_ended_is_a_broken_pipe(started: Started) -> None:
    process = await started.python("pass")
    await process.wait()
    with pytest.raises((BrokenPipeError, ConnectionError)):
        await flood(process)
    await process.close()


async def test_a_leftover_is_ended_by_its_identity_and_nothing_else_is(started: Started) -> None:
    process = await started.python("print('up', flush=True)\nimport time; time.sleep(300)")
    async for _ in process.lines():
        break
    assert await end_leftover(started.folder) is True
    assert start_mark(process.pid) is None
    assert await end_leftover(started.folder) is False
    await process.close()
