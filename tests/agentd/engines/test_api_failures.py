"""A model server that misbehaves: each way ends in a typed outcome, one sentence, and an engine that still answers."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import pytest

from agentd.engines import api_inference
from agentd.engines.api_failures import ApiFailure, failure_of
from agentd.engines.api_sse import SseEvent, SseParser
from agentd.engines.base import EngineEvent, Note, Text, TurnDone
from hived.wire.times import from_text
from tests.fakes.messages_api import MessagesApi
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import KEY, ApiSetting, played
from tests.support.claude import done_of, until


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same attempts, without the waiting."""
    monkeypatch.setattr(api_inference, "BACK_OFF_SECONDS", (0.01, 0.01, 0.01, 0.01))
    monkeypatch.setattr(api_inference, "LIMIT_BACK_OFF_SECONDS", (0.01, 0.01))


@pytest.fixture
async def api() -> AsyncIterator[OpenAiApi]:
    async with OpenAiApi() as found:
        yield found


def setting_on(api: OpenAiApi | MessagesApi, root: Path, **more: Any) -> ApiSetting:
    provider = "openai" if isinstance(api, OpenAiApi) else "anthropic"
    return ApiSetting(root, options={"provider": provider, "base_url": api.url, **more}, model="tiny")


def script(*steps: dict[str, Any]) -> str:
    return f"@@script {json.dumps(list(steps))}"


def files_with(words: bytes, folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file() and words in path.read_bytes()]


def feed_for_ever(parser: SseParser, piece: bytes) -> None:
    for _ in range(1000):
        parser.feed(piece)


async def turn_then_another(setting: ApiSetting, text: str) -> list[EngineEvent]:
    """The events of that turn; the engine must still answer the next one."""
    async with setting.engine() as engine:
        events = await played(engine, text)
        assert done_of(await played(engine, "@@text")).outcome == "ok"
        return events


ALWAYS = 1_000_000
STATUS_OUTCOMES = [
    (400, "failed", False), (401, "needs_login", False), (402, "failed", False), (403, "failed", False),
    (404, "failed", False), (413, "prompt_too_long", True), (422, "failed", False), (429, "rate_limited", True),
    (500, "failed", True), (503, "failed", True), (529, "failed", True),
]  # fmt: skip


@pytest.mark.parametrize("dialect", ["anthropic", "openai"])
@pytest.mark.parametrize(("status", "outcome", "retryable"), STATUS_OUTCOMES)
async def test_a_refusal_comes_to_its_outcome(
    status: int, outcome: str, retryable: bool, dialect: str, tmp_path: Path
) -> None:
    async with OpenAiApi() if dialect == "openai" else MessagesApi() as api:
        done = done_of(await turn_then_another(setting_on(api, tmp_path), f"@@{status}"))
    assert (done.outcome, done.retryable) == (outcome, retryable)
    assert done.error
    assert "127.0.0.1" in done.error
    assert "\n" not in done.error
    if status == 404:
        assert "'tiny'" in done.error


@pytest.mark.parametrize("status", [429, 500, 502, 503, 529])
async def test_what_passes_is_asked_again_and_said(status: int, api: OpenAiApi, tmp_path: Path) -> None:
    events = await turn_then_another(setting_on(api, tmp_path), f"@@{status}x2")
    assert done_of(events).outcome == "ok"
    assert [event.text for event in events if isinstance(event, Text)] == [f"Recovered after {status}."]
    assert len([event for event in events if isinstance(event, Note) and str(status) in event.text]) == 2


@pytest.mark.parametrize("status", [400, 401, 402, 403, 404])
async def test_what_a_repeat_cannot_help_is_asked_once(status: int, api: OpenAiApi, tmp_path: Path) -> None:
    async with setting_on(api, tmp_path).engine() as engine:
        await played(engine, f"@@{status}")
    assert len(api.requests) == 1


async def test_retry_after_is_kept_to(api: OpenAiApi, tmp_path: Path) -> None:
    limited = {"status": 429, "headers": {"retry-after": "0.3"}}
    begun = time.monotonic()
    events = await turn_then_another(setting_on(api, tmp_path), script(limited, {"text": "Back."}))
    assert done_of(events).outcome == "ok"
    assert time.monotonic() - begun >= 0.3


async def test_a_limit_that_lasts_ends_the_turn_with_its_time(api: OpenAiApi, tmp_path: Path) -> None:
    limited = {"status": 429, "headers": {"retry-after": "3600"}, "times": ALWAYS}
    done = done_of(await turn_then_another(setting_on(api, tmp_path), script(limited)))
    assert done.outcome == "rate_limited"
    assert done.until is not None
    assert timedelta(minutes=59) < from_text(done.until) - datetime.now(UTC) < timedelta(minutes=61)
    assert len([asked for asked in api.requests if "3600" in asked.user_text]) == 1


async def test_a_limit_without_a_time_is_tried_for_a_while(api: OpenAiApi, tmp_path: Path) -> None:
    done = done_of(await turn_then_another(setting_on(api, tmp_path), script({"status": 429, "times": ALWAYS})))
    assert (done.outcome, done.until) == ("rate_limited", None)


async def test_waiting_for_a_limit_can_be_interrupted(api: OpenAiApi, tmp_path: Path) -> None:
    limited = script({"status": 429, "headers": {"retry-after": "50"}, "times": ALWAYS})
    async with setting_on(api, tmp_path).engine() as engine, asyncio.timeout(120):
        turn = asyncio.create_task(played(engine, limited))
        await api.wait_for_requests(1)
        await engine.interrupt()
        assert done_of(await turn).outcome == "cancelled"


@pytest.mark.parametrize("when", ["date", "milliseconds", "unified"])
def test_each_way_to_say_when_is_read(when: str) -> None:
    in_a_minute = datetime.now(UTC) + timedelta(seconds=60)
    headers = {
        "date": {"retry-after": format_datetime(in_a_minute)},
        "milliseconds": {"retry-after-ms": "60000"},
        "unified": {"anthropic-ratelimit-unified-reset": str(int(in_a_minute.timestamp()))},
    }[when]
    found = failure_of(429, headers, b"{}", "host", "m")
    assert found.wait_seconds is not None
    assert 57 < found.wait_seconds <= 61


@pytest.mark.parametrize("value", ["", "soon", "-1", "1e999", "9" * 40, "\x00"])
def test_a_nonsense_retry_after_is_none(value: str) -> None:
    assert failure_of(429, {"retry-after": value}, b"", "host", "m").wait_seconds is None


@pytest.mark.parametrize(
    "error",
    [
        {"code": "context_length_exceeded", "message": "too much"},
        {"type": "exceed_context_size_error", "message": "the request exceeds the available context size", "code": 400},
        {"message": "prompt is too long: 210345 tokens > 200000 maximum", "type": "invalid_request_error"},
        {"message": "input length and `max_tokens` exceed context limit: 1 + 2 > 3"},
        {"message": "This model's maximum context length is 4096 tokens. However, you requested 5000."},
        {"message": "The input token count (2000000) exceeds the maximum number of tokens allowed (1048576)."},
    ],
)
def test_a_prompt_that_is_too_long_is_known_in_every_dialect(error: dict[str, Any]) -> None:
    found = failure_of(400, {}, json.dumps({"error": error}).encode(), "host", "m")
    assert found.outcome == "prompt_too_long"


@pytest.mark.parametrize(
    ("status", "body"),
    [
        (429, {"error": {"code": "insufficient_quota", "message": "You exceeded your current quota"}}),
        (400, {"error": {"message": "Your credit balance is too low to access the Anthropic API."}}),
    ],
)
def test_what_only_money_mends_is_not_asked_again(status: int, body: dict[str, Any]) -> None:
    found = failure_of(status, {}, json.dumps(body).encode(), "host", "m")
    assert (found.outcome, found.retryable, found.again) == ("failed", False, False)


@pytest.mark.parametrize(
    ("body", "said"),
    [
        (b'{"error": "model is required"}', "model is required"),
        (b'{"detail": "Not Found"}', "Not Found"),
        (b'{"message": "no"}', "no"),
        (b'[{"error": {"message": "listed"}}]', "listed"),
        (b"<html>\n Bad\n Gateway </html>", "<html> Bad Gateway </html>"),
        (b"\xff\xfe", "\ufffd\ufffd"),
        (b"", "HTTP 418"),
        (b"[" * 100_000, "[["),
    ],
)
def test_whatever_a_server_says_becomes_one_short_line(body: bytes, said: str) -> None:
    found = failure_of(418, {}, body, "host", "m")
    assert said in found.message
    assert len(found.message) < 1000


async def test_a_stream_that_is_cut_is_asked_again(api: OpenAiApi, tmp_path: Path) -> None:
    events = await turn_then_another(setting_on(api, tmp_path), "@@drop")
    assert done_of(events).outcome == "ok"
    assert [event.text for event in events if isinstance(event, Text)] == ["All of it."]


@pytest.mark.parametrize(
    ("step", "words"),
    [
        ({"text": "This is going to be", "drop": True, "times": ALWAYS}, "broke"),
        ({"text": "This is going to be", "cut": True, "no_done": True, "times": ALWAYS}, "broke off"),
        ({"text": "Half.", "error": {"message": "GPU on fire", "code": 500}, "times": ALWAYS}, "GPU on fire"),
        ({"text": "Half.", "error": "just words", "times": ALWAYS}, "just words"),
        ({"raw": "data: {not json\n\n"}, "{not json"),
        ({"raw": "data: [1, 2]\n\n"}, "[1, 2]"),
        ({"raw": "<html>Login</html>\n\n", "empty": True, "times": ALWAYS}, "It is empty."),
        ({"empty": True, "message": "It hung up.", "times": ALWAYS}, "It hung up."),
    ],
)
async def test_a_stream_that_is_wrong_fails_with_a_sentence(
    step: dict[str, Any], words: str, api: OpenAiApi, tmp_path: Path
) -> None:
    done = done_of(await turn_then_another(setting_on(api, tmp_path), script(step)))
    assert done.outcome == "failed"
    assert done.error is not None
    assert words in done.error


async def test_an_error_in_mid_stream_may_be_that_the_prompt_is_too_long(api: OpenAiApi, tmp_path: Path) -> None:
    error = {"code": "context_length_exceeded", "message": "maximum context length is 512 tokens"}
    done = done_of(await turn_then_another(setting_on(api, tmp_path), script({"text": "H", "error": error})))
    assert done.outcome == "prompt_too_long"


async def test_an_overloaded_anthropic_in_mid_stream_is_asked_again_until_it_is_not(tmp_path: Path) -> None:
    async with MessagesApi() as api:
        done = done_of(await turn_then_another(setting_on(api, tmp_path), "@@midstream"))
        assert done.outcome == "failed"
        assert done.retryable
        assert "Internal server error" in (done.error or "")
        assert len(api.requests) == 1 + 4 + 1


async def test_nobody_at_the_port_is_said_with_its_name(tmp_path: Path) -> None:
    server = await asyncio.start_server(lambda reader, writer: None, "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    server.close()
    await server.wait_closed()
    setting = ApiSetting(tmp_path, options={"base_url": f"http://127.0.0.1:{port}/v1"})
    async with setting.engine() as engine:
        done = done_of(await played(engine, "Hello?"))
    assert (done.outcome, done.retryable) == ("failed", True)
    assert f"127.0.0.1:{port}" in (done.error or "")


async def test_half_a_line_and_then_silence_can_be_interrupted_and_was_heard(tmp_path: Path) -> None:
    stuck = asyncio.Event()

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        if head.startswith(b"GET"):
            writer.write(b"HTTP/1.1 404 X\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
            writer.close()
            return
        writer.write(b'HTTP/1.1 200 OK\r\ncontent-type: text/event-stream\r\n\r\ndata: {"choi')
        await writer.drain()
        stuck.set()
        await reader.read(1_000_000)
        await reader.read()
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server, asyncio.timeout(120):
        port = server.sockets[0].getsockname()[1]
        setting = ApiSetting(tmp_path, options={"base_url": f"http://127.0.0.1:{port}/v1"})
        async with setting.engine() as engine:
            turn = asyncio.create_task(played(engine, "Hello?"))
            await stuck.wait()
            await engine.interrupt()
            assert done_of(await turn).outcome == "cancelled"
            assert setting.heard >= 1


async def test_a_kept_connection_that_ends_as_it_is_used_again_is_replaced(tmp_path: Path) -> None:
    """Every connection answers one request, says that it stays, and is closed at the next."""
    chunk = {"choices": [{"delta": {"content": "Here."}, "finish_reason": "stop"}]}
    opened, closed = [], []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        opened.append(writer)
        head = await reader.readuntil(b"\r\n\r\n")
        length = [line for line in head.lower().split(b"\r\n") if line.startswith(b"content-length")]
        await reader.readexactly(int(length[0].split(b":")[1]) if length else 0)
        body = b"data: " + json.dumps(chunk).encode() + b"\n\ndata: [DONE]\n\n" if b"POST" in head else b"{}"
        writer.write(b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n\r\n" % len(body) + body)
        await reader.read(1)
        writer.close()
        await writer.wait_closed()
        closed.append(writer)

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        async with ApiSetting(tmp_path, options={"base_url": f"http://127.0.0.1:{port}/v1"}).engine() as engine:
            for _ in range(3):
                events = await played(engine, "Are you there?")
                assert done_of(events).outcome == "ok"
                assert not any(isinstance(event, Note) for event in events)
        await until(lambda: len(closed) == len(opened))
        assert len(opened) == 4


@pytest.mark.parametrize("where", ["error", "stream"])
async def test_a_key_never_gets_into_an_error(where: str, api: OpenAiApi, tmp_path: Path) -> None:
    said = f"Incorrect API key provided: {KEY}"
    step = {"status": 401, "message": said} if where == "error" else {"text": "H", "error": {"message": said}}
    setting = setting_on(api, tmp_path, api_key_env="MINE")
    setting.env["MINE"] = KEY
    events = await turn_then_another(setting, script({**step, "times": ALWAYS}))
    assert api.requests[0].headers["authorization"] == f"Bearer {KEY}"
    assert "[key]" in (done_of(events).error or "")
    assert KEY not in repr(events)
    assert not files_with(KEY.encode(), tmp_path)


async def test_twenty_megabytes_in_one_event_are_read(api: OpenAiApi, tmp_path: Path) -> None:
    events = await turn_then_another(setting_on(api, tmp_path), script({"huge": 20_000_000}))
    assert done_of(events).outcome == "ok"
    assert max(len(event.text) for event in events if isinstance(event, Text)) == 20_000_000


def test_an_event_without_end_is_refused_in_bounded_memory() -> None:
    for piece in (b"data: " + b"x" * 100, b"data: xxxxxxxxxxxxxxxxxx\n"):
        with pytest.raises(ApiFailure):
            feed_for_ever(SseParser(limit=1000), piece)


def test_a_comment_every_second_for_ever_takes_no_memory() -> None:
    parser = SseParser(limit=1000)
    for _ in range(1000):
        assert parser.feed(b": still thinking\n\n") == []


@pytest.mark.parametrize("size", [1, 2, 3, 7, 1000])
@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_events_are_the_same_however_the_bytes_are_cut(size: int, end: bytes) -> None:
    lines = [b": hello", b"event: ping", b"data: {}", b"", b"data: one", b"data:two", b"id: 7", b"", b"data: last"]
    data = end.join(lines)
    parser = SseParser()
    found: list[SseEvent] = []
    for start in range(0, len(data), size):
        found += parser.feed(data[start : start + size])
    found += parser.rest()
    assert found == [SseEvent("ping", b"{}"), SseEvent("", b"one\ntwo"), SseEvent("", b"last")]


async def test_an_engine_fails_its_turn_and_keeps_the_conversation_clean(api: OpenAiApi, tmp_path: Path) -> None:
    async with setting_on(api, tmp_path).engine() as engine:
        for _ in range(3):
            assert isinstance((await played(engine, "@@500"))[-1], TurnDone)
        await played(engine, "@@text")
    roles = [message["role"] for message in api.requests[-1].body["messages"]]
    assert roles == ["system", "user"], "what failed left no word behind: its messages come again"
    assert "@@500" not in api.requests[-1].user_text
