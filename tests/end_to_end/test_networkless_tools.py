"""Behind real walls: the api engine's tools and servers, and a scenario that tries the network."""

import json
import sys
from pathlib import Path
from typing import Any

from agentd.engines.api import ApiEngine
from agentd.engines.base import ToolResult
from tests.fakes.openai_api import OpenAiApi
from tests.support.api import KEY, ApiSetting, played
from tests.support.boxes import served
from tests.support.claude import done_of

ROOT = Path(__file__).resolve().parents[2]


async def test_an_api_agents_tools_and_servers_run_inside_and_its_model_is_asked_from_outside(tmp_path: Path) -> None:
    server = {
        "name": "sums",
        "command": sys.executable,
        "args": ["-m", "tests.agentd.engines.mcp_server", "stdio"],
        "env": {"PYTHONPATH": str(ROOT)},
    }
    async with OpenAiApi() as api:
        options = {"provider": "openai", "base_url": api.url, "api_key_env": "MINE"}
        setting = ApiSetting(tmp_path, options=options, env={"MINE": KEY}, mcp_servers=[server])
        context = setting.context()
        spec = context.launch.spec.model_copy(update={"read_paths": [str(ROOT / "tests")]})
        async with served(tmp_path, spec) as box:
            engine = ApiEngine(box.context(context))
            await engine.start(None)
            try:
                looks = "cat /proc/*/environ 2>/dev/null | tr '\\0' '\\n' > seen.txt; curl -sS -m 5 http://example.com/; tail -n +3 /proc/net/dev"
                steps: list[dict[str, Any]] = [
                    {"tool": "bash", "input": {"command": looks}},
                    {"tool": "mcp__sums__add", "input": {"a": 2, "b": 3}},
                    {"text": "Done."},
                ]
                events = await played(engine, f"@@script {json.dumps(steps)}")
            finally:
                await engine.close()
            assert done_of(events).outcome == "ok", done_of(events).error
            results = [event.text for event in events if isinstance(event, ToolResult)]
            assert "There is no network here, and example.com:80 is refused" in results[0]
            assert "eth" not in results[0]
            assert "5" in results[1]
            assert KEY not in (setting.workspace / "seen.txt").read_text(errors="replace")
            assert box.notes
        assert KEY in api.requests[-1].headers["authorization"]
