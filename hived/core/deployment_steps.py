"""The steps of a deployment in the books: each is one change, and each may be taken again after a kill -9.

What a start changes is kept beside it (`before_json`), so that a failure goes back to it in one change too.
"""

import json
from typing import Any

from hived.core import audit, budgets, lifecycle_news, proposals, rules
from hived.core.agent_views import publish, spec_of
from hived.core.agents import set_lifecycle
from hived.core.approval_rows import feed as feed_approval
from hived.core.deployments import SHORT_SHA, feed, to_deployment
from hived.core.messages import tell
from hived.core.rebuild import put_on, thinker
from hived.core.text import one_line
from hived.store import agents as agent_store
from hived.store import approvals as approval_store
from hived.store import deployments as store
from hived.store import lifecycle_log
from hived.store.database import SUPERVISOR, Connection, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.deployments import DeploymentStep
from hived.wire.names import HIVED
from hived.wire.times import from_text

MOST_REASON = 1000
FIRST_KINDS = ("spawn", "revive")
"""Nothing ran before: a failure parks the agent."""
_KEPT = ("engine", "role", "runtime", "spec_json", "commit_sha", "model", "model_set", "effort", "permission_mode",
         "session_id", "session_json", "wanted")  # fmt: skip


def begin_build(tx: Tx, row: Row) -> None:
    """Its build begins, or begins again."""
    if row["status"] == "queued":
        store.update_building(tx, row["id"])
        feed(tx, row["id"])
        publish(tx, row["agent_id"])


def made_commit(tx: Tx, deployment_id: str, commit: str) -> None:
    """The commit that a spawn or a rebuild is of: hived has made it."""
    store.update_commit(tx, deployment_id, commit)
    feed(tx, deployment_id)


def note_setup(tx: Tx, row: Row) -> None:
    """Say of an agent that has nothing to run yet what it waits for; not at each try while the machine keeps it from that."""
    agent = agent_store.select_agent(tx.connection, row["agent_id"])
    if (
        agent is not None
        and row["reason"] is None
        and agent["commit_sha"] is None
        and agent["lifecycle"] == "requested"
    ):
        set_lifecycle(tx, agent["id"], "requested", "its setup runs", pid=None)


def note_trouble(tx: Tx, row: Row, trouble: str | None) -> bool:
    """What keeps a deployment that is under way from going on, while it is tried again; None: nothing does any more. Whether
    that is news: it is fed then, and only then."""
    now = store.select_deployment(tx.connection, row["id"])
    if now is None or now["status"] not in store.OPEN or now["reason"] == trouble:
        return False
    store.update_reason(tx, row["id"], trouble)
    agent = agent_store.select_agent(tx.connection, row["agent_id"])
    waits = agent is not None and agent["commit_sha"] is None and agent["lifecycle"] == "requested"
    if agent is not None and waits and not gone(agent):
        cause = "its setup runs" if trouble is None else f"its config is not built yet: {trouble}"
        set_lifecycle(tx, agent["id"], "requested", cause, pid=None)
    feed(tx, row["id"])
    return True


def keep_log(tx: Tx, deployment_id: str, log: str) -> None:
    """What its setup printed."""
    store.update_log(tx, deployment_id, log)


def begin_start(tx: Tx, deployment_id: str, request: SpawnRequest, commit: str, model: str | None) -> bool:
    """Put the agent on that commit and ask for its start; False where there is nothing to start: it is stopped, and runs that
    when it is started (a rebuild starts it), or it is gone. `model`: the one that was asked for; None keeps the one that is set.

    Raises InvalidRequest, InvalidRule for limits or rules that cannot be put in force.
    """
    row = store.select_deployment(tx.connection, deployment_id)
    agent = None if row is None else agent_store.select_agent(tx.connection, row["agent_id"])
    if row is None or agent is None or gone(agent):
        return False
    actor = Actor(**json.loads(row["actor_json"]))
    before = {key: agent[key] for key in _KEPT}
    chosen = str(agent["model_set"])
    if request != spec_of(agent) or model not in (None, chosen):
        chosen = put_on(tx, agent, request, model, actor)
    runtime = request.runtime or agent["runtime"]
    store.update_agent_deployed(
        tx, agent["id"], engine=request.engine, role=request.role, runtime=runtime, spec_json=request.model_dump_json(),
        commit=commit,
    )  # fmt: skip
    store.update_starting(
        tx, row["id"], commit=commit, base=agent["commit_sha"], generation=agent["generation"], before_json=json.dumps(before), engine=request.engine,
        model=chosen, runtime=runtime,
    )  # fmt: skip
    if agent["wanted"] == "stopped" and row["kind"] != "rebuild":
        end_well(tx, row["id"], "it was stopped, and runs this when it is started.")
        return False
    if agent["commit_sha"] is not None or row["kind"] not in FIRST_KINDS:
        _restart(tx, agent, f"its config {commit[:SHORT_SHA]} is started ({row['kind']})")
    feed(tx, row["id"])
    publish(tx, agent["id"])
    tx.ring(SUPERVISOR, "look")
    return True


def look(tx: Tx, deployment_id: str) -> float | None:
    """Of one that is starting or checked: take the step that is due. In how many seconds it will have been watched long enough,
    if nothing happens: 0 where it has. None: nothing is due before something happens, or it has ended."""
    row = store.select_deployment(tx.connection, deployment_id)
    agent = None if row is None else agent_store.select_agent(tx.connection, row["agent_id"])
    if row is None or row["status"] not in ("starting", "checking"):
        return None
    if agent is None or gone(agent):
        end_badly(tx, deployment_id, "start", "it was destroyed meanwhile.")
        return None
    if agent["wanted"] == "stopped":
        end_well(tx, deployment_id, "it was stopped before it had been watched for long.")
        return None
    failed = _failure(tx.connection, row, agent)
    if failed is not None:
        end_badly(tx, deployment_id, "start" if row["status"] == "starting" else "health", failed)
        return None
    up = bool(agent["online"]) and agent["lifecycle"] in ("running", "paused")
    watched = row["generation"] if row["status"] == "checking" else None
    if watched is not None and agent["generation"] > watched and not up:
        store.update_starting_again(tx, deployment_id, watched)
        feed(tx, deployment_id)
        return None
    if up and (agent["generation"] > row["generation"] if watched is None else agent["generation"] != watched):
        store.update_checking(tx, deployment_id, agent["generation"])
        feed(tx, deployment_id)
        return tx.config.healthy_seconds
    if watched is None or not up:
        return None
    watched_for = (from_text(tx.now) - from_text(row["checked_from"])).total_seconds()
    return max(0.0, tx.config.healthy_seconds - watched_for)


def _failure(conn: Connection, row: Row, agent: Row) -> str | None:
    """Why what was started is no good; None while it may be yet."""
    outlived = row["generation"] if row["status"] == "starting" else row["generation"] - 1
    step = lifecycle_log.select_end_above(conn, agent["id"], outlived)
    if step is None or (row["kind"] in FIRST_KINDS and step["state"] != "parked"):
        return None
    if row["kind"] in FIRST_KINDS and agent["lifecycle"] != "parked":
        return None
    cause: str = step["cause"]
    return cause


def end_well(tx: Tx, deployment_id: str, remark: str | None = None, *, recorded: bool = False) -> None:
    """It runs, and has done so long enough: what a later failure goes back to. `recorded`: its tag and meta/ say so already."""
    row = store.select_deployment(tx.connection, deployment_id)
    if row is None or row["status"] not in ("starting", "checking"):
        return
    store.update_ended(tx, deployment_id, "deployed", reason=remark)
    if recorded:
        store.update_recorded(tx, deployment_id)
    store.update_agent_good(tx, row["agent_id"], row["commit_sha"])
    audit.append(tx, "deployment.deployed", Actor(who=HIVED), deployment_id, _named(row))
    agent = agent_store.select_agent(tx.connection, row["agent_id"])
    if row["approval_id"] is not None:
        proposals.deployed(tx, row["approval_id"])
    if agent is not None and not gone(agent):
        _tell_queen(tx, row, agent)
    feed(tx, deployment_id)
    publish(tx, row["agent_id"])


def end_badly(tx: Tx, deployment_id: str, step: DeploymentStep, reason: str) -> None:
    """It did not work: what ran before runs again, or an agent that never ran is parked; and who asked is told."""
    row = store.select_deployment(tx.connection, deployment_id)
    if row is None or row["status"] not in ("queued", "building", "starting", "checking"):
        return
    reason = one_line(reason, MOST_REASON)
    store.update_ended(tx, deployment_id, "failed", step=step, reason=reason)
    audit.append(
        tx, "deployment.failed", Actor(who=HIVED), deployment_id, {**_named(row), "step": step, "reason": reason}
    )
    agent = agent_store.select_agent(tx.connection, row["agent_id"])
    if agent is not None and row["kind"] in FIRST_KINDS:
        if not gone(agent):
            _park(tx, agent, f"its config could not be deployed ({step}): {reason}")
    elif agent is not None and row["status"] in ("starting", "checking"):
        _go_back(tx, row, agent)
    if row["approval_id"] is not None:
        _fail_approval(tx, row, step, reason)
    feed(tx, deployment_id)
    publish(tx, row["agent_id"])
    tx.ring(SUPERVISOR, "look")


def gone(agent: Row) -> bool:
    """It is to be buried, or is."""
    return bool(agent["bury_wanted"]) or agent["lifecycle"] == "buried" or agent["purge_json"] is not None


def _park(tx: Tx, agent: Row, cause: str) -> None:
    """It never ran: with nothing to run it is not started by itself; when it is wanted running anew, its config is built anew."""
    store.update_agent_commit(tx, agent["id"], None)
    if agent["lifecycle"] not in ("parked", "stopped"):
        set_lifecycle(tx, agent["id"], "parked", one_line(cause, 600), pid=None)


def _go_back(tx: Tx, row: Row, agent: Row) -> None:
    before: dict[str, Any] = json.loads(row["before_json"] or "{}")
    if not before or (before["commit_sha"], before["spec_json"]) == (agent["commit_sha"], agent["spec_json"]):
        return
    now, then = spec_of(agent), SpawnRequest.model_validate_json(before["spec_json"])
    if thinker(now) == thinker(then):  # its conversation went on meanwhile, and what was set for it holds
        before.update(session_id=agent["session_id"], session_json=agent["session_json"], **before.get("set", {}))
    store.update_agent_back(tx, agent["id"], before)
    agent_store.update_files_behind(tx, agent["id"], True)
    if now.limits != then.limits:
        budgets.take_from_spec(tx, agent["id"], then)
    if now.rules != then.rules:
        rules.take_from_spec(tx, agent["id"], then)
    if gone(agent):  # what it was is what may be revived
        return
    if before["commit_sha"] is None:
        _park(tx, agent, "it has no config that was ever deployed")
    elif before["wanted"] == "stopped":
        agent_store.update_wanted(tx, agent["id"], "stopped")
    elif agent["wanted"] == "running":
        _restart(tx, agent, f"the deployment failed; it goes back to config {before['commit_sha'][:SHORT_SHA]}")


def _restart(tx: Tx, agent: Row, cause: str) -> None:
    agent_store.update_restart_wanted(tx, agent["id"])
    if agent["lifecycle"] in ("stopped", "crashed", "parked"):
        set_lifecycle(tx, agent["id"], "requested", cause, pid=None)


def _fail_approval(tx: Tx, row: Row, step: DeploymentStep, reason: str) -> None:
    approval = approval_store.select_approval(tx.connection, row["approval_id"])
    if approval is None or approval["status"] != "approved":
        return
    if approval["kind"] == "apply_commit":
        proposals.deployment_failed(tx, approval["id"], step, reason)
        return
    approval_store.update_status(tx, approval["id"], "failed", one_line(f"{step}: {reason}", MOST_REASON))
    feed_approval(tx, approval["id"])
    words = f"The spawn of {row['agent']} was approved, but it did not start ({step}): {reason}"
    tell(tx, approval["requester_id"], words, about=approval["id"])


def _tell_queen(tx: Tx, row: Row, agent: Row) -> None:
    if row["kind"] == "spawn":
        lifecycle_news.tell(tx, agent, "started", agent["lifecycle_cause"])
        return
    what: lifecycle_news.News = {"rebuild": "rebuilt", "revive": "started"}.get(row["kind"], "deployed")  # type: ignore[assignment]
    who = Actor(**json.loads(row["actor_json"])).who
    lifecycle_news.tell(tx, agent, what, f"{row['kind']} of config {row['commit_sha'][:SHORT_SHA]}, asked for by {who}")


def _named(row: Row) -> dict[str, Any]:
    shown = to_deployment(row)
    return {"agent": shown.agent, "kind": shown.kind, "commit": shown.commit}
