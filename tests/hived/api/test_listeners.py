"""Sockets: who calls is the socket he calls on, and nobody but the owner may."""

import asyncio
import json
import os
import shutil
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import uvloop
from starlette.types import Receive, Scope, Send

from hived.api.listeners import Listeners, agent_above, bound_socket
from hived.wire.errors import PathTooLong, SocketInUse
from tests.support.cost import costs_at_most
from tests.support.hive import short_home


async def who(scope: Scope, receive: Receive, send: Send) -> None:
    """Answers with what the listener says of the caller."""
    if scope["path"] == "/wait":
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while (await receive())["type"] != "http.disconnect":
            pass
        return
    body = json.dumps({"agent": scope.get("hive_agent"), "client": scope["client"]}).encode()
    await send({"type": "http.response.start", "status": 200, "headers": [(b"content-length", b"%d" % len(body))]})
    await send({"type": "http.response.body", "body": body})


async def get(path: Path, target: str = "/") -> tuple[int, dict[str, object]]:
    reader, writer = await asyncio.open_unix_connection(str(path))
    writer.write(f"GET {target} HTTP/1.1\r\nhost: hive\r\nconnection: close\r\n\r\n".encode())
    answer = await asyncio.wait_for(reader.read(), 60)
    writer.close()
    await writer.wait_closed()
    head, _, body = answer.partition(b"\r\n\r\n")
    return int(head.split()[1]), json.loads(body)


@pytest.fixture
def folder() -> Iterator[Path]:
    home = short_home()
    yield home
    shutil.rmtree(home)


@pytest.fixture
def harnesses() -> dict[int, str]:
    return {}


@pytest.fixture
async def listeners(harnesses: dict[int, str]) -> AsyncIterator[Listeners]:
    opened = Listeners(who, who, lambda: harnesses)
    yield opened
    await opened.close()


async def test_the_socket_says_which_agent_calls_and_the_kernel_says_who(folder: Path, listeners: Listeners) -> None:
    await listeners.open_host(folder / "host.sock")
    await listeners.open_agent("id-1", "ada", folder / "agents/ada/agent.sock")
    me = [str(os.getuid()), os.getpid()]
    assert await get(folder / "host.sock") == (200, {"agent": None, "client": me})
    assert await get(folder / "agents/ada/agent.sock") == (200, {"agent": ["id-1", "ada"], "client": me})


def test_uvloops_sockets_say_who_calls_too(folder: Path) -> None:
    async def on_uvloop() -> tuple[int, dict[str, object]]:
        opened = Listeners(who, who, dict)
        await opened.open_agent("id-1", "ada", folder / "agent.sock")
        try:
            return await get(folder / "agent.sock")
        finally:
            await opened.close()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        status, answer = runner.run(on_uvloop())
    assert (status, answer) == (200, {"agent": ["id-1", "ada"], "client": [str(os.getuid()), os.getpid()]})


async def test_sockets_are_0600_in_folders_of_0700(folder: Path, listeners: Listeners) -> None:
    path = folder / "run/agents/ada/agent.sock"
    old = os.umask(0)
    try:
        await listeners.open_agent("id-1", "ada", path)
    finally:
        os.umask(old)
    assert path.stat().st_mode & 0o777 == 0o600
    assert [parent.stat().st_mode & 0o777 for parent in (path.parent, path.parent.parent, folder / "run")] == [
        0o700
    ] * 3


def test_a_socket_is_0600_before_it_listens(folder: Path) -> None:
    with bound_socket(folder / "s") as sock, socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as caller:
        assert (folder / "s").stat().st_mode & 0o777 == 0o600
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN) == 0
        with pytest.raises(ConnectionRefusedError):
            caller.connect(str(folder / "s"))


async def test_a_stale_socket_is_replaced_and_a_live_one_is_not(folder: Path, listeners: Listeners) -> None:
    path = folder / "host.sock"
    bound_socket(path).close()
    assert path.exists()
    await listeners.open_host(path)
    with pytest.raises(SocketInUse) as caught:
        bound_socket(path)
    assert caught.value.code == "socket_in_use"
    assert (await get(path))[0] == 200


def test_a_file_that_is_no_socket_is_left_alone(folder: Path) -> None:
    (folder / "host.sock").write_text("mine")
    with pytest.raises(SocketInUse):
        bound_socket(folder / "host.sock")
    assert (folder / "host.sock").read_text() == "mine"


def test_too_long_a_path_is_named_with_the_way_out(folder: Path) -> None:
    path = folder / ("x" * 100) / "agent.sock"
    with pytest.raises(PathTooLong, match="HIVE_HOME") as caught:
        bound_socket(path)
    assert str(path) in caught.value.message


async def test_two_hundred_sockets_open_quickly_and_all_answer(folder: Path, listeners: Listeners) -> None:
    with costs_at_most(5):
        for number in range(200):
            await listeners.open_agent(f"id-{number}", f"a{number}", folder / f"a{number}/agent.sock")
    answers = await asyncio.gather(*(get(folder / f"a{number}/agent.sock") for number in range(200)))
    assert [answer[1]["agent"] for answer in answers] == [[f"id-{n}", f"a{n}"] for n in range(200)]


async def test_a_closed_agents_socket_is_gone_and_may_be_opened_again(folder: Path, listeners: Listeners) -> None:
    path = folder / "agent.sock"
    await listeners.open_agent("id-1", "ada", path)
    listeners.close_agent("id-1")
    assert not path.exists()
    await listeners.open_agent("id-1", "ada", path)
    assert (await get(path))[0] == 200


async def test_closing_ends_streams_that_wait_and_removes_the_sockets(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hived.api.listeners.FINISH_SECONDS", 0.05)
    opened = Listeners(who, who, dict)
    await opened.open_host(folder / "host.sock")
    reader, writer = await asyncio.open_unix_connection(str(folder / "host.sock"))
    writer.write(b"GET /wait HTTP/1.1\r\nhost: hive\r\n\r\n")
    await asyncio.wait_for(reader.readline(), 60)
    await asyncio.wait_for(opened.close(), 60)
    await asyncio.wait_for(reader.read(), 60)
    writer.close()
    assert not (folder / "host.sock").exists()


async def test_a_process_under_a_harness_is_refused_on_the_operators_socket(
    folder: Path, listeners: Listeners, harnesses: dict[int, str]
) -> None:
    await listeners.open_host(folder / "host.sock")
    code = (
        "import socket, sys\ns = socket.socket(socket.AF_UNIX)\ns.connect(sys.argv[1])\n"
        "s.sendall(b'GET / HTTP/1.1\\r\\nhost: h\\r\\nconnection: close\\r\\n\\r\\n')\n"
        "out = b''\nwhile chunk := s.recv(65536): out += chunk\nprint(out.decode())"
    )
    nested = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {code!r}, sys.argv[1]])"

    async def call() -> str:
        child = await asyncio.create_subprocess_exec(
            sys.executable, "-c", nested, str(folder / "host.sock"), stdout=asyncio.subprocess.PIPE
        )
        return (await asyncio.wait_for(child.communicate(), 30))[0].decode()

    assert " 200 " in await call()
    harnesses[os.getpid()] = "ada"
    refused = await call()
    assert " 403 " in refused
    assert '"code": "engine_on_host_socket"' in refused
    assert "ada" in refused


def test_ancestors_are_looked_up_to_init_and_no_further() -> None:
    assert agent_above(os.getpid(), {os.getppid(): "ada"}) == "ada"
    assert agent_above(os.getpid(), {os.getpid(): "ada"}) == "ada"
    assert agent_above(os.getpid(), {2**22 + 1: "ada"}) is None
    assert agent_above(2**22 + 1, {1: "ada"}) is None
