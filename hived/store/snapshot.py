"""What is open, as the JSON that clients get: written by SQLite itself, since there may be tens of thousands of it.

Each row is one wire model as its module in core would give it. `most` is how many characters of one are given; a longer one is
`cut`. A payload that is no JSON in SQLite's eyes (NaN, or nested beyond reason) is cut too, and can be fetched alone.
"""

from hived.store.database import Connection

_APPROVALS = """SELECT json_object('id', id, 'kind', kind, 'status', status, 'requester', requester, 'subject', subject,
    'payload', json(iif(whole, payload_json, '{}')), 'created_at', created_at, 'decided_at', NULL, 'decided_by', NULL,
    'note', NULL, 'updated_input', NULL, 'rule', NULL, 'grant', NULL, 'grant_state', NULL, 'remembered', NULL,
    'failure', NULL, 'cut', json(iif(whole, 'false', 'true')))
  FROM (SELECT *, length(payload_json) <= ? AND json_valid(payload_json) AS whole FROM approvals
    WHERE status IN ('pending', 'orphaned'))
  ORDER BY created_at, id"""
_QUESTIONS = """SELECT json_object('id', id, 'kind', kind, 'asker', asker, 'recipient', recipient,
    'with_operator', json(iif(with_operator, 'true', 'false')), 'text', iif(whole, text, substr(text, 1, ?2)),
    'options', json(iif(whole, options_json, '[]')), 'multi', json(iif(multi, 'true', 'false')), 'status', status,
    'created_at', created_at, 'deadline', deadline, 'goes_up_at', goes_up_at, 'thread', thread, 'answered_at', NULL,
    'answered_by', NULL, 'answer_text', NULL, 'answer_options', NULL, 'closed_at', closed_at, 'reason', reason,
    'cut', json(iif(whole, 'false', 'true')))
  FROM (SELECT *, length(text) + length(options_json) <= ?1 AS whole FROM questions WHERE status = 'pending')
  ORDER BY created_at, id"""
_HELD = """SELECT json_object('id', id, 'sender', sender, 'recipient', recipient,
    'body', iif(whole, body, substr(body, 1, ?2)), 'reply_to', reply_to, 'thread', thread, 'sent_at', sent_at,
    'kind', kind, 'about', about, 'edited_by', edited_by, 'pair_id', pair_id, 'when', "when", 'status', status,
    'deliveries', deliveries, 'leased_at', leased_at, 'redelivered', json(iif(redelivered, 'true', 'false')),
    'acked_at', acked_at, 'reason', reason, 'cut', json(iif(whole, 'false', 'true')))
  FROM (SELECT *, length(body) <= ?1 AS whole FROM messages
    WHERE status = 'held' AND seq < coalesce((SELECT o.seq FROM messages o WHERE o.id = ?3), 1 << 62))
  ORDER BY seq"""
_WAITING = """SELECT json_object('id', id, 'kind', kind, 'agent', agent, 'subject', subject, 'since', since,
    'blocks', json(iif(blocks, 'true', 'false'))) FROM waiting ORDER BY blocks DESC, since, id, kind"""
_COUNTS = {
    "approvals": "SELECT count(*) FROM approvals WHERE status IN ('pending', 'orphaned')",
    "questions": "SELECT count(*) FROM questions WHERE status = 'pending'",
    "messages": "SELECT count(*) FROM messages WHERE status = 'held'",
}


def select_count(connection: Connection, table: str) -> int:
    """How many are open in `approvals`, `questions` or `messages`: an index says it, whatever they hold."""
    return int(connection.execute(_COUNTS[table]).fetchone()[0])


def select_approvals(connection: Connection, most: int) -> list[str]:
    """Those that can still be decided, oldest first; of one that is cut the payload is empty."""
    return _texts(connection, _APPROVALS, most)


def select_questions(connection: Connection, most: int, begins: int) -> list[str]:
    """Pending ones, oldest first; of one that is cut there is the text's beginning, and no option."""
    return _texts(connection, _QUESTIONS, most, begins)


def select_held(connection: Connection, most: int, begins: int, before: str | None) -> list[str]:
    """Held messages older than the message `before`, oldest first; of one that is cut there is the body's beginning."""
    return _texts(connection, _HELD, most, begins, before)


def select_waiting(connection: Connection) -> list[str]:
    """The one list, in its order."""
    return _texts(connection, _WAITING)


def _texts(connection: Connection, statement: str, *parameters: int | str | None) -> list[str]:
    return [row[0] for row in connection.execute(statement, parameters)]
