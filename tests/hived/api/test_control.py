"""The control stream: presence, the first word, and rings."""

import asyncio

from hived.api.control import Streams, control_stream
from hived.api.sse import EventStream
from hived.core.agent_views import view
from tests.support.books import Books
from tests.support.hive import SseStream, wait_until
from tests.support.own_agent import OwnAgent, event


def expect(stream: SseStream, kind: str) -> dict[str, object]:
    found = stream.next()
    assert found is not None
    assert found[0] == kind, found
    data: dict[str, object] = found[2]
    return data


def test_hello_comes_first_and_makes_the_agent_online(ada: OwnAgent) -> None:
    assert ada.hive.agent("ada")["online"] is False
    stream = ada.control()
    hello = expect(stream, "hello")
    assert hello["name"] == "ada"
    assert (hello["generation"], hello["cursor"], hello["unread"], hello["stop"]) == (1, 0, 0, False)
    wait_until(lambda: ada.hive.agent("ada")["lifecycle"]["state"] == "running", "running")
    assert ada.hive.agent("ada")["online"] is True
    stream.close()
    wait_until(lambda: ada.hive.agent("ada")["online"] is False, "offline")


def test_a_newer_stream_ends_the_older_one_and_the_agent_stays_online(ada: OwnAgent) -> None:
    older = ada.control()
    expect(older, "hello")
    newer = ada.control()
    expect(newer, "hello")
    assert older.next() is None
    older.close()
    assert ada.hive.agent("ada")["online"] is True
    newer.close()
    wait_until(lambda: ada.hive.agent("ada")["online"] is False, "offline")


def test_an_older_generation_is_refused(ada: OwnAgent) -> None:
    ada.generation = 0
    stream = ada.control()
    assert stream.status == 409
    assert b"stale_generation" in stream.answer.read()
    stream.close()


def test_a_call_without_its_generation_is_refused(ada: OwnAgent) -> None:
    stream = SseStream(ada.paths.socket, "/v1/control", {"hive-journal": "x"})
    assert stream.status == 400
    assert b"invalid_request" in stream.answer.read()
    stream.close()


def test_a_message_rings(ada: OwnAgent) -> None:
    stream = ada.control()
    expect(stream, "hello")
    ada.hive.post("/v1/messages", {"to": "ada", "body": "wake up"})
    assert expect(stream, "wake")["unread"] == 1
    stream.close()
    again = ada.control()
    assert expect(again, "hello")["unread"] == 1
    again.close()


def test_hello_says_again_what_was_refused_last(ada: OwnAgent) -> None:
    ada.post_events(event(1, "message_out", message_id="m", to="nobody", body="x"))
    stream = ada.control()
    assert expect(stream, "hello")["refused"] == [
        {"message_id": "m", "code": "agent_not_found", "message": "There is no agent 'nobody'."}
    ]
    stream.close()


def test_hello_knows_the_cursor_of_that_journal(ada: OwnAgent) -> None:
    ada.post_events(event(1), event(2))
    stream = ada.control()
    assert expect(stream, "hello")["cursor"] == 2
    stream.close()
    ada.journal_uuid = "another"
    stream = ada.control()
    assert expect(stream, "hello")["cursor"] == 0
    stream.close()


def test_a_stop_rings_an_agent_that_is_online(ada: OwnAgent) -> None:
    stream = ada.control()
    expect(stream, "hello")
    wait_until(lambda: ada.hive.agent("ada")["lifecycle"]["state"] == "running", "running")
    ada.hive.call_later("POST", "/v1/agents/ada/stop")
    assert "stopped" in str(expect(stream, "stop")["reason"])
    stream.close()


async def test_the_end_of_an_older_stream_in_the_commit_of_a_newer_one_leaves_the_agent_online(books: Books) -> None:
    ada = await books.agent("ada")
    streams: Streams = {}

    async def connect() -> EventStream:
        return await control_stream(books.hive, streams, ada, 1, "journal")

    async def end(stream: EventStream) -> None:
        """Its reader goes away at once."""

        async def receive() -> dict[str, object]:
            return {"type": "http.disconnect"}

        async def send(message: object) -> None:
            return None

        await stream({"type": "http"}, receive, send)

    older = await connect()
    arriving = asyncio.create_task(connect())
    await asyncio.sleep(0)  # its change is queued; the older stream ends before it is made
    await end(older)
    newer = await arriving
    assert (await books.read(lambda conn: view(conn, ada))).online
    await end(newer)
    assert not (await books.read(lambda conn: view(conn, ada))).online
