"""What an engine is given in place of a network, and what is refused because it could not work without one."""

import json
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import EngineFailed
from agentd.environment import engine_environment, open_environment
from agentd.network.checks import check_network
from agentd.network.credentials import placeholder
from agentd.network.outside import Outside
from agentd.network.plan import ENGINE, LOGIN, LOGIN_PASSWORD, MODEL_PORT, PROXY_PORT, SETUP, plan
from agentd.network.upstream import InvalidBase, Upstream
from hived.wire.agents import SpawnRequest
from hived.wire.launch import Launch
from hived.wire.protocol import PROTOCOL

ACP = {"engine": "acp"}


def asked(**values: Any) -> SpawnRequest:
    return SpawnRequest.model_validate({"name": "bee", "engine": "claude", "runtime": "bwrap", **values})


def launch(folder: Path, **values: Any) -> Launch:
    spec = asked(**values)
    (folder / "secrets.toml").write_text(
        'ANTHROPIC_API_KEY = "sk-real"\nOPENAI_API_KEY = "sk-other"\nNPM_TOKEN = "npm"\n'
    )
    return Launch(
        protocol=PROTOCOL, agent_id="id", name="bee", generation=1, spec=spec, runtime=spec.runtime or "process",
        harness=str(folder), state="/s", home="/h", workspace="/w", agent_socket="", io="/io", tools_socket="/io/tools.sock",
        model_socket="/io/model.sock", proxy_socket="/io/proxy.sock", model_file="", events_db="",
        secrets_file=str(folder / "secrets.toml"),
    )  # fmt: skip


def test_without_walls_nothing_is_changed(tmp_path: Path) -> None:
    found = launch(tmp_path, runtime="process", env_from=["ANTHROPIC_API_KEY"], allow_hosts=["pypi.org"])
    assert plan(found).network
    assert plan(found).prefix == ()
    assert engine_environment(found, {}) == open_environment(found, {})
    assert engine_environment(found, {})["ANTHROPIC_API_KEY"] == "sk-real"


def test_behind_walls_a_models_key_is_kept_out_and_what_is_for_tools_goes_in(tmp_path: Path) -> None:
    found = launch(tmp_path, env_from=["ANTHROPIC_API_KEY", "NPM_TOKEN"])
    for process in (ENGINE, LOGIN, SETUP):
        inside = engine_environment(found, {}, process)
        assert inside["NPM_TOKEN"] == "npm"
        assert "sk-real" not in inside.values()
    inside = engine_environment(found, {})
    assert inside["ANTHROPIC_API_KEY"] == placeholder("ANTHROPIC_API_KEY")
    assert inside["ANTHROPIC_UNIX_SOCKET"] == "/io/model.sock"
    assert plan(found).bridges == {PROXY_PORT: Path("/io/proxy.sock")}
    assert not plan(found).network


def test_an_engine_that_knows_no_socket_has_a_port(tmp_path: Path) -> None:
    found = launch(tmp_path, **ACP, engine_options={"agent": "codex-acp"}, env_from=["OPENAI_API_KEY"])
    assert plan(found).bridges == {PROXY_PORT: Path("/io/proxy.sock"), MODEL_PORT: Path("/io/model.sock")}
    assert f"http://127.0.0.1:{MODEL_PORT}" in " ".join(plan(found).arguments)


def test_with_a_network_claudes_key_still_stays_out(tmp_path: Path) -> None:
    found = launch(tmp_path, network=True, env_from=["ANTHROPIC_API_KEY"])
    assert plan(found).network
    assert plan(found).proxy is None
    inside = engine_environment(found, {})
    assert inside["ANTHROPIC_API_KEY"] == placeholder("ANTHROPIC_API_KEY")
    assert "model" in inside["NO_PROXY"].split(",")


def test_the_operators_proxy_is_not_inside_and_the_logins_password_is_with_the_login_alone(tmp_path: Path) -> None:
    found = launch(tmp_path, env={"HTTPS_PROXY": "http://me:secret@proxy.corp:3128"})
    for process in (ENGINE, LOGIN, SETUP):
        inside = json.dumps(engine_environment(found, {}, process))
        assert "proxy.corp" not in inside
        assert (LOGIN_PASSWORD in inside) is (process == LOGIN)


def test_a_port_of_the_loopback_that_is_allowed_is_one_inside(tmp_path: Path) -> None:
    prefix = plan(launch(tmp_path, allow_hosts=["localhost:5432", "pypi.org", "10.0.0.1:22"])).prefix
    assert [word for word in prefix if "@" in word] == ["5432@localhost:5432=/io/proxy.sock"]
    assert prefix[-1] == "--"


def test_opencode_is_led_to_the_provider_that_it_is_given(tmp_path: Path) -> None:
    written = {
        "theme": "x",
        "provider": {
            "mine": {"options": {"baseURL": "https://gw.example/v1", "apiKey": "{env:OPENAI_API_KEY}", "a": 1}}
        },
    }
    env = {"OPENCODE_CONFIG_CONTENT": json.dumps(written)}
    found = plan(launch(tmp_path, **ACP, engine_options={"agent": "opencode"}, env=env, env_from=["OPENAI_API_KEY"]))
    config = json.loads(found.environment["OPENCODE_CONFIG_CONTENT"])
    assert config["provider"]["mine"]["options"] == {
        "baseURL": f"http://127.0.0.1:{MODEL_PORT}",
        "apiKey": "{env:OPENAI_API_KEY}",
        "a": 1,
    }
    assert config["theme"] == "x"
    assert found.model.base == "https://gw.example/v1"
    assert found.environment["OPENAI_API_KEY"] == placeholder("OPENAI_API_KEY")


@pytest.mark.parametrize(
    "values",
    [
        {"env": {"CLAUDE_CODE_USE_BEDROCK": "1"}},
        {**ACP, "engine_options": {"agent": "goose"}},
        {**ACP, "engine_options": {"agent": "goose"}, "network": False},
        {**ACP, "engine_options": {"command": "my-agent"}},
        {**ACP, "engine_options": {"agent": "opencode"}, "env_from": ["OPENAI_API_KEY", "ANTHROPIC_API_KEY"]},
    ],
)
def test_an_engine_that_cannot_reach_its_model_is_refused_with_what_to_do(values: dict[str, Any]) -> None:
    with pytest.raises(EngineFailed, match="cannot reach its model without a network: .* Say network = true") as failed:
        check_network(asked(**values))
    assert failed.value.code == "network_needed"
    assert not failed.value.retryable
    check_network(asked(**{**values, "network": True}))
    check_network(asked(**{**values, "runtime": "process"}))
    check_network(asked(**{**values, "runtime": None}))
    check_network(asked(**{**values, "allow_hosts": ["bedrock.example"]}))


def test_who_says_that_a_program_needs_no_network_is_believed() -> None:
    check_network(asked(**ACP, engine_options={"command": "my-agent"}, network=False))


@pytest.mark.parametrize("engine", ["claude", "api", "command", "scripted"])
def test_the_others_need_none(engine: str) -> None:
    check_network(asked(engine=engine))


def test_a_server_on_the_network_must_be_allowed() -> None:
    servers = [{"name": "docs", "url": "https://docs.example/mcp"}, {"name": "own", "command": "x"}]
    with pytest.raises(
        EngineFailed, match="mcp_servers, docs: there is no network, and allow_hosts does not name docs.example;"
    ):
        check_network(asked(mcp_servers=servers))
    check_network(asked(mcp_servers=servers, allow_hosts=["*.example"]))
    check_network(asked(mcp_servers=servers, network=True))


def test_an_entry_of_allow_hosts_that_is_none_is_refused_whatever_the_runtime() -> None:
    for runtime in ("process", "bwrap", None):
        with pytest.raises(EngineFailed, match="allow_hosts: 'https://a' is no host") as failed:
            check_network(asked(runtime=runtime, allow_hosts=["https://a"]))
        assert failed.value.code == "invalid_config"


@pytest.mark.parametrize(
    "base",
    [
        "",
        "model",
        "ftp://a",
        "http://",
        "http://u:p@a",
        "https://a?b",
        "https://a#b",
        "https://a:99999",
        "https://127.1",
    ],
)
def test_an_address_of_a_model_that_is_none_is_said(base: str) -> None:
    with pytest.raises(InvalidBase, match="is no address of a model's server"):
        Upstream.parse(base)


def test_the_operators_proxy_is_passed_by_where_he_says_so() -> None:
    found = Outside({"HTTPS_PROXY": "http://p:1", "NO_PROXY": "a.example,.corp"})
    assert found.proxy_for("https", "b.example") == "http://p:1"
    assert found.proxy_for("http", "b.example") is None
    assert found.proxy_for("https", "a.example") is None
    assert found.proxy_for("https", "x.corp") is None
