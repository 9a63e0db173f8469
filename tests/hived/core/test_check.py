"""The check of the books: whole books pass, and each promise that is broken is found."""

import asyncio
import os
import shutil
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from hived.core import agents, approvals, check, deployment_steps, deployments, question_ends, tombstones
from hived.core.agent_views import find_agent, spec_of
from hived.store.database import Database, Tx
from hived.wire.approvals import ApprovalAsk
from hived.wire.errors import DatabaseUnreadable
from hived.wire.ids import new_id
from hived.wire.questions import AnswerDraft
from hived.wire.tombstones import Destroy
from tests.support.books import OPERATOR, Books, event

DATABASES = Path(__file__).resolve().parents[2] / "fixtures" / "databases"
NEVER = "2000-01-01T00:00:00.000000Z"


async def fill(books: Books) -> dict[str, str]:
    """Something of everything, with its id by a name."""
    ada = await books.agent("ada")
    bob = await books.agent("bob")
    ids = {"ada": ada, "bob": bob}

    async def ask(name: str, command: str, turn: str) -> str:
        wanted = ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input={"command": command}, turn_id=turn)
        row = await books.read(lambda conn: agents.find_agent(conn, "ada"))
        ids[name] = (await books.do(lambda tx: approvals.ask_tool_use(tx, row, row["generation"], wanted))).id
        return ids[name]

    async def decide(approval_id: str, verdict: approvals.Decided) -> None:
        await books.do(lambda tx: approvals.decide(tx, approval_id, verdict, None, None, OPERATOR))

    await decide(await books.ask("made"), "approved")
    ids["spawn"] = await books.one("SELECT id FROM approvals WHERE kind = 'spawn'")
    await decide(await ask("denied", "rm", "t1"), "denied")
    granted, older = await ask("granted", "make", "t1"), await ask("older", "make test", "t1")
    await books.do(lambda tx: agents.next_generation(tx, ada))
    await books.end_turn(ada, "t1", "failed")
    await decide(granted, "approved")
    await ask("by_grant", "make", "t2")
    await ask("pending", "make test", "t2")
    await ask("lonely", "make all", "t2")
    assert older in ids.values()
    await books.send("ada")
    ids["leased"] = (await books.claim(ada, "t2", generation=2)).messages[-1].id
    ids["acked"] = (await books.send("bob", "one")).id
    ids["held"] = (await books.send("bob", "two")).id
    await books.claim(bob, "t1")
    await books.end_turn(bob, "t1", "failed", ids["acked"], ids["held"], retryable=False, error="no way")
    await books.events(bob, event(2, "turn_end", turn_id="t0", outcome="ok", message_ids=[ids["acked"]]))
    asked = event(3, "question_out", question_id=new_id(), text="May I?", to="operator")
    await books.events(bob, asked, event(4, "question_out", question_id=new_id(), text="And?", to="operator"))
    ids["answered"], ids["open"] = (
        asked["payload"]["question_id"],
        await books.one("SELECT id FROM questions WHERE text = 'And?'"),
    )
    await books.do(lambda tx: question_ends.answer(tx, ids["answered"], AnswerDraft(text="yes"), OPERATOR))
    await deploy(books, ids)
    return ids


async def deploy(books: Books, ids: dict[str, str]) -> None:
    """An agent on its second config, with a third that is queued; and one that was destroyed."""

    async def queue(name: str, letter: str) -> str:
        return await books.do(
            lambda tx: (
                deployments.queue(
                    tx, find_agent(tx.connection, name), "rollback", actor=OPERATOR, commit=letter * 40
                ).id
            )
        )

    def start(tx: Tx) -> None:
        spec = spec_of(find_agent(tx.connection, "cid"))
        deployment_steps.begin_start(tx, ids["deployed"], spec, "c" * 40, None)
        deployment_steps.end_well(tx, ids["deployed"])

    ids["cid"], ids["dee"] = await books.agent("cid"), await books.agent("dee")
    ids["failed"] = await queue("cid", "b")
    await books.do(lambda tx: deployment_steps.end_badly(tx, ids["failed"], "setup", "no"))
    ids["deployed"] = await queue("cid", "c")
    await books.do(start)
    ids["queued"] = await queue("cid", "d")
    await books.do(lambda tx: tombstones.want_burial(tx, "dee", Destroy(), OPERATOR))
    await books.do(lambda tx: tombstones.bury(tx, ids["dee"], tombstones.Remains()))


async def wrong(books: Books) -> dict[str, list[str]]:
    """What is found, by the promise that it breaks."""
    report = await books.read(check.check_books)
    found: dict[str, list[str]] = {}
    for finding in report.findings:
        if not finding.ok:
            found.setdefault(finding.name, []).append(finding.words)
    assert report.ok == (not found)
    return found


async def test_empty_books_are_whole_and_every_promise_is_looked_at(books: Books) -> None:
    report = await books.read(check.check_books)
    assert report.ok
    assert [finding.name for finding in report.findings] == [name for name, _, _ in check.CHECKS]


async def test_whole_books_are_found_whole(books: Books) -> None:
    await fill(books)
    assert await wrong(books) == {}


@pytest.mark.parametrize(
    ("tampering", "name"),
    [
        ("DELETE FROM audit WHERE seq = (SELECT max(seq) FROM audit)", "audit"),
        ("UPDATE audit SET detail_json = '{}' WHERE seq = 2", "audit"),
        ("DELETE FROM waiting WHERE id = :pending", "waiting"),
        ("DELETE FROM waiting WHERE id = :held", "waiting"),
        ("DELETE FROM waiting WHERE id = :open", "waiting"),
        ("UPDATE agents SET lifecycle = 'parked' WHERE id = :bob", "waiting"),
        ('UPDATE agents SET session_json = \'{"state": "refused"}\' WHERE id = :bob', "waiting"),
        ('UPDATE agents SET conditions_json = \'[{"kind": "needs_login"}]\' WHERE id = :bob', "waiting"),
        ("INSERT INTO waiting(id, kind, subject, since) VALUES (:older, 'tool_use', 'x', 'y')", "waiting"),
        ("INSERT INTO waiting(id, kind, subject, since) VALUES (:bob, 'rate_limited', 'x', 'y')", "waiting"),
        ("UPDATE waiting SET kind = 'spawn' WHERE id = :lonely", "waiting"),
        ("UPDATE approvals SET status = 'cancelled' WHERE id = :lonely", "waiting"),
        ("UPDATE messages SET lease_generation = 1 WHERE id = :leased", "leases"),
        ("UPDATE messages SET lease_turn_id = NULL WHERE id = :leased", "leases"),
        ("UPDATE messages SET lease_turn_id = 't9' WHERE id = :acked", "leases"),
        (
            "UPDATE messages SET status = 'leased', lease_turn_id = 't9', lease_generation = 2, recipient_id = :ada"
            " WHERE id = :held",
            "leases",
        ),
        ("UPDATE messages SET acked_at = NULL WHERE id = :acked", "deliveries"),
        ("UPDATE messages SET status = 'queued' WHERE id = :acked", "deliveries"),
        ("UPDATE messages SET reason = NULL WHERE id = :held", "deliveries"),
        ("UPDATE approvals SET status = 'denied' WHERE id = :spawn", "decisions"),
        ("UPDATE approvals SET status = 'approved' WHERE id = :lonely", "decisions"),
        ("UPDATE approvals SET status = 'pending' WHERE id = :denied", "decisions"),
        ('UPDATE approvals SET decided_by_json = \'{"who": "ada"}\' WHERE id = :denied', "decisions"),
        ("DELETE FROM approvals WHERE id = :denied", "decisions"),
        (
            "INSERT INTO audit SELECT seq + 100, ts, action, actor_json, subject, detail_json, previous_hash, 'x'"
            " FROM audit WHERE subject = :denied",
            "decisions",
        ),
        (
            "UPDATE approvals SET payload_json = json_set(payload_json, '$.input.command', 'ls') WHERE id = :denied",
            "seen",
        ),
        ("UPDATE questions SET text = 'May I not?' WHERE id = :answered", "seen"),
        ("UPDATE approvals SET answered_by_rule = 'x' WHERE id = :by_grant", "answers"),
        ("UPDATE approvals SET answered_by_grant = :denied WHERE id = :by_grant", "answers"),
        ("UPDATE approvals SET answered_by_grant = :granted WHERE id = :lonely", "grants"),
        ("UPDATE grants SET used_at = NULL", "grants"),
        ("UPDATE grants SET used_by = :lonely", "grants"),
        ("UPDATE grants SET id = :denied", "grants"),
        ("UPDATE approvals SET agent_id = NULL WHERE id = :spawn", "spawns"),
        ("UPDATE questions SET status = 'pending' WHERE id = :answered", "questions"),
        ("UPDATE questions SET answered_at = NULL WHERE id = :answered", "questions"),
        (
            'INSERT INTO messages(id, sender, recipient, body, thread, sent_at, "when", status, kind, about)'
            " SELECT 'again', sender, recipient, body, thread, sent_at, \"when\", 'queued', kind, about"
            " FROM messages WHERE about = :answered AND kind = 'answer'",
            "questions",
        ),
        ("UPDATE messages SET pair_id = 'gone' WHERE id = :held", "pairs"),
        (
            "INSERT INTO pairs(id, first_id, second_id, first, second, status, since, exchanged, window_seconds)"
            " VALUES ('p', :ada, :bob, 'ada', 'bob', 'released', 'x', 20, 60)",
            "pairs",
        ),
        (
            "INSERT INTO reminders(id, agent, agent_id, made_by, text, status, created_at, due_at, message_id)"
            " VALUES ('r', 'ada', :ada, 'ada', 'x', 'sent', 'x', 'x', :acked)",
            "reminders",
        ),
        ("UPDATE agents SET over_budget = 'b' WHERE id = :ada", "budgets"),
        ("UPDATE deployments SET status = 'building', agent_id = :dee WHERE id = :queued", "deployments"),
        ("UPDATE deployments SET status = 'building' WHERE agent_id = :cid", "deployments"),
        ("UPDATE deployments SET ended_at = NULL WHERE id = :failed", "deployments"),
        ("UPDATE deployments SET step = NULL WHERE id = :failed", "deployments"),
        ("UPDATE deployments SET commit_sha = NULL WHERE id = :deployed", "deployments"),
        ("UPDATE deployments SET status = 'starting' WHERE id = :queued", "deployments"),
        ("UPDATE approvals SET kind = 'apply_commit', id = 'x' WHERE id = :spawn", "proposals"),
        ("UPDATE agents SET commit_sha = 'b' WHERE id = :cid", "configs"),
        ("UPDATE agents SET good_sha = 'b' WHERE id = :cid", "configs"),
        ("UPDATE deployments SET status = 'failed' WHERE id = :deployed", "configs"),
        ("UPDATE agents SET wanted = 'running' WHERE id = :dee", "buried"),
        ("UPDATE agents SET buried_json = NULL WHERE id = :dee", "buried"),
        ("UPDATE agents SET purge_json = '{}' WHERE id = :cid", "buried"),
        ("UPDATE approvals SET requester_id = :dee WHERE id = :pending", "buried"),
        ("UPDATE questions SET asker_id = :dee WHERE id = :open", "buried"),
        ("DELETE FROM agents WHERE id = :bob", "file"),
    ],
)
async def test_what_breaks_a_promise_is_found(books: Books, tampering: str, name: str) -> None:
    ids = await fill(books)

    def tamper(connection: Any) -> None:
        connection.execute("PRAGMA foreign_keys = OFF")
        connection.execute(tampering, ids)

    await outside(books, tamper)
    found = await wrong(books)
    assert name in found, found


async def outside(books: Books, change: Any) -> None:
    """Somebody else writes to the file."""

    def run() -> None:
        with sqlite3.connect(books.database.path) as connection:
            change(connection)
        connection.close()

    await asyncio.to_thread(run)


async def test_of_many_that_break_one_promise_the_first_are_shown_and_all_counted(books: Books) -> None:
    await books.do(
        lambda tx: [
            tx.execute(
                "INSERT INTO waiting(id, kind, subject, since) VALUES (?, 'question', 'x', ?)", (f"q{number}", NEVER)
            )
            for number in range(100)
        ]
    )
    found = await wrong(books)
    assert len(found["waiting"]) == check.MOST_SHOWN + 1
    assert found["waiting"][-1] == "and 80 more"


async def test_a_file_that_no_hived_has_open_is_looked_at_and_left_as_it_is(books: Books, tmp_path: Path) -> None:
    await fill(books)
    path = tmp_path / "hive.sqlite"
    await books.do(lambda tx: tx.execute("DELETE FROM waiting"))
    await outside(books, lambda connection: connection.execute("VACUUM INTO ?", (str(path),)))
    before = path.read_bytes()
    report = await asyncio.to_thread(check.check_file, path)
    assert {finding.name for finding in report.findings if not finding.ok} == {"waiting"}
    assert path.read_bytes() == before
    assert os.listdir(tmp_path) == ["hive.sqlite"]


@pytest.mark.parametrize(
    ("content", "words"),
    [(None, "no such file"), (b"cheese" * 1000, "not a database"), ("schema-0001.sqlite", "it has schema 1")],
)
def test_what_cannot_be_checked_is_said(tmp_path: Path, content: Any, words: str) -> None:
    path = tmp_path / "hive.sqlite"
    if isinstance(content, str):
        shutil.copy(DATABASES / content, path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises(DatabaseUnreadable, match=words):
        check.check_file(path)


@pytest.mark.parametrize("fixture", sorted(DATABASES.glob("schema-*.sqlite")), ids=lambda path: path.stem)
async def test_the_books_of_every_released_schema_are_whole_once_they_are_opened(fixture: Path, tmp_path: Path) -> None:
    path = tmp_path / "hive.sqlite"
    shutil.copy(fixture, path)
    path.chmod(0o600)
    database = await Database.open(path)
    try:
        assert [finding for finding in (await database.read(check.check_books)).findings if not finding.ok] == []
    finally:
        await database.close()
