"""The doctor on engines: it shows what they say of themselves, and what to do about it."""

from hived.doctor import thinkers
from hived.wire.agents import EngineAbilities, EngineFound

CLAUDE = EngineFound(
    kind="claude",
    found=True,
    version="2.1.330",
    path="/usr/bin/claude",
    login="in",
    login_detail="ann@example.org",
    abilities=EngineAbilities(steer=True, set_model=True, efforts=["low", "high"]),
    install="npm install -g claude",
)
GOOSE = EngineFound(
    kind="acp", preset="goose", found=False, detail="goose is not on PATH", install="brew install goose"
)
SCRIPTED = EngineFound(kind="scripted", found=True, login="not_needed")


def test_an_engine_that_is_there_says_version_login_and_what_it_can_do() -> None:
    checks = {check.name: check for check in thinkers.engines([CLAUDE, GOOSE, SCRIPTED])}
    assert checks.keys() == {"engines", "engine claude", "engine scripted"}
    claude = checks["engine claude"]
    assert (claude.state, claude.remedy) == ("ok", "")
    for part in ("2.1.330", "/usr/bin/claude", "logged in", "ann@example.org", "switches models", "effort low/high"):
        assert part in claude.detail
    assert checks["engines"].detail == "claude"


def test_one_that_is_logged_out_is_a_warning_with_a_way_in() -> None:
    [_, claude] = thinkers.engines([CLAUDE.model_copy(update={"login": "out"})])
    assert claude.state == "warning"
    assert "hive login" in claude.remedy
    [_, codex] = thinkers.engines([EngineFound(kind="acp", preset="codex-acp", found=True, login="out")])
    assert codex.name == "engine acp codex-acp"
    assert codex.state == "warning"
    assert "secrets.toml" in codex.remedy
    [_, says] = thinkers.engines(
        [EngineFound(kind="acp", preset="codex-acp", found=True, login="out", login_detail="Run `codex login`.")]
    )
    assert (says.detail, says.remedy) == ("not logged in", "Run `codex login`.")


def test_a_machine_without_a_thinking_engine_is_told_how_to_get_one() -> None:
    [check, _] = thinkers.engines([GOOSE, SCRIPTED])
    assert check.state == "warning"
    assert "brew install goose" in check.remedy


def test_the_built_in_engine_without_a_server_is_no_trouble_beside_another() -> None:
    api = EngineFound(
        kind="api", found=True, login="out", login_detail="no key, and no Ollama answers", install="get a key"
    )
    [any_engine, claude, idle] = thinkers.engines([CLAUDE, api])
    assert (any_engine.detail, claude.state, idle.state) == ("claude", "ok", "ok")
    assert idle.remedy == "get a key"
    [alone, _] = thinkers.engines([api])
    assert alone.state == "warning"
    assert "get a key" in alone.remedy
