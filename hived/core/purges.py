"""Purges: a tombstone goes for good. Wanted gone → looked at once more → its folders removed → its row, in one change.

Up to the look it may be refused; from then on (`sure`) it only goes on, through any number of restarts. Decisions keep their
rows without what was asked, deployments and the audit stay, and whoever has its name next inherits nothing.
"""

from hived.core import audit, budgets, delivery, heard, rules, waiting
from hived.core.approval_rows import feed as feed_approval
from hived.core.messages import tell
from hived.core.tombstone_views import feed, find_tombstone, row_of, to_tombstone
from hived.store import idempotency
from hived.store import tombstones as store
from hived.store.database import SUPERVISOR, Connection, Row, Tx
from hived.wire.agents import SpawnRequest
from hived.wire.approvals import Actor
from hived.wire.base import Answer
from hived.wire.lifecycle_errors import BeingRevived
from hived.wire.names import HIVED
from hived.wire.tombstones import Purged, Tombstone
from hived.wire.work import WorkState


class KeptCall(Answer):
    """The call that asked for something which may outlive its connection: its answer is kept in the change that does it."""

    key: str
    caller: str
    fingerprint: str

    def keep(self, tx: Tx, answer: Answer) -> None:
        idempotency.insert_answer(tx, self.key, self.caller, self.fingerprint, 200, answer.model_dump_json())


class Wish(Answer):
    """`purge_json`: who wants it gone, and how far that is."""

    by: Actor
    asked_at: str
    discard_work: bool = False
    sure: bool = False
    """It has been looked at, and nothing stops it: its folders are being removed."""
    bytes: int = 0
    bundle: str | None = None
    bundle_until: str | None = None
    problem: str = ""
    call: KeptCall | None = None


def want_purge(tx: Tx, name: str, discard_work: bool, actor: Actor, call: KeptCall | None = None) -> str:
    """Say that it is to go; its id. Again: it is tried again. Raises InvalidName, TombstoneNotFound, StillAlive, BeingRevived."""
    row = find_tombstone(tx.connection, name)
    if row["reviving"] is not None:
        raise BeingRevived(name=name, approval=row["reviving"])
    begin(tx, row["id"], discard_work=discard_work, actor=actor, call=call)
    agent_id: str = row["id"]
    return agent_id


def begin(tx: Tx, agent_id: str, *, discard_work: bool, actor: Actor, call: KeptCall | None = None) -> None:
    """The same of a row that is buried in this very change."""
    row = row_of(tx.connection, agent_id)
    known = wish_of(row)
    if known is None:
        detail = {"name": row["name"], "discard_work": discard_work}
        audit.append(tx, "agent.purge_asked", actor, agent_id, detail, seen=row["buried_json"])
        known = Wish(by=actor, asked_at=tx.now)
    asked = {
        "asked_at": tx.now,
        "discard_work": discard_work or known.discard_work,
        "problem": "",
        "call": call or known.call,
    }
    _keep(tx, agent_id, known.model_copy(update=asked))
    tx.ring(SUPERVISOR, "look")


def wish_of(row: Row) -> Wish | None:
    return None if row["purge_json"] is None else Wish.model_validate_json(row["purge_json"])


def under_way(conn: Connection) -> list[tuple[Tombstone, Wish]]:
    """Every purge that is to be done, oldest first."""
    found = ((to_tombstone(row), wish_of(row)) for row in store.select_purges(conn))
    return [(tombstone, wish) for tombstone, wish in found if wish is not None]


def make_sure(tx: Tx, agent_id: str, *, size: int, bundle: str | None, bundle_until: str | None) -> Wish | None:
    """Nothing stops it: from here on it only goes on. None where it is not wanted any more."""
    wish = _current(tx, agent_id)
    if wish is None:
        return None
    wish = wish.model_copy(update={"sure": True, "bytes": size, "bundle": bundle, "bundle_until": bundle_until})
    _keep(tx, agent_id, wish)
    return wish


def refuse(tx: Tx, agent_id: str, what: str) -> None:
    """It has work that is nowhere else (`what`), and nobody said to discard it: it stays a tombstone."""
    wish = _current(tx, agent_id)
    if wish is None or wish.sure:
        return
    store.update_purge(tx, agent_id, None)
    audit.append(tx, "agent.purge_refused", Actor(who=HIVED), agent_id, {"work": what})
    feed(tx, agent_id)
    heard.say(tx, heard.purge_over(agent_id), refused=what)


def stick(tx: Tx, agent_id: str, problem: str) -> None:
    """It cannot go on for now; what is left of it is kept."""
    wish = _current(tx, agent_id)
    if wish is None:
        return
    _keep(tx, agent_id, wish.model_copy(update={"problem": problem}))
    heard.say(tx, heard.purge_over(agent_id), stuck=problem)


def finish(tx: Tx, agent_id: str) -> None:
    """Its folders are gone: so is its row, and all that was its own. Again: nothing happens."""
    row = store.select_one(tx.connection, agent_id)
    wish = None if row is None else wish_of(row)
    if row is None or wish is None or not wish.sure:
        return
    name = row["name"]
    delivery.give_up_mail(tx, agent_id, name)
    for rule_id in store.select_rules(tx.connection, agent_id):
        rules.revoke(tx, rule_id, Actor(who=HIVED))
    emptied = store.empty_decisions(tx, agent_id)
    store.release_children(tx, name)
    _release_asked(tx, name)
    store.delete_agent(tx, agent_id)
    budgets.agent_gone(tx, agent_id)
    detail = {"name": name, "bytes": wish.bytes, "bundle": wish.bundle, "emptied_decisions": emptied}
    audit.append(tx, "agent.purged", wish.by, agent_id, detail)
    tx.feed("tombstone_removed", {"id": agent_id, "name": name})
    purged = Purged(name=name, id=agent_id, bytes=wish.bytes, bundle=wish.bundle, bundle_until=wish.bundle_until)
    if wish.call is not None:
        wish.call.keep(tx, purged)
    heard.say(tx, heard.purge_over(agent_id), purged=purged.model_dump())
    tx.ring(SUPERVISOR, "look")


def lost_words(work: WorkState | None, files: int | None) -> str:
    """What would be lost with it, in one phrase; empty where nothing would. `files`: how many are in a workspace that has no
    repository, None where it has one. Nobody has looked, or nobody could tell: then there is work."""
    if work is None:
        return "nobody could look at its workspace"
    said = [words for words in (work.words,) if words]
    if files:
        said.append(f"{files} file{'' if files == 1 else 's'} in a workspace without a repository")
    return " and ".join(said)


def _release_asked(tx: Tx, name: str) -> None:
    """Whoever has its name next is not the parent of what was asked for under it: a spawn fails, a tombstone comes back as the
    operator's."""
    for ask in store.select_spawns_below(tx.connection, name):
        request = SpawnRequest.model_validate_json(ask["payload_json"])
        if request.revive is not None:
            store.update_without_parent(tx, ask["id"])
        else:
            reason = (
                f"{name}, which was to be its parent, was purged; ask for it anew, under another one or under none."
            )
            store.update_failed(tx, ask["id"], reason)
            waiting.close_item(tx, ask["id"], "spawn")
            tell(tx, ask["requester_id"], f"Your request to spawn {request.name} has failed: {reason}", about=ask["id"])
        feed_approval(tx, ask["id"])


def _current(tx: Tx, agent_id: str) -> Wish | None:
    row = store.select_one(tx.connection, agent_id)
    return None if row is None or row["lifecycle"] != "buried" else wish_of(row)


def _keep(tx: Tx, agent_id: str, wish: Wish) -> None:
    store.update_purge(tx, agent_id, wish.model_dump_json())
    feed(tx, agent_id)
