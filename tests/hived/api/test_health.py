"""Who answers, whether it is well, what a client begins with, and the word that ends it."""

from hived.wire.protocol import PROTOCOL
from tests.hived.api.conftest import Calls
from tests.support.books import Books


async def test_the_version_is_the_first_thing_to_ask(host: Calls) -> None:
    status, answer = await host("GET", "/v1/version")
    assert status == 200
    assert answer["protocol"] == PROTOCOL
    assert answer["version"] in answer["build"]


async def test_health_counts_agents_and_what_waits(host: Calls, books: Books) -> None:
    await books.agent("ada")
    await books.agent("bob", online=False)
    await books.ask("eve")
    _, health = await host("GET", "/v1/health")
    assert (health["status"], health["agents"], health["waiting"]) == ("ok", {"requested": 1, "running": 1}, 1)
    assert health["host_socket"] == str(books.hive.paths.host_socket)
    assert health["pid"] == 1


async def test_a_shutdown_is_answered_and_said(host: Calls, books: Books) -> None:
    status, answer = await host("POST", "/v1/shutdown")
    assert (status, answer["status"]) == (202, "stopping")
    assert books.hive.stopping.is_set()


async def test_a_snapshot_holds_all_that_a_client_draws(host: Calls, books: Books) -> None:
    await books.agent("ada")
    asked = await books.ask("eve")
    await books.send("ada", "hello")
    _, taken = await host("GET", "/v1/snapshot")
    assert taken["seq"] == books.feed[-1].seq
    assert [agent["name"] for agent in taken["agents"]] == ["ada"]
    assert [item["id"] for item in taken["waiting"]] == [approval["id"] for approval in taken["approvals"]] == [asked]
    assert [message["body"] for message in taken["messages"]] == ["hello"]
    assert (await host("GET", "/v1/waiting"))[1]["waiting"] == taken["waiting"]
