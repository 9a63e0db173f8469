"""Budgets on the books: what is counted, who is stopped by which, and every way on."""

import random
from typing import Any

import pytest

from hived.core import audit, budgets, rebuild
from hived.core.agents import set_lifecycle
from hived.store.agents import select_agent
from hived.store.database import Tx
from hived.wire.agents import SpawnRequest
from hived.wire.budgets import Budget, BudgetDraft, BudgetRaise
from hived.wire.errors import AgentNotFound, AmbiguousId, BudgetNotFound, InvalidRequest, NotOver, OverBudget
from tests.support.books import OPERATOR, Books, event

NOON = "2026-11-21T12:30:00.000Z"


async def put(books: Books, **draft: Any) -> Budget:
    return await books.do(lambda tx: budgets.set_budget(tx, BudgetDraft(**draft), OPERATOR))


async def more(books: Books, budget_id: str, **figures: Any) -> Budget:
    return await books.do(lambda tx: budgets.raise_budget(tx, budget_id, BudgetRaise(**figures), OPERATOR))


async def remove(books: Books, budget_id: str) -> Budget:
    return await books.do(lambda tx: budgets.remove_budget(tx, budget_id, OPERATOR))


async def listed(books: Books) -> list[Budget]:
    return await books.read(budgets.list_budgets)


async def turn(books: Books, agent_id: str, usd: float | None = None, tokens: int = 100, **cost: Any) -> None:
    """A turn of it that ended now, or at `ts`."""
    ts = cost.pop("ts", None)
    cursor = await books.one("SELECT coalesce(max(cursor), 0) FROM journals WHERE agent_id = ?", agent_id)
    given = event(
        cursor + 1, "turn_end", turn_id=f"t{cursor}", outcome="ok", cost={"tokens": tokens, "usd": usd, **cost}
    )
    await books.events(agent_id, {**given, "ts": ts} if ts else given)


async def begin(books: Books, agent_id: str, turn_id: str = "under-way") -> None:
    cursor = await books.one("SELECT coalesce(max(cursor), 0) FROM journals WHERE agent_id = ?", agent_id)
    await books.events(agent_id, event(cursor + 1, "turn_start", turn_id=turn_id, wake={"kind": "message"}))


async def check(books: Books, agent_id: str, now: str | None = None) -> str | None:
    """What a claim is told."""

    def change(tx: Tx) -> str | None:
        tx.now = now or tx.now
        row = select_agent(tx.connection, agent_id)
        assert row is not None
        return budgets.check_turn(tx, row)

    return await books.do(change)


async def due(books: Books, now: str) -> None:
    def change(tx: Tx) -> None:
        tx.now = now
        budgets.run_due(tx)

    await books.do(change)


def wakes(books: Books) -> list[str]:
    return [ring.to for ring in books.rings if ring.event == "wake"]


async def over(books: Books, name: str) -> str | None:
    """The detail of its condition."""
    view = await books.view(name)
    return next((found.detail for found in view.conditions if found.kind == "over_budget"), None)


# Stopped ---------------------------------------------------------------------------------------------------


async def test_an_agent_that_has_spent_its_budget_is_marked_listed_and_told_of_in_one_sentence(books: Books) -> None:
    scout = await books.agent("scout")
    budget = await put(books, agent="scout", usd=5)
    assert await check(books, scout) is None
    await turn(books, scout, 5.02)
    words = await check(books, scout)
    assert words is not None
    assert words.startswith("scout has spent $5.02 of its $5.00 today; it starts no turn until 20")
    assert words.endswith(" 00:00 UTC, or more is allowed")
    assert await over(books, "scout") == words
    [item] = await books.waiting()
    assert (item.id, item.kind, item.agent, item.subject, item.blocks) == (budget.id, "budget", "scout", words, True)
    [shown] = await listed(books)
    assert (shown.over, shown.over_since, shown.words) == (True, item.since, words)
    view = await books.view("scout")
    assert (view.waiting, [found.until for found in view.conditions]) == (1, [shown.resets_at])
    assert [row.payload["over_since"] for row in books.feed if row.kind == "budget"][-1] == item.since


async def test_asking_again_writes_nothing_and_since_stays(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", turns=1)
    await turn(books, scout)
    assert await check(books, scout) is not None
    [item] = await books.waiting()
    fed = len(books.feed)
    assert await check(books, scout) is not None
    assert (len(books.feed), await books.waiting()) == (fed, [item])


@pytest.mark.parametrize(
    ("figures", "words"),
    [
        ({"usd": 0.3}, "spent $0.30 of its $0.30 today"),
        ({"usd": 0.005}, "spent $0.30 of its $0.0050 today"),
        ({"tokens": 300}, "spent 300 of its 300 tokens today"),
        ({"turns": 3, "usd": 9.0}, "begun 3 of its 3 turns today"),
        ({"usd": 0.0}, "spent $0.30 of its $0.00 today"),
    ],
)
async def test_whichever_figure_is_reached_stops_it(books: Books, figures: dict[str, Any], words: str) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", **figures)
    for _ in range(3):
        await turn(books, scout, 0.1)
    assert words in (await check(books, scout) or "")


async def test_just_below_goes_on(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", usd=0.31, tokens=301, turns=4)
    for _ in range(3):
        await turn(books, scout, 0.1)
    assert await check(books, scout) is None
    assert await books.waiting() == []


async def test_an_estimate_is_said_to_be_one(books: Books) -> None:
    scout = await books.agent("scout")
    for window in ("day", "hour", "total"):
        await put(books, agent="scout", usd=1, window=window)
    await turn(books, scout, 2.0, estimated=True)
    assert (await check(books, scout) or "").startswith("scout has spent about $2.00 of its $1.00 in all")
    assert [shown.spent.estimated for shown in await listed(books)] == [True, True, True]


async def test_the_budget_that_lasts_longest_is_the_one_that_is_named(books: Books) -> None:
    scout = await books.agent("scout")
    for scope, agent, window in (("hive", None, "hour"), ("agent", "scout", "day"), ("tree", "scout", "total")):
        await put(books, scope=scope, agent=agent, window=window, turns=1)
    await turn(books, scout)
    assert await check(books, scout) == (
        "The tree of scout has begun 1 of its 1 turns in all; nobody in it starts a turn until more is allowed"
    )


async def test_a_cost_that_cannot_be_one_takes_nothing_off(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", usd=1)
    await turn(books, scout, 1.5)
    for nonsense in (-1000.0, float("nan"), float("inf"), -float("inf"), 1e300):
        await turn(books, scout, nonsense)
    [shown] = await listed(books)
    assert (shown.spent.usd, shown.spent.turns, shown.over) == (1.5, 6, True)


async def test_turns_whose_cost_nobody_knows_are_named(books: Books) -> None:
    scout, mute = await books.agent("scout"), await books.agent("mute")
    await put(books, scope="hive", usd=1)
    await put(books, agent="mute", turns=5)
    await turn(books, scout, 0.1)
    await turn(books, mute)
    hive, own = await listed(books)
    assert (hive.unpriced, hive.spent.usd, own.unpriced, own.spent.usd) == (["mute"], 0.1, [], None)
    await turn(books, mute, 0.2)
    assert (await listed(books))[0].unpriced == []


# Trees and the hive ----------------------------------------------------------------------------------------


async def test_a_tree_is_its_root_and_all_that_was_spawned_under_it(books: Books) -> None:
    ids = {name: await books.agent(name, parent=parent) for name, parent in TREE}
    for agent_id in ids.values():
        await turn(books, agent_id, 1.0)
    await put(books, scope="tree", agent="lead", usd=2.5)
    [shown] = await listed(books)
    assert (shown.spent.usd, shown.spent.turns) == (3.0, 3)
    stopped = {name for name, agent_id in ids.items() if await check(books, agent_id) is not None}
    assert stopped == {"lead", "hand", "finger"}
    [item] = await books.waiting()
    assert item.agent == "lead"
    assert item.subject.startswith("The tree of lead has spent $3.00 of its $2.50 today; nobody in it starts a turn")


TREE = (("boss", None), ("lead", "boss"), ("hand", "lead"), ("finger", "hand"), ("other", "boss"))


async def test_the_hives_budget_holds_for_everyone(books: Books) -> None:
    ann, bob = await books.agent("ann"), await books.agent("bob")
    await put(books, scope="hive", usd=1, window="total")
    await turn(books, ann, 1.0)
    assert await check(books, bob) == (
        "The hive has spent $1.00 of its $1.00 in all; nobody starts a turn until more is allowed"
    )
    assert [item.agent for item in await books.waiting()] == [None]


async def test_a_parent_that_is_made_after_its_child_inherits_nobody(books: Books) -> None:
    await books.agent("boss")
    child = await books.agent("child", parent="boss")
    await books.do(lambda tx: tx.execute("UPDATE agents SET created_at = '2999' WHERE name = 'boss'"))
    await put(books, scope="tree", agent="boss", turns=1)
    await turn(books, child)
    assert await check(books, child) is None
    assert (await listed(books))[0].spent.turns == 0


async def test_parents_in_a_ring_are_counted_once(books: Books) -> None:
    await books.agent("ann")
    bob = await books.agent("bob", parent="ann")
    await books.do(lambda tx: tx.execute("UPDATE agents SET parent = 'bob', created_at = '2020' WHERE name = 'ann'"))
    await books.do(lambda tx: tx.execute("UPDATE agents SET created_at = '2020' WHERE name = 'bob'"))
    await put(books, scope="tree", agent="ann", turns=1)
    await turn(books, bob)
    assert await check(books, bob) is not None
    assert (await listed(books))[0].spent.turns == 1


async def test_the_last_turn_of_a_tree_is_given_once(books: Books) -> None:
    ann = await books.agent("ann")
    bob = await books.agent("bob", parent="ann")
    await put(books, scope="tree", agent="ann", turns=2)
    await turn(books, ann)
    assert await check(books, ann) is None
    await begin(books, ann)
    assert "begun 2 of its 2 turns" in (await check(books, bob) or "")
    assert await check(books, ann) is None, "its own turn is the one that is under way"
    await turn(books, ann)
    assert await check(books, ann) is not None


async def test_a_turn_that_dies_with_its_harness_frees_who_waited_for_it(books: Books) -> None:
    ann, bob = await books.agent("ann"), await books.agent("bob")
    await put(books, scope="hive", turns=1)
    await begin(books, ann)
    assert await check(books, bob) is not None
    books.rings.clear()
    await books.do(lambda tx: set_lifecycle(tx, ann, "crashed", "it was killed", pid=None))
    assert (wakes(books), await books.waiting(), await over(books, "bob")) == ([bob], [], None)


# Ways on ---------------------------------------------------------------------------------------------------


async def test_more_in_this_window_wakes_who_was_stopped(books: Books) -> None:
    scout = await books.agent("scout")
    budget = await put(books, agent="scout", usd=5)
    await turn(books, scout, 6.0)
    assert await check(books, scout) is not None
    books.rings.clear()
    raised = await more(books, budget.id[:13])
    assert (raised.usd, raised.raised.usd, raised.over, raised.over_since) == (5.0, 5.0, False, None)
    assert (wakes(books), await books.waiting(), await over(books, "scout")) == ([scout], [], None)
    await turn(books, scout, 4.0)
    assert (await check(books, scout) or "").startswith("scout has spent $10.00 of its $10.00 today")


async def test_too_little_more_leaves_it_stopped(books: Books) -> None:
    scout = await books.agent("scout")
    budget = await put(books, agent="scout", usd=5, turns=3)
    await turn(books, scout, 7.0)
    assert await check(books, scout) is not None
    books.rings.clear()
    raised = await more(books, budget.id, usd=1)
    assert (raised.over, wakes(books)) == (True, [])
    [item] = await books.waiting()
    assert "$7.00 of its $6.00" in item.subject
    raised = await more(books, budget.id, usd=1.5)
    assert (raised.raised.usd, raised.raised.turns, wakes(books)) == (2.5, 0, [scout])


async def test_a_raise_ends_with_its_window(books: Books) -> None:
    scout = await books.agent("scout")
    budget = await put(books, agent="scout", usd=5)
    await more(books, budget.id, usd=3)
    await books.do(lambda tx: tx.execute("UPDATE budgets SET raised_for = '2026-01-01'"))
    assert (await listed(books))[0].raised.usd is None
    await turn(books, scout, 6.0)
    assert "$6.00 of its $5.00" in (await check(books, scout) or "")


async def test_what_cannot_be_raised_is_said(books: Books) -> None:
    await books.agent("scout")
    budget = await put(books, agent="scout", usd=0, turns=0)
    for figures, words in (({"tokens": 5}, "tokens: this budget has none; it has usd and turns"), ({}, "by nothing")):
        with pytest.raises(InvalidRequest, match=words):
            await more(books, budget.id, **figures)
    with pytest.raises(BudgetNotFound):
        await more(books, "0192")
    await put(books, scope="hive", turns=1)
    with pytest.raises(AmbiguousId):
        await more(books, "0")


async def test_of_two_who_raise_what_is_spent_one_does(books: Books) -> None:
    scout = await books.agent("scout")
    budget = await put(books, agent="scout", usd=5)
    await turn(books, scout, 6.0)
    assert await check(books, scout) is not None
    assert (await more(books, budget.id)).raised.usd == 5.0
    with pytest.raises(NotOver):
        await more(books, budget.id)
    assert (await more(books, budget.id, usd=1)).raised.usd == 6.0


async def test_a_new_figure_replaces_the_old_budget_and_keeps_its_id(books: Books) -> None:
    scout = await books.agent("scout")
    first = await put(books, agent="scout", usd=5, turns=9)
    await more(books, first.id, usd=5)
    await turn(books, scout, 10.0)
    assert await check(books, scout) is not None
    second = await put(books, agent="scout", usd=20)
    assert (second.id, second.usd, second.turns, second.raised.usd) == (first.id, 20.0, None, None)
    assert (wakes(books)[-1], await books.waiting()) == (scout, [])


async def test_without_a_figure_there_is_none_any_more(books: Books) -> None:
    scout = await books.agent("scout")
    budget = await put(books, agent="scout", turns=1)
    await turn(books, scout)
    assert await check(books, scout) is not None
    gone = await put(books, agent="scout")
    assert (gone.id, await listed(books), await books.waiting()) == (budget.id, [], [])
    assert (wakes(books)[-1], await over(books, "scout")) == (scout, None)
    assert [row.payload for row in books.feed if row.kind == "budget_removed"] == [{"id": budget.id}]
    with pytest.raises(BudgetNotFound, match="agent scout day"):
        await put(books, agent="scout")
    with pytest.raises(BudgetNotFound):
        await remove(books, budget.id)


async def test_whom_another_budget_stops_too_stays_stopped_by_that_one(books: Books) -> None:
    ann, bob = await books.agent("ann"), await books.agent("bob")
    hive = await put(books, scope="hive", turns=1)
    own = await put(books, agent="ann", turns=1, window="hour")
    await turn(books, ann)
    assert (await check(books, ann), await check(books, bob)) == ((await listed(books))[0].words,) * 2
    books.rings.clear()
    await remove(books, hive.id)
    assert wakes(books) == [bob]
    assert [item.id for item in await books.waiting()] == [own.id]
    assert (await over(books, "ann") or "").startswith("ann has begun 1 of its 1 turns this hour")


async def test_the_item_stays_until_the_last_one_goes_on(books: Books) -> None:
    ann, bob = await books.agent("ann"), await books.agent("bob")
    await put(books, scope="hive", turns=1)
    await turn(books, ann)
    await check(books, ann)
    await check(books, bob)
    await books.do(lambda tx: tx.execute("UPDATE agents SET over_budget = NULL WHERE name = 'ann'"))
    await books.do(lambda tx: tx.execute("DELETE FROM spend"))
    assert await check(books, ann) is None
    assert len(await books.waiting()) == 1
    assert await check(books, bob) is None
    assert await books.waiting() == []


async def test_the_budgets_of_an_agent_that_is_gone_stop_nobody(books: Books) -> None:
    ann = await books.agent("ann")
    bob = await books.agent("bob", parent="ann")
    await put(books, scope="tree", agent="ann", turns=1)
    await put(books, scope="hive", turns=1, window="hour")
    await turn(books, ann)
    assert await check(books, bob) is not None
    books.rings.clear()

    def purge(tx: Tx) -> None:
        tx.execute("DELETE FROM agents WHERE id = ?", (ann,))
        budgets.agent_gone(tx, ann)

    await books.do(purge)
    assert [shown.scope for shown in await listed(books)] == ["hive"]
    assert (wakes(books), await books.waiting(), await over(books, "bob")) == ([bob], [], None)
    assert (await listed(books))[0].spent.turns == 0, "its rows went with it"


# Time ------------------------------------------------------------------------------------------------------


async def test_midnight_frees_whom_a_days_budget_stopped(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", usd=1)
    await turn(books, scout, 2.0, ts=NOON)
    words = await check(books, scout, NOON)
    assert (
        words
        == "scout has spent $2.00 of its $1.00 today; it starts no turn until 2026-11-22 00:00 UTC, or more is allowed"
    )
    assert await books.read(budgets.next_due) == "2026-11-22T00:00:00.000Z"
    books.rings.clear()
    await due(books, "2026-11-21T23:59:59.999Z")
    assert wakes(books) == []
    await due(books, "2026-11-22T00:00:00.000Z")
    assert (wakes(books), await books.waiting()) == ([scout], [])
    assert await books.read(budgets.next_due) is None


async def test_an_hours_budget_ends_with_the_hour_and_one_in_all_never(books: Books) -> None:
    ann, bob = await books.agent("ann"), await books.agent("bob")
    await put(books, agent="ann", turns=1, window="hour")
    await put(books, agent="bob", turns=1, window="total")
    for agent_id in (ann, bob):
        await turn(books, agent_id, ts=NOON)
        assert await check(books, agent_id, NOON) is not None
    assert await books.read(budgets.next_due) == "2026-11-21T13:00:00.000Z"
    books.rings.clear()
    await due(books, "2026-11-21T13:00:00.001Z")
    assert wakes(books) == [ann]
    assert await books.read(budgets.next_due) is None


async def test_a_budget_of_nothing_stays_over_at_midnight_and_is_looked_at_the_next_one(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", usd=0)
    assert await check(books, scout, NOON) is not None
    await due(books, "2026-11-22T00:00:00.000Z")
    assert await books.read(budgets.next_due) == "2026-11-23T00:00:00.000Z"
    [item] = await books.waiting()
    assert "until 2026-11-23 00:00 UTC" in item.subject


async def test_a_turn_counts_in_the_window_in_which_it_ended(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", turns=1)
    await turn(books, scout, ts="2026-11-20T23:59:59.999Z")
    assert await check(books, scout, NOON) is None


async def test_of_the_hours_two_days_are_kept_and_the_days_all(books: Books) -> None:
    scout = await books.agent("scout")
    for day in range(1, 10):
        await turn(books, scout, 1.0, ts=f"2025-01-{day:02}T10:00:00.000Z")
    await turn(books, scout, 1.0)
    assert await books.one("SELECT count(*) FROM spend_hours") == 1
    assert await books.one("SELECT count(*) FROM spend") == 10
    await put(books, agent="scout", usd=100, window="total")
    assert (await listed(books))[0].spent.usd == 10.0


# Spawns and agent.toml -------------------------------------------------------------------------------------


async def test_nobody_is_spawned_where_the_tree_or_the_hive_has_nothing_left(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    worker = await books.agent("worker", parent="queen")
    await books.agent("other")
    tree = await put(books, scope="tree", agent="queen", usd=1)
    await put(books, agent="worker", turns=1)
    await turn(books, worker, 1.0)

    async def spawnable(parent: str | None) -> bool:
        await books.read(lambda conn: budgets.check_spawn(conn, parent))
        return True

    for parent in ("queen", "worker"):
        with pytest.raises(OverBudget, match=r"^The tree of queen has spent \$1.00 .* nobody is spawned in it until"):
            await spawnable(parent)
    assert await spawnable("other")
    assert await spawnable(None)
    await remove(books, tree.id)
    assert await spawnable("worker"), "its own budget says nothing of others"
    await put(books, scope="hive", turns=1)
    with pytest.raises(OverBudget, match=r"^The hive has begun 1 of its 1 turns today; nobody is spawned until"):
        await spawnable(None)
    assert await check(books, queen) is not None


async def test_an_agent_tomls_limits_are_its_budgets(books: Books) -> None:
    scout = await books.agent("scout", limits={"usd_per_day": 2, "tokens_per_day": 500, "turns_per_hour": 3})
    day, hour = await listed(books)
    assert (day.window, day.usd, day.tokens, day.turns, day.source) == ("day", 2.0, 500, None, "agent.toml")
    assert (hour.window, hour.turns, hour.agent, hour.scope) == ("hour", 3, "scout", "agent")
    await put(books, agent="scout", window="hour", turns=50)
    again = SpawnRequest(name="scout", engine="scripted", limits={"turns_per_hour": 1})
    await books.do(lambda tx: budgets.take_from_spec(tx, scout, again))
    [left] = await listed(books)
    assert (left.turns, left.source) == (50, "operator")


async def test_a_rebuild_leaves_the_budgets_alone_where_the_limits_stay(books: Books) -> None:
    await books.agent("scout", limits={"usd_per_day": 2})
    [budget] = await listed(books)
    await more(books, budget.id, usd=2)

    async def again(**limits: Any) -> None:
        new = SpawnRequest(name="scout", engine="scripted", limits=limits)
        await books.do(lambda tx: rebuild.rebuild(tx, "scout", new, None, OPERATOR))

    await again(usd_per_day=2)
    assert (await listed(books))[0].raised.usd == 2.0
    await again(usd_per_day=3)
    [changed] = await listed(books)
    assert (changed.id, changed.usd, changed.raised.usd) == (budget.id, 3.0, None)
    await again()
    assert await listed(books) == []


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        ({"usd_per_day": -1}, "limits.usd_per_day: a number from 0 to 1,000,000,000"),
        ({"usd_per_day": "five"}, "limits.usd_per_day: a number"),
        ({"usd_per_day": True}, "limits.usd_per_day: a number"),
        ({"turns_per_hour": 1.5}, "limits.turns_per_hour: a whole number"),
        ({"tokens_per_day": None}, "limits.tokens_per_day: a whole number"),
        ({"usd_per_dya": 1}, "limits.usd_per_dya: there is no such limit; there are usd_per_day, tokens_per_day"),
    ],
)
async def test_a_limit_that_says_nothing_is_refused(books: Books, limits: dict[str, Any], words: str) -> None:
    with pytest.raises(InvalidRequest, match=words):
        await books.ask("scout", limits=limits)


async def test_limits_that_are_no_budgets_pass(books: Books) -> None:
    await books.agent("scout", limits={"memory": "2G", "cpu": 1.5, "rate_limit_resume": True})
    assert await listed(books) == []


# Bad input, and the audit ----------------------------------------------------------------------------------


async def test_a_budget_names_whose_it_is_or_nobody(books: Books) -> None:
    await books.agent("scout")
    for draft in ({"usd": 1}, {"scope": "tree", "usd": 1}, {"scope": "hive", "agent": "scout", "usd": 1}):
        with pytest.raises(InvalidRequest, match="agent:"):
            await put(books, **draft)
    with pytest.raises(AgentNotFound):
        await put(books, agent="nobody", usd=1)


async def test_each_decision_on_a_budget_is_in_the_audit(books: Books) -> None:
    await books.agent("scout")
    budget = await put(books, agent="scout", usd=5)
    await more(books, budget.id, usd=1)
    await remove(books, budget.id)
    actions = await books.read(
        lambda conn: [
            row[0] for row in conn.execute("SELECT action FROM audit WHERE subject = ? ORDER BY seq", (budget.id,))
        ]
    )
    assert actions == ["budget.set", "budget.raised", "budget.removed"]
    assert await books.read(audit.verify) is None


async def test_what_a_harness_says_of_its_conditions_leaves_the_books_word_alone(books: Books) -> None:
    scout = await books.agent("scout")
    await put(books, agent="scout", turns=1)
    await turn(books, scout)
    assert await check(books, scout) is not None
    await books.events(scout, event(2, "status_changed", condition="needs_login", on=True, detail="out"))
    await books.events(scout, event(3, "status_changed", condition="needs_login", on=False))
    await put(books, agent="scout")
    assert (await books.view("scout")).conditions == []


# Many at once ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize("seed", range(8))
async def test_what_a_tree_goes_over_by_is_at_most_one_turn_of_each_agent(books: Books, seed: int) -> None:
    chance = random.Random(seed)  # noqa: S311 (no secret)
    names = ["root", "left", "right", "leaf"]
    ids = [await books.agent(name, parent=None if name == "root" else "root") for name in names]
    await put(books, scope="tree", agent="root", usd=10, tokens=1000, turns=12)
    running: set[str] = set()
    for _ in range(120):
        agent_id = chance.choice(ids)
        if agent_id in running:
            running.discard(agent_id)
            await turn(books, agent_id, chance.choice([0.0, 0.5, 3.0]), chance.choice([1, 50, 300]))
        elif await check(books, agent_id) is None:
            running.add(agent_id)
            await begin(books, agent_id)
    for agent_id in running:
        await turn(books, agent_id, 3.0, 300)
    [shown] = await listed(books)
    assert shown.over
    assert shown.spent.turns <= 12
    assert (shown.spent.usd or 0) < 10 + 3.0 * len(names)
    assert shown.spent.tokens < 1000 + 300 * len(names)
    assert all([await check(books, agent_id) is not None for agent_id in ids])
    await remove(books, shown.id)
    assert await books.waiting() == []
    assert await books.one("SELECT count(*) FROM agents WHERE over_budget IS NOT NULL") == 0
