-- Messages: what they are, what they are about, who changed them; the pair that holds them.
ALTER TABLE messages ADD COLUMN kind TEXT NOT NULL DEFAULT 'message';   -- wire.messages.MessageKind
ALTER TABLE messages ADD COLUMN about TEXT;                     -- the question, reminder or approval that it carries
ALTER TABLE messages ADD COLUMN edited_by TEXT;                 -- who changed its words while it was held
ALTER TABLE messages ADD COLUMN pair_id TEXT;                   -- held: by this pair, and shown as one with it
ALTER TABLE messages ADD COLUMN leased_at TEXT;                 -- when it was last given to a turn
ALTER TABLE messages ADD COLUMN refused TEXT;                   -- undeliverable from the start: the code of the refusal
DROP INDEX messages_by_recipient;                    -- of what is open alone: most are settled, and nobody asks for them so
CREATE INDEX messages_by_recipient ON messages(recipient_id, status)
  WHERE status = 'queued' OR status = 'leased' OR status = 'held';
CREATE INDEX messages_by_thread ON messages(thread) WHERE thread <> id;   -- what began a thread is found by its id
CREATE INDEX messages_about ON messages(about) WHERE about IS NOT NULL;
CREATE INDEX messages_by_sender ON messages(sender_id, seq);
CREATE INDEX messages_between ON messages(sender_id, recipient_id, sent_at) WHERE sender_id IS NOT NULL;
CREATE INDEX messages_held ON messages(seq) WHERE status = 'held';
CREATE INDEX messages_held_by_pair ON messages(pair_id) WHERE pair_id IS NOT NULL;
CREATE INDEX messages_to_operator ON messages(status, seq) WHERE recipient_id IS NULL;

-- Two agents who only answer each other (the damper).
CREATE TABLE pairs(
  id TEXT PRIMARY KEY,
  first_id TEXT NOT NULL,                        -- the smaller of the two agents' ids
  second_id TEXT NOT NULL,
  first TEXT NOT NULL,                           -- their names
  second TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('held', 'released', 'dropped')),
  since TEXT NOT NULL,
  exchanged INTEGER NOT NULL,                    -- how many messages in how many seconds held it
  window_seconds REAL NOT NULL,
  decided_at TEXT,
  decided_by_json TEXT
) STRICT;
CREATE UNIQUE INDEX pairs_held ON pairs(first_id, second_id) WHERE status = 'held';

CREATE TABLE questions(
  id TEXT PRIMARY KEY,
  kind TEXT NOT NULL CHECK (kind IN ('question', 'escalation')),
  asker TEXT NOT NULL,
  asker_id TEXT,
  recipient TEXT NOT NULL,                       -- whom it was asked of first
  recipient_id TEXT,                             -- NULL: the operator
  with_operator INTEGER NOT NULL DEFAULT 0,      -- it is the operator's to answer (too), and waits
  text TEXT NOT NULL,
  options_json TEXT NOT NULL DEFAULT '[]',
  multi INTEGER NOT NULL DEFAULT 0,
  status TEXT NOT NULL CHECK (status IN ('pending', 'answered', 'expired', 'cancelled')),
  created_at TEXT NOT NULL,
  deadline TEXT,
  goes_up_at TEXT,                               -- escalation: to the operator then, if nobody has answered
  thread TEXT NOT NULL,
  answered_at TEXT,
  answered_by_json TEXT,
  answer_text TEXT,
  answer_options_json TEXT,                      -- numbers from 0
  closed_at TEXT,                                -- when it was answered, expired or cancelled
  reason TEXT                                    -- why it expired, was cancelled or went up
) STRICT;
CREATE INDEX questions_by_status ON questions(status, created_at);
CREATE INDEX questions_by_age ON questions(created_at, id);
CREATE INDEX questions_expire ON questions(deadline) WHERE status = 'pending' AND deadline IS NOT NULL;
CREATE INDEX questions_go_up ON questions(goes_up_at) WHERE status = 'pending' AND NOT with_operator AND goes_up_at IS NOT NULL;
CREATE INDEX questions_by_asker ON questions(asker_id, status);
CREATE INDEX questions_by_recipient ON questions(recipient_id, status);

CREATE TABLE reminders(
  id TEXT PRIMARY KEY,
  agent TEXT NOT NULL,
  agent_id TEXT NOT NULL,
  made_by TEXT NOT NULL,                         -- the agent's own name, or operator
  text TEXT NOT NULL,
  status TEXT NOT NULL CHECK (status IN ('pending', 'sent', 'done', 'failed', 'cancelled')),
  created_at TEXT NOT NULL,
  due_at TEXT NOT NULL,
  attempts INTEGER NOT NULL DEFAULT 0,           -- deliveries that were begun
  error TEXT,                                    -- of the last attempt that came to nothing
  message_id TEXT,                               -- what carries it
  closed_at TEXT
) STRICT;
CREATE INDEX reminders_due ON reminders(due_at) WHERE status = 'pending';
CREATE INDEX reminders_by_agent ON reminders(agent_id, status);

-- Approvals: twins by what is asked, and what answered them.
ALTER TABLE approvals ADD COLUMN input_hash TEXT;               -- tool_use: SHA-256 of tool and exact input
ALTER TABLE approvals ADD COLUMN answered_by_rule TEXT;         -- the rule that decided it
ALTER TABLE approvals ADD COLUMN answered_by_grant TEXT;        -- the orphan's approval that decided it
CREATE INDEX approvals_by_input ON approvals(requester_id, input_hash) WHERE input_hash IS NOT NULL;
CREATE INDEX approvals_by_age ON approvals(kind, created_at);

ALTER TABLE approvals ADD COLUMN orphaned INTEGER NOT NULL DEFAULT 0;   -- it was an orphan, whatever became of it
ALTER TABLE approvals ADD COLUMN heard INTEGER NOT NULL DEFAULT 0;      -- tool_use: its harness has written the decision down
UPDATE approvals SET orphaned = 1 WHERE status = 'orphaned';
UPDATE approvals SET heard = 1 WHERE status IN ('approved', 'denied');

-- A one-shot yes: what was approved and its agent never heard, until it asks the same again.
CREATE TABLE grants(
  id TEXT PRIMARY KEY,                           -- the approval that left it
  agent_id TEXT NOT NULL,
  tool TEXT NOT NULL,
  input_hash TEXT NOT NULL,
  created_at TEXT NOT NULL,
  used_at TEXT,
  used_by TEXT                                   -- the approval that it answered
) STRICT;
CREATE INDEX grants_unused ON grants(agent_id, input_hash) WHERE used_at IS NULL;

CREATE TABLE rules(
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('agent', 'colony', 'hive')),
  agent TEXT,                                    -- scope agent: whose; its name, for reading
  agent_id TEXT,
  colony TEXT,                                   -- scope colony: whose
  tool TEXT NOT NULL,                            -- a name or a glob
  pattern TEXT NOT NULL,                         -- '*': any input
  verdict TEXT NOT NULL CHECK (verdict IN ('allow', 'deny')),
  reason TEXT,
  source TEXT NOT NULL CHECK (source IN ('operator', 'remembered', 'agent.toml')),
  made_from TEXT,                                -- remembered: the approval
  created_at TEXT NOT NULL,
  created_by_json TEXT NOT NULL,
  expires_at TEXT,
  hits INTEGER NOT NULL DEFAULT 0,
  last_hit_at TEXT,
  revoked_at TEXT,
  revoked_by_json TEXT
) STRICT;
CREATE INDEX rules_in_force ON rules(scope, agent_id) WHERE revoked_at IS NULL;

CREATE TABLE budgets(
  id TEXT PRIMARY KEY,
  scope TEXT NOT NULL CHECK (scope IN ('agent', 'tree', 'hive')),
  agent TEXT,                                    -- whose, or the tree's root; NULL: the hive's
  agent_id TEXT,
  "window" TEXT NOT NULL CHECK ("window" IN ('hour', 'day', 'total')),
  usd REAL,                                      -- at least one of the three
  tokens INTEGER,
  turns INTEGER,
  raised_usd REAL NOT NULL DEFAULT 0,            -- on top, in the window that raised_for names
  raised_tokens INTEGER NOT NULL DEFAULT 0,
  raised_turns INTEGER NOT NULL DEFAULT 0,
  raised_for TEXT,                               -- YYYY-MM-DD, YYYY-MM-DDTHH or total
  source TEXT NOT NULL CHECK (source IN ('operator', 'agent.toml')),
  created_at TEXT NOT NULL,
  over_since TEXT,                               -- somebody has been stopped by it, and waits
  over_for TEXT                                  -- the window in which that was last looked at, as in raised_for
) STRICT;
CREATE UNIQUE INDEX budgets_one ON budgets(scope, coalesce(agent_id, ''), "window");

-- The limits that agents were made with hold from now on; ids are UUIDv7.
INSERT INTO budgets(id, scope, agent, agent_id, "window", usd, tokens, turns, source, created_at)
SELECT printf('%08x-%04x-7%03x-%04x-%012x', ms >> 16, ms & 65535, random() & 4095, 32768 + (random() & 16383),
    random() & 281474976710655), 'agent', name, id, "window", usd, tokens, turns, 'agent.toml', at
FROM (
  SELECT name, id, 'day' AS "window",
    CASE WHEN json_type(spec_json, '$.limits.usd_per_day') IN ('integer', 'real')
      THEN json_extract(spec_json, '$.limits.usd_per_day') END AS usd,
    CASE WHEN json_type(spec_json, '$.limits.tokens_per_day') = 'integer'
      THEN json_extract(spec_json, '$.limits.tokens_per_day') END AS tokens,
    NULL AS turns FROM agents
  UNION ALL
  SELECT name, id, 'hour', NULL, NULL,
    CASE WHEN json_type(spec_json, '$.limits.turns_per_hour') = 'integer'
      THEN json_extract(spec_json, '$.limits.turns_per_hour') END FROM agents
), (SELECT CAST((julianday('now') - 2440587.5) * 86400000 AS INTEGER) AS ms, strftime('%Y-%m-%dT%H:%M:%fZ', 'now') AS at)
WHERE coalesce(usd, tokens, turns) IS NOT NULL AND coalesce(usd, 0) >= 0 AND coalesce(tokens, 0) >= 0
  AND coalesce(turns, 0) >= 0;

-- What was spent by the hour, for budgets of an hour; of more than two days ago it is deleted.
CREATE TABLE spend_hours(
  agent_id TEXT NOT NULL REFERENCES agents(id) ON DELETE CASCADE,
  hour TEXT NOT NULL,                            -- UTC, YYYY-MM-DDTHH
  turns INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  usd REAL,
  estimated INTEGER NOT NULL DEFAULT 0,
  PRIMARY KEY (agent_id, hour)
) STRICT, WITHOUT ROWID;
-- What was spent in all: the sum of spend by agent, kept beside it because budgets and views ask for it at every turn.
CREATE TABLE spend_totals(
  agent_id TEXT PRIMARY KEY REFERENCES agents(id) ON DELETE CASCADE,
  turns INTEGER NOT NULL DEFAULT 0,
  tokens INTEGER NOT NULL DEFAULT 0,
  usd REAL,
  estimated INTEGER NOT NULL DEFAULT 0
) STRICT, WITHOUT ROWID;
INSERT INTO spend_totals SELECT agent_id, sum(turns), sum(tokens), sum(usd), max(estimated) FROM spend GROUP BY agent_id;
CREATE INDEX agents_by_parent ON agents(parent);     -- a spawn tree, from its root down

CREATE INDEX audit_by_subject ON audit(subject);

-- The audit's end: without it a cut-off tail would leave a chain that still holds.
CREATE TABLE audit_head(
  one INTEGER PRIMARY KEY CHECK (one = 1),
  seq INTEGER NOT NULL,
  hash TEXT NOT NULL
) STRICT;
INSERT INTO audit_head(one, seq, hash) SELECT 1, seq, hash FROM audit ORDER BY seq DESC LIMIT 1;

-- One notification per thing, whatever restarts: what waited before this schema is not news.
ALTER TABLE waiting ADD COLUMN notified_at TEXT;
UPDATE waiting SET notified_at = since;
CREATE INDEX waiting_by_agent ON waiting(agent);     -- each agent's view counts its own
CREATE INDEX waiting_untold ON waiting(since) WHERE notified_at IS NULL;

ALTER TABLE agents ADD COLUMN over_budget TEXT;                 -- the budget that stopped its last claim
ALTER TABLE agents ADD COLUMN over_budget_since TEXT;
ALTER TABLE agents ADD COLUMN files_behind INTEGER NOT NULL DEFAULT 0;  -- its model, effort and mode files are still to be written

-- What was refused of an agent's last events, until the harness is known to have been told: [{"event_id", "refused": wire.messages.RefusedMessage}].
ALTER TABLE journals ADD COLUMN refused_json TEXT;
