"""Tool uses: answered by a rule or a grant before anyone is asked, and twins of an orphan that are decided as one."""

from typing import Any

import pytest

from hived.core import agents, approvals, budgets, grants, rules
from hived.core.notices import take_untold
from hived.core.rebuild import rebuild
from hived.core.tool_inputs import input_hash
from hived.store.database import Tx
from hived.wire.agents import EngineAbilities, SpawnRequest
from hived.wire.approvals import Actor, Approval, ApprovalAsk
from hived.wire.budgets import BudgetDraft
from hived.wire.errors import AlreadyDecided, InvalidRequest, InvalidRule, OverBudget, QueueFull, Unsupported
from hived.wire.ids import new_id
from hived.wire.rules import RuleDraft, RuleVerdict
from tests.support.books import OPERATOR, Books, event

HIVED = Actor(who="hived")


@pytest.fixture
async def ada(books: Books) -> str:
    return await books.agent("ada")


async def ask(books: Books, command: str = "make", *, turn_id: str = "t1", id: str | None = None) -> Approval:
    wanted = ApprovalAsk(
        id=id or new_id(), kind="tool_use", tool="Bash", input={"command": command}, turn_id=turn_id
    )  # fmt: skip
    row = await books.read(lambda conn: agents.find_agent(conn, "ada"))
    return await books.do(lambda tx: approvals.ask_tool_use(tx, row, row["generation"], wanted))


async def decide(books: Books, approval: Approval, verdict: approvals.Decided = "approved", **more: Any) -> Approval:
    note, updated, remember = more.get("note"), more.get("updated_input"), more.get("remember")
    return await books.do(lambda tx: approvals.decide(tx, approval.id, verdict, note, updated, OPERATOR, remember))


async def now(books: Books, approval: Approval) -> Approval:
    return await books.read(lambda conn: approvals.to_approval(approvals.find_approval(conn, approval.id)))


async def listed(books: Books) -> list[str]:
    return [item.id for item in await books.waiting()]


async def killed(books: Books, ada: str, *, mended: str | None = "t1") -> None:
    """The harness dies; the next one writes down that its turn was cut off."""
    await books.do(lambda tx: agents.next_generation(tx, ada))
    if mended is not None:
        await books.end_turn(ada, mended, "failed", error="the harness ended in mid-turn")


async def told(books: Books, ada: str) -> list[str]:
    """What hived's messages say that it has been sent."""
    claimed = await books.claim(ada, new_id(), generation=await books.one("SELECT generation FROM agents"))
    return [message.body for message in claimed.messages if message.sender == "hived"]


async def decisions(books: Books, approval_id: str) -> list[str]:
    """The audit's entries on it."""
    found = await books.read(
        lambda conn: conn.execute("SELECT action FROM audit WHERE subject = ?", (approval_id,)).fetchall()
    )
    return [row["action"] for row in found]


async def rule_says(books: Books, verdict: RuleVerdict) -> str:
    """A rule of the hive on make; its id."""
    draft = RuleDraft(tool="Bash", pattern="make", verdict=verdict, scope="hive")
    return (await books.do(lambda tx: rules.add(tx, draft, OPERATOR))).id


# Before anyone is asked ----------------------------------------------------------------------------------------


async def test_what_a_rule_allows_is_decided_at_once_and_nobody_is_asked(books: Books, ada: str) -> None:
    rule = await rule_says(books, "allow")
    asked = await ask(books)
    assert (asked.status, asked.rule, asked.decided_by, asked.note) == ("approved", rule, HIVED, None)
    assert await listed(books) == []
    assert await decisions(books, asked.id) == ["approval.approved"]
    assert await ask(books, id=asked.id) == asked
    assert await decisions(books, asked.id) == ["approval.approved"]


async def test_a_rules_no_carries_its_words_and_beats_a_grant(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    await decide(books, orphan)
    rule = await rule_says(books, "deny")
    asked = await ask(books, turn_id="t2")
    assert (asked.status, asked.note) == ("denied", f"Rule {rule} denies Bash make")
    assert (await now(books, orphan)).grant_state == "unused"


async def test_an_orphan_is_decided_with_the_identical_ask_that_a_rule_answers(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    await rule_says(books, "allow")
    await ask(books, turn_id="t2")
    assert (await now(books, orphan)).status == "approved"
    assert await listed(books) == []


async def test_the_same_id_is_another_ask_where_the_input_is_another(books: Books, ada: str) -> None:
    asked = await ask(books)
    with pytest.raises(InvalidRequest, match="another ask"):
        await ask(books, "make install", id=asked.id)
    await books.agent("bob")
    row = await books.read(lambda conn: agents.find_agent(conn, "bob"))
    mine = ApprovalAsk(id=asked.id, kind="tool_use", tool="Bash", input={"command": "make"})
    with pytest.raises(InvalidRequest, match="somebody else's"):
        await books.do(lambda tx: approvals.ask_tool_use(tx, row, 1, mine))


# Grants --------------------------------------------------------------------------------------------------------


async def test_an_orphans_yes_answers_the_next_identical_ask_once(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    decided = await decide(books, orphan, note="carefully", updated_input={"command": "make -n"})
    assert decided.grant_state == "unused"
    (words,) = await told(books, ada)
    assert words.startswith("What you asked before your restart was approved: Bash make. Note: carefully")
    other = await ask(books, "make install", turn_id="t2")
    first = await ask(books, turn_id="t2")
    second = await ask(books, turn_id="t2")
    assert (first.status, first.grant, first.note, first.decided_by) == ("approved", orphan.id, "carefully", HIVED)
    assert first.updated_input == {"command": "make -n"}
    assert [approval.status for approval in (other, second)] == ["pending", "pending"]
    assert await listed(books) == [other.id, second.id]
    assert await ask(books, turn_id="t2", id=first.id) == first
    assert (await now(books, orphan)).grant_state == "used"
    assert await books.one("SELECT used_by FROM grants WHERE id = ?", orphan.id) == first.id
    assert await decisions(books, first.id) == ["approval.approved"]


async def test_the_message_on_a_decision_wakes_and_names_what_it_is_about(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    await decide(books, orphan, "denied", note="no")
    assert (books.rings[-1].to, books.rings[-1].event) == (ada, "wake")
    assert await books.one("SELECT kind || about FROM messages") == f"report{orphan.id}"
    assert await told(books, ada) == ["What you asked before your restart was denied: Bash make. Note: no"]
    assert await books.one("SELECT count(*) FROM grants") == 0


async def test_a_grant_is_one_agents_and_ends_with_its_engine_or_after_a_week(books: Books, ada: str) -> None:
    async def granted() -> Approval:
        orphan = await ask(books)
        turn = await books.one("SELECT turn_id FROM approvals WHERE id = ?", orphan.id)
        await killed(books, ada, mended=turn)
        return await decide(books, orphan)

    orphan = await granted()
    await books.do(lambda tx: tx.execute("UPDATE grants SET created_at = '2026-01-01T00:00:00.000000Z'"))
    assert (await now(books, orphan)).grant_state == "lapsed"
    asked = await ask(books, turn_id="t2")
    assert asked.status == "pending"
    await killed(books, ada, mended="t2")
    await decide(books, asked)
    other = SpawnRequest(name="ada", engine="command", engine_options={"command": "cat"})
    await books.do(lambda tx: rebuild(tx, "ada", other, None, OPERATOR))
    assert (await ask(books, turn_id="t3")).status == "pending"


async def test_a_yes_that_came_while_the_harness_was_dying_is_not_asked_for_twice(books: Books, ada: str) -> None:
    asked = await ask(books)
    await decide(books, asked, note="go on")
    await killed(books, ada)
    assert (await now(books, asked)).grant_state == "unused"
    assert "Note: go on" in (await told(books, ada))[0]
    assert (await ask(books, turn_id="t2")).grant == asked.id


async def test_a_yes_that_its_engine_heard_leaves_nothing(books: Books, ada: str) -> None:
    asked = await ask(books)
    await decide(books, asked)
    await books.events(ada, event(1, "permission_decided", approval_id=asked.id, status="approved"))
    await killed(books, ada)
    assert await books.one("SELECT count(*) FROM grants") == 0
    assert await told(books, ada) == []


async def test_a_turn_that_ended_itself_leaves_no_grant(books: Books, ada: str) -> None:
    asked = await ask(books)
    await decide(books, asked)
    await books.end_turn(ada, "t1", "cancelled")
    assert await books.one("SELECT count(*) FROM grants") == 0


# Twins ---------------------------------------------------------------------------------------------------------


async def test_an_identical_ask_takes_the_place_of_an_orphan_that_an_older_hived_has_written(
    books: Books, ada: str
) -> None:
    first = await ask(books)
    await books.do(lambda tx: tx.execute("UPDATE approvals SET input_hash = NULL"))
    await killed(books, ada)
    assert await listed(books) == [first.id]
    again = await ask(books, turn_id="t2")
    assert await listed(books) == [again.id]


async def test_the_operator_is_told_once_of_asks_for_the_same_whoever_stands_for_them(books: Books, ada: str) -> None:
    books.config.notify = ["notify-send"]
    orphan = await ask(books)
    assert [item.id for item in await books.do(take_untold)] == [orphan.id]
    await killed(books, ada)
    again = await ask(books, turn_id="t2")
    assert await listed(books) == [again.id]
    assert await books.do(take_untold) == []
    await books.end_turn(ada, "t2", "cancelled")
    assert await listed(books) == [orphan.id]
    assert await books.do(take_untold) == []
    other = await ask(books, "make other", turn_id="t3")
    assert [item.id for item in await books.do(take_untold)] == [other.id]


async def test_an_identical_ask_takes_its_orphans_place_in_the_list(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    assert await listed(books) == [orphan.id]
    again = await ask(books, turn_id="t2")
    (item,) = await books.waiting()
    assert (item.id, item.blocks) == (again.id, True)
    await killed(books, ada, mended="t2")
    (item,) = await books.waiting()
    assert (item.id, item.blocks) == (again.id, False), "the newest orphan stands for both"
    last = await ask(books, turn_id="t3")
    await books.end_turn(ada, "t3", "cancelled")
    (item,) = await books.waiting()
    assert (item.id, item.since) == (again.id, again.created_at), "who took its place is gone"
    assert (await now(books, last)).status == "cancelled"


@pytest.mark.parametrize("verdict", ["approved", "denied"])
@pytest.mark.parametrize("by_orphan", [True, False])
async def test_deciding_either_decides_both(books: Books, ada: str, verdict: Any, by_orphan: bool) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    again = await ask(books, turn_id="t2")
    books.rings.clear()
    await decide(books, orphan if by_orphan else again, verdict, note="so")
    for approval in (orphan, again):
        found = await now(books, approval)
        assert (found.status, found.note, found.decided_by) == (verdict, "so", OPERATOR)
        assert await decisions(books, approval.id) == [f"approval.{verdict}"]
        with pytest.raises(AlreadyDecided, match=r"by operator \(test\)"):
            await decide(books, approval)
    assert [(ring.event, ring.payload["approval_id"]) for ring in books.rings] == [("decision", again.id)]
    assert await listed(books) == []
    assert await told(books, ada) == []
    assert await books.one("SELECT count(*) FROM grants WHERE used_at IS NULL") == 0
    assert (await ask(books, turn_id="t2")).status == "pending"


async def test_one_yes_is_for_one_call(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    first, second = await ask(books, turn_id="t2"), await ask(books, turn_id="t2")
    await decide(books, orphan)
    assert [(await now(books, approval)).status for approval in (first, second)] == ["approved", "pending"]
    assert await listed(books) == [second.id]


async def test_a_cancelled_ask_is_closed_and_says_by_whom(books: Books, ada: str) -> None:
    asked = await ask(books)
    await books.events(ada, event(1, "permission_decided", approval_id=asked.id, status="cancelled"))
    assert (await now(books, asked)).status == "cancelled"
    assert await listed(books) == []
    with pytest.raises(AlreadyDecided, match="already cancelled by ada at 2"):
        await decide(books, asked)
    assert await decisions(books, asked.id) == []


async def test_asks_of_before_inputs_had_hashes_are_decided_as_ever(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await books.do(lambda tx: tx.execute("UPDATE approvals SET input_hash = NULL"))
    await killed(books, ada)
    await decide(books, orphan)
    assert await books.one("SELECT input_hash FROM grants") == input_hash("Bash", {"command": "make"})
    assert (await ask(books, turn_id="t2")).grant == orphan.id


# What keeps a decision from being made -------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("verdict", "more"),
    [("denied", {"updated_input": {}}), ("denied", {"remember": "agent"})],
)
async def test_a_no_changes_no_input_and_is_not_remembered(books: Books, ada: str, verdict: Any, more: Any) -> None:
    asked = await ask(books)
    with pytest.raises(InvalidRequest, match="goes with approve only"):
        await decide(books, asked, verdict, **more)
    assert await listed(books) == [asked.id]
    assert await decisions(books, asked.id) == []


async def test_an_engine_that_takes_no_edited_input_is_not_given_one(books: Books, ada: str) -> None:
    asked = await ask(books)

    def able(edited: bool) -> Any:
        words = EngineAbilities(edited_input=edited).model_dump_json()
        return books.do(lambda tx: tx.execute("UPDATE agents SET abilities_json = ?", (words,)))

    await able(False)
    with pytest.raises(Unsupported, match="The engine of ada .scripted. cannot run a tool with an edited input"):
        await decide(books, asked, updated_input={"command": "true"})
    assert await listed(books) == [asked.id]
    await able(True)
    assert (await decide(books, asked, updated_input={"command": "true"})).updated_input == {"command": "true"}


async def test_remembering_makes_the_rule_in_the_same_change(books: Books, ada: str) -> None:
    asked = await ask(books)
    with pytest.raises(InvalidRule):
        await decide(books, asked, remember="colony")
    assert (await now(books, asked)).status == "pending"
    decided = await decide(books, asked, remember="agent")
    again = await ask(books)
    assert (again.status, again.rule) == ("approved", decided.remembered)
    assert (await now(books, asked)).remembered is None


async def test_a_spent_budget_keeps_a_queens_spawn_from_being_asked_and_any_from_being_approved(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    request = SpawnRequest(name="bob", engine="scripted", parent="queen")
    asked = await books.do(lambda tx: approvals.ask_spawn(tx, request, "queen", queen))
    draft = BudgetDraft(scope="tree", agent="queen", turns=1)
    await books.do(lambda tx: budgets.set_budget(tx, draft, OPERATOR))
    await books.end_turn(queen, "t1", "ok")
    more = SpawnRequest(name="eve", engine="scripted", parent="queen")
    with pytest.raises(OverBudget):
        await books.do(lambda tx: approvals.decide(tx, asked.id, "approved", None, None, OPERATOR))
    with pytest.raises(OverBudget):
        await books.do(lambda tx: approvals.ask_spawn(tx, more, "queen", queen))
    assert (await now(books, asked)).status == "pending"
    await books.do(lambda tx: approvals.decide(tx, asked.id, "denied", None, None, OPERATOR))


async def test_who_floods_the_operator_with_asks_is_refused_until_some_are_decided(books: Books, ada: str) -> None:
    most = books.config.max_queued

    def flood(tx: Tx) -> None:
        row = agents.find_agent(tx.connection, "ada")
        for number in range(most):
            wanted = ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input={"command": f"make {number}"})
            approvals.ask_tool_use(tx, row, 1, wanted)

    await books.do(flood)
    with pytest.raises(QueueFull, match=f"ada has {most} asks that nobody has decided"):
        await ask(books)
    rule = await rule_says(books, "allow")
    assert (await ask(books)).rule == rule, "what waits for nobody has room"
    first = (await listed(books))[0]
    await books.do(lambda tx: approvals.decide(tx, first, "denied", None, None, OPERATOR))
    assert (await ask(books, "make install")).status == "pending"
    assert len(await listed(books)) == most


async def test_grants_of_another_agent_are_left_alone(books: Books, ada: str) -> None:
    orphan = await ask(books)
    await killed(books, ada)
    await decide(books, orphan)
    bob = await books.agent("bob")
    fits = input_hash("Bash", {"command": "make"})
    assert await books.do(lambda tx: grants.take(tx, bob, fits, "x")) is None
