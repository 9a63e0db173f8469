"""What an agent takes on the disk, by kind."""

import os
from pathlib import Path

from hived.paths import AgentPaths
from hived.upkeep.sizes import count_files, disk_bytes, sizes_of
from tests.support.hive import paths_of

KIB = b"x" * 8192


def agent(tmp_path: Path) -> AgentPaths:
    paths = paths_of(tmp_path).agent("ada")
    for folder in (
        paths.harness,
        paths.state,
        paths.home,
        paths.workspace,
        paths.proposed,
        paths.applied,
        paths.builds,
    ):
        folder.mkdir(parents=True)
    return paths


def test_each_kind_is_counted_for_itself(tmp_path: Path) -> None:
    paths = agent(tmp_path)
    for file in (paths.events_db, paths.log, paths.state / "notes", paths.home / "login", paths.workspace / "main.py",
                 paths.proposed / "agent.toml", paths.harness / "launch.json"):  # fmt: skip
        file.write_bytes(KIB)
    sizes = sizes_of(paths)
    assert set(sizes) == {"journal", "logs", "state", "home", "work", "config", "other"}
    assert all(size >= len(KIB) for size in sizes.values())


def test_what_links_lead_to_is_not_its_own(tmp_path: Path) -> None:
    paths = agent(tmp_path)
    large = tmp_path / "large"
    large.write_bytes(KIB * 100)
    (paths.workspace / "link").symlink_to(large)
    (paths.workspace / "root").symlink_to("/")
    assert sizes_of(paths)["work"] < len(KIB) * 10


def test_a_file_of_two_names_is_counted_once(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    (folder / "one").write_bytes(KIB * 10)
    before = disk_bytes(tmp_path, "folder")
    os.link(folder / "one", folder / "two")
    assert disk_bytes(tmp_path, "folder") == before


def test_what_is_not_there_has_no_size(tmp_path: Path) -> None:
    assert sizes_of(paths_of(tmp_path).agent("eve")) == {}
    assert count_files(tmp_path / "nowhere", "eve", 10) == 0


def test_files_are_counted_and_what_nobody_can_look_into_is_one(tmp_path: Path) -> None:
    (tmp_path / "work" / "a" / "b").mkdir(parents=True)
    assert count_files(tmp_path, "work", 10) == 0
    (tmp_path / "work" / "a" / "b" / "file").write_text("x")
    (tmp_path / "work" / "link").symlink_to("/")
    assert count_files(tmp_path, "work", 10) == 2
    assert count_files(tmp_path, "work", 1) == 1
    here = tmp_path / "deep"
    for _ in range(100):
        here /= "d"
    here.mkdir(parents=True)
    assert count_files(tmp_path, "deep", 10) == 1
