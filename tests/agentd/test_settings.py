"""Model, effort and permission mode: files that are read at each turn, in force at once where the engine can."""

import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from agentd.settings import SettingFiles, Settings
from tests.agentd.rig import Rig, until

SAYS = {"repeat": True, "steps": [{"say_settings": True}]}
WAITS = {"steps": [{"say": "begun"}, {"wait_for_file": "go"}, {"say_settings": True}]}
ENGINE = {"efforts": ["low", "high"], "permission_modes": ["ask", "plan"]}


def texts(rig: Rig) -> list[str]:
    return [payload["text"] for payload in rig.stub.payloads("text")]


def write(rig: Rig, **values: str) -> None:
    for name, value in values.items():
        (rig.harness / name.replace("_", "-")).write_text(f"{value}\n")


@pytest.mark.parametrize(
    ("content", "wanted"),
    [
        (None, None),
        (b"", None),
        (b" \n\n", None),
        (b"\n high \nlow\n", "high"),
        (b"\xff\xfe", None),
        (b"x" * 5000, "x" * 200),
    ],
)
def test_a_file_sets_its_first_line_and_one_that_cannot_be_read_sets_nothing(
    tmp_path: Path, content: bytes | None, wanted: str | None
) -> None:
    for name in ("model", "effort", "permission-mode"):
        if content is not None:
            (tmp_path / name).write_bytes(content)
    found = SettingFiles(tmp_path / "model", tmp_path).read()
    assert found == Settings(wanted or "default", wanted, wanted)


@pytest.mark.parametrize("plant", [os.mkfifo, os.mkdir, lambda path: os.symlink("/dev/zero", path)])
def test_what_stands_in_a_files_place_is_neither_waited_for_nor_followed(
    plant: Callable[[Path], None], tmp_path: Path
) -> None:
    for name in ("model", "effort", "permission-mode"):
        plant(tmp_path / name)
    assert SettingFiles(tmp_path / "model", tmp_path).read() == Settings()


async def test_what_is_set_between_turns_is_in_force_at_the_next(rig: Rig) -> None:
    rig.scripted(SAYS, engine=ENGINE)
    write(rig, model="small", effort="low")
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    write(rig, model="large", effort="high", permission_mode="plan")
    await rig.stub.send("two")
    await rig.stub.turn_ends(2)
    first, second = texts(rig)
    assert ("small" in first, "low" in first, "plan" in first) == (True, True, False)
    assert all(word in second for word in ("large", "high", "plan"))
    assert rig.stub.payloads("model_changed") == [{"model": "large", "previous": "small"}]


async def test_a_setting_in_mid_turn_is_in_force_at_once_where_the_engine_can(rig: Rig) -> None:
    rig.scripted(WAITS, engine=ENGINE)
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    write(rig, effort="high", permission_mode="plan", model="large")
    await rig.stub.ring("setting", {"setting": "effort", "value": "high"})
    await rig.stub.until(lambda: rig.stub.payloads("model_changed"), "the change being taken")
    (rig.workspace / "go").touch()
    await rig.stub.turn_ends()
    assert all(word in texts(rig)[1] for word in ("large", "high", "plan"))


async def test_an_engine_that_cannot_is_started_again_on_its_session_with_the_next_turn(rig: Rig) -> None:
    rig.scripted(WAITS, SAYS, engine={**ENGINE, "at_once": False})
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    write(rig, effort="high", model="large")
    await rig.stub.ring("setting", {"setting": "effort", "value": "high"})
    (rig.workspace / "go").touch()
    (first,) = await rig.stub.turn_ends(1)
    assert "high" not in texts(rig)[1]
    await rig.stub.send("two")
    second = (await rig.stub.turn_ends(2))[1]
    assert all(word in texts(rig)[2] for word in ("large", "high"))
    assert second["session_id"] == first["session_id"]
    assert "the engine is started again" in rig.log()


async def test_the_engines_own_model_is_never_named_to_it(rig: Rig) -> None:
    """Back to the default takes another start: there is no name for it that could be set."""
    rig.scripted(SAYS, engine=ENGINE)
    write(rig, model="large")
    await rig.start()
    await rig.stub.send("one")
    await rig.stub.turn_ends(1)
    (rig.harness / "model").unlink()
    await rig.stub.send("two")
    await rig.stub.turn_ends(2)
    assert "the engine is started again" in rig.log()
    assert rig.stub.payloads("model_changed") == [{"model": "default", "previous": "large"}]


async def test_a_longer_name_that_the_engine_gives_its_model_is_no_reason_to_start_it_again(rig: Rig) -> None:
    rig.scripted({"repeat": True, "steps": [{"model": "small-2026-01-01"}, {"say_settings": True}]}, engine=ENGINE)
    write(rig, model="small")
    await rig.start()
    for count in (1, 2):
        await rig.stub.send("one")
        await rig.stub.turn_ends(count)
    assert "started again" not in rig.log()
    assert rig.stub.payloads("model_changed") == [{"model": "small-2026-01-01", "previous": "small"}]


async def test_what_the_engine_can_and_offers_is_reported_at_the_start(rig: Rig) -> None:
    rig.scripted(
        SAYS, engine={**ENGINE, "models": ["small", {"name": "large", "window": 1_000_000}], "closed_models": True}
    )
    await rig.start()
    assert [model["name"] for model in rig.report()["models"]] == ["small", "large"]
    abilities = rig.report()["abilities"]
    assert (abilities["efforts"], abilities["closed_models"], abilities["compact"]) == (["low", "high"], True, True)


async def test_a_model_that_the_engine_does_not_have_is_the_failed_turn_that_it_causes(rig: Rig) -> None:
    rig.scripted(SAYS, engine={"models": ["small"], "closed_models": True})
    write(rig, model="huge")
    await rig.start()
    await rig.stub.send("one")
    (end,) = await rig.stub.turn_ends()
    assert (end["outcome"], end["retryable"]) == ("failed", False)
    assert "huge" in end["error"]


async def test_bytes_without_words_are_told_live_at_most_once_a_second_and_in_a_turn_alone(rig: Rig) -> None:
    rig.scripted({"steps": [{"work_seconds": 3.2}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    told = [event for event in rig.stub.live if event["kind"] == "activity"]
    assert 1 <= len(told) <= 4
    assert all(event["id"] is None for event in told)
    moments = [event["payload"]["last_byte_at"] for event in told]
    assert moments == sorted(set(moments))
    assert "activity" not in rig.stub.kinds()


async def test_where_events_come_nothing_more_is_told(rig: Rig) -> None:
    rig.command("import time\nfor n in range(12): print(n, flush=True); time.sleep(0.2)")
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.turn_ends()
    assert not [event for event in rig.stub.live if event["kind"] == "activity"]


async def test_an_engine_that_says_nothing_is_not_said_to_be_alive(rig: Rig) -> None:
    rig.scripted({"steps": [{"say": "begun"}, {"wait_for_file": "go"}]})
    await rig.start()
    await rig.stub.send("please")
    await rig.stub.until(lambda: rig.stub.payloads("text"), "the turn running")
    began = time.monotonic()
    await until(lambda: time.monotonic() > began + 1.5, "more than a second of silence")
    (rig.workspace / "go").touch()
    await rig.stub.turn_ends()
    assert not [event for event in rig.stub.live if event["kind"] == "activity"]
