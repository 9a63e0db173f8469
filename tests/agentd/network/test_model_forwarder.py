"""`model.sock`: what goes in, what comes out on the other side, byte by byte; and what is refused."""

import asyncio
import contextlib
import json
import os
import re
import stat
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from agentd.engines.base import EngineFailed
from agentd.network import http1, listening
from agentd.network.credentials import Credentials, placeholder
from agentd.network.model_forwarder import ModelForwarder, Route
from agentd.network.outside import Outside
from agentd.network.upstream import Upstream
from tests.support.raw_sockets import MOMENT_SECONDS, RawServer, Wire, connected, raw_server

KEYS = {"ANTHROPIC_API_KEY": "x-api-key", "CLAUDE_CODE_OAUTH_TOKEN": "authorization"}


@dataclass
class Scene:
    path: Path
    server: RawServer
    keys: dict[str, str] = field(default_factory=lambda: {"ANTHROPIC_API_KEY": "sk-real"})
    prefix: str = ""
    heard: int = 0
    logged: list[str] = field(default_factory=list)
    trouble: EngineFailed | None = None

    def route(self) -> Route:
        if self.trouble is not None:
            raise self.trouble
        upstream = Upstream.parse(f"http://127.0.0.1:{self.server.port}{self.prefix}")
        return Route(upstream, Credentials.of(KEYS, self.keys), Outside({}))

    def hear(self) -> None:
        self.heard += 1

    def forwarder(self) -> ModelForwarder:
        return ModelForwarder(self.path, None, self.route, self.hear, self.logged.append)

    @asynccontextmanager
    async def asked(self, request: bytes) -> AsyncIterator[tuple[Wire, Wire, bytes]]:
        """The engine's end, the model's end, and the head that came there."""
        async with connected(self.path) as engine:
            await engine.send(request)
            model = await self.server.next()
            yield engine, model, await model.until(b"\r\n\r\n")

    async def refused(self, request: bytes) -> tuple[int, str]:
        """The status and the message that the engine gets; nothing has gone out."""
        async with connected(self.path) as engine:
            await engine.send(request)
            answer = await engine.all()
        assert self.server.count == 0
        head, _, body = answer.partition(b"\r\n\r\n")
        return int(head.split(b" ")[1]), json.loads(body)["error"]["message"]


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    async with raw_server() as server:
        found = Scene(tmp_path / "io/model.sock", server)
        forwarder = found.forwarder()
        await forwarder.start()
        try:
            yield found
        finally:
            await forwarder.close()


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(MOMENT_SECONDS):
        while not condition():  # noqa: ASYNC110 - bytes on a socket set no event here
            await asyncio.sleep(0)


def headers_of(head: bytes) -> dict[str, str]:
    lines = head.decode("latin-1").split("\r\n")[1:-2]
    return {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}


def request(*headers: str, target: str = "/v1/messages", body: bytes = b"{}", host: str = "model") -> bytes:
    lines = [f"POST {target} HTTP/1.1", f"Host: {host}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join([*lines, "", ""]).encode() + body


async def test_an_answer_comes_piece_by_piece_as_the_model_gives_it(scene: Scene) -> None:
    async with scene.asked(request()) as (engine, model, _):
        assert await model.exactly(2) == b"{}"
        await model.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n")
        assert b"text/event-stream" in await engine.until(b"\r\n\r\n")
        for piece in (b"event: a\ndata: {}\n\n", b"\x00\xff\r\n0\r\n\r\n", b"x" * 1000):
            before = scene.heard
            await model.send(b"%x\r\n%b\r\n" % (len(piece), piece))
            # The next is sent only when this one has come: whoever buffered would wait forever.
            assert await engine.exactly(len(f"{len(piece):x}") + 4 + len(piece)) == b"%x\r\n%b\r\n" % (
                len(piece),
                piece,
            )
            assert scene.heard > before
        await model.send(b"0\r\n\r\n")
        assert await engine.exactly(5) == b"0\r\n\r\n"


async def test_a_packed_answer_is_passed_on_packed(scene: Scene) -> None:
    packed = bytes(range(256)) * 40
    async with scene.asked(request("Accept-Encoding: zstd")) as (engine, model, head):
        assert headers_of(head)["accept-encoding"] == "zstd"
        await model.send(
            b"HTTP/1.1 200 OK\r\nContent-Encoding: zstd\r\nContent-Length: %d\r\n\r\n" % len(packed) + packed
        )
        said = headers_of(await engine.until(b"\r\n\r\n"))
        assert (said["content-encoding"], said["content-length"]) == ("zstd", str(len(packed)))
        assert await engine.exactly(len(packed)) == packed


async def test_a_request_goes_out_while_it_still_comes_in(scene: Scene) -> None:
    lines = b"POST /v1/messages HTTP/1.1\r\nHost: model\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with scene.asked(lines + b"3\r\nabc\r\n") as (engine, model, head):
        assert headers_of(head)["transfer-encoding"] == "chunked"
        assert await model.until(b"abc\r\n") == b"3\r\nabc\r\n"
        await engine.send(b"2\r\nde\r\n0\r\n\r\n")
        assert await model.until(b"0\r\n\r\n") == b"2\r\nde\r\n0\r\n\r\n"


async def test_the_key_takes_the_place_of_what_stands_in_for_it_and_of_nothing_else(scene: Scene) -> None:
    stand_in = placeholder("ANTHROPIC_API_KEY")
    async with scene.asked(request(f"x-api-key: {stand_in}", f"X-Note: {stand_in}")) as (_, _, head):
        assert headers_of(head)["x-api-key"] == "sk-real"
        assert headers_of(head)["x-note"] == stand_in


async def test_a_key_that_an_agent_brings_of_its_own_does_not_go_out(scene: Scene) -> None:
    async with scene.asked(request("x-api-key: sk-thief", "Authorization: Bearer sk-thief")) as (_, _, head):
        assert b"thief" not in head
        assert headers_of(head)["x-api-key"] == "sk-real"


async def test_a_token_goes_out_as_a_bearer(scene: Scene) -> None:
    scene.keys = {"CLAUDE_CODE_OAUTH_TOKEN": "sk-ant-oat01-real\n"}
    sent = request(f"Authorization: Bearer {placeholder('CLAUDE_CODE_OAUTH_TOKEN')}")
    async with scene.asked(sent) as (_, _, head):
        assert headers_of(head)["authorization"] == "Bearer sk-ant-oat01-real"
        assert "x-api-key" not in headers_of(head)


async def test_without_a_key_of_the_hives_the_engines_own_goes_out(scene: Scene) -> None:
    scene.keys = {}
    async with scene.asked(request("Authorization: Bearer its-login")) as (_, _, head):
        assert headers_of(head)["authorization"] == "Bearer its-login"


async def test_a_key_that_was_changed_holds_for_the_next_request(scene: Scene) -> None:
    for key in ("sk-one", "sk-two"):
        scene.keys = {"ANTHROPIC_API_KEY": key}
        async with scene.asked(request()) as (engine, model, head):
            assert headers_of(head)["x-api-key"] == key
            await model.send(b"HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n")
            await engine.until(b"\r\n\r\n")


async def test_what_is_between_two_neighbours_alone_is_not_passed_on(scene: Scene) -> None:
    named = ("Connection: close, X-Mine", "X-Mine: 1", "Keep-Alive: 5", "Proxy-Authorization: x", "TE: trailers",
             "Upgrade: websocket", "Expect: 100-continue", "X-Kept: 2")  # fmt: skip
    async with scene.asked(request(*named)) as (engine, model, head):
        found = headers_of(head)
        assert found["x-kept"] == "2"
        assert not {"x-mine", "proxy-authorization", "te", "upgrade", "expect"} & set(found)
        assert found["host"] == f"127.0.0.1:{scene.server.port}"
        await model.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\nConnection: X-Hop\r\nX-Hop: 1\r\nX-End: 2\r\n\r\nx")
        said = await engine.all()
        assert b"X-End: 2" in said
        assert b"X-Hop" not in said


async def test_the_base_address_has_a_path_of_its_own(scene: Scene) -> None:
    scene.prefix = "/anthropic/"
    async with scene.asked(request(target="/v1/messages?beta=true&x=%2F")) as (_, _, head):
        assert head.startswith(b"POST /anthropic/v1/messages?beta=true&x=%2F HTTP/1.1\r\n")


async def test_one_connection_serves_many_requests(scene: Scene) -> None:
    async with connected(scene.path) as engine:
        model: Wire | None = None
        for number in range(3):
            await engine.send(request(body=b"%d" % number))
            model = model or await scene.server.next()
            await model.until(b"\r\n\r\n")
            assert await model.exactly(1) == b"%d" % number
            await model.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n%d" % number)
            await engine.until(b"\r\n\r\n")
            assert await engine.exactly(1) == b"%d" % number
    assert scene.server.count == 1


async def test_many_requests_run_side_by_side(scene: Scene) -> None:
    most = listening.MOST_CONNECTIONS
    engines = [Wire(*await asyncio.open_unix_connection(str(scene.path))) for _ in range(most)]
    for number, engine in enumerate(engines):
        await engine.send(request(body=b"%04d" % number))
    models = [await scene.server.next() for _ in engines]
    for model in models:  # all are there before the first is answered
        await model.until(b"\r\n\r\n")
        body = await model.exactly(4)
        await model.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n" + body)
    for number, engine in enumerate(engines):
        await engine.until(b"\r\n\r\n")
        assert await engine.exactly(4) == b"%04d" % number
    async with connected(scene.path) as one_too_many:
        assert await one_too_many.all() == b""
    for engine in engines:
        engine.close()


async def test_an_engine_that_goes_away_ends_its_request_at_the_model_too(scene: Scene) -> None:
    async with scene.asked(request()) as (engine, model, _):
        await model.exactly(2)
        engine.close()
        assert await model.all() == b""


async def test_an_engine_that_goes_away_in_mid_answer_ends_it_there_too(scene: Scene) -> None:
    async with scene.asked(request()) as (engine, model, _):
        await model.exactly(2)
        await model.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await engine.until(b"1\r\na\r\n")
        engine.close()
        assert await model.all() == b""


async def test_an_engine_that_does_not_read_holds_the_model_back(scene: Scene) -> None:
    async with scene.asked(request()) as (engine, model, _):
        await model.exactly(2)
        most = 64 * 1024 * 1024
        await model.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % most)
        await engine.until(b"\r\n\r\n")
        sent = 0
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(1):  # it stands still for as long as nobody reads
                while sent < most:
                    await model.send(b"x" * 65536)
                    sent += 65536
        assert sent < most / 2


async def test_an_answer_that_breaks_off_is_seen_to_break_off(scene: Scene) -> None:
    async with scene.asked(request()) as (engine, model, _):
        await model.exactly(2)
        await model.send(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n")
        await engine.until(b"1\r\na\r\n")
        model.close()
        assert not (await engine.all()).endswith(b"0\r\n\r\n")
    assert "broke off its answer" in scene.logged[0]


async def test_a_model_that_cannot_be_reached_is_a_502_that_the_engine_can_read(scene: Scene) -> None:
    port, scene.server.port = scene.server.port, 1
    status, message = await scene.refused(request())
    scene.server.port = port
    assert status == 502
    assert message.startswith("127.0.0.1:1 cannot be reached: ")


async def test_a_model_that_answers_with_no_http_is_a_502(scene: Scene) -> None:
    async with scene.asked(request()) as (engine, model, _):
        await model.send(b"SSH-2.0-OpenSSH\r\n\r\n")
        assert b"HTTP/1.1 502 Bad Gateway\r\n" in await engine.until(b"\r\n\r\n")


async def test_a_secret_that_is_not_there_is_told_to_the_engine(scene: Scene) -> None:
    scene.trouble = EngineFailed("failed", "env_from names KEY, which nobody has.", retryable=False)
    assert await scene.refused(request()) == (502, "env_from names KEY, which nobody has.")


@pytest.mark.parametrize("host", ["evil.example", "model.evil.example", "", "api.anthropic.com", "model:80:80x"])
async def test_another_host_is_refused(scene: Scene, host: str) -> None:
    assert (await scene.refused(request(host=host)))[0] == 421


@pytest.mark.parametrize(
    "sent",
    [
        b"POST http://evil.example/ HTTP/1.1\r\nHost: model\r\n\r\n",
        b"CONNECT evil.example:443 HTTP/1.1\r\nHost: model\r\n\r\n",
        b"OPTIONS * HTTP/1.1\r\nHost: model\r\n\r\n",
        b"GET / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: model\r\nHost: evil.example\r\n\r\n",
    ],
)
async def test_what_is_not_asked_of_the_models_host_is_refused(scene: Scene, sent: bytes) -> None:
    assert (await scene.refused(sent))[0] == 421


@pytest.mark.parametrize("path", ["/a/../b", "/a/%2e%2E/b", "/./a", "/a/.%2e", "/a\\..\\b", "/a#b"])
async def test_a_path_that_leads_elsewhere_is_refused(scene: Scene, path: str) -> None:
    assert (await scene.refused(request(target=path)))[0] == 400


@pytest.mark.parametrize(
    "lines",
    [
        b"Content-Length: 5\r\nTransfer-Encoding: chunked",
        b"Content-Length: 5\r\nContent-Length: 5",
        b"Content-Length: 5, 5",
        b"Content-Length: +5",
        b"Content-Length: 0x5",
        b"Content-Length:",
        b"Content-Length: -1",
        b"Content-Length : 5",
        b"Transfer-Encoding: chunked, chunked",
        b"Transfer-Encoding: xchunked",
        b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity",
        b"Transfer-Encoding:\x0bchunked",
        b" Folded: x",
        b"X-A: b\r\n Folded",
        b"X-A: b\nX-B: c",
        b"X-A: b\rX-B: c",
        b"X-A: b\0c",
        b"X A: b",
        b": b",
        b"X-A",
    ],
)
async def test_what_could_be_read_in_two_ways_is_refused(scene: Scene, lines: bytes) -> None:
    sent = (
        b"POST /v1/messages HTTP/1.1\r\nHost: model\r\n"
        + lines
        + b"\r\n\r\nGET /smuggled HTTP/1.1\r\nHost: model\r\n\r\n"
    )
    assert (await scene.refused(sent))[0] == 400


@pytest.mark.parametrize(
    "line",
    [
        b"GET /",
        b"GET / HTTP/2.0",
        b"get / HTTP/1.1",
        b"GET  / HTTP/1.1",
        b"GET /\t HTTP/1.1",
        b"G\xc3\xa9T / HTTP/1.1",
        b"\x16\x03\x01\x02",
    ],
)
async def test_what_is_no_request_is_refused(scene: Scene, line: bytes) -> None:
    assert (await scene.refused(line + b"\r\nHost: model\r\n\r\n"))[0] == 400


@pytest.mark.parametrize(
    "body",
    [b"zz\r\n", b"5\r\nabcdefg\r\n", b"-1\r\n", b"1\r\na\r\n0\r\nX-Trailer: 1\r\n\r\n", b"\r\n", b"123456789\r\n"],
)
async def test_chunks_that_are_none_end_the_request(scene: Scene, body: bytes) -> None:
    head = b"POST /v1/messages HTTP/1.1\r\nHost: model\r\nTransfer-Encoding: chunked\r\n\r\n"
    async with connected(scene.path) as engine:
        await engine.send(head + body)
        assert re.match(rb"HTTP/1.1 400 ", await engine.all())


async def test_a_head_that_never_ends_is_cut_off(scene: Scene) -> None:
    async with connected(scene.path) as engine:
        await engine.send(b"GET / HTTP/1.1\r\nHost: model\r\nX-Long: ")
        await engine.send(b"x" * (2 * http1.MOST_HEAD_BYTES))
        answer = await engine.all()
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    assert scene.server.count == 0


async def test_a_body_that_is_too_long_is_refused_before_it_comes(scene: Scene) -> None:
    sent = b"POST / HTTP/1.1\r\nHost: model\r\nContent-Length: %d\r\n\r\n" % (http1.MOST_BODY_BYTES + 1)
    assert (await scene.refused(sent))[0] == 413


async def test_a_client_that_says_its_request_too_slowly_is_let_go(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http1, "HEAD_SECONDS", 0.2)
    async with connected(scene.path) as engine:
        await engine.send(b"GET / HT")
        assert await engine.all() == b""


async def test_the_socket_is_its_owners_alone_and_replaces_one_that_was_left(tmp_path: Path) -> None:
    async with raw_server() as server:
        scene = Scene(tmp_path / "io/model.sock", server)
        left = listening.open_socket(scene.path, None)
        left.close()
        forwarder = scene.forwarder()
        await forwarder.start()
        found = os.stat(scene.path)
        assert stat.S_ISSOCK(found.st_mode)
        assert stat.S_IMODE(found.st_mode) == 0o600
        async with scene.asked(request()) as (engine, model, _):
            await model.exactly(2)
            await forwarder.close()
            await engine.ends()
            assert await model.all() == b""
        assert not scene.path.exists()
