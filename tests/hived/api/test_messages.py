"""Messages over the operator's socket."""

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
