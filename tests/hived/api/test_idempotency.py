"""The same key is the same call: done once, answered alike, even over a restart; and never another call."""

import asyncio
import http.client
from typing import Any

import pytest

from hived.api.host import create_host_app
from hived.core.hive import Hive
from tests.hived.api.conftest import Calls
from tests.support.books import Books
from tests.support.hive import live_hive, wait_until

KEY = {"idempotency-key": "a-key"}
HELLO = {"to": "ada", "body": "hello"}


async def count(books: Books) -> int:
    return int(await books.one("SELECT count(*) FROM messages"))


async def test_a_repeat_gets_the_same_answer_and_does_nothing(host: Calls, books: Books) -> None:
    await books.agent("ada")
    first = await host("POST", "/v1/messages", HELLO, headers=KEY)
    assert first[0] == 201
    assert await host("POST", "/v1/messages", HELLO, headers=KEY) == first
    assert await count(books) == 1


async def test_repeats_at_the_same_time_are_one(host: Calls, books: Books) -> None:
    await books.agent("ada")
    answers = await asyncio.gather(*(host("POST", "/v1/messages", HELLO, headers=KEY) for _ in range(20)))
    assert answers == [answers[0]] * 20
    assert await count(books) == 1


async def test_a_refusal_is_repeated_too(host: Calls, books: Books) -> None:
    first = await host("POST", "/v1/messages", HELLO, headers=KEY)
    assert (first[0], first[1]["code"]) == (404, "agent_not_found")
    await books.agent("ada")
    assert await host("POST", "/v1/messages", HELLO, headers=KEY) == first


@pytest.mark.parametrize(
    ("path", "body"),
    [("/v1/messages", {**HELLO, "body": "another"}), ("/v1/agents", HELLO), ("/v1/messages?x=1", HELLO)],
)
async def test_another_call_with_the_same_key_is_refused(host: Calls, books: Books, path: str, body: Any) -> None:
    await books.agent("ada")
    await host("POST", "/v1/messages", HELLO, headers=KEY)
    status, answer = await host("POST", path, body, headers=KEY)
    assert (status, answer["code"]) == (409, "idempotency_mismatch")
    assert await count(books) == 1


@pytest.mark.parametrize("key", ["x" * 201, "", "a\tb"])
async def test_a_key_has_a_form(host: Calls, key: str) -> None:
    status, answer = await host("POST", "/v1/messages", HELLO, headers={"idempotency-key": key})
    assert (status, answer["code"]) == (400, "invalid_request")


async def test_a_fault_is_not_kept(host: Calls, books: Books) -> None:
    await books.agent("ada")
    await books.do(lambda tx: tx.execute("ALTER TABLE messages RENAME TO away"))
    assert (await host("POST", "/v1/messages", HELLO, headers=KEY))[0] == 500
    await books.do(lambda tx: tx.execute("ALTER TABLE away RENAME TO messages"))
    assert (await host("POST", "/v1/messages", HELLO, headers=KEY))[0] == 201
    assert await count(books) == 1


async def test_the_answer_is_kept_in_the_transaction_of_the_deed(host: Calls, books: Books) -> None:
    """So a hived that is killed between the commit and the answer gives that answer after its restart."""
    asked = await books.ask("ada")
    kept_with_the_deed = []

    def on_feed(rows: object) -> None:
        kept_with_the_deed.append(books.one("SELECT count(*) FROM idempotency"))

    books.database.on_feed(on_feed)
    first = await host("POST", f"/v1/approvals/{asked}/approve", {}, headers=KEY)
    assert [await found for found in kept_with_the_deed] == [1]
    assert first[1]["status"] == "approved"

    other = Hive(books.hive.paths, books.config, books.database, books.hive.info)
    restarted = Calls(create_host_app(other))
    assert await restarted("POST", f"/v1/approvals/{asked}/approve", {}, headers=KEY) == first
    assert (await restarted("POST", f"/v1/approvals/{asked}/approve", {}))[1]["code"] == "already_decided"
    await restarted.http.aclose()


async def test_keys_of_one_caller_are_not_anothers(host: Calls, harness: Calls, books: Books) -> None:
    ask = {"id": "0199aaaa-0000-7000-8000-000000000001", "kind": "tool_use", "tool": "Bash", "input": {}}
    assert (await harness("POST", "/v1/approvals", ask, headers=KEY))[0] == 202
    assert (await host("POST", "/v1/messages", HELLO, headers=KEY))[0] == 201


async def test_old_answers_go(host: Calls, books: Books) -> None:
    await books.agent("ada")
    await host("POST", "/v1/messages", HELLO, headers=KEY)
    await books.do(lambda tx: tx.execute("UPDATE idempotency SET created_at = '2020'"))
    await host("POST", "/v1/messages", HELLO, headers={"idempotency-key": "another"})
    assert await books.one("SELECT group_concat(key) FROM idempotency") == "another"


async def test_reading_takes_no_notice_of_a_key(host: Calls, books: Books) -> None:
    assert (await host("GET", "/v1/agents", headers=KEY))[1] == {"agents": []}
    await books.agent("ada")
    assert len((await host("GET", "/v1/agents", headers=KEY))[1]["agents"]) == 1


def test_a_decision_whose_answer_was_lost_with_hived_is_answered_by_the_next_one() -> None:
    with live_hive({"HIVE_FAULT_POINT": "hived_decided"}) as hive:
        spec = {"name": "ada", "engine": "command", "engine_options": {"command": ["cat"]}}
        _, asked = hive.post("/v1/agents", spec, {"idempotency-key": "ask"})
        path = f"/v1/approvals/{asked['id']}/deny"
        with pytest.raises((OSError, http.client.HTTPException)):
            hive.post(path, {"note": "no"}, KEY)
        wait_until(lambda: hive.process is not None and hive.process.poll() is not None, "hived's death")
        hive.start()
        status, answer = hive.post(path, {"note": "no"}, KEY)
        assert (status, answer["status"], answer["note"]) == (200, "denied", "no")
        assert hive.post("/v1/agents", spec, {"idempotency-key": "ask"}) == (202, asked)
        assert hive.post(path, {"note": "no"})[1]["code"] == "already_decided"
