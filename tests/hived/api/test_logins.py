"""A login is carried to the operator and its code back; the code is found nowhere afterwards."""

import asyncio
import threading
from pathlib import Path
from typing import Any

import pytest

from hived.core import agents, logins
from hived.wire.approvals import Actor
from tests.hived.api.conftest import Calls
from tests.hived.api.test_turns import Told, answer, say
from tests.support.books import Books
from tests.support.hive import wait_until
from tests.support.own_agent import OwnAgent, event

URL = "https://login.example/x"
CODE = "c0de-7f3a9b51-never-to-be-seen"


def calling(host: Calls, method: str = "POST", body: Any = None, **more: Any) -> "asyncio.Task[tuple[int, Any]]":
    path = "/v1/agents/ada/login" + ("" if body is None else "/code")
    return asyncio.create_task(host(method, path, body, **more))


async def opened(host: Calls, books: Books) -> tuple[str, str, Told]:
    """(ada's id, the id of a login that is open, what her harness is told from then on)."""
    ada = await books.agent("ada")
    told = Told(books, ada)
    call = calling(host)
    what, payload = await told.next()
    assert what == "login_start"
    await say(books, ada, {"kind": "login_changed", "state": "open", "url": URL, **payload})
    status, view = await answer(call)
    assert (status, view["login"]["state"], view["login"]["url"]) == (200, "open", URL)
    return ada, payload["login_id"], told


async def test_a_login_that_works(host: Calls, books: Books) -> None:
    ada, login_id, told = await opened(host, books)
    call = calling(host, body={"code": f" {CODE}\n"})
    assert await told.next() == ("login_code", {"login_id": login_id, "code": CODE})
    await say(books, ada, {"kind": "login_changed", "state": "checking", "login_id": login_id})
    assert not call.done()
    await say(books, ada, {"kind": "login_changed", "state": "done", "login_id": login_id})
    status, view = await answer(call)
    assert (status, view["login"]["state"]) == (200, "done")


@pytest.mark.parametrize("where", ["link", "code"])
async def test_a_login_that_fails_says_why(host: Calls, books: Books, where: str) -> None:
    if where == "link":
        ada = await books.agent("ada")
        told = Told(books, ada)
        call = calling(host)
        login_id = (await told.next())[1]["login_id"]
    else:
        ada, login_id, told = await opened(host, books)
        call = calling(host, body={"code": CODE})
        await told.next()
    await say(books, ada, {"kind": "login_changed", "state": "failed", "login_id": login_id, "detail": "Invalid code."})
    status, said = await answer(call)
    assert (status, said["code"]) == (409, "login_failed")
    assert "Invalid code." in said["message"]


async def test_a_login_is_cancelled(host: Calls, books: Books) -> None:
    ada, login_id, told = await opened(host, books)
    call = calling(host, "DELETE")
    assert await told.next() == ("login_cancel", {"login_id": login_id})
    await say(books, ada, {"kind": "login_changed", "state": "cancelled", "login_id": login_id})
    status, view = await answer(call)
    assert (status, view["login"]["state"], view["login"]["url"]) == (200, "cancelled", None)
    assert (await host("DELETE", "/v1/agents/ada/login"))[1]["code"] == "no_login"


async def test_a_code_without_a_login_is_refused(host: Calls, books: Books) -> None:
    await books.agent("ada")
    for method, path, body in (("POST", "/login/code", {"code": "x"}), ("DELETE", "/login", None)):
        status, said = await host(method, f"/v1/agents/ada{path}", body)
        assert (status, said["code"]) == (409, "no_login")


async def test_one_that_another_takes_the_place_of_is_told_so(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    told = Told(books, ada)
    first = calling(host)
    await told.next()
    second = calling(host)
    login_id = (await told.next())[1]["login_id"]
    status, said = await answer(first)
    assert (status, said["code"]) == (409, "login_failed")
    await say(books, ada, {"kind": "login_changed", "state": "open", "login_id": login_id, "url": URL})
    assert (await answer(second))[0] == 200


async def test_a_harness_that_never_says_a_word_of_it_leaves_nothing_open(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("hived.api.answers.MARGIN_SECONDS", 0.05)
    monkeypatch.setattr("hived.api.logins.LINK_SECONDS", 0.0)
    await books.agent("ada")
    assert (await host("POST", "/v1/agents/ada/login"))[1]["code"] == "took_too_long"
    login = (await books.view("ada")).login
    assert login is not None
    assert login.state == "failed"


async def test_one_that_no_harness_has_heard_of_can_be_given_up(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada = await books.agent("ada")
    await books.do(lambda tx: logins.start_login(tx, "ada", Actor(who="operator")))  # and hived is killed
    assert (await books.view("ada")).login is not None, ada
    monkeypatch.setattr("hived.api.answers.MARGIN_SECONDS", 0.05)
    monkeypatch.setattr("hived.api.logins.CANCEL_SECONDS", 0.0)
    assert (await host("DELETE", "/v1/agents/ada/login"))[1]["code"] == "took_too_long"
    login = (await books.view("ada")).login
    assert login is not None
    assert login.state == "failed"
    assert (await host("DELETE", "/v1/agents/ada/login"))[1]["code"] == "no_login"


async def test_a_harness_that_ends_in_the_middle_ends_the_wait(host: Calls, books: Books) -> None:
    ada, _, told = await opened(host, books)
    call = calling(host, body={"code": CODE})
    await told.next()
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, "crashed", "a test", pid=None))
    assert (await answer(call))[1]["code"] == "login_failed"


@pytest.mark.parametrize("code", ["", " ", "a\nb", "\x1b", "x" * 4097, 7])
async def test_a_code_that_is_none_is_refused_without_being_repeated(host: Calls, books: Books, code: Any) -> None:
    await books.agent("ada")
    status, said = await host("POST", "/v1/agents/ada/login/code", {"code": code})
    assert (status, said["code"]) == (400, "invalid_request")
    assert "xxxx" not in str(said)


def test_the_code_is_found_nowhere_afterwards(ada: OwnAgent) -> None:
    """A real hived: its database with all it keeps beside it, its logs, its feed, and every answer."""
    control = ada.control()
    hello = control.next()
    assert hello is not None
    feed = ada.hive.stream("/v1/feed?after=0")
    ada.hive.call_later("POST", "/v1/agents/ada/login")
    login_id = until_told(control, "login_start")["login_id"]
    ada.post_events(event(1, "login_changed", login_id=login_id, state="open", url=URL))
    wait_until(lambda: (ada.hive.agent("ada")["login"] or {}).get("state") == "open", "the link")
    wrong = ada.hive.post("/v1/agents/ada/login/code", {"code": CODE + "\n\x07"}, {"idempotency-key": "k0"})
    malformed = ada.hive.post("/v1/agents/ada/login/code", b'{"code": "' + CODE.encode())
    answers: list[Any] = [wrong, malformed]

    def give() -> None:
        key = {"idempotency-key": "k1"}
        answers.append(ada.hive.post("/v1/agents/ada/login/code", {"code": CODE}, key))

    giver = threading.Thread(target=give)
    giver.start()
    assert until_told(control, "login_code") == {"login_id": login_id, "code": CODE}
    ada.post_events(event(2, "login_changed", login_id=login_id, state="done"))
    giver.join(20)
    assert answers[-1][0] == 200
    assert (wrong[0], malformed[0]) == (400, 400)
    fed = [feed.next() for _ in range(5)]
    ada.hive.stop()
    looked_at = 0
    for path in sorted(ada.hive.home.rglob("*")):
        if path.is_file():
            assert CODE.encode() not in path.read_bytes(), path
            looked_at += 1
    assert looked_at > 3
    assert Path(ada.hive.paths.database).exists()
    assert CODE not in repr(answers)
    assert CODE not in repr(fed)
    for stream in (control, feed):
        stream.close()


def until_told(control: Any, what: str) -> dict[str, Any]:
    while True:
        told = control.next()
        assert told is not None
        if told[0] == what:
            payload: dict[str, Any] = told[2]
            return payload
