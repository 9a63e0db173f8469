"""`proxy.sock`: to the hosts that are allowed, at the addresses that they may have, and to no other."""

import base64
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import EngineEvent, Note
from agentd.network.hosts import parse_hosts
from agentd.network.outside import Outside
from agentd.network.proxy import ESTABLISHED, Proxy
from agentd.network.refusals import MOST_IN_A_TURN, Refusals
from tests.support.raw_sockets import RawServer, connected, raw_server


@dataclass
class Scene:
    path: Path
    server: RawServer
    allowed: Sequence[str] = ()
    known: Mapping[str, Sequence[str]] = field(default_factory=dict)
    environment: Mapping[str, str] = field(default_factory=dict)
    turn: str | None = "turn 1"
    reported: list[EngineEvent] = field(default_factory=list)

    @property
    def notes(self) -> list[str]:
        return [event.text for event in self.reported if isinstance(event, Note)]

    @asynccontextmanager
    async def running(self, *allowed: str) -> AsyncIterator["Scene"]:
        self.allowed = allowed
        refusals = Refusals(self.reported.append, lambda: self.turn)
        known = {password: parse_hosts(hosts) for password, hosts in self.known.items()}
        proxy = Proxy(
            self.path, None, parse_hosts(allowed), known, lambda: Outside(self.environment), refusals.add, lambda: None,
            lambda line: None,
        )  # fmt: skip
        await proxy.start()
        try:
            yield self
        finally:
            await proxy.close()

    async def said(self, request: bytes) -> tuple[int, str]:
        async with connected(self.path) as engine:
            await engine.send(request)
            answer = await engine.all()
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), body.decode()

    async def connects(self, authority: str, *headers: str) -> tuple[int, str]:
        lines = [f"CONNECT {authority} HTTP/1.1", f"Host: {authority}", *headers]
        return await self.said("\r\n".join([*lines, "", ""]).encode())


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with raw_server() as server:
        yield Scene(tmp_path / "io/proxy.sock", server)


def resolved(monkeypatch: pytest.MonkeyPatch, *addresses: str) -> list[str]:
    """Every name has these addresses; what was looked up is in the list."""
    asked: list[str] = []

    def looked_up(host: str, port: int) -> list[Any]:
        asked.append(host)
        return [(socket.AF_INET, socket.SOCK_STREAM, 6, "", (address, port)) for address in addresses]

    monkeypatch.setattr("agentd.network.proxy._looked_up", looked_up)
    return asked


async def test_a_tunnel_carries_both_ways_and_each_end_of_it(scene: Scene) -> None:
    port = scene.server.port
    async with scene.running(f"localhost:{port}"), connected(scene.path) as engine:
        await engine.send(f"CONNECT localhost:{port} HTTP/1.1\r\nHost: x\r\n\r\n".encode() + b"early")
        assert await engine.exactly(len(ESTABLISHED)) == ESTABLISHED
        far = await scene.server.next()
        assert await far.exactly(5) == b"early"
        await far.send(bytes(range(256)))
        assert await engine.exactly(256) == bytes(range(256))
        engine.writer.write_eof()
        assert await far.all() == b""
        await far.send(b"last words")
        far.close()
        assert await engine.all() == b"last words"
    assert scene.notes == []


async def test_a_plain_request_goes_to_its_host_and_the_connection_to_no_other(scene: Scene) -> None:
    port = scene.server.port
    sent = (
        f"POST http://localhost:{port}/a?b HTTP/1.1\r\nHost: evil.example\r\nProxy-Connection: keep-alive\r\nX-Kept: 1\r\n"
        "Content-Length: 2\r\n\r\nhi"
    ).encode()
    async with scene.running(f"localhost:{port}"), connected(scene.path) as engine:
        await engine.send(sent + b"GET http://evil.example/ HTTP/1.1\r\nHost: evil.example\r\n\r\n")
        far = await scene.server.next()
        head = await far.until(b"\r\n\r\n")
        assert head.startswith(b"POST /a?b HTTP/1.1\r\nHost: localhost:%d\r\n" % port)
        assert b"evil" not in head
        assert b"Proxy-Connection" not in head
        assert b"X-Kept: 1\r\n" in head
        assert await far.exactly(2) == b"hi"
        await far.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
        far.close()
        assert (await engine.all()).endswith(b"\r\n\r\nok")
    assert scene.server.count == 1


@pytest.mark.parametrize(
    "authority",
    ["example.com:443", "localhost:1", "127.0.0.1:{port}", "127.1:{port}", "2130706433:{port}", "0x7f000001:{port}",
     "0:{port}", "[::1]:{port}", "[::ffff:127.0.0.1]:{port}", "localhost.:9", "localhost:{port}@example.com:443",
     "localhost:{port}x", "localhost", "localhost%00:{port}", "169.254.169.254:80"],
)  # fmt: skip
async def test_whatever_is_not_named_is_refused_and_noted(scene: Scene, authority: str) -> None:
    port = scene.server.port
    async with scene.running(f"localhost:{port}"):
        status, body = await scene.connects(authority.format(port=port))
    assert status == 403
    assert body.startswith("There is no network here, and ")
    assert scene.server.count == 0
    (note,) = scene.notes
    assert note.startswith("No network: a connection to ")


@pytest.mark.parametrize(
    "address", ["127.0.0.1", "10.0.0.1", "169.254.169.254", "192.168.1.1", "0.0.0.0", "100.64.0.1"]
)
async def test_an_allowed_name_that_turns_into_an_address_of_ours_is_refused(
    scene: Scene, address: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    resolved(monkeypatch, address)
    async with scene.running("*.example.com"):
        status, body = await scene.connects("rebound.example.com:443")
    assert (status, scene.server.count) == (403, 0)
    assert f"its address {address} is not a public one" in body
    assert scene.notes


async def test_the_address_that_was_looked_at_is_the_one_that_is_dialled(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name with addresses of ours among its own leads to its own alone, and is looked up once."""
    dialled: list[Any] = []

    async def dial(host: str, port: int, **_: Any) -> Any:
        dialled.append((host, port))
        raise ConnectionRefusedError("nobody is there")

    asked = resolved(monkeypatch, "127.0.0.1", "169.254.169.254", "151.101.0.223")
    monkeypatch.setattr("agentd.network.proxy.asyncio.open_connection", dial)
    async with scene.running("pypi.org"):
        assert (await scene.connects("pypi.org:443"))[0] == 502
    assert asked == ["pypi.org"]
    assert dialled == [("151.101.0.223", 443)]


async def test_each_refused_host_is_said_once_in_a_turn_and_not_without_end(scene: Scene) -> None:
    async with scene.running():
        for _ in range(3):
            await scene.connects("a.example:443")
        assert len(scene.notes) == 1
        scene.turn = "turn 2"
        await scene.connects("a.example:443")
        assert len(scene.notes) == 2
        for number in range(3 * MOST_IN_A_TURN):
            await scene.connects(f"h{number}.example:443")
        assert len(scene.notes) == 1 + MOST_IN_A_TURN + 1
        assert scene.notes[-1] == "More hosts were refused; this turn they are not listed."


async def test_what_a_note_says_of_a_host_is_harmless_and_short(scene: Scene) -> None:
    refusals = Refusals(scene.reported.append, lambda: "t")
    refusals.add("\x1b[31mevil\n" + "x" * 1000, 0, "it is no host")
    (note,) = scene.notes
    assert "\x1b" not in note
    assert "\n" not in note
    assert len(note) < 250


async def test_more_is_open_to_who_shows_the_password(scene: Scene) -> None:
    port = scene.server.port
    scene.known = {"open sesame": [f"localhost:{port}"]}
    basic = {word: base64.b64encode(f"login:{word}".encode()).decode() for word in ("open sesame", "open barley", "")}
    async with scene.running():
        assert (await scene.connects(f"localhost:{port}"))[0] == 403
        for word in ("open barley", ""):
            given = f"Proxy-Authorization: Basic {basic[word]}"
            assert (await scene.connects(f"localhost:{port}", given))[0] == 403
        assert (await scene.connects(f"localhost:{port}", "Proxy-Authorization: Basic ????"))[0] == 403
        assert scene.server.count == 0
        async with connected(scene.path) as engine:
            given = f"Proxy-Authorization: basic {basic['open sesame']}"
            await engine.send(f"CONNECT localhost:{port} HTTP/1.1\r\n{given}\r\n\r\n".encode())
            assert await engine.exactly(len(ESTABLISHED)) == ESTABLISHED


async def test_a_host_where_nobody_listens_is_a_502(scene: Scene) -> None:
    async with scene.running("localhost:1"):
        status, body = await scene.connects("localhost:1")
    assert status == 502
    assert body.startswith("localhost:1 does not answer: ")
    assert scene.notes == []


async def test_the_operators_own_proxy_is_on_the_way(scene: Scene) -> None:
    scene.environment = {"HTTPS_PROXY": f"http://me:p%40ss@127.0.0.1:{scene.server.port}", "NO_PROXY": "other.example"}
    async with scene.running("pypi.org"), connected(scene.path) as engine:
        await engine.send(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: x\r\n\r\n")
        far = await scene.server.next()
        head = await far.until(b"\r\n\r\n")
        assert head.startswith(b"CONNECT pypi.org:443 HTTP/1.1\r\nHost: pypi.org:443\r\n")
        assert base64.b64encode(b"me:p@ss") in head
        await far.send(b"HTTP/1.1 200 OK\r\nVia: x\r\n\r\nfirst")
        assert await engine.exactly(len(ESTABLISHED) + 5) == ESTABLISHED + b"first"


@pytest.mark.parametrize("sent", [b"GET / HTTP/1.1\r\nHost: pypi.org\r\n\r\n", b"GET ftp://a/ HTTP/1.1\r\nHost: a\r\n\r\n",
                                  b"GET http:///x HTTP/1.1\r\nHost: a\r\n\r\n", b"GET http://u:p@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
                                  b"POST http://a/ HTTP/1.1\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
                                  b"CONNECT a:443 HTTP/1.1\nHost: a\r\n\r\n", b"hello\r\n\r\n"])  # fmt: skip
async def test_what_is_no_request_of_a_proxy_is_a_400(scene: Scene, sent: bytes) -> None:
    async with scene.running("a"):
        assert (await scene.said(sent))[0] == 400
