"""What is asked of an agent in each state, and what is refused."""

import pytest

from hived.core import agents
from hived.core.agent_views import find_agent
from hived.store.database import Row, Tx
from hived.wire.agents import LifecycleState
from hived.wire.errors import AgentBuried, AgentNotFound
from hived.wire.lifecycle_errors import AgentPaused, NothingToPause
from tests.support.books import OPERATOR, Books


async def at(books: Books, state: LifecycleState) -> str:
    ada = await books.agent("ada")
    if state == "stopped":
        await books.do(lambda tx: agents.want(tx, "ada", "stopped", OPERATOR))
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, state, "a test put it there", pid=None))
    books.rings.clear()
    return ada


async def row(books: Books) -> Row:
    return await books.read(lambda conn: find_agent(conn, "ada"))


@pytest.mark.parametrize("state", ["stopped", "crashed", "parked"])
async def test_a_start_clears_what_kept_it_down(books: Books, state: LifecycleState) -> None:
    await at(books, state)
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    now = await row(books)
    assert (now["wanted"], now["lifecycle"], now["lifecycle_cause"]) == (
        "running",
        "requested",
        "operator asked for its start",
    )


@pytest.mark.parametrize("state", ["starting", "running", "crashed"])
async def test_what_runs_or_will_is_paused(books: Books, state: LifecycleState) -> None:
    ada = await at(books, state)
    await books.do(lambda tx: agents.want_paused(tx, "ada", OPERATOR))
    view = await books.view("ada")
    assert (view.paused, view.wanted, view.lifecycle.state) == (True, "paused", state)
    assert (ada, "pause") in [(ring.to, ring.event) for ring in books.rings]
    with pytest.raises(AgentPaused):
        await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    older = await books.do(lambda tx: agents.want_restart(tx, "ada", OPERATOR))
    assert (older, (await row(books))["paused"]) == (1, 1)


@pytest.mark.parametrize("state", ["stopped", "parked"])
async def test_there_is_nothing_to_pause_where_nothing_runs(books: Books, state: LifecycleState) -> None:
    await at(books, state)
    with pytest.raises(NothingToPause):
        await books.do(lambda tx: agents.want_paused(tx, "ada", OPERATOR))
    assert not (await books.view("ada")).paused


@pytest.mark.parametrize("end", ["stop", "kill", "park"])
async def test_a_pause_ends_with_what_runs(books: Books, end: str) -> None:
    ada = await at(books, "running")
    await books.do(lambda tx: agents.want_paused(tx, "ada", OPERATOR))

    def ended(tx: Tx) -> None:
        if end == "stop":
            agents.want(tx, "ada", "stopped", OPERATOR)
        elif end == "kill":
            agents.want_killed(tx, "ada", OPERATOR)
        else:
            agents.set_lifecycle(tx, ada, "parked", "it crashed 3 times", pid=None)

    await books.do(ended)
    assert not (await books.view("ada")).paused


async def test_a_kill_is_wanted_until_it_is_done_or_a_start_is(books: Books) -> None:
    ada = await at(books, "running")
    await books.do(lambda tx: agents.want_killed(tx, "ada", OPERATOR))
    assert (await books.view("ada")).wanted == "killed"
    await books.do(lambda tx: agents.set_lifecycle(tx, ada, "stopped", "killed", pid=None))
    assert (await books.view("ada")).wanted == "stopped"
    await books.do(lambda tx: agents.want_killed(tx, "ada", OPERATOR))
    assert not (await row(books))["kill_wanted"], "there is nothing left to kill"
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    await books.do(lambda tx: agents.want_killed(tx, "ada", OPERATOR))
    await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    assert not (await row(books))["kill_wanted"]


async def test_who_asked_is_in_the_audit_and_the_supervision_is_rung(books: Books) -> None:
    await at(books, "running")
    await books.do(lambda tx: agents.want_paused(tx, "ada", OPERATOR))
    await books.do(lambda tx: agents.want_killed(tx, "ada", OPERATOR))
    actions = await books.read(
        lambda conn: [found[0] for found in conn.execute("SELECT action FROM audit ORDER BY seq DESC LIMIT 2")]
    )
    assert actions == ["agent.wanted_killed", "agent.paused"]
    assert [ring.event for ring in books.rings if ring.to == "supervisor"] == ["look", "look"]


async def test_nothing_is_asked_of_one_that_is_to_be_buried_or_is_not_there(books: Books) -> None:
    await at(books, "running")
    await books.do(lambda tx: tx.execute("UPDATE agents SET bury_wanted = 1"))
    with pytest.raises(AgentBuried):
        await books.do(lambda tx: agents.want_paused(tx, "ada", OPERATOR))
    with pytest.raises(AgentBuried):
        await books.do(lambda tx: agents.want(tx, "ada", "running", OPERATOR))
    with pytest.raises(AgentNotFound):
        await books.do(lambda tx: agents.want_killed(tx, "nobody", OPERATOR))
