"""Lists of what is very long come in short pages: one agent's asks fill no answer and no memory."""

import json
from typing import Any

from hived.wire.ids import new_id
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.speakers import Speaker

LONG = 900_000
MOST_ANSWER = 6 * 1024 * 1024


async def all_of(host: Calls, path: str, key: str) -> list[Any]:
    """Page by page, oldest first; each page is of a bounded length."""
    found: list[Any] = []
    before = ""
    while True:
        status, page = await host("GET", f"{path}{before}")
        assert status == 200
        assert len(json.dumps(page)) < MOST_ANSWER
        found[:0] = page[key]
        if not page["more"]:
            return found
        before = f"?before={found[0]['id']}"


async def test_asks_of_nearly_a_mebibyte_each_come_in_short_pages(host: Calls, harness: Calls, books: Books) -> None:
    asked = [new_id() for _ in range(12)]
    for number, ask_id in enumerate(asked):
        ask = {"id": ask_id, "kind": "tool_use", "tool": "Bash", "input": {"command": f"{number}" + "a" * LONG}}
        assert (await harness("POST", "/v1/approvals", ask))[0] == 202
    assert [one["id"] for one in await all_of(host, "/v1/approvals", "approvals")] == asked


async def test_long_questions_come_in_short_pages_and_begun_in_open_threads(
    host: Calls, harness: Calls, books: Books
) -> None:
    bob = Speaker(books, "bob", await books.agent("bob"))
    asked = [await bob.asks("ada", f"{number}" + "q" * 200_000) for number in range(40)]
    assert [one["id"] for one in await all_of(host, "/v1/questions", "questions")] == asked
    status, owed = await harness("GET", "/v1/open-threads")
    assert status == 200
    assert [one["id"] for one in owed["to_answer"]] == asked
    assert all(one["cut"] and len(one["text"]) == 4096 for one in owed["to_answer"])


async def test_a_page_that_holds_all_says_that_there_is_no_more(host: Calls, harness: Calls) -> None:
    for _ in range(2):
        ask = {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": new_id()}}
        assert (await harness("POST", "/v1/approvals", ask))[0] == 202
    assert [(await host("GET", f"/v1/approvals?limit={limit}"))[1]["more"] for limit in (1, 2, 3)] == [
        True,
        False,
        False,
    ]
