"""Templates: read as plain files, bounded, whatever a queen has put there."""

import os
from pathlib import Path
from typing import Any

import pytest

from hived.deploy import templates
from hived.deploy.templates import applied_template, list_templates, read_template, write_examples
from hived.paths import HivePaths
from hived.wire.agents import SpawnDraft
from hived.wire.errors import InvalidTemplate, TemplateNotFound

TOML = '# Looks for bugs.\nengine = "claude"\nmodel = "haiku"\nprompt = "prompt.md"\n[env]\nA = "1"\n[engine_options]\neffort = "low"\n'


@pytest.fixture
def paths(tmp_path: Path) -> HivePaths:
    return HivePaths(config=tmp_path, data=tmp_path, run=tmp_path / "run")


@pytest.fixture
def scout(paths: HivePaths) -> Path:
    folder = paths.templates / "scout"
    (folder / "notes").mkdir(parents=True)
    (folder / "agent.toml").write_text(TOML)
    (folder / "prompt.md").write_text("Look.\n")
    (folder / "notes/style.md").write_text("Short.\n")
    return folder


def completed(paths: HivePaths, **said: Any) -> dict[str, Any]:
    return applied_template(paths, "scout", SpawnDraft(name="ada", template="scout", **said))


def test_the_examples_are_written_once_and_can_be_used(paths: HivePaths) -> None:
    assert write_examples(paths)
    assert [(found.name, found.problem, bool(found.description)) for found in list_templates(paths)] == [
        ("queen", "", True),
        ("worker", "", True),
    ]
    assert read_template(paths, "queen").said["role"] == "queen"
    (paths.templates / "worker/agent.toml").write_text('engine = "scripted"\n')
    assert not write_examples(paths)
    assert read_template(paths, "worker").said == {"engine": "scripted"}
    assert [child.name for child in paths.proposed.iterdir()] == ["_templates"]


def test_a_link_in_the_place_of_the_templates_is_not_written_through(paths: HivePaths, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    paths.proposed.mkdir()
    paths.templates.symlink_to(elsewhere / "gone")
    assert not write_examples(paths)
    assert list(elsewhere.iterdir()) == []


def test_a_folder_of_templates_that_was_emptied_stays_empty(paths: HivePaths) -> None:
    paths.templates.mkdir(parents=True)
    assert not write_examples(paths)
    assert list_templates(paths) == []


def test_its_keys_stand_under_what_is_asked_for_and_its_files_come_with_them(paths: HivePaths, scout: Path) -> None:
    found = completed(paths, model="sonnet", env={"B": "2"})
    assert found == {
        "name": "ada",
        "template": "scout",
        "engine": "claude",
        "model": "sonnet",
        "prompt": "prompt.md",
        "env": {"A": "1", "B": "2"},
        "engine_options": {"effort": "low"},
        "files": {"prompt.md": "Look.\n", "notes/style.md": "Short.\n"},
    }


def test_another_engine_takes_neither_its_model_nor_its_options(paths: HivePaths, scout: Path) -> None:
    found = completed(paths, engine="command", engine_options={"command": ["cat"]})
    assert (found["engine"], found["engine_options"], "model" in found) == ("command", {"command": ["cat"]}, False)


def test_a_template_may_leave_the_engine_open(paths: HivePaths, scout: Path) -> None:
    (scout / "agent.toml").write_text('role = "queen"\n')
    assert "engine" not in completed(paths)
    assert completed(paths, engine="scripted")["engine"] == "scripted"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("engine = ", "is no TOML"),
        ('engine = "claude"\ncolour = 1\n', "colour"),
        ("engine = 1\n", "engine"),
        ('engine = "claude"\nsetup = "make"\n', "setup"),
        ('engine = "claude"\nname = "eve"\n', "name"),
        ('engine = "claude"\nprompt = "gone.md"\n', "it has no file 'gone.md'"),
        ('engine = "claude"\nprompt = "../../secrets.toml"\n', "leads out"),
        ("x" * 200_000, "more than"),
    ],
)
def test_what_is_wrong_with_its_agent_toml_is_one_sentence(
    paths: HivePaths, scout: Path, text: str, reason: str
) -> None:
    (scout / "agent.toml").write_text(text)
    with pytest.raises(InvalidTemplate, match=reason) as refused:
        read_template(paths, "scout")
    assert "\n" not in refused.value.message
    assert reason.split()[0] in list_templates(paths)[0].problem


def plant_link(scout: Path) -> None:
    (scout / "prompt.md").unlink()
    (scout / "prompt.md").symlink_to("/etc/passwd")


def plant_folder_link(scout: Path) -> None:
    (scout / "more").symlink_to("/etc")


def plant_pipe(scout: Path) -> None:
    os.mkfifo(scout / "pipe")


def plant_many(scout: Path) -> None:
    for number in range(100):
        (scout / f"file{number}").touch()


def plant_deep(scout: Path) -> None:
    (scout / "a/b/c/d/e/f").mkdir(parents=True)


def plant_bytes(scout: Path) -> None:
    (scout / "bytes").write_bytes(b"\xff")


def plant_odd_name(scout: Path) -> None:
    (scout / "we\nird").touch()


def plant_nothing(scout: Path) -> None:
    (scout / "agent.toml").unlink()


@pytest.mark.parametrize(
    ("plant", "reason"),
    [
        (plant_link, "no link is followed"),
        (plant_folder_link, "no link is followed"),
        (plant_pipe, "is no file"),
        (plant_many, "more than 64 files"),
        (plant_deep, "more than 4 deep"),
        (plant_bytes, "is no UTF-8 text"),
        (plant_odd_name, "do not print"),
        (plant_nothing, "it has no agent.toml"),
    ],
)
def test_what_no_template_may_hold_is_refused(paths: HivePaths, scout: Path, plant: Any, reason: str) -> None:
    plant(scout)
    with pytest.raises(InvalidTemplate, match=reason):
        read_template(paths, "scout")


def test_a_template_or_all_of_them_swapped_for_a_link_are_not_there(paths: HivePaths, scout: Path) -> None:
    (paths.templates / "linked").symlink_to(scout)
    with pytest.raises(TemplateNotFound, match="there are scout"):
        read_template(paths, "linked")
    paths.templates.rename(paths.proposed / "elsewhere")
    paths.templates.symlink_to(paths.proposed / "elsewhere")
    assert list_templates(paths) == []
    with pytest.raises(TemplateNotFound, match="there are none"):
        read_template(paths, "scout")


@pytest.mark.parametrize("name", ["..", "../worker", ".git", "Scout", "scout/notes", "", "x" * 40])
def test_a_name_that_is_no_templates_is_not_looked_for(paths: HivePaths, scout: Path, name: str) -> None:
    with pytest.raises(TemplateNotFound):
        read_template(paths, name)


def test_a_folder_with_an_odd_name_is_listed_with_what_is_wrong(paths: HivePaths, scout: Path) -> None:
    scout.rename(scout.with_name("Scout\x1b[2J"))
    found = list_templates(paths)[0]
    assert found.name.isprintable()
    assert "its name must be" in found.problem


def test_the_bound_of_its_bytes_is_of_all_its_files(paths: HivePaths, scout: Path) -> None:
    for name in ("a", "b"):
        (scout / name).write_text("x" * (templates.MOST_BYTES // 2))
    with pytest.raises(InvalidTemplate, match="more than 131072 bytes together"):
        read_template(paths, "scout")
