-- +goose Up

-- An incident: one document of the program's own (state), in which everything stands that is true of it; the columns beside
-- it are what is asked for in SQL. It is changed only from one version to the next. Of one key and of one channel one
-- incident is held: it is not over, or in its soak. Until lease, holder alone talks to Slack about its channel.
CREATE TABLE incidents (
    id      bigint PRIMARY KEY,
    key     text NOT NULL CHECK (key <> ''),
    channel text NOT NULL DEFAULT '',
    held    boolean NOT NULL,
    status  text NOT NULL,
    run     bigint NOT NULL DEFAULT 0,
    state   json NOT NULL,
    version bigint NOT NULL,
    holder  text NOT NULL DEFAULT '',
    lease   timestamptz NOT NULL DEFAULT '-infinity',
    opened  timestamptz NOT NULL,
    updated timestamptz NOT NULL
) WITH (fillfactor = 50);
CREATE UNIQUE INDEX incidents_held_key ON incidents (key) WHERE held;
CREATE UNIQUE INDEX incidents_held_channel ON incidents (channel) WHERE held AND channel <> '';
CREATE INDEX incidents_held ON incidents (id) WHERE held;
CREATE INDEX incidents_updated ON incidents (updated);
CREATE INDEX incidents_channel ON incidents (channel, id) WHERE channel <> '';

-- Names of channels. Each belongs to one incident for ever.
CREATE TABLE incident_names (
    name     text PRIMARY KEY,
    incident bigint NOT NULL REFERENCES incidents,
    at       timestamptz NOT NULL
);

-- What the timeline has beside the audit log: messages and notes. What is changed later is another revision; no row is ever
-- changed or removed.
CREATE TABLE incident_entries (
    incident bigint NOT NULL REFERENCES incidents,
    key      text NOT NULL,
    revision integer NOT NULL CHECK (revision > 0),
    at       timestamptz NOT NULL,
    noted    timestamptz NOT NULL,
    body     json NOT NULL,
    PRIMARY KEY (incident, key, revision)
);

-- Messages to be looked at, because something happened to them. Who holds the oldest sighting of a message looks at it.
CREATE TABLE incident_sightings (
    id       bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    event    text NOT NULL UNIQUE,
    incident bigint NOT NULL REFERENCES incidents,
    channel  text NOT NULL,
    ts       text NOT NULL,
    kind     text NOT NULL,
    at       timestamptz NOT NULL,
    holder   text NOT NULL DEFAULT '',
    lease    timestamptz NOT NULL DEFAULT '-infinity'
) WITH (fillfactor = 70);
CREATE INDEX incident_sightings_message ON incident_sightings (channel, ts, id);

-- Notices that were sent, as they were previewed: under one seal once. No row is ever changed or removed.
CREATE TABLE notices (
    id       bigint PRIMARY KEY,
    incident bigint NOT NULL REFERENCES incidents,
    seal     text NOT NULL CONSTRAINT notices_seal UNIQUE,
    body     json NOT NULL,
    at       timestamptz NOT NULL
);
CREATE INDEX notices_incident ON notices (incident, id);

-- What becomes of each letter of a notice at each destination. claim is the fencing number of who is
-- sending it until lease; begun: the call that sends it was begun, so that its outcome is not known.
CREATE TABLE notice_deliveries (
    notice     bigint NOT NULL REFERENCES notices,
    n          integer NOT NULL CHECK (n > 0),
    incident   bigint NOT NULL REFERENCES incidents,
    audience   text NOT NULL,
    kind       text NOT NULL,
    dest       text NOT NULL,
    via        text NOT NULL,
    state      text NOT NULL CHECK (state IN ('waiting', 'handed', 'delivered', 'refused', 'unclear', 'not sent')),
    attempts   integer NOT NULL DEFAULT 0,
    reason     text NOT NULL DEFAULT '',
    at         timestamptz NOT NULL,
    not_before timestamptz NOT NULL DEFAULT '-infinity',
    claim      bigint NOT NULL DEFAULT 0,
    lease      timestamptz NOT NULL DEFAULT '-infinity',
    begun      boolean NOT NULL DEFAULT false,
    PRIMARY KEY (notice, n)
) WITH (fillfactor = 70);
CREATE INDEX notice_deliveries_incident ON notice_deliveries (incident, notice, n);
CREATE INDEX notice_deliveries_waiting ON notice_deliveries (not_before, notice, n) WHERE state = 'waiting';
CREATE INDEX notice_deliveries_handed ON notice_deliveries (notice, n) WHERE state = 'handed';
CREATE INDEX notice_deliveries_at ON notice_deliveries (at);

-- Notices that were previewed and not sent yet, under the hash of all that they would send.
CREATE TABLE incident_drafts (
    seal text PRIMARY KEY,
    body json NOT NULL,
    made timestamptz NOT NULL
);
CREATE INDEX incident_drafts_made ON incident_drafts (made);

-- Which incident a run or a plan belongs to; 0: none. The columns beside it are by which one that is opened later takes over
-- what is still open: where it was asked, the domain of a plan, and the run in whose thread a plan stands.
ALTER TABLE runs ADD COLUMN incident bigint NOT NULL DEFAULT 0, ADD COLUMN channel text NOT NULL DEFAULT '';
CREATE INDEX runs_incident ON runs (incident, id) WHERE incident > 0;
ALTER TABLE plans ADD COLUMN incident bigint NOT NULL DEFAULT 0, ADD COLUMN channel text NOT NULL DEFAULT '',
    ADD COLUMN domain text NOT NULL DEFAULT '', ADD COLUMN under bigint NOT NULL DEFAULT 0;
CREATE INDEX plans_incident ON plans (incident, id) WHERE incident > 0;
CREATE INDEX plans_run ON plans (run) WHERE run > 0;
CREATE INDEX plans_open ON plans (id) WHERE state IN ('planning', 'waiting', 'approved', 'applying');

-- +goose Down
DROP INDEX plans_open, plans_run;
ALTER TABLE plans DROP COLUMN incident, DROP COLUMN channel, DROP COLUMN domain, DROP COLUMN under;
ALTER TABLE runs DROP COLUMN incident, DROP COLUMN channel;
DROP TABLE incident_drafts, notice_deliveries, notices, incident_sightings, incident_entries, incident_names, incidents;
