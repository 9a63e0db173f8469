"""An agent's lifecycle, and all that follows in the books when it moves. Only the supervision moves it, and what is asked of
an agent that has no process."""

from hived.core import approvals, budgets, conditions, lifecycle_news, logins, questions, waiting
from hived.core.agent_views import publish
from hived.store import agents as store
from hived.store import lifecycle_log
from hived.store.database import Tx
from hived.wire.agents import LifecycleState
from hived.wire.errors import AgentNotFound

NOT_AT_WORK = ("stopped", "crashed", "parked", "buried")
ENDED = ("stopped", "parked", "buried")
"""Nothing of it runs, and nothing will by itself: a pause or a kill that was wanted has nothing more to act on."""


def set_lifecycle(tx: Tx, agent_id: str, state: LifecycleState, cause: str, *, pid: int | None) -> None:
    """Move the agent to `state`, with one sentence why. `parked` waits for the operator until it is left again.

    Raises AgentNotFound.
    """
    row = store.select_agent(tx.connection, agent_id)
    if row is None:
        raise AgentNotFound(name=agent_id)
    store.update_lifecycle(tx, agent_id, state, cause, pid)
    lifecycle_log.insert_step(tx, agent_id, state=state, cause=cause, generation=row["generation"], pid=pid)
    lifecycle_news.tell_step(tx, row, state, cause)
    if state in ENDED:
        store.update_paused(tx, agent_id, False, None)
        store.update_kill_wanted(tx, agent_id, False)
        conditions.at_rest(tx, agent_id)
    if state in NOT_AT_WORK:
        logins.fail_unfinished(tx, row, "The harness ended in the middle of the login.")
    if state == "parked":
        waiting.open_item(tx, agent_id, "parked", agent=row["name"], subject=f"{row['name']} is parked: {cause}")
        if not row["ever_online"]:
            approvals.fail_spawn_of(tx, agent_id, cause)
    else:
        waiting.close_item(tx, agent_id, "parked")
    if state in NOT_AT_WORK:
        budgets.look_again(tx)  # a turn of it that was under way counts no more until it is known how it ended
    if state in ("parked", "buried") or (state == "stopped" and row["wanted"] == "stopped"):
        questions.recipient_away(tx, agent_id, row["name"], state)
    publish(tx, agent_id)
