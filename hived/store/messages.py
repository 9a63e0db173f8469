"""Messages' rows. Order is `seq`: the order in which hived took them."""

import json
from collections.abc import Iterator, Sequence
from typing import Any

from hived.store.database import Connection, Row, Tx, insert_rows

_STATE = """id, seq, sender, sender_id, recipient, recipient_id, substr(body, 1, 200) AS body, sent_at, leased_at, acked_at,
  kind, about, status, deliveries, redelivered, lease_turn_id, reason, edited_by, pair_id"""
"""All that a change of state needs: of the body only how it begins."""
_BOOL = "json(CASE WHEN redelivered THEN 'true' ELSE 'false' END)"
_RECEIPT = f"""json_object('message_id', id, 'to', recipient, 'status', status, 'sent_at', sent_at, 'leased_at', leased_at,
  'acked_at', acked_at, 'deliveries', deliveries, 'redelivered', {_BOOL}, 'reason', reason, 'edited_by', edited_by,
  'pair_id', pair_id)"""
_MESSAGE = f"""json_object('id', id, 'sender', sender, 'recipient', recipient, 'body', body, 'reply_to', reply_to,
  'thread', thread, 'sent_at', sent_at, 'kind', kind, 'about', about, 'edited_by', edited_by, 'pair_id', pair_id,
  'when', "when", 'status', status, 'deliveries', deliveries, 'leased_at', leased_at, 'redelivered', {_BOOL},
  'acked_at', acked_at, 'reason', reason, 'cut', json('false'))"""
"""wire.messages.Receipt and Message, made where the rows are: in one step, without the interpreter's lock."""
_OPEN = "(status = 'queued' OR status = 'leased' OR status = 'held')"
"""As the index messages_by_recipient has it: where a query asks for several of these states, it says this besides."""


def insert_message(tx: Tx, values: dict[str, Any]) -> None:
    tx.execute(
        """INSERT INTO messages(id, sender, sender_id, recipient, recipient_id, body, reply_to, thread, sent_at, "when",
             kind, about, status, reason, pair_id, refused)
           VALUES (:id, :sender, :sender_id, :recipient, :recipient_id, :body, :reply_to, :thread, :sent_at, :when,
             :kind, :about, :status, :reason, :pair_id, :refused)""",
        values,
    )


def insert_plain(tx: Tx, sender: str, sender_id: str, found: Sequence[tuple[str, str, str, str]]) -> int:
    """Insert those (id, recipient, recipient's id, body) whose ids are new; how many."""
    before = tx.connection.total_changes
    insert_rows(
        tx.connection,
        """INSERT INTO messages(id, thread, recipient, recipient_id, body, sender, sender_id, sent_at, "when", kind, status)
           VALUES $ROWS ON CONFLICT(id) DO NOTHING""",
        "(?, ?, ?, ?, ?, ?, ?, ?, 'next_turn', 'message', 'queued')",
        [(message_id, message_id, *values, sender, sender_id, tx.now) for message_id, *values in found],
    )
    return tx.connection.total_changes - before


def select_message(connection: Connection, message_id: str) -> Row | None:
    row: Row | None = connection.execute("SELECT * FROM messages WHERE id = ?", (message_id,)).fetchone()
    return row


def select_messages_starting(connection: Connection, prefix: str) -> list[Row]:
    """At most two, the exact one alone where it is there: enough to tell none, one and several apart."""
    exact = select_message(connection, prefix)
    if exact is not None:
        return [exact]
    return connection.execute(
        "SELECT * FROM messages WHERE id >= ?1 AND id < ?1 || char(1114111) LIMIT 2", (prefix,)
    ).fetchall()


def select_messages(
    connection: Connection,
    *,
    agent: str | None = None,
    recipient: str | None = None,
    thread: str | None = None,
    status: str | None = None,
    to_operator: bool = False,
    before_seq: int | None = None,
) -> Iterator[Row]:
    """Those that fit all that is given, newest first, read as they are taken. `to_operator`: only those for him."""
    terms = {
        "(sender = :agent OR recipient = :agent)": agent,
        "recipient = :recipient": recipient,
        "(id = :thread OR (thread = :thread AND thread <> id))": thread,
        "status = :status": status,
        "seq < :before": before_seq,
    }
    chosen = [term for term, value in terms.items() if value is not None]
    if to_operator:
        chosen.append("recipient_id IS NULL")
    where = f"WHERE {' AND '.join(chosen)}" if chosen else ""
    return connection.execute(
        f"SELECT * FROM messages {where} ORDER BY seq DESC",  # noqa: S608 (fixed terms alone)
        {"agent": agent, "recipient": recipient, "thread": thread, "status": status, "before": before_seq},
    )


def select_states(connection: Connection, message_ids: Sequence[str]) -> list[Row]:
    """What has become of those messages, oldest first; of the body only how it begins."""
    return connection.execute(
        f"SELECT {_STATE} FROM messages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq",  # noqa: S608
        (json.dumps(message_ids),),
    ).fetchall()


def select_receipts(connection: Connection, message_ids: Sequence[str]) -> str:
    """What has become of those messages, oldest first, as a JSON list of wire.messages.Receipt."""
    row = connection.execute(
        f"""SELECT json_group_array({_RECEIPT})
            FROM (SELECT * FROM messages WHERE id IN (SELECT value FROM json_each(?)) ORDER BY seq)""",  # noqa: S608
        (json.dumps(message_ids),),
    ).fetchone()
    return str(row[0])


def select_receipts_at(connection: Connection, seqs: Sequence[int]) -> str:
    """As `select_receipts`, by `seq`s."""
    return _select_at(connection, _RECEIPT, seqs)


def select_messages_at(connection: Connection, seqs: Sequence[int]) -> str:
    """The messages with those `seq`s, oldest first, as a JSON list of wire.messages.Message."""
    return _select_at(connection, _MESSAGE, seqs)


def _select_at(connection: Connection, what: str, seqs: Sequence[int]) -> str:
    row = connection.execute(
        f"""SELECT json_group_array({what})
            FROM (SELECT * FROM messages WHERE seq IN (SELECT value FROM json_each(?)) ORDER BY seq)""",  # noqa: S608
        (json.dumps(seqs),),
    ).fetchone()
    return str(row[0])


def select_sent(connection: Connection, sender_id: str, *, limit: int, before_seq: int | None) -> list[Row]:
    """What has become of what an agent sent, newest first; of the body only how it begins."""
    return connection.execute(
        f"""SELECT {_STATE} FROM messages WHERE sender_id = :sender AND (:before IS NULL OR seq < :before)
            ORDER BY seq DESC LIMIT :limit""",  # noqa: S608
        {"sender": sender_id, "before": before_seq, "limit": limit},
    ).fetchall()


def select_due(connection: Connection, agent_id: str, now: str, *, only_now: bool, limit: int) -> list[int]:
    """The `seq`s of what waits for the agent and is not backing off, oldest first."""
    row = connection.execute(
        """SELECT json_group_array(seq) FROM (SELECT seq FROM messages WHERE recipient_id = :agent AND status = 'queued'
             AND (not_before IS NULL OR not_before <= :now) AND (NOT :only_now OR "when" = 'now')
           ORDER BY seq LIMIT :limit)""",
        {"agent": agent_id, "now": now, "only_now": only_now, "limit": limit},
    ).fetchone()
    found: list[int] = json.loads(row[0])
    return found


def select_queued(connection: Connection, agent_id: str, limit: int) -> list[Row]:
    """All that waits for the agent, backing off or not, oldest first."""
    return connection.execute(
        "SELECT * FROM messages WHERE recipient_id = ? AND status = 'queued' ORDER BY seq LIMIT ?", (agent_id, limit)
    ).fetchall()


def select_queue_figures(connection: Connection, agent_id: str, now: str) -> tuple[int, str | None]:
    """(how many are queued, when the next one that backs off comes due)."""
    row = connection.execute(
        """SELECT count(*), min(CASE WHEN not_before > :now THEN not_before END) FROM messages
           WHERE recipient_id = :agent AND status = 'queued'""",
        {"agent": agent_id, "now": now},
    ).fetchone()
    return int(row[0]), row[1]


def count_for(connection: Connection, recipient_id: str, *, most: int) -> int:
    """How many wait for the agent or are held for it, counted no further than `most`."""
    row = connection.execute(
        f"""SELECT count(*) FROM (SELECT 1 FROM messages WHERE recipient_id = ? AND status IN ('queued', 'held')
             AND {_OPEN} LIMIT ?)""",  # noqa: S608
        (recipient_id, most),
    ).fetchone()
    return int(row[0])


def count_from_for(connection: Connection, sender_id: str, recipient_id: str, *, most: int) -> int:
    """How many of one agent wait for another or are held for it, counted no further than `most`."""
    row = connection.execute(
        f"""SELECT count(*) FROM (SELECT 1 FROM messages WHERE recipient_id = ? AND status IN ('queued', 'held')
             AND {_OPEN} AND +sender_id = ? LIMIT ?)""",  # noqa: S608
        (recipient_id, sender_id, most),
    ).fetchone()
    return int(row[0])


def count_unread_by_operator(connection: Connection, sender_id: str | None, *, most: int) -> int:
    """How many messages of that agent (None: of all) he has not read, counted no further than `most`."""
    row = connection.execute(
        """SELECT count(*) FROM (SELECT 1 FROM messages WHERE recipient_id IS NULL AND status = 'queued'
             AND (?1 IS NULL OR +sender_id = ?1) LIMIT ?2)""",
        (sender_id, most),
    ).fetchone()
    return int(row[0])


def count_between(connection: Connection, sender_id: str, recipient_id: str, *, since: str, most: int) -> int:
    """How many one agent has sent another after that time, counted no further than `most`; refused ones are none."""
    row = connection.execute(
        """SELECT count(*) FROM (SELECT 1 FROM messages WHERE sender_id = ? AND recipient_id = ? AND sent_at > ?
             AND refused IS NULL LIMIT ?)""",
        (sender_id, recipient_id, since, most),
    ).fetchone()
    return int(row[0])


def select_leased(connection: Connection, agent_id: str) -> list[Row]:
    """The agent's leases of whatever turn, oldest first."""
    return connection.execute(
        "SELECT * FROM messages WHERE recipient_id = ? AND status = 'leased' ORDER BY seq", (agent_id,)
    ).fetchall()


def select_leases(connection: Connection, agent_id: str, turn_id: str) -> list[Row]:
    """The states of the agent's leases of that turn."""
    return connection.execute(
        f"""SELECT {_STATE} FROM messages WHERE recipient_id = ? AND status = 'leased' AND lease_turn_id = ?
            ORDER BY seq""",  # noqa: S608
        (agent_id, turn_id),
    ).fetchall()


def select_leased_before(connection: Connection, agent_id: str, generation: int) -> list[Row]:
    """The states of the agent's leases of generations below that."""
    return connection.execute(
        f"""SELECT {_STATE} FROM messages WHERE recipient_id = ? AND status = 'leased' AND lease_generation < ?
            ORDER BY seq""",  # noqa: S608
        (agent_id, generation),
    ).fetchall()


def select_leased_plainly(connection: Connection, agent_id: str, turn_id: str, message_ids: Sequence[str]) -> list[int]:
    """The `seq`s of those of the messages, reminders left out, that are leased to that turn of the agent."""
    row = connection.execute(
        """SELECT json_group_array(seq) FROM messages WHERE recipient_id = ? AND status = 'leased' AND lease_turn_id = ?
             AND kind <> 'reminder' AND id IN (SELECT value FROM json_each(?))""",
        (agent_id, turn_id, json.dumps(message_ids)),
    ).fetchone()
    found: list[int] = json.loads(row[0])
    return found


def select_received(connection: Connection, agent_id: str, message_ids: Sequence[str]) -> list[Row]:
    """The states of those of the messages that were sent to the agent, oldest first."""
    return connection.execute(
        f"""SELECT {_STATE} FROM messages WHERE id IN (SELECT value FROM json_each(?)) AND +recipient_id = ?
            ORDER BY seq""",  # noqa: S608
        (json.dumps(message_ids), agent_id),
    ).fetchall()


def select_open_for(connection: Connection, agent_id: str) -> list[Row]:
    """The states of all that is not settled for the agent, oldest first."""
    return connection.execute(
        f"""SELECT {_STATE} FROM messages WHERE recipient_id = ? AND {_OPEN} ORDER BY seq""",  # noqa: S608
        (agent_id,),
    ).fetchall()


def select_held_by_pair(connection: Connection, pair_id: str) -> list[Row]:
    """The states of what a pair holds, oldest first."""
    return connection.execute(
        f"SELECT {_STATE} FROM messages WHERE pair_id = ? AND status = 'held' ORDER BY seq",  # noqa: S608
        (pair_id,),
    ).fetchall()


def select_held_for(connection: Connection, agent_id: str, outcome: str) -> list[str]:
    """The ids of the agent's messages that are held because of a turn of that outcome, oldest first."""
    rows = connection.execute(
        "SELECT id FROM messages WHERE recipient_id = ? AND status = 'held' AND held_outcome = ? ORDER BY seq",
        (agent_id, outcome),
    )
    return [row["id"] for row in rows]


def update_leased(tx: Tx, seqs: Sequence[int], turn_id: str, generation: int) -> None:
    """Lease them to the turn."""
    tx.execute(
        """UPDATE messages SET status = 'leased', deliveries = deliveries + 1, not_before = NULL, lease_turn_id = ?,
             lease_generation = ?, leased_at = ? WHERE seq IN (SELECT value FROM json_each(?))""",
        (turn_id, generation, tx.now, json.dumps(seqs)),
    )


def update_queued(
    tx: Tx, message_id: str, *, redelivered: bool, not_before: str | None = None, uncount: bool = False
) -> None:
    """Back into the queue. `redelivered` marks it (a mark once made stays); `uncount` takes the lease's delivery back."""
    tx.execute(
        """UPDATE messages SET status = 'queued', lease_turn_id = NULL, lease_generation = NULL,
             redelivered = max(redelivered, :redelivered), not_before = :not_before,
             deliveries = max(0, deliveries - :uncount) WHERE id = :id""",
        {"redelivered": int(redelivered), "not_before": not_before, "uncount": int(uncount), "id": message_id},
    )


def update_held(tx: Tx, message_id: str, reason: str, outcome: str | None) -> None:
    """`outcome`: of the turn that it is held for, if it was one."""
    tx.execute(
        """UPDATE messages SET status = 'held', reason = ?, held_outcome = ?, lease_turn_id = NULL,
             lease_generation = NULL, not_before = NULL WHERE id = ?""",
        (reason, outcome, message_id),
    )


def update_queued_anew(tx: Tx, message_id: str) -> None:
    """A held message back into the queue, its deliveries counted from nothing; one that was ever leased stays marked so."""
    tx.execute(
        """UPDATE messages SET status = 'queued', reason = NULL, held_outcome = NULL, deliveries = 0, pair_id = NULL,
             redelivered = max(redelivered, leased_at IS NOT NULL OR deliveries > 0), not_before = NULL WHERE id = ?""",
        (message_id,),
    )


def update_words(tx: Tx, message_id: str, body: str, edited_by: str) -> None:
    tx.execute("UPDATE messages SET body = ?, edited_by = ? WHERE id = ?", (body, edited_by, message_id))


def update_undeliverable(tx: Tx, message_id: str, reason: str) -> None:
    tx.execute(
        """UPDATE messages SET status = 'undeliverable', reason = ?, lease_turn_id = NULL, lease_generation = NULL,
             not_before = NULL WHERE id = ?""",
        (reason, message_id),
    )


_ACK = """UPDATE messages SET status = 'acked', acked_at = ?, reason = NULL, lease_turn_id = NULL, lease_generation = NULL,
  not_before = NULL"""


def update_acked(tx: Tx, message_ids: Sequence[str]) -> None:
    tx.execute(f"{_ACK} WHERE id IN (SELECT value FROM json_each(?))", (tx.now, json.dumps(message_ids)))  # noqa: S608


def update_acked_at(tx: Tx, seqs: Sequence[int]) -> None:
    tx.execute(f"{_ACK} WHERE seq IN (SELECT value FROM json_each(?))", (tx.now, json.dumps(seqs)))  # noqa: S608
