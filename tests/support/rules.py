"""Rules in the books of a test: made, asked, listed."""

from typing import Any

from hived.core import agents, rules
from hived.wire.rules import Rule, RuleDraft
from tests.support.books import OPERATOR, Books


async def add(books: Books, pattern: str = "*", **draft: Any) -> Rule:
    scope = {"agent": "ada"} if draft.get("scope", "agent") == "agent" and "agent" not in draft else {}
    wanted = RuleDraft.model_validate({"tool": "Bash", "pattern": pattern, **scope, **draft})
    return await books.do(lambda tx: rules.add(tx, wanted, OPERATOR))


async def answer(
    books: Books, input: dict[str, Any] | str, tool: str = "Bash", name: str = "ada"
) -> rules.Standing | None:
    given = {"command": input} if isinstance(input, str) else input
    row = await books.read(lambda conn: agents.find_agent(conn, name))
    return await books.do(lambda tx: rules.standing_answer(tx, row, tool, given))


async def verdict(books: Books, input: dict[str, Any] | str, tool: str = "Bash", name: str = "ada") -> str | None:
    standing = await answer(books, input, tool, name)
    return None if standing is None else standing.verdict


async def shown(books: Books, *, all: bool = False) -> list[Rule]:
    return await books.read(lambda conn: rules.list_rules(conn, all=all))
