"""What a model server offers: its models, their windows, its own choice; and a local Ollama that is found by itself."""

import asyncio
import contextlib
import json
import socket
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from agentd.engines import api_found
from agentd.engines.api_models import window_in
from agentd.engines.api_options import KEY_NAMES
from agentd.engines.base import EngineFailed, ModelChanged
from agentd.engines.registry import find_engines, is_logged_in, make_engine
from hived.paths import hive_paths
from tests.fakes.messages_api import MessagesApi
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import KEY, ApiSetting, played
from tests.support.claude import done_of


@pytest.fixture(autouse=True)
def nothing_of_this_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No Ollama and no key that happens to be here."""
    monkeypatch.setenv("HIVE_HOME", str(tmp_path / "hive"))
    monkeypatch.setenv("OLLAMA_HOST", "127.0.0.1:1")
    for name in KEY_NAMES:
        monkeypatch.delenv(name, raising=False)


def windows(engine: Any) -> dict[str, int | None]:
    return {model.name: model.window for model in engine.models}


@pytest.mark.parametrize(
    ("provider", "model"),
    [
        ("openrouter", {"id": "a/b", "name": "A B", "context_length": 64_000, "description": "x" * 1000}),
        ("vllm", {"id": "a/b", "max_model_len": 64_000}),
        ("llamacpp", {"id": "a/b", "meta": {"n_ctx": 64_000}}),
    ],
)
async def test_a_window_is_taken_from_the_list_of_models(provider: str, model: dict[str, Any], tmp_path: Path) -> None:
    async with OpenAiApi(models=[model, {"id": "other"}]) as api:
        options = {"provider": provider, "base_url": api.url}
        setting = ApiSetting(tmp_path, options=options, model="a/b")
        async with setting.engine() as engine:
            assert windows(engine) == {"a/b": 64_000, "other": None}
            assert done_of(await played(engine, "@@text")).usage.window == 64_000
            assert len(engine.models[0].description) <= 300


async def test_llamacpp_says_its_window_in_its_properties(tmp_path: Path) -> None:
    async with OpenAiApi(n_ctx=2048) as api:
        setting = ApiSetting(tmp_path, options={"provider": "llamacpp", "base_url": api.url})
        async with setting.engine() as engine:
            assert engine.abilities.closed_models
            assert done_of(await played(engine, "@@text")).usage.window == 2048
            assert windows(engine) == {"tiny": 2048}


async def test_a_local_ollama_is_found_and_its_own_window_is_known(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With neither provider nor model: its first model, with the window that it is loaded with, not what it could be."""
    async with OpenAiApi(models=[{"id": "qwen3:8b"}, {"id": "gemma"}], ollama=True) as api:
        monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{api.port}")
        setting = ApiSetting(tmp_path, model="default")
        async with setting.engine() as engine:
            assert [model.name for model in engine.models] == ["qwen3:8b", "gemma"]
            assert engine.abilities.closed_models
            events = await played(engine, "@@text")
        assert events[0] == ModelChanged("qwen3:8b")
        assert api.requests[0].body["model"] == "qwen3:8b"
        assert done_of(events).usage.window == 4096


async def test_what_is_on_this_machine_is_told(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    async with OpenAiApi(models=[{"id": "qwen3:8b"}], ollama=True) as api:
        monkeypatch.setenv("OLLAMA_HOST", f"http://127.0.0.1:{api.port}")
        (found,) = await asyncio.to_thread(api_found.find)
        assert (found.found, found.login, found.models, found.version) == (True, "not_needed", ["qwen3:8b"], "0.20.0")
        (tmp_path / "hive").mkdir()
        monkeypatch.setenv("OPENAI_API_KEY", KEY)
        (found,) = await asyncio.to_thread(api_found.find)
    assert (found.login, found.login_detail) == ("key", "OPENAI_API_KEY")
    assert KEY not in found.model_dump_json()


async def test_a_key_in_secrets_toml_is_told_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    secrets = hive_paths().secrets_file
    secrets.parent.mkdir(parents=True)
    secrets.write_text(f'ANTHROPIC_API_KEY = "{KEY}"\n')
    (found,) = await asyncio.to_thread(api_found.find)
    assert (found.login, found.login_detail) == ("key", "ANTHROPIC_API_KEY")
    secrets.write_text("not toml [")
    (found,) = await asyncio.to_thread(api_found.find)
    assert found.login == "out"
    assert found.install


async def test_whatever_answers_at_ollamas_port_does_no_harm(monkeypatch: pytest.MonkeyPatch) -> None:
    for answer in (b"", b"SSH-2.0-OpenSSH\r\n", b"HTTP/1.1 200 OK\r\n\r\nnot json", b"HTTP/1.1 200 OK\r\n\r\n[1]"):

        async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter, answer: bytes = answer) -> None:
            await reader.read(1000)
            writer.write(answer)
            writer.close()

        async with await asyncio.start_server(serve, "127.0.0.1", 0) as server:
            monkeypatch.setenv("OLLAMA_HOST", f"127.0.0.1:{server.sockets[0].getsockname()[1]}")
            (found,) = await asyncio.to_thread(api_found.find)
            assert found.models == []
    for host in ("nonsense://", "[::", "a b", "\x00", "127.0.0.1:port"):
        assert api_found.find_ollama({"OLLAMA_HOST": host}) is None


async def test_a_server_without_a_choice_of_its_own_wants_a_model_named(tmp_path: Path) -> None:
    async with OpenAiApi(models=[{"id": "one"}, {"id": "two"}]) as api:
        setting = ApiSetting(tmp_path, options={"provider": "openai", "base_url": api.url}, model="default")
        async with setting.engine() as engine:
            done = done_of(await played(engine, "@@text"))
            assert (done.outcome, done.retryable) == ("failed", False)
            assert "name one" in (done.error or "")
            assert await engine.set_model("two")
            assert done_of(await played(engine, "@@text")).outcome == "ok"
            assert not engine.abilities.closed_models


async def test_a_list_of_models_that_is_nonsense_is_none(tmp_path: Path) -> None:
    nonsense: list[Any] = [
        {"id": 7},
        "x",
        {"id": ""},
        {"id": "a\nb"},
        {"id": "y" * 500},
        {"id": "good", "context_length": "big"},
    ]
    async with OpenAiApi(models=nonsense) as api:
        setting = ApiSetting(tmp_path, options={"base_url": api.url})
        async with setting.engine() as engine:
            assert windows(engine) == {"good": None}


async def test_a_server_that_has_no_list_is_no_error(tmp_path: Path) -> None:
    async with MessagesApi() as api:
        setting = ApiSetting(tmp_path, options={"provider": "anthropic", "base_url": api.url}, model="claude-x")
        async with setting.engine() as engine:
            assert done_of(await played(engine, "@@text")).outcome == "ok"
            assert engine.models == ()


async def test_nothing_to_talk_to_is_said_at_the_start(tmp_path: Path) -> None:
    with pytest.raises(EngineFailed) as refused:
        async with ApiSetting(tmp_path).engine():
            pass
    assert "no model server" in refused.value.message
    with pytest.raises(EngineFailed) as refused:
        async with ApiSetting(tmp_path, options={"provider": "openrouter"}).engine():
            pass
    assert refused.value.outcome == "needs_login"


async def test_the_registry_knows_it(tmp_path: Path) -> None:
    setting = ApiSetting(tmp_path, options={"provider": "anthropic"})
    assert make_engine("api", setting.context()).kind == "api"
    assert await is_logged_in("api", setting.context()) is False
    assert "api" in {found.kind for found in await asyncio.to_thread(find_engines)}


@pytest.mark.parametrize(
    ("message", "window"),
    [
        ("This model's maximum context length is 1024 tokens. However, you requested 12026 tokens", 1024),
        ("prompt is too long: 210345 tokens > 200000 maximum", 200_000),
        ("the request exceeds the available context size (4096 tokens), try increasing it", 4096),
        ("something else", None),
    ],
)
def test_a_refusal_may_name_the_window(message: str, window: int | None) -> None:
    assert window_in(message) == window


async def test_a_window_named_in_a_refusal_is_remembered(tmp_path: Path) -> None:
    refusal = {"status": 400, "code": "context_length_exceeded", "message": "maximum context length is 777 tokens"}
    async with OpenAiApi() as api, ApiSetting(tmp_path, options={"base_url": api.url}).engine() as engine:
        assert done_of(await played(engine, f"@@script {json.dumps([refusal])}")).outcome == "prompt_too_long"
        assert done_of(await played(engine, "@@text")).usage.window == 777


def test_an_ollama_that_trickles_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(api_found, "PROBE_SECONDS", 0.3)
    ended = threading.Event()

    def trickle(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(b"HTTP/1.1 200 OK\r\ncontent-length: 10000\r\n\r\n")
            while not ended.wait(0.05):
                connection.sendall(b" ")

    with socket.create_server(("127.0.0.1", 0)) as listener:
        serving = threading.Thread(target=trickle, args=[listener], daemon=True)
        serving.start()
        begun = time.monotonic()
        assert api_found.find_ollama({"OLLAMA_HOST": f"127.0.0.1:{listener.getsockname()[1]}"}) is None
        assert time.monotonic() - begun < 200
        ended.set()
        serving.join(60)
