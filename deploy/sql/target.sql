-- What a database needs so that the bot may repair it: its own schema, in which every fix leaves what it did in the same
-- transaction as the change, and the role that makes the changes. Without it fixes are off for this database; checks
-- need none of it (see check-reader.sql).
-- Run it in each database that is to be repaired, as the owner of its tables (who must be allowed to create roles) or as
-- a superuser. It may be run again; it changes nothing then.
--
--   psql -v ON_ERROR_STOP=1 -1 -d shop -f deploy/sql/target.sql
--   psql -d shop -c '\password integritybot_fixer'
--
-- Then grant what may be repaired, table by table, here the runbook's shop. UPDATE is needed for deletes too (to lock the
-- row), INSERT to take a delete back, DELETE to take an insert back:
--
--   GRANT SELECT, INSERT, UPDATE, DELETE ON customers, products, inventory, orders, order_items, payments TO integritybot_fixer;
--
-- Triggers of these tables run with this role's rights: what they write to has to be granted as well, or they have to be
-- SECURITY DEFINER. Schemas other than public: GRANT USAGE ON SCHEMA sales TO integritybot_fixer. Where a table has row
-- security, add ALTER ROLE integritybot_fixer BYPASSRLS, or its hidden rows would pass for gone.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'integritybot_fixer') THEN
        CREATE ROLE integritybot_fixer LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 20;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO integritybot_fixer', current_database());
END
$$;

CREATE SCHEMA IF NOT EXISTS integritybot;
REVOKE ALL ON SCHEMA integritybot FROM PUBLIC;

-- One row per batch and pass of a plan, written in the transaction of its changes: what is here was done, what is not
-- was not. store tells bots apart that share this database. Rows are small and stay.
CREATE TABLE IF NOT EXISTS integritybot.applied (
    store   text        NOT NULL,
    plan    bigint      NOT NULL,
    batch   integer     NOT NULL,
    pass    integer     NOT NULL,
    hash    text        NOT NULL, -- over the whole plan, as it was confirmed
    at      timestamptz NOT NULL DEFAULT now(),
    changed bigint      NOT NULL,
    result  jsonb       NOT NULL, -- with what was left alone, and why
    PRIMARY KEY (store, plan, batch, pass)
);

-- Whole rows as they were before and after each change, in PostgreSQL's own text form, for undo. The bot removes them
-- when its configured time is over.
CREATE TABLE IF NOT EXISTS integritybot.before_image (
    store  text        NOT NULL,
    plan   bigint      NOT NULL,
    batch  integer     NOT NULL,
    pass   integer     NOT NULL,
    n      integer     NOT NULL, -- the change's place in its batch
    grp    integer     NOT NULL DEFAULT 0, -- changes of one group are made, and taken back, together
    tbl    text        NOT NULL,
    key    text[]      NOT NULL,
    op     text        NOT NULL,
    before text,                 -- NULL: there was no such row
    after  text,                 -- NULL: there is no such row any more
    at     timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store, plan, batch, pass, n)
);

-- Rows that a fix took out of their tables without throwing them away, for people to query. Nobody removes them but you.
CREATE TABLE IF NOT EXISTS integritybot.quarantine (
    store text        NOT NULL,
    plan  bigint      NOT NULL,
    batch integer     NOT NULL,
    n     integer     NOT NULL,
    tbl   text        NOT NULL,
    key   text[]      NOT NULL,
    row   jsonb       NOT NULL,
    at    timestamptz NOT NULL DEFAULT now(),
    PRIMARY KEY (store, plan, batch, n)
);

-- Proves a foreign key that was declared NOT VALID, which only a table's owner may do, and nothing else: true if it did,
-- false if it was valid before, NULL if there is no such foreign key. It runs with the rights of whoever ran this script.
CREATE OR REPLACE FUNCTION integritybot.validate_constraint(tbl regclass, name text) RETURNS boolean
    LANGUAGE plpgsql SECURITY DEFINER SET search_path = pg_catalog, pg_temp AS $$
DECLARE
    valid boolean;
BEGIN
    SELECT c.convalidated INTO valid FROM pg_catalog.pg_constraint c
    WHERE c.conrelid = tbl AND c.conname = name AND c.contype = 'f';
    IF valid IS NULL THEN
        RETURN NULL;
    ELSIF valid THEN
        RETURN false;
    END IF;
    EXECUTE format('ALTER TABLE %s VALIDATE CONSTRAINT %I', tbl, name);
    RETURN true;
END
$$;
REVOKE ALL ON FUNCTION integritybot.validate_constraint(regclass, text) FROM PUBLIC;

-- The record can be added to and read, not changed; images can be removed, because they hold rows of people's data.
GRANT USAGE ON SCHEMA public, integritybot TO integritybot_fixer;
GRANT SELECT, INSERT ON integritybot.applied, integritybot.quarantine TO integritybot_fixer;
GRANT SELECT, INSERT, DELETE ON integritybot.before_image TO integritybot_fixer;
GRANT EXECUTE ON FUNCTION integritybot.validate_constraint(regclass, text) TO integritybot_fixer;

-- Lets the bot see how busy the database is, so that it can pause between batches; see check-reader.sql.
DO $$
BEGIN
    GRANT pg_read_all_stats TO integritybot_fixer;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'a superuser has to run: GRANT pg_read_all_stats TO integritybot_fixer;';
END
$$;

-- Off by default: lets confirmed plans cancel statements and end sessions that others wait for (the fix of a check of
-- kind locks). PostgreSQL knows no narrower right than this one, which reaches the sessions of every role of the server
-- but superusers', in all its databases; that the bot ends no other than those of a plan in this database, and never its
-- own, replication or autovacuum, is the bot's promise. A superuser turns it on:
--
--   GRANT pg_signal_backend TO integritybot_fixer;

-- Defaults of every session, which limit what a mistake costs. The bot sets its own.
ALTER ROLE integritybot_fixer SET statement_timeout = '60s';
ALTER ROLE integritybot_fixer SET lock_timeout = '1s';
ALTER ROLE integritybot_fixer SET idle_in_transaction_session_timeout = '30s';
