"""The setting files: an edit by hand is taken, what hived writes itself is no news, what is no setting is left alone."""

import asyncio
import contextlib
import json
import os
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import Any

import pytest

from hived.core import settings
from hived.supervision.setting_files import SettingFiles, Unfit, read_setting
from hived.wire.agents import ENGINES_OWN_MODEL, AgentView
from tests.hived.supervision.test_supervision import fake_hive, spawn
from tests.support.books import OPERATOR, Books
from tests.support.hive import wait_until

FILES = {"model": "model", "effort": "effort", "permission_mode": "permission-mode"}


def harness_folder(books: Books, name: str = "ada") -> Path:
    folder = books.hive.paths.agent(name).harness
    folder.mkdir(parents=True, exist_ok=True)
    return folder


@contextlib.asynccontextmanager
async def watching(books: Books) -> AsyncIterator[None]:
    """The watcher runs, and has read all files once."""
    files = SettingFiles(books.hive)
    seen = asyncio.Event()
    read_all = files.read_all

    async def read_and_tell() -> None:
        await read_all()
        seen.set()

    files.read_all = read_and_tell  # type: ignore[method-assign]
    task = asyncio.create_task(files.run())
    try:
        await asyncio.wait_for(seen.wait(), 60)
        yield
    finally:
        task.cancel()
        await asyncio.wait({task})


async def until(books: Books, condition: Callable[[AgentView], bool], name: str = "ada") -> AgentView:
    """ada's view once that holds of it."""

    def reached(conn: Any) -> bool:
        from hived.core import agents

        return condition(agents.view(conn, agents.find_agent(conn, name)["id"]))

    await books.hive.until(reached, seconds=60, what="what the test waits for")
    return await books.view(name)


async def edits(books: Books) -> int:
    return int(await books.one("SELECT count(*) FROM audit WHERE action LIKE 'agent.%_set'"))


@pytest.mark.parametrize("setting", FILES)
async def test_an_edit_by_hand_is_taken_audited_and_rung(books: Books, setting: str) -> None:
    ada = await books.agent("ada")
    file = harness_folder(books) / FILES[setting]
    async with watching(books):
        books.rings.clear()
        file.write_text("  plan\n")
        view = await until(books, lambda view: getattr(view, setting) == "plan")
        file.unlink()
        if setting != "model":
            view = await until(books, lambda view: getattr(view, setting) is None)
    assert getattr(view, setting) == ("plan" if setting == "model" else None)
    payload = {"model": "plan"} if setting == "model" else {"setting": setting, "value": "plan"}
    assert (books.rings[0].to, books.rings[0].payload) == (ada, payload)
    detail = json.loads(await books.one("SELECT detail_json FROM audit WHERE action LIKE 'agent.%_set'"))
    actor = json.loads(await books.one("SELECT actor_json FROM audit WHERE action LIKE 'agent.%_set'"))
    assert (detail["how"], actor["who"]) == ("edited by hand", "hived")


async def test_an_edit_made_while_hived_was_away_counts(books: Books) -> None:
    await books.agent("ada")
    (harness_folder(books) / "model").write_text("opus\n")
    (harness_folder(books) / "effort").write_text("high\n")
    await SettingFiles(books.hive).read_all()
    view = await books.view("ada")
    assert (view.model, view.effort) == ("opus", "high")
    await SettingFiles(books.hive).read_all()
    assert await edits(books) == 2


async def test_what_hived_writes_itself_is_no_edit(books: Books, host: Any) -> None:
    await books.agent("ada")
    harness_folder(books)
    async with watching(books):
        for number in range(5):
            await host("PUT", "/v1/agents/ada/model", {"model": f"m{number}"})
            await host("PUT", "/v1/agents/ada/effort", {"effort": f"e{number}"})
        (harness_folder(books) / "permission-mode").write_text("plan\n")  # seen after all the others
        await until(books, lambda view: view.permission_mode == "plan")
    assert await edits(books) == 11
    assert await books.one("SELECT count(*) FROM audit WHERE detail_json LIKE '%by hand%'") == 1


async def test_a_model_that_the_engine_calls_by_another_name_is_no_edit(books: Books) -> None:
    await books.agent("ada", model="haiku")
    (harness_folder(books) / "model").write_text("haiku\n")
    await books.do(lambda tx: tx.execute("UPDATE agents SET model = 'claude-haiku-4-5'"))
    await SettingFiles(books.hive).read_all()
    assert (await books.view("ada")).model == "claude-haiku-4-5"
    assert await edits(books) == 0


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"\xff\xfe\x00", "not UTF-8"),
        (b"x" * 5000, "too long"),
        (b"x" * 300, "longer than 200 characters"),
        (b"a\x1b[31m\n", "control characters"),
    ],
)
async def test_garbage_is_left_as_it_is_and_said_once(
    books: Books, content: bytes, reason: str, caplog: pytest.LogCaptureFixture
) -> None:
    await books.agent("ada", model="small")
    file = harness_folder(books) / "model"
    file.write_bytes(content)
    files = SettingFiles(books.hive)
    for _ in range(3):
        await files.read_all()
    assert (await books.view("ada")).model == "small"
    assert file.read_bytes() == content
    said = [record.getMessage() for record in caplog.records if record.levelname == "WARNING"]
    assert len(said) == 1
    assert reason in said[0]
    file.write_text("large\n")
    await files.read_all()
    assert (await books.view("ada")).model == "large"


@pytest.mark.parametrize("content", [b"", b" \n\n"])
async def test_a_blank_model_file_says_the_engines_own_as_it_does_to_the_harness(books: Books, content: bytes) -> None:
    await books.agent("ada", model="small")
    (harness_folder(books) / "model").write_bytes(content)
    await SettingFiles(books.hive).read_all()
    assert (await books.view("ada")).model == ENGINES_OWN_MODEL


async def test_a_file_that_is_none_is_not_followed(books: Books, tmp_path: Path) -> None:
    folder = harness_folder(books)
    secret = tmp_path / "secret"
    secret.write_text("stolen\n")
    os.symlink(secret, folder / "model")
    os.mkfifo(folder / "effort")
    (folder / "permission-mode").mkdir()
    for name, which in (("model", "model"), ("effort", "effort"), ("permission-mode", "permission_mode")):
        with pytest.raises(Unfit):
            read_setting(folder / name, which)  # type: ignore[arg-type]


async def test_folders_that_come_later_are_watched_too(books: Books) -> None:
    await books.agent("ada")
    harness_folder(books)
    async with watching(books):
        await books.agent("bob")
        folder = harness_folder(books, "bob")
        books.hive.folders_made.set()
        (folder / "model").write_text("opus\n")
        assert (await until(books, lambda view: view.model == "opus", "bob")).model == "opus"
        (folder / "effort").write_text("low\n")
        await until(books, lambda view: view.effort == "low", "bob")
        (harness_folder(books) / "effort").write_text("high\n")
        await until(books, lambda view: view.effort == "high")


async def test_a_model_file_elsewhere_is_watched_where_it_is(
    books: Books, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HIVE_MODEL_FILE", str(tmp_path / "which-model"))
    await books.agent("ada")
    harness_folder(books)
    async with watching(books):
        (tmp_path / "which-model").write_text("opus\n")
        await until(books, lambda view: view.model == "opus")


async def test_a_busy_journal_beside_them_hides_no_edit(books: Books) -> None:
    """Journals lie in the same folder and are written all the time."""
    await books.agent("ada")
    folder = harness_folder(books)
    stop = asyncio.Event()

    def write_on() -> None:
        with open(folder / "events.sqlite-wal", "ab", buffering=0) as file:
            while not stop.is_set():
                file.write(b"x")

    async with watching(books):
        busy = asyncio.create_task(asyncio.to_thread(write_on))
        try:
            (folder / "effort").write_text("high\n")
            await until(books, lambda view: view.effort == "high")
        finally:
            stop.set()
            await busy


async def test_a_folder_that_is_gone_is_no_edit(books: Books) -> None:
    await books.agent("ada")
    await books.do(lambda tx: settings.set_setting(tx, "ada", "effort", "high", OPERATOR))
    await SettingFiles(books.hive).read_all()
    assert (await books.view("ada")).effort == "high"


def test_a_real_hived_takes_edits_before_and_after_its_start_and_starts_harnesses_on_them() -> None:
    with fake_hive() as hive:
        spawn(hive, "ada", "good", model="small")
        hive.until_online("ada")
        folder = hive.paths.agent("ada").harness
        (folder / "model").write_text("large\n")
        wait_until(lambda: hive.agent("ada")["model"] == "large", "the edit")
        assert hive.put("/v1/agents/ada/effort", {"effort": "high"})[0] == 200
        assert hive.put("/v1/agents/ada/permission-mode", {"permission_mode": "plan"})[0] == 200
        assert hive.stop() == 0
        (folder / "model").write_text("larger\n")
        (folder / "effort").unlink()
        hive.start()
        agent = hive.agent("ada")
        assert (agent["model"], agent["effort"], agent["permission_mode"]) == ("larger", None, "plan")
        hive.post("/v1/agents/ada/stop")
        for name in ("model", "permission-mode"):
            (folder / name).rename(folder / f"{name}.away")
        hive.stop()
        (folder / "permission-mode.away").rename(folder / "permission-mode")
        hive.start()
        hive.post("/v1/agents/ada/start")
        assert (folder / "model").read_text() == "larger\n"
        assert (folder / "permission-mode").read_text() == "plan\n"


async def test_files_that_are_behind_the_books_are_written_and_one_that_cannot_be_is_left_for_later(
    books: Books,
) -> None:
    for name in ("ada", "bob"):
        await books.agent(name, model="old")
        folder = harness_folder(books, name)
        (folder / "model").write_text("old\n")
        (folder / "effort").write_text("high\n")
    await books.do(lambda tx: tx.execute("UPDATE agents SET files_behind = 1, model_set = 'new', model = 'new'"))
    blocked = harness_folder(books, "bob") / "effort"
    blocked.unlink()
    blocked.mkdir()  # nobody can write a line there
    files = SettingFiles(books.hive)
    await files.read_all()
    assert (harness_folder(books) / "model").read_text() == "new\n"
    assert not (harness_folder(books) / "effort").exists()
    assert [(await books.view(name)).model for name in ("ada", "bob")] == ["new", "new"]
    assert await books.one("SELECT group_concat(name) FROM agents WHERE files_behind") == "bob"
    blocked.rmdir()
    await files.read_all()
    assert await books.one("SELECT count(*) FROM agents WHERE files_behind") == 0
    assert (harness_folder(books, "bob") / "model").read_text() == "new\n"
