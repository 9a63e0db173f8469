"""What was said, allowed, spent and decided in the scene's hive: for pictures and tests of threads, rules, budgets, reminders, audit."""

from typing import Any

from hived.wire.approvals import Actor
from hived.wire.audit import AuditEntry, AuditList
from hived.wire.budgets import Budget, Spent
from hived.wire.messages import Message
from hived.wire.questions import Question
from hived.wire.reminders import Reminder
from hived.wire.rules import PreviewedAsk, Rule, RulePreview
from hived.wire.snapshot import FeedRow, Snapshot
from tests.hivetui import scene
from tests.hivetui.scene import ago, ident, to_come

YOU = Actor(who="operator", uid=1000, pid=4301, client="hivetui", socket="host")


def message(number: int, sender: str, recipient: str, body: str, seconds: float, **given: Any) -> Message:
    shown: dict[str, Any] = {
        "id": ident(number), "sender": sender, "recipient": recipient, "body": body, "thread": ident(number),
        "sent_at": ago(seconds), "status": "acked", "deliveries": 1, "acked_at": ago(seconds - 30),
    }  # fmt: skip
    return Message(**{**shown, **given})


def messages() -> list[Message]:
    api = ident(93)
    return [
        *scene.messages(),
        message(93, "queen", "alice", "Which routes still import the old parser? I need the list for the split.", 2400),
        message(
            94, "alice", "queen", "Three: /v1/parse, /v1/lint and the health check. The first two can go with v1.",
            2100, thread=api, reply_to=api,
        ),
        message(
            95, "queen", "alice", "Take the first two with the split. Leave the health check to bob.", 1900, thread=api,
            reply_to=ident(94), deliveries=2, redelivered=True, edited_by="operator",
        ),
        message(96, "alice", "queen", "Done; 38 tests pass.", 600, thread=api, reply_to=ident(95), status="leased", acked_at=None),
        message(97, "queen", "dave", "How long is the log retention in production?", 1500, kind="question", about=ident(302), thread=ident(97)),
        message(
            98, "dave", "queen", "14 days", 1300, kind="answer", about=ident(302), thread=ident(97), reply_to=ident(97)
        ),
        message(
            99, "bob", "mallory", "Are you there?", 3000, status="undeliverable", acked_at=None, deliveries=0,
            reason="there is no agent mallory",
        ),
    ]  # fmt: skip


def questions() -> list[Question]:
    return [
        Question(
            id=ident(301), kind="question", asker="alice", recipient="operator", with_operator=True,
            text="Shall I keep the v1 endpoint? It still imports the old name.",
            options=["keep it, deprecated", "remove it now", "ask the mobile team first"], created_at=ago(88),
            thread=ident(92), deadline=to_come(1800),
        ),
        Question(
            id=ident(302), kind="question", asker="queen", recipient="dave", text="How long is the log retention in production?",
            options=["7 days", "14 days", "30 days"], status="answered", created_at=ago(1500), thread=ident(97),
            answered_at=ago(1300), answered_by=Actor(who="dave"), answer_options=[1],
        ),
        Question(
            id=ident(303), kind="escalation", asker="bob", recipient="queen", thread=ident(303), created_at=ago(200),
            text="The build needs a newer make than this machine has. May I install one under my home?",
            goes_up_at=to_come(100),
        ),
    ]  # fmt: skip


def rules() -> list[Rule]:
    return [
        Rule(
            id=ident(401), scope="agent", agent="alice", tool="Bash", pattern="pytest -q *", verdict="allow",
            source="remembered", made_from=ident(77), created_at=ago(86_400 * 3), hits=212, last_hit_at=ago(95),
        ),
        Rule(
            id=ident(402), scope="hive", tool="Bash", pattern="git push*", verdict="deny", source="operator",
            reason="Pushing is for people.", created_at=ago(86_400 * 9), hits=4, last_hit_at=ago(7300),
        ),
        Rule(
            id=ident(403), scope="agent", agent="bob", tool="Bash", pattern="make -j2 test", verdict="allow",
            source="operator", created_at=ago(3600), expires_at=to_come(25_000),
        ),
        Rule(
            id=ident(404), scope="agent", agent="carol", tool="WebFetch", pattern="*.readthedocs.io", verdict="allow",
            source="agent.toml", created_at=ago(86_400 * 12), hits=31, last_hit_at=ago(86_400 * 2),
        ),
    ]  # fmt: skip


def preview() -> RulePreview:
    def past(number: int, agent: str, subject: str, status: str, *, differs: bool = False) -> PreviewedAsk:
        return PreviewedAsk(
            approval_id=ident(number), agent=agent, subject=subject, created_at=ago(number), status=status,
            would="allow", differs=differs,
        )  # fmt: skip

    return RulePreview(
        days=30, asks=214, decided=41, differs=1,
        examples=[
            past(501, "bob", "Bash git status --ignored", "denied", differs=True),
            past(502, "bob", "Bash git status --short", "approved"),
            past(503, "bob", "Bash git status", "approved"),
            past(504, "bob", "Bash git status -sb", "approved"),
        ],
    )  # fmt: skip


def budgets() -> list[Budget]:
    return [
        Budget(
            id=ident(601), scope="agent", agent="erin", window="day", usd=0.60, tokens=400_000, over=True,
            over_since=ago(480), spent=Spent(usd=0.61, tokens=221_000, turns=6), resets_at=to_come(34_080),
            words="erin has spent $0.61 of $0.60 today.",
        ),
        Budget(
            id=ident(602), scope="hive", window="day", usd=20.0, spent=Spent(usd=6.34, estimated=True, tokens=4_100_000, turns=69),
            resets_at=to_come(34_080), unpriced=["fay"],
        ),
        Budget(
            id=ident(603), scope="tree", agent="queen", window="hour", turns=60, usd=4.0, raised=Spent(usd=1.0),
            spent=Spent(usd=4.1, tokens=900_000, turns=31), resets_at=to_come(1680),
        ),
        Budget(
            id=ident(604), scope="agent", agent="alice", window="total", tokens=5_000_000, source="agent.toml",
            spent=Spent(usd=1.84, tokens=1_260_000, turns=17),
        ),
    ]  # fmt: skip


def reminders() -> list[Reminder]:
    return [
        Reminder(
            id=ident(701), agent="queen", made_by="queen", text="Ask alice how far the split is.", created_at=ago(900),
            due_at=to_come(720),
        ),
        Reminder(
            id=ident(702), agent="fay", made_by="operator", status="failed", attempts=5, created_at=ago(90_000),
            due_at=ago(5400), error="fay is not logged in", message_id=ident(88),
            text="Renew the certificate of the staging host before Friday, and say so in the channel.",
        ),
        Reminder(
            id=ident(703), agent="bob", made_by="bob", text="The nightly build has ended: look at its log.", status="sent",
            created_at=ago(30_000), due_at=ago(12), attempts=1, message_id=ident(89),
        ),
        Reminder(
            id=ident(704), agent="carol", made_by="operator", text="Write the release notes.", created_at=ago(60),
            due_at=to_come(86_400 * 3),
        ),
    ]  # fmt: skip


def entries(count: int = 40) -> list[AuditEntry]:
    hived = Actor(who="hived")
    cli = Actor(who="operator", uid=1000, pid=5120, client="hive", socket="host")
    told: list[tuple[str, Actor, str, str]] = [
        ("approval.approved", YOU, ident(101), "spawn carol (worker, claude, haiku)"),
        ("approval.approved", hived, ident(110), "Bash pytest -q tests/test_parser.py"),
        ("approval.denied", YOU, ident(111), "Bash git push --force origin main"),
        ("question.answered", cli, ident(302), "Which database does the staging host use?"),
        ("rule.added", YOU, ident(403), "allow Bash make -j2 test, for bob"),
        ("budget.raised", YOU, ident(603), "queen and below, hour: $1.00 more"),
        ("message.dropped", cli, ident(80), "to erin, from queen"),
        ("question.cancelled", hived, ident(303), "Which database does the staging host use?"),
    ]
    found = []
    for seq in range(1, count + 1):
        action, actor, subject, words = told[seq % len(told)]
        found.append(
            AuditEntry(
                seq=seq, ts=ago((count - seq) * 410.0 + 20), action=action, actor=actor, subject=subject,
                detail={"subject": words, "seen": f"{seq:02d}ab41c0" * 8, **({"rule": ident(401)} if actor is hived else {})},
                hash=f"{seq:02d}f3c9e1" * 8,
            )
        )  # fmt: skip
    return found


def audit() -> AuditList:
    return AuditList(entries=entries())


def snapshot() -> Snapshot:
    return scene.snapshot().model_copy(
        update={
            "messages": messages(), "questions": questions(), "rules": rules(), "budgets": budgets(),
            "reminders": reminders(),
        }
    )  # fmt: skip


def row(seq: int, kind: Any, payload: dict[str, Any]) -> FeedRow:
    return FeedRow(seq=seq, ts=scene.ago(0), kind=kind, payload=payload)
