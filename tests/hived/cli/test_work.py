"""`hive work`: what is shown, what is piped, what comes home, and what a script can hold on to."""

import json
from pathlib import Path

import pytest

from tests.hived.cli.conftest import Shell
from tests.support.hive import LiveHive
from tests.support.repositories import Desk, git, make_origin

HOSTILE = "new \x1b[31mred\x1b]0;title\x07\u202e.txt"
SCENARIO = '[[turn]]\nrepeat = true\nsteps = [ { say = "Noted." } ]\n'


@pytest.fixture(scope="module")
def worker(hive: LiveHive, tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """`ada` of a real hive, online, with a clone in which she has committed one thing and begun another."""
    folder = tmp_path_factory.mktemp("work")
    origin = make_origin(folder / "origin")
    (folder / "ada.toml").write_text(SCENARIO)
    hive.spawn("ada", "scripted", engine_options={"scenario": str(folder / "ada.toml")}, repo=str(origin))
    hive.until_online("ada", 60)
    desk = Desk(origin, hive.paths.agent("ada"))
    desk.commit("a.txt", "two\n", "a \x1b[31msubject")
    (desk.work / HOSTILE).write_text("\x1b[31mred\n")
    return desk


def test_it_shows_what_is_nowhere_else_and_the_way_home(shell: Shell, worker: Desk) -> None:
    said = shell("work", "ada")
    assert said.code == 0, said
    assert "nowhere else   1 commit and 1 changed file" in said.out
    assert "Bring the commits home with: hive work ada --fetch" in said.out
    assert "\x1b" not in said.out
    assert "\u202e" not in said.out
    assert "unmerged: 1 commit and 1 changed file" in shell("ls").out
    assert "1 commit and 1 changed file" in shell("show", "ada").out


def test_stat_lists_the_files_with_their_lines(shell: Shell, worker: Desk) -> None:
    lines = shell("work", "ada", "--stat").out.splitlines()
    assert [line.split()[:3] for line in lines[1:]] == [["M", "+1", "-1"], ["?", "+1", "-0"]]


def test_a_piped_patch_can_be_applied(shell: Shell, worker: Desk, tmp_path: Path) -> None:
    patch = shell("work", "ada", "--patch").out
    there = tmp_path / "there"
    git(tmp_path, "clone", "-q", str(worker.origin), str(there))
    git(there, "apply", stdin=patch)
    assert (there / "a.txt").read_text() == "two\n"


def test_json_is_the_whole_answer(shell: Shell, worker: Desk) -> None:
    work = shell("work", "ada", "--patch", "--json").json()
    assert (work["agent"], work["state"]["commits"], work["state"]["changed"]) == ("ada", 1, 1)
    assert HOSTILE in [file["path"] for file in work["files"]]
    assert "+two" in work["patch"]


def test_fetch_brings_it_home_and_says_what_stays(shell: Shell, worker: Desk) -> None:
    head = worker.git("rev-parse", "HEAD")
    said = shell("work", "ada", "--fetch")
    assert (said.code, said.out) == (0, f"hive/ada in {worker.repo} has 1 new commit: {head[:12]}\n")
    assert said.err == "ada: left behind: 1 file that is not committed.\n"
    assert "is there already" in shell("work", "ada", "--fetch").out
    done = json.loads(shell("work", "ada", "--fetch", "--branch", "side", "--json").out)
    assert (done["branch"], done["commit"], done["before"]) == ("side", head, None)
    assert "merged" in shell("work", "ada").out


def test_what_cannot_be_is_an_exit_code(shell: Shell, worker: Desk) -> None:
    shell("work", "nobody").fails(4, "agent_not_found")
    shell("work", "../ada").fails(2, "invalid_name")
    shell("work", "ada", "--branch", "x").fails(2, "usage")
    shell("work", "ada", "--fetch", "--patch").fails(2, "usage")
    shell("work", "ada", "--fetch", "--branch", "main").fails(5, "fetch_refused")
    shell("work").fails(2, "usage")
