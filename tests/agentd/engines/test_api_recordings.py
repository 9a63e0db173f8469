"""Every recording of a real OpenAI-compatible server, byte for byte through the engine, with what it must come to."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from agentd.engines.base import EngineEvent, Note, Text, TextDelta, TurnDone
from tests.support.api import ApiSetting, played

RECORDINGS = Path(__file__).resolve().parents[2] / "fixtures/recordings"


@dataclass(frozen=True)
class Played:
    """A server that says what was recorded: one file for a streamed request, another for a plain one."""

    streamed: str
    unstreamed: str | None
    outcome: str
    text: str | None = None
    error: str = ""
    tokens: int | None = None


PLAYS = [
    Played("openai-llamacpp-stream.sse", None, "ok", text="8WQ"),
    Played(
        "openai-llamacpp-toolong.txt", "openai-llamacpp-toolong-nonstream.txt", "prompt_too_long",
        error="maximum context length is 1024 tokens",
    ),
    Played("openai-llamacpp-toolong.txt", "openai-llamacpp-nonstream.json", "ok", text="r\x1b\t8攘", tokens=34),
]  # fmt: skip


def answer_of(name: str) -> bytes:
    """The recording as the bytes of an HTTP answer."""
    data = (RECORDINGS / name).read_bytes()
    if data.startswith(b"HTTP/1.1"):
        head, _, body = data.replace(b"\r\n", b"\n").partition(b"\n\n")
        status, *headers = head.split(b"\n")
        kept = [line for line in headers if not line.lower().startswith((b"content-length", b"transfer-encoding"))]
        head = b"\r\n".join([status, *kept])
        body = body.strip(b"\n")
    else:
        kind = b"text/event-stream" if name.endswith(".sse") else b"application/json"
        head, body = b"HTTP/1.1 200 OK\r\ncontent-type: " + kind, data
    return head + b"\r\ncontent-length: %d\r\nconnection: close\r\n\r\n" % len(body) + body


@asynccontextmanager
async def replaying(play: Played) -> AsyncIterator[str]:
    """The server's address."""

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        body = await reader.readexactly(int(length[0].split(b":")[1])) if length else b""
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        elif b'"stream": true' in body:
            writer.write(answer_of(play.streamed))
        else:
            assert play.unstreamed is not None, "nobody recorded what it says unstreamed"
            writer.write(answer_of(play.unstreamed))
        await writer.drain()
        writer.close()
        await writer.wait_closed()

    server = await asyncio.start_server(serve, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}/v1"


async def events_of(play: Played, root: Path) -> list[EngineEvent]:
    async with replaying(play) as address:
        setting = ApiSetting(root, options={"provider": "openai", "base_url": address})
        async with setting.engine() as engine:
            return await played(engine, "Hello.")


@pytest.mark.parametrize("play", PLAYS, ids=lambda play: f"{play.streamed}+{play.unstreamed}")
async def test_a_recorded_answer_comes_to_its_outcome(play: Played, tmp_path: Path) -> None:
    events = await events_of(play, tmp_path)
    done = events[-1]
    assert isinstance(done, TurnDone)
    assert done.outcome == play.outcome
    assert play.error in (done.error or "")
    assert "".join(event.text for event in events if isinstance(event, Text)) == (play.text or "")
    if play.tokens is None:
        assert done.usage.input_tokens is None, "no usage was sent, so there is none"
        assert done.usage.output_tokens is None
    else:
        assert (done.usage.input_tokens or 0) + (done.usage.output_tokens or 0) == play.tokens


async def test_a_stream_without_a_word_is_looked_into_and_said(tmp_path: Path) -> None:
    events = await events_of(PLAYS[2], tmp_path)
    assert any(isinstance(event, Note) and "streamed nothing" in event.text for event in events)


async def test_a_recorded_stream_is_told_piece_by_piece(tmp_path: Path) -> None:
    events = await events_of(PLAYS[0], tmp_path)
    assert [event.text for event in events if isinstance(event, TextDelta)] == ["8", "W", "Q"]


def test_every_recording_has_an_assertion() -> None:
    asserted = {play.streamed for play in PLAYS} | {play.unstreamed for play in PLAYS if play.unstreamed}
    assert {path.name for path in RECORDINGS.glob("openai-*")} == asserted
