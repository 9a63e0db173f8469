"""Folders that an agent owns where hived is root: what it put there under hived's hands is never followed to another place."""

import os
from pathlib import Path

import pytest

from hived.upkeep.removal import remove_tree
from hived.workspace import ownership
from hived.workspace.folders import private_folder
from hived.workspace.ownership import FIRST_UID, QUEENS_UID, engine_uid, give, share

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
UID = 234_567


def owner(path: Path) -> int:
    return os.lstat(path).st_uid


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "work"
    (made / "a" / "b").mkdir(parents=True)
    (made / "a" / "b" / "file").write_text("x")
    return made


def test_all_of_a_folder_belongs_to_the_engine(folder: Path) -> None:
    give(folder, UID)
    assert {owner(path) for path in (folder, *folder.rglob("*"))} == {UID}
    give(folder, os.geteuid())
    assert {owner(path) for path in (folder, *folder.rglob("*"))} == {0}


def test_links_are_given_and_never_followed(folder: Path, tmp_path: Path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret").write_text("x")
    (folder / "to-file").symlink_to(other / "secret")
    (folder / "a" / "to-folder").symlink_to(other)
    (folder / "loop").symlink_to(folder)
    give(folder, UID)
    share(folder, UID)
    assert [owner(other), owner(other / "secret")] == [0, 0]
    assert owner(folder / "to-file") == owner(folder / "a" / "to-folder") == UID
    assert (other / "secret").stat().st_mode & 0o777 == 0o644


def test_a_folder_that_is_swapped_for_a_link_under_our_hands_leads_nowhere(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at a name and its opening, which is when an agent would do it."""
    other = tmp_path / "other"
    other.mkdir()
    (other / "secret").write_text("x")
    real = ownership._is_folder

    def swapped(descriptor: int, name: str) -> bool:
        found = real(descriptor, name)
        if name == "b":
            (folder / "a" / "b").rename(tmp_path / "moved")
            (folder / "a" / "b").symlink_to(other)
        return found

    monkeypatch.setattr(ownership, "_is_folder", swapped)
    give(folder, UID)
    assert [owner(other), owner(other / "secret")] == [0, 0]


def test_a_top_that_is_a_link_is_an_error(folder: Path, tmp_path: Path) -> None:
    link = tmp_path / "link"
    link.symlink_to(folder)
    with pytest.raises(OSError, match="link"):
        give(link, UID)
    assert owner(folder) == 0


def test_a_tree_as_deep_as_an_agent_likes_ends_the_walk_and_not_hived(folder: Path) -> None:
    here = os.open(folder, os.O_RDONLY)
    for _ in range(1500):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(here)
    try:
        give(folder, UID)
        share(folder, UID)
        assert owner(folder / "d" / "d") == UID
    finally:  # pytest's own way to tidy up is not made for that
        assert remove_tree(folder, "d").whole


def test_a_walk_that_was_broken_off_is_begun_anew(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def breaks(descriptor: int, name: str) -> bool:
        raise OSError("the machine went down")

    with monkeypatch.context() as patched:
        patched.setattr(ownership, "_is_folder", breaks)
        with pytest.raises(OSError, match="went down"):
            give(folder, UID)
    assert owner(folder) == 0
    give(folder, UID)
    assert owner(folder / "a" / "b" / "file") == UID


def test_what_is_shared_can_be_read_by_others_and_written_by_none(folder: Path) -> None:
    (folder / "a" / "b" / "file").chmod(0o600)
    (folder / "a").chmod(0o700)
    os.mkfifo(folder / "pipe", 0o600)
    share(folder)
    assert (folder / "a").stat().st_mode & 0o777 == 0o755
    assert (folder / "a" / "b" / "file").stat().st_mode & 0o777 == 0o644
    assert (folder / "pipe").stat().st_mode & 0o777 == 0o600
    share(folder / "gone")


def test_each_agent_has_a_uid_of_its_own_and_queens_share_one() -> None:
    first, second = (engine_uid(name, "worker") for name in ("a-1", "a-2"))
    assert first is not None
    assert second is not None
    assert FIRST_UID <= first < QUEENS_UID
    assert first != second
    assert engine_uid("a-1", "worker") == first
    assert engine_uid("q-1", "queen") == engine_uid("q-2", "queen") == QUEENS_UID


def test_a_folder_of_an_engines_is_still_hiveds_to_use(folder: Path) -> None:
    give(folder, UID)
    assert private_folder(folder) == folder
