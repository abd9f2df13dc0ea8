CREATE SCHEMA IF NOT EXISTS hangar_auth;
-- What was tried how often in a window of time. Shared by all nodes; not worth surviving a crash of the database.
CREATE UNLOGGED TABLE hangar_auth.counters (
    key text PRIMARY KEY,
    count bigint NOT NULL,
    ends timestamptz NOT NULL
);
CREATE INDEX counters_ends ON hangar_auth.counters (ends);
