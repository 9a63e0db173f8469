"""The scene's hive with one of everything that can wait on the operator, hostile text among it."""

from typing import Any

from hived.wire.approvals import Approval, WaitingItem
from hived.wire.budgets import Budget, Spent
from hived.wire.messages import Message
from hived.wire.pairs import Pair
from hived.wire.questions import Question
from hived.wire.rules import RuleDraft, RuleProposal
from hived.wire.snapshot import Snapshot
from tests.hivetui import scene
from tests.hivetui.scene import ago, ident, to_come

HOSTILE = "echo \x1b[2Jdone\u202e  \nrm -rf ~/work  # p\u0430ypal"
BASH, EDIT, WRITE, ORPHAN, SPAWN = (ident(number) for number in (102, 110, 111, 112, 101))
KEEP, WHICH, WHY, UP = (ident(number) for number in (120, 121, 122, 123))
HELD, PAIR, BUDGET = ident(90), ident(130), ident(140)


def ask(id: str, agent: str, tool: str, given: dict[str, Any], since: float, subject: str, **more: Any) -> Approval:
    return Approval(
        id=id, kind="tool_use", status=more.pop("status", "pending"), requester=agent, subject=subject,
        created_at=ago(since), payload={"tool": tool, "input": given}, **more,
    )  # fmt: skip


def approvals() -> list[Approval]:
    edit = {
        "file_path": "api/tokens.py",
        "old_string": "class Token:\n    kind: str\n    text: str\n\n\ndef first(tokens):\n    return tokens[0]",
        "new_string": "class Token:\n    kind: TokenKind\n    text: str\n\n\ndef first(tokens):\n    return next(iter(tokens), None)",
        "replace_all": False,
    }
    return [
        *scene.approvals(),
        ask(EDIT, "alice", "Edit", edit, 95, "Edit api/tokens.py"),
        ask(WRITE, "carol", "Bash", {"command": HOSTILE, "timeout": 5}, 60, "$ echo done"),
        ask(ORPHAN, "dave", "Bash", {"command": "git push origin hive/dave"}, 2400, "$ git push origin hive/dave", status="orphaned"),
    ]  # fmt: skip


def questions() -> list[Question]:
    def question(id: str, asker: str, since: float, text: str, **more: Any) -> Question:
        return Question(
            id=id, kind=more.pop("kind", "question"), asker=asker, recipient=more.pop("recipient", "operator"), text=text,
            with_operator=True, created_at=ago(since), thread=id, **more,
        )  # fmt: skip

    return [
        question(
            KEEP, "alice", 51, "Shall I keep the v1 endpoint? It still imports the old name, and two clients call it.",
            options=["Keep it, marked as deprecated", "Remove it now", "Keep it, and log each call once a day"],
            deadline=to_come(250),
        ),
        question(
            WHICH, "carol", 600, "Which of these may I update?", multi=True,
            options=["httpx 0.27 → 0.28", "pydantic 2.9 → 2.10", "textual 0.86 → 1.0", "uvicorn"],
        ),
        question(WHY, "fay", 130, "What is the staging server called now? [red]It[/red] is not in the notes."),
        question(
            UP, "bob", 30, "The migration needs a maintenance window. When?", kind="escalation", recipient="queen",
            reason="queen did not answer within 300 s",
        ),
    ]  # fmt: skip


def budget() -> Budget:
    return Budget(
        id=BUDGET, scope="agent", agent="erin", window="day", usd=5, turns=40, spent=Spent(usd=5.12, tokens=410_000, turns=22),
        over=True, over_since=ago(700), words="erin has spent $5.12 of $5.00 today.", resets_at=to_come(34_080),
    )  # fmt: skip


def pair() -> Pair:
    return Pair(
        id=PAIR, agents=["carol", "fay"], status="held", since=ago(200), exchanged=20, window_seconds=60, held=7
    )


def messages() -> list[Message]:
    def between(number: int, sender: str, recipient: str, body: str) -> Message:
        return Message(
            id=ident(number), sender=sender, recipient=recipient, body=body, thread=ident(131), sent_at=ago(200 - number / 10),
            status="held", pair_id=PAIR, reason="held with the pair",
        )  # fmt: skip

    return [
        *scene.messages(),
        between(131, "carol", "fay", "Thank you for the thanks!"),
        between(132, "fay", "carol", "You are most welcome. Thank *you*."),
        between(133, "carol", "fay", "No, thank you."),
    ]


def items() -> list[WaitingItem]:
    def item(id: str, kind: Any, agent: str | None, since: float, subject: str, *, blocks: bool = False) -> WaitingItem:
        return WaitingItem(id=id, kind=kind, agent=agent, subject=subject, since=ago(since), blocks=blocks)

    asked = [item(q.id, "question", q.asker, 0, q.text).model_copy(update={"since": q.created_at}) for q in questions()]
    return [
        *scene.waiting(),
        item(EDIT, "tool_use", "alice", 95, "Edit api/tokens.py", blocks=True),
        item(WRITE, "tool_use", "carol", 60, "$ echo done", blocks=True),
        item(ORPHAN, "tool_use", "dave", 2400, "$ git push origin hive/dave"),
        *asked,
        item(PAIR, "pair", "carol", 200, "carol and fay only answer each other: 20 messages in 60 s"),
        item(BUDGET, "budget", "erin", 700, "erin has spent $5.12 of $5.00 today."),
        item(ident(7), "parked", "fay", 900, "fay is parked: it ended 3 times in 60 s, last with exit code 1"),
        item(ident(6), "rate_limited", "erin", 480, "erin is rate limited until 2026-11-20 15:10 UTC: used up"),
    ]


def snapshot() -> Snapshot:
    return scene.snapshot().model_copy(
        update={
            "approvals": approvals(), "waiting": items(), "questions": questions(), "pairs": [pair()],
            "budgets": [budget()], "messages": messages(),
        }
    )  # fmt: skip


def proposal(scope: str = "agent") -> RuleProposal:
    """Of BASH."""
    return RuleProposal(
        rule=RuleDraft(
            tool="Bash", pattern="rm -rf build && make -j2 test", scope=scope,  # type: ignore[arg-type]
            agent="bob" if scope == "agent" else None,
        ),
        words=f"{'bob' if scope == 'agent' else 'Every agent'} may run `rm -rf build && make -j2 test`, exactly so, without asking.",
    )  # fmt: skip
