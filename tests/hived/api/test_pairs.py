"""Held pairs over the operator's socket."""

import asyncio

import pytest

from tests.hived.api.conftest import Calls
from tests.support.books import Books


@pytest.fixture
async def pair(books: Books) -> str:
    """The id of a held pair, `ada` and `bob`, that holds one message."""
    books.config.damper_messages = 4
    ids = {name: await books.agent(name) for name in ("ada", "bob")}
    for number in range(4):
        sender, recipient = ("ada", "bob")[number % 2], ("bob", "ada")[number % 2]
        await books.send(recipient, "thanks", sender=sender, sender_id=ids[sender])
    (item,) = await books.waiting()
    return item.id


async def test_it_is_listed_until_it_is_decided_and_with_all_after_that(host: Calls, pair: str) -> None:
    _, answer = await host("GET", "/v1/pairs")
    (listed,) = answer["pairs"]
    assert (listed["id"], sorted(listed["agents"]), listed["held"]) == (pair, ["ada", "bob"], 1)
    assert (await host("GET", "/v1/messages?held=true"))[1]["messages"][0]["pair_id"] == pair
    status, released = await host("POST", f"/v1/pairs/{pair[:34]}/release")
    assert (status, released["status"], released["decided_by"]["pid"]) == (200, "released", 4242)
    assert (await host("GET", "/v1/pairs"))[1]["pairs"] == []
    assert [item["status"] for item in (await host("GET", "/v1/pairs?all=true"))[1]["pairs"]] == ["released"]


async def test_of_many_who_decide_at_once_exactly_one_wins(host: Calls, pair: str) -> None:
    deeds = ["release", "drop"] * 10
    answers = await asyncio.gather(*(host("POST", f"/v1/pairs/{pair}/{deed}") for deed in deeds))
    assert sorted(status for status, _ in answers) == [200] + [409] * 19
    (won,) = [answer["status"] for status, answer in answers if status == 200]
    assert {answer["code"] for status, answer in answers if status == 409} == {"pair_decided"}
    assert all(f"already {won} by operator" in answer["message"] for status, answer in answers if status == 409)


async def test_the_same_key_is_the_same_decision(host: Calls, pair: str) -> None:
    first = await host("POST", f"/v1/pairs/{pair}/drop", headers={"idempotency-key": "k"})
    assert first[0] == 200
    assert await host("POST", f"/v1/pairs/{pair}/drop", headers={"idempotency-key": "k"}) == first


async def test_one_that_is_none_is_404(host: Calls) -> None:
    status, answer = await host("POST", "/v1/pairs/0000/release")
    assert (status, answer["code"]) == (404, "pair_not_found")
