"""codex-acp on a loopback model plays one whole day."""

import pytest

from tests.support import acp_agents as day
from tests.support.acp import AcpSetting, CodexApi
from tests.support.acp_agents import Agent, Api, living, nothing_is_left

pytestmark = pytest.mark.timeout(400)


def configure(setting: AcpSetting, api: Api) -> None:
    setting.env |= {"OPENAI_API_KEY": "dummy"}
    folder = setting.root / "home/.codex"
    folder.mkdir()
    (folder / "config.toml").write_text(
        'model = "tiny"\nmodel_provider = "fake"\n[model_providers.fake]\nname = "Fake"\n'
        f'base_url = "{api.url}"\nenv_key = "OPENAI_API_KEY"\nwire_api = "responses"\n'
        "request_max_retries = 0\nstream_max_retries = 0\n"
    )


AGENT = Agent(
    "codex-acp",
    CodexApi,
    configure,
    shell=lambda command: {"tool": "exec_command", "input": {"cmd": command, "yield_time_ms": 30000}},
    served=lambda server, tool, given: {"tool": f"mcp__{server}/{tool}", "input": given},
    shell_tool="shell",
    after_refusal="cancelled",
    model="gpt-5.4",
    any_model=True,
)


async def test_a_whole_day() -> None:
    async with living(AGENT) as (setting, api):
        async with setting.engine() as engine:
            await day.speaks(engine, api)
            await day.works_by_leave(setting, engine, AGENT)
            await day.uses_the_hives_tools_and_its_own(setting, engine, AGENT)
            await day.takes_another_model(engine, api, AGENT)
            await day.can_be_cancelled(engine, AGENT)
            await day.compacts(engine)
            await day.tells_its_models_refusals_apart(setting, engine)
            await day.is_killed_and_goes_on(setting, engine, api)
        assert nothing_is_left(setting)


async def test_a_conversation_that_it_does_not_have_is_refused() -> None:
    await day.refuses_a_conversation_that_it_does_not_have(AGENT)
