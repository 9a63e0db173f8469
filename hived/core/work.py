"""An agent's work: what it has changed in its clone, as somebody has just looked, and the record of what was brought home."""

import json

from hived.core import audit
from hived.core.agent_views import publish
from hived.core.text import one_line
from hived.core.tombstone_views import feed as feed_tombstone
from hived.store import work as store
from hived.store.database import Connection, Row, Tx
from hived.wire.approvals import Actor
from hived.wire.errors import AgentNotFound
from hived.wire.names import checked_name
from hived.wire.work import WorkCommit, WorkFetched, WorkState

PROBLEM_CHARACTERS = 400


def find_worker(conn: Connection, name: str) -> Row:
    """The agent's row, buried or not. Raises InvalidName, AgentNotFound."""
    row = store.select_named(conn, checked_name(name))
    if row is None:
        raise AgentNotFound(name=name)
    return row


def repo_of(row: Row) -> str | None:
    """The repository that its clone goes out from."""
    found: str | None = json.loads(row["spec_json"]).get("repo")
    return found


def never_looked(conn: Connection) -> list[Row]:
    """Agents with a repository that nobody has looked at yet, oldest first."""
    return store.select_never_looked(conn)


def take(tx: Tx, agent_id: str, found: WorkState) -> bool:
    """Keep what was found and show it; nothing is done where it is what is known already. Whether it was new."""
    row = store.select_one(tx.connection, agent_id)
    if row is None or repo_of(row) is None:
        return False
    state = shown(found)
    known = None if row["work_json"] is None else WorkState.model_validate_json(row["work_json"])
    if known is not None and known.model_copy(update={"looked_at": state.looked_at}) == state:
        return False
    store.update_work(tx, agent_id, state.model_dump_json())
    if row["lifecycle"] == "buried":
        feed_tombstone(tx, agent_id)
    else:
        publish(tx, agent_id)
    return True


def record_fetch(tx: Tx, agent_id: str, fetched: WorkFetched, actor: Actor) -> WorkFetched:
    """Its commits have been brought home: that goes into the audit, and what is left of them is shown."""
    take(tx, agent_id, fetched.state)
    detail = {
        "name": fetched.agent,
        "repo": fetched.repo,
        "branch": fetched.branch,
        "commit": fetched.commit,
        "before": fetched.before,
    }
    audit.append(tx, "work.fetched", actor, agent_id, detail)
    return fetched


def shown(state: WorkState) -> WorkState:
    """With an agent's own words made fit for one line each."""
    return state.model_copy(
        update={
            "branch": None if state.branch is None else one_line(state.branch),
            "problem": one_line(state.problem, PROBLEM_CHARACTERS),
        }
    )


def shown_commit(commit: WorkCommit) -> WorkCommit:
    return commit.model_copy(update={"subject": one_line(commit.subject), "author": one_line(commit.author, 100)})
