"""Approvals: asked once, decided once, and what follows from it."""

import asyncio
from typing import Any

import pytest

from hived.core import agents, approvals
from hived.store.database import SUPERVISOR
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor, Approval, ApprovalAsk
from hived.wire.errors import (
    AgentNotFound,
    AlreadyDecided,
    AmbiguousId,
    ApprovalNotFound,
    HiveError,
    InvalidName,
    InvalidRepo,
    InvalidRequest,
    NameTaken,
    StaleGeneration,
    UnknownEngine,
    UnknownRuntime,
)
from hived.wire.ids import new_id
from tests.support.books import OPERATOR, Books


async def decide(books: Books, approval_id: str, verdict: approvals.Decided = "approved", **words: Any) -> Approval:
    note, updated = words.get("note"), words.get("updated_input")
    actor: Actor = words.get("actor", OPERATOR)
    return await books.do(lambda tx: approvals.decide(tx, approval_id, verdict, note, updated, actor))


async def ask_tool(books: Books, name: str, *, turn_id: str = "t1", **ask: Any) -> Approval:
    wanted = ApprovalAsk.model_validate(
        {"id": new_id(), "kind": "tool_use", "tool": "Bash", "input": {"command": "make"}, "turn_id": turn_id, **ask}
    )
    row = await books.read(lambda conn: agents.find_agent(conn, name))
    return await books.do(lambda tx: approvals.ask_tool_use(tx, row, row["generation"], wanted))


async def status_of(books: Books, approval_id: str) -> str:
    return str(await books.one("SELECT status FROM approvals WHERE id = ?", approval_id))


# Asking ----------------------------------------------------------------------------------------------------


async def test_a_spawn_that_is_asked_for_waits_and_makes_no_agent(books: Books) -> None:
    asked = await books.ask("ada", reason="to build\nthe thing", model="opus")
    (item,) = await books.waiting()
    assert (item.id, item.kind, item.agent, item.blocks) == (asked, "spawn", None, False)
    assert item.subject == "spawn ada (worker, scripted, opus): to build the thing"
    assert [row.kind for row in books.feed] == ["waiting", "approval"]
    assert await books.read(agents.list_views) == []


async def test_the_one_line_of_a_spawn_names_the_program_that_it_would_run(books: Books) -> None:
    await books.ask("ada", engine="command", engine_options={"command": ["sh", "-c", "rm\n-rf ~"]}, reason="tidy")
    await books.ask("bob", engine="command", engine_options={"command": "make all"})
    subjects = [item.subject for item in await books.waiting()]
    assert subjects == [
        "spawn ada (worker, command) running `sh -c 'rm -rf ~'`: tidy",
        "spawn bob (worker, command) running `make all`",
    ]


@pytest.mark.parametrize(
    ("engine", "options", "subject"),
    [
        ("acp", {"agent": "codex"}, "spawn ada (worker, acp) running codex"),
        ("acp", {"agent": "codex", "command": "evil --now"}, "spawn ada (worker, acp) running `evil --now`"),
        ("api", {"base_url": "http://127.0.0.1:1/v1"}, "spawn ada (worker, api) at http://127.0.0.1:1/v1"),
        (
            "api",
            {"provider": "openai", "base_url": "http://evil"},
            "spawn ada (worker, api) at openai http://evil",
        ),
        ("api", {"provider": "ollama"}, "spawn ada (worker, api) at ollama"),
        (
            "claude",
            {"permission_mode": "bypassPermissions"},
            "spawn ada (worker, claude, permission mode bypassPermissions)",
        ),
    ],
)
async def test_the_one_line_of_a_spawn_names_what_will_really_think(
    books: Books, engine: str, options: dict[str, Any], subject: str
) -> None:
    await books.ask("ada", engine=engine, engine_options=options)
    assert [item.subject for item in await books.waiting()] == [subject]


async def test_only_a_queen_may_be_named_so(books: Books) -> None:
    with pytest.raises(InvalidRequest):
        await books.ask("queen")
    await books.ask("queen", role="queen")


async def test_the_same_id_is_the_same_ask(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    chosen = new_id()
    request = SpawnRequest(name="ada", engine="scripted")
    first = await books.do(lambda tx: approvals.ask_spawn(tx, request, "queen", queen, chosen))
    again = await books.do(lambda tx: approvals.ask_spawn(tx, request, "queen", queen, chosen))
    assert first == again
    assert len(await books.waiting()) == 1
    with pytest.raises(InvalidRequest):
        await books.do(lambda tx: approvals.ask_spawn(tx, request, "operator", None, chosen))


@pytest.mark.parametrize(
    ("fields", "kind"),
    [
        ({"name": ".."}, InvalidName),
        ({"name": ""}, InvalidName),
        ({"name": "a" * 33}, InvalidName),
        ({"engine": "cheese"}, UnknownEngine),
        ({"engine": "gpt"}, UnknownEngine),
        ({"runtime": "no such, surely"}, UnknownRuntime),
        ({"repo": "relative/path"}, InvalidRepo),
        ({"parent": "nobody"}, AgentNotFound),
        ({"reason": "x" * 4097}, InvalidRequest),
        ({"name": "taken"}, NameTaken),
        ({"name": "asked"}, NameTaken),
    ],
)
async def test_what_could_never_be_is_refused_before_anyone_is_asked(
    books: Books, fields: dict[str, Any], kind: type[HiveError]
) -> None:
    await books.agent("taken")
    await books.ask("asked")
    with pytest.raises(kind):
        await books.ask(**{"name": "ada", **fields})
    assert len(await books.waiting()) == 1


async def test_a_name_that_was_denied_may_be_asked_for_again(books: Books) -> None:
    await decide(books, await books.ask("ada"), "denied")
    await books.ask("ada")


async def test_a_tool_ask_blocks_its_agent_and_says_in_one_line_what_it_is_about(books: Books) -> None:
    await books.agent("ada")
    asked = await ask_tool(books, "ada", input={"command": "rm -rf /\x1b[2J\n&& echo"})
    assert asked.subject == "Bash rm -rf /[2J⏎ && echo"
    (item,) = await books.waiting()
    assert (item.kind, item.agent, item.blocks) == ("tool_use", "ada", True)
    assert (await books.view("ada")).waiting == 1
    with pytest.raises(InvalidRequest):
        await ask_tool(books, "ada", tool=None)
    row = await books.read(lambda conn: agents.find_agent(conn, "ada"))
    with pytest.raises(StaleGeneration):
        await books.do(
            lambda tx: approvals.ask_tool_use(tx, row, 0, ApprovalAsk(id=new_id(), kind="tool_use", tool="x", input={}))
        )


# Deciding --------------------------------------------------------------------------------------------------


async def test_approving_a_spawn_makes_the_agent_in_the_same_change(books: Books) -> None:
    asked = await books.ask("ada")
    books.feed.clear()
    decided = await decide(books, asked[:34], note="go on")
    assert (decided.status, decided.note, decided.decided_by) == ("approved", "go on", OPERATOR)
    assert (await books.view("ada")).lifecycle.state == "requested"
    assert await books.waiting() == []
    assert [row.kind for row in books.feed] == ["waiting_removed", "deployment", "approval", "agent"]
    assert books.rings[-1].to == SUPERVISOR


async def test_denying_makes_nothing_and_tells_the_queen_why(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    request = SpawnRequest(name="ada", engine="scripted", parent="queen")
    asked = await books.do(lambda tx: approvals.ask_spawn(tx, request, "queen", queen))
    assert (await books.view("queen")).waiting == 1
    await decide(books, asked.id, "denied", note="too dear")
    assert [view.name for view in await books.read(agents.list_views)] == ["queen"]
    (told,) = (await books.claim(queen, "t1")).messages
    assert (told.sender, told.body) == ("hived", "Your request to spawn ada was denied by operator. Note: too dear")
    assert (await books.view("queen")).waiting == 0


async def test_of_a_thousand_who_decide_at_once_exactly_one_wins_and_the_others_are_told_who(books: Books) -> None:
    asked = await books.ask("ada")
    verdicts: list[approvals.Decided] = ["approved", "denied"]
    answers = await asyncio.gather(
        *(
            decide(books, asked, verdicts[number % 2], actor=Actor(who="operator", pid=number))
            for number in range(1000)
        ),
        return_exceptions=True,
    )
    winners = [answer for answer in answers if isinstance(answer, Approval)]
    losers = [answer for answer in answers if isinstance(answer, AlreadyDecided)]
    assert (len(winners), len(losers)) == (1, 999)
    assert all(loser.detail["status"] == winners[0].status for loser in losers)
    assert all(loser.detail["at"] == winners[0].decided_at for loser in losers)
    assert await books.one("SELECT count(*) FROM audit WHERE action LIKE 'approval.%'") == 1


async def test_an_unknown_or_unclear_id_decides_nothing(books: Books) -> None:
    await books.ask("ada")
    await books.ask("bob")
    for approval_id, kind in (
        ("0", AmbiguousId),
        ("", ApprovalNotFound),
        (new_id(), ApprovalNotFound),
        ("%", ApprovalNotFound),
    ):
        with pytest.raises(kind):
            await decide(books, approval_id)
    assert len(await books.waiting()) == 2


async def test_a_deed_that_fails_says_so_on_the_approval(books: Books) -> None:
    asked = await books.ask("ada")
    await books.agent("ada")
    decided = await decide(books, asked)
    assert decided.status == "failed"
    assert "already an agent" in (decided.failure or "")


async def test_other_input_goes_with_a_tool_ask_only(books: Books) -> None:
    asked = await books.ask("ada")
    with pytest.raises(InvalidRequest):
        await decide(books, asked, updated_input={"a": 1})
    assert await status_of(books, asked) == "pending"


async def test_a_tool_decision_is_rung_and_sent_again_until_its_turn_ends(books: Books) -> None:
    ada = await books.agent("ada")
    asked = await ask_tool(books, "ada")
    await decide(books, asked.id, note="carefully", updated_input={"command": "make -n"})
    ring = books.rings[-1]
    assert (ring.to, ring.event) == (ada, "decision")
    assert ring.payload == {
        "approval_id": asked.id, "status": "approved", "note": "carefully", "updated_input": {"command": "make -n"},
    }  # fmt: skip
    for generation, count in ((1, 1), (2, 0)):
        again = await books.read(lambda conn, given=generation: approvals.decisions_for(conn, ada, given))  # type: ignore[misc]
        assert len(again) == count
    await books.end_turn(ada, "t1", "ok")
    assert await books.read(lambda conn: approvals.decisions_for(conn, ada, 1)) == []


async def test_the_end_of_a_turn_cancels_what_it_asked_and_no_spawn(books: Books) -> None:
    queen = await books.agent("queen", role="queen")
    request = SpawnRequest(name="ada", engine="scripted")
    spawn = await books.do(lambda tx: approvals.ask_spawn(tx, request, "queen", queen))
    mine, other = await ask_tool(books, "queen"), await ask_tool(books, "queen", turn_id="t2")
    await books.end_turn(queen, "t1", "cancelled")
    assert [await status_of(books, a.id) for a in (spawn, mine, other)] == ["pending", "cancelled", "pending"]
    assert {item.id for item in await books.waiting()} == {spawn.id, other.id}
    with pytest.raises(AlreadyDecided):
        await decide(books, mine.id)


async def test_an_orphan_can_still_be_decided_and_wakes_its_agent(books: Books) -> None:
    ada = await books.agent("ada")
    asked = await ask_tool(books, "ada")
    await books.do(lambda tx: agents.next_generation(tx, ada))
    await books.end_turn(ada, "t1", "failed", error="the harness ended in mid-turn")
    assert await status_of(books, asked.id) == "orphaned", (
        "what the next harness writes down of the turn closes nothing"
    )
    await decide(books, asked.id)
    assert await status_of(books, asked.id) == "approved"
    assert await books.waiting() == []
    assert [(ring.to, ring.event) for ring in books.rings][-1] == (ada, "wake")
    (told,) = (await books.claim(ada, "t2", generation=2)).messages
    assert "Bash make" in told.body


async def test_lists_filter_and_page(books: Books) -> None:
    await books.agent("ada")
    ids = [await books.ask(f"n{number}") for number in range(4)]
    tool = await ask_tool(books, "ada")
    await decide(books, ids[1], "denied")

    async def listed(**query: Any) -> list[str]:
        found = await books.read(lambda conn: approvals.list_approvals(conn, **query))
        return [approval.id for approval in found]

    assert await listed() == [ids[0], ids[2], ids[3], tool.id]
    assert await listed(undecided=False) == [*ids, tool.id]
    assert await listed(kind="tool_use") == [tool.id]
    assert await listed(status="denied", undecided=False) == [ids[1]]
    assert await listed(undecided=False, limit=2, before=tool.id) == ids[2:]


@pytest.mark.parametrize(
    ("tool", "given", "line"),
    [
        ("Bash", {"command": "ls -l", "description": "list"}, "Bash ls -l"),
        ("Write", {"content": "x", "file_path": "/a"}, "Write /a"),
        ("mcp__x__y", {"n": 1}, 'mcp__x__y {"n": 1}'),
        ("Bash", {"command": "a\u202eb\x00c\ud800"}, "Bash abc?"),
        ("Bash", {"command": "x" * 999}, "Bash " + "x" * 194 + "…"),
    ],
)
def test_a_tools_subject_is_one_plain_line(tool: str, given: dict[str, Any], line: str) -> None:
    assert approvals.tool_subject(tool, given) == line
