"""A folder is removed with all that is in it, and nothing that is not, whatever lies in there."""

import os
import shutil
import socket
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from hived.upkeep import removal
from hived.upkeep.removal import remove_tree
from tests.support.tools import missing

AS_ROOT = os.geteuid() == 0
NOBODY = 65534


@pytest.fixture
def outside(tmp_path: Path) -> Path:
    """A folder that nothing may happen to."""
    folder = tmp_path / "outside"
    folder.mkdir()
    (folder / "kept").write_text("kept")
    return folder


@pytest.fixture
def ours(tmp_path: Path) -> Path:
    folder = tmp_path / "agents"
    (folder / "ada" / "work" / "src").mkdir(parents=True)
    (folder / "ada" / "work" / "src" / "main.py").write_text("print()")
    (folder / "bob").mkdir()
    return folder


def test_all_that_is_in_it_goes_and_its_neighbours_stay(ours: Path) -> None:
    removed = remove_tree(ours, "ada")
    assert removed.whole
    assert removed.count == 4
    assert [entry.name for entry in ours.iterdir()] == ["bob"]


def test_what_is_not_there_is_removed_already(ours: Path) -> None:
    assert remove_tree(ours, "eve").whole
    assert remove_tree(ours / "nowhere", "eve").whole


@pytest.mark.parametrize("name", ["", ".", "..", "../bob", "ada/work", "a\0b", "/etc"])
def test_a_name_that_leads_elsewhere_is_refused(ours: Path, name: str) -> None:
    with pytest.raises(ValueError, match="no name"):
        remove_tree(ours, name)
    assert (ours / "ada" / "work" / "src" / "main.py").exists()


def test_links_are_removed_and_never_followed(ours: Path, outside: Path) -> None:
    (ours / "ada" / "away").symlink_to(outside)
    (ours / "ada" / "work" / "up").symlink_to("../../..")
    (ours / "ada" / "file").symlink_to(outside / "kept")
    (ours / "ada" / "broken").symlink_to("/nowhere/at/all")
    os.link(outside / "kept", ours / "ada" / "hard")
    assert remove_tree(ours, "ada").whole
    assert (outside / "kept").read_text() == "kept"
    assert (ours / "bob").is_dir()


def test_a_folder_that_is_itself_a_link_goes_alone(ours: Path, outside: Path) -> None:
    shutil.rmtree(ours / "ada")
    (ours / "ada").symlink_to(outside)
    assert remove_tree(ours, "ada").whole
    assert not os.path.lexists(ours / "ada")
    assert (outside / "kept").exists()


def test_sockets_fifos_and_odd_names_go_too(ours: Path) -> None:
    os.mkfifo(ours / "ada" / "fifo")
    with socket.socket(socket.AF_UNIX) as made:
        made.bind(str(ours / "ada" / "sock"))
    odd = os.fsencode(ours / "ada") + b"/\xff\n\x1b[31m -rf"
    os.mkdir(odd)
    assert remove_tree(ours, "ada").whole


def test_folders_that_keep_their_owner_out_are_let_go(ours: Path) -> None:
    """As an ordinary user; root is kept out by no bits."""
    for mode, name in ((0o000, "shut"), (0o555, "still"), (0o300, "dark")):
        folder = ours / "ada" / name
        (folder / "deep").mkdir(parents=True)
        (folder / "deep" / "file").write_text("x")
        (folder / "file").write_text("x")
        folder.chmod(mode)
    if not AS_ROOT:
        assert remove_tree(ours, "ada").whole
        return
    done = as_nobody(ours)
    assert done.stdout.strip() == "True", done.stderr
    assert not (ours / "ada").exists()


def test_what_belongs_to_another_is_left_and_named(ours: Path) -> None:
    if not AS_ROOT:
        missing("only root can give a folder to another user")
    (ours / "ada" / "theirs").mkdir(mode=0o755)
    (ours / "ada" / "theirs" / "file").write_text("x")
    done = as_nobody(ours, but="theirs")
    assert "theirs/file: permission denied" in done.stdout, done.stderr
    assert (ours / "ada" / "theirs" / "file").exists()
    assert not (ours / "ada" / "work").exists()


def as_nobody(ours: Path, but: str = "") -> "subprocess.CompletedProcess[str]":
    """`remove_tree` by an ordinary user, to whom all of it belongs except the folder `but`; the names of what is left."""
    for top in (ours.parent, *ours.parent.parents):
        if top.stat().st_mode & 0o001 == 0 and str(top).startswith("/tmp/"):
            top.chmod(0o755)
    for folder, folders, files in os.walk(ours):
        for name in (".", *folders, *files):
            if but not in (name, Path(folder).name):
                os.chown(Path(folder, name), NOBODY, NOBODY)
    code = (
        "import os, sys; from pathlib import Path; from hived.upkeep.removal import remove_tree\n"
        f"os.setgid({NOBODY}); os.setuid({NOBODY})\n"
        "removed = remove_tree(Path(sys.argv[1]), 'ada')\n"
        "print(removed.whole or removed.left)"
    )
    words = [sys.executable, "-c", code, str(ours)]
    return subprocess.run(words, capture_output=True, text=True, timeout=60, check=False)


def test_very_deep_folders_go_without_as_many_open_files(ours: Path) -> None:
    here = os.open(ours / "ada", os.O_RDONLY)
    for _ in range(400):
        os.mkdir("d", dir_fd=here)
        below = os.open("d", os.O_RDONLY, dir_fd=here)
        os.close(here)
        here = below
    os.close(os.open("file", os.O_WRONLY | os.O_CREAT, dir_fd=here))
    os.close(here)
    removed = remove_tree(ours, "ada")
    assert removed.whole, removed.sentence()
    assert not (ours / "ada").exists()


@pytest.fixture
def mounted(ours: Path, outside: Path) -> Iterator[Path]:
    """`outside` bound into the agent's folder: on the same disk."""
    place = ours / "ada" / "work" / "bound"
    place.mkdir()
    if subprocess.run(["mount", "--bind", outside, place], capture_output=True, check=False).returncode:
        missing("nothing can be mounted here")
    yield place
    subprocess.run(["umount", place], check=False)


def test_what_is_mounted_in_there_is_left(ours: Path, outside: Path, mounted: Path) -> None:
    removed = remove_tree(ours, "ada")
    assert (outside / "kept").read_text() == "kept"
    assert removed.left == [f"{mounted}: something is mounted there"]
    assert removed.sentence() == f"{mounted}: something is mounted there."
    assert not (ours / "ada" / "work" / "src").exists()
    subprocess.run(["umount", mounted], check=True)
    assert remove_tree(ours, "ada").whole
    assert (outside / "kept").read_text() == "kept"


def test_a_file_that_cannot_be_removed_is_named_and_all_else_goes(ours: Path) -> None:
    fixed = ours / "ada" / "fixed"
    fixed.write_text("x")
    if subprocess.run(["chattr", "+i", fixed], capture_output=True, check=False).returncode:
        missing("no file can be made immutable here (chattr)")
    try:
        removed = remove_tree(ours, "ada")
        assert removed.left == [f"{fixed}: operation not permitted"]
        assert sorted(entry.name for entry in (ours / "ada").iterdir()) == ["fixed"]
    finally:
        subprocess.run(["chattr", "-i", fixed], check=True)
    assert remove_tree(ours, "ada").whole


def test_a_folder_swapped_for_a_link_under_our_hands_is_not_entered(
    ours: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Between the look at it and its opening."""
    real = os.open
    swapped: list[object] = []

    def swap(path: object, flags: int, *args: object, **where: object) -> int:
        if path == "src" and not swapped:
            swapped.append(path)
            shutil.rmtree(ours / "ada" / "work" / "src")
            (ours / "ada" / "work" / "src").symlink_to(outside)
        return real(path, flags, *args, **where)  # type: ignore[arg-type]

    monkeypatch.setattr("os.open", swap)
    removed = remove_tree(ours, "ada")
    assert swapped
    assert (outside / "kept").read_text() == "kept"
    assert "was swapped" in removed.sentence() or removed.whole


@pytest.mark.parametrize("where", ["tree", "tree/inner"])
def test_what_is_written_into_a_folder_while_it_is_emptied_goes_too(
    ours: Path, where: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    (ours / where).mkdir(parents=True)
    (ours / where / "journal").touch()
    real = os.unlink

    def unlink(name: str, *, dir_fd: int | None = None) -> None:
        real(name, dir_fd=dir_fd)
        if name == "journal":  # a reader that has it open makes files beside it
            (ours / where / "journal-shm").touch()

    monkeypatch.setattr("os.unlink", unlink)
    assert remove_tree(ours, "tree").whole
    assert not (ours / "tree").exists()


def test_many_failures_are_counted_and_few_are_named() -> None:
    removed = removal.Removed()
    for number in range(50):
        removed.leave(f"/x/{number}", "busy")
    assert len(removed.left) == removal.MOST_LEFT
    assert removed.sentence() == "/x/0: busy, and 49 more."
