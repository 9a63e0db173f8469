"""An agent makes of everything in its clone that git would run a trap; then it is worked with, looked at, stopped and destroyed."""

import os
from pathlib import Path

import pytest

from tests.support.hive import LiveHive, call, live_hive, wait_until
from tests.support.living import done, post
from tests.support.repositories import Desk, git, give_to_its_owner, make_origin, plant
from tests.support.tools import missing

SCENARIO = """
[[turn]]
repeat = true
steps = [ { shell = "echo more >> a.txt" }, { say = "Noted." } ]
"""


@pytest.mark.parametrize("runtime", ["process", "bwrap"])
def test_none_is_sprung_from_its_birth_to_its_grave(runtime: str, tmp_path: Path) -> None:
    with live_hive({"HIVE_RUNTIME": runtime}) as hive:
        if runtime not in [found["kind"] for found in hive.get("/v1/engines")[1]["runtimes"] if found["works"]]:
            missing(f"the runtime {runtime} does not work on this machine")
        desk = spawned(hive, tmp_path)
        desk.commit("c.txt", "c\n", "committed")
        marks = tmp_path / "marks"
        plant(desk.work, marks)
        give_to_its_owner(desk.work)
        marks.chmod(0o777)
        for mark in marks.iterdir():
            mark.unlink()
        done(hive, "go", "ada")
        wait_until(lambda: (hive.agent("ada")["work"] or {}).get("changed") == 4, "the watch looking", 60)
        status, work = hive.get("/v1/agents/ada/work?patch=true")
        assert (status, work["state"]["known"], work["state"]["commits"]) == (200, True, 1)
        assert "+more\n" in work["patch"]
        status, fetched = hive.post("/v1/agents/ada/work/fetch")
        assert (status, fetched["commits"]) == (200, 1), fetched
        assert git(desk.origin, "show", "hive/ada:c.txt") == "c"
        post(hive, "restart", name="ada")
        post(hive, "stop", name="ada")
        status, tombstone = call(hive.paths.host_socket, "DELETE", "/v1/agents/ada", timeout=60)
        assert status == 200, tombstone
        assert (tombstone["work"]["commits"], tombstone["work"]["changed"]) == (0, 4)
        assert hive.get("/v1/agents/ada/work?patch=true")[1]["state"]["changed"] == 4
        assert hive.get("/v1/tombstones/ada/purge")[1]["stopped_by"]
        assert os.listdir(marks) == []


def spawned(hive: LiveHive, folder: Path) -> Desk:
    origin = make_origin(folder / "origin")
    scenario = folder / "ada.toml"
    scenario.write_text(SCENARIO)
    options = {"scenario": str(scenario)}
    hive.spawn("ada", "scripted", engine_options=options, repo=str(origin), read_paths=[str(scenario)])
    hive.until_online("ada", 60)
    return Desk(origin, hive.paths.agent("ada"))
