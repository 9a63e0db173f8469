"""What a commit of an agent's config is compared with, and one line that says what that is."""

from datetime import timedelta
from typing import Any

from hived.core import deployments
from hived.core.approval_rows import find_approval
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import approvals as approval_store
from hived.store import deployments as store
from hived.store.database import Connection, Row
from hived.wire.approvals import Actor
from hived.wire.deployments import Diff, DiffBase, ProposalPayload
from hived.wire.errors import InvalidRequest
from hived.wire.times import from_text, utc_now


def of_approval(conn: Connection, approval_id: str, base: DiffBase) -> Diff:
    """The Diff of a proposal, without its lines. `approval_id` may be any unique prefix.

    Raises ApprovalNotFound, AmbiguousId, InvalidRequest where it proposes no commit.
    """
    row = find_approval(conn, approval_id)
    if row["kind"] != "apply_commit":
        raise InvalidRequest(reason=f"Approval {row['id']} is of kind {row['kind']}: there is no commit to compare.")
    if row["payload_json"] == "{}":
        raise InvalidRequest(reason=f"What approval {row['id']} asked went with its agent, which was purged.")
    payload = ProposalPayload.model_validate_json(row["payload_json"])
    commit, title = _BASES[base](conn, row, payload.agent_id)
    return Diff(
        id=row["id"], agent=payload.agent, base=base, base_commit=commit, base_title=title, commit=payload.commit
    )


def of_deployment(conn: Connection, deployment_id: str) -> Diff:
    """The Diff of a deployment, without its lines. Raises DeploymentNotFound, AmbiguousId, InvalidRequest."""
    row = deployments.find_deployment(conn, deployment_id)
    if row["commit_sha"] is None:
        raise InvalidRequest(reason=f"Deployment {row['id']} has no commit yet.")
    title = "nothing: it was the first" if row["base_sha"] is None else "what ran before"
    return Diff(
        id=row["id"], agent=row["agent"], base="before", base_commit=row["base_sha"], base_title=title, commit=row["commit_sha"]
    )  # fmt: skip


def _running(conn: Connection, row: Row, agent_id: str) -> tuple[str | None, str]:
    agent = agent_store.select_agent(conn, agent_id)
    commit = None if agent is None else agent["commit_sha"]
    if commit is None:
        return None, "nothing: nothing of it runs yet"
    found = [one for one in store.select_deployed_of(conn, agent_id) if one["commit_sha"] == commit]
    return commit, _said(found[-1], "deployed") if found else "what runs"


def _approved(conn: Connection, row: Row, agent_id: str) -> tuple[str | None, str]:
    found = store.select_approved_before(conn, agent_id, row["id"])
    if found is None:
        return None, "nothing: nothing was approved before"
    return found["commit_sha"], _said(found, "approved")


def _queued(conn: Connection, row: Row, agent_id: str) -> tuple[str | None, str]:
    found = approval_store.select_commit_before(conn, agent_id, row["created_at"], row["id"])
    if found is None:
        return None, "nothing: nothing was proposed before"
    commit = ProposalPayload.model_validate_json(found["payload_json"]).commit
    return commit, f"proposed {_ago(found['created_at'])} by {found['requester']} ({found['status']})"


_BASES: dict[DiffBase, Any] = {"running": _running, "approved": _approved, "queued": _queued}


def _said(row: Row, verb: str) -> str:
    by = Actor.model_validate_json(row["actor_json"]).who
    note = f": {row['note']}" if row["note"] else ""
    return one_line(f"{verb} {_ago(row['ended_at'] or row['created_at'])} by {by}{note}", 120)


def _ago(then: str) -> str:
    """`just now`, `5 min ago`, `2 h ago`, `3 d ago`."""
    minutes = (from_text(utc_now()) - from_text(then)) // timedelta(minutes=1)
    if minutes < 1:
        return "just now"
    if minutes < 100:
        return f"{minutes} min ago"
    return f"{minutes // 60} h ago" if minutes < 48 * 60 else f"{minutes // (24 * 60)} d ago"
