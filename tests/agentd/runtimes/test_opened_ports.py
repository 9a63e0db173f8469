"""Ports that Perl opens and a Python behind it serves: nobody who connects at once is refused, and the command knows nothing of it."""

import asyncio
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from agentd.network.plan import BRIDGE
from agentd.runtimes.opened_ports import PERL, opened
from tests.agentd.network.test_bridge import echo, free_port
from tests.support.tools import missing

SECONDS = 60.0
ASKS = (
    "import socket, sys\n"
    "s = socket.create_connection(('127.0.0.1', int(sys.argv[1])))\n"
    "s.sendall(b'HELLO')\n"
    "s.shutdown(socket.SHUT_WR)\n"
    "print(s.makefile('rb').read().decode())\n"
)


@pytest.fixture(autouse=True)
def perl() -> None:
    if not PERL.exists():
        missing("Perl is not on this machine (Debian: perl-base)")


def prefix(*pairs: str) -> tuple[str, ...]:
    return opened((str(Path(sys.executable).resolve()), "-I", "-S", str(BRIDGE), *pairs, "--"))


@asynccontextmanager
async def started(pairs: Sequence[str], *command: str) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*prefix(*pairs), *command, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_who_connects_at_once_is_at_the_socket(tmp_path: Path) -> None:
    port = free_port()
    async with (
        echo(tmp_path / "s") as path,
        started([f"{port}={path}"], "/usr/bin/python3", "-I", "-S", "-c", ASKS, str(port)) as process,
    ):
        said, complaint = await asyncio.wait_for(process.communicate(), SECONDS)
        assert (said, complaint) == (b"hello!\n", b"")


async def test_the_command_has_its_words_and_pipes_and_no_port_of_ours(tmp_path: Path) -> None:
    pairs = [f"{free_port()}={tmp_path / 's'}", f"{free_port()}@localhost:80={tmp_path / 's'}"]
    script = 'cat; echo "$1" >&2; ls /proc/self/fd | wc -l; exit 7'
    async with started(pairs, "/bin/sh", "-c", script, "sh", "a 'b' $c -- =") as process:
        said, complaint = await asyncio.wait_for(process.communicate(b"in\n"), SECONDS)
    assert (said, complaint, process.returncode) == (b"in\n4\n", b"a 'b' $c -- =\n", 7)


async def test_a_port_that_is_taken_is_said_and_one_of_an_allowed_host_is_left_out(tmp_path: Path) -> None:
    async with echo(tmp_path / "s"):
        server = await asyncio.start_server(lambda reader, writer: writer.close(), "127.0.0.1", 0)
        taken = server.sockets[0].getsockname()[1]
        async with started([f"{taken}@localhost:{taken}=/s"], "/bin/echo", "runs") as process:
            assert (await asyncio.wait_for(process.communicate(), SECONDS))[0] == b"runs\n"
        async with started([f"{taken}=/s"], "/bin/echo", "runs") as process:
            said, complaint = await asyncio.wait_for(process.communicate(), SECONDS)
        assert (said, process.returncode) == (b"", 125)
        assert b"has no port" in complaint
        server.close()


@pytest.mark.parametrize(("command", "code"), [("/no/such/program", 127), ("/etc", 126)])
async def test_a_command_that_cannot_be_run_is_told_as_a_shell_would(tmp_path: Path, command: str, code: int) -> None:
    async with started([f"{free_port()}={tmp_path / 's'}"], command) as process:
        _, complaint = await asyncio.wait_for(process.communicate(), SECONDS)
    assert process.returncode == code
    assert command.encode() in complaint


def test_without_perl_it_is_the_bridge_itself(tmp_path: Path) -> None:
    words = ("/usr/bin/python3", "-I", "-S", str(BRIDGE), "20080=/s", "--")
    assert opened(words, tmp_path / "no-perl") == words
    assert opened(()) == ()
