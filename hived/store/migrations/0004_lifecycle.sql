ALTER TABLE agents ADD COLUMN paused INTEGER NOT NULL DEFAULT 0;        -- wanted paused; lifecycle says whether it is
ALTER TABLE agents ADD COLUMN pause_cause TEXT;                         -- who paused it, or let it go on, as its lifecycle says it
ALTER TABLE agents ADD COLUMN frozen INTEGER NOT NULL DEFAULT 0;        -- its harness has said that everything of it stands still
ALTER TABLE agents ADD COLUMN kill_wanted INTEGER NOT NULL DEFAULT 0;   -- wanted stopped, by KILL and at once
ALTER TABLE agents ADD COLUMN bury_wanted INTEGER NOT NULL DEFAULT 0;   -- wanted stopped, then buried
ALTER TABLE agents ADD COLUMN bury_json TEXT;                           -- wanted buried: core.tombstones.Burial, who said so and why
ALTER TABLE agents ADD COLUMN purge_json TEXT;                          -- wanted gone: core.purges.Wish, who said so and how far it is
ALTER TABLE agents ADD COLUMN buried_json TEXT;                         -- wire.tombstones.Tombstone, as it was at its burial
ALTER TABLE agents ADD COLUMN commit_sha TEXT;                          -- of applied/<name>: what its generations run; NULL: not built yet
ALTER TABLE agents ADD COLUMN good_sha TEXT;                            -- the last one that was deployed: where a rollback goes
ALTER TABLE agents ADD COLUMN work_json TEXT;                           -- wire.work.WorkState, as last looked at

CREATE TABLE lifecycle_log(                                             -- the newest 50 of each agent: why it is as it is
  seq INTEGER PRIMARY KEY AUTOINCREMENT,
  agent_id TEXT NOT NULL REFERENCES agents(id) ON DELETE CASCADE,
  at TEXT NOT NULL,
  state TEXT NOT NULL,
  cause TEXT NOT NULL,
  generation INTEGER NOT NULL,
  pid INTEGER
) STRICT;
CREATE INDEX lifecycle_log_by_agent ON lifecycle_log(agent_id, seq);

CREATE TABLE deployments(
  id TEXT PRIMARY KEY,
  agent_id TEXT NOT NULL,                        -- no reference: what ran is kept when its agent is purged
  agent TEXT NOT NULL,
  kind TEXT NOT NULL,                            -- wire.deployments.DeploymentKind
  status TEXT NOT NULL,                          -- wire.deployments.DeploymentStatus
  step TEXT,                                     -- failed: at which
  commit_sha TEXT,                               -- NULL until a spawn's first commit is made
  base_sha TEXT,                                 -- what ran before
  approval_id TEXT,
  actor_json TEXT NOT NULL,
  note TEXT,                                     -- what the commit says, or why it was asked for
  reason TEXT,                                   -- failed or superseded: why
  engine TEXT NOT NULL,
  model TEXT NOT NULL,
  runtime TEXT NOT NULL,
  generation INTEGER,                            -- starting: must be outlived; checking: is watched
  checked_from TEXT,                             -- checking: since when it is watched
  change_json TEXT,                              -- rebuild: wire.agents.Rebuild; its commit is made of it
  before_json TEXT,                              -- starting, checking: what a failure goes back to
  recorded INTEGER NOT NULL DEFAULT 0,           -- its commit in meta/ and its tag are made
  log TEXT NOT NULL DEFAULT '',                  -- of its setup, its end
  created_at TEXT NOT NULL,
  started_at TEXT,
  ended_at TEXT
) STRICT;
CREATE INDEX deployments_unrecorded ON deployments(created_at) WHERE NOT recorded AND status IN ('deployed', 'failed');
CREATE INDEX deployments_by_agent ON deployments(agent_id, created_at);
CREATE INDEX deployments_open ON deployments(status) WHERE status IN ('queued', 'building', 'starting', 'checking');
