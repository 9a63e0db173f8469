"""Spawns: asked of the operator by himself or by a queen, and done in the same change as they are approved."""

import shlex

from hived.core import budgets, deployments, revival, waiting
from hived.core.agent_views import publish
from hived.core.approval_rows import Decided, check_room, feed, to_approval
from hived.core.creation import DEFAULT_RUNTIME, check_request, create_agent
from hived.core.messages import tell
from hived.core.rule_drafts import rules_said
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import approvals as store
from hived.store.database import Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor, Approval
from hived.wire.errors import HiveError, InvalidRequest
from hived.wire.ids import new_id


def ask_spawn(
    tx: Tx, request: SpawnRequest, requester: str, requester_id: str | None = None, approval_id: str | None = None
) -> Approval:
    """Ask the operator for an agent. The same `approval_id` again is the same ask.

    Raises InvalidRequest, what `creation.check_request` raises, and for an agent's ask OverBudget and QueueFull.
    """
    if approval_id is not None and (known := store.select_approval(tx.connection, approval_id)) is not None:
        return same_ask(known, requester, requester_id, "spawn")
    revival.refuse_forged(request)
    check_request(tx.connection, request)
    if requester_id is not None:
        budgets.check_spawn(tx.connection, requester)
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
            "input_hash": None,
        },
    )
    if requester_id is not None:
        check_room(tx, requester_id, requester)
    waiting.open_item(tx, chosen, "spawn", agent=None if requester_id is None else requester, subject=subject)
    if requester_id is not None:
        publish(tx, requester_id)
    return feed(tx, chosen)


def same_ask(row: Row, requester: str, requester_id: str | None, kind: str, input_hash: str | None = None) -> Approval:
    """The approval as it is now. Raises InvalidRequest where the id is another asker's, or another ask's."""
    if (row["requester"], row["requester_id"]) != (requester, requester_id):
        raise InvalidRequest(reason=f"The approval id {row['id']} is somebody else's.")
    if row["kind"] != kind or row["input_hash"] not in (None, input_hash):
        raise InvalidRequest(reason=f"The approval id {row['id']} is that of another ask.")
    return to_approval(row)


def carry_out(tx: Tx, row: Row, verdict: Decided, note: str | None, actor: Actor) -> None:
    """Make the agent of an approved spawn, and tell who asked. A deed that does not work makes the approval `failed`.

    Raises OverBudget: then nothing is decided.
    """
    request = SpawnRequest.model_validate_json(row["payload_json"])
    remark = f" Note: {note}" if note else ""
    if verdict == "denied":
        revival.denied(tx, request)
        _tell(tx, row, f"Your request to spawn {request.name} was denied by {actor.who}.{remark}")
        return
    budgets.check_spawn(tx.connection, request.parent)
    try:
        with tx.part():
            if request.revive is not None:
                agent_id = revival.revive(tx, request, row, actor)
            else:
                _check_parent(tx, request, row)
                cause = f"its spawn was approved by {actor.who}"
                agent_id = create_agent(tx, request, runtime=request.runtime or DEFAULT_RUNTIME, cause=cause)
    except HiveError as error:
        store.update_status(tx, row["id"], "failed", error.message)
        _tell(tx, row, f"The spawn of {request.name} was approved, but failed: {error.message}")
        return
    store.update_made(tx, row["id"], agent_id)
    deployments.queue_first(tx, agent_id, actor=actor, approval_id=row["id"], note=request.reason)
    _tell(tx, row, f"Your request to spawn {request.name} was approved by {actor.who}.{remark}")


def _check_parent(tx: Tx, request: SpawnRequest, asked: Row) -> None:
    """The parent is the agent that was meant: a purge fails the asks under it, but those of older hives' purges wait yet.

    Raises InvalidRequest.
    """
    parent = None if request.parent is None else agent_store.select_agent_named(tx.connection, request.parent)
    if request.parent is not None and (parent is None or parent["created_at"] > asked["created_at"]):
        words = "is gone" if parent is None else "is another agent by now"
        raise InvalidRequest(reason=f"parent: {request.parent} {words}; ask for {request.name} anew.")


def fail_spawn_of(tx: Tx, agent_id: str, cause: str) -> None:
    """The agent never came up: its approved spawn has failed, and who asked for it is told."""
    row = store.select_spawn_of(tx.connection, agent_id)
    if row is None:
        return
    store.update_status(tx, row["id"], "failed", cause)
    feed(tx, row["id"])
    _tell(tx, row, f"The spawn of {row['spawn_name']} was approved, but it did not start: {cause}")


def _tell(tx: Tx, row: Row, words: str) -> None:
    tell(tx, row["requester_id"], words, about=row["id"])


def spawn_subject(request: SpawnRequest) -> str:
    """One line: what is asked for, what program that would run or what server it would ask, and why."""
    model = f", {request.model}" if request.model else ""
    mode = request.engine_options.get("permission_mode")
    may = f", permission mode {mode}" if mode else ""
    count = len(request.rules)
    own = (
        f", {count} rule{'' if count == 1 else 's'} of its own" if count else ""
    )  # early, where nothing long cuts it off
    reason = f": {request.reason}" if request.reason else ""
    return one_line(
        f"spawn {request.name} ({request.role}, {request.engine}{own}{model}{may}){_runs(request)}{rules_said(request)}{reason}"
    )


def _runs(request: SpawnRequest) -> str:
    """A command always wins over the name of a preset: that is what is run."""
    options = request.engine_options
    command, agent, server = options.get("command"), options.get("agent"), options.get("base_url")
    if command:
        line = shlex.join(map(str, command)) if isinstance(command, list) else str(command)
        return f" running `{line}`"
    if agent and request.engine == "acp":
        return f" running {agent}"
    if request.engine == "api":
        provider = f" {options['provider']}" if options.get("provider") else ""
        return f" at{provider} {server}" if server else f" at{provider}" if provider else ""
    return f" at {server}" if server else ""
