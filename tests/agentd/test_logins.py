"""Carrying an engine's login: one at a time, its code kept nowhere, ended whatever happens; and whether one is needed."""

import asyncio
import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from agentd.engines.base import EngineFailed
from agentd.event_lines import payload_text
from agentd.journal import Journal
from agentd.logins import Logins
from tests.agentd.rig import Rig, until

CODE = "secret-code#state"


class FakeLogin:
    """Gives a link, takes one code."""

    def __init__(self, *, begins: bool = True, hangs: bool = False) -> None:
        self.begins = begins
        self.hangs = hangs
        self.given: list[str] = []
        self.cancelled = 0

    async def begin(self) -> str:
        if self.hangs:
            await asyncio.Event().wait()
        if not self.begins:
            raise EngineFailed("failed", "The login cannot begin.", retryable=False)
        return "https://example.test/login"

    async def finish(self, code: str) -> None:
        self.given.append(code)
        if code != CODE:
            raise EngineFailed("failed", f"The code {code} is not\nvalid.", retryable=False)

    async def cancel(self) -> None:
        self.cancelled += 1


class Setting:
    def __init__(self, folder: Path, journal: Journal) -> None:
        self.folder = folder
        self.journal = journal
        self.login = FakeLogin()
        self.made: list[FakeLogin] = []
        self.done = 0
        self.logged: list[str] = []
        self.events: list[dict[str, Any]] = []

    def logins(self, **seconds: float) -> Logins:
        return Logins(self.make, self.journal, self.worked, self.logged.append, **seconds)

    def make(self) -> FakeLogin:
        self.made.append(self.login)
        return self.login

    async def worked(self) -> None:
        self.done += 1

    async def said(self) -> list[dict[str, Any]]:
        await self.journal.flush()
        return [payload for _, payload in await self.journal.newest(("login_changed",), 50)]

    async def states(self) -> list[str]:
        return [payload["state"] for payload in await self.said()]

    async def until_said(self, state: str, count: int = 1) -> None:
        async with asyncio.timeout(60):
            while (await self.states()).count(state) < count:  # noqa: ASYNC110 - a journal has no Event
                await asyncio.sleep(0)


@pytest.fixture
async def setting(tmp_path: Path) -> AsyncIterator[Setting]:
    journal = await Journal.open(tmp_path / "events.sqlite", tmp_path / "overflow")
    task = asyncio.create_task(journal.run())
    try:
        yield Setting(tmp_path, journal)
    finally:
        task.cancel()
        await asyncio.wait({task})
        await journal.close()


async def test_a_link_goes_out_a_code_comes_back_and_it_is_done(setting: Setting) -> None:
    logins = setting.logins()
    logins.start("one")
    await setting.until_said("open")
    logins.give("one", CODE)
    await setting.until_said("done")
    assert await setting.states() == ["open", "checking", "done"]
    assert (await setting.said())[0] == {
        "login_id": "one", "state": "open", "url": "https://example.test/login", "detail": ""
    }  # fmt: skip
    assert (setting.login.given, setting.login.cancelled, setting.done) == ([CODE], 1, 1)
    assert setting.journal.get("login_open") is None


async def test_the_code_is_kept_nowhere_even_where_the_engine_repeats_it(setting: Setting) -> None:
    logins = setting.logins()
    logins.start("one")
    await setting.until_said("open")
    logins.give("one", "wrong-code")
    await setting.until_said("failed")
    assert (await setting.said())[-1]["detail"] == "The code … is not valid."
    written = "".join(file.read_bytes().decode("latin-1") for file in setting.folder.iterdir() if file.is_file())
    assert "wrong-code" not in written + "".join(setting.logged) + payload_text({"all": await setting.said()})
    assert setting.login.cancelled == 1


async def test_one_that_cannot_begin_says_why(setting: Setting) -> None:
    setting.login = FakeLogin(begins=False)
    setting.logins().start("one")
    await setting.until_said("failed")
    assert (await setting.said())[-1]["detail"] == "The login cannot begin."


async def test_one_can_be_cancelled_and_another_then_begun(setting: Setting) -> None:
    logins = setting.logins()
    logins.start("one")
    await setting.until_said("open")
    logins.cancel("another")
    logins.cancel("one")
    await setting.until_said("cancelled")
    assert setting.login.cancelled == 1
    logins.give("one", CODE)
    logins.start("two")
    await setting.until_said("open", 2)
    logins.give("one", CODE)
    logins.give("two", CODE)
    await setting.until_said("done")
    assert await setting.states() == ["open", "cancelled", "open", "checking", "done"]


async def test_one_that_has_worked_is_said_to_be_done_though_it_is_cancelled_then(setting: Setting) -> None:
    entered = asyncio.Event()

    async def looks_for_long() -> None:
        entered.set()
        await asyncio.Event().wait()

    logins = Logins(setting.make, setting.journal, looks_for_long, setting.logged.append)
    logins.start("one")
    await setting.until_said("open")
    logins.give("one", CODE)
    async with asyncio.timeout(60):
        await entered.wait()
    logins.cancel("one")
    await setting.until_said("done")
    assert await setting.states() == ["open", "checking", "done"]
    assert setting.journal.get("login_open") is None


async def test_a_new_one_ends_the_one_that_is_open(setting: Setting) -> None:
    logins = setting.logins()
    first = setting.login
    logins.start("one")
    await setting.until_said("open")
    setting.login = FakeLogin()
    logins.start("two")
    await setting.until_said("open", 2)
    assert first.cancelled == 1
    assert [(payload["login_id"], payload["state"]) for payload in await setting.said()] == [
        ("one", "open"), ("one", "cancelled"), ("two", "open"),
    ]  # fmt: skip
    await logins.close()


async def test_a_link_that_nobody_follows_is_given_up(setting: Setting) -> None:
    setting.logins(open_seconds=0.05).start("one")
    await setting.until_said("cancelled")
    assert "Nobody brought a code" in (await setting.said())[-1]["detail"]
    assert setting.login.cancelled == 1


async def test_an_engine_that_hangs_is_given_up(setting: Setting) -> None:
    setting.login = FakeLogin(hangs=True)
    setting.logins(step_seconds=0.05).start("one")
    await setting.until_said("failed")
    assert "gave no link within" in (await setting.said())[-1]["detail"]
    assert setting.login.cancelled == 1


async def test_a_harness_that_stops_ends_the_login(setting: Setting) -> None:
    logins = setting.logins()
    logins.start("one")
    await setting.until_said("open")
    await logins.close()
    assert setting.login.cancelled == 1
    assert (await setting.states())[-1] == "cancelled"


async def test_one_that_an_earlier_harness_died_in_is_failed_by_the_next(setting: Setting) -> None:
    setting.journal.set("login_open", "one")
    setting.logins().mend()
    assert await setting.said() == [
        {"login_id": "one", "state": "failed", "url": None, "detail": "The harness ended in the middle of the login."}
    ]
    setting.logins().mend()
    assert len(await setting.said()) == 1


async def test_an_engine_without_a_login_says_so_through_a_real_harness(rig: Rig) -> None:
    rig.scripted({"steps": []})
    await rig.start()
    await rig.stub.ring("login_start", {"login_id": "one"})
    await rig.stub.until(lambda: rig.stub.payloads("login_changed"), "the login being said")
    (said,) = rig.stub.payloads("login_changed")
    assert (said["login_id"], said["state"]) == ("one", "failed")
    assert "has no login to carry" in said["detail"]


async def test_a_missing_login_outlasts_the_harness_until_a_turn_works(rig: Rig) -> None:
    rig.scripted({"steps": [{"needs_login": "log in first"}]}, {"repeat": True, "steps": [{"say": "in"}]})
    await rig.start()
    message = await rig.stub.send("please")
    (end,) = await rig.stub.turn_ends()
    assert end["outcome"] == "needs_login"
    since = next(c for c in await _conditions(rig) if c["kind"] == "needs_login")["since"]
    await rig.kill()
    await rig.start()
    (found,) = [condition for condition in rig.report()["conditions"] if condition["kind"] == "needs_login"]
    assert (found["detail"], found["since"]) == ("log in first", since)
    await rig.stub.send("again")
    ends = await rig.stub.turn_ends(2)
    assert ends[1]["outcome"] == "ok"
    await rig.stub.until(lambda: rig.stub.books.messages[message]["status"] == "acked", "what was held coming again")


async def _conditions(rig: Rig) -> list[dict[str, Any]]:
    """As the journal's facts have them."""
    await until(lambda: "needs_login" in rig.facts(), "the condition being kept")
    return [{"kind": "needs_login", **json.loads(rig.facts()["needs_login"])}]
