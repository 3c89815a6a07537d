-- +goose Up

-- The audit log. body is the exact text that was hashed; what is readable beside it is generated from it, so it cannot
-- differ. Nothing here is ever changed: the trigger refuses it to everybody, and the runtime role has no right to try.
CREATE TABLE audit_events (
    seq      bigint PRIMARY KEY CHECK (seq > 0),
    at       timestamptz NOT NULL,
    body     text NOT NULL,
    prev     bytea NOT NULL CHECK (octet_length(prev) = 32),
    hash     bytea NOT NULL CHECK (octet_length(hash) = 32),
    request  text GENERATED ALWAYS AS (body::json ->> 'request') STORED,
    actor    text GENERATED ALWAYS AS (body::json -> 'actor' ->> 'user') STORED,
    source   text GENERATED ALWAYS AS (body::json ->> 'source') STORED,
    channel  text GENERATED ALWAYS AS (body::json ->> 'channel') STORED,
    incident text GENERATED ALWAYS AS (body::json ->> 'incident') STORED,
    action   text GENERATED ALWAYS AS (body::json ->> 'action') STORED,
    target   text GENERATED ALWAYS AS (body::json ->> 'target') STORED,
    decision text GENERATED ALWAYS AS (body::json ->> 'decision') STORED,
    outcome  text GENERATED ALWAYS AS (body::json ->> 'outcome') STORED
);
CREATE INDEX audit_events_at ON audit_events (at);
CREATE INDEX audit_events_actor ON audit_events (actor, seq) WHERE actor IS NOT NULL;
CREATE INDEX audit_events_incident ON audit_events (incident, seq) WHERE incident IS NOT NULL;

-- +goose StatementBegin
CREATE FUNCTION audit_refuse() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% on % is refused: the audit log is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'insufficient_privilege';
END $$;
-- +goose StatementEnd

CREATE TRIGGER audit_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_events
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- The end of the chain. Its one row is the lock that puts appends in order.
CREATE TABLE audit_head (
    one  boolean PRIMARY KEY DEFAULT true CHECK (one),
    size bigint NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32)
) WITH (fillfactor = 20);
INSERT INTO audit_head (size, hash) VALUES (0, decode(repeat('00', 32), 'hex'));

-- Signed notes: so many events, ending in this hash.
CREATE TABLE audit_checkpoints (
    id   bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    size bigint NOT NULL,
    at   timestamptz NOT NULL,
    note text NOT NULL
);
CREATE INDEX audit_checkpoints_size ON audit_checkpoints (size);
CREATE TRIGGER audit_checkpoints_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION audit_refuse();

-- Requests that were acted on, so that a second delivery of one does nothing.
CREATE TABLE inbox (
    key text PRIMARY KEY,
    at  timestamptz NOT NULL
);
CREATE INDEX inbox_at ON inbox (at);

CREATE SEQUENCE run_numbers START 1001;

-- A run: what was asked, how far it is, and who may carry it on. epoch counts the claims; whoever holds an older one
-- can no longer write.
CREATE TABLE runs (
    id         bigint PRIMARY KEY,
    asked      json NOT NULL,
    state      text NOT NULL DEFAULT 'queued' CHECK (state IN ('queued', 'running', 'done', 'stopped', 'failed')),
    reason     text NOT NULL DEFAULT '',
    stop_by    text NOT NULL DEFAULT '',
    epoch      bigint NOT NULL DEFAULT 0,
    holder     text NOT NULL DEFAULT '',
    lease      timestamptz NOT NULL DEFAULT '-infinity',
    crashes    integer NOT NULL DEFAULT 0,
    enqueued   timestamptz NOT NULL,
    created    timestamptz NOT NULL,
    started    timestamptz,
    finished   timestamptz
) WITH (fillfactor = 50);
CREATE INDEX runs_open ON runs (id) WHERE state IN ('queued', 'running');
CREATE INDEX runs_finished ON runs (finished) WHERE finished IS NOT NULL;

-- One check of a run: its journal, and the measures of its file.
CREATE TABLE run_checks (
    run    bigint NOT NULL REFERENCES runs,
    name   text NOT NULL,
    state  json NOT NULL,
    done   boolean NOT NULL,
    saves  bigint NOT NULL,
    chunks integer NOT NULL DEFAULT 0,
    rows   bigint NOT NULL DEFAULT 0,
    bytes  bigint NOT NULL DEFAULT 0,
    PRIMARY KEY (run, name)
) WITH (fillfactor = 50);

-- The complete list of failing rows: CSV lines in order, without the header.
CREATE TABLE run_rows (
    run   bigint NOT NULL,
    name  text NOT NULL,
    chunk integer NOT NULL,
    body  bytea NOT NULL,
    PRIMARY KEY (run, name, chunk)
);

CREATE SEQUENCE post_turns;

-- Messages as they should stand in Slack, and their files (file <> ''). turn is the place in the channel's order since
-- there was something to send; needs is the key of the message that has to be sent before.
CREATE TABLE posts (
    id           bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    key          text NOT NULL,
    file         text NOT NULL DEFAULT '',
    channel      text NOT NULL,
    needs        text NOT NULL DEFAULT '',
    only_to      text NOT NULL DEFAULT '',
    desired      json NOT NULL,
    final        boolean NOT NULL,
    version      bigint NOT NULL DEFAULT 1,
    sent_version bigint NOT NULL DEFAULT 0,
    state        text NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'failed')),
    turn         bigint NOT NULL DEFAULT nextval('post_turns'),
    ts           text NOT NULL DEFAULT '',
    root         text NOT NULL DEFAULT '',
    unknown      boolean NOT NULL DEFAULT false,
    tried        timestamptz,
    attempts     integer NOT NULL DEFAULT 0,
    not_before   timestamptz NOT NULL DEFAULT '-infinity',
    file_id      text NOT NULL DEFAULT '',
    reason       text NOT NULL DEFAULT '',
    created      timestamptz NOT NULL,
    updated      timestamptz NOT NULL,
    UNIQUE (key, file)
) WITH (fillfactor = 70);
CREATE INDEX posts_waiting ON posts (channel, turn) WHERE state = 'waiting';
CREATE INDEX posts_updated ON posts (updated) WHERE state <> 'waiting';

-- The pace of each channel, and who is sending to it. claim is the fencing number.
CREATE TABLE channels (
    channel       text PRIMARY KEY,
    claim         bigint NOT NULL DEFAULT 0,
    claimed_until timestamptz NOT NULL DEFAULT '-infinity',
    not_before    timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 50);

-- +goose Down
DROP TABLE channels, posts, run_rows, run_checks, runs, inbox, audit_checkpoints, audit_head, audit_events;
DROP SEQUENCE post_turns, run_numbers;
DROP FUNCTION audit_refuse();
