"""What any runtime must do, a plug-in's own too: subclass it, and name the runtime's `kind`.

    class TestPodman(WalledConformance):  # or Conformance, where it has no walls
        kind = "podman"

It is found as agentd finds it, by its entry point, and started as agentd starts it. Skipped where its trial says that it does
not work here.
"""

import asyncio
import contextlib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from agentd.engines.base import EngineFailed
from agentd.network.listening import open_socket
from agentd.network.plan import PROXY_PORT
from agentd.runtimes.process import LOGIN, Processes
from agentd.runtimes.registry import load_runtime
from hived.wire.launch import ENGINE_MARK_FILE, ENGINE_MARK_VARIABLE
from hived.wire.process_identity import start_mark
from tests.agentd.programs import LEAVES_A_DETACHED_CHILD
from tests.agentd.rig import until
from tests.support.tools import missing
from tests.support.walls import Quarters, Starter, lines_of, quartered

ITS_OWN = {"USER", "LOGNAME", "SHELL", "PWD", "LC_CTYPE", "_", "SHLVL", "OLDPWD", "TMPDIR"}
"""Of the environment, what a runtime may add."""
SAVES_AT_THE_END = (
    "import os, signal, sys, time\n"
    "def end(number, frame):\n"
    "    open('saved', 'w').write('yes')\n"
    "    sys.exit(3)\n"
    "signal.signal(signal.SIGTERM, end)\n"
    "print('up', flush=True)\n"
    "while True: time.sleep(1)\n"
)
COUNTS = (
    "import os, time\n"
    "n = 0\n"
    "while True:\n"
    "    n += 1\n"
    "    open('count.new', 'w').write(str(n))\n"
    "    os.replace('count.new', 'count')\n"
    "    time.sleep(0.005)\n"
)
HANGS = "import time\nprint('up', flush=True)\ntime.sleep(300)\n"


class Conformance:
    kind = ""

    @pytest.fixture(autouse=True)
    def works(self) -> None:
        found = load_runtime(self.kind).find()
        if not found.works:
            missing(f"{self.kind} does not work here: {found.detail}")

    @pytest.fixture
    def quarters(self) -> Iterator[Quarters]:
        with quartered(runtime=self.kind) as made:
            yield made

    @pytest.fixture
    def start(self, quarters: Quarters) -> Starter:
        return quarters.starter(quarters.launch(network=True))

    def test_it_says_what_it_is(self) -> None:
        plugin = load_runtime(self.kind)
        found = plugin.find()
        walls = isinstance(self, WalledConformance)
        assert (found.kind, found.walls) == (plugin.kind, plugin.walls) == (self.kind, walls)
        assert found.detail

    async def test_a_program_runs_in_its_folder_with_its_environment_and_no_other(
        self, quarters: Quarters, start: Starter
    ) -> None:
        code = "import json, os; print(json.dumps(dict(os.environ))); print(os.getcwd())"
        process = await start(sys.executable, "-c", code, env={"ODD": "a 'b' \"c\"\n$d", "EMPTY": ""})
        environment, folder = await lines_of(process)
        found = json.loads(environment)
        assert await process.close() == 0
        assert set(found) - ITS_OWN == {"PATH", "HOME", "ODD", "EMPTY", ENGINE_MARK_VARIABLE}
        assert (found["ODD"], found["EMPTY"], found["HOME"]) == ("a 'b' \"c\"\n$d", "", str(quarters.home))
        assert folder == str(quarters.workspace)

    async def test_words_reach_the_program_as_they_are(self, start: Starter) -> None:
        words = ("", "a b", "$HOME", "'", '"', "--", "-x", "*", "line\nbreak", "ü")
        process = await start.python("import sys; print(sys.argv[1:] == eval(sys.stdin.readline()))", *words)
        await process.write(f"{list(words)!r}\n".encode())
        assert await lines_of(process) == ["True"]
        await process.close()

    async def test_what_it_reads_and_writes_flows_while_it_runs(self, start: Starter) -> None:
        process = await start.python("import sys\nfor line in sys.stdin: print(line.strip()[::-1], flush=True)")
        await process.write(b"abc\n")
        async for lines in process.lines():
            assert lines == [b"cba"]
            break
        assert await process.close() == 0

    async def test_its_own_folders_are_its_to_write_and_are_the_same_outside(
        self, quarters: Quarters, start: Starter
    ) -> None:
        folders = [quarters.workspace, quarters.state, quarters.home]
        code = "import sys\nfor name in sys.argv[1:]: open(name, 'w').write('mine')"
        process = await start.python(code, *(str(folder / "file") for folder in folders))
        assert await process.wait() == 0
        await process.close()
        assert [(folder / "file").read_text() for folder in folders] == ["mine"] * 3

    async def test_its_config_can_be_read(self, quarters: Quarters, start: Starter) -> None:
        process = await start("cat", str(quarters.config / "agent.toml"))
        assert await lines_of(process) == ["engine = 'command'"]
        await process.close()

    @pytest.mark.parametrize(
        ("code", "expected"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)]
    )
    async def test_how_it_ended_is_told_as_it_was(self, start: Starter, code: str, expected: int) -> None:
        process = await start("/bin/sh", "-c", code)
        assert await process.wait() == expected
        assert await process.close() == expected

    @pytest.mark.parametrize("command", [["/no/such/program"], ["no-such-program"], [], ["bad\0name"]])
    async def test_a_program_that_is_missing_is_command_missing(self, start: Starter, command: list[str]) -> None:
        with pytest.raises(EngineFailed) as failed:
            await start(*command)
        assert (failed.value.code, failed.value.retryable) == ("command_missing", False)

    async def test_told_to_end_it_has_time_to_save(self, quarters: Quarters, start: Starter) -> None:
        process = await start.python(SAVES_AT_THE_END)
        async for _ in process.lines():
            break
        assert await process.terminate() == 3
        assert (quarters.workspace / "saved").read_text() == "yes"

    async def test_what_it_left_behind_is_ended_with_it(self, quarters: Quarters, start: Starter) -> None:
        process = await start.python(LEAVES_A_DETACHED_CHILD)
        assert await lines_of(process) == ["parent done"]
        left = _bearing((quarters.harness / ENGINE_MARK_FILE).read_text())
        await process.close()
        await until(lambda: not any(start_mark(pid) for pid in left), "the detached child being ended")

    async def test_it_stands_still_and_goes_on(self, quarters: Quarters) -> None:
        processes = Processes()
        start = quarters.starter(quarters.launch(network=True), processes=processes)
        process = await start.python(COUNTS)
        count = quarters.workspace / "count"
        await until(count.exists, "its counting")
        assert await processes.freeze() is True
        tree = [psutil.Process(process.pid), *psutil.Process(process.pid).children(recursive=True)]
        assert {one.status() for one in tree} == {psutil.STATUS_STOPPED}
        before = count.read_text()
        await processes.thaw()
        await until(lambda: count.read_text() != before, "its going on")
        await processes.freeze()
        assert await process.terminate() == -15
        assert not any(start_mark(one.pid) for one in tree)

    async def test_a_login_runs_beside_the_engine(self, quarters: Quarters, start: Starter) -> None:
        engine = await start.python(HANGS)
        login = await quarters.starter(quarters.launch(network=True), LOGIN)("/bin/sh", "-c", "echo in")
        assert await lines_of(login) == ["in"]
        await login.close()
        assert engine.returncode is None
        await engine.terminate()

    async def test_a_limit_is_no_hindrance_to_a_program_below_it(self, quarters: Quarters) -> None:
        launch = quarters.launch(network=True, limits={"memory": "1G", "cpu": 2, "processes": 200})
        process = await quarters.starter(launch)("/bin/sh", "-c", "echo fine")
        assert await lines_of(process) == ["fine"]
        assert await process.close() == 0


class WalledConformance(Conformance):
    """What one that says that it has walls must do too."""

    async def test_behind_its_walls_is_what_is_its_own_and_nothing_of_the_hive(self, quarters: Quarters) -> None:
        theirs = [quarters.secrets, quarters.other / "state" / "note", quarters.harness / "events.sqlite"]
        for file in theirs:
            file.write_text("theirs")
            file.chmod(0o666)
            file.parent.chmod(0o777)
        code = (
            "import sys\nfound = []\n"
            "for mode, *names in (('r', *sys.argv[2:]), ('a', sys.argv[1])):\n"
            "    for name in names:\n"
            "        try: found.append(open(name, mode).name)\n"
            "        except OSError: pass\n"
            "print(found)"
        )
        process = await quarters.starter().python(code, str(quarters.config / "agent.toml"), *map(str, theirs))
        assert await lines_of(process) == ["[]"]
        await process.close()

    async def test_without_a_network_the_ports_of_its_room_lead_out_and_nothing_else(self, quarters: Quarters) -> None:
        async def answer(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            writer.write(b"led out")
            writer.close()

        proxy = open_socket(quarters.io / "proxy.sock", quarters.uid)
        async with (
            await asyncio.start_unix_server(answer, sock=proxy),
            await asyncio.start_server(answer, "127.0.0.1", 0) as outside,
        ):
            code = (
                "import socket, sys\n"
                "for port in map(int, sys.argv[1:]):\n"
                "    try: print(socket.create_connection(('127.0.0.1', port), 20).recv(99).decode())\n"
                "    except OSError as error: print('no')\n"
            )
            port = str(outside.sockets[0].getsockname()[1])
            process = await quarters.starter().python(code, str(PROXY_PORT), port)
            assert await lines_of(process) == ["led out", "no"]
            await process.close()


def _bearing(mark: str) -> list[int]:
    """The pids that bear that mark, seen from outside."""
    found = []
    for folder in Path("/proc").iterdir():
        with contextlib.suppress(OSError):
            if folder.name.isdecimal() and mark.encode() in (folder / "environ").read_bytes():
                found.append(int(folder.name))
    return found
