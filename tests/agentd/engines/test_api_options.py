"""The api engine's options: what is refused, which server they come to, and where a key may be."""

from pathlib import Path
from typing import Any

import pytest

from agentd.engines.api_options import check_spec, environment_of_tools, logged_in, make_server, read_options
from agentd.engines.base import EngineFailed
from hived.wire.agents import SpawnRequest
from tests.support.api import KEY, ApiSetting


@pytest.mark.parametrize(
    ("options", "word"),
    [
        ({"provder": "openai"}, "provder"),
        ({"provider": "skynet"}, "provider"),
        ({"base_url": "ftp://x"}, "base_url"),
        ({"base_url": "http://x:99999/v1"}, "base_url"),
        ({"base_url": 7}, "base_url"),
        ({"api_key_env": "sk-a-key-itself"}, "api_key_env"),
        ({"permission_mode": "yolo"}, "permission_mode"),
        ({"max_tokens": 0}, "max_tokens"),
        ({"max_steps": True}, "max_steps"),
        ({"temperature": 3}, "temperature"),
        ({"context_window": "big"}, "context_window"),
        ({"allowed_tools": [1]}, "allowed_tools"),
        ({"price": {"input": 1}}, "price"),
        ({"price": {"input": 1, "output": -1}}, "price"),
        ({"price": {"input": 1, "output": 1, "thought": 1}}, "price"),
    ],
)
def test_a_wrong_option_is_refused_by_name(options: dict[str, Any], word: str) -> None:
    with pytest.raises(EngineFailed) as refused:
        check_spec(SpawnRequest(name="bee", engine="api", engine_options=options))
    assert refused.value.code == "invalid_option"
    assert refused.value.message.startswith(f"{word}:")
    assert not refused.value.retryable


def test_a_key_that_would_never_come_is_refused_before_anything_starts() -> None:
    asked = SpawnRequest(name="bee", engine="api", engine_options={"api_key_env": "MY_KEY"})
    with pytest.raises(EngineFailed) as refused:
        check_spec(asked)
    assert "MY_KEY" in refused.value.message
    check_spec(asked.model_copy(update={"env_from": ["MY_KEY"]}))


@pytest.mark.parametrize(
    ("options", "environment", "address"),
    [
        ({"provider": "ollama"}, {}, "http://127.0.0.1:11434/v1"),
        ({"provider": "ollama"}, {"OLLAMA_HOST": "0.0.0.0:7"}, "http://127.0.0.1:7/v1"),
        ({"provider": "ollama"}, {"OLLAMA_HOST": "http://[::1]:8"}, "http://[::1]:8/v1"),
        ({"provider": "llamacpp"}, {}, "http://127.0.0.1:8080/v1"),
        ({"provider": "vllm", "base_url": "http://gpu:9/v1/"}, {}, "http://gpu:9/v1"),
        ({"provider": "anthropic"}, {"ANTHROPIC_API_KEY": KEY}, "https://api.anthropic.com"),
        ({"provider": "anthropic", "base_url": "http://127.0.0.1:5/v1"}, {}, "http://127.0.0.1:5"),
        ({"provider": "anthropic"}, {"ANTHROPIC_BASE_URL": "http://127.0.0.1:5"}, "http://127.0.0.1:5"),
        ({"provider": "openrouter"}, {"OPENROUTER_API_KEY": KEY}, "https://openrouter.ai/api/v1"),
        ({"base_url": "http://127.0.0.1:6"}, {}, "http://127.0.0.1:6/v1"),
        ({}, {"OPENAI_API_KEY": KEY}, "https://api.openai.com/v1"),
    ],
)
def test_the_options_come_to_one_server(options: dict[str, Any], environment: dict[str, str], address: str) -> None:
    assert make_server(read_options(options), environment, None).base_url == address


def test_without_a_provider_a_local_ollama_is_taken() -> None:
    server = make_server(read_options({}), {}, "http://127.0.0.1:11434")
    assert (server.provider, server.base_url, server.key) == ("ollama", "http://127.0.0.1:11434/v1", None)


def test_without_anything_it_is_said_what_to_set() -> None:
    with pytest.raises(EngineFailed) as refused:
        make_server(read_options({}), {}, None)
    assert "provider" in refused.value.message
    assert not refused.value.retryable


def test_a_missing_key_is_a_login_that_is_needed() -> None:
    for options in ({"provider": "anthropic"}, {"provider": "ollama", "api_key_env": "MINE"}):
        with pytest.raises(EngineFailed) as refused:
            make_server(read_options(options), {}, None)
        assert refused.value.outcome == "needs_login"


async def test_whether_it_is_logged_in_is_told_without_asking_the_server(tmp_path: Path) -> None:
    assert await logged_in(ApiSetting(tmp_path, options={"provider": "anthropic"}).context()) is False
    with_key = ApiSetting(tmp_path, options={"provider": "anthropic"}, env={"ANTHROPIC_API_KEY": KEY})
    assert await logged_in(with_key.context()) is True
    assert await logged_in(ApiSetting(tmp_path, options={"provider": "ollama"}).context()) is True
    assert await logged_in(ApiSetting(tmp_path).context()) is None


def test_no_key_is_among_what_the_tools_get(tmp_path: Path) -> None:
    env = {"ANTHROPIC_API_KEY": "other", "MINE": KEY, "COPY": f"Bearer {KEY}", "PLAIN": "stays"}
    setting = ApiSetting(tmp_path, options={"provider": "openai", "api_key_env": "MINE"}, env=env)
    server = make_server(read_options(setting.options), setting.env, None)
    found = environment_of_tools(setting.context(), server)
    assert found["PLAIN"] == "stays"
    assert not {"ANTHROPIC_API_KEY", "MINE", "COPY"} & set(found)


def test_a_sentence_names_the_host_and_never_a_password() -> None:
    server = make_server(read_options({"base_url": "http://user:secret@gpu:9/v1"}), {}, None)
    assert server.host == "gpu:9"
