"""Private folders: made 0700, mended to 0700, and refused where somebody else could swap them."""

import os
from pathlib import Path

import pytest

from hived.wire.errors import FolderNotOurs, FolderUnusable
from hived.workspace.folders import private_folder


def test_every_level_that_is_made_is_for_its_owner_alone(tmp_path: Path) -> None:
    folder = private_folder(tmp_path / "one" / "two")
    assert [level.stat().st_mode & 0o777 for level in (folder, folder.parent)] == [0o700, 0o700]


def test_a_folder_that_others_could_enter_is_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    assert private_folder(tmp_path).stat().st_mode & 0o777 == 0o700


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can give a folder away")
@pytest.mark.parametrize("whose", ["the folder", "the one it lies in"])
def test_a_folder_in_somebody_elses_hands_is_refused(tmp_path: Path, whose: str) -> None:
    folder = tmp_path / "theirs" / "hive"
    folder.mkdir(parents=True)
    os.chown(folder if whose == "the folder" else folder.parent, 12345, 12345)
    with pytest.raises(FolderNotOurs) as refusal:
        private_folder(folder)
    assert refusal.value.code == "folder_not_ours"


def test_a_file_where_the_folder_should_be_is_one_clear_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(FolderUnusable) as refusal:
        private_folder(tmp_path / "file" / "hive")
    assert refusal.value.code == "folder_unusable"
    assert "Not a directory" in refusal.value.message
