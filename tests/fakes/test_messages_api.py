"""The stand-in for the Messages API, by plain HTTP: streams or not, steps through a script, releases what it holds."""

import asyncio
import json
import sys
from pathlib import Path
from typing import Any

import httpx

from tests.fakes.messages_api import MessagesApi
from tests.support.claude import until

ROOT = Path(__file__).resolve().parents[2]


def user(text: str) -> dict[str, Any]:
    return {"role": "user", "content": [{"type": "text", "text": text}]}


async def ask(url: str, *messages: dict[str, Any]) -> httpx.Response:
    async with httpx.AsyncClient(base_url=url, timeout=20) as client:
        return await client.post("/v1/messages?beta=true", json={"model": "m", "messages": list(messages)})


async def test_a_scenario_goes_on_with_each_answer_of_the_model() -> None:
    async with MessagesApi() as api:
        first = (await ask(api.url, user("@@tools"))).json()
        assert first["stop_reason"] == "tool_use"
        assert [block["type"] for block in first["content"]] == ["text", "tool_use"]
        said: dict[str, Any] = {"role": "assistant", "content": first["content"]}
        result = {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": "ok"}]}
        last = (await ask(api.url, user("@@tools"), said, result, said, result)).json()
        assert last["stop_reason"] == "end_turn"
        assert last["usage"]["input_tokens"] > first["usage"]["input_tokens"]
        assert len(api.requests) == 2


async def test_an_error_passes_after_as_many_tries_as_its_name_says() -> None:
    async with MessagesApi() as api:
        statuses = [(await ask(api.url, user("@@529x2"))).status_code for _ in range(3)]
        assert statuses == [529, 529, 200]


async def test_a_prompt_is_too_long_until_it_was_compacted() -> None:
    async with MessagesApi() as api:
        summary = user("This session is being continued from a previous conversation.")
        assert (await ask(api.url, user("@@overflow"))).status_code == 400
        assert (await ask(api.url, summary, user("@@overflow"))).status_code == 200


async def test_an_empty_stream_is_a_200_without_a_word() -> None:
    async with MessagesApi() as api:
        first, second = await ask(api.url, user("@@emptyx1")), await ask(api.url, user("@@emptyx1"))
        assert (first.status_code, first.content) == (200, b"")
        assert second.json()["content"][0]["text"] == "All of it."
        assert len(api.billed) == 1


async def test_a_held_stream_ends_when_it_is_released() -> None:
    async with MessagesApi() as api, httpx.AsyncClient(base_url=api.url, timeout=20) as client:
        body = {"model": "m", "stream": True, "messages": [user("@@hold")]}
        async with client.stream("POST", "/v1/messages", json=body) as stream:
            lines = stream.aiter_lines()
            assert await anext(lines) == "event: message_start"
            await client.post("/release")
            kinds = [line.removeprefix("event: ") async for line in lines if line.startswith("event: ")]
        assert kinds[-1] == "message_stop"


async def test_tokens_are_counted_and_what_is_not_there_is_404() -> None:
    async with MessagesApi() as api, httpx.AsyncClient(base_url=api.url) as client:
        counted = await client.post("/v1/messages/count_tokens", json={"messages": [user("x" * 400)]})
        assert counted.json()["input_tokens"] > 100
        assert (await client.get("/v1/nothing")).status_code == 404


async def test_it_runs_as_a_program_that_writes_its_port_down(tmp_path: Path) -> None:
    file = tmp_path / "port"
    program = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "tests.fakes.messages_api", "--port-file", str(file), cwd=ROOT
    )
    try:
        await until(file.exists)
        answer = await ask(f"http://127.0.0.1:{file.read_text().strip()}", user("@@text"))
        assert json.loads(answer.content)["content"][0]["text"].startswith("Hello")
    finally:
        program.terminate()
        assert await program.wait() == 0
