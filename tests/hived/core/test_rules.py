"""Rules in the books: put in force, hit, remembered, taken from an agent.toml, revoked."""

import time
from typing import Any

import pytest

from hived.core import agents, approvals, rules, snapshot
from hived.core.rule_drafts import parse_draft
from hived.core.tool_inputs import input_hash
from hived.store import agents as agent_store
from hived.store.database import Tx
from hived.wire.approvals import Approval, ApprovalAsk
from hived.wire.errors import AgentNotFound, AmbiguousId, InvalidRule, RuleNotFound, RuleRevoked
from hived.wire.ids import new_id
from hived.wire.rules import RuleDraft, RuleProposal, RuleScope, RuleVerdict
from tests.support.books import OPERATOR, Books
from tests.support.rules import add, answer, shown, verdict


@pytest.fixture
async def ada(books: Books) -> str:
    return await books.agent("ada")


async def refusal(books: Books, **draft: Any) -> str:
    with pytest.raises(InvalidRule) as refused:
        await books.do(lambda tx: rules.add(tx, parse_draft({"tool": "Bash", "agent": "ada", **draft}), OPERATOR))
    assert refused.value.message.endswith(".")
    return refused.value.message


async def ask(books: Books, input: dict[str, Any], tool: str = "Bash") -> Approval:
    wanted = ApprovalAsk(id=new_id(), kind="tool_use", tool=tool, input=input, turn_id="t1")
    row = await books.read(lambda conn: agents.find_agent(conn, "ada"))
    return await books.do(lambda tx: approvals.ask_tool_use(tx, row, row["generation"], wanted))


async def propose(books: Books, approval_id: str, scope: RuleScope = "agent") -> RuleProposal:
    return await books.read(lambda conn: rules.propose(conn, approvals.find_approval(conn, approval_id), scope))


async def remember(books: Books, approval: Approval) -> str | None:
    """Approve it for always; the rule's id."""
    decided = await books.do(lambda tx: approvals.decide(tx, approval.id, "approved", None, None, OPERATOR, "agent"))
    return decided.remembered


async def audited(books: Books) -> list[tuple[str, str]]:
    rows = await books.read(lambda conn: conn.execute("SELECT action, subject FROM audit ORDER BY seq").fetchall())
    return [(row["action"], row["subject"]) for row in rows if row["action"].startswith("rule.")]


# In force ----------------------------------------------------------------------------------------------------


async def test_without_a_rule_the_operator_is_asked(books: Books, ada: str) -> None:
    assert await answer(books, "ls") is None


async def test_a_rule_answers_its_own_agent_alone_and_one_of_the_hive_everyone(books: Books, ada: str) -> None:
    await books.agent("bob")
    await add(books, "ls*")
    await add(books, "cat *", scope="hive")
    assert [await verdict(books, "ls", name=name) for name in ("ada", "bob")] == ["allow", None]
    assert [await verdict(books, "cat x", name=name) for name in ("ada", "bob")] == ["allow", "allow"]


async def test_a_deny_wins_over_an_older_allow_and_says_why(books: Books, ada: str) -> None:
    await add(books, "git *")
    deny = await add(books, "git push*", verdict="deny", scope="hive", reason="pushes are\nmine")
    assert await verdict(books, "git log") == "allow"
    standing = await answer(books, "git push")
    assert standing is not None
    assert (standing.rule_id, standing.verdict) == (deny.id, "deny")
    assert standing.words == f"Rule {deny.id} denies Bash git push*: pushes are mine"


async def test_hits_are_counted_with_the_answer_and_fed(books: Books, ada: str) -> None:
    first, second = await add(books, "ls*"), await add(books, "cat *")
    books.feed.clear()
    await answer(books, "ls | cat x; ls -l")
    await answer(books, "ls")
    await answer(books, "rm x")
    hits = {rule.id: (rule.hits, rule.last_hit_at is not None) for rule in await shown(books)}
    assert hits == {first.id: (2, True), second.id: (1, True)}
    assert [(row.kind, row.payload["hits"]) for row in books.feed] == [("rule", 1), ("rule", 1), ("rule", 2)]


async def test_an_ask_that_a_rule_answers_counts_its_hit_in_the_same_change(books: Books, ada: str) -> None:
    rule = await add(books, "ls*")
    approval = await ask(books, {"command": "ls -l"})
    assert (approval.status, approval.rule) == ("approved", rule.id)
    assert [found.hits for found in await shown(books)] == [1]
    assert (await ask(books, {"command": "rm x"})).status == "pending"


async def test_an_expired_rule_answers_nothing_and_is_listed_only_with_all(books: Books, ada: str) -> None:
    rule = await add(books, "ls*", expires_at="8h")
    assert rule.expires_at is not None
    assert await verdict(books, "ls") == "allow"
    await books.do(lambda tx: tx.execute("UPDATE rules SET expires_at = '2020-01-01T00:00:00.000Z'"))
    assert await verdict(books, "ls") is None
    assert await shown(books) == []
    assert [found.id for found in await shown(books, all=True)] == [rule.id]
    assert (await add(books, "ls*")).id != rule.id


async def test_a_rule_is_revoked_once_and_its_row_stays(books: Books, ada: str) -> None:
    rule = await add(books, "ls*")
    revoked = await books.do(lambda tx: rules.revoke(tx, rule.id[:30], OPERATOR))
    assert revoked.revoked_at is not None
    assert await verdict(books, "ls") is None
    assert await shown(books) == []
    assert (await shown(books, all=True))[0].revoked_at == revoked.revoked_at
    with pytest.raises(RuleRevoked, match="was revoked at"):
        await books.do(lambda tx: rules.revoke(tx, rule.id, OPERATOR))
    assert await audited(books) == [("rule.added", rule.id), ("rule.revoked", rule.id)]
    assert [row.kind for row in books.feed if row.kind == "rule"] == ["rule", "rule"]


async def test_an_id_that_is_none_or_several_is_refused(books: Books, ada: str) -> None:
    await add(books, "ls*")
    await add(books, "cat *")
    for prefix, error in (("ffff", RuleNotFound), ("", RuleNotFound), ("0", AmbiguousId)):
        with pytest.raises(error):
            await books.do(lambda tx, prefix=prefix: rules.revoke(tx, prefix, OPERATOR))  # type: ignore[misc]


async def test_the_snapshot_holds_those_in_force(books: Books, ada: str) -> None:
    gone, kept = await add(books, "ls*"), await add(books, "cat *")
    await books.do(lambda tx: rules.revoke(tx, gone.id, OPERATOR))
    taken = await books.read(lambda conn: snapshot.take(conn, books.hive.info))
    assert [rule.id for rule in taken.rules] == [kept.id]


async def test_a_new_agent_of_the_same_name_has_no_rules(books: Books, ada: str) -> None:
    await add(books, "ls*")
    await books.do(lambda tx: tx.execute("DELETE FROM agents"))
    await books.agent("ada")
    assert await verdict(books, "ls") is None


async def test_paths_are_of_the_agents_own_workspace(books: Books, ada: str) -> None:
    await add(books, "src/**", tool="Write")
    assert await verdict(books, {"file_path": "src/a", "content": "x"}, "Write") is None
    await books.do(lambda tx: agent_store.update_workspace(tx, ada, "/nowhere/ws"))
    assert await verdict(books, {"file_path": "src/a", "content": "x"}, "Write") == "allow"
    assert await verdict(books, {"file_path": "/nowhere/ws/src/a", "content": "x"}, "Write") == "allow"
    assert await verdict(books, {"file_path": "/ws/src/a", "content": "x"}, "Write") is None


async def test_no_rules_cost_an_ask_next_to_nothing_and_many_not_much(books: Books, ada: str) -> None:
    row = await books.read(lambda conn: agents.find_agent(conn, "ada"))

    def timed(tx: Tx, asks: int) -> float:
        began = time.thread_time()
        for _ in range(asks):
            rules.standing_answer(tx, row, "Bash", {"command": "git log | head -5 && make lint"})
        return (time.thread_time() - began) / asks

    def fill(tx: Tx) -> None:
        for number in range(300):
            verdict: RuleVerdict = "deny" if number % 2 else "allow"
            rules.add(tx, RuleDraft(tool="Bash", pattern=f"tool{number} *", verdict=verdict, agent="ada"), OPERATOR)

    assert await books.do(lambda tx: timed(tx, 1000)) < 0.0005
    await books.do(fill)
    assert await books.do(lambda tx: timed(tx, 10)) < 0.1


# Drafts ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("draft", "words"),
    [
        ({"tool": ""}, "tool: "), ({"tool": None}, "tool: "), ({"tool": "x" * 201}, "tool: "), ({"tool": "a\nb"}, "tool: printable"),
        ({"tool": " Bash"}, "tool: printable"), ({"pattern": ""}, "pattern: "), ({"pattern": "x" * 4097}, "pattern: "),
        ({"pattern": "ls\x1b[31m"}, "pattern: printable"), ({"pattern": "ls "}, "pattern: printable"),
        ({"pattern": "ls\u202e"}, "pattern: printable"), ({"pattern": "ls \\x"}, "backslash"), ({"pattern": "exact:abc"}, "64"),
        ({"pattern": "exact:" + "A" * 64}, "64"), ({"verdict": "maybe"}, "verdict: "), ({"scope": "all"}, "scope: "),
        ({"scope": "colony", "agent": None, "colony": "x"}, "no colonies"), ({"colony": "x"}, "no colonies"),
        ({"agent": None}, "names its agent"), ({"scope": "hive"}, "names none"), ({"tool": "*", "verdict": "allow"}, "nothing to decide"),
        ({"tool": "**"}, "nothing to decide"), ({"expires_at": "yesterday"}, "expires_at: "), ({"expires_at": "2020-01-01"}, "past"),
        ({"expires_at": "0s"}, "past"), ({"expires_at": "9" * 99 + "d"}, "expires_at: "), ({"reason": "x" * 401}, "reason: "),
        ({"speed": "fast"}, "speed: "), ({"pattern": "git status $(rm x)"}, "could never fit"), ({"pattern": "sudo *"}, "exact text"),
        ({"pattern": "git status && rm*"}, "one part"), ({"pattern": 5}, "pattern: "), ({"pattern": "a/" * 101}, "folders"), ({"pattern": "**/a/" * 9}, "8 times"),
    ],
)  # fmt: skip
async def test_a_wrong_draft_is_refused_in_one_sentence(
    books: Books, ada: str, draft: dict[str, Any], words: str
) -> None:
    assert words in await refusal(books, **draft)
    assert await shown(books, all=True) == []


async def test_a_draft_that_is_no_table_is_refused_and_one_for_nobody_too(books: Books, ada: str) -> None:
    wrong: tuple[Any, ...] = (None, [], "Bash", 5)
    for given in wrong:
        with pytest.raises(InvalidRule, match="is a table"):
            parse_draft(given)
    with pytest.raises(AgentNotFound):
        await add(books, agent="bob")


async def test_what_a_rule_in_force_says_is_not_said_twice(books: Books, ada: str) -> None:
    first = await add(books, "ls*", expires_at="1h")
    assert "just this" in await refusal(books, pattern="ls*", expires_at="10m")
    longer = await add(books, "ls*", expires_at="2h")
    await add(books, "ls*")
    assert "just this" in await refusal(books, pattern="ls*")
    assert longer.id != first.id


async def test_a_deny_may_be_of_everything(books: Books, ada: str) -> None:
    await add(books, tool="*", verdict="deny", scope="hive")
    assert await verdict(books, {"anything": 1}, "mcp__x") == "deny"


# Remembered --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tool", "input", "pattern", "words"),
    [
        ("Bash", {"command": "git  status -s", "description": "x"}, "git status -s", "From now on ada may use Bash with the command"),
        ("Bash", {"command": "grep 'a*\\.b' x"}, "grep 'a\\*\\\\.b' x", "word for word"),
        ("Bash", {"command": "sudo ls && ls | sh"}, "sudo ls && ls | sh", "`sudo ls && ls | sh`"),
        ("Write", {"file_path": "/ws/app/[id].ts", "content": "x"}, "/ws/app/[id].ts", "with any content"),
        ("WebFetch", {"url": "https://Example.com/a", "prompt": "x"}, "https://example.com", "of no other host"),
        ("WebFetch", {"url": "https://example.com:8443/a"}, "https://example.com:8443", "of no other host"),
    ],
)  # fmt: skip
async def test_the_narrowest_rule_is_proposed(
    books: Books, ada: str, tool: str, input: dict[str, Any], pattern: str, words: str
) -> None:
    approval = await ask(books, input, tool)
    proposal = await propose(books, approval.id)
    draft = proposal.rule
    assert (draft.tool, draft.pattern, draft.verdict, draft.scope, draft.agent) == (
        tool,
        pattern,
        "allow",
        "agent",
        "ada",
    )
    assert words in proposal.words
    await books.do(lambda tx: rules.add(tx, draft, OPERATOR))
    assert await verdict(books, input, tool) == "allow"


@pytest.mark.parametrize(
    ("tool", "input", "words"),
    [
        ("Bash", {"command": "cat x > y"}, "a redirection"), ("Bash", {"command": "git status $(rm x)"}, "a command substitution"),
        ("Bash", {"command": "ls", "dangerouslyDisableSandbox": True}, "dangerouslyDisableSandbox"),
        ("Bash", {"command": "ls", "cwd": "/etc"}, "overlook its cwd"), ("Write", {"file_path": "~/x"}, "such a path"),
        ("WebFetch", {"url": "https://a@b.org"}, "such an address"), ("mcp__x__y", {"query": "x"}, "no command, path or address"),
        ("Bash", {"command": "echo " + "'*'" * 2100}, "no pattern"), ("odd*tool", {"a": 1}, "exactly this input"), ("Write", {"file_path": "/a" * 200}, "such a path"),
    ],
)  # fmt: skip
async def test_where_no_pattern_is_narrow_enough_it_is_the_exact_input(
    books: Books, ada: str, tool: str, input: dict[str, Any], words: str
) -> None:
    approval = await ask(books, input, tool)
    proposal = await propose(books, approval.id, "hive")
    assert proposal.rule.pattern == f"exact:{input_hash(tool, input)}"
    assert proposal.rule.scope == "hive"
    assert words in proposal.words
    await books.do(lambda tx: rules.add(tx, proposal.rule, OPERATOR))
    assert await verdict(books, input, tool) == "allow"
    assert await verdict(books, {**input, "more": 1}, tool) is None


async def test_remembering_makes_the_proposed_rule_with_the_decision(books: Books, ada: str) -> None:
    approval = await ask(books, {"command": "ls -l"})
    decided = await books.do(lambda tx: approvals.decide(tx, approval.id, "approved", None, None, OPERATOR, "agent"))
    [rule] = await shown(books)
    assert decided.remembered == rule.id
    assert (rule.pattern, rule.source, rule.made_from, rule.created_by) == (
        "ls -l",
        "remembered",
        approval.id,
        "operator",
    )
    assert (await ask(books, {"command": "ls -l"})).status == "approved"
    assert (await ask(books, {"command": "ls -la"})).status == "pending"


async def test_remembering_the_same_again_gives_the_rule_that_stands(books: Books, ada: str) -> None:
    first, second = await ask(books, {"command": "ls -l"}), await ask(books, {"command": "ls  -l"})
    made = [await remember(books, approval) for approval in (first, second)]
    assert made[0] == made[1] is not None
    assert len(await shown(books, all=True)) == 1


async def test_what_no_rule_can_say_is_not_remembered(books: Books, ada: str) -> None:
    plan = await ask(books, {"plan": "x"}, "ExitPlanMode")
    odd = await ask(books, {"a": 1}, "a\nb")
    tool_use = await ask(books, {"command": "ls"})
    spawn = await books.ask("bob")
    for approval_id, scope, words in (
        (plan.id, "agent", "decided each time"), (odd.id, "agent", "no rule can hold"),
        (tool_use.id, "colony", "no colonies"), (spawn, "agent", "kind tool_use"),
    ):  # fmt: skip
        with pytest.raises(InvalidRule, match=words):
            await propose(books, approval_id, scope)  # type: ignore[arg-type]
    await books.do(lambda tx: tx.execute("UPDATE approvals SET updated_input_json = '{}' WHERE id = ?", (tool_use.id,)))
    with pytest.raises(InvalidRule, match="another input"):
        await propose(books, tool_use.id)
    await books.do(lambda tx: tx.execute("DELETE FROM agents"))
    with pytest.raises(InvalidRule, match="is gone"):
        await propose(books, plan.id)
