"""What an engine is told first: the hive, and the agent's own prompt, of its config or of its workspace."""

import os
from dataclasses import replace
from pathlib import Path

import pytest

from agentd.engines.base import EngineFailed
from agentd.engines.preamble import MOST_PROMPT_BYTES, system_prompt
from tests.support.api import ApiSetting


def told(setting: ApiSetting, prompt: str | None = None, **launch: object) -> str:
    context = setting.context()
    spec = context.launch.spec.model_copy(update={"prompt": prompt, "role": launch.pop("role", "worker")})
    return system_prompt(replace(context, launch=context.launch.model_copy(update={"spec": spec, **launch})))


def test_the_prompt_of_its_config_comes_before_one_of_the_same_name_in_its_workspace(tmp_path: Path) -> None:
    setting, config = ApiSetting(tmp_path), tmp_path / "build"
    config.mkdir()
    (config / "prompt.md").write_text("from the config")
    (setting.workspace / "prompt.md").write_text("from the workspace")
    assert told(setting, "prompt.md", config=str(config)).endswith("\n\nfrom the config")
    assert told(setting, "prompt.md").endswith("\n\nfrom the workspace")
    (config / "prompt.md").unlink()
    assert told(setting, "prompt.md", config=str(config)).endswith("\n\nfrom the workspace")


def test_a_link_that_the_agent_put_in_place_of_its_prompt_is_not_read(tmp_path: Path) -> None:
    setting = ApiSetting(tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/shadow").write_text("root:secret")
    (setting.workspace / "prompt.md").symlink_to(tmp_path / "secret/shadow")
    (setting.workspace / "notes").symlink_to(tmp_path / "secret")
    for prompt in ("prompt.md", "notes/shadow", "../secret/shadow"):
        with pytest.raises(EngineFailed, match="cannot be read") as refused:
            told(setting, prompt)
        assert refused.value.code == "invalid_option"


def test_a_prompt_named_by_its_whole_path_is_no_way_round_and_no_pipe_is_waited_for(tmp_path: Path) -> None:
    setting = ApiSetting(tmp_path)
    (tmp_path / "secret").mkdir()
    (tmp_path / "secret/shadow").write_text("root:secret")
    assert told(setting, str(tmp_path / "secret/shadow")).endswith("root:secret")
    (setting.workspace / "notes").symlink_to(tmp_path / "secret")
    (setting.workspace / "link").symlink_to(tmp_path / "secret/shadow")
    os.mkfifo(setting.workspace / "pipe")
    os.mkfifo(tmp_path / "pipe")
    own = [setting.workspace / name for name in ("notes/shadow", "link", "pipe", "notes/../secret/shadow")]
    for prompt in (*own, tmp_path / "pipe"):
        with pytest.raises(EngineFailed, match="cannot be read"):
            told(setting, str(prompt))


def test_a_prompt_that_is_too_long_or_no_text_is_refused(tmp_path: Path) -> None:
    setting = ApiSetting(tmp_path)
    (setting.workspace / "long.md").write_text("x" * (MOST_PROMPT_BYTES + 1))
    (setting.workspace / "bytes.md").write_bytes(b"\xff\xfe")
    with pytest.raises(EngineFailed, match=f"has {MOST_PROMPT_BYTES + 1} bytes"):
        told(setting, "long.md")
    with pytest.raises(EngineFailed, match="UnicodeDecodeError"):
        told(setting, "bytes.md")


def test_a_queen_is_told_where_configs_lie_and_how_one_is_changed(tmp_path: Path) -> None:
    setting = ApiSetting(tmp_path)
    assert "propose_config" not in told(setting, proposed="/hive/config/bee")
    queens = told(setting, role="queen", proposed="/hive/config")
    assert "/hive/config/NAME" in queens
    assert "`propose_config`" in queens
