"""docs/ENGINES.md against the code: its examples are taken by the command as they stand, and no option or preset is missing."""

import re
import shlex
import tomllib
from importlib import import_module
from pathlib import Path

import pytest

from agentd.engines import acp_launch, acp_presets, api_options, claude_launch
from agentd.mcp_servers import own_servers
from hived.cli.command import parser_for
from hived.cli.engine_words import read_agent_toml
from hived.cli.hive import COMMANDS
from hived.cli.spawn import spec_of
from hived.wire.agents import AgentSpec, SpawnRequest

PAGE = (Path(__file__).resolve().parents[3] / "docs/ENGINES.md").read_text()
EXAMPLES = [
    line
    for block in re.findall(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    for line in block.splitlines()
    if line.startswith("hive ")
]


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_is_taken_as_it_stands(example: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "ada.toml").write_text(agent_toml())
    words = shlex.split(example.partition(" < ")[0], comments=True)[1:]
    module, help_text = COMMANDS[words[0]]
    command = import_module(f"hived.cli.{module}").COMMANDS[words[0]]
    arguments = parser_for(words[0], help_text, command).parse_args(words[1:])
    if words[0] == "spawn":
        spec = SpawnRequest.model_validate(spec_of(arguments, arguments.name, arguments.engine, arguments.role))
        if spec.engine == "api":
            api_options.check_spec(spec)
        if spec.engine == "acp":
            acp_launch.command_line(spec)
        if spec.engine == "claude":
            assert set(spec.engine_options) <= claude_launch.OPTIONS


def agent_toml() -> str:
    [written] = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
    return str(written)


def test_the_agent_toml_is_one(tmp_path: Path) -> None:
    file = tmp_path / "ada.toml"
    file.write_text(agent_toml())
    spec = AgentSpec.model_validate(read_agent_toml(str(file)))
    assert [server.name for server in own_servers(spec)] == ["clock", "docs"]
    assert tomllib.loads(agent_toml())["limits"] == {"rate_limit_resume": True}


SECTIONS: dict[str, str] = dict(re.findall(r"^## (\w+)$(.*?)(?=^## |\Z)", PAGE, re.DOTALL | re.MULTILINE))


@pytest.mark.parametrize(
    ("section", "options"),
    [("claude", claude_launch.OPTIONS), ("acp", acp_launch.OPTIONS), ("api", api_options.OPTIONS)],
)
def test_every_option_of_an_engine_is_on_its_section(section: str, options: frozenset[str]) -> None:
    assert [option for option in sorted(options) if f"`{option}`" not in SECTIONS[section]] == []


def test_every_preset_and_provider_is_there_with_its_way_to_a_login() -> None:
    for name, preset in acp_presets.PRESETS.items():
        [row] = [line for line in SECTIONS["acp"].splitlines() if line.startswith(f"| `{name}` |")]
        assert preset.install.split(",")[0] in row
    for name, server in api_options.PRESETS.items():
        [row] = [line for line in SECTIONS["api"].splitlines() if line.startswith(f"| `{name}` |")]
        assert server.base_url in row
        assert (server.key_env or "none") in row
    for mode in api_options.PERMISSION_MODES:
        assert f"`{mode}`" in SECTIONS["api"]
    assert "`dontAsk`" in SECTIONS["claude"]
