"""What the books and the journals of a hive must prove once it has come to rest: read from the files alone, no program asked."""

import json
import sqlite3
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

from tests.verified.shell import Failed

ACKING = ("ok", "cancelled")
MOST_SHOWN = 5


@dataclass(frozen=True, slots=True)
class Event:
    id: int
    kind: str
    payload: dict[str, Any]


class Evidence:
    """Every table and every journal of a home, as rows."""

    def __init__(self, home: Path) -> None:
        with closing(_reader(home / "hive.sqlite")) as books:
            self.agents = _rows(books, "agents")
            self.messages = _rows(books, "messages")
            self.questions = _rows(books, "questions")
            self.reminders = _rows(books, "reminders")
            self.approvals = _rows(books, "approvals")
            self.grants = _rows(books, "grants")
            self.audit = _rows(books, "audit")
            self.waiting = _rows(books, "waiting")
            self.cursors = {(row["agent_id"], row["journal_uuid"]): row["cursor"] for row in _rows(books, "journals")}
        self.journals: dict[str, list[Event]] = {}
        for agent in self.agents:
            with closing(_reader(home / "agents" / agent["name"] / "harness" / "events.sqlite")) as journal:
                self.journals[agent["name"]] = [
                    Event(row["id"], row["kind"], json.loads(row["payload_json"])) for row in _rows(journal, "events")
                ]
        self.by_id = {message["id"]: message for message in self.messages}

    def said(self, kind: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """(agent, payload) of every event of that kind."""
        for name, events in self.journals.items():
            for event in events:
                if event.kind == kind:
                    yield name, event.payload


def prove(home: Path) -> list[str]:
    """One line for each promise that holds, with how much it was held against; Failed with those that do not."""
    evidence = Evidence(home)
    lines: list[str] = []
    wrong: list[str] = []
    for promise in PROMISES:
        count, broken = promise(evidence)
        sentence = " ".join((promise.__doc__ or "").split())
        if broken:
            wrong.append(f"BROKEN: {sentence} {len(broken)} of {count}: {'; '.join(broken[:MOST_SHOWN])}")
        else:
            lines.append(f"{count:6}  {sentence}")
    if wrong:
        raise Failed("\n".join(wrong))
    return lines


Found = tuple[int, list[str]]
"""How much was looked at, and what does not hold."""


def journals_are_whole(evidence: Evidence) -> Found:
    """events: every journal counts from 1 without a gap, and hived has taken all of it."""
    broken = []
    for agent in evidence.agents:
        ids = [event.id for event in evidence.journals[agent["name"]]]
        if ids != list(range(1, len(ids) + 1)):
            broken.append(f"{agent['name']}: ids have a gap or a double")
        taken = evidence.cursors.get((agent["id"], agent["journal_uuid"]))
        if taken != (ids[-1] if ids else 0):
            broken.append(f"{agent['name']}: hived has taken {taken} of {len(ids)}")
    return sum(map(len, evidence.journals.values())), broken


def turns_end_once(evidence: Evidence) -> Found:
    """turns: each that began has ended, once."""
    begun = Counter(payload["turn_id"] for _, payload in evidence.said("turn_start"))
    ended = Counter(payload["turn_id"] for _, payload in evidence.said("turn_end"))
    broken = [f"turn {turn} began {begun[turn]} and ended {ended[turn]} times" for turn in begun | ended]
    return len(begun), [
        words for turn, words in zip(begun | ended, broken, strict=True) if (begun[turn], ended[turn]) != (1, 1)
    ]


def messages_are_there(evidence: Evidence) -> Found:
    """messages sent by agents: each journalled one is in the books under its own id, and none is there that nobody sent."""
    sent: dict[str, str] = {}
    to_all: set[tuple[str, str]] = set()
    for name, payload in evidence.said("message_out"):
        sent[payload["message_id"]] = name
        if payload["to"] == "*":
            to_all.add((name, payload["body"]))
    broken = [f"message {id} of {name} is lost" for id, name in sent.items() if id not in evidence.by_id]
    for message in evidence.messages:
        if message["kind"] != "message" or message["sender_id"] is None or message["id"] in sent:
            continue
        if (message["sender"], message["body"]) not in to_all:
            broken.append(f"message {message['id']} of {message['sender']} was never journalled")
    return len(sent), broken


def messages_are_acked_once(evidence: Evidence) -> Found:
    """messages to agents: what is acked was named by exactly one turn that ended well, what is not acked by none."""
    acks = Counter(
        message_id
        for _, payload in evidence.said("turn_end")
        if payload["outcome"] in ACKING
        for message_id in set(payload["message_ids"])
    )
    looked = [message for message in evidence.messages if message["recipient_id"] is not None]
    broken = [
        f"message {message['id']} ({message['kind']}) is {message['status']} after {acks[message['id']]} acking turns"
        for message in looked
        if acks[message["id"]] != (1 if message["status"] == "acked" else 0)
    ]
    broken += [f"message {id} was acked and is not in the books" for id in acks if id not in evidence.by_id]
    return len(looked), broken


def redeliveries_are_marked(evidence: Evidence) -> Found:
    """deliveries: from the second on, each says so; and each is of a message to that very agent."""
    seen: set[tuple[str, str]] = set()
    broken, count = [], 0
    for name, payload in evidence.said("message_in"):
        count += 1
        key = (name, payload["message_id"])
        if key in seen and not payload["redelivered"]:
            broken.append(f"message {payload['message_id']} came to {name} again, unmarked")
        seen.add(key)
        known = evidence.by_id.get(payload["message_id"])
        if known is None or known["recipient"] != name:
            broken.append(f"message {payload['message_id']} came to {name}, and is not his")
    return count, broken


def nothing_is_left(evidence: Evidence) -> Found:
    """messages: none is queued, leased or held any more; what was given up says why."""
    broken = [
        f"message {message['id']} to {message['recipient']} is {message['status']}"
        for message in evidence.messages
        if message["recipient_id"] is not None and message["status"] in ("queued", "leased", "held")
    ]
    broken += [
        f"message {message['id']} is undeliverable without a reason"
        for message in evidence.messages
        if message["status"] == "undeliverable" and not message["reason"]
    ]
    return len(evidence.messages), broken


def questions_are_answered_once(evidence: Evidence) -> Found:
    """questions: each asked one is in the books, closed, and has exactly one answer in the asker's post, or none if it expired."""
    known = {question["id"]: question for question in evidence.questions}
    broken = [
        f"question {payload['question_id']} of {name} is lost"
        for name, payload in evidence.said("question_out")
        if payload["question_id"] not in known
    ]
    answers: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for message in evidence.messages:
        if message["kind"] == "answer":
            answers[message["about"]].append(message)
    for id, question in known.items():
        if question["status"] == "pending":
            broken.append(f"question {id} is still pending")
        expected = 1 if question["status"] == "answered" else 0
        if len(answers[id]) != expected:
            broken.append(f"question {id} is {question['status']} and has {len(answers[id])} answers")
        for answer in answers[id]:
            if answer["recipient"] != question["asker"]:
                broken.append(f"the answer to {id} went to {answer['recipient']}, not to {question['asker']}")
            if answer["sender"] != json.loads(question["answered_by_json"])["who"]:
                broken.append(f"the answer to {id} says {answer['sender']}")
        late = question["deadline"] and question["answered_at"] and question["answered_at"] > question["deadline"]
        if late and question["status"] == "answered":
            broken.append(f"question {id} was answered after its deadline")
    return len(known), broken


def reminders_come_once(evidence: Evidence) -> Found:
    """reminders: each set one is in the books and has come, in one message, not before its time."""
    known = {reminder["id"]: reminder for reminder in evidence.reminders}
    broken = [
        f"reminder {payload['reminder_id']} of {name} is lost"
        for name, payload in evidence.said("reminder_out")
        if payload["reminder_id"] not in known
    ]
    carried = Counter(message["about"] for message in evidence.messages if message["kind"] == "reminder")
    for id, reminder in known.items():
        if reminder["status"] not in ("done", "cancelled"):
            broken.append(f"reminder {id} is {reminder['status']} after {reminder['attempts']} attempts")
        if carried[id] > 1 or (carried[id] == 0 and reminder["status"] == "done"):
            broken.append(f"reminder {id} came in {carried[id]} messages")
        message = evidence.by_id.get(reminder["message_id"] or "")
        if message is not None and _moment(message["sent_at"]) < _moment(reminder["due_at"]):
            broken.append(f"reminder {id} came at {message['sent_at']}, before {reminder['due_at']}")
    return len(known), broken


def asks_are_decided_once(evidence: Evidence) -> Found:
    """permission asks: each is in the books, decided; what the engine was told is what was decided, and it was told once."""
    known = {approval["id"]: approval for approval in evidence.approvals}
    asked = {payload["approval_id"]: name for name, payload in evidence.said("permission_asked")}
    told: dict[str, list[str]] = defaultdict(list)
    for _, payload in evidence.said("permission_decided"):
        told[payload["approval_id"]].append(payload["status"])
    broken = [f"ask {id} of {name} is lost" for id, name in asked.items() if id not in known]
    for id in asked.keys() & known.keys():
        status = known[id]["status"]
        if status in ("pending", "orphaned"):
            broken.append(f"ask {id} is {status}")
        if len(told[id]) > 1:
            broken.append(f"the engine was told {told[id]} of ask {id}")
        elif told[id] and told[id][0] != status:
            broken.append(f"ask {id} is {status}, and the engine was told {told[id][0]}")
    broken += [
        f"approval {id} was never asked for"
        for id, approval in known.items()
        if approval["kind"] == "tool_use" and id not in asked
    ]
    return len(asked), broken


def decisions_are_in_the_audit(evidence: Evidence) -> Found:
    """decisions of the operator: each has exactly one entry in the audit, with who, from where, and the same verdict."""
    entries: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for entry in evidence.audit:
        if entry["action"] in ("approval.approved", "approval.denied"):
            entries[entry["subject"]].append(entry)
    broken, count = [], 0
    for approval in evidence.approvals:
        if approval["decided_by_json"] is None:
            continue
        by = json.loads(approval["decided_by_json"])
        if by["who"] != "operator":
            continue
        count += 1
        found = entries[approval["id"]]
        verdict = "denied" if approval["status"] == "denied" else "approved"
        if [entry["action"] for entry in found] != [f"approval.{verdict}"]:
            broken.append(f"approval {approval['id']} is {approval['status']}, audit {[e['action'] for e in found]}")
        elif None in (by["uid"], by["pid"], by["socket"]):
            broken.append(f"approval {approval['id']} does not say from where it was decided")
    return count, broken


def grants_are_used_once(evidence: Evidence) -> Found:
    """one-time yeses: each was used at most once, by the same agent for the same tool with the same input."""
    known = {approval["id"]: approval for approval in evidence.approvals}
    broken = []
    users = Counter(grant["used_by"] for grant in evidence.grants if grant["used_by"])
    for grant in evidence.grants:
        user = known.get(grant["used_by"] or "")
        if user is not None and (user["requester_id"], user["input_hash"]) != (grant["agent_id"], grant["input_hash"]):
            broken.append(f"grant {grant['id']} answered another ask")
    broken += [f"ask {id} was answered by {count} grants" for id, count in users.items() if count > 1]
    return len(evidence.grants), broken


def nothing_waits(evidence: Evidence) -> Found:
    """the one list: nothing waits that has been decided."""
    return len(evidence.waiting), [f"{item['kind']} {item['id']} still waits" for item in evidence.waiting]


PROMISES = (
    journals_are_whole, turns_end_once, messages_are_there, messages_are_acked_once, redeliveries_are_marked,
    nothing_is_left, questions_are_answered_once, reminders_come_once, asks_are_decided_once,
    decisions_are_in_the_audit, grants_are_used_once, nothing_waits,
)  # fmt: skip


def _reader(path: Path) -> sqlite3.Connection:
    connection = sqlite3.connect(f"file:{path}?mode=ro", uri=True)
    connection.row_factory = sqlite3.Row
    return connection


def _rows(connection: sqlite3.Connection, table: str) -> list[dict[str, Any]]:
    order = {"events": "id", "messages": "seq", "audit": "seq"}.get(table, "1")
    return [dict(row) for row in connection.execute(f"SELECT * FROM {table} ORDER BY {order}")]  # noqa: S608


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text)
