"""The broker and the approvals against a small reference, with a kill of either side between any two steps.

The reference knows a message's state and deliveries and an ask's status, and nothing else. A harness here is what outlasts a
kill: its journal. What it knows beside that is forgotten when it is killed.
"""

import asyncio
import shutil
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from hived.config import Config
from hived.core import agents, approvals, audit, check, delivery, events, held_messages, messages, waiting
from hived.store.database import Change, Database, Query
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor, ApprovalAsk
from hived.wire.errors import AlreadyDecided, NotHeld
from hived.wire.ids import new_id
from hived.wire.messages import Claim
from hived.wire.times import utc_now

T = TypeVar("T")
NAMES = ("ann", "bob", "queen")
MOST_DELIVERIES = 2
CONFIG = Config(damper_seconds=0, max_deliveries=MOST_DELIVERIES)
INPUTS = ({"command": "make"}, {"command": "make install"})
JOURNAL = "journal-1"

name = st.sampled_from(NAMES)
which = st.integers(0, 30)
seldom = st.sampled_from([False, False, True])
verdict = st.sampled_from(["approved", "denied"])


def one_of(found: Sequence[str], which: int) -> str:
    return found[which % len(found)]


@dataclass
class Letter:
    """What the reference knows of one message."""

    recipient: str
    status: str = "queued"
    deliveries: int = 0
    turn: str | None = None
    backs_off: bool = False


@dataclass
class Ask:
    agent: str
    input: int
    generation: int
    turn: str
    status: str = "pending"
    by_grant: bool = False
    was_orphan: bool = False
    left: bool = False


@dataclass
class Harness:
    """An agent's harness: the journal is durable, the rest is lost with it."""

    id: str = ""
    generation: int = 1
    journal: list[dict[str, Any]] = field(default_factory=list)
    told: int = 0
    """How much of the journal hived has answered for."""
    turn: str | None = None
    has: list[str] = field(default_factory=list)
    """The messages that its turn knows of."""
    seen: set[str] = field(default_factory=set)
    """Every message that was ever given to this agent's engine."""

    def write(self, kind: str, **payload: Any) -> None:
        self.journal.append({"id": len(self.journal) + 1, "ts": utc_now(), "kind": kind, "payload": payload})


class Hive(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.loop = asyncio.new_event_loop()
        self.folder = Path(tempfile.mkdtemp(prefix="hv", dir="/tmp"))
        self.database = self.run(Database.open(self.folder / "hive.sqlite"))
        self.database.config = CONFIG
        self.letters: dict[str, Letter] = {}
        self.asks: dict[str, Ask] = {}
        self.grants: list[tuple[str, int]] = []
        self.acked_at: dict[str, str] = {}
        self.harnesses = {name: Harness() for name in NAMES}

    @property
    def idle(self) -> list[str]:
        return [name for name, harness in self.harnesses.items() if harness.turn is None]

    @property
    def busy(self) -> list[str]:
        return [name for name, harness in self.harnesses.items() if harness.turn is not None]

    @property
    def in_turn(self) -> list[str]:
        """The asks that an engine stands still for."""
        return [
            id
            for id, ask in self.asks.items()
            if ask.status == "pending" and ask.turn == self.harnesses[ask.agent].turn
        ]

    def run(self, coroutine: Any) -> Any:
        return self.loop.run_until_complete(coroutine)

    def do(self, change: "Change[T]") -> T:
        done: T = self.run(self.database.write(change))
        return done

    def look(self, query: "Query[T]") -> T:
        found: T = self.run(self.database.read(query))
        return found

    def teardown(self) -> None:
        """What `hive check` looks at holds too, whatever was played."""
        try:
            report = self.look(check.check_books)
        finally:
            self.run(self.database.close())
            self.loop.close()
            shutil.rmtree(self.folder, ignore_errors=True)
        assert [finding for finding in report.findings if not finding.ok] == []

    @initialize()
    def make_them(self) -> None:
        for name, harness in self.harnesses.items():
            role = "queen" if name == "queen" else "worker"
            request = SpawnRequest.model_validate({"name": name, "engine": "scripted", "role": role})
            harness.id = self.do(lambda tx, request=request: agents.create_agent(tx, request, cause="made"))  # type: ignore[misc]
            self.do(lambda tx, id=harness.id: agents.next_generation(tx, id, MOST_DELIVERIES))  # type: ignore[misc]
        for name in NAMES:
            self.the_operator_writes(name)

    # What people and engines do -------------------------------------------------------------------------------

    @rule(to=name)
    def the_operator_writes(self, to: str) -> None:
        (sent,) = self.do(lambda tx: messages.send(tx, sender="operator", to=to, body="work"))
        self.letters[sent.id] = Letter(to)

    @rule(by=name, to=name)
    def an_engine_writes(self, by: str, to: str) -> None:
        """Into its journal: hived learns of it with the next batch."""
        if by != to:
            self.harnesses[by].write("message_out", message_id=new_id(), to=to, body="between us")

    @rule(of=name, answer_lost=st.booleans())
    def a_batch_goes_up(self, of: str, answer_lost: bool) -> None:
        harness = self.harnesses[of]
        self._upload(of, from_event=harness.told)
        if not answer_lost:
            harness.told = len(harness.journal)

    @precondition(lambda self: self.idle)
    @rule(which=which, answer_lost=seldom)
    def a_turn_claims(self, which: int, answer_lost: bool) -> None:
        of = one_of(self.idle, which)
        harness = self.harnesses[of]
        self._flush(of)
        turn = new_id()
        given = self._claim(of, Claim(turn_id=turn))
        if answer_lost:
            return  # and the harness claims again, for another turn
        if given:
            harness.turn, harness.has = turn, []
            self._give(harness, given)

    @precondition(lambda self: self.busy)
    @rule(which=which, answer_lost=seldom)
    def a_running_turn_takes_more(self, which: int, answer_lost: bool) -> None:
        of = one_of(self.busy, which)
        harness = self.harnesses[of]
        assert harness.turn is not None
        given = self._claim(of, Claim(turn_id=harness.turn, more=True))
        if not answer_lost:
            self._give(harness, given)

    @precondition(lambda self: self.busy)
    @rule(which=which, outcome=st.sampled_from(["ok", "cancelled", "failed", "failed"]))
    def a_turn_ends(self, which: int, outcome: str) -> None:
        harness = self.harnesses[one_of(self.busy, which)]
        harness.write("turn_end", turn_id=harness.turn, outcome=outcome, message_ids=list(harness.has))
        harness.turn, harness.has = None, []

    @precondition(lambda self: any(letter.backs_off for letter in self.letters.values()))
    @rule()
    def time_passes(self) -> None:
        self.do(lambda tx: tx.execute("UPDATE messages SET not_before = '2000' WHERE not_before IS NOT NULL"))
        for letter in self.letters.values():
            letter.backs_off = False

    @precondition(lambda self: self.busy)
    @rule(which=which, input=st.integers(0, 1), twice=seldom)
    def an_engine_asks(self, which: int, input: int, twice: bool) -> None:
        of = one_of(self.busy, which)
        harness = self.harnesses[of]
        assert harness.turn is not None
        ask = ApprovalAsk(id=new_id(), kind="tool_use", tool="Bash", input=INPUTS[input], turn_id=harness.turn)
        for _ in range(2 if twice else 1):
            row = self.look(lambda conn: agents.find_agent(conn, of))
            answer = self.do(lambda tx, row=row: approvals.ask_tool_use(tx, row, harness.generation, ask))  # type: ignore[misc]
        known = Ask(of, input, harness.generation, harness.turn)
        if (of, input) in self.grants:
            self.grants.remove((of, input))
            known.status, known.by_grant = "approved", True
        self.asks[ask.id] = known
        assert answer.status == known.status

    @precondition(lambda self: self.in_turn)
    @rule(which=which)
    def an_engine_takes_an_ask_back(self, which: int) -> None:
        """It says so in its journal; by the time hived reads that, it may have been decided."""
        id = one_of(self.in_turn, which)
        self.harnesses[self.asks[id].agent].write("permission_decided", approval_id=id, status="cancelled")

    # What the operator decides --------------------------------------------------------------------------------

    @precondition(lambda self: self.asks)
    @rule(which=which, verdict=verdict, other=verdict)
    def two_decide(self, which: int, verdict: Any, other: Any) -> None:
        id = one_of(list(self.asks), which)
        for word, pid in ((verdict, 1), (other, 2)):
            actor = Actor(who="operator", uid=0, pid=pid, client="test", socket="host")
            open_before = self.asks[id].status in ("pending", "orphaned")
            if open_before:
                decided = self.do(lambda tx, word=word, actor=actor: approvals.decide(tx, id, word, None, None, actor))  # type: ignore[misc]
                assert decided.status == word
                self._decided(id, word)
            else:
                with pytest.raises(AlreadyDecided):
                    self.do(lambda tx, word=word, actor=actor: approvals.decide(tx, id, word, None, None, actor))  # type: ignore[misc]

    @precondition(lambda self: self.letters)
    @rule(which=which, again=st.booleans())
    def a_held_message_is_decided(self, which: int, again: bool) -> None:
        held = [id for id, letter in self.letters.items() if letter.status == "held"]
        id = one_of(held or list(self.letters), which)
        letter = self.letters[id]
        actor = Actor(who="operator", uid=0, pid=1)
        change = held_messages.retry_held if again else held_messages.drop_held
        if not held:
            with pytest.raises(NotHeld):
                self.do(lambda tx: change(tx, id, actor))
            return
        self.do(lambda tx: change(tx, id, actor))
        if again:
            letter.status, letter.deliveries, letter.backs_off = "queued", 0, False
        else:
            letter.status = "undeliverable"

    # Kills ----------------------------------------------------------------------------------------------------

    @rule()
    def hived_is_killed(self) -> None:
        """What is committed is all there is; streams, doorbells and whoever waited are gone."""
        self.run(self.database.close())
        self.database = self.run(Database.open(self.folder / "hive.sqlite"))
        self.database.config = CONFIG
        self.do(agents.mark_unheard)

    @rule(of=name, mends=st.booleans())
    def a_harness_is_killed(self, of: str, mends: bool) -> None:
        """The next one says in the journal that the turn was cut off; or is killed before it can."""
        harness = self.harnesses[of]
        self.do(lambda tx: agents.next_generation(tx, harness.id, MOST_DELIVERIES))
        harness.generation += 1
        harness.told = 0
        for letter in self._of(of):
            if letter.status == "leased":
                self._put_back(letter)
        for ask in self.asks.values():
            if ask.agent == of and ask.status == "pending":
                ask.status, ask.was_orphan = "orphaned", True
        if mends and harness.turn is not None:
            harness.write("turn_end", turn_id=harness.turn, outcome="failed", message_ids=list(harness.has))
        harness.turn, harness.has = None, []

    # The reference --------------------------------------------------------------------------------------------

    def _upload(self, of: str, from_event: int) -> None:
        harness = self.harnesses[of]
        batch = harness.journal[from_event:]
        at = self.look(lambda conn: events.cursor(conn, harness.id, JOURNAL))
        taken = self.do(
            lambda tx: events.take_batch(tx, harness.id, harness.generation, JOURNAL, 1, list(batch), CONFIG)
        )
        assert taken.cursor == max(at, len(harness.journal))
        assert taken.refused == []
        for event in harness.journal[at:]:
            self._apply(of, event["kind"], event["payload"])

    def _apply(self, of: str, kind: str, payload: dict[str, Any]) -> None:
        if kind == "message_out":
            self.letters[payload["message_id"]] = Letter(payload["to"])
        elif kind == "permission_decided":
            ask = self.asks[payload["approval_id"]]
            if ask.status == "pending":
                ask.status = "cancelled"
        elif kind == "turn_end":
            turn = payload["turn_id"]
            for id in payload["message_ids"]:
                letter = self.letters[id]
                if payload["outcome"] in ("ok", "cancelled"):
                    if letter.status not in ("acked", "undeliverable"):
                        letter.status = "acked"
                elif letter.status == "queued" or (letter.status == "leased" and letter.turn == turn):
                    letter.status = "held" if letter.deliveries >= MOST_DELIVERIES else "queued"
                    letter.backs_off = True
            for letter in self._of(of):
                if letter.status == "leased" and letter.turn == turn:
                    if payload["outcome"] in ("ok", "cancelled"):
                        letter.status, letter.turn, letter.deliveries = "queued", None, letter.deliveries - 1
                    else:
                        self._put_back(letter)
            for ask in self.asks.values():
                if ask.agent == of and ask.turn == turn and ask.status == "pending":
                    ask.status = "cancelled"
                cut_off = ask.generation < self.harnesses[of].generation and not ask.was_orphan
                if ask.agent == of and ask.turn == turn and ask.status == "approved" and cut_off and not ask.left:
                    ask.left = True  # decided while its harness was dying: nobody heard it
                    self.grants.append((ask.agent, ask.input))

    def _flush(self, of: str) -> None:
        self._upload(of, self.harnesses[of].told)
        self.harnesses[of].told = len(self.harnesses[of].journal)

    def _claim(self, of: str, claim: Claim) -> list[Any]:
        harness = self.harnesses[of]
        claimed = self.do(
            lambda tx: delivery.claim(tx, harness.id, harness.generation, claim, MOST_DELIVERIES)
        ).claimed()
        for letter in self._of(of):
            if letter.status == "leased" and letter.turn != claim.turn_id:
                self._put_back(letter)
        for letter in self._of(of):
            if letter.status == "queued" and not letter.backs_off:
                letter.status, letter.turn = "leased", claim.turn_id
                letter.deliveries += 1
        expected = {id for id, letter in self.letters.items() if letter.recipient == of and letter.status == "leased"}
        reports = {message.id for message in claimed.messages if message.kind == "report"}
        assert {message.id for message in claimed.messages} - reports == expected
        return [message for message in claimed.messages if message.id not in reports]

    def _give(self, harness: Harness, given: list[Any]) -> None:
        for message in given:
            if message.id in harness.has:
                continue
            if message.id in harness.seen:
                assert message.redelivered, "a second delivery is marked"
            harness.has.append(message.id)
            harness.seen.add(message.id)

    def _decided(self, id: str, verdict: str) -> None:
        ask = self.asks[id]
        was_orphan = ask.status == "orphaned"
        ask.status = verdict
        twins = [
            other
            for other in self.asks.values()
            if other is not ask and (other.agent, other.input) == (ask.agent, ask.input)
        ]
        pending = next((twin for twin in twins if twin.status == "pending"), None)
        for twin in twins:
            if twin.status == "orphaned":
                twin.status = verdict
        if was_orphan and pending is not None:
            pending.status = verdict
        elif was_orphan and verdict == "approved":
            self.grants.append((ask.agent, ask.input))

    def _put_back(self, letter: Letter) -> None:
        letter.status = "held" if letter.deliveries >= MOST_DELIVERIES else "queued"
        letter.turn = None

    def _of(self, name: str) -> list[Letter]:
        return [letter for letter in self.letters.values() if letter.recipient == name]

    # What always holds ----------------------------------------------------------------------------------------

    @invariant()
    def the_books_say_what_the_reference_says(self) -> None:
        rows = self.look(lambda conn: conn.execute("SELECT * FROM messages WHERE kind != 'report'").fetchall())
        assert {row["id"]: (row["status"], row["deliveries"]) for row in rows} == {
            id: (letter.status, letter.deliveries) for id, letter in self.letters.items()
        }
        asks = self.look(lambda conn: conn.execute("SELECT * FROM approvals WHERE kind = 'tool_use'").fetchall())
        assert {row["id"]: row["status"] for row in asks} == {id: ask.status for id, ask in self.asks.items()}

    @invariant()
    def nothing_is_acked_twice(self) -> None:
        rows = self.look(
            lambda conn: conn.execute("SELECT id, acked_at FROM messages WHERE acked_at IS NOT NULL").fetchall()
        )
        for row in rows:
            assert self.acked_at.setdefault(row["id"], row["acked_at"]) == row["acked_at"]

    @invariant()
    def what_waits_is_what_is_held_and_asked(self) -> None:
        listed = {item.id for item in self.look(waiting.list_items)}
        held = {id for id, letter in self.letters.items() if letter.status == "held"}
        reports = self.look(
            lambda conn: conn.execute("SELECT id FROM messages WHERE kind = 'report' AND status = 'held'").fetchall()
        )
        pending = {id for id, ask in self.asks.items() if ask.status == "pending"}
        orphans = {id for id, ask in self.asks.items() if ask.status == "orphaned" and not self._asked_again(ask)}
        assert listed - {row["id"] for row in reports} == held | pending | orphans

    def _asked_again(self, orphan: Ask) -> bool:
        """An ask that is pending stands for its orphans in the one list, and the newest orphan for the older ones."""
        twins = [ask for ask in self.asks.values() if (ask.agent, ask.input) == (orphan.agent, orphan.input)]
        orphans = [ask for ask in twins if ask.status == "orphaned"]
        return any(ask.status == "pending" for ask in twins) or orphan is not orphans[-1]

    @invariant()
    def each_decision_is_chained_and_made_once(self) -> None:
        assert self.look(audit.verify) is None
        rows = self.look(
            lambda conn: conn.execute(
                "SELECT subject, count(*) AS n FROM audit WHERE action IN ('approval.approved', 'approval.denied') GROUP BY subject"
            ).fetchall()
        )
        assert {row["subject"]: row["n"] for row in rows} == {
            id: 1 for id, ask in self.asks.items() if ask.status in ("approved", "denied")
        }


Hive.TestCase.settings = settings(
    max_examples=100, stateful_step_count=60, deadline=None, suppress_health_check=list(HealthCheck)
)
TestHive = pytest.mark.timeout(400)(Hive.TestCase)
