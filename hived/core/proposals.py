"""Proposals: a commit of an agent's config that may run once the operator has said so. Fetches and tags are deploy's."""

from itertools import pairwise
from typing import Final

from hived.core import deployments, waiting
from hived.core.agent_views import find_agent, publish
from hived.core.approval_rows import Decided, check_room, feed, to_approval
from hived.core.messages import tell
from hived.core.spawns import same_ask
from hived.core.text import one_line
from hived.core.widening import kinds
from hived.store import agents
from hived.store import approvals as store
from hived.store.database import Connection, Row, Tx
from hived.store.deployments import select_open_of
from hived.wire.approvals import Actor, Approval
from hived.wire.deployments import DeploymentStep, ProposalPayload
from hived.wire.errors import HiveError, InvalidProposal, InvalidRequest
from hived.wire.ids import new_id
from hived.wire.names import QUEEN

KIND: Final = "apply_commit"
REFUSED = ("denied", "cancelled", "expired", "failed")
KEPT_REFUSED = 5
"""Of an agent, the newest."""
SHOWN = 12
"""Digits of a commit among words."""


def pending_of(conn: Connection, agent_id: str, commit: str) -> Approval | None:
    """The proposal of that commit that is undecided."""
    row = store.select_pending_commit(conn, agent_id, commit)
    return None if row is None else to_approval(row)


def known_ask(
    conn: Connection, approval_id: str, requester: str, requester_id: str | None, commit: str | None
) -> Approval | None:
    """What was asked under that id before. Raises InvalidRequest where it is another's, or of another commit."""
    row = store.select_approval(conn, approval_id)
    return None if row is None else same_ask(row, requester, requester_id, KIND, commit or row["input_hash"])


def ask_apply(
    tx: Tx, payload: ProposalPayload, requester: str, requester_id: str | None = None, approval_id: str | None = None
) -> Approval:
    """Ask the operator for that commit, tagged proposal/<approval id> by then. The same id, or the same commit of that agent
    while it is undecided, is the same ask.

    Raises AgentNotFound, AgentBuried, InvalidProposal (what runs already), InvalidRequest; for an agent's ask QueueFull.
    """
    chosen = approval_id or new_id()
    same = known_ask(tx.connection, chosen, requester, requester_id, payload.commit)
    same = same or pending_of(tx.connection, payload.agent_id, payload.commit)
    if same is not None:
        return same
    row = find_agent(tx.connection, payload.agent)
    if row["id"] != payload.agent_id:
        raise InvalidRequest(reason=f"{payload.agent} is another agent by now.")
    check_new(row, payload.commit)
    subject = subject_of(payload)
    store.insert_approval(
        tx,
        {
            "id": chosen,
            "kind": KIND,
            "requester": requester,
            "requester_id": requester_id,
            "spawn_name": None,
            "generation": None,
            "turn_id": None,
            "subject": subject,
            "payload_json": payload.model_dump_json(),
            "input_hash": payload.commit,
        },
    )
    store.update_made(tx, chosen, payload.agent_id)
    if requester_id is not None:
        check_room(tx, requester_id, requester)
    waiting.open_item(tx, chosen, KIND, agent=None if requester_id is None else requester, subject=subject)
    if requester_id is not None:
        publish(tx, requester_id)
    return feed(tx, chosen)


def renew(tx: Tx, approval_id: str, payload: ProposalPayload) -> None:
    """What runs has changed since it was asked: it says what it would change now. Nothing where it is decided."""
    row = store.select_approval(tx.connection, approval_id)
    if row is None or row["status"] != "pending":
        return
    subject = subject_of(payload)
    store.update_renewed(tx, approval_id, subject, payload.model_dump_json())
    agent = None if row["requester_id"] is None else row["requester"]
    waiting.open_item(tx, approval_id, KIND, agent=agent, subject=subject)
    feed(tx, approval_id)


def check_new(agent: Row, commit: str) -> None:
    """Raises InvalidProposal for the commit that runs already."""
    if agent["commit_sha"] == commit:
        raise InvalidProposal(commit=commit[:SHOWN], reason=f"{agent['name']} runs it already.")


def subject_of(payload: ProposalPayload) -> str:
    """One line: which commit, what of it is dangerous, how much it changes, and the commit's own words, which may be cut."""
    counts = [
        _count(len(payload.files), "file"),
        *([_count(len(payload.setup), "setup command")] if payload.setup else []),
    ]
    careful = kinds(payload.flags)
    flagged = f"; CAREFUL: {', '.join(careful)}" if careful else ""
    words = payload.reason or payload.summary
    said = f": {words}" if words else ""
    return one_line(f"config {payload.commit[:SHOWN]} of {payload.agent} ({', '.join(counts)}{flagged}){said}")


def carry_out(tx: Tx, row: Row, verdict: Decided, note: str | None, actor: Actor) -> None:
    """Queue the deployment of an approved proposal, and tell who asked. One that cannot be queued makes the approval `failed`."""
    payload = ProposalPayload.model_validate_json(row["payload_json"])
    remark = f" Note: {note}" if note else ""
    what = f"Config {payload.commit[:SHOWN]} of {payload.agent}"
    if verdict == "denied":
        _tell(tx, row, f"{what} was denied by {actor.who}.{remark}")
        return
    try:
        with tx.part():
            agent = find_agent(tx.connection, payload.agent)
            if agent["id"] != payload.agent_id:
                raise InvalidRequest(reason=f"{payload.agent} is another agent by now.")
            deployments.queue(
                tx,
                agent,
                "apply",
                actor=actor,
                commit=payload.commit,
                approval_id=row["id"],
                note=note or payload.summary,
            )
    except HiveError as error:
        store.update_status(tx, row["id"], "failed", error.message)
        _tell(tx, row, f"{what} was approved, but cannot be deployed: {error.message}")
        return
    _tell(tx, row, f"{what} was approved by {actor.who}, and is built now; you are told how it ends.{remark}")


def deployed(tx: Tx, approval_id: str) -> None:
    """Its deployment has ended well: who asked for it is told, unless it is told of that agent's life anyway."""
    row = store.select_approval(tx.connection, approval_id)
    if row is None or row["kind"] != KIND or _hears_news(tx, row):
        return
    payload = ProposalPayload.model_validate_json(row["payload_json"])
    _tell(tx, row, f"Config {payload.commit[:SHOWN]} of {payload.agent} is deployed.")


def deployment_failed(tx: Tx, approval_id: str, step: DeploymentStep | None, reason: str) -> None:
    """Its deployment did not work, and has been taken back: the approval is `failed`, and who asked for it is told."""
    row = store.select_approval(tx.connection, approval_id)
    if row is None or row["kind"] != KIND or row["status"] != "approved":
        return
    payload = ProposalPayload.model_validate_json(row["payload_json"])
    at = f" at {step}" if step is not None else ""
    store.update_status(tx, approval_id, "failed", one_line(f"The deployment failed{at}: {reason}", 1000))
    feed(tx, approval_id)
    what = f"Config {payload.commit[:SHOWN]} of {payload.agent}"
    _tell(tx, row, f"{what} was approved, but its deployment failed{at}, and what ran before runs again: {reason}")


def denied_of(conn: Connection) -> list[tuple[str, str, str, str, str]]:
    """(the agent's id and name, approval, note, when) of every denied proposal."""
    found = []
    for row in store.select_denied_commits(conn):
        payload = ProposalPayload.model_validate_json(row["payload_json"])
        found.append((payload.agent_id, payload.agent, row["id"], row["note"] or "", row["decided_at"]))
    return found


def kept_of(conn: Connection, agent_id: str) -> tuple[set[str], set[str]] | None:
    """What applied/<name> keeps: proposals, by their ids, and commits. None where there is no such agent.

    Of those that were refused, and never built, the newest are kept, and what an undecided one is compared with.
    """
    agent = agents.select_agent(conn, agent_id)
    if agent is None:
        return None
    rows = store.select_commits_of(conn, agent_id)
    refused = [row["id"] for row in rows if row["status"] in REFUSED and not row["begun"]]
    gone = set(refused[:-KEPT_REFUSED])
    gone -= {before["id"] for before, row in pairwise(rows) if row["status"] == "pending"}
    kept = [row for row in rows if row["id"] not in gone]
    under_way = select_open_of(conn, agent_id)
    commits = [agent["commit_sha"], agent["good_sha"], *(row["commit_sha"] for row in under_way)]
    return {row["id"] for row in kept}, {sha for sha in (*commits, *(row["commit"] for row in kept)) if sha is not None}


def _hears_news(tx: Tx, row: Row) -> bool:
    """Whether core/lifecycle_news tells the asker of the agent's deployments."""
    agent = agents.select_agent(tx.connection, row["agent_id"])
    if agent is None or agent["id"] == row["requester_id"]:
        return False
    return bool(row["requester"] == (agent["parent"] or QUEEN))


def _tell(tx: Tx, row: Row, words: str) -> None:
    tell(tx, row["requester_id"], words, about=row["id"])


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"
