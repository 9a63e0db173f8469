CREATE TABLE agents(
  id TEXT PRIMARY KEY,
  name TEXT NOT NULL UNIQUE,
  role TEXT NOT NULL,
  engine TEXT NOT NULL,
  model TEXT NOT NULL,
  runtime TEXT NOT NULL,
  parent TEXT,
  spec_json TEXT NOT NULL,
  created_at TEXT NOT NULL,
  wanted TEXT NOT NULL CHECK (wanted IN ('running', 'stopped')),
  restart_token INTEGER NOT NULL DEFAULT 0,      -- above started_token: a new generation is asked for
  started_token INTEGER NOT NULL DEFAULT 0,      -- the restart_token that the current generation answers
  lifecycle TEXT NOT NULL,
  lifecycle_since TEXT NOT NULL,
  lifecycle_cause TEXT NOT NULL,
  generation INTEGER NOT NULL DEFAULT 0,
  pid INTEGER,
  online INTEGER NOT NULL DEFAULT 0,
  ever_online INTEGER NOT NULL DEFAULT 0,
  turn_state TEXT NOT NULL DEFAULT 'unknown',
  turn_state_since TEXT NOT NULL,
  turn_id TEXT,
  turn_wake TEXT,
  conditions_json TEXT NOT NULL DEFAULT '[]',
  abilities_json TEXT NOT NULL DEFAULT '{}',
  ctx_json TEXT,
  cost_json TEXT,
  last_outcome TEXT,
  last_error TEXT,
  session_id TEXT,
  workspace TEXT,                                -- the folder it works in, once it has one
  journal_uuid TEXT                              -- the one in use; journals has the cursors
) STRICT;

CREATE TABLE journals(
  agent_id TEXT NOT NULL REFERENCES agents(id) ON DELETE CASCADE,
  journal_uuid TEXT NOT NULL,
  cursor INTEGER NOT NULL,
  last_event_at TEXT,
  PRIMARY KEY (agent_id, journal_uuid)
) STRICT, WITHOUT ROWID;

CREATE TABLE spend(
  agent_id TEXT NOT NULL REFERENCES agents(id) ON DELETE CASCADE,
  day TEXT NOT NULL,                             -- UTC, YYYY-MM-DD
  turns INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  usd REAL,                                      -- NULL until a turn gives a figure
  estimated INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (agent_id, day)
) STRICT, WITHOUT ROWID;

CREATE TABLE messages(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,         -- the order in which hived took them
  id TEXT NOT NULL UNIQUE,
  sender TEXT NOT NULL,
  sender_id TEXT,                                -- NULL for the operator and hived
  recipient TEXT NOT NULL,
  recipient_id TEXT,                             -- NULL for the operator
  body TEXT NOT NULL,
  reply_to TEXT,
  thread TEXT NOT NULL,
  sent_at TEXT NOT NULL,
  "when" TEXT NOT NULL,
  status TEXT NOT NULL,
  deliveries INTEGER NOT NULL DEFAULT 0,
  redelivered INTEGER NOT NULL DEFAULT 0,
  not_before TEXT,                               -- backing off until then
  lease_turn_id TEXT,
  lease_generation INTEGER,
  acked_at TEXT,
  reason TEXT
) STRICT;
CREATE INDEX messages_by_recipient ON messages(recipient_id, status);

CREATE TABLE approvals(
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL,
  status TEXT NOT NULL,
  requester TEXT NOT NULL,
  requester_id TEXT,
  spawn_name TEXT,                               -- spawn: the name asked for
  agent_id TEXT,                                 -- spawn: the agent that came of it
  generation INTEGER,                            -- tool_use: the asker's
  turn_id TEXT,
  turn_over INTEGER NOT NULL DEFAULT 0,          -- tool_use: the turn that asked has ended
  subject TEXT NOT NULL,
  payload_json TEXT NOT NULL,
  created_at TEXT NOT NULL,
  decided_at TEXT,
  decided_by_json TEXT,
  note TEXT,
  updated_input_json TEXT,
  failure TEXT
) STRICT;
CREATE INDEX approvals_by_status ON approvals(status);
CREATE INDEX approvals_by_turn ON approvals(requester_id, turn_id) WHERE kind = 'tool_use';

CREATE TABLE waiting(
  id TEXT NOT NULL,
  kind TEXT NOT NULL,
  agent TEXT,
  subject TEXT NOT NULL,
  since TEXT NOT NULL,
  blocks INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (id, kind)
) STRICT, WITHOUT ROWID;

CREATE TABLE feed(
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  ts TEXT NOT NULL,
  kind TEXT NOT NULL,
  payload_json TEXT NOT NULL
) STRICT;

CREATE TABLE audit(
  seq INTEGER PRIMARY KEY,
  ts TEXT NOT NULL,
  action TEXT NOT NULL,
  actor_json TEXT NOT NULL,
  subject TEXT NOT NULL,
  detail_json TEXT NOT NULL,
  previous_hash TEXT NOT NULL,
  hash TEXT NOT NULL UNIQUE
) STRICT;

CREATE TABLE idempotency(
  key TEXT NOT NULL,
  caller TEXT NOT NULL,                          -- 'operator' or an agent's id
  fingerprint TEXT NOT NULL,                     -- of method, path and body
  status INTEGER NOT NULL,
  answer TEXT NOT NULL,                          -- the body as it was answered
  created_at TEXT NOT NULL,
  PRIMARY KEY (key, caller)
) STRICT, WITHOUT ROWID;
CREATE INDEX idempotency_by_age ON idempotency(created_at);
