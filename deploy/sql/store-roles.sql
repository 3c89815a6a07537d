-- Roles for the bot's own database, the store. Run it once, in the store's database, as its owner (who must be allowed
-- to create roles) or as a superuser, BEFORE the first "integritybot migrate":
--
--   createdb integritybot
--   psql -v ON_ERROR_STOP=1 -1 -d integritybot -f deploy/sql/store-roles.sql
--   psql -d integritybot -c '\password integritybot_owner' -c '\password integritybot_runtime'
--
--   STORE_OWNER_DSN  integritybot_owner    owns the tables; only "integritybot migrate" uses it
--   STORE_DSN        integritybot_runtime  what the bot runs as: it can add to the audit trail but not change it
--
-- It may be run again; it changes nothing then. The roles have no password until one is set.

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'integritybot_owner') THEN
        CREATE ROLE integritybot_owner LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'integritybot_runtime') THEN
        CREATE ROLE integritybot_runtime LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE;
    END IF;
    -- Nobody else comes in. The owner may make schemas; the runtime role may make nothing, not even temporary tables.
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    EXECUTE format('GRANT CONNECT, CREATE, TEMPORARY ON DATABASE %I TO integritybot_owner', current_database());
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO integritybot_runtime', current_database());
END
$$;

REVOKE ALL ON SCHEMA public FROM PUBLIC;
GRANT USAGE, CREATE ON SCHEMA public TO integritybot_owner;
GRANT USAGE ON SCHEMA public TO integritybot_runtime;

-- What the runtime role may do with each table is granted by "integritybot migrate", table by table.

-- A runaway of the bot must not hold the store.
ALTER ROLE integritybot_runtime SET idle_in_transaction_session_timeout = '60s';
