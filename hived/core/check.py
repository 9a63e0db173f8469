"""`hive check`: the promises of the books, each looked at for itself. Nothing is changed."""

import json
from collections.abc import Callable
from pathlib import Path

from hived.core import audit
from hived.store import check as store
from hived.store import look
from hived.store.database import Connection
from hived.store.migrate import migrations
from hived.wire.audit import CheckReport, Finding
from hived.wire.errors import DatabaseUnreadable

MOST_SHOWN = 20
"""Of what breaks one promise; the rest is counted."""

Check = Callable[[Connection], list[str]]
"""What is wrong, a sentence each."""


def check_books(conn: Connection) -> CheckReport:
    """Every promise, those that are broken with a finding for each thing that breaks it."""
    findings: list[Finding] = []
    for name, promise, check in CHECKS:
        wrong = check(conn)
        shown = wrong if len(wrong) <= MOST_SHOWN else [*wrong[:MOST_SHOWN], f"and {len(wrong) - MOST_SHOWN} more"]
        findings += [Finding(name=name, ok=False, words=words) for words in shown]
        if not wrong:
            findings.append(Finding(name=name, ok=True, words=promise))
    return CheckReport(ok=all(finding.ok for finding in findings), findings=findings)


def check_file(path: Path) -> CheckReport:
    """The same of a database that no hived has open. Raises DatabaseUnreadable."""
    try:
        with look.opened(path) as connection:
            schema, newest = look.schema_of(connection), migrations()[-1][0]
            if schema != newest:
                reason = f"it has schema {schema}, and this program knows {newest}; a hived that starts on it brings it there"
                raise DatabaseUnreadable(path=str(path), reason=reason)
            return check_books(connection)
    except OSError as error:
        raise DatabaseUnreadable(path=str(path), reason=str(error)) from error


def chain(conn: Connection) -> list[str]:
    broken = audit.verify(conn)
    return (
        [] if broken is None else [f"Entry {broken} of the audit is missing, or does not follow from those before it."]
    )


def file(conn: Connection) -> list[str]:
    return [f"SQLite says: {words}." for words in store.select_damage(conn)]


def out_of_sight(conn: Connection) -> list[str]:
    return [f"{row['kind']} {row['id']} waits, and is not listed." for row in store.select_unlisted(conn)]


def listed_for_nothing(conn: Connection) -> list[str]:
    return [f"{row['kind']} {row['id']} is listed, and does not wait." for row in store.select_listed_for_nothing(conn)]


def leases(conn: Connection) -> list[str]:
    bad = [
        f"Message {row['id']} is leased to generation {row['lease_generation']}, and its agent is at {row['generation']}."
        if row["status"] == "leased" and row["lease_turn_id"] is not None and row["lease_generation"] is not None
        else f"Message {row['id']} is {row['status']} with half a lease."
        for row in store.select_bad_leases(conn)
    ]
    shared = [f"{row['recipient']} has leases of {row['turns']} turns." for row in store.select_shared_leases(conn)]
    return bad + shared


def deliveries(conn: Connection) -> list[str]:
    return [f"Message {row['id']} is {row['status']}, and not whole." for row in store.select_bad_ends(conn)]


def pairs(conn: Connection) -> list[str]:
    orphans = [
        f"Message {row['id']} is held by pair {row['pair_id']}, which holds none."
        for row in store.select_held_by_no_pair(conn)
    ]
    return orphans + [f"Pair {row['id']} is {row['status']}, and not once." for row in store.select_bad_pairs(conn)]


def grants(conn: Connection) -> list[str]:
    return [f"The grant of {row['id']} was not used at most once." for row in store.select_bad_grants(conn)]


def answers(conn: Connection) -> list[str]:
    return [
        f"Approval {row['id']} was answered by a rule or a grant that did not answer it."
        for row in store.select_answered_by_nothing(conn)
    ]


def decisions(conn: Connection) -> list[str]:
    return [
        f"Approval {row['id']} is {row['status']}, and the audit has {row['entries']} decisions of it that should say so."
        for row in store.select_bad_decisions(conn)
    ]


def seen(conn: Connection) -> list[str]:
    return [
        f"What was seen of {row['kind']} {row['id']} is not what it holds."
        for row in store.select_seen(conn)
        if audit.seen_hash(json.loads(row["shown"]) if row["kind"] == "approval" else row["shown"]) != row["seen"]
    ]


def spawns(conn: Connection) -> list[str]:
    return [f"Spawn {row['id']} is approved, and made no agent." for row in store.select_unmade_spawns(conn)]


def questions(conn: Connection) -> list[str]:
    return [f"Question {row['id']} is {row['status']}, and not once." for row in store.select_bad_questions(conn)]


def reminders(conn: Connection) -> list[str]:
    return [f"Reminder {row['id']} is {row['status']}, and not once." for row in store.select_bad_reminders(conn)]


def budgets(conn: Connection) -> list[str]:
    return [f"{row['name']} waits for a budget that stops nobody." for row in store.select_stopped_by_nothing(conn)]


def deployments(conn: Connection) -> list[str]:
    return [
        f"Deployment {row['id']} is {row['status']}, and {row['why']}." for row in store.select_bad_deployments(conn)
    ]


def proposals(conn: Connection) -> list[str]:
    return [f"Proposal {row['id']} is approved, and nothing came of it." for row in store.select_unapplied(conn)]


def configs(conn: Connection) -> list[str]:
    return [f"No deployment put {row['name']} on config {row['sha'][:12]}." for row in store.select_undeployed(conn)]


def buried(conn: Connection) -> list[str]:
    return [f"{row['name']}: {row['what']}." for row in store.select_restless(conn)]


CHECKS: tuple[tuple[str, str, Check], ...] = (
    ("file", "The database's file is sound, and every row that is named is there.", file),
    ("audit", "The audit is whole: every entry follows from those before it, and none is missing at its end.", chain),
    ("waiting", "All that needs the operator is in the one list.", out_of_sight),
    ("waiting", "Nothing else is in the one list.", listed_for_nothing),
    ("leases", "No message is leased but to one turn of its agent's living generation.", leases),
    ("deliveries", "Each message that is acked, held or undeliverable says when or why.", deliveries),
    ("decisions", "Each approval was decided once or not at all, and the audit says the same.", decisions),
    ("seen", "What was seen is what was decided on.", seen),
    ("answers", "Each rule and grant that answered an ask is there.", answers),
    ("grants", "No grant was used twice, and each was given by a yes.", grants),
    ("spawns", "Each approved spawn made its agent, or has failed.", spawns),
    ("questions", "Each question was answered once or not at all.", questions),
    ("pairs", "Each pair holds its messages, or was decided once.", pairs),
    ("reminders", "Each reminder went out as one message, or none.", reminders),
    ("budgets", "Who was stopped was stopped by a budget that is listed.", budgets),
    (
        "deployments",
        "Each deployment has ended once, with why, or is the one of its agent that is under way.",
        deployments,
    ),
    ("proposals", "Each approved proposal was deployed, gave way to another, or has failed.", proposals),
    ("configs", "What each agent runs, and goes back to, a deployment has put it on.", configs),
    ("buried", "Nothing is wanted, asked or waited for of who is buried.", buried),
)
