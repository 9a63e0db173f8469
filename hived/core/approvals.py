"""Approvals: the row is there before anyone is asked, the first to decide wins in one statement, the second is told who did."""

import json
from typing import Any, Literal

from hived.core import audit, waiting
from hived.core.agent_views import check_generation, publish
from hived.core.creation import DEFAULT_RUNTIME, check_request, create_agent
from hived.core.messages import tell
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import approvals as store
from hived.store.database import Connection, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor, Approval, ApprovalAsk
from hived.wire.control import Decision
from hived.wire.errors import AlreadyDecided, AmbiguousId, ApprovalNotFound, HiveError, InvalidRequest
from hived.wire.ids import new_id

Decided = Literal["approved", "denied"]
_TELLING_KEYS = ("command", "file_path", "path", "url", "pattern", "query", "description", "prompt")
"""Of a tool's input, what says most in one line."""


def ask_spawn(
    tx: Tx, request: SpawnRequest, requester: str, requester_id: str | None = None, approval_id: str | None = None
) -> Approval:
    """Ask the operator for an agent. The same `approval_id` again is the same ask.

    Raises InvalidRequest and what `creation.check_request` raises.
    """
    if approval_id is not None and (known := store.select_approval(tx.connection, approval_id)) is not None:
        return _same_ask(known, requester, requester_id)
    check_request(tx.connection, request)
    chosen = approval_id or new_id()
    subject = spawn_subject(request)
    store.insert_approval(
        tx,
        {
            "id": chosen,
            "kind": "spawn",
            "requester": requester,
            "requester_id": requester_id,
            "spawn_name": request.name,
            "generation": None,
            "turn_id": None,
            "subject": subject,
            "payload_json": request.model_dump_json(),
        },
    )
    waiting.open_item(tx, chosen, "spawn", agent=None if requester_id is None else requester, subject=subject)
    return _feed_asked(tx, chosen, requester_id)


def ask_tool_use(tx: Tx, agent: Row, generation: int, ask: ApprovalAsk) -> Approval:
    """Ask the operator whether the agent's engine may use a tool. The same id again is the same ask.

    Raises StaleGeneration, InvalidRequest.
    """
    check_generation(tx, agent["id"], generation)
    if (known := store.select_approval(tx.connection, ask.id)) is not None:
        return _same_ask(known, agent["name"], agent["id"])
    if not ask.tool or ask.input is None:
        raise InvalidRequest(reason="An ask of kind tool_use names its tool and its input.")
    subject = tool_subject(ask.tool, ask.input)
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
            "subject": subject,
            "payload_json": json.dumps({"tool": ask.tool, "input": ask.input}),
        },
    )
    waiting.open_item(tx, ask.id, "tool_use", agent=agent["name"], subject=subject, blocks=True)
    return _feed_asked(tx, ask.id, agent["id"])


def decide(
    tx: Tx,
    approval_id: str,
    verdict: Decided,
    note: str | None,
    updated_input: dict[str, Any] | None,
    actor: Actor,
) -> Approval:
    """Approve or deny, once; the deed of an approved spawn is done in the same change.

    `approval_id` may be any unique prefix. Raises ApprovalNotFound, AmbiguousId, AlreadyDecided, InvalidRequest.
    """
    row = find_approval(tx.connection, approval_id)
    if updated_input is not None and row["kind"] != "tool_use":
        raise InvalidRequest(reason="updated_input goes with an approval of kind tool_use only.")
    won = store.update_decided(
        tx,
        row["id"],
        verdict,
        actor_json=actor.model_dump_json(),
        note=note,
        updated_input_json=None if updated_input is None else json.dumps(updated_input),
    )
    if not won:
        by = json.loads(row["decided_by_json"] or "{}").get("who", "hived")
        raise AlreadyDecided(id=row["id"], status=row["status"], by=by, at=row["decided_at"] or "?")
    audit.append(tx, f"approval.{verdict}", actor, row["id"], {"subject": row["subject"], "note": note})
    waiting.close_item(tx, row["id"], row["kind"])
    if row["kind"] == "spawn":
        _carry_out_spawn(tx, row, verdict, note, actor)
    elif row["kind"] == "tool_use":
        _tell_tool_use(tx, row, verdict, note, updated_input)
    if row["requester_id"] is not None and agent_store.select_agent(tx.connection, row["requester_id"]) is not None:
        publish(tx, row["requester_id"])
    return _feed(tx, row["id"])


def fail_spawn_of(tx: Tx, agent_id: str, cause: str) -> None:
    """The agent never came up: its approved spawn has failed, and who asked for it is told."""
    row = store.select_spawn_of(tx.connection, agent_id)
    if row is None:
        return
    store.update_status(tx, row["id"], "failed", cause)
    _feed(tx, row["id"])
    tell(tx, row["requester_id"], f"The spawn of {row['spawn_name']} was approved, but it did not start: {cause}")


def orphan_older(tx: Tx, agent_id: str, generation: int) -> None:
    """Pending tool_use asks of dead generations can still be decided, but nobody stands still for them."""
    for row in store.select_pending_below(tx.connection, agent_id, generation):
        store.update_status(tx, row["id"], "orphaned")
        waiting.open_item(tx, row["id"], "tool_use", agent=row["requester"], subject=row["subject"], blocks=False)
        _feed(tx, row["id"])


def close_turn(tx: Tx, agent_id: str, turn_id: str) -> None:
    """The turn that asked has ended: what nobody decided is cancelled. The caller publishes the agent.

    An orphan stays: its turn did not end, it was cut off, and the next harness only writes that down.
    """
    for row in store.select_pending_of_turn(tx.connection, agent_id, turn_id):
        store.update_status(tx, row["id"], "cancelled")
        waiting.close_item(tx, row["id"], "tool_use")
        _feed(tx, row["id"])
    store.update_turn_over(tx, agent_id, turn_id)


def cancel_ask(tx: Tx, agent_id: str, approval_id: str) -> None:
    """Its engine took the ask back: the row is closed, if nobody has decided it. Another agent's ask is left alone."""
    row = store.select_approval(tx.connection, approval_id)
    if row is None or row["requester_id"] != agent_id or row["kind"] != "tool_use" or row["status"] != "pending":
        return
    store.update_status(tx, row["id"], "cancelled")
    waiting.close_item(tx, row["id"], "tool_use")
    _feed(tx, row["id"])
    publish(tx, agent_id)


def decisions_for(conn: Connection, agent_id: str, generation: int) -> list[Decision]:
    """Decided tool_use asks of this generation whose turn has not ended: sent again on every new control stream."""
    return [
        Decision(
            approval_id=row["id"],
            status=row["status"],
            note=row["note"],
            updated_input=None if row["updated_input_json"] is None else json.loads(row["updated_input_json"]),
        )
        for row in store.select_decided_in_turn(conn, agent_id, generation)
    ]


def find_approval(conn: Connection, prefix: str) -> Row:
    """The approval with that id, or the only one whose id begins so. Raises ApprovalNotFound, AmbiguousId."""
    found = store.select_approvals_starting(conn, prefix) if prefix else []
    if not found:
        raise ApprovalNotFound(id=prefix[:64])
    if len(found) > 1:
        raise AmbiguousId(prefix=prefix, count="several", noun="approval")
    return found[0]


def list_approvals(
    conn: Connection,
    *,
    kind: str | None = None,
    status: str | None = None,
    undecided: bool = True,
    limit: int = 200,
    before: str | None = None,
) -> list[Approval]:
    """The newest `limit`, oldest first; `undecided`: only those that can still be decided."""
    older = None if before is None else find_approval(conn, before)["id"]
    rows = store.select_approvals(conn, kind=kind, status=status, undecided=undecided, limit=limit, before=older)
    return [to_approval(row) for row in rows]


def spawn_subject(request: SpawnRequest) -> str:
    """One line: what is asked for, what program that would run or what server it would ask, and why."""
    model = f", {request.model}" if request.model else ""
    mode = request.engine_options.get("permission_mode")
    may = f", permission mode {mode}" if mode else ""
    reason = f": {request.reason}" if request.reason else ""
    return one_line(f"spawn {request.name} ({request.role}, {request.engine}{model}{may}){_runs(request)}{reason}")


def _runs(request: SpawnRequest) -> str:
    """A command always wins over the name of a preset: that is what is run."""
    options = request.engine_options
    command, agent, server = options.get("command"), options.get("agent"), options.get("base_url")
    if command:
        words = command if isinstance(command, list) else [command]
        return f" running `{' '.join(map(str, words))}`"
    if agent and request.engine == "acp":
        return f" running {agent}"
    if request.engine == "api":
        provider = f" {options['provider']}" if options.get("provider") else ""
        return f" at{provider} {server}" if server else f" at{provider}" if provider else ""
    return f" at {server}" if server else ""


def tool_subject(tool: str, input: dict[str, Any]) -> str:
    """One line, plain text: the tool, and of its input what says most."""
    chosen: Any = next((input[key] for key in _TELLING_KEYS if isinstance(input.get(key), str)), None)
    shown = chosen if chosen is not None else json.dumps(input, ensure_ascii=False)[:1000]
    return one_line(f"{tool} {shown}")


def to_approval(row: Row) -> Approval:
    decided_by = row["decided_by_json"]
    return Approval(
        id=row["id"],
        kind=row["kind"],
        status=row["status"],
        requester=row["requester"],
        subject=row["subject"],
        payload=json.loads(row["payload_json"]),
        created_at=row["created_at"],
        decided_at=row["decided_at"],
        decided_by=None if decided_by is None else Actor.model_validate_json(decided_by),
        note=row["note"],
        failure=row["failure"],
    )


def _same_ask(row: Row, requester: str, requester_id: str | None) -> Approval:
    if (row["requester"], row["requester_id"]) != (requester, requester_id):
        raise InvalidRequest(reason=f"The approval id {row['id']} is somebody else's.")
    return to_approval(row)


def _carry_out_spawn(tx: Tx, row: Row, verdict: Decided, note: str | None, actor: Actor) -> None:
    request = SpawnRequest.model_validate_json(row["payload_json"])
    remark = f" Note: {note}" if note else ""
    if verdict == "denied":
        tell(tx, row["requester_id"], f"Your request to spawn {request.name} was denied by {actor.who}.{remark}")
        return
    try:
        with tx.part():
            cause = f"its spawn was approved by {actor.who}"
            agent_id = create_agent(tx, request, runtime=request.runtime or DEFAULT_RUNTIME, cause=cause)
    except HiveError as error:
        store.update_status(tx, row["id"], "failed", error.message)
        tell(tx, row["requester_id"], f"The spawn of {request.name} was approved, but failed: {error.message}")
        return
    store.update_made(tx, row["id"], agent_id)
    tell(tx, row["requester_id"], f"Your request to spawn {request.name} was approved by {actor.who}.{remark}")


def _tell_tool_use(tx: Tx, row: Row, verdict: Decided, note: str | None, updated_input: dict[str, Any] | None) -> None:
    if row["status"] == "orphaned":
        remark = f" Note: {note}" if note else ""
        tell(tx, row["requester_id"], f"What you asked before your restart was {verdict}: {row['subject']}.{remark}")
        return
    decision = Decision(approval_id=row["id"], status=verdict, note=note, updated_input=updated_input)
    tx.ring(row["requester_id"], "decision", decision.model_dump())


def _feed_asked(tx: Tx, approval_id: str, requester_id: str | None) -> Approval:
    if requester_id is not None:
        publish(tx, requester_id)
    return _feed(tx, approval_id)


def _feed(tx: Tx, approval_id: str) -> Approval:
    row = store.select_approval(tx.connection, approval_id)
    if row is None:
        raise ApprovalNotFound(id=approval_id)
    approval = to_approval(row)
    tx.feed("approval", approval.model_dump())
    return approval
