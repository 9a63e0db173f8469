"""The bridge as a program: what connects to its port is at the socket, and the command does not know that it is there."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest

from agentd.network.plan import BRIDGE
from tests.support.raw_sockets import MOMENT_SECONDS, Wire

BARE = [str(Path(sys.executable).resolve()), "-I", "-S"]


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


@asynccontextmanager
async def bridged(pairs: Sequence[str], command: Sequence[str] = ("cat",)) -> AsyncIterator[asyncio.subprocess.Process]:
    pipe = subprocess.PIPE
    process = await asyncio.create_subprocess_exec(
        *BARE, BRIDGE, *pairs, "--", *command, stdin=pipe, stdout=pipe, stderr=pipe
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def echoed(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """What a client says, in small letters, then its end."""
    while data := await reader.read(65536):
        writer.write(data.lower())
        await writer.drain()
    writer.write(b"!")
    writer.close()


@asynccontextmanager
async def echo(path: Path) -> AsyncIterator[Path]:
    server = await asyncio.start_unix_server(echoed, str(path))
    try:
        yield path
    finally:
        server.close()


async def at(port: int) -> Wire:
    """Connected, once it listens."""
    async with asyncio.timeout(MOMENT_SECONDS):
        while True:
            try:
                return Wire(*await asyncio.open_connection("127.0.0.1", port))
            except ConnectionRefusedError:
                await asyncio.sleep(0)


def relays(port: int) -> list[psutil.Process]:
    """Of that port, without the command."""
    found = []
    for process in psutil.process_iter():
        try:
            if any(word.startswith(f"{port}=") for word in process.cmdline()) and process.name() == "hive-bridge":
                found.append(process)
        except psutil.Error:
            continue
    return found


async def test_what_connects_to_the_port_is_at_the_socket(tmp_path: Path) -> None:
    port = free_port()
    async with echo(tmp_path / "s") as path, bridged([f"{port}={path}"]):
        wires = [await at(port) for _ in range(20)]
        for number, wire in enumerate(wires):
            await wire.send(b"HELLO %d" % number)
        for number, wire in enumerate(wires):
            assert await wire.exactly(len(b"hello %d" % number)) == b"hello %d" % number
            wire.writer.write_eof()
            assert await wire.all() == b"!"
            wire.close()


async def test_megabytes_go_through_whole_with_neither_side_waiting(tmp_path: Path) -> None:
    port, size = free_port(), 8 * 1024 * 1024
    async with echo(tmp_path / "s") as path, bridged([f"{port}={path}"]):
        wire = await at(port)

        async def sent() -> None:
            await wire.send(b"AB" * (size // 2))
            wire.writer.write_eof()

        sending = asyncio.create_task(sent())
        assert await wire.exactly(size) == b"ab" * (size // 2)
        await sending
        assert await wire.all() == b"!"
        wire.close()


async def test_a_port_may_lead_through_the_proxy_to_a_host(tmp_path: Path) -> None:
    """A database's client knows no proxy: it connects, and is there."""
    port, heads = free_port(), []

    async def proxy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        heads.append(await reader.readuntil(b"\r\n\r\n"))
        refused = len(heads) > 1
        writer.write(
            b"HTTP/1.1 403 Forbidden\r\n\r\nno" if refused else b"HTTP/1.1 200 Connection established\r\n\r\nfirst"
        )
        if not refused:
            await echoed(reader, writer)
        writer.close()

    server = await asyncio.start_unix_server(proxy, str(tmp_path / "s"))
    async with bridged([f"{port}@localhost:5432={tmp_path / 's'}"]):
        wire = await at(port)
        await wire.send(b"SELECT")
        assert await wire.exactly(11) == b"firstselect"
        wire.close()
        refused = await at(port)
        assert await refused.all() == b""
        refused.close()
    server.close()
    assert heads[0] == b"CONNECT localhost:5432 HTTP/1.1\r\nHost: localhost:5432\r\n\r\n"


async def test_the_command_is_what_was_started_and_its_code_is_the_code(tmp_path: Path) -> None:
    pairs = [f"{free_port()}={tmp_path / 's'}"]
    script = "import os, signal, sys; print(os.getpid(), signal.getsignal(signal.SIGPIPE) is not None, sys.argv[1:]); sys.exit(7)"
    async with bridged(pairs, [*BARE, "-c", script, "a b", "--", "c"]) as process:
        said, _ = await process.communicate()
        assert said.decode().split(" ", 1)[0] == str(process.pid)
        assert "['a b', '--', 'c']" in said.decode()
        assert process.returncode == 7


@pytest.mark.parametrize(("program", "code"), [("/nowhere/at/all", 127), ("/etc/passwd", 126)])
async def test_a_command_that_cannot_be_run_is_said_as_a_shell_says_it(tmp_path: Path, program: str, code: int) -> None:
    async with bridged([f"{free_port()}={tmp_path / 's'}"], [program]) as process:
        _, said = await process.communicate()
        assert process.returncode == code
        assert said.decode().startswith(f"{program}: ")


async def test_a_port_that_is_taken_is_said(tmp_path: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        async with bridged([f"{taken.getsockname()[1]}={tmp_path / 's'}"]) as process:
            _, said = await process.communicate()
    assert process.returncode == 125
    assert b"has no port" in said


async def test_the_relay_ends_with_its_command_and_not_with_what_is_meant_for_others(tmp_path: Path) -> None:
    port = free_port()
    async with echo(tmp_path / "s") as path, bridged([f"{port}={path}"]) as process:
        wire = await at(port)
        async with asyncio.timeout(MOMENT_SECONDS):
            while not relays(port):  # noqa: ASYNC110 - it takes its name a moment after it listens
                await asyncio.sleep(0)
        (relay,) = relays(port)
        assert relay.ppid() != process.pid
        os.kill(relay.pid, signal.SIGTERM)
        await wire.send(b"STILL")
        assert await wire.exactly(5) == b"still"
        process.kill()
        assert await wire.all() in (b"", b"!")
        psutil.wait_procs([relay], timeout=MOMENT_SECONDS)
        assert relays(port) == []
        wire.close()


async def test_a_socket_that_is_gone_ends_the_connection_and_a_new_one_serves_the_next(tmp_path: Path) -> None:
    """As when agentd was killed, and another has come."""
    port = free_port()
    async with bridged([f"{port}={tmp_path / 's'}"]):
        wire = await at(port)
        assert await wire.all() == b""
        wire.close()
        async with echo(tmp_path / "s"):
            wire = await at(port)
            await wire.send(b"A")
            assert await wire.exactly(1) == b"a"
            wire.close()


async def test_a_relay_whose_command_has_ended_already_ends_too() -> None:
    ended = await asyncio.create_subprocess_exec("true")
    assert await ended.wait() == 0
    script = "import sys; sys.path.insert(0, sys.argv[1]); import bridge; bridge.stay([], int(sys.argv[2]))"
    relay = await asyncio.create_subprocess_exec(*BARE, "-c", script, str(BRIDGE.parent), str(ended.pid))
    assert await asyncio.wait_for(relay.wait(), MOMENT_SECONDS) == 0
