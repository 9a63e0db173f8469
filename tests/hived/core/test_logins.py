"""A login's state is the harness's to say; an attempt that nobody goes on with has failed."""

from typing import Any

import pytest

from hived.core import agents, logins
from hived.wire.errors import AgentNotConnected, NoLogin, Unsupported
from tests.support.books import OPERATOR, Books, event

URL = "https://login.example/authorize?code=1&state=2"


async def start(books: Books) -> str:
    return await books.do(lambda tx: logins.start_login(tx, "ada", OPERATOR))


async def say(books: Books, agent_id: str, login_id: str, state: str, **payload: Any) -> None:
    cursor = (await books.view("ada")).cursor
    said = {"login_id": login_id, "state": state, **payload}
    await books.events(agent_id, event(cursor + 1, "login_changed", **said))


async def test_a_login_goes_from_its_start_to_its_end(books: Books) -> None:
    ada = await books.agent("ada")
    login_id = await start(books)
    assert books.rings[-1].payload == {"login_id": login_id}
    view = await books.view("ada")
    assert view.login is not None
    assert (view.login.state, view.login.url) == ("starting", None)
    for state, url in (("open", URL), ("checking", None), ("done", None)):
        await say(books, ada, login_id, state, url=URL if state == "open" else None)
        login = (await books.view("ada")).login
        assert login is not None
        assert (login.login_id, login.state, login.url) == (login_id, state, url)


@pytest.mark.parametrize(
    "url", ["javascript:alert(1)", "https://x y", "https://\x1b[31m", "http://", "https://" + "a" * 5000, 7, None, ""]
)
async def test_a_link_that_could_not_be_opened_is_none(books: Books, url: Any) -> None:
    ada = await books.agent("ada")
    await say(books, ada, "l1", "open", url=url)
    login = (await books.view("ada")).login
    assert login is not None
    assert (login.state, login.url, login.detail) == ("open", None, "The engine gave no link that could be shown.")


async def test_an_attempt_that_another_has_taken_the_place_of_says_nothing_more(books: Books) -> None:
    ada = await books.agent("ada")
    first = await start(books)
    second = await start(books)
    await say(books, ada, first, "cancelled")
    login = (await books.view("ada")).login
    assert login is not None
    assert (login.login_id, login.state) == (second, "starting")
    await say(books, ada, second, "failed", detail="no\nway")
    login = (await books.view("ada")).login
    assert login is not None
    assert (login.state, login.detail) == ("failed", "no way")
    await say(books, ada, "one-of-the-harness", "open", url=URL)
    login = (await books.view("ada")).login
    assert login is not None
    assert login.login_id == "one-of-the-harness"


async def test_a_new_generation_has_no_login_under_way(books: Books) -> None:
    ada = await books.agent("ada")
    login_id = await start(books)
    await say(books, ada, login_id, "open", url=URL)
    await books.do(agents.mark_unheard)
    login = (await books.view("ada")).login
    assert login is not None
    assert login.state == "open", "hived's own restart ends nothing"
    await books.do(lambda tx: agents.next_generation(tx, ada))
    login = (await books.view("ada")).login
    assert login is not None
    assert (login.login_id, login.state, login.url) == (login_id, "failed", None)
    assert "harness ended" in login.detail
    await books.do(lambda tx: agents.next_generation(tx, ada))
    assert (await books.view("ada")).login == login


@pytest.mark.parametrize("state", ["stopped", "crashed", "parked"])
async def test_an_agent_that_does_not_run_has_no_login_under_way(books: Books, state: Any) -> None:
    ada = await books.agent("ada")
    await start(books)
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, state, "a test", pid=None))
    login = (await books.view("ada")).login
    assert login is not None
    assert login.state == "failed"
    assert books.feed[-1].payload["login"]["state"] == "failed"


async def test_what_cannot_be_is_refused(books: Books) -> None:
    ada = await books.agent("ada")
    for change in (
        lambda tx: logins.give_code(tx, "ada", "x", OPERATOR),
        lambda tx: logins.cancel_login(tx, "ada", OPERATOR),
    ):
        with pytest.raises(NoLogin):
            await books.do(change)
    await start(books)
    with pytest.raises(NoLogin):
        await books.do(lambda tx: logins.give_code(tx, "ada", "x", OPERATOR))
    await books.do(lambda tx: tx.execute("""UPDATE agents SET abilities_json = '{"login": false}'"""))
    with pytest.raises(Unsupported, match="log in on its machine, or give it a key: hive rebuild ada --env-from NAME"):
        await start(books)
    await books.do(lambda tx: agents.set_online(tx, ada, 1, False))
    for change in (
        lambda tx: logins.start_login(tx, "ada", OPERATOR),
        lambda tx: logins.give_code(tx, "ada", "x", OPERATOR),
        lambda tx: logins.cancel_login(tx, "ada", OPERATOR),
    ):
        with pytest.raises(AgentNotConnected):
            await books.do(change)
