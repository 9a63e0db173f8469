"""The agentd command, and what an idle harness weighs."""

import json
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from agentd.cli import main
from hived.wire.agents import EngineFound, RuntimeFound
from hived.wire.protocol import PROTOCOL
from tests.agentd.rig import Rig


def run(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "agentd", *arguments], capture_output=True, text=True, timeout=60, check=False
    )


@pytest.fixture(autouse=True)
def _own_hive(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HIVE_HOME", str(tmp_path / "hive"))


def test_engines_lists_every_kind(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["engines", "--json"]) == 0
    found = [EngineFound.model_validate(one) for one in json.loads(capsys.readouterr().out)]
    assert list(dict.fromkeys(one.kind for one in found)) == ["claude", "acp", "api", "command", "scripted"]
    assert all(one.found for one in found if one.kind in ("command", "scripted"))


def test_a_claude_that_is_not_there_says_how_to_get_it(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr("agentd.engines.claude_found.CLAUDE_PLACES", ())
    main(["engines", "--json"])
    claude = json.loads(capsys.readouterr().out)[0]
    assert claude["found"] is False
    assert "npm install" in claude["install"]


def test_a_claude_that_does_not_work_is_not_found(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program = tmp_path / "claude"
    program.write_text("#!/bin/sh\necho no node here >&2\nexit 1\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    main(["engines", "--json"])
    claude = json.loads(capsys.readouterr().out)[0]
    assert (claude["found"], claude["detail"]) == (False, "no node here")


def test_runtimes_lists_process_which_works_everywhere() -> None:
    found = [RuntimeFound.model_validate(one) for one in json.loads(run("runtimes", "--json").stdout)]
    assert ("process", True) in [(one.kind, one.works) for one in found]


def test_version_works_alone() -> None:
    assert json.loads(run("version", "--json").stdout)["protocol"] == PROTOCOL


def test_a_launch_file_that_is_none_is_one_sentence(tmp_path: Path) -> None:
    for content in (None, "{", '{"protocol": 1}'):
        file = tmp_path / "launch.json"
        if content is not None:
            file.write_text(content)
        answer = run("run", "--launch", str(file))
        assert answer.returncode == 1
        assert answer.stderr.startswith("error[invalid_config]: ")
        assert "Traceback" not in answer.stderr


async def test_an_idle_harness_takes_less_than_50_mb(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "hello"}]})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends()
    assert rig.process is not None
    assert psutil.Process(rig.process.pid).memory_info().rss < 50_000_000
