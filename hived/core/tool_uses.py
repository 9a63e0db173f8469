"""Tool uses: an engine asks whether it may, and its turn stands still until it is told.

A rule, then a grant answers before anyone is asked. An ask whose harness has died is an orphan: it can still be decided, and
nobody stands still for it. An agent's asks for exactly the same tool and input are twins: an orphan's twin takes its place in
the one list, and deciding either decides both.
"""

import json
import shlex
from typing import Any

from hived.core import grants, rules, waiting
from hived.core.agent_views import check_generation, known_abilities, publish
from hived.core.approval_rows import Decided, check_room, feed, settle, to_approval
from hived.core.messages import tell
from hived.core.rule_matching import leaves_sandbox
from hived.core.spawns import same_ask
from hived.core.text import one_line
from hived.core.tool_inputs import input_hash
from hived.store import agents as agent_store
from hived.store import approvals as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor, Approval, ApprovalAsk
from hived.wire.control import Decision
from hived.wire.errors import InvalidRequest, Unsupported
from hived.wire.names import HIVED

_TELLING_KEYS = ("command", "file_path", "path", "url", "pattern", "query")
"""Of a tool's input, what says most in one line."""
_TOLD_KEYS = ("description", "prompt")
"""What only tells of it: enough where there is nothing else but `_HARMLESS_KEYS`."""
_HARMLESS_KEYS = frozenset({*_TOLD_KEYS, "subagent_type", "model", "run_in_background", "title"})


def ask_tool_use(tx: Tx, agent: Row, generation: int, ask: ApprovalAsk) -> Approval:
    """Whether the agent's engine may use a tool: decided at once by a rule or a grant (a deny rule beats a grant), else
    pending, and the operator's to decide. The same id again is the same ask.

    Raises StaleGeneration, InvalidRequest, QueueFull.
    """
    check_generation(tx, agent["id"], generation)
    if not ask.tool or ask.input is None:
        raise InvalidRequest(reason="An ask of kind tool_use names its tool and its input.")
    fingerprint = input_hash(ask.tool, ask.input)
    if (known := store.select_approval(tx.connection, ask.id)) is not None:
        return same_ask(known, agent["name"], agent["id"], "tool_use", fingerprint)
    store.insert_approval(
        tx,
        {
            "id": ask.id,
            "kind": "tool_use",
            "requester": agent["name"],
            "requester_id": agent["id"],
            "spawn_name": None,
            "generation": generation,
            "turn_id": ask.turn_id,
            "subject": tool_subject(ask.tool, ask.input),
            "payload_json": json.dumps({"tool": ask.tool, "input": ask.input}),
            "input_hash": fingerprint,
        },
    )
    row = _row(tx, ask.id)
    if not _answered_by_rule(tx, agent, row, ask.tool, ask.input) and not _answered_by_grant(tx, row):
        check_room(tx, agent["id"], agent["name"])
    _list_twins(tx, row)
    publish(tx, agent["id"])
    return feed(tx, ask.id)


def check_edit(conn: Connection, row: Row) -> None:
    """Raises Unsupported where the asker's engine can only do what it asked for."""
    agent = agent_store.select_agent(conn, row["requester_id"])
    abilities = None if agent is None else known_abilities(agent)
    if agent is not None and abilities is not None and not abilities.edited_input:
        raise Unsupported(name=agent["name"], engine=agent["engine"], what="run a tool with an edited input")


def hand_on(tx: Tx, row: Row, verdict: Decided, actor: Actor) -> None:
    """Give the asker the answer to what was just decided, and decide its twins with it. `row` is as it was before.

    Who stands still hears it over the control stream. Who has died meanwhile has it from an identical ask that is pending by
    now, else from a message and, for a yes, by a grant.
    """
    decided = _row(tx, row["id"])
    pending = _settle_twins(tx, row, decided, verdict, actor)
    if row["status"] == "pending":
        _ring(tx, decided)
    elif pending is None:
        _leave(tx, decided)
    _list_twins(tx, row)


def orphan_older(tx: Tx, agent_id: str, generation: int) -> None:
    """Pending asks of dead generations can still be decided, but nobody stands still for them."""
    _orphan(tx, store.select_pending_below(tx.connection, agent_id, generation))


def close_turn(tx: Tx, agent_id: str, turn_id: str, *, cut_off: bool = False) -> None:
    """The turn that asked has ended: what nobody decided is cancelled. The caller publishes the agent.

    An orphan stays: its turn did not end, it was cut off, and the next harness only writes that down. `cut_off`: the harness
    itself was stopped in the middle of it, so what nobody decided becomes one. What was decided while a harness was ending, so
    that its engine never heard it, is left for the agent as an orphan's answer is.
    """
    if not store.has_asks_of_turn(tx.connection, agent_id, turn_id):
        return
    pending = store.select_pending_of_turn(tx.connection, agent_id, turn_id)
    if cut_off:
        _orphan(tx, pending)
    else:
        for row in pending:
            _cancel(tx, row)
    for row in store.select_unheard_of_turn(tx.connection, agent_id, turn_id, cut_off=cut_off):
        _leave(tx, row)
    store.update_turn_over(tx, agent_id, turn_id)


def cancel_ask(tx: Tx, agent_id: str, approval_id: str) -> None:
    """Its engine took the ask back: the row is closed, if nobody has decided it. Another agent's ask is left alone."""
    row = store.select_approval(tx.connection, approval_id)
    if row is None or row["requester_id"] != agent_id or row["kind"] != "tool_use" or row["status"] != "pending":
        return
    _cancel(tx, row)
    publish(tx, agent_id)


def hear(tx: Tx, agent_id: str, approval_id: str) -> None:
    """The harness has written down that its engine was given the decision."""
    store.update_heard(tx, agent_id, approval_id)


def decisions_for(conn: Connection, agent_id: str, generation: int) -> list[Decision]:
    """Decided asks of this generation whose turn has not ended: sent again on every new control stream."""
    return [_decision(row) for row in store.select_decided_in_turn(conn, agent_id, generation)]


def tool_subject(tool: str, input: dict[str, Any]) -> str:
    """One line, plain text: the tool, and of its input what says most; the whole of it where none does."""
    keys = _TELLING_KEYS if input.keys() - _HARMLESS_KEYS else _TOLD_KEYS
    texts = (_told(input.get(key)) for key in keys)
    shown = next((text for text in texts if text), None) or json.dumps(input, ensure_ascii=False)
    return one_line(f"{tool}{' OUTSIDE ITS SANDBOX' if leaves_sandbox(input) else ''} {shown}")


def _told(value: Any) -> str:
    """A text, its line breaks to be seen (`# done⏎ rm x` runs rm), or a command as a list of its words."""
    if isinstance(value, list):
        value = shlex.join(map(str, value))
    return value.strip().replace("\n", "⏎ ") if isinstance(value, str) else ""


def _answered_by_rule(tx: Tx, agent: Row, row: Row, tool: str, input: dict[str, Any]) -> bool:
    standing = rules.standing_answer(tx, agent, tool, input)
    if standing is None:
        return False
    verdict: Decided = "approved" if standing.verdict == "allow" else "denied"
    actor = Actor(who=HIVED)
    settle(tx, row, verdict, actor, note=standing.words if verdict == "denied" else None, rule=standing.rule_id)
    _settle_twins(tx, row, _row(tx, row["id"]), verdict, actor)
    return True


def _answered_by_grant(tx: Tx, row: Row) -> bool:
    granted = grants.take(tx, row["requester_id"], row["input_hash"], row["id"])
    if granted is None:
        return False
    said = to_approval(_row(tx, granted))
    settle(tx, row, "approved", Actor(who=HIVED), note=said.note, updated_input=said.updated_input, grant=granted)
    return True


def _settle_twins(tx: Tx, row: Row, decided: Row, verdict: Decided, actor: Actor) -> Row | None:
    """Decide the orphans that ask the same, and for an orphan the oldest ask that is pending: that one."""
    said, answered = to_approval(decided), None
    for twin in store.select_undecided_twins(tx.connection, row["requester_id"], _hash(row)):
        if twin["status"] == "orphaned":
            settle(tx, twin, verdict, actor, note=said.note, updated_input=said.updated_input, twin=row["id"])
            feed(tx, twin["id"])
        elif row["status"] == "orphaned" and answered is None:
            answered = twin
    if answered is None:
        return None
    grant = row["id"] if verdict == "approved" else None
    settle(
        tx, answered, verdict, actor, note=said.note, updated_input=said.updated_input, grant=grant, twin=row["id"]
    )  # fmt: skip
    if grant is not None:
        grants.give_used(tx, row, _hash(row), said.payload["tool"], answered["id"])
    _ring(tx, _row(tx, answered["id"]))
    feed(tx, answered["id"])
    return answered


def _leave(tx: Tx, decided: Row) -> None:
    """The answer for an agent that did not hear it: a yes is a grant, and either is a message that wakes it."""
    said = to_approval(decided)
    again = ""
    if said.status == "approved":
        grants.give(tx, decided, _hash(decided), said.payload["tool"])
        edited = ", with the input as the operator changed it" if said.updated_input is not None else ""
        again = f" Ask for exactly the same once more and it is answered at once{edited}."
    remark = f" Note: {said.note}" if said.note else ""
    words = f"What you asked before your restart was {said.status}: {said.subject}.{remark}{again}"
    tell(tx, decided["requester_id"], words, about=said.id)


def _orphan(tx: Tx, rows: list[Row]) -> None:
    for row in rows:
        store.update_orphaned(tx, row["id"], _hash(row))
        waiting.open_item(tx, row["id"], "tool_use", agent=row["requester"], subject=row["subject"], blocks=False)
    for row in rows:
        _list_twins(tx, row)
        feed(tx, row["id"])


def _list_twins(tx: Tx, row: Row) -> None:
    """Of an agent's undecided asks for the same: list every one that is pending, and where there is none the newest orphan.

    Who takes the place of what the operator was told of is no news to him, and an orphan that is back is none.
    """
    twins = store.select_undecided_twins(tx.connection, row["requester_id"], _hash(row))
    pending = [twin for twin in twins if twin["status"] == "pending"]
    listed = {twin["id"] for twin in pending or twins[-1:]}
    told = {twin["id"]: waiting.told_at(tx.connection, twin["id"], "tool_use") for twin in twins}
    known = next((told[twin["id"]] for twin in twins if twin["id"] not in listed and told[twin["id"]]), None)
    for twin in twins:
        if twin["id"] not in listed:
            waiting.close_item(tx, twin["id"], "tool_use")
        elif not waiting.is_listed(tx.connection, twin["id"], "tool_use"):
            waiting.open_item(
                tx,
                twin["id"],
                "tool_use",
                agent=twin["requester"],
                subject=twin["subject"],
                since=twin["created_at"],
                blocks=twin["status"] == "pending",
                told_at=known or (tx.now if twin["status"] == "orphaned" and tx.config.notify else None),
            )


def _cancel(tx: Tx, row: Row) -> None:
    store.update_cancelled(tx, row["id"], Actor(who=row["requester"], socket="agent").model_dump_json())
    waiting.close_item(tx, row["id"], "tool_use")
    _list_twins(tx, row)
    feed(tx, row["id"])


def _ring(tx: Tx, decided: Row) -> None:
    tx.ring(decided["requester_id"], "decision", _decision(decided).model_dump())


def _decision(row: Row) -> Decision:
    updated = row["updated_input_json"]
    return Decision(
        approval_id=row["id"],
        status=row["status"],
        note=row["note"],
        updated_input=None if updated is None else json.loads(updated),
    )


def _hash(row: Row) -> str:
    """Rows of older schemas have none."""
    if row["input_hash"] is not None:
        return str(row["input_hash"])
    payload = json.loads(row["payload_json"])
    return input_hash(payload["tool"], payload["input"])


def _row(tx: Tx, approval_id: str) -> Row:
    row = store.select_approval(tx.connection, approval_id)
    assert row is not None
    return row
