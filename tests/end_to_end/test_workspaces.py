"""An origin that is moved under an agent: it is parked with that sentence, and runs again once the origin is back."""

from pathlib import Path

from tests.support.hive import live_hive
from tests.support.living import command, post
from tests.support.repositories import make_origin

SCENARIO = '[[turn]]\nrepeat = true\nsteps = [ { say = "Noted." } ]\n'


def test_an_agent_whose_origin_was_moved_says_so_and_comes_back_with_it(tmp_path: Path) -> None:
    origin = make_origin(tmp_path / "origin")
    (tmp_path / "ada.toml").write_text(SCENARIO)
    with live_hive() as hive:
        hive.spawn("ada", "scripted", engine_options={"scenario": str(tmp_path / "ada.toml")}, repo=str(origin))
        hive.until_online("ada", 60)
        post(hive, "stop", name="ada")
        origin.rename(tmp_path / "elsewhere")
        started = command(hive, "start", "ada")
        sentence = f"The repository {origin} is not there: it was moved, or is gone."
        assert (started.returncode, started.stderr) == (1, f"error[start_failed]: ada did not start: {sentence}\n")
        lifecycle = hive.agent("ada")["lifecycle"]
        assert (lifecycle["state"], lifecycle["cause"]) == ("parked", sentence)
        assert sentence in command(hive, "work", "ada").stdout
        (tmp_path / "elsewhere").rename(origin)
        assert command(hive, "start", "ada").returncode == 0
        assert command(hive, "work", "ada", "--json").stdout.count('"known": true') == 1
