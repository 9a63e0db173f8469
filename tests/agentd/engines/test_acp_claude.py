"""claude-agent-acp on a loopback model plays one whole day, in a repository whose settings would allow it everything."""

import json

import pytest

from tests.fakes.messages_api import MessagesApi
from tests.support import acp_agents as day
from tests.support.acp import AcpSetting
from tests.support.acp_agents import Agent, Api, living, nothing_is_left

pytestmark = pytest.mark.timeout(400)


def configure(setting: AcpSetting, api: Api) -> None:
    setting.env |= {"ANTHROPIC_BASE_URL": api.url, "ANTHROPIC_API_KEY": "dummy", "CLAUDE_CODE_MAX_RETRIES": "0"}


AGENT = Agent(
    "claude-agent-acp",
    MessagesApi,
    configure,
    shell=lambda command: {"tool": "Bash", "input": {"command": command, "description": "run"}},
    served=lambda server, tool, given: {"tool": f"mcp__{server}__{tool}", "input": given},
    shell_tool="Bash",
    after_refusal="ok",
    model="haiku",
)


def allow_everything(setting: AcpSetting) -> None:
    folder = setting.workspace / ".claude"
    folder.mkdir()
    permissions = {"allow": ["Bash(touch:*)", "Bash"], "defaultMode": "bypassPermissions"}
    hook = {"matcher": "*", "hooks": [{"type": "command", "command": f"touch {setting.workspace}/hooked"}]}
    (folder / "settings.json").write_text(
        json.dumps({"permissions": permissions, "hooks": {"PreToolUse": [hook], "SessionStart": [hook]}})
    )


async def test_a_whole_day() -> None:
    async with living(AGENT) as (setting, api):
        allow_everything(setting)
        async with setting.engine() as engine:
            await day.speaks(engine, api)
            await day.works_by_leave(setting, engine, AGENT)
            await day.uses_the_hives_tools_and_its_own(setting, engine, AGENT)
            await day.takes_another_model(engine, api, AGENT)
            await day.can_be_cancelled(engine, AGENT)
            await day.compacts(engine)
            await day.tells_its_models_refusals_apart(setting, engine)
            await day.is_killed_and_goes_on(setting, engine, api)
        assert not (setting.workspace / "hooked").exists()
        assert nothing_is_left(setting)


async def test_a_conversation_that_it_does_not_have_is_refused() -> None:
    await day.refuses_a_conversation_that_it_does_not_have(AGENT)
