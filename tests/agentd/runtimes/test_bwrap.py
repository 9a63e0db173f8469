"""What is bwrap's own: it dies with agentd and with its outer process, and nothing that an agent chooses runs before the walls."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agentd.engines.base import EngineFailed
from agentd.runtimes.base import Room, Wrapped
from agentd.runtimes.bwrap import Bwrap, environment_inside
from agentd.runtimes.room import room_for
from agentd.runtimes.seccomp import seccomp_filter
from hived.wire.process_identity import start_mark
from tests.agentd.rig import until
from tests.support.tools import compiled
from tests.support.walls import OPERATORS, Quarters, lines_of, quartered, require_bwrap

TELLS_AND_HANGS = "import os, time\nif os.fork() == 0: os.setsid()\nprint('up', flush=True)\ntime.sleep(600)\n"
STARTS_ONE = """
import asyncio, sys
from pathlib import Path
from agentd.runtimes.registry import make_runtime
from hived.wire.launch import Launch
launch = Launch.model_validate_json(Path(sys.argv[1]).read_bytes())
async def main():
    runtime = make_runtime(launch, print)
    child = await runtime.start([sys.executable, '-c', sys.argv[2]], env={'PATH': '/usr/bin:/bin'}, cwd=Path(launch.workspace))
    async for _ in child.lines():
        print(child.pid, flush=True)
asyncio.run(main())
"""
PRELOADED = (
    "#include <stdio.h>\n#include <unistd.h>\n"
    '__attribute__((constructor)) static void run(void) { FILE *f = fopen(PLACE, "a"); if (f) { fprintf(f, "%d\\n", getuid()); '
    "fclose(f); } }\n"
)


@pytest.fixture(autouse=True)
def walls() -> None:
    require_bwrap()


ENTERED = pytest.mark.parametrize("engine", ["command", "claude"], ids=["by a shell", "by Perl"])
"""One that lasts, and has no network, is entered by the Perl that opens its ports."""


@pytest.fixture
def quarters() -> Iterator[Quarters]:
    with quartered() as made:
        yield made


def below(pid: int) -> list[psutil.Process]:
    return psutil.Process(pid).children(recursive=True)


def a_harness(launch: Path) -> "subprocess.Popen[str]":
    """One that starts an engine, and says its pid."""
    words = [sys.executable, "-c", STARTS_ONE, str(launch), TELLS_AND_HANGS]
    return subprocess.Popen(words, stdout=subprocess.PIPE, text=True)


def run(wrapped: Wrapped) -> "subprocess.CompletedProcess[str]":
    try:
        return subprocess.run(
            wrapped.command, env=wrapped.environment, cwd="/", pass_fds=wrapped.descriptors, capture_output=True, text=True,
            timeout=20, check=False,
        )  # fmt: skip
    finally:
        for descriptor in wrapped.descriptors:
            os.close(descriptor)


async def test_killing_the_outer_process_ends_everything_inside(quarters: Quarters) -> None:
    process = await quarters.starter().python(TELLS_AND_HANGS)
    async for _ in process.lines():
        break
    inside = [child.pid for child in below(process.pid)]
    assert len(inside) >= 3
    os.kill(process.pid, signal.SIGKILL)
    await until(lambda: not any(start_mark(pid) for pid in inside), "the end of all inside")
    assert await process.close() == -9


async def test_it_dies_with_agentd(quarters: Quarters) -> None:
    file = quarters.harness / "launch.json"
    file.write_text(quarters.launch(network=True).model_dump_json())
    agentd = a_harness(file)
    assert agentd.stdout is not None
    outer = int(agentd.stdout.readline())
    tree = [outer, *(child.pid for child in below(outer))]
    agentd.kill()
    agentd.wait()
    agentd.stdout.close()
    await until(lambda: not any(start_mark(pid) for pid in tree), "the end of the sandbox")


async def test_its_environment_is_in_no_command_line(quarters: Quarters) -> None:
    process = await quarters.starter()("/bin/sh", "-c", "echo $SECRET; read line", env={"SECRET": "not-for-ps"})
    async for lines in process.lines():
        assert lines == [b"not-for-ps"]
        break
    tree = [psutil.Process(process.pid), *below(process.pid)]
    assert not [one for one in tree if "not-for-ps" in " ".join(one.cmdline())]
    await process.close()


async def test_a_library_that_the_agent_preloads_runs_inside_alone_and_as_the_agent(quarters: Quarters) -> None:
    library, told = quarters.workspace / "evil.so", quarters.workspace / "ran"
    code = PRELOADED.replace("PLACE", f'"{told}"')
    compiled(code, library)
    process = await quarters.starter()(
        "/bin/true", env={"LD_PRELOAD": str(library), "LD_LIBRARY_PATH": str(library.parent)}
    )
    await process.close()
    assert set(told.read_text().split()) == {str(quarters.uid or os.getuid())}


def test_a_name_that_no_shell_could_set_is_refused() -> None:
    room = Room(Path("/w"), Path("/s"), Path("/h"), Path("/io"))
    for name in ("A;touch /tmp/x", "a b", "", "1A", "A\nB"):
        with pytest.raises(EngineFailed, match="cannot be set"):
            environment_inside({name: "x"}, room)


@ENTERED
async def test_what_is_proposed_for_it_can_be_read_and_is_no_link_to_elsewhere(quarters: Quarters, engine: str) -> None:
    proposed = quarters.hive / "config" / "ann"
    proposed.mkdir(parents=True)
    (proposed / "agent.toml").write_text("proposed\n")
    launch = quarters.launch(engine=engine).model_copy(update={"proposed": str(proposed)})
    process = await quarters.starter(launch)("cat", str(proposed / "agent.toml"))
    assert await lines_of(process) == ["proposed"]
    await process.close()
    (proposed / "agent.toml").unlink()
    proposed.rmdir()
    proposed.symlink_to(quarters.other)
    process = await quarters.starter(launch)("ls", str(proposed), str(quarters.other))
    assert await lines_of(process) == []
    assert await process.close() == 2


@ENTERED
async def test_a_folder_that_is_exchanged_between_the_look_and_the_mount_is_not_shown(
    quarters: Quarters, engine: str
) -> None:
    proposed = quarters.hive / "config" / "ann"
    proposed.mkdir(parents=True)
    (quarters.other / "state" / "note").write_text("bob's\n")
    launch = quarters.launch(engine=engine).model_copy(update={"proposed": str(proposed)})
    command = ["cat", str(proposed / "state" / "note")]
    room = room_for(launch, command, {})
    proposed.rmdir()
    proposed.symlink_to(quarters.other)
    wrapped = Bwrap().wrap(command, {"PATH": "/usr/bin:/bin"}, quarters.workspace, room)
    done = run(wrapped)
    assert (done.returncode, done.stdout) == (126, "")
    assert "exchanged" in done.stderr


@ENTERED
async def test_its_environment_comes_whole_and_the_kernel_ends_it_first(quarters: Quarters, engine: str) -> None:
    given = {"ODD": "a 'b' \"c\" $d `e` \\\n=f=\n", "EMPTY": "", "BYTES": "\udcff\xe9"}
    tells = (
        "import json, os; print(json.dumps({name: os.environ[name] for name in ('ODD', 'EMPTY', 'BYTES')})); "
        "print(open('/proc/self/oom_score_adj').read())"
    )
    process = await quarters.starter(quarters.launch(engine=engine))(sys.executable, "-c", tells, env=given)
    shown, adjusted, *_ = await lines_of(process)
    await process.close()
    assert json.loads(shown) == given
    assert int(adjusted) == 500


@pytest.mark.parametrize("who", OPERATORS)
def test_a_hive_below_a_folder_of_the_system_is_hidden_all_the_same(who: str) -> None:
    """As where it lies in /opt: what is shown around it shows nothing of it."""
    with quartered(who) as quarters:
        quarters.operator.chmod(0o755)
        around = quarters.operator / "around"
        around.mkdir()
        (around / "file").write_text("shown\n")
        # `read_paths` shows the folder that the whole hive lies in.
        done = quarters.set_up(
            f"cat {around}/file; ls {quarters.hive}; ls {quarters.hive}/agents; touch {quarters.hive}/x || echo closed",
            read_paths=[str(quarters.operator)],
        )
        assert done.returncode == 0, done.stdout
        assert done.stdout.splitlines()[1:5] == ["shown", "agents", "builds", "run"]
        assert "bob" not in done.stdout
        assert done.stdout.rstrip().endswith("closed")


@pytest.mark.parametrize("who", OPERATORS)
def test_the_machines_memory_is_filled_by_no_folder_and_the_engine_goes_before_any_harness(who: str) -> None:
    memory = os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    with quartered(who) as quarters:
        done = quarters.set_up(
            "df -B1 --output=size /tmp /var/tmp /dev/shm | tail -n 3",
            "cat /proc/self/oom_score_adj; { echo -900 >/proc/self/oom_score_adj; } 2>/dev/null || echo held",
        )
    *_, first, second, third, _, adjusted, held = done.stdout.splitlines()
    assert max(map(int, (first, second, third))) <= memory / 8 + 4096
    assert (int(adjusted), held) == (500, "held")


def test_the_filter_is_made_for_both_architectures_and_no_other() -> None:
    for machine in ("x86_64", "aarch64"):
        made = seccomp_filter(machine)
        assert made is not None
        assert len(made) % 8 == 0
    assert seccomp_filter("riscv64") is None
