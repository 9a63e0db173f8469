ALTER TABLE agents ADD COLUMN effort TEXT;                      -- NULL: the engine's own
ALTER TABLE agents ADD COLUMN permission_mode TEXT;             -- NULL: what its agent.toml says
ALTER TABLE agents ADD COLUMN models_json TEXT NOT NULL DEFAULT '[]';   -- what its engine offers, as it last said
ALTER TABLE agents ADD COLUMN session_json TEXT NOT NULL DEFAULT '{}';  -- wire.agents.AgentSession
ALTER TABLE agents ADD COLUMN login_json TEXT;                  -- wire.agents.LoginView: the last attempt
ALTER TABLE agents ADD COLUMN turn_until TEXT;                  -- it naps until then
ALTER TABLE agents ADD COLUMN last_turn_id TEXT;                -- the turn that last_outcome is of
ALTER TABLE messages ADD COLUMN held_outcome TEXT;              -- held: of the turn that it was held for
ALTER TABLE agents ADD COLUMN model_set TEXT;                   -- what its model file says; `model` is what its engine calls it
UPDATE agents SET model_set = model;
UPDATE agents SET session_json = json_object('state', 'kept', 'id', session_id) WHERE session_id IS NOT NULL;
