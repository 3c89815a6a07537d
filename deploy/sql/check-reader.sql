-- The role that reads a target: it can look at the tables of a schema and at nothing else, and it can change nothing.
-- Run it in each database that has checks, as the owner of its tables (who must be allowed to create roles) or as a
-- superuser. It may be run again, for example after new tables were made by somebody else.
--
--   psql -v ON_ERROR_STOP=1 -1 -d shop -f deploy/sql/check-reader.sql
--   psql -d shop -c '\password integritybot_reader'
--
-- Schemas other than public: repeat the three statements that name public. Only some tables: replace ALL TABLES by
-- their names and leave the default privileges out; a check of another table then says what it may not read.
--
-- Row-level security: this role sees only the rows that its policies let it see, so that a check would judge only
-- those. Where a checked table has policies, add: ALTER ROLE integritybot_reader BYPASSRLS;

DO $$
BEGIN
    IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'integritybot_reader') THEN
        CREATE ROLE integritybot_reader LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION CONNECTION LIMIT 20;
    END IF;
    EXECUTE format('GRANT CONNECT ON DATABASE %I TO integritybot_reader', current_database());
END
$$;

GRANT USAGE ON SCHEMA public TO integritybot_reader;
GRANT SELECT ON ALL TABLES IN SCHEMA public TO integritybot_reader;
-- Tables that the role running this script makes later.
ALTER DEFAULT PRIVILEGES IN SCHEMA public GRANT SELECT ON TABLES TO integritybot_reader;

-- Lets the bot see how busy the database is and who waits for whom, so that it can slow down: the statistics views
-- hide other roles' sessions otherwise. It gives no access to rows of tables. Without it the checks still run.
DO $$
BEGIN
    GRANT pg_read_all_stats TO integritybot_reader;
EXCEPTION WHEN insufficient_privilege THEN
    RAISE WARNING 'a superuser has to run: GRANT pg_read_all_stats TO integritybot_reader;';
END
$$;

-- Defaults of every session. The grants above are what protects; these limit what a mistake costs. The bot sets its
-- own, shorter ones per statement.
ALTER ROLE integritybot_reader SET default_transaction_read_only = on;
ALTER ROLE integritybot_reader SET statement_timeout = '60s';
ALTER ROLE integritybot_reader SET lock_timeout = '1s';
ALTER ROLE integritybot_reader SET idle_in_transaction_session_timeout = '120s';
