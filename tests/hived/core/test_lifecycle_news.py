"""What a queen is told of her workers' lives."""

from hived.core import agents, lifecycle_news
from hived.store import agents as store
from hived.wire.agents import LifecycleState
from tests.support.books import OPERATOR, Books


async def step(books: Books, agent_id: str, state: LifecycleState, cause: str = "so it is") -> None:
    await books.do(lambda tx: agents.set_lifecycle(tx, agent_id, state, cause, pid=None))


async def told(books: Books, who: str = "queen") -> list[str]:
    def query(conn: object) -> list[str]:
        rows = conn.execute(  # type: ignore[attr-defined]
            "SELECT body FROM messages WHERE recipient = ? AND sender = 'hived' AND kind = 'report' ORDER BY seq",
            (who,),
        )
        return [row[0] for row in rows]

    return await books.read(query)


async def family(books: Books) -> str:
    """A queen with a worker of hers; the worker's id."""
    await books.agent("queen", role="queen")
    return await books.agent("ada", parent="queen")


async def test_a_start_a_crash_a_kill_and_a_park_are_told(books: Books) -> None:
    ada = await family(books)
    await step(books, ada, "starting")
    await step(books, ada, "running", "its harness is connected")
    await step(books, ada, "crashed", "it exited with code 3: cheese")
    await step(books, ada, "parked", "3 times within 60 s")
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    await books.do(lambda tx: agents.want_killed(tx, "ada", OPERATOR))
    await step(books, ada, "stopped", "its kill was asked for")
    assert await told(books) == [
        "ada has started. Why: its harness is connected.",
        "ada has crashed, and will be started again. Why: it exited with code 3: cheese.",
        "ada is parked: it is not started again until the operator says so. Why: 3 times within 60 s.",
        "ada was killed. Why: its kill was asked for.",
    ]


async def test_coming_back_from_a_pause_or_being_adopted_is_no_start(books: Books) -> None:
    ada = await family(books)
    await step(books, ada, "paused")
    await step(books, ada, "running")
    await books.do(agents.mark_unheard)
    await step(books, ada, "running", "its harness is connected")
    await step(books, ada, "stopping")
    await step(books, ada, "stopped")
    assert await told(books) == []


async def test_a_parent_that_is_a_queen_is_told_else_the_queen_and_nobody_of_herself(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    await books.agent("regent", role="queen")
    hers = await books.agent("ada", parent="regent")
    of_a_worker = await books.agent("bob", parent="ada")
    for agent in (hers, of_a_worker, queen):
        await step(books, agent, "crashed")
    assert [body.split()[0] for body in await told(books, "regent")] == ["ada"]
    assert [body.split()[0] for body in await told(books)] == ["bob"]


async def test_without_a_queen_nobody_is_told(books: Books) -> None:
    ada = await books.agent("ada")
    await step(books, ada, "crashed")
    assert await books.one("SELECT count(*) FROM messages") == 0


async def test_a_slow_crash_loop_is_told_a_few_times_and_then_not(books: Books) -> None:
    ada = await family(books)
    for _ in range(10):
        await step(books, ada, "crashed")
        await step(books, ada, "starting")
        await step(books, ada, "running")
    assert len(await told(books)) <= 2 * lifecycle_news.CRASHES_TOLD


async def test_what_comes_of_a_deployment_is_told_by_that(books: Books) -> None:
    ada = await family(books)
    await books.do(
        lambda tx: tx.execute(
            """INSERT INTO deployments(id, agent_id, agent, kind, status, actor_json, engine, model, runtime, created_at)
               VALUES ('d', ?, 'ada', 'spawn', 'checking', '{}', 'scripted', 'm', 'process', '2026')""",
            (ada,),
        )
    )
    await step(books, ada, "starting")
    await step(books, ada, "running")
    assert await told(books) == []

    def deployed(tx: object) -> None:
        row = store.select_agent(tx.connection, ada)  # type: ignore[attr-defined]
        assert row is not None
        lifecycle_news.tell(tx, row, "deployed", "commit 1234567")  # type: ignore[arg-type]

    await books.do(deployed)
    assert await told(books) == ["ada runs a new config. Why: commit 1234567."]


async def test_the_newest_fifty_steps_are_kept_oldest_first(books: Books) -> None:
    ada = await books.agent("ada")
    for number in range(60):
        await step(books, ada, "crashed", f"the {number}th time")
    found = await books.read(lambda conn: agents.detail(conn, "ada", books.hive.paths.agent("ada")))
    assert [change.cause for change in found.history] == [f"the {number}th time" for number in range(10, 60)]
    assert {change.generation for change in found.history} == {1}
