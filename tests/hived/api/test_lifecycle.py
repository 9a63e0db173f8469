"""start, stop, restart and cancel-turn answer when the thing has happened; here the test is the supervision."""

import asyncio
from typing import Any

import pytest

from hived.api import answers
from hived.core import agents, deployment_steps, deployments
from hived.store.database import Connection, Row
from hived.wire.agents import LifecycleState, SpawnRequest
from tests.hived.api.conftest import Calls
from tests.support.books import OPERATOR, Books, event


async def looked(books: Books) -> None:
    """The supervision's bell has rung."""
    await asyncio.wait_for(books.hive.look.wait(), 10)
    books.hive.look.clear()


async def become(books: Books, agent_id: str, state: LifecycleState, cause: str = "a test says so") -> None:
    await books.do(lambda tx: agents.set_lifecycle(tx, agent_id, state, cause, pid=None))


async def come_up(books: Books, agent_id: str) -> None:
    generation = await books.do(lambda tx: agents.next_generation(tx, agent_id))
    await books.do(lambda tx: agents.set_online(tx, agent_id, generation, True))
    await become(books, agent_id, "running")


def calling(host: Calls, action: str) -> "asyncio.Task[tuple[int, Any]]":
    return asyncio.create_task(host("POST", f"/v1/agents/ada/{action}"))


async def test_a_start_is_answered_when_it_runs_and_is_connected(host: Calls, books: Books) -> None:
    ada = await books.agent("ada", online=False)
    await become(books, ada, "stopped")
    books.hive.look.clear()
    start = calling(host, "start")
    await looked(books)
    assert (await books.view("ada")).lifecycle.state == "requested"
    await become(books, ada, "running")
    assert not start.done()
    await come_up(books, ada)
    status, view = await asyncio.wait_for(start, 10)
    assert (status, view["online"], view["lifecycle"]["state"]) == (200, True, "running")


async def test_a_start_of_one_that_runs_is_answered_at_once(host: Calls, books: Books) -> None:
    await books.agent("ada")
    assert (await asyncio.wait_for(host("POST", "/v1/agents/ada/start"), 5))[0] == 200


@pytest.mark.parametrize("state", ["parked", "crashed"])
async def test_a_start_that_fails_says_why(host: Calls, books: Books, state: LifecycleState) -> None:
    ada = await books.agent("ada", online=False)
    await become(books, ada, "parked", "the last time")
    books.hive.look.clear()
    start = calling(host, "start")
    await looked(books)
    await become(books, ada, state, "its program is missing")
    status, answer = await asyncio.wait_for(start, 10)
    assert (status, answer["code"]) == (502, "start_failed")
    assert "its program is missing" in answer["message"]


async def test_a_start_that_is_stopped_meanwhile_says_so(host: Calls, books: Books) -> None:
    ada = await books.agent("ada", online=False)
    await become(books, ada, "stopped")
    books.hive.look.clear()
    start = calling(host, "start")
    await looked(books)
    stop = calling(host, "stop")
    await looked(books)
    await become(books, ada, "stopped")
    status, answer = await asyncio.wait_for(start, 10)
    assert (status, answer["code"]) == (502, "start_failed")
    assert (await asyncio.wait_for(stop, 10))[1]["lifecycle"]["state"] == "stopped"


async def test_what_does_not_happen_in_time_is_told(host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("hived.api.answers.MARGIN_SECONDS", 0.05)
    books.config.start_seconds = books.config.prove_seconds = books.config.stop_seconds = 0.01
    ada = await books.agent("ada", online=False)
    await become(books, ada, "starting")
    for action in ("start", "stop", "restart"):
        status, answer = await host("POST", f"/v1/agents/ada/{action}")
        assert (status, answer["code"]) == (504, "took_too_long")


async def being_built(books: Books, monkeypatch: pytest.MonkeyPatch) -> tuple[str, Row, asyncio.Event]:
    """An agent whose first deployment failed, that is to be started and is built anew; the event: its start has run out of time."""
    monkeypatch.setattr(answers, "MARGIN_SECONDS", 0.01)
    books.config.start_seconds = books.config.stop_seconds = books.config.prove_seconds = 0.01
    ada = await books.agent("ada", online=False)
    await become(books, ada, "parked", "its config could not be deployed (setup): make: no rule")
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    asked = await books.do(lambda tx: deployments.queue_first(tx, ada, actor=OPERATOR))
    row = await books.read(lambda conn: deployments.find_deployment(conn, asked.id))
    late, real, loop = asyncio.Event(), answers._being_built, asyncio.get_running_loop()

    def looked_at(conn: Connection, name: str) -> Row | None:
        loop.call_soon_threadsafe(late.set)
        return real(conn, name)

    monkeypatch.setattr(answers, "_being_built", looked_at)
    return ada, row, late


async def test_a_start_waits_for_the_setup_and_only_then_its_time_runs(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    ada, row, late = await being_built(books, monkeypatch)
    start = calling(host, "start")
    for _ in range(3):
        await asyncio.wait_for(late.wait(), 20)
        late.clear()
        assert not start.done()
    monkeypatch.setattr(answers, "MARGIN_SECONDS", 20.0)
    request = SpawnRequest(name="ada", engine="scripted")
    await books.do(lambda tx: deployment_steps.begin_start(tx, row["id"], request, "a" * 40, None))
    await come_up(books, ada)
    assert (await asyncio.wait_for(start, 20))[0] == 200


async def test_a_start_that_the_machine_keeps_from_being_built_says_so(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, row, _ = await being_built(books, monkeypatch)
    await books.do(lambda tx: deployment_steps.note_trouble(tx, row, "the disk is full; it is tried again."))
    status, answer = await host("POST", "/v1/agents/ada/start")
    assert (status, answer["code"]) == (504, "took_too_long")
    assert answer["message"] == (
        "The start of ada has not happened yet; its config is still being built: the disk is full; it is tried again."
    )


async def test_a_start_whose_setup_fails_again_says_why(
    host: Calls, books: Books, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, row, late = await being_built(books, monkeypatch)
    start = calling(host, "start")
    await asyncio.wait_for(late.wait(), 20)
    await books.do(lambda tx: deployment_steps.end_badly(tx, row["id"], "setup", "make: still no rule"))
    status, answer = await asyncio.wait_for(start, 20)
    assert (status, answer["code"], "make: still no rule" in answer["message"]) == (502, "start_failed", True)


async def test_a_stop_is_answered_when_it_has_stopped(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    books.hive.look.clear()
    stop = calling(host, "stop")
    await looked(books)
    await become(books, ada, "stopping")
    assert not stop.done()
    await become(books, ada, "stopped")
    status, view = await asyncio.wait_for(stop, 10)
    assert (status, view["lifecycle"]["state"]) == (200, "stopped")


async def test_a_restart_is_answered_by_the_next_generation(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    books.hive.look.clear()
    restart = calling(host, "restart")
    await looked(books)
    await become(books, ada, "stopping")
    await become(books, ada, "running")
    assert not restart.done()
    await come_up(books, ada)
    status, view = await asyncio.wait_for(restart, 10)
    assert (status, view["generation"]) == (200, 2)


async def test_a_cancel_is_rung_and_answered_when_that_turn_is_over(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    await books.events(ada, event(1, "turn_start", turn_id="t1"))
    rung = books.hive.bells(ada).subscribe()
    cancel = calling(host, "cancel-turn")
    rings = await asyncio.wait_for(rung.take(), 10)
    assert rings is not None
    assert [(ring.event, ring.payload) for ring in rings] == [("cancel", {"turn_id": "t1"})]
    assert not cancel.done()
    await books.end_turn(ada, "t1", "cancelled")
    status, view = await asyncio.wait_for(cancel, 10)
    assert (status, view["last_outcome"]) == (200, "cancelled")


async def test_without_a_turn_or_a_harness_there_is_nothing_to_cancel(host: Calls, books: Books) -> None:
    ada = await books.agent("ada")
    assert (await host("POST", "/v1/agents/ada/cancel-turn"))[1]["code"] == "no_turn"
    await books.events(ada, event(1, "turn_start", turn_id="t1"))
    await books.do(lambda tx: agents.set_online(tx, ada, 1, False))
    status, answer = await host("POST", "/v1/agents/ada/cancel-turn")
    assert (status, answer["code"]) == (409, "agent_not_connected")
