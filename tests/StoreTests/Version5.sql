-- The schema of files that faf0d62 wrote (version 5).
CREATE TABLE requests ( id INTEGER PRIMARY KEY, request_id TEXT NOT NULL, timestamp_us INTEGER NOT NULL, model TEXT, endpoint TEXT NOT NULL, method
  TEXT NOT NULL, category TEXT NOT NULL, prompt TEXT, system TEXT, response TEXT, thinking TEXT, tool_calls TEXT, latency_us INTEGER NOT NULL,
  time_to_first_token_us INTEGER, time_to_headers_us INTEGER, mean_gap_us INTEGER, longest_gap_us INTEGER, input_tokens INTEGER, cached_input_tokens
  INTEGER, output_tokens INTEGER, tokens_estimated INTEGER NOT NULL, tokens_per_second REAL, total_duration_us INTEGER, load_duration_us INTEGER,
  prompt_eval_duration_us INTEGER, eval_duration_us INTEGER, queue_time_us INTEGER, status_code INTEGER, status TEXT NOT NULL, outcome TEXT NOT NULL,
  error TEXT, finish_reason TEXT, stream INTEGER, client_ip TEXT, user_agent TEXT, request_bytes INTEGER NOT NULL, response_bytes INTEGER NOT NULL,
  message_count INTEGER, image_count INTEGER, tool_count INTEGER, context_length INTEGER, temperature REAL, is_inference INTEGER NOT NULL , load_cause
  TEXT, connect_time_us INTEGER, engine_wait_us INTEGER, decode_time_us INTEGER, back_pressure_us INTEGER, prompt_tokens_per_second REAL, error_type
  TEXT, truncation TEXT, application TEXT, target TEXT, max_tokens INTEGER, keep_alive TEXT, tool_call_count INTEGER) STRICT;
CREATE INDEX requests_by_time ON requests (timestamp_us);
CREATE INDEX requests_by_model ON requests (model, timestamp_us);
CREATE INDEX requests_by_client ON requests (client_ip, timestamp_us);
CREATE INDEX requests_unsuccessful ON requests (timestamp_us) WHERE status <> 'success';
CREATE INDEX requests_by_latency ON requests (latency_us);
CREATE INDEX requests_by_first_token ON requests (time_to_first_token_us);
CREATE INDEX requests_by_input_tokens ON requests (input_tokens);
CREATE INDEX requests_by_output_tokens ON requests (output_tokens);
CREATE INDEX requests_by_speed ON requests (tokens_per_second);
CREATE INDEX requests_with_text ON requests (timestamp_us) WHERE prompt IS NOT NULL OR system IS NOT NULL OR response IS NOT NULL OR thinking IS NOT
  NULL OR tool_calls IS NOT NULL;
CREATE TABLE positions (last INTEGER NOT NULL, records INTEGER NOT NULL DEFAULT 0) STRICT;
CREATE TABLE rollups ( hour INTEGER NOT NULL, labels BLOB NOT NULL, sums BLOB NOT NULL, PRIMARY KEY (hour, labels) ) STRICT, WITHOUT ROWID;
CREATE TABLE hours (hour INTEGER PRIMARY KEY, state INTEGER NOT NULL) STRICT;
CREATE TABLE text_parts ( part INTEGER PRIMARY KEY, stale INTEGER NOT NULL, indexed_to INTEGER NOT NULL, oldest_us INTEGER NOT NULL, newest_us INTEGER
  NOT NULL ) STRICT;
CREATE TABLE packs ( id INTEGER PRIMARY KEY, hour INTEGER NOT NULL, keys BLOB NOT NULL, sums BLOB NOT NULL, clients BLOB NOT NULL ) STRICT;
CREATE INDEX packs_by_hour ON packs (hour);
CREATE TABLE client_sums (id INTEGER PRIMARY KEY, sums BLOB NOT NULL) STRICT;
CREATE TRIGGER client_sums_go AFTER DELETE ON packs BEGIN DELETE FROM client_sums WHERE id >= OLD.id * 16384 AND id < (OLD.id + 1) * 16384; END;
INSERT INTO positions (last, records) VALUES (0, 0);
PRAGMA user_version = 5;
