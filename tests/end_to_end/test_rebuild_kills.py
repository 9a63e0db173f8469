"""hived killed between the books of a rebuild and its files: what the books say holds, and is no edit by hand."""

import contextlib
import http.client
import sqlite3

import pytest

from tests.support.hive import LiveHive, live_hive, wait_until

ENGINE = '[engine]\nmodels = ["fast", "slow"]\nefforts = ["low", "high"]\npermission_modes = ["ask"]\n'


def settings(hive: LiveHive) -> tuple[str | None, ...]:
    """Of its three files; None: there is none."""
    paths = hive.paths.agent("ada")
    files = (paths.model_file, paths.effort_file, paths.permission_mode_file)
    return tuple(file.read_text().strip() if file.exists() else None for file in files)


def by_hand(hive: LiveHive) -> list[str]:
    """What the audit has of edits by hand."""
    with contextlib.closing(sqlite3.connect(hive.paths.database)) as books:
        rows = books.execute("SELECT action FROM audit WHERE detail_json LIKE '%by hand%' ORDER BY seq")
        return [action for (action,) in rows]


@pytest.mark.parametrize(
    ("change", "model", "effort"),
    [
        ({"engine": "command", "engine_options": {"command": ["cat"]}}, "default", None),
        ({"model": "slow"}, "slow", "high"),
    ],
)
def test_a_rebuild_that_was_cut_off_is_carried_out_by_the_next_hived(
    change: dict[str, object], model: str, effort: str | None
) -> None:
    with live_hive({"HIVE_FAULT_POINT": "hived_rebuilt"}, start=False) as hive:
        scenario = hive.home / "ada.toml"
        scenario.write_text(f'{ENGINE}[[turn]]\nrepeat = true\nsteps = [ {{ say = "hello" }} ]\n')
        hive.start()
        hive.spawn("ada", "scripted", model="fast", engine_options={"scenario": str(scenario)})
        hive.until_online("ada")
        assert hive.put("/v1/agents/ada/effort", {"effort": "high"})[0] == 200
        assert hive.put("/v1/agents/ada/permission-mode", {"permission_mode": "ask"})[0] == 200
        assert settings(hive) == ("fast", "high", "ask")
        with contextlib.suppress(OSError, http.client.HTTPException):
            hive.post("/v1/agents/ada/rebuild", change)
        wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "hived's death")
        assert settings(hive) == ("fast", "high", "ask"), "it died before the files"
        hive.start()
        wait_until(lambda: (ada := hive.agent("ada"))["generation"] == 2 and ada["online"], "its new harness")
        ada = hive.agent("ada")
        mode = None if effort is None else "ask"
        assert (ada["model"], ada["effort"], ada["permission_mode"]) == (model, effort, mode)
        assert settings(hive) == (model, effort, mode)
        assert by_hand(hive) == []
        edited = hive.home / "edited"
        edited.write_text("edited\n")
        edited.rename(hive.paths.agent("ada").model_file)  # as one edit: written in place it is empty for a moment
        wait_until(lambda: by_hand(hive) == ["agent.model_set"], "an edit by hand that came later")
        assert hive.agent("ada")["model"] == "edited"
