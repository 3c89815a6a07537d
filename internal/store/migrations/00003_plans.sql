-- +goose Up

-- A plan: what was asked, which never changes, where it stands, and what its preview shows. asked, draft, forms and
-- outcome are JSON of the program's own. run applies it; undone_by is the plan that took it back.
CREATE TABLE plans (
    id         bigint PRIMARY KEY,
    asked      json NOT NULL,
    state      text NOT NULL DEFAULT 'planning' CHECK (state IN ('planning', 'waiting', 'approved', 'applying', 'applied',
                   'partly applied', 'failed', 'expired', 'cancelled', 'refused', 'undone')),
    draft      json,
    forms      json,
    hash       text NOT NULL DEFAULT '',
    digest     text NOT NULL DEFAULT '',
    batches    integer NOT NULL DEFAULT 0,
    header     bytea NOT NULL DEFAULT '',
    pieces     integer NOT NULL DEFAULT 0,
    bytes      bigint NOT NULL DEFAULT 0,
    expires    timestamptz,
    second     boolean NOT NULL DEFAULT false,
    why        text NOT NULL DEFAULT '',
    decided_by text NOT NULL DEFAULT '',
    decided_at timestamptz,
    reason     text NOT NULL DEFAULT '',
    outcome    json,
    run        bigint NOT NULL DEFAULT 0,
    undone_by  bigint NOT NULL DEFAULT 0,
    created    timestamptz NOT NULL,
    finished   timestamptz
) WITH (fillfactor = 50);
CREATE INDEX plans_waiting ON plans (expires) WHERE state = 'waiting';
CREATE INDEX plans_finished ON plans (finished) WHERE finished IS NOT NULL;

-- What a plan changes, one row for each transaction in the target. Written once, in the transaction that makes the plan
-- wait for a decision, and never changed.
CREATE TABLE plan_batches (
    plan bigint NOT NULL REFERENCES plans,
    n    integer NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (plan, n)
);

-- The complete plan for people: CSV lines in order, without the header.
CREATE TABLE plan_rows (
    plan  bigint NOT NULL REFERENCES plans,
    piece integer NOT NULL,
    body  bytea NOT NULL,
    PRIMARY KEY (plan, piece)
);

-- What a run does beside or instead of looking: '' | plan | apply | verify. Runs that work for a plan have a queue of their
-- own, so that nobody who pressed a button waits for long checks, and replicas of the version before do not take them.
ALTER TABLE runs ADD COLUMN step text NOT NULL DEFAULT '';

-- What this store is called in the records that the bot leaves in other databases, so that two bots do not take each
-- other's plans for their own.
CREATE TABLE store_identity (
    one boolean PRIMARY KEY DEFAULT true CHECK (one),
    id  text NOT NULL
);
INSERT INTO store_identity (id) VALUES (gen_random_uuid()::text);

-- +goose Down
ALTER TABLE runs DROP COLUMN step;
DROP TABLE store_identity, plan_rows, plan_batches, plans;
