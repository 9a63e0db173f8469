"""opencode on a loopback model plays one whole day, in a repository whose settings would allow it everything."""

import json

import pytest

from tests.fakes.openai_api import OpenAiApi
from tests.support import acp_agents as day
from tests.support.acp import AcpSetting
from tests.support.acp_agents import Agent, Api, living, nothing_is_left

pytestmark = pytest.mark.timeout(400)


def configure(setting: AcpSetting, api: Api) -> None:
    limit = {"context": 128000, "output": 8000}
    provider = {
        "npm": "@ai-sdk/openai-compatible",
        "name": "Fake",
        "options": {"baseURL": api.url, "apiKey": "dummy"},
        "models": {"tiny": {"name": "Tiny", "limit": limit}, "small": {"name": "Small", "limit": limit}},
    }
    config = {"model": "fake/tiny", "small_model": "fake/small", "provider": {"fake": provider}}
    setting.env |= {
        "OPENCODE_CONFIG_CONTENT": json.dumps({**config, "enabled_providers": ["fake"]}),
        "OPENCODE_DISABLE_MODELS_FETCH": "1",
    }


AGENT = Agent(
    "opencode",
    OpenAiApi,
    configure,
    shell=lambda command: {"tool": "bash", "input": {"command": command, "description": "run"}},
    served=lambda server, tool, given: {"tool": f"{server}_{tool}", "input": given},
    shell_tool="bash",
    after_refusal="ok",
    model="fake/small",
)


def allow_everything(setting: AcpSetting) -> None:
    (setting.workspace / "opencode.json").write_text(json.dumps({"permission": {"*": "allow", "bash": "allow"}}))


async def test_a_whole_day() -> None:
    async with living(AGENT) as (setting, api):
        allow_everything(setting)
        async with setting.engine() as engine:
            await day.speaks(engine, api)
            await day.works_by_leave(setting, engine, AGENT)
            await day.uses_the_hives_tools_and_its_own(setting, engine, AGENT)
            await day.takes_another_model(engine, api, AGENT)
            await day.can_be_cancelled(engine, AGENT)
            await day.is_killed_and_goes_on(setting, engine, api)
        assert nothing_is_left(setting)
