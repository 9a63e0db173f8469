"""Previews: what a rule would have decided of past asks, beside those that are in force."""

import json
import time
from typing import Any

import pytest

from hived.core import rule_preview, rules
from hived.store.database import Connection, Tx
from hived.wire.errors import AgentNotFound, InvalidRule
from hived.wire.ids import new_id
from hived.wire.rules import RuleDraft, RulePreview
from hived.wire.times import in_seconds
from tests.support.books import OPERATOR, Books

DAY = 86_400


@pytest.fixture
async def ada(books: Books) -> str:
    return await books.agent("ada")


def past(
    tx: Tx,
    agent: tuple[str, str],
    input: dict[str, Any] | str,
    status: str = "approved",
    *,
    days: float = 1,
    **more: Any,
) -> str:
    """An ask of so many days ago, as it was decided; its id."""
    given = {"command": input} if isinstance(input, str) else input
    ask_id = new_id()
    tx.execute(
        """INSERT INTO approvals(id, kind, status, requester, requester_id, generation, turn_id, subject, payload_json,
             created_at, updated_input_json) VALUES (?, 'tool_use', ?, ?, ?, 1, 't1', ?, ?, ?, ?)""",
        (
            ask_id, status, agent[0], agent[1], f"Bash {str(input)[:40]}",
            json.dumps({"tool": more.get("tool", "Bash"), "input": given}), in_seconds(-days * DAY), more.get("changed"),
        ),
    )  # fmt: skip
    return ask_id


async def preview(books: Books, pattern: str = "*", days: int = 30, **draft: Any) -> RulePreview:
    scope = {"agent": "ada"} if draft.get("scope", "agent") == "agent" and "agent" not in draft else {}
    wanted = RuleDraft.model_validate({"tool": "Bash", "pattern": pattern, **scope, **draft})

    def query(conn: Connection) -> RulePreview:
        looking = rule_preview.begin(conn, wanted, days)
        while not looking.done:
            rule_preview.look(conn, looking)
        return looking.answer()

    return await books.read(query)


async def test_it_counts_what_it_would_have_decided_and_what_differs(books: Books, ada: str) -> None:
    def fill(tx: Tx) -> list[str]:
        me = ("ada", ada)
        return [
            past(tx, me, "git status", days=1), past(tx, me, "git status -s", "denied", days=2), past(tx, me, "rm x", days=3),
            past(tx, me, "git status && rm x", days=4), past(tx, me, "git status", "pending", days=5),
            past(tx, me, "git status", days=6, changed="{}"), past(tx, me, "git status", days=31),
        ]  # fmt: skip

    asked = await books.do(fill)
    seen = await preview(books, "git status*")
    assert (seen.days, seen.asks, seen.decided, seen.differs, seen.warning) == (30, 6, 4, 2, None)
    assert [(ask.approval_id, ask.status, ask.would, ask.differs) for ask in seen.examples] == [
        (asked[1], "denied", "allow", True), (asked[5], "approved", "allow", True),
        (asked[0], "approved", "allow", False), (asked[4], "pending", "allow", False),
    ]  # fmt: skip
    assert (await preview(books, "git status*", days=40)).asks == 7
    assert (await preview(books, "rm *", verdict="deny")).differs == 2


async def test_it_counts_beside_the_rules_in_force(books: Books, ada: str) -> None:
    await books.do(lambda tx: past(tx, ("ada", ada), "ls && cat x"))
    assert (await preview(books, "ls*")).decided == 0
    allow, deny = (
        RuleDraft(tool="Bash", pattern="cat *", agent="ada"),
        RuleDraft(tool="Bash", pattern="cat *", verdict="deny", scope="hive"),
    )
    await books.do(lambda tx: rules.add(tx, allow, OPERATOR))
    assert (await preview(books, "ls*")).decided == 1
    await books.do(lambda tx: rules.add(tx, deny, OPERATOR))
    assert (await preview(books, "ls*")).decided == 0


async def test_a_rule_of_the_hive_looks_at_every_agents_asks(books: Books, ada: str) -> None:
    bob = await books.agent("bob")
    await books.do(
        lambda tx: [past(tx, ("ada", ada), "ls"), past(tx, ("bob", bob), "ls"), past(tx, ("gone", "x"), "ls")]
    )
    assert (await preview(books, "ls*")).asks == 1
    whole = await preview(books, "ls*", scope="hive")
    assert (whole.asks, whole.decided, {ask.agent for ask in whole.examples}) == (3, 3, {"ada", "bob", "gone"})


async def test_nothing_is_hit_and_nothing_is_made(books: Books, ada: str) -> None:
    await books.do(lambda tx: rules.add(tx, RuleDraft(tool="Bash", pattern="cat *", agent="ada"), OPERATOR))
    await books.do(lambda tx: past(tx, ("ada", ada), "ls && cat x"))
    books.feed.clear()
    await preview(books, "ls*")
    assert [rule.hits for rule in await books.read(rules.list_rules)] == [0]
    assert books.feed == []


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        ({"pattern": "git status $(rm x)"}, "could never fit"), ({"pattern": "sudo *"}, "cannot be added"),
        ({"pattern": "*"}, "any input of Bash"), ({"pattern": "*", "verdict": "deny", "scope": "hive"}, "every agent"),
    ],
)  # fmt: skip
async def test_a_rule_that_never_fits_or_always_does_is_warned_of(
    books: Books, ada: str, draft: dict[str, Any], words: str
) -> None:
    assert words in ((await preview(books, **draft)).warning or "")


async def test_what_is_no_rule_is_not_previewed(books: Books, ada: str) -> None:
    for wrong in (
        {"tool": "*"},
        {"pattern": "exact:x"},
        {"scope": "colony", "colony": "x"},
        {"agent": None},
        {"days": 0},
        {"days": 9999},
    ):
        with pytest.raises(InvalidRule):
            await preview(books, **wrong)
    with pytest.raises(AgentNotFound):
        await preview(books, agent="bob")


async def test_what_was_emptied_or_is_of_another_shape_is_passed_over(books: Books, ada: str) -> None:
    def fill(tx: Tx) -> None:
        for payload in (
            "{}",
            '{"tool": 5, "input": {}}',
            '{"tool": "Bash", "input": []}',
            '{"tool": "Bash", "input": null}',
        ):
            ask = past(tx, ("ada", ada), "ls")
            tx.execute("UPDATE approvals SET payload_json = ? WHERE id = ?", (payload, ask))
        past(tx, ("ada", ada), "echo '" + "x" * 70_000 + "'")

    await books.do(fill)
    seen = await preview(books, "ls*")
    assert (seen.asks, seen.decided) == (5, 0)


async def test_ten_thousand_asks_are_looked_at_and_no_more(books: Books, ada: str) -> None:
    def fill(tx: Tx) -> None:
        for number in range(10_050):
            past(
                tx,
                ("ada", ada),
                f"git log -{number} | head -5 && ls 'a b'",
                ("approved", "denied")[number % 2],
                days=number / 10_000,
            )

    await books.do(fill)
    await books.do(lambda tx: rules.add(tx, RuleDraft(tool="Bash", pattern="head *", agent="ada"), OPERATOR))
    await books.do(lambda tx: rules.add(tx, RuleDraft(tool="Bash", pattern="ls *", agent="ada"), OPERATOR))
    began = time.perf_counter()
    seen = await preview(books, "git log *")
    took = time.perf_counter() - began
    assert seen.asks == 10_000 or (seen.warning or "").startswith("Only the newest")
    assert seen.decided == seen.asks
    assert len(seen.examples) == 100
    assert all(ask.differs for ask in seen.examples)
    assert took < rule_preview.MOST_SECONDS + 20
