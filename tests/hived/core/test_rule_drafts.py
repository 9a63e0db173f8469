"""The `[[rules]]` of an agent.toml: checked when it is asked for, put in force for its own agent."""

from typing import Any

import pytest

from hived.core import rules
from hived.core.rule_drafts import MOST_OF_A_SPEC
from hived.wire.agents import SpawnRequest
from hived.wire.errors import InvalidRule
from tests.support.books import OPERATOR, Books
from tests.support.rules import add, shown, verdict


def spec(*tables: dict[str, Any]) -> SpawnRequest:
    return SpawnRequest.model_validate({"name": "ada", "engine": "scripted", "rules": list(tables)})


async def test_the_rules_of_an_agent_toml_are_its_own_agents(books: Books) -> None:
    await books.agent("bob")
    ada = await books.agent(
        "ada", rules=[{"tool": "Bash", "pattern": "ls*"}, {"tool": "Bash", "pattern": "rm *", "verdict": "deny"}]
    )
    assert [(rule.agent, rule.source, rule.created_by) for rule in await shown(books)] == [
        ("ada", "agent.toml", "hived")
    ] * 2
    assert [await verdict(books, "ls", name=name) for name in ("ada", "bob")] == ["allow", None]

    await add(books, "cat *")
    books.feed.clear()
    await books.do(lambda tx: rules.take_from_spec(tx, ada, spec({"tool": "Bash", "pattern": "ls*"}, {"tool": "Read"})))
    assert [(rule.tool, rule.pattern, rule.hits) for rule in await shown(books)] == [
        ("Bash", "ls*", 1), ("Bash", "cat *", 0), ("Read", "*", 0),
    ]  # fmt: skip
    assert [rule.pattern for rule in await shown(books, all=True) if rule.revoked_at] == ["rm *"]


async def test_what_the_operator_revoked_no_rebuild_puts_back(books: Books) -> None:
    ada = await books.agent("ada", rules=[{"tool": "Bash", "pattern": "ls*"}])
    [rule] = await shown(books)
    await books.do(lambda tx: rules.revoke(tx, rule.id, OPERATOR))
    await books.do(lambda tx: rules.take_from_spec(tx, ada, spec({"tool": "Bash", "pattern": "ls*"})))
    assert await shown(books) == []
    await books.do(lambda tx: rules.take_from_spec(tx, ada, spec()))
    await books.do(lambda tx: rules.take_from_spec(tx, ada, spec({"tool": "Bash", "pattern": "cat *"})))
    await books.do(lambda tx: rules.take_from_spec(tx, ada, spec()))
    await books.do(lambda tx: rules.take_from_spec(tx, ada, spec({"tool": "Bash", "pattern": "cat *"})))
    assert [found.pattern for found in await shown(books)] == ["cat *"]


@pytest.mark.parametrize(
    ("tables", "words"),
    [
        ([{"tool": "Bash"}, {"tool": "Bash", "scope": "hive"}], "rules, 2: a rule of an agent.toml is for its own agent"),
        ([{"tool": "Bash", "agent": "bob"}], "for its own agent"), ([{"tool": "Bash", "colony": "x"}], "for its own agent"),
        ([{}], "rules, 1: tool"), ([{"tool": "*"}], "nothing to decide"), ([{"tool": "Bash", "pattern": "a > *"}], "could never fit"),
        ([{"tool": f"t{number}"} for number in range(MOST_OF_A_SPEC + 1)], "at most"),
    ],
)  # fmt: skip
async def test_a_spawn_with_a_wrong_rule_is_refused(books: Books, tables: list[dict[str, Any]], words: str) -> None:
    with pytest.raises(InvalidRule, match=words):
        await books.ask("ada", rules=tables)
    assert await books.waiting() == []


async def test_who_decides_a_spawn_sees_its_rules_in_its_one_line(books: Books) -> None:
    await books.ask(
        "ada", rules=[{"tool": "Bash", "pattern": "git *"}, {"tool": "Read", "verdict": "deny"}], reason="work"
    )
    [item] = await books.waiting()
    assert (
        item.subject
        == "spawn ada (worker, scripted, 2 rules of its own) with rules: allow Bash git *; deny Read *: work"
    )


async def test_nothing_long_hides_that_there_are_rules(books: Books) -> None:
    await books.ask(
        "ada", engine="command", model="m" * 300, engine_options={"command": "x" * 300}, rules=[{"tool": "Bash"}]
    )
    [item] = await books.waiting()
    assert item.subject.startswith("spawn ada (worker, command, 1 rule of its own, mmm")
