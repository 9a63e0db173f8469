"""An agent's conversation as its harness reports it; one that its engine refuses waits for the operator's choice."""

import json

from hived.core import heard, waiting
from hived.core.agent_views import find_connected
from hived.core.audit import append
from hived.core.text import checked_time, one_line
from hived.store import agents as store
from hived.store.database import Row, Tx
from hived.wire.agents import AgentSession
from hived.wire.approvals import Actor

MOST_ID_CHARACTERS = 500
MOST_DETAIL_CHARACTERS = 500


def ask_new_session(tx: Tx, name: str, primer: bool, actor: Actor) -> Row:
    """Let the agent's next turn begin a new conversation; the agent's row. `heard.session_armed` says that it will.

    Raises InvalidName, AgentNotFound, AgentNotConnected.
    """
    row = find_connected(tx.connection, name)
    append(
        tx,
        "agent.session_asked",
        actor,
        row["id"],
        {"name": name, "primer": primer},
        seen=json.loads(row["session_json"]),
    )
    tx.ring(row["id"], "new_session", {"primer": primer})
    return row


def set_session(tx: Tx, agent: Row, session: AgentSession) -> None:
    """Take what the harness says of it. The caller publishes the agent."""
    before = AgentSession(**json.loads(agent["session_json"]))
    known = AgentSession(
        state=session.state,
        id=None if session.id is None else one_line(session.id, MOST_ID_CHARACTERS) or None,
        primer=session.primer,
        since=checked_time(session.since) or tx.now,
        detail=one_line(session.detail, MOST_DETAIL_CHARACTERS),
    )
    store.update_session(tx, agent["id"], session_id=known.id, session_json=known.model_dump_json())
    if before.state == "armed" and known.state in ("none", "kept"):
        store.clear_ctx(tx, agent["id"])  # the figure is of the conversation before it
    if known.state == "refused":
        subject = f"{agent['name']} cannot go on with its conversation: {known.detail}".removesuffix(": ")
        waiting.open_item(tx, agent["id"], "resume_choice", agent=agent["name"], subject=subject, since=known.since)
    else:
        waiting.close_item(tx, agent["id"], "resume_choice")
    if known.state == "armed":
        heard.say(tx, heard.session_armed(agent["id"]), primer=bool(known.primer))
