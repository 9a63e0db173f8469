"""Messages over the operator's socket."""

import hashlib

import pytest

from hived.core import audit, message_views
from hived.wire.protocol import MAX_MESSAGE_BODY_BYTES
from tests.hived.api.conftest import Calls
from tests.support.books import Books


async def test_one_is_sent_listed_and_replied_to(host: Calls, books: Books) -> None:
    await books.agent("ada")
    status, sent = await host("POST", "/v1/messages", {"to": "ada", "body": "[red]hello[/]", "when": "now"})
    assert status == 201
    (message,) = sent["messages"]
    assert (message["sender"], message["status"], message["when"]) == ("operator", "queued", "now")
    assert (await host("GET", "/v1/messages"))[1]["messages"] == [message]
    _, reply = await host("POST", "/v1/messages", {"to": "ada", "body": "more", "reply_to": message["id"][:35]})
    assert reply["messages"][0]["thread"] == message["id"]


async def test_the_sender_is_the_socket_whatever_the_caller_says(host: Calls, books: Books) -> None:
    await books.agent("ada")
    status, _ = await host("POST", "/v1/messages", {"to": "ada", "body": "x", "sender": "hived"})
    assert status == 400


async def test_to_everyone_answers_with_one_message_each(host: Calls, books: Books) -> None:
    for name in ("ada", "bob"):
        await books.agent(name)
    _, sent = await host("POST", "/v1/messages", {"to": "*", "body": "x"})
    assert [message["recipient"] for message in sent["messages"]] == ["ada", "bob"]


async def test_the_operators_inbox_is_read_once(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    mine = await books.send("operator", "report", sender="ada", sender_id=ada)
    inbox = "/v1/messages?to=operator&unread=true"
    assert [message["id"] for message in (await host("GET", inbox))[1]["messages"]] == [mine.id]
    status, read = await host("POST", f"/v1/messages/{mine.id}/read")
    assert (status, read["status"]) == (200, "acked")
    assert (await host("GET", inbox))[1]["messages"] == []
    assert (await host("POST", f"/v1/messages/{mine.id}/read"))[0] == 200


async def test_lists_page_back(host: Calls, books: Books) -> None:
    await books.agent("ada")
    for number in range(5):
        await books.send("ada", str(number))
    _, newest = await host("GET", "/v1/messages?limit=2&agent=ada")
    assert [message["body"] for message in newest["messages"]] == ["3", "4"]
    _, older = await host("GET", f"/v1/messages?limit=2&before={newest['messages'][0]['id']}")
    assert [message["body"] for message in older["messages"]] == ["1", "2"]
    for name in ("operator", "hived"):
        assert (await host("GET", f"/v1/messages?agent={name}"))[0] == 200


async def test_a_thread_is_all_that_answers_its_first_message_by_any_of_them(host: Calls, books: Books) -> None:
    await books.agent("ada")
    first = await books.send("ada", "first")
    reply = await books.send("ada", "reply", reply_to=first.id)
    await books.send("ada", "another thread")
    for id in (first.id, reply.id, reply.id[:35]):
        _, page = await host("GET", f"/v1/messages?thread={id}")
        assert [message["body"] for message in page["messages"]] == ["first", "reply"]
    status, answer = await host("GET", "/v1/messages?thread=zzz")
    assert (status, answer["code"]) == (404, "message_not_found")


async def test_a_page_says_whether_there_are_older_ones_and_ends_early_where_they_are_long(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(message_views, "MOST_PAGE_CHARACTERS", 500_000)
    await books.agent("ada")
    sent = [(await books.send("ada", f"{number}" + "x" * 200_000)).id for number in range(5)]
    seen: list[str] = []
    before = ""
    while True:
        _, page = await host("GET", f"/v1/messages?limit=100{before}")
        assert 0 < len(page["messages"]) <= 2
        seen[:0] = [message["id"] for message in page["messages"]]
        if not page["more"]:
            break
        before = f"&before={seen[0]}"
    assert seen == sent


async def held(books: Books, body: str = "do it") -> str:
    ada = await books.agent("ada")
    sent = await books.send("ada", body)
    await books.claim(ada, "t1")
    await books.end_turn(ada, "t1", "failed", sent.id, error="no key", retryable=False)
    return sent.id


async def test_a_held_message_is_listed_edited_and_sent_again_with_who_did_it(host: Calls, books: Books) -> None:
    id = await held(books, "dö it")
    _, page = await host("GET", "/v1/messages?held=true")
    assert [message["id"] for message in page["messages"]] == [id]
    books.feed.clear()
    status, again = await host("POST", f"/v1/messages/{id}/retry", {"body": "do it better"})
    assert (status, again["status"], again["body"], again["edited_by"]) == (200, "queued", "do it better", "operator")
    assert [row.payload["body"] for row in books.feed if row.kind == "message"] == ["do it better"]
    entry = (await books.read(audit.list_entries))[-1]
    assert (entry.action, entry.actor.uid, entry.actor.pid) == ("message.retried", 1000, 4242)
    edited = entry.detail["edited"]
    assert (edited["bytes"], edited["sha256"]) == (6, hashlib.sha256("dö it".encode()).hexdigest())
    assert (await host("GET", "/v1/messages?held=true"))[1]["messages"] == []
    assert (await books.claim((await books.view("ada")).id, "t2")).messages[0].edited_by == "operator"


async def test_without_other_words_it_is_sent_as_it_was(host: Calls, books: Books) -> None:
    id = await held(books)
    status, again = await host("POST", f"/v1/messages/{id}/retry")
    assert (status, again["body"], again["edited_by"]) == (200, "do it", None)
    status, answer = await host("POST", f"/v1/messages/{id}/retry", {})
    assert (status, answer["code"]) == (409, "not_held")


@pytest.mark.parametrize(
    ("retry", "status", "code"),
    [
        ({"body": ""}, 400, "invalid_request"),
        ({"body": 7}, 400, "invalid_request"),
        ({"words": "x"}, 400, "invalid_request"),
        ({"body": "x" * (MAX_MESSAGE_BODY_BYTES + 1)}, 413, "too_large"),
        ({"body": "x" * 10_000_000}, 413, "too_large"),
    ],
)
async def test_words_that_cannot_be_sent_leave_it_held(
    host: Calls, books: Books, retry: dict[str, object], status: int, code: str
) -> None:
    id = await held(books)
    found, answer = await host("POST", f"/v1/messages/{id}/retry", retry)
    assert (found, answer["code"]) == (status, code)
    assert "\n" not in answer["message"]
    assert (await books.message(id)).status == "held"


async def test_a_body_of_ten_megabytes_is_one_sentence(host: Calls, books: Books) -> None:
    await books.agent("ada")
    for size in (MAX_MESSAGE_BODY_BYTES + 1, 10_000_000):
        status, answer = await host("POST", "/v1/messages", {"to": "ada", "body": "x" * size})
        assert (status, answer["code"]) == (413, "too_large")
        assert answer["message"].count(".") == 1
    assert await books.one("SELECT count(*) FROM messages") == 0
